"""An event on its customer's timeline: how to ask for a page of it, and how to tell the event there.

Facts: the Events API's reference, and Zendesk's "Accessing events" and "Using identifier queries with profiles".
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.request import Content, Request

EVENTS_PATH: Final = "/api/v2/user_profiles/events"
EVENTS: Final = Content("events")
"""What a page of them holds."""
CLOCK_TOLERANCE_SECONDS: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class OnTimeline:
    """How an event is read back: `event` is its object as it was sent, `customer` an identifier query."""

    event: Mapping[str, Any]
    customer: str

    def request(self, cursor: str) -> Request:
        """Return the request for one page of the customer's events of this source and type, near this time."""
        start_time, end_time = time_span(self.event["created_at"])
        fields = {
            "identifier": self.customer,
            "filter[source]": self.event["source"],
            "filter[type]": self.event["type"],
            "filter[start_time]": start_time,
            "filter[end_time]": end_time,
        }
        if cursor:
            fields["page[after]"] = cursor
        return Request("GET", f"{EVENTS_PATH}?{urlencode(fields, quote_via=quote, safe='')}", holds=EVENTS)

    def is_it(self, stored: Mapping[str, Any], first_sent_at: float | None) -> bool:
        """Tell whether a stored event is the one that was sent.

        Whole events are compared as they were sent: times as instants, numbers by value, nulls left out, and what
        Zendesk adds ignored. One that Zendesk received before the first sending (less two seconds) is another's.
        """
        received_at = instant_of(stored.get("received_at"))
        if received_at is not None and first_sent_at is not None:
            is_older = received_at.timestamp() < first_sent_at - CLOCK_TOLERANCE_SECONDS
        else:
            is_older = False
        if is_older or not _is_same_moment(self.event["created_at"], stored.get("created_at")):
            return False
        try:
            return _comparable(self.event) == _comparable(stored)
        except UnicodeEncodeError:  # half a character, which no event of ours holds
            return False


def identifier_query(source: str, type: str, identifiers: Iterable[tuple[str, str]]) -> str | None:  # noqa: A002 - Zendesk's word
    """Return the query of a profile of this source and type, by the first identifier that can be written in one.

    Its four parts are joined with colons; whether a colon inside a part can be written is not documented, so none is.
    """
    if ":" in source + type:
        return None
    return next((f"{source}:{type}:{kind}:{value}" for kind, value in identifiers if ":" not in kind + value), None)


def time_span(created_at: str) -> tuple[str, str]:
    """Return the times between which an event is looked for: a second either way, as clocks may be cut to seconds."""
    instant = instant_of(created_at)
    if instant is None:
        return created_at, created_at
    second = dt.timedelta(seconds=1)
    try:
        return _utc(instant - second), _utc(instant + second)
    except OverflowError:  # the first and the last second that there is
        return created_at, created_at


def _is_same_moment(sent: str | None, stored: object) -> bool:
    """Compare times as instants; one that was cut, to milliseconds at the least, as far as it goes.

    Whether Zendesk cuts them is not documented. Cut to whole seconds, another event of that second would look the same.
    """
    ours, theirs = instant_of(sent), instant_of(stored)
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


def instant_of(text: object) -> dt.datetime | None:
    """Return the instant that an ISO-8601 text names, UTC where it names no offset; None for what is none."""
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
