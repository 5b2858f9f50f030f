"""Running a command beside the playground: its signals, its exit code, and an end with the parent's."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import FrameType

KEPT = (
    *("KILL", "STOP", "TSTP", "TTIN", "TTOU", "CONT", "CHLD", "URG", "WINCH", "INFO"),
    *("SEGV", "BUS", "FPE", "ILL", "TRAP", "SYS", "EMT", "PIPE"),
)
"""Signals that are no command's: those that cannot be handled or end nobody, and those of our own faults."""
FORWARDED = signal.valid_signals() - {getattr(signal, f"SIG{name}", None) for name in KEPT}
FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
GLANCE_SECONDS = 0.5


@contextmanager
def relaying() -> Iterator[Runner]:
    """Hand out a runner; until the end, signals are its command's, and the end of the process that started us too."""
    runner = Runner()
    with _handled(FORWARDED, runner.take), parent_watched(lambda: runner.take(signal.SIGTERM)):
        yield runner


@contextmanager
def told_to_end() -> Iterator[threading.Event]:
    """Hand out an event that is set on SIGINT, SIGTERM or SIGHUP, or when the process that started us is gone."""
    ended = threading.Event()
    with _handled((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), lambda *_: ended.set()), parent_watched(ended.set):
        yield ended


@contextmanager
def parent_watched(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` once if the process that started us ends; not under nohup, which says that we are to stay."""
    left, parent = threading.Event(), os.getppid()

    def watch() -> None:
        while not left.wait(GLANCE_SECONDS):
            if os.getppid() != parent:
                act()
                return

    watcher = threading.Thread(target=watch, name="parent", daemon=True)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        watcher.start()
    try:
        yield
    finally:
        left.set()


class Runner:
    """Runs a command that it outlives, and passes signals on to it; early ones are passed on when it starts."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def run(self, command: Sequence[str], variables: Mapping[str, str]) -> int:
        """Run `command` with `variables` added to the environment and return its exit code, 128+n if signal n ended it.

        Standard input, output and error are ours, untouched. Raises `OSError` if it cannot be started.
        """
        self._child = subprocess.Popen(command, env={**os.environ, **variables})  # noqa: S603 - the user's own command
        for number in self._early:
            self._child.send_signal(number)
        code = self._ended(self._child)
        return code if code >= 0 else 128 - code

    def _ended(self, child: subprocess.Popen[bytes]) -> int:
        """Wait in glances: a signal that comes just before a wait without end would be handled only after it."""
        while True:
            with suppress(subprocess.TimeoutExpired):
                return child.wait(GLANCE_SECONDS)

    def take(self, number: int, _frame: FrameType | None = None) -> None:
        """Pass a signal on, unless it is one that a terminal sent to the whole process group."""
        if self._child is None:
            self._early.append(number)
        elif number not in FROM_TERMINAL or not _is_in_foreground():
            self._child.send_signal(number)


@contextmanager
def _handled(numbers: Iterable[int], act: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals with `act`; those that are ignored stay so, for us and for our child."""
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, act)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    """Whether a terminal's Ctrl-C reaches our process group, and so our child, without us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
