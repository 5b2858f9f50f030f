"""What arrived at the server, and the server itself as its starter sees it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from benchmarks.contest.server import Settings
from benchmarks.processes import ROOT


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """One request, as the server wrote it down: `at` is the machine's monotonic clock.

    `outcome` is `stored`, `lost` (carried out, its answer lost), `failed` (a 500), `refused` or `read`.
    """

    at: float
    verb: str
    outcome: str
    number: int | None = None
    digest: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether it put an event on a timeline."""
        return self.verb == "POST" and self.outcome in {"stored", "lost"}


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    """All arrivals in their order, beside what the server counted apart from them."""

    arrivals: tuple[Arrival, ...]
    requests: int
    ended: int
    on_timelines: int


@dataclasses.dataclass(slots=True)
class Serving:
    """A server that is running; `marks` tells each mark when it is reached."""

    url: str
    marks: queue.SimpleQueue[int]


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Serving]:
    """Have a server run meanwhile; it ends with this process, whatever happens, and then writes its history."""
    command = [sys.executable, "-m", "benchmarks.contest.server", json.dumps(dataclasses.asdict(settings))]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("the server has no pipes")
        port = json.loads(child.stdout.readline())["port"]
        running = Serving(f"http://127.0.0.1:{port}", queue.SimpleQueue())
        listening = threading.Thread(target=_listen, args=(child.stdout, running.marks), daemon=True)
        listening.start()
        try:
            yield running
        finally:
            child.stdin.close()
            child.wait(timeout=60)
            listening.join()


def _listen(said: IO[str], marks: queue.SimpleQueue[int]) -> None:
    for line in said:
        marks.put(json.loads(line)["reached"])


def read_history(path: Path) -> History:
    """Return what a server wrote down."""
    told = json.loads(path.read_text(encoding="utf-8"))
    arrivals = tuple(Arrival(*fields) for fields in told["arrivals"])
    return History(arrivals, told.get("requests", 0), told.get("ended", 0), told["on_timelines"])
