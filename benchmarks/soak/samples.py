"""What a process and a ledger take at a moment, and whether that stays flat. Linux tells of processes in /proc."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sqlite3
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SHARE_WARM_UP: Final = 0.25
"""Of the samples, the first: threads, connections and caches come to be as they are needed."""
_IN_STATUS: Final = re.compile(r"^(VmRSS|Threads):\s+(\d+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One look: days since the first, bytes of memory, open files, threads, bytes of the ledger."""

    days: float
    memory: int
    files: int
    threads: int
    ledger: int


def sample(process: int, ledger: Path, days: float) -> Sample:
    """Look at a process, and at its ledger."""
    folder = Path("/proc") / str(process)
    found = {name: int(value) for name, value in _IN_STATUS.findall((folder / "status").read_text())}
    return Sample(days, found["VmRSS"] * 1024, len(os.listdir(folder / "fd")), found["Threads"], size_of(ledger))  # noqa: PTH208 - names alone


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median of the slopes between all pairs, which a step or a spike does not bend (Theil and Sen)."""
    pairs = ((one, other) for place, one in enumerate(points) for other in points[place + 1 :] if other[0] > one[0])
    return statistics.median((other[1] - one[1]) / (other[0] - one[0]) for one, other in pairs)


def settled(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return those after the warm-up."""
    return samples[round(len(samples) * SHARE_WARM_UP) :]


def size_of(ledger: Path) -> int:
    """Return the bytes that a ledger's file takes, what is yet to be written into it aside."""
    with contextlib.suppress(FileNotFoundError):
        return ledger.stat().st_size
    return 0


def rows_of(ledger: Path) -> dict[str, int]:
    """Count the rows of each table of a ledger that nobody uses."""
    with contextlib.closing(sqlite3.connect(ledger)) as database:
        names = [str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: int(database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0])  # noqa: S608 - its own names
            for name in names
        }
