"""How the target waits on the shared clock: for real while anybody works, and by a leap once all wait."""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from benchmarks.soak.clock import A_SECOND, NEVER, Clock

Found = TypeVar("Found")

LOOK_SECONDS: Final = 0.001
"""How long one looks, for real, before one looks around again."""


class Waits:
    """The threads of this process that wait: until when, and whether for the server."""

    def __init__(self, clock: Clock, busy: Callable[[], int]) -> None:
        """Wait on `clock`; `busy` tells how many threads have something to do, those that wait for it among them."""
        self._clock = clock
        self._busy = busy
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[int, bool]] = {}

    def wait(self, seconds: float | None, look: Callable[[float], Found], *, for_server: bool = False) -> Found:
        """Look, for real seconds at a time, until something is found, or `seconds` of the clock are over."""
        until = NEVER if seconds is None else self._clock.monotonic_ns() + round(seconds * A_SECOND)
        me = threading.get_ident()
        with self._lock:
            self._waiting[me] = until, for_server
        try:
            while True:
                found = look(0.0)
                if found or self._clock.monotonic_ns() >= until:
                    return found
                if not self._leap() and (found := look(LOOK_SECONDS)):
                    return found
        finally:
            with self._lock:
                del self._waiting[me]

    def _leap(self) -> bool:
        """Leap to where the first wait of all ends; false where somebody works, or is about to."""
        with self._lock:
            for_server = sum(is_for_server for _, is_for_server in self._waiting.values())
            if len(self._waiting) < self._busy() or for_server > self._clock.requests_that_wait:
                return False
            first = min(self._clock.bound, *(until for until, _ in self._waiting.values()))
            ahead = first - self._clock.monotonic_ns()
            if ahead <= 0 or first == NEVER:
                return False
            self._clock.leap(ahead)
            return True

    def install(self) -> None:
        """Have this process wait so: for the clock alone, for files, and for bytes of an answer."""
        time.sleep = self._sleep  # type: ignore[assignment]
        selectors.DefaultSelector = self._selector()  # type: ignore[assignment, misc]
        socket.socket.recv_into = self._receiver()  # type: ignore[method-assign]

    def _sleep(self, seconds: float) -> None:
        def look(most: float) -> None:
            self._clock.real_sleep(min(most, seconds))

        self.wait(seconds, look)

    def _selector(self) -> type[selectors.BaseSelector]:
        waits = self

        class Leaping(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
                if timeout is not None and timeout <= 0:
                    return super().select(timeout)
                return waits.wait(timeout, super().select)

        return Leaping

    def _receiver(self) -> Callable[..., int]:
        real = socket.socket.recv_into

        def recv_into(connection: socket.socket, *args: Any, **values: Any) -> int:  # noqa: ANN401 - the real one's own
            seconds = connection.gettimeout()
            if seconds == 0.0:
                return real(connection, *args, **values)
            poll = select.poll()
            poll.register(connection, select.POLLIN)
            if not self.wait(seconds, lambda most: poll.poll(most * 1000), for_server=True):
                message = "timed out"
                raise TimeoutError(message)
            return real(connection, *args, **values)

        return recv_into
