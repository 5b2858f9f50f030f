"""The shop whose history is told: what happened when, as pure functions of a number, and the rules for it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

MINUTE: Final = 60.0
CUSTOMERS: Final = 40
SUBSCRIPTIONS: Final = 30
PLANS: Final = ("gold", "silver")
NO_PLAN: Final = "no such plan"
OVERLAP: Final = 2
"""Records that the tap sends again in each run, the boundary one aside."""
RECORDS_A_STATE: Final = 5
LOCAL: Final = "%Y-%m-%d %H:%M:%S"
BERLIN: Final = zoneinfo.ZoneInfo("Europe/Berlin")
NEW_YORK: Final = zoneinfo.ZoneInfo("America/New_York")

IDENTIFIERS: Final = {"external_id": "{{ customer }}", "email": "{{ customer }}@example.com"}


def _event(stream: str, created_at: str) -> dict[str, Any]:
    properties = {"number": "{{ id }}"}
    event = {"type": stream, "created_at": created_at, "properties": properties}
    return {"stream": stream, "profile": {"identifiers": IDENTIFIERS}, "event": event}


RULES: Final[list[dict[str, Any]]] = [
    _event("orders", "{{ at }}"),
    _event("visits", "{{ at }}"),
    _event("calls", "{{ at | datetime('" + LOCAL + "', 'America/New_York') }}"),
    {
        "stream": "customers",
        "profile": {"identifiers": IDENTIFIERS, "attributes": {"plan": "{{ plan }}", "version": "{{ id }}"}},
    },
    {
        "stream": "subscriptions",
        "when": "not closed",
        "object": {
            "key": "subscription",
            "external_id": "{{ subscription }}",
            "fields": {
                "plan": "{{ plan }}",
                "version": "{{ id }}",
                "customer": {"user": {"external_id": "{{ customer }}"}},
            },
        },
    },
    {
        "stream": "subscriptions",
        "when": "closed",
        "delete": {"object": "subscription", "external_id": "{{ subscription }}"},
    },
    {
        "stream": "incidents",
        "ticket": {
            "external_id": "t-{{ id }}",
            "requester": {"email": "{{ customer }}@example.com", "name": "A customer"},
            "subject": "Incident {{ id }}",
            "comment": {"body": "Number {{ id }}"},
        },
    },
]
EVENTS: Final = ("orders", "visits", "calls")


@dataclasses.dataclass(frozen=True, slots=True)
class Stream:
    """One stream: something happens in it every so many seconds, `fields` tell what by number and time."""

    every: float
    fields: Callable[[int, dt.datetime], Mapping[str, Any]]


def is_poison(stream: str, number: int) -> bool:
    """Tell which records end as dead letters: orders of nobody, and subscriptions to a plan that there is not."""
    return (stream == "orders" and number % 40 == 39) or (stream == "subscriptions" and number % 60 == 59)  # noqa: PLR2004 - as drawn


def is_closed(number: int) -> bool:
    """Tell which subscriptions' records say that it has ended."""
    return number % 50 == 48  # noqa: PLR2004 - as drawn


def customer_of(number: int) -> str:
    """Return whom a record is about."""
    return f"c{number % CUSTOMERS}"


def visitor_of(number: int) -> str:
    """Return whose visit it is: each is somebody's first."""
    return f"v{number}"


def subscription_of(number: int) -> str:
    """Return which subscription a record is about."""
    return f"s{number % SUBSCRIPTIONS}"


def _orders(number: int, at: dt.datetime) -> dict[str, Any]:
    return {"customer": None if is_poison("orders", number) else customer_of(number), "at": at.isoformat()}


def _visits(number: int, at: dt.datetime) -> dict[str, Any]:
    return {"customer": visitor_of(number), "at": at.astimezone(BERLIN).strftime(LOCAL)}


def _calls(number: int, at: dt.datetime) -> dict[str, Any]:
    return {"customer": customer_of(number), "at": at.astimezone(NEW_YORK).strftime(LOCAL)}


def _customers(number: int, _at: dt.datetime) -> dict[str, Any]:
    return {"customer": customer_of(number), "plan": PLANS[number // CUSTOMERS % 2]}


def _subscriptions(number: int, _at: dt.datetime) -> dict[str, Any]:
    return {
        "customer": visitor_of(max(0, number - 3)),  # who was there an hour ago
        "subscription": subscription_of(number),
        "plan": NO_PLAN if is_poison("subscriptions", number) else PLANS[number % 2],
        "closed": is_closed(number),
    }


def _incidents(number: int, _at: dt.datetime) -> dict[str, Any]:
    return {"customer": customer_of(number)}


STREAMS: Final[Mapping[str, Stream]] = {
    "orders": Stream(10 * MINUTE, _orders),
    "visits": Stream(20 * MINUTE, _visits),
    "calls": Stream(20 * MINUTE, _calls),
    "customers": Stream(60 * MINUTE, _customers),
    "subscriptions": Stream(20 * MINUTE, _subscriptions),
    "incidents": Stream(120 * MINUTE, _incidents),
}
EVENTS_A_DAY: Final = round(sum(24 * 60 * MINUTE / STREAMS[name].every for name in EVENTS))


class History:
    """What happened in the shop, which is open in some spans of time alone: (begin, end) in epoch seconds."""

    def __init__(self, spans: Sequence[tuple[float, float]], pace: float = 1.0) -> None:
        """Be open in these, in their order; so many times as much happens."""
        self.spans = spans
        self._pace = pace

    def at(self, stream: str, number: int) -> dt.datetime:
        """Return when a record's matter happened; raises IndexError beyond the last span."""
        seconds = number * STREAMS[stream].every / self._pace
        for begin, end in self.spans:
            if seconds < end - begin:
                return dt.datetime.fromtimestamp(begin + seconds, dt.timezone.utc)
            seconds -= end - begin
        raise IndexError(number)

    def count(self, stream: str, now: float) -> int:
        """Return how many records there are of a stream by `now`; their numbers are from 0 on."""
        every = STREAMS[stream].every / self._pace
        over = sum(end - begin for begin, end in self.spans if now >= end)
        inside = [now - begin for begin, end in self.spans if begin <= now < end]
        return int((over + inside[0]) // every) + 1 if inside else math.ceil(over / every)

    def message(self, stream: str, number: int) -> dict[str, Any]:
        """Return a RECORD."""
        fields = STREAMS[stream].fields(number, self.at(stream, number))
        return {"type": "RECORD", "stream": stream, "record": {"id": number, **fields}}

    def all(self) -> list[tuple[float, str, int]]:
        """Return all that ever happens, in its order: when, in epoch seconds, the stream and the number."""
        end = self.spans[-1][1]
        pieces = ((stream, number) for stream in STREAMS for number in range(self.count(stream, end)))
        return sorted((self.at(*piece).timestamp(), *piece) for piece in pieces)

    def lines(self, bookmarks: Mapping[str, int], now: float) -> Iterator[bytes]:
        """Yield what the tap writes in a run that starts from these bookmarks, a few records again."""
        reached = dict(bookmarks)
        for stream in STREAMS:
            yield line(schema(stream))
            first = max(0, bookmarks.get(stream, -1) - OVERLAP)
            for number in range(first, self.count(stream, now)):
                yield line(self.message(stream, number))
                reached[stream] = max(number, reached.get(stream, -1))
                if number % RECORDS_A_STATE == 0:
                    yield line(state(reached))
            yield line(state(reached))


def schema(stream: str) -> dict[str, Any]:
    """Return a stream's SCHEMA."""
    text, truth = {"type": ["string", "null"]}, {"type": ["boolean", "null"]}
    names = ("customer", "at", "plan", "subscription")
    properties = {"id": {"type": "integer"}, "closed": truth, **dict.fromkeys(names, text)}
    content = {"type": "object", "properties": properties}
    return {"type": "SCHEMA", "stream": stream, "schema": content, "key_properties": ["id"]}


def state(reached: Mapping[str, int]) -> dict[str, Any]:
    """Return a STATE: of each stream the number of the last record that was written."""
    return {"type": "STATE", "value": {"bookmarks": {name: {"id": number} for name, number in reached.items()}}}


def bookmarks_in(state_line: bytes) -> dict[str, int]:
    """Return what a line of STATE says."""
    return {name: int(mark["id"]) for name, mark in json.loads(state_line)["bookmarks"].items()}


def line(message: Mapping[str, Any]) -> bytes:
    """Return a message as a tap writes it."""
    return json.dumps(message).encode() + b"\n"
