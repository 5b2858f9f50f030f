"""What an answer on jobs says of each job, and of each of its items, in every shape that was documented or seen."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.kinds.job import JOBS, ItemResult, started_in, status_request, statuses_in

IDS = ["s-0", "s-1", "s-2"]
DONE = ItemResult(is_done=True)
NOBODY_KNOWS = ItemResult(None)


def of_items(results: Any) -> list[ItemResult]:
    """Return what became of three items of a completed job that tells so."""
    told = statuses_in({"job_statuses": [{"id": "j", "status": "completed", "results": results}]})
    return told["j"].of_items(IDS)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(
            [{"index": 0, "id": "01A", "success": True}, {"index": 1, "success": True}, {"index": 2, "success": True}],
            [ItemResult(is_done=True, id="01A"), DONE, DONE],
            id="by index",
        ),
        pytest.param(
            [
                {"index": 2, "id": 7},
                {"index": 0, "success": False, "error": "RecordInvalid", "details": "no such plan"},
            ],
            [ItemResult(False, "RecordInvalid", "no such plan"), NOBODY_KNOWS, ItemResult(is_done=True, id="7")],
            id="in another order, one missing",
        ),
        pytest.param(
            [{"status": "Created"}, {"status": "Failed", "errors": "no such plan"}, {"status": "Updated"}],
            [DONE, ItemResult(False, "", "no such plan"), DONE],
            id="a word each, by place",
        ),
        pytest.param(
            [{"external_id": "s-2", "id": "01C"}, {"external_id": "s-0", "id": "01A"}, {"external_id": "s-1"}],
            [ItemResult(is_done=True, id="01A"), DONE, ItemResult(is_done=True, id="01C")],
            id="whole records, by external id",
        ),
        pytest.param([{}, {}, {}], [DONE, DONE, DONE], id="nothing said is done"),
        pytest.param([{}, {}], [DONE, DONE, NOBODY_KNOWS], id="fewer than items"),
        pytest.param([{}, {}, {}, {"success": False}], [DONE, DONE, DONE], id="more than items"),
        pytest.param([{"index": 9, "success": False}, {}, {}], [NOBODY_KNOWS, DONE, DONE], id="an index of nobody's"),
        pytest.param([{"index": -1}, {}, {}], [NOBODY_KNOWS, DONE, DONE], id="an index below zero"),
        pytest.param([{"index": True}, {}, {}], [DONE, DONE, DONE], id="a truth is no index"),
        pytest.param([{"index": "1"}, {}, {}], [DONE, DONE, DONE], id="a text is no index"),
        pytest.param([{"external_id": "s-9"}, {}, {}], [DONE, DONE, DONE], id="an external id of nobody's: by place"),
        pytest.param([None, "Created", 3], [NOBODY_KNOWS] * 3, id="entries that are no objects"),
        pytest.param(None, [NOBODY_KNOWS] * 3, id="no results"),
        pytest.param([], [NOBODY_KNOWS] * 3, id="none listed"),
        pytest.param({"index": 1, "success": True}, [NOBODY_KNOWS, DONE, NOBODY_KNOWS], id="one in place of the list"),
        pytest.param("done", [NOBODY_KNOWS] * 3, id="a text in place of the list"),
    ],
)
def test_each_item_finds_its_result(entries: Any, expected: list[ItemResult]) -> None:
    """By index, else by external id, else by place; an item without an entry has an unknown outcome."""
    assert of_items(entries) == expected


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        ({"success": False}, "", ""),
        ({"success": False, "error": "RecordInvalid", "details": "d"}, "RecordInvalid", "d"),
        ({"success": True, "error": "RecordInvalid"}, "RecordInvalid", "RecordInvalid"),
        ({"error": {"message": "m"}}, "", "{'message': 'm'}"),
        ({"errors": [{"name": "n"}]}, "", "[{'name': 'n'}]"),
        ({"errors": "e", "details": "d"}, "", "d"),
        ({"status": "Failed"}, "", "Failed"),
        ({"status": "FAILURE"}, "", "FAILURE"),
        ({"status": "error"}, "", "error"),
    ],
)
def test_an_item_failed_where_any_word_says_so(entry: dict[str, Any], code: str, message: str) -> None:
    """`success`, `error`, `errors` and `status`: one of them is enough; the words are Zendesk's."""
    assert of_items([{}, entry, {}])[1] == ItemResult(False, code, message)


@pytest.mark.parametrize(
    "entry",
    [
        {"success": True},
        {"success": None},
        {"error": None, "errors": [], "details": None},
        {"error": "", "status": "Created"},
        {"status": "Updated"},
        {"status": 200},
        {"details": "all is well"},
    ],
)
def test_an_item_is_done_where_no_word_says_that_it_failed(entry: dict[str, Any]) -> None:
    """Words that are empty say nothing."""
    assert of_items([{}, entry, {}])[1] == DONE


@pytest.mark.parametrize(
    ("status", "is_under_way", "is_completed"),
    [
        ({"status": "queued", "results": None, "message": None}, True, False),
        ({"status": "working", "message": "Working at 3 of 7"}, True, False),
        ({"status": "completed"}, False, True),
        ({"status": "failed"}, False, False),
        ({"status": "killed"}, False, False),
        ({"status": "aborted", "message": "Aborted"}, False, False),
        ({"status": "aborted", "results": [{}]}, False, False),
        ({"status": "resting"}, True, False),
        ({"status": "resting", "message": "", "results": []}, True, False),
        ({"status": None}, True, False),
        ({}, True, False),
    ],
)
def test_a_job_is_final_by_its_status_or_by_what_stands_with_one_that_nobody_knows(
    status: dict[str, Any], is_under_way: bool, is_completed: bool
) -> None:
    """A status that is none of the five is final if results or a message stand with it."""
    told = statuses_in({"job_statuses": [{"id": "j", **status}]})["j"]
    assert (told.is_under_way, told.is_completed) == (is_under_way, is_completed)


def test_only_what_names_its_job_is_told() -> None:
    """An entry without an id is nobody's; the others count."""
    listed = [{"status": "completed"}, {"id": ""}, {"id": 7}, None, "j", {"id": "k", "status": "queued"}]
    assert list(statuses_in({"job_statuses": listed})) == ["k"]


@pytest.mark.parametrize("payload", [{}, {"job_statuses": None}, {"job_statuses": {"id": "j"}}])
def test_an_answer_without_a_list_tells_of_no_job(payload: dict[str, Any]) -> None:
    """Then each job was missed once."""
    assert statuses_in(payload) == {}


@pytest.mark.parametrize(
    ("payload", "job_id"),
    [
        ({"job_status": {"id": "j", "status": "queued"}}, "j"),
        ({"job_status": {"id": ""}}, None),
        ({"job_status": {"status": "queued"}}, None),
        ({"job_status": []}, None),
        ({}, None),
    ],
)
def test_a_job_was_started_where_the_answer_says_which(payload: dict[str, Any], job_id: str | None) -> None:
    """Without its id nobody could ask how it stands."""
    started = started_in(payload)
    assert (None if started is None else started.id) == job_id


def test_all_jobs_are_asked_for_in_one_request() -> None:
    """Their ids stand in one query, and a list is wanted back."""
    request = status_request(["a1", "b&2"])
    assert (request.method, request.path) == ("GET", "/api/v2/job_statuses/show_many?ids=a1,b%262")
    assert request.body is None
    assert request.holds == JOBS
