"""Reading back what a lost answer left."""

from __future__ import annotations

from typing import Any

import support
from hypothesis import given
from hypothesis import strategies as st
from support import iso

from target_zendesk_events.delivery.verify import WAITS_BEFORE_READS, Verdict, Verification
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.kinds.timeline import OnTimeline

SENT_AT = 1_795_435_200.0
EVENT = Event(
    Profile("shop", "customer", (Identifier("email", "a@example.com"),)),
    "shop",
    "order",
    {"total": 1, "item": {"name": "cup", "note": None}},
    description="An order",
    created_at="2026-11-01T10:00:00Z",
)
READ_BACK = OnTimeline(EVENT.as_object(), "shop:customer:email:a@example.com")


def stored(**others: Any) -> dict[str, Any]:
    """Return the event as Zendesk gives it back a second after it was sent, but for what is given."""
    return support.stored_order(**{"received_at": iso(SENT_AT + 1), **others})


def test_three_readings_over_ten_seconds_make_it_absent() -> None:
    """A new event may not be readable at once, and each read costs as much as an event."""
    verification = Verification(READ_BACK, 100.0)
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
    verification = Verification(READ_BACK, 0.0)
    for _ in range(reading):
        assert verification.note_page([], "", 1.0, SENT_AT) is Verdict.UNDECIDED
    for page in range(1, pages):
        assert verification.note_page([stored(type="refund")], f"page {page}", 1.0, SENT_AT) is Verdict.UNDECIDED
        assert verification.cursor == f"page {page}"
        assert verification.next_at == 1.0
    assert verification.note_page([stored(type="refund"), stored()], "more", 1.0, SENT_AT) is Verdict.STORED


def test_a_page_that_names_itself_as_the_next_is_the_last() -> None:
    """A cursor that leads nowhere ends the reading, and not the patience of the run."""
    verification = Verification(READ_BACK, 0.0)
    verdicts = [verification.note_page([], "page 2", 1.0, SENT_AT) for _ in range(2 * len(WAITS_BEFORE_READS))]
    assert verdicts[-1] is Verdict.ABSENT


def test_a_new_reading_begins_at_the_first_page() -> None:
    """After the last page the cursor is empty again."""
    verification = Verification(READ_BACK, 0.0)
    verification.note_page([], "page 2", 1.0, SENT_AT)
    verification.note_page([], "", 1.0, SENT_AT)
    assert verification.cursor == ""
