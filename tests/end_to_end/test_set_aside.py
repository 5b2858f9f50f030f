"""What is set aside: known rejects, the brake and its repair, and why, on the real command line."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

EXPORT_TIME = itertools.count(1)


def table(*, keys: bool, size: int = 200, bad: int = 10, **fields: Any) -> list[dict[str, Any]]:
    """Return a full table as a tap exports it: a column of its own changes each time; some rows lack their kind."""
    stream = copy.deepcopy(support.schema("orders"))
    stream["schema"]["properties"]["_sdc_extracted_at"] = stream["schema"]["properties"]["exported"] = {}
    stream["key_properties"] = ["id"] if keys else []
    exported = next(EXPORT_TIME)
    fields |= {"exported": exported, "_sdc_extracted_at": exported}
    rows = [support.record("orders", number, kind=None if number < bad else "paid", **fields) for number in range(size)]
    return [stream, *rows, support.state({"upto": exported})]


def run(playground: Playground, folder: Path, messages: list[dict[str, Any]], **settings: Any) -> tuple[Any, str]:
    """Run the target with the brake as it is by default."""
    given = {"max_set_aside_percent": 10, **settings}
    return support.run_process(support.config(playground.url, folder, **given), support.lines(messages), folder)


@pytest.mark.parametrize("keys", [True, False])
def test_known_rejects_stop_no_healthy_stream(playground: Playground, tmp_path: Path, keys: bool) -> None:
    """Five runs a day over 200 rows with 5 % that cannot be mapped: ten dead letters, once, and nothing stops."""
    for _ in range(5):
        ended, error = run(playground, tmp_path, table(keys=keys))
        assert (ended.exit_code, len(ended.states), len(ended.letters)) == (0, 1, 10), error
        assert ended.report["totals"]["unmappable"] == 10
    assert len(playground.events()) == 190


def test_invalid_records_are_known_too(playground: Playground, tmp_path: Path) -> None:
    """By their key, and without one by all but the tap's own fields."""
    for keys, letters in [(True, 1), (True, 1), (False, 2), (False, 2)]:
        messages = table(keys=keys, size=60, bad=0)
        messages[5]["record"] |= {"at": 5, "exported": 0}
        ended, error = run(playground, tmp_path, messages)
        assert (ended.exit_code, len(ended.letters)) == (0, letters), error


REPAIRS: list[dict[str, Any]] = [
    {"rules": [{**support.RULE, "when": "kind is not none"}]},
    {"rules": [{**support.RULE, "event": {**support.RULE["event"], "type": "{{ kind or 'paid' }}"}}]},
    {"timezone": "Europe/Berlin"},
    {"stream_maps": {"orders": {"kind": "kind or 'paid'"}}},
]


@pytest.mark.parametrize("repair", REPAIRS, ids=range(len(REPAIRS)))
def test_what_was_mended_goes_on_the_same_day(playground: Playground, tmp_path: Path, repair: dict[str, Any]) -> None:
    """After the brake a changed rule or setting starts the count afresh."""
    ended, error = run(playground, tmp_path, table(keys=True, size=100, bad=40))
    assert ended.exit_code == 1
    assert "stream orders is stopped" in error
    mended = table(keys=True, size=100, bad=0 if "timezone" in repair else 40)
    ended, error = run(playground, tmp_path, mended, **repair)
    assert ended.exit_code == 0, error
    is_filtered = "when" in repair.get("rules", [{}])[0]
    assert len(playground.events()) == (60 if is_filtered else 100)


def test_a_schema_that_was_mended_goes_on_the_same_day(playground: Playground, tmp_path: Path) -> None:
    """`invalid` is the tap's to mend."""
    messages = table(keys=True, size=100, bad=0, at=None)
    ended, error = run(playground, tmp_path, messages)
    assert ended.exit_code == 1
    (told,) = [line for line in error.splitlines() if "stream orders is stopped" in line and "ERROR" in line]
    for part in (
        "11 of the 100 records that were seen today (UTC), with its rules, schema and settings as they are",
        "the commonest of this run: 11 invalid: at does not hold what the schema says of it: type",
        "(first in line 2 of the input)",
        "Mend the tap, whose records do not fit its own schema, or set validate_records to false",
    ):
        assert part in told
    assert "`when`" not in told
    messages[0]["schema"]["properties"]["at"] = {"type": ["string", "null"]}
    rules = [{**support.RULE, "event": {**support.RULE["event"], "created_at": "{{ at or '2026-11-01' }}"}}]
    ended, error = run(playground, tmp_path, messages, rules=rules)
    assert ended.exit_code == 0, error


def test_a_run_tells_why_it_set_aside(playground: Playground, tmp_path: Path) -> None:
    """In its summary: each reason, how often, and where it was first seen; names and lines, never a value."""
    secret = "hush-7461"
    messages = table(keys=True, size=100, bad=3, email=f"{secret}@example.com")
    messages[50]["record"]["at"] = secret
    messages[60]["record"]["id"] = secret
    _, error = run(playground, tmp_path, messages)
    for line in (
        "set aside 3 unmappable: rule '*:{{ kind }}': event.type: is null [ZE710] (first in line 2 of the input)",
        "orders: set aside 1 unmappable: rule '*:{{ kind }}': event.created_at: is no time",
        "orders: set aside 1 invalid: id does not hold what the schema says of it: type [ZE701] (first in line 61",
    ):
        assert line in error
    assert secret not in error
