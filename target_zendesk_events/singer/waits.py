"""The one place that waits: on input, answers, signals and the clock together."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import weakref

from target_zendesk_events.singer.lines import Input


class Alarm:
    """A pipe that ends the wait: workers ring it when an answer is there, and Python when a signal came.

    It is closed when nobody can ring it any more.
    """

    def __init__(self) -> None:
        """Open the pipe; signals ring it from now on."""
        self.reading_end, self._writing_end = os.pipe()
        self._is_ringing = False
        os.set_blocking(self.reading_end, False)
        os.set_blocking(self._writing_end, False)
        # the end of the process closes it unasked: till then a signal may ring
        weakref.finalize(self, _close, self.reading_end, self._writing_end).atexit = False

    def take_signals(self) -> None:
        """Have signals ring, beside what their handlers do. Only the main thread may ask for it."""
        with contextlib.suppress(ValueError):
            signal.set_wakeup_fd(self._writing_end, warn_on_full_buffer=False)

    def ring(self) -> None:
        """End the wait, or the next one; once rung, it need not be rung again."""
        if self._is_ringing:
            return
        self._is_ringing = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._writing_end, b"\0")

    def quiet(self) -> None:
        """Take the rings that came; what they tell of is to be looked at before the next wait."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.reading_end, 4096):
                pass
        self._is_ringing = False  # last: a ring that was taken for rung already is looked after when this wait ends


class Waiter:
    """Waits for what comes first: input, a ring, or the clock."""

    def __init__(self, alarm: Alarm, source: Input) -> None:
        """Watch the alarm always, and the input where the system can tell whether it is ready."""
        self._alarm = alarm
        self._without_input = selectors.DefaultSelector()
        self._with_input = selectors.DefaultSelector()
        for selector in (self._without_input, self._with_input):
            selector.register(alarm.reading_end, selectors.EVENT_READ)
        self._input = source.descriptor
        self.can_poll = False
        if source.descriptor is not None:
            with contextlib.suppress(PermissionError, ValueError):  # a regular file, /dev/null: always ready
                self._with_input.register(source.descriptor, selectors.EVENT_READ)
                self.can_poll = True

    def wait(self, seconds: float | None, *, wants_input: bool) -> bool:
        """Wait up to `seconds` (None: until something comes); tell whether input stands ready."""
        selector = self._with_input if wants_input else self._without_input
        ready = {key.fd for key, _ in selector.select(seconds)}
        self._alarm.quiet()
        return self._input in ready

    def close(self) -> None:
        """Stop watching."""
        self._without_input.close()
        self._with_input.close()


def _close(*ends: int) -> None:
    """Close a pipe, once no signal rings it; only the main thread can see to that, and leaves others' pipes alone."""
    try:
        rung = signal.set_wakeup_fd(-1)
    except ValueError:
        return
    if rung not in ends:
        signal.set_wakeup_fd(rung, warn_on_full_buffer=False)
    for end in ends:
        os.close(end)
