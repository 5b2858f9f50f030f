"""A row that comes again as it was when its event was delivered: nothing is made of it, and all is counted the same."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.mapping.rule import Rule
from target_zendesk_events.playground.server import Playground

ROWS = [support.record("orders", number) for number in range(3)]


class Made:
    """Counts how often a rule makes something of a record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count from now on."""
        self.count = 0
        made = Rule.make

        def make(*given: Any) -> Any:
            self.count += 1
            return made(*given)

        monkeypatch.setattr(Rule, "make", make)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def run(settings: dict[str, Any], rows: list[dict[str, Any]], schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run over rows; return the numbers of the run."""
    messages = [schema or support.schema("orders"), *rows, support.state({"upto": len(rows)})]
    ended = support.run_here(settings, support.lines(messages))
    assert ended.states == [{"upto": len(rows)}]
    return dict(ended.report["totals"])


@pytest.mark.parametrize(
    "again",
    [
        ROWS,
        [{**row, "time_extracted": "2026-11-02T00:00:00Z", "version": 7} for row in ROWS],
        [ROWS[2], ROWS[0], ROWS[1]],
    ],
)
def test_a_row_that_comes_as_it_was_is_known_before_anything_is_made_of_it(
    again: list[dict[str, Any]], made: Made, playground: Playground, tmp_path: Path
) -> None:
    """Whatever the message says beside the record, and in whatever order the rows come; the numbers are as ever."""
    settings = support.config(playground.url, tmp_path)
    assert run(settings, ROWS)["delivered"] == 3
    before, made.count = len(playground.requests()), 0
    numbers = run(settings, again)
    assert (numbers["matches"], numbers["events"], numbers["duplicate"], numbers["matched"]) == (3, 3, 3, 3)
    assert numbers["kinds"]["event"] == {**dict.fromkeys(numbers["kinds"]["event"], 0), "events": 3, "duplicate": 3}
    assert (made.count, len(playground.requests())) == (0, before)


def other_rule(**event: Any) -> dict[str, Any]:
    """Return settings with another rule."""
    return {"rules": [{**support.RULE, "event": {**support.RULE["event"], **event}}]}


@pytest.mark.parametrize(
    ("changed", "sent"),
    [
        (other_rule(properties={"number": "{{ id }}"}), 3),
        (other_rule(type="order_{{ kind }}"), 3),
        (other_rule(description="Paid"), 3),
        ({"source": "store"}, 3),
        ({"timezone": "Europe/Berlin"}, 0),
        ({"blocked_identifier_values": ["nobody"]}, 0),
        ({"validate_records": False}, 0),
        ({"since": "2000-01-01"}, 0),
        ({"stream_maps": {"orders": {"note": "str(id)"}}}, 0),
        ({"ledger_url": "none"}, 3),
    ],
)
def test_with_other_rules_or_settings_all_is_made_anew(
    changed: dict[str, Any], sent: int, made: Made, playground: Playground, tmp_path: Path
) -> None:
    """What would be another event now is sent, and what would not is a duplicate."""
    settings = support.config(playground.url, tmp_path)
    run(settings, ROWS)
    made.count = 0
    numbers = run({**settings, **changed}, ROWS)
    assert (made.count, numbers["delivered"], numbers["duplicate"]) == (3, sent, 3 - sent)


def test_with_other_key_properties_all_is_made_anew(made: Made, playground: Playground, tmp_path: Path) -> None:
    """They are part of what makes an event the same."""
    settings = support.config(playground.url, tmp_path)
    run(settings, ROWS)
    made.count = 0
    numbers = run(settings, ROWS, {**support.schema("orders"), "key_properties": ["id", "email"]})
    assert (made.count, numbers["delivered"]) == (3, 3)


@pytest.mark.parametrize(
    "fields", [{"customer_id": 5}, {"email": "CUSTOMER-1@example.com"}, {"kind": "order_sent"}, {"unknown": 1}]
)
def test_a_row_with_another_text_is_made_anew(
    fields: dict[str, Any], made: Made, playground: Playground, tmp_path: Path
) -> None:
    """Then its event tells whether it is another."""
    settings = support.config(playground.url, tmp_path)
    run(settings, [support.record("orders", 1, customer_id=4)])
    made.count = 0
    numbers = run(settings, [support.record("orders", 1, **{"customer_id": 4, **fields})])
    assert (made.count, numbers["delivered"]) == (1, int("kind" in fields))


def test_two_spellings_of_a_number_are_two_texts(made: Made, playground: Playground, tmp_path: Path) -> None:
    """`1.10` and `"1.10"`, or 1.10 and 1.1: what a rule makes of them may differ."""
    rule = other_rule(properties={"total": "{{ total }}"})
    schema = support.schema("orders")
    schema["schema"] = {**support.SCHEMA, "properties": {**support.SCHEMA["properties"], "total": {}}}
    settings = support.config(playground.url, tmp_path, **rule)
    row = json.dumps(support.record("orders", 1, total="TOTAL"))
    delivered = []
    for total in ("1.10", '"1.10"', "1.1000000000000000000001", "1.10"):
        lines = support.lines([schema]) + row.replace('"TOTAL"', total).encode() + b"\n"
        delivered.append(support.run_here(settings, lines).report["totals"]["delivered"])
    assert (delivered, made.count) == ([1, 1, 1, 0], 3)


def test_identifiers_that_were_left_out_are_counted_of_events_that_are_made(
    made: Made, playground: Playground, tmp_path: Path
) -> None:
    """Of a row that is known none is made."""
    settings = support.config(playground.url, tmp_path)
    left_out = []
    for rows in (ROWS, [*ROWS, support.record("orders", 3)]):  # whose customer_id is null
        ended = support.run_here(settings, support.lines([support.schema("orders"), *rows]))
        (rule,) = ended.report["streams"]["orders"]["rules"].values()
        left_out.append(rule["identifiers_left_out"])
    assert left_out == [{"shop_customer_id: null": 3}, {"shop_customer_id: null": 1}]
    assert made.count == 4


def test_types_of_identifiers_that_records_bring_are_told_in_each_run(
    made: Made, playground: Playground, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What Zendesk does with an address is told once a run, and for that the records are looked at."""
    by_record = {"identifiers": "{{ [{'type': 'email', 'value': email}] }}"}
    settings = support.config(playground.url, tmp_path, rules=[{**support.RULE, "profile": by_record}])
    caplog.set_level(logging.INFO)
    for _ in range(2):
        caplog.clear()
        run(settings, ROWS)
        assert caplog.text.count("are written onto the Zendesk user as its email") == 1
    assert made.count == 6


def test_an_event_ahead_of_the_clock_is_told_each_time(made: Made, playground: Playground, tmp_path: Path) -> None:
    """Until its time has come."""
    settings = support.config(playground.url, tmp_path)
    ahead = support.record("orders", 1, at=support.iso(time.time() + 3_600))
    for _ in range(2):
        ended = support.run_here(settings, support.lines([support.schema("orders"), ahead]))
        (rule,) = ended.report["streams"]["orders"]["rules"].values()
        assert rule["ahead_of_clock"] == 1
    assert made.count == 2


def test_a_row_that_two_rules_want_is_made_anew(made: Made, playground: Playground, tmp_path: Path) -> None:
    """Of two events one may be missing; of rules of which one wants it, the row is known by that."""
    rules = [{**support.RULE, "when": f"kind in {kinds}"} for kinds in (["order_paid", "both"], ["order_sent", "both"])]
    rules[1]["event"] = {**support.RULE["event"], "type": "second"}
    settings = support.config(playground.url, tmp_path, rules=rules)
    rows = [support.record("orders", number, kind=kind) for number, kind in enumerate(("order_paid", "order_sent"))]
    both = support.record("orders", 2, kind="both")
    assert run(settings, [*rows, both])["delivered"] == 4
    assert list(support.report_in(tmp_path / "data")["streams"]["orders"]["rules"]) == ["*:{{ kind }}", "*:second"]
    made.count = 0
    numbers = run(settings, [*rows, both])
    assert (made.count, numbers["duplicate"], numbers["filtered"]) == (2, 4, 2)
