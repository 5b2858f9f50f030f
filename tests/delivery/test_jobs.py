"""The jobs under way: how many, when they are asked for, and what became of each shipment in them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from target_zendesk_events.delivery.jobs import MAX_MISSES, MAX_OPEN, MAX_WAIT_SECONDS, Jobs
from target_zendesk_events.delivery.shipment import OpenRecord, OpenShipment
from target_zendesk_events.kinds.deletion import RecordDeletion
from target_zendesk_events.kinds.job import ItemResult, JobStatus, statuses_in
from target_zendesk_events.kinds.object_record import ObjectRecord
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.outcome.checkpoints import Checkpoints
from target_zendesk_events.work import Match, Work

BEGAN = 1_000.0
DONE = ItemResult(is_done=True)
NOBODY_KNOWS = ItemResult(None)


def shipment(number: int, given: Shipment | None = None) -> OpenShipment:
    """Return a shipment of one record of an object, unless something else is given."""
    what = given or ObjectRecord("subscription", f"s-{number}", {"plan": "gold"})
    work = Work(b"{}", "subscriptions", "subscriptions", matches=[Match("rule", what)])
    position = Checkpoints(per_stream=False).arrive("subscriptions")
    return OpenShipment(OpenRecord(work, position, 1), work.matches[0], what, b"key", lambda: None)


def queued(job_id: str = "j") -> JobStatus:
    """Return how a job stands at its start."""
    return JobStatus(job_id, is_under_way=True, is_completed=False)


def told(job_id: str = "j", **status: Any) -> dict[str, JobStatus]:
    """Return what an answer says of one job."""
    return statuses_in({"job_statuses": [{"id": job_id, **status}]})


def started(count: int = 2, *, max_seconds: float = 900.0) -> tuple[Jobs, list[OpenShipment]]:
    """Return jobs of which one, of so many shipments, is under way."""
    jobs, shipments = Jobs(max_seconds), [shipment(number) for number in range(count)]
    jobs.add(queued(), shipments, BEGAN)
    return jobs, shipments


def test_ten_are_open_at_once() -> None:
    """One that is yet to be answered takes a place; where all are taken, only an end frees one."""
    assert MAX_OPEN == 10
    jobs = Jobs(900.0)
    for number in range(MAX_OPEN):
        assert jobs.free(BEGAN) == MAX_OPEN - number
        jobs.note_start()
        assert jobs.free(BEGAN) == MAX_OPEN - number - 1
        assert jobs.free_at == (math.inf if number == MAX_OPEN - 1 else -math.inf)
        jobs.note_answer()
        jobs.add(queued(f"j-{number}"), [shipment(number)], BEGAN)
    assert jobs.free(BEGAN) == 0
    assert jobs.free_at == math.inf
    jobs.took(told("j-3", status="completed", results=[{}]), BEGAN + 1)
    assert jobs.free(BEGAN) == 1
    assert jobs.free_at <= BEGAN


def test_a_start_that_gave_no_job_frees_its_place() -> None:
    """Zendesk may refuse it, or the answer may be lost."""
    jobs = Jobs(900.0)
    jobs.note_start()
    jobs.note_answer()
    assert jobs.free(BEGAN) == MAX_OPEN
    assert len(jobs) == 0


def test_none_is_started_for_a_while_where_the_account_has_too_many() -> None:
    """Others of the account may have thirty under way."""
    jobs = Jobs(900.0)
    jobs.note_too_many(BEGAN + 5)
    assert jobs.free(BEGAN + 4.9) == 0
    assert jobs.free_at == BEGAN + 5
    assert jobs.free(BEGAN + 5) == MAX_OPEN


def test_a_shipment_is_in_its_job_until_that_ends() -> None:
    """So a stop, or a stream that is given up, leaves it where it is."""
    jobs, (first, second) = started()
    assert first in jobs
    assert second in jobs
    assert shipment(0) not in jobs
    jobs.took(told(status="completed", results=[{}, {}]), BEGAN + 1)
    assert first not in jobs
    assert len(jobs) == 0


def test_intervals_grow_from_one_second_to_fifteen() -> None:
    """A job that takes long is asked for less and less often, and never more rarely than every 15 s."""
    jobs, _ = started(max_seconds=10_000.0)
    asked = [BEGAN]
    while asked[-1] < BEGAN + 120:
        asked.append(jobs.asks_at)
        jobs.request()
        assert jobs.took(told(status="working"), asked[-1]) == []
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert gaps[:8] == pytest.approx([1.0, 1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.390625])
    assert set(gaps[8:]) == {15.0}
    assert MAX_WAIT_SECONDS == 15.0


def test_all_are_asked_for_together_when_the_first_is_due() -> None:
    """One request, and no other while its answer is awaited."""
    jobs = Jobs(900.0)
    jobs.add(queued("a"), [shipment(0)], BEGAN)
    jobs.add(queued("b"), [shipment(1)], BEGAN + 0.7)
    assert jobs.asks_at == BEGAN + 1
    assert jobs.request().path.endswith("?ids=a,b")
    assert jobs.asks_at == math.inf
    jobs.took(told("a", status="completed", results=[{}]) | told("b", status="working"), BEGAN + 1.25)
    assert jobs.asks_at == BEGAN + 2.25


def test_what_was_not_answered_is_asked_again() -> None:
    """A 429 or a lost connection says nothing of the jobs: none counts as missed."""
    jobs, _ = started()
    for number in range(10):
        jobs.request()
        jobs.note_unanswered(BEGAN + number)
        assert jobs.asks_at == BEGAN + number
    assert len(jobs) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"status": "completed", "results": [{"index": 1, "success": True}, {"index": 0}]}, [(DONE, False)] * 2),
        (
            {"status": "completed", "results": [{"index": 0, "error": "E", "details": "d"}, {"index": 1}]},
            [(ItemResult(is_done=False, code="E", message="d"), False), (DONE, False)],
        ),
        ({"status": "completed", "results": [{}]}, [(DONE, False), (NOBODY_KNOWS, True)]),
        ({"status": "completed", "results": None}, [(NOBODY_KNOWS, True)] * 2),
        ({"status": "failed", "message": "m"}, [(NOBODY_KNOWS, True)] * 2),
        ({"status": "killed", "results": [{"index": 0, "success": True}]}, [(NOBODY_KNOWS, True)] * 2),
        ({"status": "aborted", "message": "m"}, [(NOBODY_KNOWS, True)] * 2),
    ],
)
def test_each_shipment_of_a_job_that_ended_has_its_end(
    status: dict[str, Any], expected: list[tuple[ItemResult, bool]]
) -> None:
    """By item where the job completed; one by one again where the job failed as a whole, or tells nothing of it."""
    jobs, shipments = started()
    ended = jobs.took(told(**status), BEGAN + 1)
    assert [one.shipment for one in ended] == shipments
    assert [(one.result, one.goes_alone) for one in ended] == expected


def test_a_job_that_zendesk_tells_nothing_of_is_lost_after_three_times() -> None:
    """Its shipments go again, together as before: nothing says that one of them is at fault."""
    assert MAX_MISSES == 3
    jobs, shipments = started()
    for number in range(1, MAX_MISSES):
        assert jobs.took({}, BEGAN + number) == []
    ended = jobs.took({}, BEGAN + MAX_MISSES)
    assert [(one.shipment, one.result, one.goes_alone) for one in ended] == [
        (one, NOBODY_KNOWS, False) for one in shipments
    ]
    assert len(jobs) == 0


def test_only_misses_in_a_row_count() -> None:
    """A status between two of them says that the job is there."""
    jobs, shipments = started()
    for number in range(12):
        assert jobs.took({} if number % MAX_MISSES else told(status="working"), BEGAN + number) == []
    assert [one.shipment for one in jobs.took({}, BEGAN + 12)] == shipments


def test_a_job_that_never_ends_is_given_up_as_lost() -> None:
    """After as long as an outage may last."""
    jobs, shipments = started(max_seconds=60.0)
    assert jobs.took(told(status="working"), BEGAN + 60) == []
    ended = jobs.took(told(status="working"), BEGAN + 61)
    assert [(one.shipment, one.result, one.goes_alone) for one in ended] == [
        (one, NOBODY_KNOWS, False) for one in shipments
    ]


def test_nothing_is_asked_where_nothing_is_under_way() -> None:
    """There is no time to wait for."""
    assert Jobs(900.0).asks_at == math.inf


def test_where_nobody_may_ask_how_they_stand_all_is_lost_and_goes_alone() -> None:
    """Alone each has an answer of its own; a job that is started later is asked for again."""
    jobs, shipments = started()
    jobs.add(queued("k"), [shipment(2)], BEGAN)
    jobs.request()
    ended = jobs.lose_all()
    assert [(one.result, one.goes_alone) for one in ended] == [(NOBODY_KNOWS, True)] * 3
    assert [one.shipment for one in ended][:2] == shipments
    assert len(jobs) == 0
    jobs.add(queued("l"), [shipment(3)], BEGAN)
    assert jobs.asks_at == BEGAN + 1


def test_results_are_told_apart_by_the_names_of_what_is_made_and_of_what_is_deleted() -> None:
    """The item of a record that is made holds its name; the item of one that is deleted is its name."""
    makes = [shipment(number) for number in range(2)]
    deletes = [shipment(number, RecordDeletion("subscription", f"s-{number}")) for number in range(2)]
    failing = [{"external_id": "s-1"}, {"external_id": "s-0", "error": "E"}]
    for shipments in (makes, deletes):
        jobs = Jobs(900.0)
        jobs.add(queued(), shipments, BEGAN)
        ended = jobs.took(told(status="completed", results=failing), BEGAN + 1)
        assert [one.result.is_done for one in ended] == [False, True]


def test_each_step_of_a_job_is_told() -> None:
    """Its start, and its end."""
    steps: list[str] = []
    jobs = Jobs(900.0, steps.append)
    jobs.add(queued(), [shipment(0)], BEGAN)
    assert steps == ["job started"]
    jobs.took(told(status="completed", results=[{}]), BEGAN + 1)
    assert steps == ["job started", "job ended"]
