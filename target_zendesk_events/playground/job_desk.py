"""What Zendesk does with a request about jobs: starts one, and tells how those that it remembers stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .jobs import MOST_UNDER_WAY, Orders
from .refusals import Answer, Refusal, no_record
from .routing import Route, pattern, without_token

if TYPE_CHECKING:
    from .call import Call
    from .custom_objects import CustomObjects
    from .jobs import Jobs

MOST_ITEMS = 100
ACTIONS = {
    "create": dict,
    "update": dict,
    "create_or_update_by_external_id": dict,
    "create_or_update_by_name": dict,
    "delete": str,
    "delete_by_external_id": str,
}
"""Each action, and what an item of it is."""


class JobDesk:
    """Serves jobs and their statuses."""

    def __init__(self, objects: CustomObjects, jobs: Jobs) -> None:
        """Start `jobs` that change records of `objects`."""
        self._objects = objects
        self._jobs = jobs

    def routes(self) -> list[Route]:
        """Every verb and path."""
        start, statuses = "/api/v2/custom_objects/{key}/jobs", "/api/v2/job_statuses"
        show, many = without_token(self.show), without_token(self.show_many)
        return [
            Route("POST", pattern(start), without_token(self.start), "jobs", "write", "support"),
            Route("GET", pattern(statuses + "/show_many"), many, "job_statuses", "read", "support"),
            Route("GET", pattern(statuses + "/{id}"), show, "job_statuses", "read", "support"),
        ]

    def start(self, call: Call) -> Answer:
        """`POST /api/v2/custom_objects/{key}/jobs`."""
        kind, sent = self._objects.find(call.parameters["key"]), call.part("job")
        action, items = _checked(sent)
        started = self._jobs.start(kind, action, items, _orders(call))
        return Answer.of_json({"job_status": _with_url(call, started)}, 201, self._headers())

    def show(self, call: Call) -> Answer:
        """`GET /api/v2/job_statuses/{id}`."""
        found = self._jobs.find(call.parameters["id"])
        if found is None:
            raise no_record()
        return Answer.of_json({"job_status": _with_url(call, found)})

    def show_many(self, call: Call) -> Answer:
        """`GET /api/v2/job_statuses/show_many?ids=`: one that is not known any more is missing."""
        found = [job for one in dict.fromkeys(call.list_of("ids")) if (job := self._jobs.find(one))]
        return Answer.of_json({"job_statuses": [_with_url(call, job) for job in found]})

    def _headers(self) -> dict[str, str]:
        remaining = MOST_UNDER_WAY - self._jobs.under_way()
        return {"zendesk-ratelimit-inflight-jobs": f"total={MOST_UNDER_WAY}; remaining={remaining}; resets=60"}


def _checked(sent: dict[str, Any]) -> tuple[str, list[Any]]:
    action, items = sent.get("action"), sent.get("items")
    if not isinstance(action, str) or action not in ACTIONS:
        raise Refusal(400, "InvalidAction", f"job.action must be one of {', '.join(ACTIONS)}", "error_text")
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise Refusal(400, "InvalidItems", f"job.items must be a list of 1 to {MOST_ITEMS}", "error_text")
    if not all(isinstance(item, ACTIONS[action]) for item in items):
        noun = "objects" if ACTIONS[action] is dict else "ids, as text"
        raise Refusal(400, "InvalidItems", f"The items of {action} must be {noun}", "error_text")
    return action, items


def _orders(call: Call) -> Orders:
    if call.fault is None:
        return Orders()
    fault = call.fault
    return Orders(fault.job, tuple(fault.failed_items), fault.results, fault.message)


def _with_url(call: Call, job: dict[str, Any]) -> dict[str, Any]:
    return {**job, "url": f"{call.base_url}/api/v2/job_statuses/{job['id']}.json"}
