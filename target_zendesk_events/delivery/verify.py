"""Reading back what a lost answer left: whether the event is on the customer's timeline."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from target_zendesk_events.kinds.event import Event, Identifier, canonical

WAITS_BEFORE_READS: Final = (1.0, 3.0, 6.0)
"""Seconds before each reading, 1, 4 and 10 after the loss: a new event may not be readable at once, and a read costs as
much of the minute as an event."""
CLOCK_TOLERANCE_SECONDS: Final = 2.0


class Verdict(str, enum.Enum):
    """What the readings so far say."""

    STORED = "stored"
    ABSENT = "absent"
    UNDECIDED = "undecided"


class Verification:
    """The readings for one event, as a pure function of the times and pages it is given."""

    def __init__(self, event: Event, now: float, lookalikes: int = 0) -> None:
        """Look for `event`, of which `lookalikes` more were stored shortly before."""
        self._event = event
        self._lookalikes = lookalikes
        self._found = 0
        self._readings = 0
        self.next_at = now + WAITS_BEFORE_READS[0]
        self.cursor = ""
        """The page to read next, within one reading; empty for the first."""

    def note_page(
        self, events: Iterable[Mapping[str, Any]], following: str, now: float, first_sent_at: float | None
    ) -> Verdict:
        """Take one page of a reading; `following` is the next page's cursor, empty on the last.

        `first_sent_at` is when the event, or the first of those alike, was first sent, in epoch seconds by the server's
        clock; None: not known.
        """
        self._found += sum(is_same(self._event, stored, first_sent_at) for stored in events)
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


def query_identifier(event: Event) -> Identifier | None:
    """Return an identifier to read the customer's events by; None where none can be written as an identifier query.

    Its four parts are joined with colons; whether a colon inside a part can be written is not documented.
    """
    profile = event.profile
    if ":" in profile.source + profile.type:
        return None
    return next((one for one in profile.identifiers if ":" not in one.type + one.value), None)


def time_span(created_at: str) -> tuple[str, str]:
    """Return the times between which an event is looked for: a second either way, as clocks may be cut to seconds."""
    instant = _instant(created_at)
    if instant is None:
        return created_at, created_at
    second = dt.timedelta(seconds=1)
    try:
        return _utc(instant - second), _utc(instant + second)
    except OverflowError:  # the first and the last second that there is
        return created_at, created_at


def is_same(event: Event, stored: Mapping[str, Any], first_sent_at: float | None) -> bool:
    """Tell whether a stored event is the one that was sent.

    Whole events are compared as they were sent: times as instants, numbers by value, nulls left out, and what Zendesk
    adds ignored. One that Zendesk received before the first sending (less two seconds) is another's.
    """
    received_at = _instant(stored.get("received_at"))
    if received_at is not None and first_sent_at is not None:
        is_older = received_at.timestamp() < first_sent_at - CLOCK_TOLERANCE_SECONDS
    else:
        is_older = False
    if is_older or not _is_same_moment(event.created_at, stored.get("created_at")):
        return False
    try:
        return _comparable(event.as_object()) == _comparable(stored)
    except UnicodeEncodeError:  # half a character, which no event of ours holds
        return False


def _is_same_moment(sent: str | None, stored: object) -> bool:
    """Compare times as instants; one that was cut, to milliseconds at the least, as far as it goes.

    Whether Zendesk cuts them is not documented. Cut to whole seconds, another event of that second would look the same.
    """
    ours, theirs = _instant(sent), _instant(stored)
    if ours is None or theirs is None:
        return ours == theirs
    digits = len(found[1]) if (found := _FRACTION.search(str(stored))) else 0
    if digits < len("123"):
        return ours == theirs
    return abs((ours - theirs).total_seconds()) < 10.0**-digits


_FRACTION = re.compile(r"[.,]([0-9]+)")


def _comparable(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        event.get("source"),
        event.get("type"),
        event.get("description") or None,
        canonical(event.get("properties") or {}),
    )


def _instant(text: object) -> dt.datetime | None:
    if not isinstance(text, str):
        return None
    try:
        instant = dt.datetime.fromisoformat(_plain_iso(text))
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.timezone.utc)


def _utc(instant: dt.datetime) -> str:
    return instant.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")


def _plain_iso(text: str) -> str:
    """Return an ISO-8601 time as every supported Python reads it: `+00:00` for `Z`, six digits of a second."""
    text = text.strip().replace("Z", "+00:00").replace("z", "+00:00")
    head, dot, tail = text.partition(".")
    if not dot:
        return text
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return f"{head}.{digits[:6]:0<6}{tail[len(digits) :]}"
