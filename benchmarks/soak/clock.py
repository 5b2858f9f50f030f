"""One clock for several processes: it goes with the real one while anybody works, and leaps over what only waits.

A clock that merely goes faster does not do: a run's lease lasts six seconds, and a request twenty, which at six hundred
times the speed are a hundredth and a thirtieth of a second, less than what a busy machine takes to wake a process. So
the work takes the time that it takes, and only waits are shortened: once all wait, the clock leaps to where the first
of them ends.
"""

from __future__ import annotations

import datetime as dt
import mmap
import time
from pathlib import Path
from typing import Any, Final

NEVER: Final = 2**62
"""As a time: later than all."""
A_SECOND: Final = 1_000_000_000
SECONDS_TO_ARRIVE: Final = 0.2
"""For real, on a busy machine."""

_real_monotonic_ns = time.monotonic_ns
_real_time_ns = time.time_ns
_real_sleep = time.sleep
_SECONDS_OF_CLOCKS = ("CLOCK_MONOTONIC", "CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW")


class Clock:
    """What the processes share: how far it is ahead, and until when those wait that are not the target.

    Times are nanoseconds of one monotonic clock, unless they are said to be the wall's.
    """

    _AHEAD, _WALL, _TAP, _SERVER, _SERVER_WAITS = range(5)

    def __init__(self, path: Path) -> None:
        """Share the file at `path`, which `make` made."""
        self.path = path
        with path.open("r+b") as file:
            self._cells = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    @classmethod
    def make(cls, path: Path, starts_at: float) -> Clock:
        """Make a file for a clock whose wall shows `starts_at`, in epoch seconds, at this moment."""
        path.write_bytes(bytes(8 * 5))
        clock = cls(path)
        clock._cells[cls._WALL] = round(starts_at * A_SECOND) - _real_time_ns()
        clock._cells[cls._TAP] = clock._cells[cls._SERVER] = NEVER
        return clock

    def monotonic_ns(self) -> int:
        """Return the time."""
        return _real_monotonic_ns() + self._cells[self._AHEAD]

    def time_ns(self) -> int:
        """Return the time that the wall shows."""
        return _real_time_ns() + self._cells[self._AHEAD] + self._cells[self._WALL]

    def time(self) -> float:
        """Return the time that the wall shows, in epoch seconds."""
        return self.time_ns() / A_SECOND

    @staticmethod
    def real_seconds() -> float:
        """Return real seconds, of no known beginning."""
        return _real_monotonic_ns() / A_SECOND

    @staticmethod
    def real_sleep(seconds: float) -> None:
        """Sleep real seconds."""
        _real_sleep(seconds)

    def leap(self, nanoseconds: int) -> None:
        """Leap ahead; one process alone does so at a time."""
        self._cells[self._AHEAD] += max(0, nanoseconds)

    def leap_to(self, moment: float) -> None:
        """Leap to where the wall shows `moment`, in epoch seconds, if that is yet to come."""
        self.leap(round(moment * A_SECOND) - self.time_ns())

    def tap_waits(self, until: int) -> None:
        """Let no leap go beyond the time when the tap has something to write; `NEVER` while it has not."""
        self._cells[self._TAP] = until

    def server_waits(self, until: int, requests: int) -> None:
        """Let no leap go beyond the time when the server's first answer is due; so many requests wait for theirs."""
        self._cells[self._SERVER] = until
        self._cells[self._SERVER_WAITS] = requests

    def outlast_requests(self) -> None:
        """Let what a process that was killed had sent arrive, and be done, before time goes on without it."""
        self.real_sleep(SECONDS_TO_ARRIVE)
        while (until := self._cells[self._SERVER]) != NEVER:
            self.leap(until - self.monotonic_ns())
            self.real_sleep(SECONDS_TO_ARRIVE)

    @property
    def bound(self) -> int:
        """How far a leap may go, for tap and server."""
        return min(self._cells[self._TAP], self._cells[self._SERVER])

    @property
    def requests_that_wait(self) -> int:
        """How many requests the server answers later, on purpose."""
        return self._cells[self._SERVER_WAITS]

    def install(self) -> None:
        """Be the clock of this process; to be called before what is to go by it is imported."""
        real_gettime = time.clock_gettime
        steady = {getattr(time, name) for name in _SECONDS_OF_CLOCKS if hasattr(time, name)}

        def gettime(which: int) -> float:
            if which == time.CLOCK_REALTIME:
                return self.time()
            return real_gettime(which) + (self._cells[self._AHEAD] / A_SECOND if which in steady else 0.0)

        replaced: dict[str, Any] = {
            "time": self.time,
            "time_ns": self.time_ns,
            "monotonic": lambda: self.monotonic_ns() / A_SECOND,
            "monotonic_ns": self.monotonic_ns,
            "clock_gettime": gettime,
        }
        for name, function in replaced.items():
            setattr(time, name, function)
        _tell_dates_by(self)


def _tell_dates_by(clock: Clock) -> None:
    """Have `datetime.now` go by this clock: a class in its place makes the real one's objects, and no others."""
    real = dt.datetime

    class Alike(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, real)

    class Now(real, metaclass=Alike):  # type: ignore[misc, valid-type]
        def __new__(cls, *args: Any, **values: Any) -> Any:  # noqa: ANN401 - the real one's own
            return real(*args, **values)

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:  # noqa: ANN401 - a real one
            return real.fromtimestamp(clock.time(), tz)

        @classmethod
        def today(cls) -> Any:  # noqa: ANN401 - a real one
            return real.fromtimestamp(clock.time())

        @classmethod
        def utcnow(cls) -> Any:  # noqa: ANN401 - a real one
            return real.fromtimestamp(clock.time(), dt.timezone.utc).replace(tzinfo=None)

    Now.__name__ = Now.__qualname__ = "datetime"
    dt.datetime = Now  # type: ignore[misc]
