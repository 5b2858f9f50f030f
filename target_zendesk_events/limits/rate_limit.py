"""When the next request may go: never more attempts in any 60 seconds than the account allows.

Zendesk counts arrivals, and an arrival lies somewhere between a request's sending and its answer. So an attempt holds
its place from its sending until 60 seconds after its answer: counting from the sending was measured to give 429s.
"""

from __future__ import annotations

import bisect
import math

WINDOW_SECONDS = 60.0
MARGIN_SECONDS = 0.02
"""Beyond the window, for two clocks that do not run alike."""


class RateLimit:
    """The budget of one minute, as a pure function of the times it is told (seconds of one monotonic clock)."""

    def __init__(self, per_minute: int) -> None:
        """Allow `per_minute` attempts in any 60 seconds."""
        self.per_minute = per_minute
        self._in_flight = 0
        self._leaving: list[float] = []
        self._floor = -math.inf

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
        return self._leaving[self._in_flight + len(self._leaving) - self.per_minute]

    def _free_here(self, now: float) -> int:
        if now < self._floor:
            return 0
        left = bisect.bisect_right(self._leaving, now)
        return self.per_minute - self._in_flight - (len(self._leaving) - left)

    def start(self) -> None:
        """Take the place of one attempt, from its sending on."""
        self._in_flight += 1

    def end(self, now: float) -> None:
        """Note the answer, or the timeout, of one attempt: its place is free 60 seconds from now."""
        self._in_flight -= 1
        del self._leaving[: bisect.bisect_right(self._leaving, now)]
        self._leaving.append(now + WINDOW_SECONDS + MARGIN_SECONDS)

    @property
    def note_at(self) -> float:
        """Nobody else need know."""
        return math.inf

    def note(self, now: float) -> None:
        """Nobody else need know."""

    def close(self) -> None:
        """Nobody else need know."""

    def wait_until(self, moment: float, now: float) -> None:  # noqa: ARG002 - for a limit that others share
        """Start nothing before `moment`: what a `Retry-After` asked for, which is never cut short."""
        self._floor = max(self._floor, moment)

    @property
    def floor(self) -> float:
        """The moment before which nothing starts, or minus infinity."""
        return self._floor
