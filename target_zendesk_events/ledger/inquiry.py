"""What people ask of a ledger: how much was sent, by which runs, was this row sent; and what they let it forget."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from target_zendesk_events.ledger.forecast import Month, month_of
from target_zendesk_events.ledger.last_seen import unseen
from target_zendesk_events.ledger.lease import LEASE_SECONDS
from target_zendesk_events.ledger.open_claims import STATUS
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.ledger.tables import CLAIMED, DISCARDED, LOOKALIKES_SHIFT, OF_ACCOUNT, PREFIX
from target_zendesk_events.work import NoShipment, Outcome

SET_ASIDE_STATUS: Final = "set aside"
"""What is said of a record that yielded no shipment."""
STATUSES: Final = {
    **{number: outcome.value for outcome, number in STATUS.items()},
    CLAIMED: "claimed",
    STATUS[NoShipment.UNMAPPABLE]: SET_ASIDE_STATUS,
    DISCARDED: "discarded",
}
SET_ASIDE: Final = (STATUS[Outcome.REJECTED], STATUS[Outcome.HELD], STATUS[NoShipment.UNMAPPABLE])
SHOWN_RUNS: Final = 20
QUESTION_SECONDS: Final = 30.0
"""For a statement that goes through the whole ledger."""
PRUNED_AT_ONCE: Final = 10_000
"""Keys in one commit, so that runs on the same ledger need not wait."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """What the ledger holds of one shipment; `at` is when it was first claimed, in epoch seconds."""

    status: str
    at: float
    attempts: int
    run: str
    request_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class PastRun:
    """A run of the account, also one that is under way; times are epoch seconds by the ledger's clock."""

    number: int
    name: str
    started: float
    ended: float | None
    exit_code: int | None
    """None while it is under way, where it was cut off, and of a verb that only changed the ledger."""
    lease_until: float
    is_live: bool
    """Whether it holds its lease."""

    @property
    def is_over(self) -> bool:
        """Whether it was a run of the target or of a replay, and came to its end."""
        return self.exit_code is not None

    @property
    def is_silent(self) -> bool:
        """Whether it has not ended and holds no lease: it was cut off, or has nothing to send and waits for its tap."""
        return self.ended is None and not self.is_live

    @property
    def end(self) -> str:
        """Say how it ended."""
        if self.is_live:
            return "under way"
        if self.ended is None:
            return "cut off, or waits for its tap"
        return "by hand" if self.exit_code is None else f"exit {self.exit_code}"


class Count(NamedTuple):
    """How many shipments of a stream and a kind have a status."""

    stream: str
    kind: str
    status: str
    number: int


class Inquiry:
    """Questions to one ledger, of one account: another on the same ledger is neither shown nor forgotten."""

    def __init__(self, ledger: SqlLedger) -> None:
        """Ask `ledger`, opened to read or to write."""
        self._ledger = ledger
        self._database = ledger.database
        ledger.transactions.run(lambda: self._database.limit_statements(QUESTION_SECONDS), writes=False)

    def counts(self) -> list[Count]:
        """Return the shipments, and the records that yielded none, by stream, kind and status."""
        rows = self._ledger.transactions.ask(
            f"SELECT s.name, k.kind, k.status, COUNT(*) FROM {PREFIX}keys k JOIN {PREFIX}streams s ON s.id = k.stream "
            "WHERE s.account = ? GROUP BY s.name, k.kind, k.status ORDER BY s.name, k.status, k.kind",
            (self._ledger.account,),
        )
        return [Count(name, kind, STATUSES[status], count) for name, kind, status, count in rows]

    def runs(self) -> list[PastRun]:
        """Return the newest runs, the newest first."""
        now = self._database.now()
        rows = self._ledger.transactions.ask(
            f"SELECT id, name, started, ended, exit_code, lease_until FROM {PREFIX}runs "
            f"WHERE account = ? ORDER BY id DESC LIMIT {SHOWN_RUNS}",
            (self._ledger.account,),
        )
        return [
            PastRun(number, name, started, ended, code, until, ended is None and now < until <= now + LEASE_SECONDS)
            for number, name, started, ended, code, until in rows
        ]

    def sizes(self, runs: Sequence[PastRun]) -> dict[int, int]:
        """Return, by the number of each of the runs, how many shipments are its own."""
        numbers = [one.number for one in runs]
        places = ",".join("?" * len(numbers))
        statement = f"SELECT run, COUNT(*) FROM {PREFIX}keys WHERE run IN ({places}) GROUP BY run"
        return dict(self._ledger.transactions.ask(statement, numbers)) if numbers else {}

    def settled(self) -> dict[str, float | None]:
        """Return when the newest record of each stream was settled; None where a ledger does not know it yet."""
        statement = f"SELECT name, settled FROM {PREFIX}streams WHERE account = ?"
        return dict(self._ledger.transactions.ask(statement, (self._ledger.account,)))

    def month(self, quota: int | None) -> Month:
        """Return what this month comes to."""
        statement = f"SELECT name, count FROM {PREFIX}counts WHERE account = ? AND name LIKE 'sent event ____-__-__'"
        rows = self._ledger.transactions.ask(statement, (self._ledger.account,))
        by_day = {dt.date.fromisoformat(name.removeprefix("sent event ")): count for name, count in rows}
        now = dt.datetime.fromtimestamp(self._ledger.now(), dt.timezone.utc)
        return month_of(by_day, self._ledger.usage().of("event")[0], quota, now)

    def sent(self, key: bytes) -> Sent | None:
        """Return what is known of a shipment; None where it was never claimed, or was forgotten."""
        rows = self._ledger.transactions.ask(
            f"SELECT k.status, k.sent, k.attempts, r.name, k.request_id FROM {PREFIX}keys k "
            f"LEFT JOIN {PREFIX}runs r ON r.id = k.run WHERE k.key = ?",
            (key,),
        )
        if not rows:
            return None
        status, at, attempts, run, request_id = rows[0]
        attempts %= 1 << LOOKALIKES_SHIFT
        return Sent(STATUSES[status], abs(at), attempts, run or "", request_id or "")

    def clear(self, keys: Sequence[bytes]) -> None:
        """Forget what was set aside under these keys and waits no more; what was sent since under one of them stays."""
        statement = f"DELETE FROM {PREFIX}keys WHERE key = ? AND status IN {SET_ASIDE}"
        self._ledger.transactions.run(lambda: self._database.execute_many(statement, [(key,) for key in keys]))

    def discard(self, keys: Sequence[bytes]) -> None:
        """Note of what was set aside under these keys, and waits no more, that it was thrown away: it is settled."""
        statement = f"UPDATE {PREFIX}keys SET status = {DISCARDED} WHERE key = ? AND status IN {SET_ASIDE}"
        self._ledger.transactions.run(lambda: self._database.execute_many(statement, [(key,) for key in keys]))

    def forget(self, hashes: Iterable[bytes]) -> None:
        """Let no event bear any of these hashes of identifiers any more."""
        kept = self._ledger
        kept.transactions.run(lambda: kept.forgotten.block(hashes, kept.now()))

    def allow_again(self, hash_: bytes) -> int:
        """Let events bear again what was forgotten together with this hash; return how many hashes that are."""
        kept = self._ledger
        return kept.transactions.run(lambda: kept.forgotten.lift(hash_, kept.now()))

    def prune(self, *, stream: str | None = None, run: str | None = None, unseen_days: int | None = None) -> int:
        """Forget the shipments of a stream, of a run, or not seen for so many days, or longer; return how many."""
        conditions = [OF_ACCOUNT]
        values: list[Any] = [self._ledger.account]
        if stream is not None:
            conditions.append(f"stream IN (SELECT id FROM {PREFIX}streams WHERE name = ?)")
            values.append(stream)
        if run is not None:
            conditions.append(f"run IN (SELECT id FROM {PREFIX}runs WHERE name = ?)")
            values.append(run)
        if unseen_days is not None:
            conditions.append("seen < ?")
            values.append(unseen(self._ledger.last_seen.today(), unseen_days))
        chosen = f"SELECT key FROM {PREFIX}keys WHERE {' AND '.join(conditions)} LIMIT {PRUNED_AT_ONCE}"
        statement = f"DELETE FROM {PREFIX}keys WHERE key IN ({chosen})"
        forgotten = 0
        while count := self._ledger.transactions.run(lambda: self._database.execute(statement, values).rowcount):
            forgotten += count
        return forgotten
