"""A job of Zendesk's: how to ask how it stands, and what became of each of its items.

Facts: Zendesk's API reference, "Job statuses" and "Custom object records". How an entry of the results says that its
item failed differs by kind of job, so each way that is documented or was seen is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from target_zendesk_events.kinds.request import Content, Request

JOB: Final = Content("job_status", is_list=False)
"""What the answer to the start of a job holds."""
JOBS: Final = Content("job_statuses")
_UNDER_WAY: Final = frozenset({"queued", "working"})
_FAILED: Final = frozenset({"failed", "failure", "error"})


class ItemResult(NamedTuple):
    """What became of one item: `is_done` is None where nobody can say. `message` is in Zendesk's words."""

    is_done: bool | None
    code: str = ""
    message: str = ""
    id: str = ""


class JobStatus(NamedTuple):
    """How a job stands: under way, completed (item by item), or ended as a whole."""

    id: str
    is_under_way: bool
    is_completed: bool
    results: Sequence[Any] = ()
    """As Zendesk gives them."""

    def of_items(self, external_ids: Sequence[str]) -> list[ItemResult]:
        """Return what became of each item of a completed job: by its index, else its external id, else its place."""
        found: dict[int, ItemResult] = {}
        for place, entry in enumerate(self.results):
            index = _index(entry, place, external_ids)
            if isinstance(entry, Mapping) and index is not None:
                found[index] = _result(entry)
        return [found.get(index, ItemResult(None)) for index in range(len(external_ids))]


def status_request(job_ids: Iterable[str]) -> Request:
    """Return the request that asks how some jobs stand."""
    query = urlencode({"ids": ",".join(job_ids)}, quote_via=quote, safe=",")
    return Request("GET", f"/api/v2/job_statuses/show_many?{query}", holds=JOBS)


def statuses_in(payload: Mapping[str, Any]) -> dict[str, JobStatus]:
    """Return the jobs that an answer tells of, by their ids."""
    listed = payload.get(JOBS.name)
    told = (_status(one) for one in listed) if isinstance(listed, list) else ()
    return {one.id: one for one in told if one is not None}


def started_in(payload: Mapping[str, Any]) -> JobStatus | None:
    """Return the job that an answer says was started; None where it does not say which."""
    return _status(payload.get(JOB.name))


def _status(raw: Any) -> JobStatus | None:  # noqa: ANN401 - any JSON value
    if not isinstance(raw, Mapping) or not isinstance(raw.get("id"), str) or not raw["id"]:
        return None
    status, results = raw.get("status"), raw.get("results")
    listed = results if isinstance(results, list) else [] if results is None else [results]
    is_known = status in {*_UNDER_WAY, "completed", "failed", "killed"}
    is_final = is_known or bool(listed) or bool(raw.get("message"))
    return JobStatus(raw["id"], status in _UNDER_WAY or not is_final, status == "completed", listed)


def _index(entry: Any, place: int, external_ids: Sequence[str]) -> int | None:  # noqa: ANN401 - any JSON value
    """Return whose result it is; None where it is nobody's."""
    told = entry.get("index") if isinstance(entry, Mapping) else None
    if isinstance(told, int) and not isinstance(told, bool):
        return told if 0 <= told < len(external_ids) else None
    named = entry.get("external_id") if isinstance(entry, Mapping) else None
    if isinstance(named, str) and named in external_ids:
        return external_ids.index(named)
    return place if place < len(external_ids) else None


def _result(entry: Mapping[str, Any]) -> ItemResult:
    status, error, errors = entry.get("status"), entry.get("error"), entry.get("errors")
    is_failed = entry.get("success") is False or bool(error) or bool(errors)
    is_failed = is_failed or (isinstance(status, str) and status.casefold() in _FAILED)
    number = entry.get("id")
    if not is_failed:
        return ItemResult(is_done=True, id="" if number is None else str(number))
    code = error if isinstance(error, str) else ""
    words = next((one for one in (entry.get("details"), errors, error, status) if one), "")
    return ItemResult(is_done=False, code=code, message=str(words))
