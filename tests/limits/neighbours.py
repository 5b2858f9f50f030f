"""An account on a virtual clock: runs of the target and neighbours that draw on one limit."""

from __future__ import annotations

import collections
import dataclasses
import email.utils
import functools
import heapq
import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Final

from target_zendesk_events.delivery.retries import wait_before
from target_zendesk_events.limits.found_rate import Place, Told
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limit import RateLimit
from target_zendesk_events.zendesk.answers import Kind, read_answer

START: Final = 1_800_000_000.0
"""The clock's beginning: the epoch's seconds are the monotonic ones too."""
MINUTE: Final = 60.0
MAX_IN_FLIGHT: Final = 32


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """What the target meets; `limit` tells what the account grants by seconds since the beginning."""

    limit: Callable[[float], int] = lambda _: 250
    neighbour: Callable[[float], Sequence[float]] = lambda _: ()
    """The moments, in seconds within a minute that begins at these seconds, at which the neighbour sends."""
    window: str = "sliding"
    retry_after: str = "seconds"
    has_headers: bool = False
    latency: float = 0.25


class Account:
    """Zendesk's side: counts arrivals, in any minute or in each minute of the clock, of all who draw on it."""

    def __init__(self, world: World) -> None:
        """Have seen nothing."""
        self._world = world
        self._arrivals: collections.deque[float] = collections.deque()

    def arrive(self, now: float) -> tuple[int, dict[str, str]]:
        """Judge an arrival; return the status and the headers."""
        limit = self._world.limit(now - START)
        since = now - MINUTE if self._world.window == "sliding" else now - self._in_window(now)
        while self._arrivals and self._arrivals[0] <= since:
            self._arrivals.popleft()
        is_admitted = len(self._arrivals) < limit
        if is_admitted:
            self._arrivals.append(now)
        wait = (self._arrivals[0] + MINUTE - now) if self._world.window == "sliding" else MINUTE - self._in_window(now)
        headers = {"content-type": "application/json", "date": email.utils.formatdate(now, usegmt=True)}
        if self._world.has_headers:
            headers["x-rate-limit"] = str(limit)
            headers["x-rate-limit-remaining"] = str(max(0, limit - len(self._arrivals)))
            headers["ratelimit-reset"] = str(math.ceil(wait))
        if not is_admitted:
            headers |= self._retry_after(now, wait)
        return (202 if is_admitted else 429), headers

    def _in_window(self, now: float) -> float:
        return (now - START + 17) % MINUTE

    def _retry_after(self, now: float, wait: float) -> dict[str, str]:
        forms = {
            "seconds": str(max(1, math.ceil(wait))),
            "fraction": f"{wait:.3f}",
            "date": email.utils.formatdate(math.ceil(now + wait), usegmt=True),
            "date gone by": email.utils.formatdate(now - 3, usegmt=True),
            "0": "0",
            "60": "60",
            "93": "93",
        }
        form = self._world.retry_after
        return {"retry-after": forms[form]} if form in forms else {}


class Process:
    """A run of the target that never lacks work, with the rooms that decide when the next request may go."""

    def __init__(self, limit: RateLimit) -> None:
        """Have sent nothing."""
        self.limit = limit
        self.outage = Outage(900)
        self.in_flight = 0
        self.retries: list[tuple[float, int]] = []

    def may_start(self, now: float) -> bool:
        """Tell whether a request may start."""
        may_start = self.in_flight < MAX_IN_FLIGHT and self.outage.may_start(self.in_flight, now)
        return may_start and self.limit.grant(now, MAX_IN_FLIGHT - self.in_flight) > 0

    def start(self, now: float) -> tuple[Place, int]:
        """Start one, of what waits for another attempt first; return its place, and how many attempts that had."""
        self.in_flight += 1
        return self.limit.start(now), heapq.heappop(self.retries)[1] if self.retries and self.retries[0][
            0
        ] <= now else 0

    def end(self, now: float, place: Place, attempts: int, status: int, headers: dict[str, str]) -> None:
        """Take the answer to an attempt."""
        self.in_flight -= 1
        answer = read_answer(status, headers, b"{}", now=now, asked="post")
        is_limited = answer.kind is Kind.LIMITED
        told = Told(place, is_limited=is_limited, remaining=answer.remaining, reset=answer.reset)
        self.limit.end(now, told)
        if not is_limited:
            self.outage.note_success()
            return
        self.outage.note_limited(now, "HTTP 429")
        wait = answer.retry_after or wait_before(attempts + 1, lambda longest: longest / 2)
        self.limit.wait_until(now + wait, now)
        heapq.heappush(self.retries, (now + wait, attempts + 1))


@dataclasses.dataclass(slots=True)
class Minute:
    """What came of one minute."""

    taken: int = 0
    limited: int = 0
    left: int = 0
    """What the neighbour's own requests left of the limit, as far as `max_in_flight` can use it."""


class Simulation:
    """Lets processes and a neighbour draw on an account, for so many minutes."""

    def __init__(self, world: World, processes: Sequence[Process], clock: Callable[[float], None] = lambda _: None):
        """Set the ledger's clock by `clock`."""
        self._world = world
        self._account = Account(world)
        self._processes = processes
        self._clock = clock
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()
        self._random = random.Random(7)  # noqa: S311 - a simulation
        self._woken: dict[int, float] = {}
        self.minutes: list[Minute] = []

    def run(self, minutes: int) -> list[Minute]:
        """Return what came of each minute of the target's; the neighbour was there a minute before it."""
        minutes += 1
        self.minutes = [Minute() for _ in range(minutes)]
        for number, minute in enumerate(self.minutes):
            moments = self._world.neighbour(number * MINUTE)
            minute.left = round(sum(self._world.limit((number + tenth / 10) * MINUTE) for tenth in range(10)) / 10)
            minute.left -= len(moments)
            minute.left = min(minute.left, round(len(self._processes) * MAX_IN_FLIGHT * MINUTE / self._world.latency))
            for moment in moments:
                self._at(START + number * MINUTE + moment, self._of_neighbour)
        for process in self._processes:
            self._at(START + MINUTE, functools.partial(self._step, process))
        until = START + minutes * MINUTE
        while self._events and self._events[0][0] < until:
            now, _, event = heapq.heappop(self._events)
            self._clock(now)
            event(now)
        return self.minutes[1:]

    def _at(self, moment: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), event))

    def _of_neighbour(self, now: float) -> None:
        self._account.arrive(now)

    def _step(self, process: Process, now: float) -> None:
        while process.may_start(now):
            place, attempts = process.start(now)
            latency = self._world.latency * self._random.uniform(0.8, 1.2)
            arrives = now + latency * self._random.uniform(0.2, 0.8)
            self._at(arrives, self._arrival(process, place, now + latency, attempts))
        process.limit.note(now)
        if process.in_flight >= MAX_IN_FLIGHT or not process.outage.may_start(process.in_flight, now):
            return
        free_at = process.limit.free_at(now)
        wakes_at = min(math.inf if free_at is None else free_at, process.limit.note_at)
        if wakes_at < math.inf and not now < self._woken.get(id(process), -math.inf) <= wakes_at:
            self._woken[id(process)] = wakes_at
            self._at(max(wakes_at, now + 0.001), functools.partial(self._step, process))

    def _arrival(self, process: Process, place: Place, ends: float, attempts: int) -> Callable[[float], None]:
        def arrive(now: float) -> None:
            status, headers = self._account.arrive(now)
            minute = self.minutes[min(int((now - START) / MINUTE), len(self.minutes) - 1)]
            minute.taken += status != 429
            minute.limited += status == 429

            def end(later: float) -> None:
                process.end(later, place, attempts, status, headers)
                self._step(process, later)

            self._at(ends, end)

        return arrive


def after_the_wall(minutes: Sequence[Minute]) -> Sequence[Minute]:
    """Return the minutes from the second on, or, where the wall is met later, from the one after that on."""
    met = next((number for number, one in enumerate(minutes) if one.limited), 0)
    return minutes[met + 1 :]


def limited_percent(minutes: Sequence[Minute]) -> float:
    """Return how many of a hundred answers were 429."""
    limited = sum(one.limited for one in minutes)
    return 100 * limited / max(1, limited + sum(one.taken for one in minutes))


def used(minutes: Sequence[Minute]) -> float:
    """Return the share that was used of what the neighbour left."""
    return sum(one.taken for one in minutes) / sum(one.left for one in minutes)


def steady(per_minute: int = 100) -> Callable[[float], Sequence[float]]:
    """Return a neighbour that sends evenly."""
    return lambda _: [MINUTE * (number + 0.5) / per_minute for number in range(per_minute)]


def bursty(per_minute: int = 100) -> Callable[[float], Sequence[float]]:
    """Return a neighbour that sends all of its minute within two seconds, where a fixed minute begins."""
    return lambda _: [43.1 + 2 * number / per_minute for number in range(per_minute)]


def wandering(per_minute: int = 100) -> Callable[[float], Sequence[float]]:
    """Return a neighbour whose burst comes at another time of each minute: now and then two are in one fixed minute."""
    return lambda since: [(since * 7 / 60) % 50 + 2 * number / per_minute for number in range(per_minute)]


def sawtooth(least: int = 50, most: int = 150, minutes: int = 20) -> Callable[[float], Sequence[float]]:
    """Return a neighbour that sends more and more, and begins anew."""

    def moments(since: float) -> Sequence[float]:
        count = round(least + (most - least) * (since / MINUTE % minutes) / (minutes - 1))
        return [MINUTE * (number + 0.5) / count for number in range(count)]

    return moments
