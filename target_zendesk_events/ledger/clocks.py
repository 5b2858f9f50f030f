"""The time that the ledger keeps: this machine's, or its server's, until an answer of Zendesk says otherwise."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("target-zendesk-events")

TOLERANCE_SECONDS: Final = 5.0
"""An answer's `Date` has whole seconds, and took its time to arrive."""
SECONDS_TO_TELL: Final = 60.0


def steady_seconds() -> float:
    """Return seconds that pass while the machine sleeps, too, and that nobody sets."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class TrustedTime:
    """Epoch seconds that do not jump with a clock that is set, and that go by Zendesk's once that is known."""

    def __init__(
        self, wall: Callable[[], float], steady: Callable[[], float] = steady_seconds, *, not_before: float = 0.0
    ) -> None:
        """Begin with the time of `wall`, or with `not_before` where that is later, and go on with `steady`."""
        self._wall = wall
        self._steady = steady
        self._begun_at, self._begun = max(wall(), not_before), steady()
        self._is_told = False
        self.is_known = False
        """Whether an answer has told the time."""

    def now(self) -> float:
        """Return the time in epoch seconds."""
        return self._begun_at + self._steady() - self._begun

    def earliest(self) -> float:
        """Return the time, or the clock's where that is earlier: what is to be forgotten is old by both."""
        return min(self.now(), self._wall())

    def heed(self, served_at: float) -> None:
        """Take the time of an answer that came in this moment, in epoch seconds."""
        self.is_known = True
        wall = self._wall()
        if abs(wall - served_at) > SECONDS_TO_TELL and not self._is_told:
            self._is_told = True
            logger.warning("%s", _told(wall, served_at))
        if abs(self.now() - served_at) > TOLERANCE_SECONDS:
            self._begun_at, self._begun = served_at, self._steady()


class RunClock:
    """Tells the time in epoch seconds: by this machine, until there is a ledger that may know better."""

    def __init__(self) -> None:
        """Go by this machine."""
        self.tell: Callable[[], float] = time.time
        self.ask: Callable[[], float | None] | None = None
        """Asks Zendesk, where it may be asked."""
        self.heed: Callable[[float], None] = lambda _: None

    def __call__(self) -> float:
        """Return the time."""
        return self.tell()

    def certain(self) -> float:
        """Return the time once Zendesk was asked for it; it is asked once a run, and waited for."""
        if self.ask is not None:
            served_at, self.ask = self.ask(), None
            if served_at is not None:
                self.heed(served_at)
        return self.tell()


def _told(wall: float, served_at: float) -> str:
    zendesk = dt.datetime.fromtimestamp(served_at, dt.timezone.utc)
    away = abs(dt.timedelta(seconds=round(wall - served_at)))
    return (
        f"the ledger's clock is {away} {'ahead of' if wall > served_at else 'behind'} Zendesk's, where it is "
        f"{zendesk:%Y-%m-%d %H:%M:%S} UTC: set it; `since` and created_at are held against this machine's"
    )
