"""Gives up what computes for a second: one text may keep a pattern of a schema busy for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

SECONDS: Final = 1.0
"""Of computing, so that a machine that is busy, or was asleep, costs no record."""


class TakesTooLongError(Exception):
    """It was given up."""


def in_time(act: Callable[[], None]) -> None:
    """Do something, for a second at most. Raises TakesTooLongError.

    Python looks at signals between its own instructions, and `re` does so while it searches. In another thread than the
    main one, and on a system without such timers, there is no limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        act()
        return
    before = signal.signal(signal.SIGVTALRM, _give_up)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        act()
    finally:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        finally:
            signal.signal(signal.SIGVTALRM, before)


def _give_up(_signum: int, _frame: FrameType | None) -> None:
    raise TakesTooLongError
