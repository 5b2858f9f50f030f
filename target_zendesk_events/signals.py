"""SIGTERM, SIGINT, SIGHUP: the first decides, what comes with it belongs to it, a later one ends the run at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

SECONDS_OF_ONE_SIGNAL = 2.0
"""Meltano turns Ctrl-C into SIGINT and SIGTERM 20 ms apart: what follows so soon belongs to the first."""
GRACE_SECONDS = 8.0
"""From the first, for the answers of requests under way and for whoever reads STATE: Docker kills after ten."""


class Signals:
    """The signals that came, and what they ask of the run."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """None came yet."""
        self._monotonic = monotonic
        self._first_at: float | None = None
        self.first: int | None = None
        """The number of the first: it decides the exit code."""
        self.end_at_once = False
        """Whether a later one came."""

    def take(self, number: int) -> None:
        """Take in a signal, within its handler."""
        now = self._monotonic()
        if self._first_at is None:
            self.first, self._first_at = number, now
        elif now - self._first_at > SECONDS_OF_ONE_SIGNAL:
            self.end_at_once = True

    @property
    def any_came(self) -> bool:
        """Whether the run is to end."""
        return self.first is not None

    @property
    def is_grace_over(self) -> bool:
        """Whether nothing is waited for any more."""
        is_over = self._first_at is not None and self._monotonic() - self._first_at > GRACE_SECONDS
        return is_over or self.end_at_once


def take_hang_up(handler: Callable[[int, FrameType | None], None]) -> None:
    """Have SIGHUP (a terminal that closes) handled too, but where `nohup` had it ignored. In the main thread alone."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)


def ignore_from_here() -> None:
    """All is written: a signal that comes late must not change the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
