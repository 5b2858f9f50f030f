"""A ledger on a server: PostgreSQL, for runs on several machines."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg import conninfo, errors, sql

from target_zendesk_events.errors import ConfigurationError, StorageError, TargetError
from target_zendesk_events.ledger.transactions import CALL_SECONDS, Busy, Cursor
from target_zendesk_events.ledger.unreachable import why_unreachable

if TYPE_CHECKING:
    from psycopg.abc import PQGen

Result = TypeVar("Result")

CONNECT_SECONDS: Final = 2
"""The least that PostgreSQL's library takes."""
OPENING_SECONDS: Final = 30.0
"""For a statement, until a run limits it: making tables and counting may take their time."""

_NO_TABLES: Final = (
    "{} lets its user make no tables (InsufficientPrivilege), as the schema public does since PostgreSQL 15: as the "
    "database's owner, GRANT CREATE ON SCHEMA public TO {user}; or CREATE SCHEMA zendesk AUTHORIZATION {user}, and end "
    "ledger_url with ?options=-csearch_path%3Dzendesk [ZE614]"
)
_NO_ROWS: Final = (
    "{} does not let its user at tables that another made (InsufficientPrivilege): as that one, "
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user} [ZE614]"
)
_NO_SCHEMA: Final = (
    "{} has no schema that search_path names (InvalidSchemaName): make it, or mend options in ledger_url [ZE614]"
)
_READS_ONLY: Final = (
    "{} is a replica, or read-only for another reason ({}): name the primary server in ledger_url [ZE615]"
)
_SET_OUT: Final = (
    "SELECT EXTRACT(EPOCH FROM clock_timestamp()), set_config('statement_timeout', %s, false), "
    "set_config('lock_timeout', %s, false), set_config('client_min_messages', 'warning', false)"
)


class _SilentError(psycopg.OperationalError):
    """The server took a statement and fell silent."""


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that gives up on a server which took a statement and fell silent."""

    answer_seconds = OPENING_SECONDS

    def wait(self, gen: PQGen[Result], *args: Any, **others: Any) -> Result:  # noqa: ANN401 - the driver's own, which grew
        """Wait as the driver does, which polls `gen` ten times a second. Raises _SilentError when time is up."""
        return super().wait(self._until(gen, time.monotonic() + self.answer_seconds), *args, **others)

    def _until(self, gen: PQGen[Result], gives_up_at: float) -> PQGen[Result]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if time.monotonic() >= gives_up_at:
                    self.pgconn.finish()  # a late answer would be taken for that to the next statement
                    raise _SilentError
                wanted = gen.send(ready)
        except StopIteration as end:
            result: Result = end.value
            return result


class PostgresDatabase:
    """A database on a PostgreSQL server, which several machines may share."""

    is_file = False
    types: Final = {"blob": "BYTEA", "real": "DOUBLE PRECISION", "tail": ""}
    find_table: Final = "SELECT 1 WHERE to_regclass(?) IS NOT NULL"

    def __init__(self, url: str, steady: Callable[[], float]) -> None:
        """Open nothing yet; after the server has told its time, `steady` goes on with it."""
        self._url = url
        self._steady = steady
        self._connection: _Connection | None = None
        self._statement_seconds = OPENING_SECONDS
        self._is_in_use = False
        self._ahead = 0.0
        self.note = f"ledger {_shown(url)}"
        self.was_made = False

    def connect(self) -> None:
        """Connect to the server, set its limits, and learn its time; the URL's own `options` stay as they are."""
        self.close()
        limits = f"{self._statement_seconds * 1000:.0f}", f"{CALL_SECONDS * 1000:.0f}"
        try:
            self._connection = _Connection.connect(self._url, autocommit=True, connect_timeout=CONNECT_SECONDS)
        except psycopg.Error as fault:
            raise self._no_connection(fault) from None  # its words may hold what the URL holds
        with self._faults():
            self._connection.answer_seconds = self._statement_seconds + CALL_SECONDS
            rows = self._connection.execute(_SET_OUT, limits).fetchall()
            self._ahead = float(rows[0][0]) - self._steady()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        with self._faults(statement):
            cursor: Cursor = self._open.execute(statement.replace("?", "%s"), values)
            return cursor

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row; for none the server is not asked."""
        values = list(rows)
        if values:
            with self._faults(), self._open.cursor() as cursor:
                cursor.executemany(statement.replace("?", "%s"), values)

    def begin(self) -> None:
        """Begin a transaction."""
        self.execute("BEGIN")

    def roll_back(self) -> None:
        """Take back what the transaction did; a connection that was lost has taken it back."""
        if self._connection is not None:
            with contextlib.suppress(Busy, StorageError):
                self.execute("ROLLBACK")

    def limit_statements(self, seconds: float) -> None:
        """Have the server give up on a statement after so long, and this side soon after."""
        self._statement_seconds = seconds
        self.execute(f"SET statement_timeout = {round(seconds * 1000)}")
        self._is_in_use = True
        if self._connection is not None:
            self._connection.answer_seconds = seconds + CALL_SECONDS

    def now(self) -> float:
        """Return the server's time."""
        return self._steady() + self._ahead

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    @property
    def _open(self) -> _Connection:
        if self._connection is None:
            self.connect()
        if self._connection is None:
            raise Busy
        return self._connection

    def _no_connection(self, fault: psycopg.Error) -> Busy | TargetError:
        reason = why_unreachable(self._url, fault)
        if reason.is_lasting:
            return self._lasting(f"{self.note} gives no connection: {reason.words} [ZE612]")
        return Busy(f"{self.note} does not answer ({reason.words}) [ZE611]")

    def _lasting(self, message: str) -> TargetError:
        """Return the error for what waiting does not mend: at the start it is the configuration that is wrong."""
        return StorageError(message) if self._is_in_use else ConfigurationError(message)

    @contextlib.contextmanager
    def _faults(self, statement: str = "") -> Any:  # noqa: ANN401 - a context manager
        try:
            yield
        except (errors.InsufficientResources, errors.InvalidAuthorizationSpecification) as fault:
            message = (
                f"{self.note} refuses ({type(fault).__name__}): mend the server or the user; nothing is lost [ZE613]"
            )
            raise StorageError(message) from fault
        except (psycopg.OperationalError, psycopg.InterfaceError) as fault:
            if self._connection is None or self._connection.broken or self._connection.closed:
                self.close()
                how = "it fell silent" if isinstance(fault, _SilentError) else "the connection broke"
            else:
                how = type(fault).__name__
            message = f"{self.note} does not answer ({how}) [ZE611]"
            raise Busy(message) from fault
        except (psycopg.IntegrityError, errors.DuplicateTable) as fault:
            message = f"{self.note} was written by another run in this moment [ZE608]"
            raise Busy(message) from fault
        except errors.ReadOnlySqlTransaction as fault:
            raise self._read_only(_READS_ONLY.format(self.note, type(fault).__name__)) from fault
        except errors.InvalidSchemaName as fault:
            raise self._lasting(_NO_SCHEMA.format(self.note)) from fault
        except errors.InsufficientPrivilege as fault:
            sentence = _NO_TABLES if statement.startswith("CREATE") else _NO_ROWS
            raise self._lasting(sentence.format(self.note, user=self._user)) from fault
        except psycopg.Error as fault:
            message = f"{self.note} refuses a statement ({type(fault).__name__}) [ZE616]"
            raise StorageError(message) from fault

    @property
    def _user(self) -> str:
        name = "" if self._connection is None else self._connection.info.user
        return name if name.isidentifier() and name.islower() else sql.Identifier(name).as_string()

    def _read_only(self, message: str) -> Busy | TargetError:
        """Return the error for a server that takes no writes; one that took them may be back as another."""
        if not self._is_in_use:
            return ConfigurationError(message)
        self.close()
        return Busy(message)


def _shown(url: str) -> str:
    """Return host and database of a URL, and nothing else. Raises ConfigurationError where the library knows better."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        message = (
            "ledger_url has a parameter after its ? that PostgreSQL's library does not know; accepted: those of its "
            "documentation ('Parameter Key Words'), & between two of them and %26 for one in a value [ZE116]"
        )
        raise ConfigurationError(message) from None
    return f"postgresql://{parts.get('host') or parts.get('hostaddr') or 'localhost'}/{parts.get('dbname') or ''}"
