"""A ledger in a file: SQLite, for runs on one machine."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from target_zendesk_events.errors import StorageError
from target_zendesk_events.ledger.transactions import CALL_SECONDS, Busy, Cursor, damaged
from target_zendesk_events.open_files import shortage

FILES: Final = 4
"""SQLite opens so many at the most: database, log, index and folder."""


class SqliteDatabase:
    """A file that its owner alone can read, in WAL mode, every commit on the disk before it counts."""

    is_file = True
    types: Final = {"blob": "BLOB", "real": "REAL", "tail": " WITHOUT ROWID"}
    find_table: Final = "SELECT 1 FROM sqlite_master WHERE name = ?"

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        """Open nothing yet."""
        self._path = path
        self._wall = wall
        self._connection: sqlite3.Connection | None = None
        self.note = f"ledger {path}"
        self.was_made = not path.exists()

    def connect(self) -> None:
        """Open the file, made with 0600 where it is missing."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as fault:
            message = (
                f"{self.note} cannot be opened: {fault.strerror}; mend the folder, or choose another data_dir [ZE606]"
            )
            raise StorageError(message) from fault
        with self._faults():
            self._connection = sqlite3.connect(self._path, timeout=CALL_SECONDS, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
                self._connection.execute(f"PRAGMA {pragma}")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        with self._faults():
            return self._open.execute(statement, values)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement for each row."""
        with self._faults():
            return max(0, self._open.executemany(statement, rows).rowcount)

    def begin(self) -> None:
        """Begin a transaction that may write."""
        self.execute("BEGIN IMMEDIATE")

    def was_committed(self, number: int) -> bool:  # noqa: ARG002 - none has one
        """Tell what a caller hears anyway: nothing comes between it and the file."""
        return False

    def roll_back(self) -> None:
        """Take back what the transaction did."""
        with contextlib.suppress(Busy, StorageError):
            self.execute("ROLLBACK")

    def now(self) -> float:
        """Return this machine's time: all runs on a file share it."""
        return self._wall()

    def limit_statements(self, seconds: float) -> None:
        """A file answers at once, but for its lock, which has a limit of its own."""

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.connect()
        if self._connection is None:
            raise Busy
        return self._connection

    @contextlib.contextmanager
    def _faults(self) -> Any:  # noqa: ANN401 - a context manager
        try:
            yield
        except sqlite3.OperationalError as fault:
            if "locked" in str(fault) or "busy" in str(fault):
                message = f"{self.note} is locked by another process [ZE608]"
                raise Busy(message) from fault
            message = f"{self.note} cannot be used: {fault}; nothing was sent that could not be recorded [ZE606]"
            raise StorageError(message) from (shortage(FILES) or fault)
        except sqlite3.IntegrityError as fault:
            message = f"{self.note} was written by another run in this moment [ZE608]"
            raise Busy(message) from fault
        except sqlite3.DatabaseError as fault:
            raise damaged(self.note, str(fault)) from fault
