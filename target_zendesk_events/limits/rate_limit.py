"""When the next request may go: never more attempts in any 60 seconds than the account allows.

Zendesk counts arrivals, and an arrival lies somewhere between a request's sending and its answer. So an attempt holds
its place from its sending until 60 seconds after its answer: counting from the sending was measured to give 429s.
"""

from __future__ import annotations

import bisect
import math

from target_zendesk_events.limits.found_rate import FoundRate, Place, Told

WINDOW_SECONDS = 60.0
MARGIN_SECONDS = 0.02
"""Beyond the window, for two clocks that do not run alike."""

SECONDS_TO_CATCH_UP = 5.0
"""What was not sent for so long may follow at once."""


class RateLimit:
    """The budget of one minute, as a pure function of the times it is told (seconds of one monotonic clock)."""

    def __init__(self, per_minute: int) -> None:
        """Allow `per_minute` attempts in any 60 seconds."""
        self.per_minute = per_minute
        self._in_flight = 0
        self._leaving: list[float] = []
        self._held_until: list[float] = []
        self._floor = -math.inf
        self._number = 0
        self._next_at = -math.inf
        self._room = 0
        self._room_until = -math.inf
        self.found = FoundRate(per_minute)
        """What others on the account leave of it."""

    def free(self, now: float) -> int:
        """Return how many attempts may start at `now`, which may lie ahead."""
        return self._free_here(now)

    def grant(self, now: float, wanted: int) -> int:
        """Return how many of `wanted` attempts may start now."""
        return max(0, min(self.free(now), wanted))

    def free_at(self, now: float) -> float | None:
        """Return the earliest time from `now` on at which an attempt may start; None while that hangs on an answer."""
        now = max(now, self._floor)
        if self._free_here(now) > 0:
            return now
        if self._in_flight >= self.per_minute:
            return None
        ahead = self._in_flight + len(self._leaving) - self.per_minute
        own_at = self._leaving[ahead] if ahead >= 0 else now
        room_at = self._room_until if self._room <= 0 else now
        return max(now, own_at, room_at, self._next_at, self._found_at())

    def _free_here(self, now: float) -> int:
        if now < max(self._floor, self._next_at):
            return 0
        free = min(self.per_minute - self._taken(now), self.found.places(now) - self._held(now))
        return min(free, self._room) if now < self._room_until else free

    def _taken(self, now: float) -> int:
        """Return how many attempts count in the minute."""
        return self._in_flight + len(self._leaving) - bisect.bisect_right(self._leaving, now)

    def _held(self, now: float) -> int:
        """Return how many were sent within the last minute; what was turned away took no place of the account's."""
        return len(self._held_until) - bisect.bisect_right(self._held_until, now)

    def _found_at(self) -> float:
        """Return when one more may be sent, as the found rate grows and the minute goes on."""
        held = len(self._held_until)
        soonest = self.found.reaches(held + 1)
        for until in self._held_until:
            if until >= soonest:
                break
            held -= 1
            soonest = min(soonest, max(until, self.found.reaches(held + 1)))
        return soonest

    def start(self, now: float) -> Place:
        """Take the place of one attempt, from its sending on."""
        self._in_flight += 1
        self._room -= 1
        self._number += 1
        self._pace(now)
        del self._held_until[: bisect.bisect_right(self._held_until, now)]
        self._held_until.append(now + WINDOW_SECONDS)
        return Place(now, self._number)

    def _pace(self, now: float) -> None:
        """Spread what follows over the minute, where others draw on it: they are to find room in it as well."""
        if self.found.is_lower(now):
            self._next_at = max(self._next_at, now - SECONDS_TO_CATCH_UP) + WINDOW_SECONDS / self.found.places(now)

    def end(self, now: float, told: Told | None = None) -> None:
        """Note the answer, or the timeout, of one attempt, and what it told: its place is free 60 seconds from now."""
        self._in_flight -= 1
        del self._leaving[: bisect.bisect_right(self._leaving, now)]
        self._leaving.append(now + WINDOW_SECONDS + MARGIN_SECONDS)
        if told is not None:
            self._heed(told, now)

    def _heed(self, told: Told, now: float) -> None:
        """Take what an answer told of the account's limit."""
        is_wall = self._heed_room(told, now)
        if told.is_limited:
            self._give_back(told.place)
            self.found.note_limited(told.place, now, self._held(now))
        elif is_wall:
            self.found.note_wall(self._taken(now) + (told.remaining or 0), now)

    def _give_back(self, place: Place) -> None:
        """Have an attempt hold nothing that was turned away, if it still does."""
        until = place.taken_at + WINDOW_SECONDS
        if until in self._held_until:
            self._held_until.remove(until)

    def _heed_room(self, told: Told, now: float) -> bool:
        """Start no more than the headers leave, until the reset; tell whether that is none.

        What started later arrived later, and has its part of it.
        """
        arrived = (told.place.taken_at + now) / 2
        if told.remaining is None or told.reset is None or not now < arrived + told.reset <= now + WINDOW_SECONDS:
            return False
        self._room = told.remaining - max(self._in_flight, self._number - told.place.number)
        self._room_until = arrived + told.reset
        return self._room <= 0

    @property
    def note_at(self) -> float:
        """Nobody else need know."""
        return math.inf

    def note(self, now: float) -> None:
        """Nobody else need know."""

    def close(self) -> None:
        """Nobody else need know."""

    def wait_until(self, moment: float, now: float) -> None:
        """Start nothing before `moment`: what a `Retry-After` asked for, which is never cut short."""
        free_at = self.free_at(now)
        if free_at is not None:
            self.found.note_lost(moment - free_at, now)
        self._floor = max(self._floor, moment)

    @property
    def floor(self) -> float:
        """The moment before which nothing starts, or minus infinity."""
        return self._floor
