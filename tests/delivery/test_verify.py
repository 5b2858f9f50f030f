"""Reading back what a lost answer left."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.delivery.verify import (
    WAITS_BEFORE_READS,
    Verdict,
    Verification,
    is_same,
    query_identifier,
    time_span,
)
from target_zendesk_events.kinds.event import Event, Identifier, Profile

SENT_AT = 1_795_435_200.0
EVENT = Event(
    Profile("shop", "customer", (Identifier("email", "a@example.com"),)),
    "shop",
    "order",
    {"total": 1, "item": {"name": "cup", "note": None}},
    description="An order",
    created_at="2026-11-01T10:00:00Z",
)


def stored(**others: Any) -> dict[str, Any]:
    """Return the event as Zendesk gives it back, but for what is given."""
    return {
        "id": "01E1",
        "source": "shop",
        "type": "order",
        "description": "An order",
        "created_at": "2026-11-01T10:00:00.000Z",
        "received_at": iso(SENT_AT + 1),
        "properties": {"item": {"name": "cup"}, "total": 1.0},
        **others,
    }


@pytest.mark.parametrize(
    ("sent", "given_back", "same"),
    [
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.123Z", True),
        ("2026-11-01T10:00:00.123956Z", "2026-11-01T10:00:00.124Z", True),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T11:00:00.1234+01:00", True),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.125Z", False),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.123457Z", False),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00Z", False),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.1Z", False),
        ("2026-11-01T10:00:00.123456Z", None, False),
    ],
)
def test_a_time_that_was_cut_to_milliseconds_is_known_again(sent: str, given_back: str | None, same: bool) -> None:
    """Its precision is what can be compared; cut to seconds, another event of that second would look the same."""
    event = msgspec.structs.replace(EVENT, created_at=sent)
    assert is_same(event, stored(created_at=given_back), SENT_AT) is same


def iso(seconds: float) -> str:
    """Return a time as text."""
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).isoformat()


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"created_at": "2026-11-01T12:00:00+02:00"},
        {"created_at": "2026-11-01T10:00:00"},
        {"created_at": "2026-11-01T10:00:00.000000000Z"},
        {"received_at": None},
        {"received_at": "not a time"},
        {"received_at": iso(SENT_AT - 1.9)},
        {"properties": {"total": 1, "item": {"name": "cup", "note": None}}},
        {"user_id": "7"},
    ],
)
def test_the_same_event_is_known_however_it_is_written(others: dict[str, Any]) -> None:
    """Times are instants, numbers are values, nulls are nothing, and what Zendesk adds is ignored."""
    assert is_same(EVENT, stored(**others), SENT_AT)


@pytest.mark.parametrize(
    "others",
    [
        {"created_at": "2026-11-01T10:00:01Z"},
        {"created_at": None},
        {"type": "refund"},
        {"source": "till"},
        {"description": None},
        {"properties": {"total": 2, "item": {"name": "cup"}}},
        {"properties": None},
        {"properties": {"total": 1, "item": {"name": "cup\ud83d"}}},
        {"received_at": iso(SENT_AT - 2.1)},
    ],
)
def test_another_event_is_not_taken_for_it(others: dict[str, Any]) -> None:
    """Another field, or a time of receipt before the first sending (less two seconds), is another event."""
    assert not is_same(EVENT, stored(**others), SENT_AT)


def test_without_a_time_of_sending_any_receipt_will_do() -> None:
    """A run that does not know when it was first sent compares the rest."""
    assert is_same(EVENT, stored(received_at=iso(0.0)), None)


def test_three_readings_over_ten_seconds_make_it_absent() -> None:
    """A new event may not be readable at once, and each read costs as much as an event."""
    verification = Verification(EVENT, 100.0)
    read_at: list[float] = []
    verdict = Verdict.UNDECIDED
    while verdict is Verdict.UNDECIDED:
        read_at.append(verification.next_at)
        verdict = verification.note_page([stored(type="refund")], "", verification.next_at, SENT_AT)
    assert read_at == [101.0, 104.0, 110.0]
    assert verdict is Verdict.ABSENT


@given(pages=st.integers(1, 5), reading=st.integers(0, 2))
def test_every_page_of_a_reading_is_looked_at(pages: int, reading: int) -> None:
    """It is found on whatever page of whatever reading it stands; pages follow one another at once."""
    verification = Verification(EVENT, 0.0)
    for _ in range(reading):
        assert verification.note_page([], "", 1.0, SENT_AT) is Verdict.UNDECIDED
    for page in range(1, pages):
        assert verification.note_page([stored(type="refund")], f"page {page}", 1.0, SENT_AT) is Verdict.UNDECIDED
        assert verification.cursor == f"page {page}"
        assert verification.next_at == 1.0
    assert verification.note_page([stored(type="refund"), stored()], "more", 1.0, SENT_AT) is Verdict.STORED


def test_a_page_that_names_itself_as_the_next_is_the_last() -> None:
    """A cursor that leads nowhere ends the reading, and not the patience of the run."""
    verification = Verification(EVENT, 0.0)
    verdicts = [verification.note_page([], "page 2", 1.0, SENT_AT) for _ in range(2 * len(WAITS_BEFORE_READS))]
    assert verdicts[-1] is Verdict.ABSENT


def test_a_new_reading_begins_at_the_first_page() -> None:
    """After the last page the cursor is empty again."""
    verification = Verification(EVENT, 0.0)
    verification.note_page([], "page 2", 1.0, SENT_AT)
    verification.note_page([], "", 1.0, SENT_AT)
    assert verification.cursor == ""


@pytest.mark.parametrize(
    ("source", "kind", "identifiers", "found"),
    [
        ("shop", "customer", [("email", "a@b")], ("email", "a@b")),
        ("shop", "customer", [("urn", "x:1"), ("email", "a@b")], ("email", "a@b")),
        ("shop", "customer", [("urn:x", "1"), ("email", "a@b")], ("email", "a@b")),
        ("shop", "customer", [("urn", "x:1")], None),
        ("sh:op", "customer", [("email", "a@b")], None),
        ("shop", "cust:omer", [("email", "a@b")], None),
    ],
)
def test_an_identifier_with_a_colon_is_not_asked_for(
    source: str, kind: str, identifiers: list[tuple[str, str]], found: tuple[str, str] | None
) -> None:
    """The first that can be written as a query is taken; none where there is none."""
    profile = Profile(source, kind, tuple(Identifier(*one) for one in identifiers))
    event = Event(profile, "shop", "order", {})
    assert query_identifier(event) == (Identifier(*found) if found else None)


def test_an_event_is_looked_for_a_second_either_way() -> None:
    """Clocks may be cut to seconds."""
    assert time_span("2026-11-01T10:00:00.5Z") == ("2026-11-01T09:59:59.500000Z", "2026-11-01T10:00:01.500000Z")
    assert time_span("2026-11-01T12:00:00+02:00") == ("2026-11-01T09:59:59Z", "2026-11-01T10:00:01Z")


@pytest.mark.parametrize(
    "text",
    [
        "no time",
        pytest.param("0001-01-01T00:00:00Z"),
        pytest.param("9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_without_a_second_around_it_stands_for_itself(text: str) -> None:
    """What cannot be moved by a second is asked for as it is."""
    assert time_span(text) == (text, text)
