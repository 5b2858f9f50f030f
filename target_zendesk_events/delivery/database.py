"""A connection to the ledger's database, SQLite's or PostgreSQL's: the same statements, each tried again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from target_zendesk_events.errors import ConfigurationError, StorageError

CALL_SECONDS: Final = 1.0
"""To connect, for a statement, for a lock."""
PATIENCE_SECONDS: Final = 30.0
"""For which a transaction is tried again before the run stops."""
PAUSE_SECONDS: Final = 0.05
NEVER_MENDED: Final = ("authentication failed", "does not exist", "no password supplied", "no pg_hba.conf entry")
"""What PostgreSQL says where trying again does not help."""
SQLITE_PREFIX: Final = "sqlite:///"

Result = TypeVar("Result")


class Cursor(Protocol):
    """What both drivers' cursors have in common."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement touched."""

    def fetchall(self) -> list[Any]:
        """Return the rows of the last statement."""


class Busy(Exception):  # noqa: N818 - a state that passes, not an error
    """The database is locked, another run was faster, or the server is gone: for now."""


class SqliteDatabase:
    """A file that its owner alone can read, in WAL mode, every commit on the disk before it counts."""

    is_file = True
    types: Final = {"blob": "BLOB", "real": "REAL", "tail": " WITHOUT ROWID"}

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
            message = f"{self.note} cannot be opened: {fault.strerror}; mend the folder, or choose another data_dir"
            raise StorageError(message) from fault
        with self._faults():
            self._connection = sqlite3.connect(self._path, timeout=CALL_SECONDS, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
                self._connection.execute(f"PRAGMA {pragma}")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        with self._faults():
            return self._open.execute(statement, values)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        with self._faults():
            self._open.executemany(statement, rows)

    def begin(self) -> None:
        """Begin a transaction that may write."""
        self.execute("BEGIN IMMEDIATE")

    def now(self) -> float:
        """Return this machine's time: all runs on a file share it."""
        return self._wall()

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
                message = f"{self.note} is locked by another process"
                raise Busy(message) from fault
            message = f"{self.note} cannot be used: {fault}; nothing was sent that could not be recorded"
            raise StorageError(message) from fault
        except sqlite3.IntegrityError as fault:
            message = f"{self.note} was written by another run in this moment"
            raise Busy(message) from fault
        except sqlite3.DatabaseError as fault:
            message = (
                f"{self.note} is damaged or no ledger: {fault}. Put a backup in its place, or move it away: "
                "without it, events that the tap sends again show twice"
            )
            raise StorageError(message) from fault


class PostgresDatabase:
    """A database on a PostgreSQL server, which several machines may share."""

    is_file = False
    types: Final = {"blob": "BYTEA", "real": "DOUBLE PRECISION", "tail": ""}

    def __init__(self, url: str, wall: Callable[[], float]) -> None:
        """Open nothing yet. Raises ConfigurationError where the extra is not installed."""
        try:
            import psycopg  # noqa: PLC0415 - only who uses it pays for it
        except ImportError as fault:
            message = "ledger_url names PostgreSQL: pip install 'target-zendesk-events[postgres]'"
            raise ConfigurationError(message) from fault
        self._driver = psycopg
        self._url = url
        self._wall = wall
        self._connection: Any = None
        self._ahead = 0.0
        parts = urlsplit(url)
        self.note = f"ledger postgresql://{parts.hostname or 'localhost'}{parts.path}"
        self.was_made = False

    def connect(self) -> None:
        """Connect to the server, and learn its time."""
        self.close()
        milliseconds = int(CALL_SECONDS * 1000)
        options = (
            f"-c statement_timeout={milliseconds * 5} -c lock_timeout={milliseconds} -c client_min_messages=warning"
        )
        with self._faults():
            self._connection = self._driver.connect(self._url, autocommit=True, connect_timeout=2, options=options)
            rows = self._connection.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())").fetchall()
            self._ahead = float(rows[0][0]) - self._wall()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        with self._faults():
            cursor: Cursor = self._open.execute(statement.replace("?", "%s"), values)
            return cursor

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        with self._faults(), self._open.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), list(rows))

    def begin(self) -> None:
        """Begin a transaction."""
        self.execute("BEGIN")

    def now(self) -> float:
        """Return the server's time."""
        return self._wall() + self._ahead

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    @property
    def _open(self) -> Any:  # noqa: ANN401 - the driver's connection
        if self._connection is None:
            self.connect()
        return self._connection

    @contextlib.contextmanager
    def _faults(self) -> Any:  # noqa: ANN401 - a context manager
        driver = self._driver
        try:
            yield
        except (driver.errors.InsufficientResources, driver.errors.InvalidAuthorizationSpecification) as fault:
            message = f"{self.note} refuses ({type(fault).__name__}): mend the server or the user; nothing is lost"
            raise StorageError(message) from fault
        except (driver.OperationalError, driver.InterfaceError) as fault:
            if self._connection is None and any(sign in str(fault) for sign in NEVER_MENDED):
                message = f"{self.note} refuses the connection: check user, password and database in ledger_url"
                raise ConfigurationError(message) from None
            if self._connection is None or self._connection.broken or self._connection.closed:
                self.close()
            message = f"{self.note} does not answer ({type(fault).__name__})"
            raise Busy(message) from fault
        except (driver.IntegrityError, driver.errors.DuplicateTable) as fault:
            message = f"{self.note} was written by another run in this moment"
            raise Busy(message) from fault
        except driver.Error as fault:
            message = f"{self.note} refuses a statement ({type(fault).__name__}): check the user's rights"
            raise StorageError(message) from fault


AnyDatabase = SqliteDatabase | PostgresDatabase


def database_of(url: str, wall: Callable[[], float]) -> AnyDatabase:
    """Return the database that a URL names, `sqlite:///path` or `postgresql://...`; nothing is opened."""
    if url.startswith(SQLITE_PREFIX):
        return SqliteDatabase(Path(url.removeprefix(SQLITE_PREFIX)), wall)
    return PostgresDatabase(url, wall)


class Transactions:
    """Runs transactions, each tried again for half a minute while the database is busy."""

    def __init__(self, database: AnyDatabase, must_stop: Callable[[], bool]) -> None:
        """`must_stop` is asked between tries: a run that was told to end waits no longer."""
        self.database = database
        self._must_stop = must_stop
        self._has_given_up = False

    def run(self, work: Callable[[], Result], *, writes: bool = True) -> Result:
        """Return what `work` returns, all of it committed or nothing. Raises StorageError."""
        gives_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._once(work, writes=writes)
            except Busy as fault:  # noqa: PERF203 - a try is what it is about
                if time.monotonic() >= gives_up_at or self._must_stop() or self._has_given_up:
                    self._has_given_up = True
                    message = f"{fault}, for longer than {PATIENCE_SECONDS:.0f} s: the run stops, STATE is safe"
                    raise StorageError(message) from fault
                time.sleep(PAUSE_SECONDS)

    def _once(self, work: Callable[[], Result], *, writes: bool) -> Result:
        if not writes:
            return work()
        self.database.begin()
        try:
            result = work()
            self.database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(Busy, StorageError):
                self.database.execute("ROLLBACK")
            raise
        return result
