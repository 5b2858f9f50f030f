"""A ledger on a server: PostgreSQL, for runs on several machines, also through a pooler of connections.

Behind a pooler each transaction may have another connection, which others use after it: so nothing is set, prepared or
locked beyond a transaction. A statement goes as one message, with its values in it: of several messages the server
awaits the rest without end, whatever it has locked, where the link is dead.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg import conninfo, errors, sql

from target_zendesk_events.errors import ConfigurationError, StorageError, TargetError
from target_zendesk_events.ledger.postgres_faults import NO_TRANSACTIONS, OTHER_SCHEMA, Meanings, is_the_end
from target_zendesk_events.ledger.transactions import CALL_SECONDS, Busy, Cursor
from target_zendesk_events.ledger.unreachable import why_unreachable

if TYPE_CHECKING:
    from psycopg.abc import PQGen

Result = TypeVar("Result")

CONNECT_SECONDS: Final = 2
"""The least that PostgreSQL's library takes."""
OPENING_SECONDS: Final = 30.0
"""For a statement, until a run limits it: making tables and counting may take their time."""
IDLE_SECONDS: Final = 2.0
"""Between two statements of a transaction: then the server takes it back, for others wait for what it has locked."""
ROWS_AT_ONCE: Final = 500
"""In one message."""

_SET_OUT: Final = (
    "SELECT EXTRACT(EPOCH FROM clock_timestamp()), current_setting('search_path'), CASE WHEN pg_backend_pid() = %s "
    "THEN set_config('statement_timeout', %s, false) || set_config('lock_timeout', %s, false) END"
)
"""A pooler gives its clients numbers of its own: only where it is the server's, the connection is this run's alone."""
_BEGIN: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT txid_current(), set_config('statement_timeout', '{}', true), "
    "set_config('lock_timeout', '{}', true), set_config('idle_in_transaction_session_timeout', '{}', true), "
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
)
"""Every setting is this transaction's alone; a commit is on the disk before it counts, whatever the server's habit."""
_SEARCH_PATH: Final = re.compile(r"(?:-c\s*|--)search[_-]path=((?:\\.|\S)*)", re.IGNORECASE)


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
        self._ahead = 0.0
        self.note = f"ledger {_shown(url)}"
        self._meanings = Meanings(self.note)
        self.was_made = False

    def connect(self) -> None:
        """Connect to the server, set its limits, and learn its time; the URL's own `options` stay as they are."""
        self.close()
        try:
            self._connection = _Connection.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_SECONDS, cursor_factory=psycopg.ClientCursor
            )
        except psycopg.Error as fault:
            raise self._no_connection(fault) from None  # its words may hold what the URL holds
        self._ahead = self._set_out(self._connection) - self._steady()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        with self._faults(statement):
            cursor: Cursor = self._open.execute(statement.replace("?", "%s"), values)
            return cursor

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement for each row; for none the server is not asked."""
        query, ahead, touched = statement.replace("?", "%s"), iter(rows), 0
        while some := list(itertools.islice(ahead, ROWS_AT_ONCE)):
            with self._faults():
                cursor = psycopg.ClientCursor(self._open)
                cursor.execute("; ".join(cursor.mogrify(query, row) for row in some).encode())
                touched += cursor.rowcount
                while cursor.nextset():
                    touched += cursor.rowcount
        return touched

    def begin(self) -> int:
        """Begin a transaction, with its limits."""
        with self._faults():
            try:
                return self._begun()
            except errors.ProtocolViolation:
                self.connect()  # which asks something without a transaction
            try:
                return self._begun()
            except errors.ProtocolViolation as fault:
                raise self._meanings.lasting(NO_TRANSACTIONS.format(self.note)) from fault

    def was_committed(self, number: int) -> bool:
        """Ask the server what became of a transaction: one that still idles is soon taken back."""
        with self._faults():
            try:
                status = self._open.execute("SELECT txid_status(%s)", (number,)).fetchall()[0][0]
            except errors.InvalidParameterValue:  # of a server that took over, and had not come so far
                return False
        if status == "in progress":
            raise self._meanings.passing("the connection broke")
        return bool(status == "committed")

    def roll_back(self) -> None:
        """Take back what the transaction did; a connection that was lost has taken it back."""
        if self._connection is not None:
            with contextlib.suppress(Busy, StorageError):
                self.execute("ROLLBACK")

    def limit_statements(self, seconds: float) -> None:
        """Have the server give up on a statement after so long, and this side soon after."""
        self._statement_seconds = seconds
        self._set_out(self._open)
        self._meanings.is_in_use = True

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

    def _begun(self) -> int:
        limits = (round(seconds * 1000) for seconds in (self._statement_seconds, CALL_SECONDS, IDLE_SECONDS))
        cursor = self._open.execute(_BEGIN.format(*limits).encode())
        cursor.nextset()
        return int(cursor.fetchall()[0][0])

    def _set_out(self, connection: _Connection) -> float:
        """Limit what runs in no transaction; return the server's time. Refuses another schema than was asked for."""
        limits = (f"{seconds * 1000:.0f}" for seconds in (self._statement_seconds, CALL_SECONDS))
        with self._faults():
            connection.answer_seconds = self._statement_seconds + CALL_SECONDS
            ((now, path, _),) = connection.execute(_SET_OUT, (connection.info.backend_pid, *limits)).fetchall()
            wanted = _SEARCH_PATH.findall(connection.info.options)
        if wanted and re.sub(r"\\(.)", r"\1", wanted[-1]) != path:
            raise self._meanings.lasting(OTHER_SCHEMA.format(self.note, user=self._user, path=wanted[-1]))
        return float(now)

    def _no_connection(self, fault: psycopg.Error) -> Busy | TargetError:
        reason = why_unreachable(self._url, fault)
        if reason.is_lasting:
            return self._meanings.lasting(f"{self.note} gives no connection: {reason.words} [{reason.code}]")
        return self._meanings.passing(reason.words)

    @contextlib.contextmanager
    def _faults(self, statement: str = "") -> Any:  # noqa: ANN401 - a context manager
        try:
            yield
        except psycopg.Error as fault:
            connection = self._connection
            if connection is None or connection.closed:
                self.close()
                how = "it fell silent" if isinstance(fault, _SilentError) else "the connection broke"
                raise self._meanings.passing(how) from fault
            meaning = self._meanings.of(fault, statement, self._user)
            if is_the_end(fault):
                self.close()
            raise meaning from fault

    @property
    def _user(self) -> str:
        name = "" if self._connection is None else self._connection.info.user
        return name if name.isidentifier() and name.islower() else sql.Identifier(name).as_string()


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
