"""A run's place among all that use the ledger: its claims count while it renews its lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from target_zendesk_events.ledger.tables import CLAIMED, PREFIX
from target_zendesk_events.ledger.transactions import Transactions

LEASE_SECONDS: Final = 6.0
LEASE_MARGIN_SECONDS: Final = 1.0
"""A run stops relying on its lease so long before others stop honouring it."""
SECONDS_BETWEEN_LOOKS: Final = 0.2


class Lease:
    """The lease of one run; times are epoch seconds by the clock that all runs on the ledger share."""

    def __init__(
        self,
        transactions: Transactions,
        account: bytes,
        name: str,
        *,
        must_stop: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the lease of the run `name`. Raises StorageError."""
        self._transactions = transactions
        self._database = transactions.database
        self._account = account
        self._must_stop = must_stop
        self._sleep = sleep
        self._until = 0.0
        self.run = transactions.run(lambda: self._begin(name))
        """The run's number."""

    def holds(self) -> bool:
        """Tell whether the lease holds at this moment. May be asked from any thread; touches no storage."""
        return self._database.now() < self._until - LEASE_MARGIN_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether a third of it has passed, so that it is to be renewed."""
        return self._database.now() >= self._until - LEASE_SECONDS * 2 / 3

    def renew(self) -> None:
        """Take it for its whole length again."""
        until = self._database.now() + LEASE_SECONDS
        statement = f"UPDATE {PREFIX}runs SET lease_until = ? WHERE id = ?"
        self._transactions.run(lambda: self._database.execute(statement, (until, self.run)))
        self._until = until

    def end(self) -> None:
        """End it, so that the next run need not wait for it."""
        now = self._database.now()
        statement = f"UPDATE {PREFIX}runs SET lease_until = ?, ended = ? WHERE id = ?"
        self._transactions.run(lambda: self._database.execute(statement, (now, now, self.run)))

    def is_live(self, run: int) -> bool:
        """Tell whether another run's lease holds."""
        now = self._database.now()
        statement = f"SELECT lease_until FROM {PREFIX}runs WHERE id = ?"
        rows = self._database.execute(statement, (run,)).fetchall()
        return bool(rows) and rows[0][0] > now

    def in_flight_elsewhere(self) -> int:
        """Count the claims of the account's other runs whose lease holds, within a transaction."""
        now = self._database.now()
        statement = (
            f"SELECT COUNT(*) FROM {PREFIX}keys k WHERE k.status = {CLAIMED} AND k.run <> ? AND EXISTS "
            f"(SELECT 1 FROM {PREFIX}runs r WHERE r.id = k.run AND r.account = ? AND r.lease_until > ?)"
        )
        return int(self._database.execute(statement, (self.run, self._account, now)).fetchall()[0][0])

    def left_open(self) -> int:
        """Count the claims of runs that are gone.

        A run that was killed a moment ago still has its lease: its end is waited for, unless that run renews it.
        """
        others = self._open_leases()
        seen = dict(others)
        while not self._must_stop() and any(until > self._database.now() for until in others.values()):
            self._sleep(SECONDS_BETWEEN_LOOKS)
            others = {run: until for run, until in self._open_leases().items() if until <= seen.get(run, 0.0)}
        statement = (
            f"SELECT COUNT(*) FROM {PREFIX}keys WHERE status = {CLAIMED} AND run IN "
            f"(SELECT id FROM {PREFIX}runs WHERE account = ? AND lease_until <= ? AND id <> ?)"
        )
        return int(self._transactions.ask(statement, (self._account, self._database.now(), self.run))[0][0])

    def _begin(self, name: str) -> int:
        now = self._database.now()
        rows = self._database.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {PREFIX}runs").fetchall()
        number, until = int(rows[0][0]), now + LEASE_SECONDS
        values = (number, name, self._account, now, until)
        self._database.execute(f"INSERT INTO {PREFIX}runs VALUES (?, ?, ?, ?, ?, NULL)", values)
        self._until = until
        return number

    def _open_leases(self) -> dict[int, float]:
        """Return the ends of the leases of other runs that hold claims."""
        statement = (
            f"SELECT id, lease_until FROM {PREFIX}runs r WHERE account = ? AND lease_until > ? AND id <> ? "
            f"AND EXISTS (SELECT 1 FROM {PREFIX}keys k WHERE k.run = r.id AND k.status = {CLAIMED})"
        )
        return dict(self._transactions.ask(statement, (self._account, self._database.now(), self.run)))
