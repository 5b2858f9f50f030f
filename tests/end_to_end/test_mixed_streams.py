"""Streams of all kinds against the served playground, over HTTP: what they cost, and what becomes of each record."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mixture
import pytest
import support
from support import Live, until

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

GRACE = 8.0
VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]


@pytest.fixture
def fresh(playground: Playground) -> Playground:
    """Give the playground with the account's custom object, and twenty users."""
    playground.set_delay(0.0)
    playground.set_job_seconds(0.2)
    mixture.account(playground, *(f"c{number}" for number in range(20)))
    return playground


def asked(playground: Playground) -> Counter[tuple[str, str]]:
    """Count the requests by verb and the last words of their path."""
    return Counter((one.method, one.path.split("?")[0].rpartition("/api/v2/")[2]) for one in playground.requests())


def subscriptions(count: int, customers: int, **fields: Any) -> bytes:
    """Return so many subscriptions of customers in turn, and a STATE."""
    records = [mixture.record("subscriptions", one, f"c{one % customers}", **fields) for one in range(count)]
    return support.lines([*mixture.schemas(["subscriptions"]), *records, support.state({"upto": count - 1})])


def test_ten_thousand_records_of_a_thousand_customers_cost_ten_look_ups_and_a_hundred_jobs(tmp_path: Path) -> None:
    """And the questions how the jobs stand; the second run sends nothing.

    Where the machine is busy, a batch closes by its clock before it is full, and its last job leaves with what it has.
    """
    with Playground(job_seconds=0.2, delay=0.02) as playground:
        mixture.account(playground, *(f"c{number}" for number in range(1_000)))
        before = asked(playground)
        text = subscriptions(10_000, 1_000)
        ended = support.run_here(mixture.config(playground.url, tmp_path), text)
        cost = asked(playground) - before
        assert ended.exit_code == 0
        assert ended.report["totals"]["delivered"] == 10_000
        assert ended.states[-1] == {"upto": 9_999}
        assert cost["GET", "users/show_many"] == 10
        assert 100 <= cost["POST", "custom_objects/subscription/jobs"] <= 104
        assert {path for _, path in cost} == {
            "users/show_many",
            "custom_objects/subscription/jobs",
            "job_statuses/show_many",
        }
        assert len(playground.records()) == 10_000
        count = len(playground.requests())
        again = support.run_here(mixture.config(playground.url, tmp_path), text)
        assert again.report["totals"]["duplicate"] == 10_000
        assert len(playground.requests()) == count


def test_a_poisoned_item_among_a_hundred_is_set_aside_and_ninety_nine_are_delivered(
    fresh: Playground, tmp_path: Path
) -> None:
    """Its dead letter is its own line; replayed as it is, it is refused alone."""
    texts = subscriptions(100, 20).replace(
        b'"id": 41, "customer": "c1", "plan": "gold"', b'"id": 41, "customer": "c1", "plan": "lead"'
    )
    ended = support.run_here(mixture.config(fresh.url, tmp_path), texts)
    assert ended.report["totals"]["delivered"] == 99
    assert ended.report["totals"]["rejected"] == 1
    (letter,) = ended.letters
    assert letter["record"]["id"] == 41
    assert letter["dead_letter"]["reason"] == "refused"
    assert len(fresh.jobs()) == 1
    assert len(fresh.records()) == 99


@pytest.mark.parametrize("results", ["entries", "statuses", "records", "reversed"])
def test_each_shape_of_results_tells_the_same(results: Any, fresh: Playground, tmp_path: Path) -> None:
    """By index, by external id or by place."""
    fresh.set_faults(Fault(on="jobs", failed_items=["s-3"], results=results, message="no"))
    ended = support.run_here(mixture.config(fresh.url, tmp_path), subscriptions(10, 5))
    assert [one["record"]["id"] for one in ended.letters] == [3]
    assert ended.report["totals"]["delivered"] == 9


@pytest.mark.parametrize("fault", [{"job": "failed"}, {"job": "killed"}, {"job": "aborted"}, {"results": "none"}])
def test_a_job_that_tells_nothing_of_its_items_is_sent_one_by_one(
    fault: dict[str, Any], fresh: Playground, tmp_path: Path
) -> None:
    """Nothing is lost, and nothing is set aside for others' sake."""
    fresh.set_faults(Fault(on="jobs", **fault))
    ended = support.run_here(mixture.config(fresh.url, tmp_path), subscriptions(10, 5))
    assert ended.report["totals"]["delivered"] == 10
    assert asked(fresh)["PATCH", "custom_objects/subscription/records"] == 10


def test_streams_of_all_kinds_end_as_they_should(fresh: Playground, tmp_path: Path) -> None:
    """Each record is where it belongs, once; the numbers add up; STATE passes all."""
    text = support.lines(list(mixture.mixed(0, 140)))
    ended = support.run_here(mixture.config(fresh.url, tmp_path), text)
    poisoned = {one["record"]["id"] for one in ended.letters}
    owed = {number for number in range(140) if number % 7 != 1}
    assert set(Counter(number for _, number in mixture.stored(fresh))) == owed - poisoned
    assert max(mixture.stored(fresh).values()) == 1
    assert poisoned == {number for number in range(140) if mixture.is_set_aside(number)}
    assert ended.states[-1] == {"upto": 139}
    assert ended.report["totals"]["undelivered"] == 0


def test_a_deleted_profile_takes_its_events_along_and_a_later_record_makes_it_anew(
    fresh: Playground, tmp_path: Path
) -> None:
    """Deleted again, it is gone again, within one run and over two."""
    fresh.clear()
    mixture.account(fresh)
    steps = [
        mixture.record("orders", 1, "c1"),
        mixture.record("customers", 1, "c1", deleted=True),
        mixture.record("orders", 2, "c1"),
        mixture.record("customers", 1, "c1", deleted=False),
        mixture.record("customers", 1, "c1", deleted=True),
    ]
    for take, there in ((steps[:1], [1]), (steps[1:2], []), (steps[2:4], [2]), (steps[4:], [])):
        support.run_here(mixture.config(fresh.url, tmp_path), support.lines([*mixture.schemas(), *take]))
        assert [one.body["event"]["properties"]["number"] for one in fresh.events()] == there
    other = tmp_path / "other"
    other.mkdir()
    ended = support.run_here(mixture.config(fresh.url, other), support.lines([*mixture.schemas(), *steps]))
    assert ended.report["totals"]["delivered"] == 5
    assert fresh.events() == []


def test_a_deletion_with_a_time_of_its_own_goes_again_after_an_event(fresh: Playground, tmp_path: Path) -> None:
    """An event makes the profile anew; a `dedupe_key` tells the next deletion from the last, and from itself."""
    fresh.clear()
    mixture.account(fresh)
    rules = [{**one, "dedupe_key": "{{ plan }}"} if "delete" in one else one for one in mixture.RULES]
    for take, there in enumerate([[1], [], [2], [], []]):
        what = mixture.record("customers", 1, "c1", deleted=True, plan="first" if take < 2 else "second")
        what = mixture.record("orders", take // 2 + 1, "c1") if there else what
        ended = support.run_here(
            mixture.config(fresh.url, tmp_path, rules=rules), support.lines([*mixture.schemas(), what])
        )
        assert [one.body["event"]["properties"]["number"] for one in fresh.events()] == there
    assert ended.report["totals"]["duplicate"] == 1


def test_nothing_of_any_kind_brings_a_forgotten_customer_back(fresh: Playground, tmp_path: Path) -> None:
    """Neither an event nor a profile, a ticket of theirs or a record that refers to them; others' go on."""
    fresh.clear()
    mixture.account(fresh, "c2")
    settings = mixture.config(fresh.url, tmp_path)

    def run(first: int) -> dict[str, Any]:
        """Send a record of each kind, of two customers, in new rows."""
        records = [
            mixture.record(stream, first + number, f"c{number}", plan="gold" if first < 50 else "silver")
            for stream in mixture.STREAMS
            for number in (1, 2)
        ]
        totals: dict[str, Any] = support.run_here(settings, support.lines([*mixture.schemas(), *records])).report[
            "totals"
        ]
        return totals

    assert run(10)["delivered"] == 8
    done = support.command(settings, tmp_path, "shop:customer:external_id:c1", "--yes", program=[*VERBS, "forget"])
    assert done.returncode == 0, done.stderr
    there = {identity["value"] for user in fresh.users() for identity in user.identities}
    totals = run(50)
    assert (totals["forgotten"], totals["delivered"]) == (4, 4)
    assert {identity["value"] for user in fresh.users() for identity in user.identities} == there


def test_deletions_have_a_brake(fresh: Playground, tmp_path: Path) -> None:
    """At the day's number the run ends with exit 1, and STATE passes nothing that was not done."""
    support.run_here(mixture.config(fresh.url, tmp_path), subscriptions(12, 5))
    gone = [mixture.record("subscriptions", one, "c1", deleted=True) for one in range(12)]
    lines = [one for number, record in enumerate(gone) for one in (record, support.state({"upto": number}))]
    text = support.lines([*mixture.schemas(), *lines])
    ended = support.run_here(mixture.config(fresh.url, tmp_path, max_deletions_per_day=5), text)
    assert ended.exit_code == 1
    assert len(fresh.records()) == 7
    assert not ended.states or ended.states[-1]["upto"] <= 4


def test_a_profile_that_is_not_there_takes_no_place_of_the_days_deletions(fresh: Playground, tmp_path: Path) -> None:
    """Nothing was deleted: the one that is there still may be, in the same run and in the next."""
    settings = mixture.config(fresh.url, tmp_path, max_deletions_per_day=2)
    strangers = [mixture.record("customers", one, f"n{one}", deleted=True) for one in range(6)]
    for number, steps in enumerate((strangers, [])):
        last = mixture.record("customers", 10 + number, f"c{number}", deleted=True)
        ended = support.run_here(settings, support.lines([*mixture.schemas(), *steps, last]))
        assert ended.exit_code == 0
        assert ended.report["totals"]["delivered"] == len(steps) + 1
    third = support.lines([*mixture.schemas(), mixture.record("customers", 12, "c2", deleted=True)])
    assert support.run_here(settings, third).report["codes"] == ["ZE505"]


def test_what_is_not_there_is_gone_in_a_job_too(fresh: Playground, tmp_path: Path) -> None:
    """A job fails the deletion of a record that is not there; alone, a 404 says that it is done."""
    support.run_here(mixture.config(fresh.url, tmp_path), subscriptions(2, 1))
    gone = [mixture.record("subscriptions", one, "c1", deleted=True) for one in range(6)]
    ended = support.run_here(mixture.config(fresh.url, tmp_path), support.lines([*mixture.schemas(), *gone]))
    assert ended.report["totals"]["delivered"] == 6
    assert ended.letters == []
    assert fresh.records() == []


@pytest.mark.server
def test_two_processes_share_supports_minute(ledger_url: str, tmp_path: Path) -> None:
    """On one ledger they send no more than one may, and neither gets a 429; the events' minute is another."""
    with Playground(requests_per_minute=2_000, support_requests_per_minute=60, window=60.0) as playground:
        mixture.account(playground)

        def run(place: int) -> tuple[support.Ended, str]:
            folder = tmp_path / str(place)
            folder.mkdir()
            settings = mixture.config(
                playground.url, folder, ledger_url=ledger_url, support_requests_per_minute=60, requests_per_minute=2_000
            )
            records = [mixture.record("incidents", number, f"c{number}") for number in range(place, 76, 2)]
            records += [mixture.record("orders", number, f"c{number}") for number in range(place, 200, 2)]
            return support.run_process(settings, support.lines([*mixture.schemas(), *records]), folder)

        with ThreadPoolExecutor(2) as pool:
            ends = list(pool.map(run, range(2)))
        assert [ended.exit_code for ended, _ in ends] == [0, 0], ends
        assert all(one.status != 429 for one in playground.requests())
        assert len(playground.tickets()) == 76
        tickets = sorted(one.arrived for one in playground.requests() if one.path.endswith("/tickets"))
        assert tickets[60] - tickets[0] > 60
        events = sorted(one.arrived for one in playground.requests() if one.path.endswith("/events"))
        assert events[-1] - tickets[0] < 30


@pytest.mark.parametrize("job_seconds", [2.0, 60.0])
def test_a_signal_while_jobs_are_open_ends_the_run_in_time(job_seconds: float, tmp_path: Path) -> None:
    """A job that ends in the grace counts; another is sent again by the next run. No STATE is ahead."""
    with Playground(job_seconds=job_seconds) as playground:
        mixture.account(playground, *(f"c{number}" for number in range(5)))
        with Live(mixture.config(playground.url, tmp_path), tmp_path) as live:
            live.feed(subscriptions(150, 5))
            until(lambda: len(playground.jobs()) >= 2)
            sent = live.signal(signal.SIGTERM)
            assert live.wait() == 143
            assert time.monotonic() - sent < GRACE + 1.5
            states = live.states
        assert "Traceback" not in live.error
        done = len(playground.records())
        assert not states or done == 150
        playground.set_job_seconds(0.2)
        ended = support.run_here(mixture.config(playground.url, tmp_path), subscriptions(150, 5))
        assert ended.exit_code == 0
        assert ended.states[-1] == {"upto": 149}
        assert len(playground.records()) == 150


@pytest.mark.parametrize("count", [1, 40])
def test_a_record_that_was_made_anew_is_found_anew_for_all_that_refer_to_it(
    count: int, fresh: Playground, tmp_path: Path
) -> None:
    """They went in one job, each with the id that an earlier run had found: none of them is set aside for it."""
    lookup = {
        "key": "contract",
        "type": "lookup",
        "title": "C",
        "relationship_target_type": "zen:custom_object:contract",
    }
    made = {"custom_object": {"key": "contract", "title": "C", "title_pluralized": "C"}}
    contract = {"custom_object_record": {"external_id": "k-1", "custom_object_fields": {}}}
    records = "custom_objects/contract/records"

    def ask(method: str, path: str, body: Any = None) -> None:
        status = fresh.receive(method, f"/api/v2/{path}", b"" if body is None else json.dumps(body).encode())
        assert status // 100 == 2

    ask("POST", "custom_objects", made)
    ask("POST", "custom_objects/subscription/fields", {"custom_object_field": lookup})
    ask("POST", records, contract)
    refers = {"contract": {"object": "contract", "external_id": "k-1"}}
    rule = {"stream": "subscriptions", "object": {"key": "subscription", "external_id": "s-{{ id }}", "fields": refers}}
    settings = mixture.config(fresh.url, tmp_path, rules=[rule])
    assert support.run_here(settings, subscriptions(1, 1)).report["totals"]["delivered"] == 1
    ask("DELETE", f"{records}?external_id=k-1")
    ask("POST", records, contract)
    ended = support.run_here(settings, subscriptions(count + 1, 1))
    assert ended.report["totals"]["delivered"] == count
    assert ended.letters == []


def test_what_waits_for_a_look_up_ends_the_run_where_another_was_told_to_wait_too_long(
    fresh: Playground, tmp_path: Path
) -> None:
    """The next run asks nobody: it ends at once, and says until when, as the first did."""
    fresh.set_faults(Fault(429, on="users", retry_after=3_600))
    settings = mixture.config(fresh.url, tmp_path)
    for count in (1, 0):
        before = len(fresh.requests())
        begun = time.monotonic()
        ended = support.run_here(settings, subscriptions(3, 3))
        assert time.monotonic() - begun < GRACE
        assert ended.exit_code == 1
        assert ended.states == []
        assert ended.report["codes"] == ["ZE502"]
        assert len(fresh.requests()) - before == count
