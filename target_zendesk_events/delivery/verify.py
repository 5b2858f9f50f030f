"""Reading back what a lost answer left: whether the shipment is there."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final

from target_zendesk_events.kinds.shipment import ReadBack, Request

WAITS_BEFORE_READS: Final = (1.0, 3.0, 6.0)
"""Seconds before each reading, 1, 4 and 10 after the loss: what is new may not be readable at once, and a read costs as
much of the minute as a sending."""


class Verdict(str, enum.Enum):
    """What the readings so far say."""

    STORED = "stored"
    ABSENT = "absent"
    UNDECIDED = "undecided"


class Verification:
    """The readings for one shipment, as a pure function of the times and pages it is given."""

    def __init__(self, read_back: ReadBack, now: float, lookalikes: int = 0) -> None:
        """Look for it by `read_back`; so many `lookalikes` were stored shortly before."""
        self._read_back = read_back
        self._lookalikes = lookalikes
        self._found = 0
        self._readings = 0
        self.next_at = now + WAITS_BEFORE_READS[0]
        self.cursor = ""
        """The page to read next, within one reading; empty for the first."""

    def request(self) -> Request:
        """Return the request for the page to read next."""
        return self._read_back.request(self.cursor)

    @property
    def list_name(self) -> str:
        """Under which name a page lists what is there."""
        holds = self.request().holds
        return "" if holds is None else holds.name

    def note_page(
        self, page: Iterable[Mapping[str, Any]], following: str, now: float, first_sent_at: float | None
    ) -> Verdict:
        """Take one page of a reading; `following` is the next page's cursor, empty on the last.

        `first_sent_at` is when it, or the first of those alike, was first sent, in epoch seconds by the server's
        clock; None: not known.
        """
        self._found += sum(self._read_back.is_it(stored, first_sent_at) for stored in page)
        if self._found > self._lookalikes:
            return Verdict.STORED
        if following and following != self.cursor:
            self.cursor = following
            self.next_at = now
            return Verdict.UNDECIDED
        self.cursor = ""
        self._found = 0
        self._readings += 1
        if self._readings == len(WAITS_BEFORE_READS):
            return Verdict.ABSENT
        self.next_at = now + WAITS_BEFORE_READS[self._readings]
        return Verdict.UNDECIDED
