"""A run in numbers that add up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.object_record import ObjectRecord
from target_zendesk_events.kinds.profile import Identifier, Profile, ProfileUpsert
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.outcome import summary
from target_zendesk_events.outcome.report import (
    MATCH_COUNTS,
    OUTCOMES,
    RECORD_COUNTS,
    SET_ASIDE_BEFORE,
    Report,
)
from target_zendesk_events.work import Match, NoShipment, Outcome

CUSTOMER = Profile("shop", "customer", (Identifier("email", "customer-1@example.com"),))
THINGS: dict[str, Shipment] = {
    "paid": Event(CUSTOMER, "shop", "order_paid", {}),
    "shipped": Event(CUSTOMER, "shop", "order_shipped", {}),
    "kept": ProfileUpsert(CUSTOMER),
    "filed": ObjectRecord("subscription", "7", {}),
}
"""What each rule sends."""
STREAMS = st.sampled_from(["orders", "logins"])
MATCHES = st.lists(
    st.tuples(
        st.sampled_from(["paid", "kept", "filed"]),
        st.one_of(st.sampled_from(NoShipment), st.sampled_from(Outcome), st.just("open")),
    ),
    max_size=3,
)
RECORDS: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(
        st.tuples(STREAMS, st.sampled_from(["invalid", "unmatched", "skipped"]), st.just([])),
        st.tuples(STREAMS, st.just("matched"), MATCHES),
    ),
    max_size=40,
)


def told(records: list[tuple[str, str, list[tuple[str, Any]]]]) -> Report:
    """Return the report of these records."""
    report = Report()
    for stream, kind, matches in records:
        report.count_record(stream, kind)
        for rule, end in matches:
            match = Match(rule, THINGS.get(rule, THINGS["paid"]))
            match = Match(rule, no_shipment=end) if isinstance(end, NoShipment) else match
            report.count_match(stream, match)
            if isinstance(end, Outcome):
                report.count_outcome(stream, match, end)
    return report


@given(records=RECORDS)
def test_the_numbers_add_up(records: list[tuple[str, str, list[tuple[str, Any]]]]) -> None:
    """Records, matches and events are the sums of their parts, for the run, for each stream and for each rule."""
    report = told(records)
    run = json.loads(json.dumps(summary.as_object(report, {})))
    rules = [rule for stream in run["streams"].values() for rule in stream["rules"].values()]
    for counts in (run["totals"], *run["streams"].values()):
        assert counts["records"] == sum(counts[name] for name in RECORD_COUNTS)
    for counts in (run["totals"], *rules):
        assert counts["matches"] == sum(counts[name] for name in MATCH_COUNTS)
        assert counts["events"] == sum(counts[name] for name in (*OUTCOMES, "undelivered"))
    assert run["totals"]["records"] == len(records)
    for name in ("matches", *MATCH_COUNTS, *OUTCOMES, "undelivered"):
        assert run["totals"][name] == sum(rule[name] for rule in rules)
    opened = [end for _, _, matches in records for _, end in matches if end == "open"]
    assert run["totals"]["undelivered"] == len(opened)


@given(records=RECORDS)
def test_the_last_line_holds_every_name(records: list[tuple[str, str, list[tuple[str, Any]]]]) -> None:
    """`run finished: delivered=...` names every number of promise 7, zeros too, on one line."""
    totals = told(records).totals()
    line = summary.last_line(totals)
    assert line.startswith("run finished: delivered=")
    assert "\n" not in line
    said = dict(part.split("=") for part in line.removeprefix("run finished: ").split())
    assert {name: int(number) for name, number in said.items()} == totals
    names = {"records", "matches", "undelivered", *RECORD_COUNTS, *MATCH_COUNTS, *OUTCOMES, *SET_ASIDE_BEFORE}
    assert set(totals) == names


@given(records=RECORDS)
def test_the_numbers_of_each_kind_add_up(records: list[tuple[str, str, list[tuple[str, Any]]]]) -> None:
    """Of the run and of each rule: a kind's things are the sum of their outcomes, and all kinds' are the `events`."""
    run = json.loads(json.dumps(summary.as_object(told(records), {})))
    rules = [rule for stream in run["streams"].values() for rule in stream["rules"].values()]
    for counts in (run["totals"], *rules):
        for of_kind in counts["kinds"].values():
            assert of_kind["events"] == sum(of_kind[name] for name in (*OUTCOMES, "undelivered")) > 0
        for name in ("events", *OUTCOMES, "undelivered"):
            assert counts[name] == sum(of_kind[name] for of_kind in counts["kinds"].values())
    for rule, kind in (("paid", "event"), ("kept", "profile"), ("filed", "object")):
        counted = [stream["rules"].get(rule, {"events": 0})["events"] for stream in run["streams"].values()]
        assert run["totals"]["kinds"].get(kind, {"events": 0})["events"] == sum(counted)


def test_kinds_are_told_apart_where_there_are_others_than_events() -> None:
    """In the block: what was delivered of each, and rules by what they send. Events alone are told as ever."""
    events = told([("orders", "matched", [("paid", Outcome.DELIVERED)])] * 3)
    assert "delivered:" not in summary.block(events, {})
    assert "paid: matches 3, events 3, delivered 3" in summary.block(events, {})
    mixed = told(
        [
            *([("orders", "matched", [("paid", Outcome.DELIVERED), ("kept", Outcome.DUPLICATE)])] * 3),
            *([("orders", "matched", [("filed", Outcome.DELIVERED), ("kept", Outcome.DELIVERED)])] * 2),
        ]
    )
    text = summary.block(mixed, {})
    assert "filed: matches 2, object records 2, delivered 2" in text
    assert "kept: matches 5, profiles 5, delivered 2, duplicate 3" in text
    assert "7 delivered: 3 events, 2 profiles, 2 object records" in text


def test_duplicates_that_were_set_aside_are_told_apart() -> None:
    """`duplicate` stays the total; how many were rejected and held before stands beside it, with the way out."""
    report = told([("orders", "matched", [("paid", Outcome.DUPLICATE)])] * 3)
    assert "replay" not in summary.block(report, {})
    for how in ("rejected", "held", ""):
        report.stream("orders").rule("paid").note_set_aside_before(how)
    run = summary.as_object(report, {})
    for counts in (run["totals"], run["streams"]["orders"]["rules"]["paid"]):
        assert (counts["duplicate"], counts["duplicate_rejected"], counts["duplicate_held"]) == (3, 1, 1)
        assert counts["events"] == sum(counts[name] for name in (*OUTCOMES, "undelivered"))
    text = summary.block(report, {})
    assert "1 were rejected and 1 held when they came first" in text
    assert "zendesk-events replay" in text


def test_promise_seven_s_names_are_these() -> None:
    """The names that users and alerts rely on."""
    assert RECORD_COUNTS == ("invalid", "unmatched", "skipped", "matched")
    assert MATCH_COUNTS == ("filtered", "too_old", "unmappable", "events")
    assert OUTCOMES == ("delivered", "duplicate", "forgotten", "unknown_customer", "rejected", "held")


@given(records=RECORDS)
def test_the_block_can_always_be_drawn(records: list[tuple[str, str, list[tuple[str, Any]]]]) -> None:
    """Whatever was counted, the block ends with the dead letters that wait."""
    report = told(records)
    report.dead_letters_waiting = 1_234
    assert "dead letters waiting: 1,234" in summary.block(report, {"requests_per_minute": 225})


def test_a_name_is_told_as_it_is() -> None:
    """`*:x:` is no emoji, and `[red]` no colour."""
    text = summary.block(told([("[red]:x:", "matched", [("*:x:", Outcome.DELIVERED)])]), {})
    assert "[red]:x:" in text
    assert "*:x:: matches 1" in text


def test_the_block_names_what_was_left_out_and_what_stopped() -> None:
    """Identifiers left out and why, a stopped stream, requests, retries, 429s, rates and answer times."""
    report = told([("orders", "matched", [("paid", Outcome.DELIVERED)])])
    report.stream("orders").rule("paid").left_out[("email", "blocked")] += 3
    report.stream("orders").rule("paid").counts["ahead_of_clock"] += 2
    report.stream("orders").stopped = "too much was set aside"
    for moment, kind in enumerate(["sendings", "retries", "reads"]):
        report.count_request(kind, float(moment), Bucket.EVENTS)
        report.count_answer(0.25, 250, moment + 0.25, Bucket.EVENTS)
    report.requests["limited"] += 1
    text = summary.block(report, {"requests_per_minute": 225})
    for part in ("email", "blocked", "too much was set aside", "3 requests", "1 of them retries", "250 ms", "225"):
        assert part in text
    assert "paid: 2 events lie ahead of the clock, by a day at most: is `timezone` the zone" in text
    run = summary.as_object(report, {})
    assert run["streams"]["orders"]["rules"]["paid"]["ahead_of_clock"] == 2
    counts = {name: count for name, count in run["requests"].items() if count}
    assert counts == {"sent": 3, "sendings": 1, "retries": 1, "reads": 1, "limited": 1}
    assert run["limit_seen"] == 250
    assert run["answer_seconds"] == {"p50": 0.25, "p95": 0.25}


@pytest.mark.parametrize(
    ("set_aside", "delivered", "only"), [(5, 0, True), (4, 0, False), (5, 1, False), (100, 0, True)]
)
def test_a_stream_that_only_set_aside_is_named(set_aside: int, delivered: int, only: bool) -> None:
    """Five or more set aside and none delivered: the run must not end as if all were well."""
    report = told([("orders", "matched", [("paid", Outcome.DELIVERED)])] * delivered)
    for _ in range(set_aside):
        report.count_set_aside("orders")
    assert bool(report.only_set_aside()) is only


def test_anything_in_the_dead_letters_counts() -> None:
    """One letter is enough for `fail_on_set_aside`."""
    report = Report()
    assert not report.any_set_aside()
    report.count_letter("orders", "refused")
    assert report.any_set_aside()


def test_a_rule_that_filtered_everything_is_named() -> None:
    """One whose `when` said no to every record, over all streams; not one that matched nothing, or anything else."""
    report = told(
        [
            ("orders", "matched", [("paid", NoShipment.FILTERED), ("shipped", NoShipment.FILTERED)]),
            ("logins", "matched", [("paid", NoShipment.FILTERED), ("shipped", NoShipment.TOO_OLD)]),
        ]
    )
    report.stream("orders").rule("unused")
    assert report.only_filtered() == {"paid": 2}
