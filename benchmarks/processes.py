"""Runs real processes and measures them: how long they took, how long they computed, the most memory they held."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent
BYTES_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024
"""getrusage counts in bytes on macOS, in KiB on Linux."""
LAST_WORDS = 2_000


class FailedError(Exception):
    """A process that was to be measured did not do its work: the message says which, and quotes its last words."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """One process that ended: how long it took, how long it computed, and the most memory it held."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str
    errors: str


@dataclasses.dataclass(slots=True)
class Server:
    """The server that is posted to; its counts are there when it has ended."""

    url: str
    counts: dict[str, int] = dataclasses.field(default_factory=dict)


def run(command: Sequence[str], source: Path | None = None) -> Finished:
    """Run a command to its end, `source` piped into it as from a tap. Raises FailedError if it does not end with 0."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, _feed(source) as feed:
        started = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 - our own commands
            command, stdin=feed, stdout=output, stderr=errors, cwd=ROOT, env=environment()
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        finished = Finished(
            seconds,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * BYTES_OF_MAXRSS,
            _text(output),
            _text(errors),
        )
    if child.returncode:
        message = f"{' '.join(command)} ended with {child.returncode}: {finished.errors[-LAST_WORDS:]}"
        raise FailedError(message)
    return finished


@contextlib.contextmanager
def serving(latency: float = 0.0, per_minute: int = 0) -> Iterator[Server]:
    """Have the server run meanwhile; afterwards it has its counts. It ends with this process, whatever happens."""
    command = [sys.executable, "-m", "benchmarks.server", str(latency), str(per_minute)]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as child:
        if child.stdin is None or child.stdout is None:
            message = "the server has no pipes"
            raise FailedError(message)
        server = Server(f"http://127.0.0.1:{int(child.stdout.readline())}")
        try:
            yield server
        finally:
            child.stdin.close()
            server.counts = _counts(child.stdout.readline())


@contextlib.contextmanager
def _feed(source: Path | None) -> Iterator[IO[bytes] | int]:
    if source is None:
        yield subprocess.DEVNULL
        return
    with subprocess.Popen(["cat", str(source)], stdout=subprocess.PIPE) as tap:  # noqa: S603, S607 - every shell's own
        if tap.stdout is not None:
            yield tap.stdout


def environment() -> dict[str, str]:
    """Return the environment without what would turn the target, or a client, somewhere else.

    Modules may be kept compiled, as those of an installed package are.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE"
        and not name.startswith(("TARGET_ZENDESK_EVENTS_", "ZENDESK_EVENTS_", "MELTANO_"))
    }


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _counts(line: str) -> dict[str, int]:
    counts: Any = json.loads(line)
    return {str(name): int(count) for name, count in counts.items()}
