"""What leaves the process: STATE, each line whole, waited for only as long as a signal allows; and words, if heard."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from target_zendesk_events.errors import StorageError

LOOK_SECONDS = 0.2
"""While nobody reads, signals are looked at so often."""


class StateOut:
    """Standard output, where whoever keeps STATE may be slow to read, or gone."""

    def __init__(self, gives_up: Callable[[], bool]) -> None:
        """Ask `gives_up` while nobody reads: a write that blocks would keep a signal waiting for good."""
        self._gives_up = gives_up
        self._is_torn = False

    def write(self, line: bytes) -> None:
        """Write one line. Raises StorageError where it cannot be written whole; from then on nothing follows it."""
        try:
            if self._is_torn:
                raise BrokenPipeError(errno.EPIPE, "its last line is torn")
            self._write(line + b"\n")
        except (OSError, ValueError, AttributeError) as fault:
            self._is_torn = True
            _drop(sys.stdout)
            why = getattr(fault, "strerror", None) or "it is closed"
            message = f"STATE cannot be written to standard output: {why} [ZE605]"
            raise StorageError(message) from fault

    def _write(self, data: bytes) -> None:
        descriptor = _descriptor()
        if descriptor is None:
            sys.stdout.write(data.decode())
            sys.stdout.flush()
            return
        while data:
            if select.select([], [descriptor], [], LOOK_SECONDS)[1]:
                data = data[os.write(descriptor, data[: select.PIPE_BUF]) :]
            elif self._gives_up():
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")


def _descriptor() -> int | None:
    """Return standard output's file descriptor; None where a test has put something else in its place."""
    with contextlib.suppress(OSError, AttributeError):
        return sys.stdout.fileno()
    return None


def drop_what_cannot_be_said() -> None:
    """Let what standard error does not take go nowhere: what a run did counts, not who heard of it."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Lead a stream nowhere: Python would try again to write it as it ends, and exit with 120."""
    with contextlib.suppress(OSError, ValueError, AttributeError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
