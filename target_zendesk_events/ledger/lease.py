"""A run's place among all that use the ledger: its claims count while it renews its lease.

A clock that jumps makes a lease end early, or in a year. So what counts is whether another run is seen to renew its
lease: one that stays as it is for as long as a lease lasts is none, whatever it says.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Callable
from typing import Final

from target_zendesk_events.ledger.clocks import steady_seconds
from target_zendesk_events.ledger.ledger import Holder
from target_zendesk_events.ledger.tables import CLAIMED, PREFIX
from target_zendesk_events.ledger.transactions import Transactions

LEASE_SECONDS: Final = 6.0
LEASE_MARGIN_SECONDS: Final = 1.0
"""A run stops relying on its lease so long before others stop honouring it."""
SECONDS_BETWEEN_LOOKS: Final = 0.2
RUNS_LOOKED_AT: Final = 50
"""Of those that have not ended, the newest: most were cut off."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sight:
    """Another run's lease as this run has seen it: until when it says it lasts, and since when it says so."""

    until: float
    since: float
    is_renewed: bool
    """Whether it said otherwise before: then that run lives."""


class Lease:
    """The lease of one run; times are epoch seconds by the clock that all runs on the ledger share, or steady ones."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        transactions: Transactions,
        account: bytes,
        name: str,
        *,
        not_before: float = 0.0,
        must_stop: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        """Take the lease of the run `name`, and look at those of others. Raises StorageError.

        `not_before` is what is known of the time, whatever this machine's clock says, in epoch seconds.
        """
        self._transactions = transactions
        self._database = transactions.database
        self._account = account
        self._must_stop = must_stop
        self._sleep = sleep
        self._steady = steady
        self._renewed = (0.0, 0.0)
        self._sights: dict[int, Sight] = {}
        self.gone: list[int] = []
        """The newest of those runs whose leases had lapsed when they were last looked at: they start nothing."""
        self.run = transactions.run(lambda: self._begin(name, not_before))
        """The run's number."""
        self._look()

    def holds(self) -> bool:
        """Tell whether the lease holds at this moment. May be asked from any thread; touches no storage."""
        return self._seconds() < LEASE_SECONDS - LEASE_MARGIN_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether a third of it has passed, so that it is to be renewed."""
        return self._seconds() >= LEASE_SECONDS / 3

    def renew(self) -> None:
        """Take it for its whole length again."""
        renewed = self._database.now(), self._steady()
        statement = f"UPDATE {PREFIX}runs SET lease_until = ? WHERE id = ?"
        values = renewed[0] + LEASE_SECONDS, self.run
        self._transactions.run(lambda: self._database.execute(statement, values))
        self._renewed = renewed
        self._look()

    def end(self, exit_code: int | None) -> None:
        """End it, so that the next run need not wait for it; None for the code of what was no run."""
        now = self._database.now()
        statement = f"UPDATE {PREFIX}runs SET lease_until = ?, ended = ?, exit_code = ? WHERE id = ?"
        self._transactions.run(lambda: self._database.execute(statement, (now, now, exit_code, self.run)))

    def holder(self, run: int) -> Holder | None:
        """Return another run whose lease holds, None where it does not, within a transaction."""
        statement = f"SELECT name, started, lease_until, ended FROM {PREFIX}runs WHERE id = ?"
        for name, started, until, ended in self._database.execute(statement, (run,)).fetchall():
            sight = self._see(run, until)
            if ended is None and self._lives(sight):
                left = sight.since + LEASE_SECONDS - self._steady()
                return Holder(name, started, self._database.now() + left)
        return None

    def in_flight_elsewhere(self) -> collections.Counter[str]:
        """Count the claims of the account's other runs whose lease holds, by kind, within a transaction."""
        count: collections.Counter[str] = collections.Counter()
        rows = self._database.execute(_OPEN_KINDS, (self._account, self.run)).fetchall()
        for run, until, ended, kind, claims in rows:
            if ended is None and self._lives(self._see(run, until)):
                count[kind] += claims
        return count

    def claims_elsewhere(self) -> set[bytes]:
        """Return the keys that the account's other runs whose lease holds have claimed, within a transaction."""
        rows = self._database.execute(_CLAIMED_KEYS, (self._account, self.run)).fetchall()
        return {bytes(key) for key, run, until, ended in rows if ended is None and self._lives(self._see(run, until))}

    def left_open(self) -> int:
        """Count the claims of runs that are gone.

        A run that was killed a moment ago still has its lease: its end is waited for, unless that run renews it.
        """
        while True:
            count, is_certain = self._count_open()
            if is_certain or self._must_stop():
                return count
            self._sleep(SECONDS_BETWEEN_LOOKS)

    def _begin(self, name: str, not_before: float) -> int:
        self._renewed = self._database.now(), self._steady()
        now = self._renewed[0]
        rows = self._database.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {PREFIX}runs").fetchall()
        number, until = int(rows[0][0]), now + LEASE_SECONDS
        values = (number, name, self._account, now, until, not_before)
        columns = "id, name, account, started, lease_until, not_before"
        self._database.execute(f"INSERT INTO {PREFIX}runs ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)
        return number

    def _seconds(self) -> float:
        """Return how old the lease is, by whichever clock has it older: others may go by that one."""
        renewed, steady = self._renewed
        return max(self._database.now() - renewed, self._steady() - steady)

    def _count_open(self) -> tuple[int, bool]:
        """Count the claims of runs that seem to be gone; tell whether no other may turn out to be."""
        count, is_certain, now = 0, True, self._database.now()
        for run, until, ended, claims in self._transactions.ask(_OPEN_CLAIMS, (self._account, self.run)):
            sight = self._see(run, until)
            is_within = now < until <= now + LEASE_SECONDS
            if ended is None and self._lives(sight) and (sight.is_renewed or is_within):
                is_certain &= sight.is_renewed
            else:
                count += claims
        return count, is_certain

    def _look(self) -> None:
        """Look at the leases of the newest other runs that have not ended: who lives is among them."""
        statement = (
            f"SELECT id, lease_until FROM {PREFIX}runs WHERE account = ? AND id <> ? AND ended IS NULL "
            f"ORDER BY id DESC LIMIT {RUNS_LOOKED_AT}"
        )
        looked = self._steady()
        rows = self._transactions.ask(statement, (self._account, self.run))
        self.gone = [run for run, until in rows if self._see(run, until).since + LEASE_SECONDS <= looked]

    def _see(self, run: int, until: float) -> Sight:
        sight = self._sights.get(run)
        if sight is None or sight.until != until:
            sight = self._sights[run] = Sight(until, self._steady(), sight is not None)
        return sight

    def _lives(self, sight: Sight) -> bool:
        """Tell whether a run may still rely on its lease, for all that is known of it."""
        return self._steady() < sight.since + LEASE_SECONDS


_OPEN_CLAIMS: Final = (
    f"SELECT r.id, r.lease_until, r.ended, COUNT(*) FROM {PREFIX}keys k JOIN {PREFIX}runs r ON r.id = k.run "
    f"WHERE k.status = {CLAIMED} AND r.account = ? AND r.id <> ? GROUP BY r.id, r.lease_until, r.ended"
)
"""The account's other runs that hold claims: number, end of the lease, end of the run, and how many claims."""
_OPEN_KINDS: Final = (
    f"SELECT r.id, r.lease_until, r.ended, k.kind, COUNT(*) FROM {PREFIX}keys k JOIN {PREFIX}runs r ON r.id = k.run "
    f"WHERE k.status = {CLAIMED} AND r.account = ? AND r.id <> ? GROUP BY r.id, r.lease_until, r.ended, k.kind"
)
"""The same, for each kind of shipment."""
_CLAIMED_KEYS: Final = (
    f"SELECT k.key, r.id, r.lease_until, r.ended FROM {PREFIX}keys k JOIN {PREFIX}runs r ON r.id = k.run "
    f"WHERE k.status = {CLAIMED} AND r.account = ? AND r.id <> ?"
)
"""What those hold, key by key."""
