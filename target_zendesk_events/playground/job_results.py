"""The results of a job in the shapes that were seen: Zendesk's documents leave open which of them object jobs have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ResultsShape = Literal["entries", "statuses", "records", "reversed", "fewer", "single", "none"]
RESULTS: tuple[str, ...] = get_args(ResultsShape)


@dataclass(frozen=True)
class Entry:
    """What became of one item: `record` is its id, `error` the code of a failure and `details` its sentence."""

    index: int
    external_id: str | None
    record: str | None = None
    done: str = "Failed"
    error: str | None = None
    details: str | None = None


def results(entries: Sequence[Entry], shape: ResultsShape, record_of: Callable[[str], dict[str, Any]]) -> object:
    """Return what is told of the items.

    `entries`: each with its index; `reversed`: the last first; `fewer`: without the last; `single`: the first alone, in
    place of the list; `none`: nothing; `statuses`: a word for each, without an index; `records`: the whole records.
    """
    if shape == "none":
        return None
    if shape == "statuses":
        return [_status(one) for one in entries]
    if shape == "records":
        return [_record(one, record_of) for one in entries]
    told = [_entry(one) for one in entries]
    return {"reversed": told[::-1], "fewer": told[:-1], "single": told[0]}.get(shape, told)


def _entry(one: Entry) -> dict[str, Any]:
    if one.error is None:
        return {"index": one.index, "id": one.record, "success": True}
    return {"index": one.index, "success": False, "error": one.error, "details": one.details}


def _status(one: Entry) -> dict[str, Any]:
    told = {"id": one.record, "external_id": one.external_id, "status": one.done}
    return told if one.error is None else {**told, "errors": one.details}


def _record(one: Entry, record_of: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    if one.error is not None:
        return {"external_id": one.external_id, "errors": [{"code": one.error, "title": one.details}]}
    whole = one.record is not None and one.done != "Deleted"
    return record_of(str(one.record)) if whole else {"id": one.record, "external_id": one.external_id}
