"""The claims of one run: made before it sends, taken over from a run that is gone, taken back for what was not sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from target_zendesk_events.ledger.clocks import TrustedTime
from target_zendesk_events.ledger.lease import Lease
from target_zendesk_events.ledger.ledger import NEW, Entry, Keyed, Settlement, Standing
from target_zendesk_events.ledger.lookup import row_of
from target_zendesk_events.ledger.tables import CLAIMED, DISCARDED, LOOKALIKES_SHIFT, PREFIX
from target_zendesk_events.ledger.transactions import Database
from target_zendesk_events.work import NoShipment, Outcome

STATUS: Final[dict[Outcome | NoShipment, int]] = {
    Outcome.DELIVERED: 1,
    Outcome.REJECTED: 2,
    Outcome.HELD: 3,
    Outcome.FORGOTTEN: 4,
    NoShipment.UNMAPPABLE: 5,
}
"""What a settled key's status says; the last is a record that yields no shipment, unmappable or invalid."""
SETTLED: Final = {
    **{number: Entry(Standing.SETTLED, outcome) for outcome, number in STATUS.items()},
    DISCARDED: Entry(Standing.SETTLED),
}
_SENT_AGAIN: Final = frozenset({STATUS[Outcome.REJECTED], STATUS[Outcome.HELD]})

_CLAIM: Final = f"INSERT INTO {PREFIX}keys VALUES (?, ?, {CLAIMED}, ?, ?, ?, ?, NULL, ?) ON CONFLICT (key) DO NOTHING"
_FIND: Final = (
    f"SELECT k.status, k.run, k.sent, k.attempts, r.not_before FROM {PREFIX}keys k "
    f"LEFT JOIN {PREFIX}runs r ON r.id = k.run WHERE k.key = ?"
)
_TAKE: Final = f"UPDATE {PREFIX}keys SET status = {CLAIMED}, run = ? WHERE key = ? AND run = ? AND status = ?"
_DOUBT: Final = f"UPDATE {PREFIX}runs SET not_before = ? WHERE id = ? AND not_before > ?"
_DELETE: Final = f"DELETE FROM {PREFIX}keys WHERE key = ? AND run = ? AND status = {CLAIMED}"
_RESTORE: Final = f"UPDATE {PREFIX}keys SET status = ? WHERE key = ? AND run = ? AND status = {CLAIMED}"


class OpenClaims:
    """Keeps what a run has claimed and not settled; `claim` and `release` go within a transaction."""

    def __init__(self, database: Database, trusted: TrustedTime, lease: Lease | None) -> None:
        """Claim for the run of `lease`; without one the ledger is only looked at."""
        self._database = database
        self._trusted = trusted
        self._lease = lease
        self._keys: set[bytes] = set()
        self._replayed: dict[bytes, int] = {}
        self.run = 0 if lease is None else lease.run
        """The number of the run, under which its claims stand."""

    def claim(self, one: Keyed, stream: int, today: int) -> Entry:
        """Claim a shipment of the stream of this number, or tell who has it, or how it ended."""
        if one.key is None:
            return NEW
        if one.key in self._keys and not one.anew:
            return Entry(Standing.BUSY)
        at = self._trusted.now() if one.claimed_at is None else one.claimed_at
        sent = at if self._trusted.is_known else -at
        claim = (one.key, stream, self.run, sent, today, one.lookalikes, row_of(one))
        if self._database.execute(_CLAIM, claim).rowcount == 1:
            return NEW
        found = self._database.execute(_FIND, (one.key,)).fetchall()
        if not found:
            return Entry(Standing.BUSY)  # taken back in this moment: ask again
        return self._claim_known(one.key, found[0], again=one.again)

    def has(self, one: Keyed) -> bool:
        """Tell whether this run had claimed it already, as before its lease lapsed."""
        return one.key in self._keys

    def count_without(self, settled: Iterable[Settlement]) -> int:
        """Count those that are not settled by this."""
        return len(self._keys.difference(one.keyed.key for one in settled))

    def note(self, settled: Sequence[Settlement], wanted: Sequence[Keyed], entries: Sequence[Entry]) -> None:
        """Note what was committed."""
        self._keys.difference_update(one.keyed.key for one in settled if one.keyed.key is not None)
        for one, entry in zip(wanted, entries, strict=True):
            if one.key is not None and entry.standing in {Standing.NEW, Standing.UNKNOWN}:
                self._keys.add(one.key)
            elif one.key is not None and entry.standing is Standing.SETTLED:
                self._keys.discard(one.key)

    def release(self, shipments: Sequence[Keyed]) -> None:
        """Take claims back: what was new is as if never claimed, what is replayed as it was before."""
        mine = [one.key for one in shipments if one.key is not None]
        fresh = [(key, self.run) for key in mine if key not in self._replayed]
        replayed = [(self._replayed[key], key, self.run) for key in mine if key in self._replayed]
        self._database.execute_many(_DELETE, fresh)
        self._database.execute_many(_RESTORE, replayed)
        self._keys.difference_update(mine)

    def _claim_known(self, key: bytes, row: Sequence[Any], *, again: bool) -> Entry:
        """Claim what is known already: settled, claimed by a run that lives or is gone, or to be sent again."""
        status, run, sent, lookalikes, not_before = row
        at = abs(sent)
        if status != CLAIMED and not (again and status in _SENT_AGAIN):
            return SETTLED[status]
        if status == CLAIMED and run == self.run:
            return Entry(Standing.NEW, claimed_at=at)
        if status == CLAIMED and self._lease is not None and (holder := self._lease.holder(run)) is not None:
            return Entry(Standing.BUSY, holder=holder)
        if self._database.execute(_TAKE, (self.run, key, run, status)).rowcount != 1:
            return Entry(Standing.BUSY)
        if status != CLAIMED:
            self._replayed[key] = status
        if status == STATUS[Outcome.REJECTED]:
            return Entry(Standing.NEW, claimed_at=at)
        held = None if status == CLAIMED else Outcome.HELD
        lookalikes >>= 0 if held is None else LOOKALIKES_SHIFT
        sent_since = at if sent >= 0 else self._take_doubt(min(at, not_before or 0.0))
        return Entry(Standing.UNKNOWN, held, claimed_at=at, sent_since=sent_since, lookalikes=lookalikes)

    def _take_doubt(self, not_before: float) -> float:
        """Bear what another run did not know of the time: who takes claims over from this one is to know it too."""
        self._database.execute(_DOUBT, (not_before, self.run, not_before))
        return not_before
