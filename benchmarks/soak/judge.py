"""What became of each record: the account and the dead letters, held against the shop's history."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.soak import shop
from benchmarks.soak.shop import History
from target_zendesk_events import lenient
from target_zendesk_events.playground.server import Playground

Piece = tuple[str, int]
"""A record, by stream and number."""
AMBIGUOUS_SECONDS = 3600.0
"""By so much a local time without an offset may be wrong, in the hour that a clock shows twice."""


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What there is: things that can double, by record; the newest version of what is replaced; dead letters."""

    once: Counter[Piece]
    times: Mapping[Piece, dt.datetime]
    profiles: Mapping[str, int]
    subscriptions: Mapping[str, int]
    letters: Counter[Piece]


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What does not hold in the end: records, each with its stream."""

    records: int
    lost: list[Piece]
    doubled: list[Piece]
    outdated: list[str]
    mistimed: list[Piece]
    waiting: list[Piece]
    """In the dead letters, though nothing was wrong with them: nobody could know whether they were stored."""


class Judge:
    """Looks at everything, and knows what there should be."""

    def __init__(self, playground: Playground, history: History, data_dir: Path) -> None:
        """Judge what came of this history in that account."""
        self._playground = playground
        self._history = history
        self._data_dir = data_dir

    def ahead(self, bookmarks: Mapping[str, int], now: float) -> list[Piece]:
        """Return the records that a STATE speaks of as settled, and that are not."""
        found = self._found()
        wanting = [
            (stream, number)
            for stream in (*shop.EVENTS, "incidents")
            for number in range(bookmarks.get(stream, -1) + 1)
            if (stream, number) not in found.once and (stream, number) not in found.letters
        ]
        profiles = _newest(shop.customer_of, bookmarks.get("customers", -1) + 1)
        wanting += [("customers", last) for one, last in profiles.items() if found.profiles.get(one, -1) < last]
        count, sent = bookmarks.get("subscriptions", -1) + 1, self._history.count("subscriptions", now)
        for one, last in _newest_subscriptions(count).items():
            later = {number for number in range(last, sent) if shop.subscription_of(number) == one}
            is_there = found.subscriptions.get(one, -1) >= last
            is_there |= ("subscriptions", last) in found.letters
            if not is_there and (one in found.subscriptions or not any(map(shop.is_closed, later))):
                wanting.append(("subscriptions", last))
        wanting += [
            ("subscriptions", number)
            for number in range(count)
            if shop.is_poison("subscriptions", number) and ("subscriptions", number) not in found.letters
        ]
        return wanting

    def verdict(self, now: float) -> Verdict:
        """Return what does not hold once all that happened by `now` has been sent."""
        found = self._found()
        count = {stream: self._history.count(stream, now) for stream in shop.STREAMS}
        owed = {(stream, number) for stream in (*shop.EVENTS, "incidents") for number in range(count[stream])}
        owed = {one for one in owed if not shop.is_poison(*one)}
        refused = {(stream, n) for stream in shop.STREAMS for n in range(count[stream]) if shop.is_poison(stream, n)}
        profiles = _newest(shop.customer_of, count["customers"])
        subscriptions = _newest_subscriptions(count["subscriptions"])
        there = {one: last for one, last in subscriptions.items() if not shop.is_closed(last)}
        return Verdict(
            sum(count.values()),
            lost=sorted((owed - set(found.once) - set(found.letters)) | (refused - set(found.letters))),
            doubled=sorted(one for one, times in found.once.items() if times > 1 or one not in owed),
            outdated=[*_other(profiles, found.profiles), *_other(there, found.subscriptions)],
            mistimed=sorted(one for one, at in found.times.items() if not self._is_right(one, at)),
            waiting=sorted(set(found.letters) - refused),
        )

    def _found(self) -> Found:
        bodies = (one.body["event"] for one in self._playground.events())
        events = [(event, (event["type"], event["properties"]["number"])) for event in bodies if event["properties"]]
        tickets = [("incidents", int(one["external_id"].removeprefix("t-"))) for one in self._playground.tickets()]
        attributes = [
            (identity["value"], profile["attributes"]["version"])
            for user in self._playground.users()
            for identity in user.identities
            if identity["type"] == "external_id"
            for profile in user.profiles
            if "version" in profile["attributes"]
        ]
        records = self._playground.records()
        return Found(
            Counter([piece for _, piece in events] + tickets),
            {piece: dt.datetime.fromisoformat(event["created_at"].replace("Z", "+00:00")) for event, piece in events},
            {customer: int(version) for customer, version in attributes},
            {one["external_id"]: int(one["custom_object_fields"]["version"]) for one in records},
            Counter(self._letters()),
        )

    def _letters(self) -> Iterator[Piece]:
        for path in sorted(self._data_dir.glob("dead-letters/*.singer")):
            for text in path.read_bytes().splitlines():
                message = lenient.outline(text)
                if message["type"] == "RECORD":
                    yield message["stream"], message["record"]["id"]

    def _is_right(self, piece: Piece, at: dt.datetime) -> bool:
        """Whether an event stands where it happened; in the hour that a clock shows twice, in either of the two."""
        happened = self._history.at(*piece)
        zone = {"visits": shop.BERLIN, "calls": shop.NEW_YORK}.get(piece[0])
        may_differ = zone is not None and _is_shown_twice(happened.astimezone(zone))
        return abs((at - happened).total_seconds()) <= (AMBIGUOUS_SECONDS if may_differ else 0.0)


def _is_shown_twice(local: dt.datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _newest(name: Callable[[int], str], count: int) -> dict[str, int]:
    """Return the last record of each that `name` tells."""
    return {name(number): number for number in range(count)}


def _newest_subscriptions(count: int) -> dict[str, int]:
    """Return the last record of each subscription that is not refused."""
    numbers = (number for number in range(count) if not shop.is_poison("subscriptions", number))
    return {shop.subscription_of(number): number for number in numbers}


def _other(wanted: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    return sorted(one for one in wanted.keys() | found.keys() if wanted.get(one) != found.get(one))
