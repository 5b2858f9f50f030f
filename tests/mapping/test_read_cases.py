"""The tests of a rule: what the reader of rules takes and refuses, and what differs from an expectation."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.mapping.cases import compile_cases
from target_zendesk_events.mapping.expectations import Came, Expectation, differences
from target_zendesk_events.mapping.rules import compile_rules

RULE: dict[str, Any] = {
    "stream": "orders",
    "profile": {"identifiers": {"email": "{{ email }}"}},
    "event": {"type": "order"},
}
BODY: dict[str, Any] = {
    "profile": {"source": "shop", "identifiers": [{"type": "email", "value": "a@example.com"}]},
    "event": {"type": "order", "properties": {"total": 5, "paid": True, "tags": ["a", None]}},
}


def faults_of(tests: Any, stream: str = "orders") -> list[str]:
    """Return what is wrong with the tests of a rule."""
    try:
        compile_rules([{**RULE, "stream": stream, "tests": tests}], source="shop")
    except ConfigurationError as fault:
        return [one.partition(": ")[2] for one in fault.faults]
    return []


@pytest.mark.parametrize(
    "test",
    [
        {"record": {}, "expect": "filtered"},
        {"name": "old", "record": {"a": 1}, "expect": "too_old", "now": "2026-11-01", "stream": "orders"},
        {"record": {}, "expect": {"unmappable": "is null", "left_out": ["email"]}},
        {"record": {}, "expect": {"limit": "40"}},
        {"record": {}, "expect": {"left_out": []}},
        {"record": {}, "expect": {"profile": {}, "event": {"type": "order", "description": None}}},
    ],
)
def test_a_test_is_taken(test: dict[str, Any]) -> None:
    """Each way to write one."""
    assert faults_of([test]) == []


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ({}, "tests: is an object, and takes a list of tests, each with `record` and `expect`"),
        ([5], "tests[0]: is a number, and takes an object"),
        ([{"expect": "filtered"}], "tests[0]: `record` is missing: an object, as the tap sends it"),
        ([{"record": [], "expect": "filtered"}], "tests[0].record: is a list, and takes an object"),
        ([{"record": {}}], "tests[0]: `expect` is missing: what is sent, by the keys of the rule, or"),
        ([{"record": {}, "expect": "filterd"}], "filtered, too_old, unmappable, limit; did you mean 'filtered'?"),
        ([{"record": {}, "expect": {"evnt": {}}}], "tests[0].expect: unknown key 'evnt'; did you mean 'event'?"),
        ([{"record": {}, "expect": {"created_at": 1}}], "unknown key 'created_at'; it belongs under `event`"),
        ([{"record": {}, "expect": {"event": {"typ": 1}}}], "expect.event: unknown key 'typ'; did you mean 'type'?"),
        ([{"record": {}, "expect": {"event": 1}}], "tests[0].expect.event: is a number, and takes an object"),
        ([{"record": {}, "expect": {"event": {}, "limit": "a"}}], "says `limit`, so nothing else becomes of"),
        ([{"record": {}, "expect": {"unmappable": 1}}], "tests[0].expect.unmappable: is a number, and takes a part of"),
        ([{"record": {}, "expect": {"left_out": "email"}}], "is text, and takes a list of identifier types"),
        ([{"record": {}, "expect": ["filtered"]}], "is a list, and beside a rule takes what that rule"),
        ([{"record": {}, "expect": "filtered", "now": "soon"}], "tests[0].now: is no time"),
        ([{"record": {}, "expect": "filtered", "stream": "logins"}], "'logins' is no stream that the rule takes"),
        ([{"record": {}, "expect": "filtered", "name": ""}], "tests[0].name: is empty"),
        ([{"record": {}, "expect": "filtered", "recrod": 1}], "tests[0]: unknown key 'recrod'; did you mean 'record'?"),
    ],
)  # fmt: skip
def test_what_is_no_test_is_refused(tests: Any, said: str) -> None:
    """With its place, and what is accepted there."""
    (fault,) = faults_of(tests)
    assert said in fault


def test_a_glob_needs_a_stream() -> None:
    """The record comes from one stream, and templates may use its name."""
    test = {"record": {}, "expect": "filtered"}
    (fault,) = faults_of([test], "order*")
    assert fault == "tests[0]: `stream` is missing: the rule's own is a glob, so name a stream that it takes [ZE240]"
    assert faults_of([{**test, "stream": "orders"}], "order*") == []


def test_in_a_file_each_names_a_stream_that_a_rule_takes() -> None:
    """With the line of each fault."""
    book = compile_rules([RULE], source="shop")
    test = {"record": {}, "expect": ["filtered"]}
    raw = [test, {**test, "stream": "order"}, {**test, "stream": "orders"}, {**test, "stream": "orders", "now": ""}]
    lines = [{"": 1}, {"": 4, "stream": 5}, {"": 7}, {"": 9, "now": 11}]
    with pytest.raises(ConfigurationError) as caught:
        compile_cases(raw, lines, "rules.test.yml", book, dt.timezone.utc)
    assert caught.value.faults == (
        "rules.test.yml, line 1: `stream` is missing: the name of the stream that the record comes from [ZE240]",
        "rules.test.yml, line 5: stream: no rule is for 'order'; did you mean 'orders'? [ZE241]",
        "rules.test.yml, line 11: now: is no time: an ISO-8601 text, a datetime or a Unix time is one [ZE711]",
    )


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({}, []),
        ({"event": {"properties": {"total": 5.0}, "description": None}}, []),
        ({"event": {"type": "orders"}}, ['event.type - "orders" + "order"']),
        ({"event": {"properties": {"total": "5"}}}, ['event.properties.total - "5" + 5']),
        ({"event": {"properties": {"paid": 1}}}, ["event.properties.paid - 1 + true"]),
        ({"event": {"properties": {"total": None}}}, ["event.properties.total - nothing + 5"]),
        ({"event": {"properties": {"tags": ["a"]}}}, ['event.properties.tags - ["a"] + ["a", null]']),
        ({"event": {"properties": {"tags": ["b", None]}}}, ['event.properties.tags[0] - "b" + "a"']),
        ({"event": {"description": "ö"}}, ['event.description - "ö" + nothing']),
        ({"profile": {"identifiers": {"email": "a@example.com"}}}, []),
        ({"profile": {"identifiers": {"phone": "1"}}}, ['profile.identifiers.phone - "1" + nothing']),
        ({"profile": {"identifiers": BODY["profile"]["identifiers"]}}, []),
    ],
)  # fmt: skip
def test_only_what_is_named_is_compared(expected: dict[str, Any], found: list[str]) -> None:
    """By its type too; each difference has its place."""
    came = [Came("orders", "sent", BODY)]
    assert told([Expectation("sent", expected)], came) == found


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ([Expectation("sent")], []),
        ([Expectation("sent"), Expectation("unmappable", message="x")], ["outcomes - sent; unmappable: x + a: sent"]),
        ([Expectation("filtered")], ["outcome - filtered + sent"]),
        ([Expectation("sent"), Expectation("filtered")], []),
        ([Expectation("sent", left_out=("email",))], ["left_out - email + phone (blank)"]),
        ([Expectation("sent", left_out=("phone",))], []),
        ([Expectation("sent", left_out=())], ["left_out - none + phone (blank)"]),
    ],
)  # fmt: skip
def test_rules_that_filter_a_record_out_do_not_count(expected: list[Expectation], found: list[str]) -> None:
    """What is left is compared in its order."""
    assert told(expected, [Came("a", "sent", left_out=[("phone", "blank")]), Came("b", "filtered")]) == found


def test_of_several_rules_each_is_named() -> None:
    """So that one knows which to mend; where all filter it out, that is what came."""
    came = [Came("a", "sent", BODY), Came("b", "unmappable", message="event.type: is null")]
    expected = [Expectation("sent", {"event": {"type": "x"}}), Expectation("unmappable", message="blank")]
    assert told(expected, came) == [
        'a: event.type - "x" + "order"',
        "b: outcome - unmappable: blank + unmappable: event.type: is null",
    ]
    assert told([Expectation("filtered")], [Came("a", "filtered"), Came("b", "filtered")]) == []
    assert told([Expectation("sent")], [Came("a", "filtered"), Came("b", "filtered")]) == ["outcomes - sent + filtered"]


def told(expected: list[Expectation], came: list[Came]) -> list[str]:
    """Return the differences, each in one line."""
    return [f"{one.place} - {one.expected} + {one.came}" for one in differences(expected, came)]
