"""A transaction on the ledger's database, tried again while the database is busy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from target_zendesk_events.codes import prolonged
from target_zendesk_events.errors import StorageError

CALL_SECONDS: Final = 1.0
"""For a lock, and for a statement while shipments are delivered."""
PATIENCE_SECONDS: Final = 30.0
"""For which a transaction is tried again before the run stops, the last try included."""
HASTE_SECONDS: Final = 4.0
"""The same, once the run was told to end: it has eight seconds for all."""
PAUSE_SECONDS: Final = 0.05
SECONDS_OF_SILENCE: Final = 2.0
"""After which it is told that a transaction is tried again."""

Result = TypeVar("Result")
logger = logging.getLogger("target-zendesk-events")


class Cursor(Protocol):
    """What both drivers' cursors have in common."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement touched."""

    def fetchall(self) -> list[Any]:
        """Return the rows of the last statement."""


def damaged(note: str, why: str) -> StorageError:
    """Return the error for what is no whole ledger."""
    return StorageError(
        f"{note} is damaged or no ledger: {why}. Put a backup in its place, or move it away: "
        "without it, events that the tap sends again show twice [ZE607]"
    )


class Busy(Exception):  # noqa: N818 - a state that passes, not an error
    """The database is locked, another run was faster, or the server is gone: for now."""


class Database(Protocol):
    """A connection to the ledger's database, SQLite's or PostgreSQL's, made at need: the same statements for both.

    Each call raises Busy where trying again may help, StorageError where it does not, and ConfigurationError where
    `ledger_url` is wrong.
    """

    note: str
    """Where it is, without a password."""
    was_made: bool
    """Whether there was none before this run."""

    @property
    def is_file(self) -> bool:
        """Whether it is a file on this machine."""

    @property
    def types(self) -> Mapping[str, str]:
        """The words that differ in the making of a table: `blob`, `real` and `tail`."""

    @property
    def find_table(self) -> str:
        """The statement that yields a row where there is a table of this name."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement, its places written as `?`."""

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement for each row; return how many rows of the table that touched."""

    def begin(self) -> int | None:
        """Begin a transaction that may write; return its number, None where no answer to a commit can be lost."""

    def was_committed(self, number: int) -> bool:
        """Tell what became of a transaction, the answer to whose commit was lost. Raises Busy while that is open."""

    def roll_back(self) -> None:
        """Take back what the transaction did, where there still is one. Raises nothing."""

    def now(self) -> float:
        """Return the time, in epoch seconds, by the clock that all runs on this ledger share."""

    def limit_statements(self, seconds: float) -> None:
        """Give up on a statement after so long, where it can take long: 30 seconds at first."""

    def close(self) -> None:
        """Let go of it."""


class Transactions:
    """Runs transactions, each tried again for half a minute while the database is busy."""

    def __init__(self, database: Database, must_stop: Callable[[], bool]) -> None:
        """`must_stop` is asked between tries: a run that was told to end has less patience."""
        self.database = database
        self._must_stop = must_stop
        self._given_up = ""

    def run(self, work: Callable[[], Result], *, writes: bool = True) -> Result:
        """Return what `work` returns, all of it committed or nothing. Raises StorageError."""
        if self._given_up:
            raise StorageError(self._given_up)
        attempt = _Transaction(self.database, work).attempt if writes else work
        since, is_told = time.monotonic(), False
        while True:
            try:
                result = attempt()
            except Busy as fault:  # noqa: PERF203 - a try is what it is about
                patience = HASTE_SECONDS if self._must_stop() else PATIENCE_SECONDS
                waited = time.monotonic() - since
                if waited >= patience - 2 * CALL_SECONDS:
                    self._given_up = prolonged(
                        str(fault), f", for longer than {patience:.0f} s: the run stops, STATE is safe"
                    )
                    raise StorageError(self._given_up) from fault
                if waited >= SECONDS_OF_SILENCE and not is_told:
                    is_told = True
                    logger.warning("%s", prolonged(str(fault), f": it is tried again for {patience - waited:.0f} s"))
                time.sleep(PAUSE_SECONDS)
            else:
                if is_told:
                    logger.warning("%s is back after %.0f s", self.database.note, time.monotonic() - since)
                return result

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of one statement that only reads. Raises StorageError."""
        return self.run(lambda: self.database.execute(statement, values).fetchall(), writes=False)


class _Transaction(Generic[Result]):
    """A transaction that counts once, however often it is tried: of a commit that broke off it asks what became."""

    def __init__(self, database: Database, work: Callable[[], Result]) -> None:
        self._database = database
        self._work = work
        self._in_doubt: int | None = None
        self._result: Result

    def attempt(self) -> Result:
        """Return what the work returned, once it is committed. Raises Busy, StorageError."""
        if self._in_doubt is not None and self._database.was_committed(self._in_doubt):
            return self._result
        self._in_doubt = None
        number = self._database.begin()
        try:
            self._result = self._work()
            self._in_doubt = number
            self._database.execute("COMMIT")
        except BaseException:
            self._database.roll_back()
            raise
        return self._result
