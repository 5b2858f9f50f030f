"""Records whose key is not whole: on the real command line, against a served playground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

FIELDS = {"type": ["string", "integer", "null"]}


def feed(playground: Playground, folder: Path, keys: list[str], records: list[dict[str, Any]], **event: Any) -> Any:
    """Run the target with a rule of constant type over records of one stream; return how it ended."""
    names = {name: FIELDS for one in records for name in one} | dict.fromkeys(keys, FIELDS)
    rule = {
        "stream": "orders",
        "profile": {"identifiers": {"email": "{{ email }}"}},
        "event": {"type": "order_paid", **event},
    }
    messages = [
        {"type": "SCHEMA", "stream": "orders", "schema": {"properties": names}, "key_properties": keys},
        *({"type": "RECORD", "stream": "orders", "record": one} for one in records),
        {"type": "STATE", "value": {"done": True}},
    ]
    ended, _ = support.run_process(
        support.config(playground.url, folder, rules=[rule]), support.lines(messages), folder
    )
    return ended


A, B = {"email": "customer-1@example.com"}, {"email": "customer-2@example.com"}
NOT_WHOLE = [
    pytest.param(["id"], [{"id": None, **A}, {"id": None, **B}], id="null"),
    pytest.param(["id"], [A, B], id="missing"),
    pytest.param(["shop", "id"], [{"shop": 1, "id": None, **A}, {"shop": 1, "id": None, **B}], id="half a key"),
]


@pytest.mark.parametrize(("keys", "records"), NOT_WHOLE)
def test_a_null_makes_no_two_rows_one(
    playground: Playground, tmp_path: Path, keys: list[str], records: list[dict[str, Any]]
) -> None:
    """Two events with a time of their own are two, and no changed row; sent again, both are known."""
    at = "2026-11-01T10:00:00Z"
    first = feed(playground, tmp_path, keys, records, created_at=at)
    again = feed(playground, tmp_path, keys, records, created_at=at)
    sent = sorted(one.body["profile"]["identifiers"][0]["value"] for one in playground.events())
    assert sent == ["customer-1@example.com", "customer-2@example.com"]
    assert (first.exit_code, again.exit_code) == (0, 0)
    counts = [one.report["streams"]["orders"]["rules"]["orders:order_paid"] for one in (first, again)]
    assert "changed" not in counts[0]
    assert counts[1]["duplicate"] == 2


@pytest.mark.parametrize(("keys", "records"), NOT_WHOLE)
def test_with_nothing_that_tells_them_apart_both_are_set_aside(
    playground: Playground, tmp_path: Path, keys: list[str], records: list[dict[str, Any]]
) -> None:
    """Neither is sent, each says why, and a record of the same stream with a whole key goes."""
    whole = {"shop": 1, "id": 7, "email": "customer-3@example.com"}
    ended = feed(playground, tmp_path, keys, [*records, whole])
    assert [one.body["profile"]["identifiers"][0]["value"] for one in playground.events()] == ["customer-3@example.com"]
    letters = [(one["dead_letter"]["reason"], one["record"]["email"]) for one in ended.letters]
    assert letters == [("unmappable", "customer-1@example.com"), ("unmappable", "customer-2@example.com")]
    assert (
        "needs `dedupe_key` (or an event `created_at` or `dedupe: false`, a ticket `external_id`)"
        in ended.letters[0]["dead_letter"]["message"]
    )
    assert ended.states == [{"done": True}]
