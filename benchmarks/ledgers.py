"""The promises about the ledger's size, measured from the command line: runs over what was delivered before."""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.measuring import Sizes, in_turn, own_work, start
from benchmarks.processes import FailedError, Finished, run, serving
from benchmarks.rows import Row, mebibytes, paced
from benchmarks.workshop import Workshop

MAX_SLOWDOWN = 1.5
MAX_LEDGER_BYTES = 500_000_000
ROWS_AT_ONCE = 20_000
MAX_COUNT = 2**40
"""A larger whole number in a ledger is a hash: no count, and no time."""
_SQLITE_HEADER = b"SQLite format 3\0"


def keys(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Look up in a ledger of a month of the largest plan, and in one that is nearly empty."""
    small, large = workshop.data_dir(), workshop.data_dir()
    with serving() as server:
        _pass(workshop, server.url, small, sizes.known)
        shutil.copytree(small, large)
        size = grow(large, sizes.known, sizes.keys)
        url = server.url
        runs = in_turn(
            sizes.rounds,
            {
                "small": lambda: _pass(workshop, url, small, sizes.known),
                "small start": lambda: start(workshop, small),
                "large": lambda: _pass(workshop, url, large, sizes.known),
                "large start": lambda: start(workshop, large),
            },
        )
    fast, slow = (own_work(runs[name], runs[f"{name} start"]) for name in ("small", "large"))
    yield Row(
        "keys",
        f"{sizes.known:,} look-ups in a ledger of {sizes.known:,} and of {sizes.keys:,} keys, without start-up",
        ours=f"{paced(sizes.known, fast)}\n{paced(sizes.known, slow)}\n{mebibytes(size)}",
        wanted=f"< {MAX_SLOWDOWN} x\n< {mebibytes(MAX_LEDGER_BYTES)}",
        got=f"{slow / fast:.2f} x\n{mebibytes(size)}",
        holds=slow < fast * MAX_SLOWDOWN and size < MAX_LEDGER_BYTES,
    )


def _pass(workshop: Workshop, url: str, folder: Path, count: int) -> Finished:
    return run(workshop.ours(url, folder), workshop.orders(count))


def grow(folder: Path, known: int, wanted: int) -> int:
    """Fill the ledger in a `data_dir` up with keys of nobody, in random order as hashes come; return its size in bytes.

    Whatever its tables are: each that grows with the events is filled with copies of its rows under other keys.
    Done in a process of its own: on Linux a process that is begun counts the memory that its parent held as its own.
    Raises FailedError where there is none.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:
        return own.submit(_grow, folder, known, wanted).result()


def _grow(folder: Path, known: int, wanted: int) -> int:
    path = _ledger_in(folder)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as ledger:
        ledger.execute("PRAGMA synchronous = OFF")
        ledger.execute("PRAGMA cache_size = -800000")
        for table, count in _large_tables(ledger, known):
            names, values = _columns(ledger, table)
            copy = f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} LIMIT ?"  # noqa: S608 - its own names
            for start_at in range(count, wanted, min(ROWS_AT_ONCE, count)):
                ledger.execute(copy, (min(ROWS_AT_ONCE, wanted - start_at, count),))
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def _ledger_in(folder: Path) -> Path:
    files = (path for path in sorted(folder.iterdir()) if path.is_file())
    ledger = next((path for path in files if path.read_bytes().startswith(_SQLITE_HEADER)), None)
    if ledger is None:
        message = "the first run left no SQLite file in data_dir"
        raise FailedError(message)
    return ledger


def _large_tables(ledger: sqlite3.Connection, known: int) -> list[tuple[str, int]]:
    """Return the tables that hold a row for each event, with their counts. Raises FailedError for none."""
    names = ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    counts = [
        (str(name), int(ledger.execute(f"SELECT count(*) FROM {name}").fetchone()[0]))  # noqa: S608 - as above
        for (name,) in names.fetchall()
    ]
    large = [(name, count) for name, count in counts if count >= known]
    if not large:
        message = f"no table of the ledger holds the {known} events that were delivered"
        raise FailedError(message)
    return large


def _columns(ledger: sqlite3.Connection, table: str) -> tuple[str, str]:
    """Return a table's columns, and what to fill them with: keys and hashes anew, all else as it is."""
    facts = [(str(fact[1]), bool(fact[5])) for fact in ledger.execute(f"PRAGMA table_info({table})").fetchall()]
    values = [
        f"CASE WHEN typeof({name}) = 'blob' THEN randomblob(length({name}))"
        f" WHEN typeof({name}) = 'integer' AND abs({name}) > {least} THEN random() ELSE {name} END"
        for name, least in ((name, -1 if is_key else MAX_COUNT) for name, is_key in facts)
    ]
    return ", ".join(name for name, _ in facts), ", ".join(values)
