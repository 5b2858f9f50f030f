"""What came of a run, told from what arrived at the server and from what its sender says. Pure."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Mapping, Sequence

from benchmarks.contest.history import Arrival, History

Numbers = frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Books:
    """What a sender holds of the input, told from what it keeps.

    `delivered` it holds as done and will not send again; `set_aside` it has put where a person finds it; `pending` it
    will send. `counted` is how many it counts as delivered, where it counts beside its watermark.
    """

    delivered: Numbers
    set_aside: Numbers = frozenset()
    pending: Numbers = frozenset()
    counted: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """What a sender held at one time: when it was killed, or at the end."""

    at: float
    books: Books


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """The figures of one run; `void` says why it counts for nothing, and is empty where it counts."""

    lost: int
    doubled: int
    out_of_order: int
    ahead: int
    requests: int
    delivered: int
    set_aside: int
    pending: int
    void: tuple[str, ...] = ()

    @property
    def requests_a_delivered(self) -> float:
        """How many requests one event took that is on a timeline."""
        return self.requests / self.delivered if self.delivered else float("inf")


def judge(
    customers: Sequence[int], digests: Mapping[int, str], history: History, moments: Sequence[Moment], kills: int
) -> Verdict:
    """Judge a run. `customers` has each order's customer; the last moment is the end; so many kills were due."""
    stored = [one for one in history.arrivals if one.is_stored]
    copies = collections.Counter(one.number for one in stored)
    books = moments[-1].books
    missing = frozenset(range(len(customers))) - copies.keys()
    return Verdict(
        lost=len(missing - books.set_aside - books.pending),
        doubled=sum(count - 1 for count in copies.values()),
        out_of_order=_out_of_order(customers, stored),
        ahead=len(_ahead(stored, moments)),
        requests=history.requests,
        delivered=len(copies),
        set_aside=len(books.set_aside),
        pending=len(books.pending),
        void=(
            *_imbalance_of_sender(len(customers), books),
            *_imbalance_of_server(digests, history),
            *_kills(moments, kills),
        ),
    )


def _out_of_order(customers: Sequence[int], stored: Collection[Arrival]) -> int:
    """Count events that came to their customer's timeline first when a later one of the same customer was there."""
    newest: dict[int, int] = {}
    seen: set[int] = set()
    late = 0
    for one in stored:
        number = one.number
        if number is None or not 0 <= number < len(customers) or number in seen:
            continue
        seen.add(number)
        customer = customers[number]
        late += number < newest.get(customer, -1)
        newest[customer] = max(number, newest.get(customer, -1))
    return late


def _ahead(stored: Collection[Arrival], moments: Sequence[Moment]) -> Numbers:
    """Return what a sender held as delivered at some moment when it was on no timeline."""
    ahead: set[int] = set()
    for moment in moments:
        there = {one.number for one in stored if one.at <= moment.at}
        ahead |= moment.books.delivered - there
    return frozenset(ahead)


def _imbalance_of_sender(count: int, books: Books) -> list[str]:
    faults = []
    parts = len(books.delivered) + len(books.set_aside) + len(books.pending)
    whole = books.delivered | books.set_aside | books.pending
    if parts != count or whole != frozenset(range(count)):
        faults.append(
            f"at the sender: {count} sent is not {len(books.delivered)} delivered + {len(books.set_aside)} set aside "
            f"+ {len(books.pending)} pending"
        )
    if books.counted is not None and books.counted != len(books.delivered):
        faults.append(f"at the sender: {books.counted} counted as delivered, {len(books.delivered)} by its watermark")
    return faults


def _imbalance_of_server(digests: Mapping[int, str], history: History) -> list[str]:
    outcomes = collections.Counter(one.outcome for one in history.arrivals)
    stored = [one for one in history.arrivals if one.is_stored]
    faults = []
    if not history.requests == history.ended == len(history.arrivals) == sum(outcomes.values()):
        faults.append(
            f"at the server: {history.requests} requests came, {len(history.arrivals)} are written down, "
            f"{history.ended} were answered or cut off"
        )
    if history.on_timelines != len(stored):
        faults.append(f"at the server: {history.on_timelines} on timelines, {len(stored)} stored")
    strange = sum(one.number is None or digests.get(one.number) != one.digest for one in stored)
    if strange:
        faults.append(f"at the server: {strange} events are not those of the input")
    return faults


def _kills(moments: Sequence[Moment], kills: int) -> list[str]:
    done = len(moments) - 1
    return [] if done == kills else [f"{done} kills instead of {kills}"]
