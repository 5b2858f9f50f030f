"""Dead letters as they are read back, whatever somebody made of them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.outcome.dead_letters import is_letter
from target_zendesk_events.outcome.letters import REASONS, Choice, Letter, letters_in
from target_zendesk_events.outcome.listing import groups_of, waiting_in
from target_zendesk_events.outcome.reasons import ADVICE


def letter(**note: Any) -> Letter:
    """Return a letter with this note."""
    message = {"type": "RECORD", "stream": "raw", "record": {}, "dead_letter": note}
    (read,) = letters_in(json.dumps(message).encode() + b"\n")
    return read


@pytest.mark.parametrize(
    ("reason", "rule", "message", "field"),
    [
        ("unmappable", "a: b", "rule 'a: b': event.type: is null", "event.type"),
        ("unmappable", "r", "rule 'r': when: yields a text that says no", "when"),
        ("unmappable", "r", "rule 'r' needs dedupe_key: or so", None),
        ("unmappable", "r", "two rules give this record the same key: give each rule a `dedupe_key`", None),
        ("unmappable", "r", "rule 'r': object.fields: yields something else", "object.fields"),
        ("limit", "r", "object.name has 300 characters; Zendesk takes 255", "object.name"),
        ("limit", "r", "profile.identifiers has 30 entries; Zendesk takes 1 to 20", "profile.identifiers"),
        ("invalid", None, "a.b does not hold what the schema says of it: type", "a.b"),
        ("invalid", None, "the record is nested deeper than 100", None),
        ("refused", "r", "event.type: is wrong", None),
    ],
)
def test_the_field_is_told_by_our_own_words(reason: str, rule: str | None, message: str, field: str | None) -> None:
    """Zendesk's words name none that could be relied on."""
    assert letter(reason=reason, rule=rule, message=message).field == field


def test_each_reason_is_listed_wherever_reasons_are() -> None:
    """What `replay --reason` takes, `last-run.json` counts, and has an advice."""
    stream = support.LAST_RUN_SCHEMA["properties"]["streams"]["additionalProperties"]["properties"]
    assert tuple(stream["dead_letters"]["propertyNames"]["enum"]) == REASONS == tuple(ADVICE)


@pytest.mark.parametrize("note", [{}, {"reason": 5, "time": 7, "key": [], "stream": None}, {"time": "noon"}])
def test_an_edited_note_is_no_fault(note: dict[str, Any]) -> None:
    """What cannot be read of it says nothing; its record goes as any other."""
    read = letter(**note)
    assert (read.is_record, read.is_held, read.reason, read.seen_as) == (True, False, "unreadable", "raw")
    assert (read.time, read.key, read.rule, read.field) == (None, None, None, None)
    assert Choice().takes(read)
    assert not Choice(since=dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)).takes(read)


def test_a_stream_has_two_names() -> None:
    """The tap's, and the one that its rules saw."""
    read = letter(reason="refused", stream="mapped")
    assert [Choice(streams=frozenset({name})).takes(read) for name in ("raw", "mapped", "other")] == [True, True, False]


def test_groups_know_their_oldest_and_why_of_the_newest(tmp_path: Path) -> None:
    """However the files are ordered; the largest group of a stream comes first."""
    notes = [("limit", "2026-11-03", "c"), ("refused", "2026-11-02", "b"), ("refused", "2026-11-04", "d")]
    notes += [("refused", "2026-11-01", "a")]
    lines = [
        {"type": "RECORD", "stream": "orders", "record": {},
         "dead_letter": {"reason": reason, "stream": "orders", "time": f"{day}T00:00:00+00:00", "message": why}}
        for reason, day, why in notes
    ]  # fmt: skip
    (tmp_path / "orders.run.singer").write_text("\n".join(map(json.dumps, lines)) + "\n" + '{"type": "REC')
    first, second = groups_of(waiting_in(tmp_path))
    assert (first.reason, first.count, first.first, first.why) == ("refused", 3, 2, "d")
    assert (str(first.oldest)[:10], str(first.newest)[:10]) == ("2026-11-01", "2026-11-04")
    assert (second.reason, second.count, second.first) == ("limit", 1, 1)


@pytest.mark.parametrize("line", [b'{"type":1,"dead_letter":{}}', b'{"type":"RECORD","dead_letter":3}', b"[]", b"{"])
def test_a_line_of_another_shape_is_no_letter(line: bytes) -> None:
    """With the oldest msgspec too, whose errors are no ValueErrors."""
    assert not is_letter(line)
