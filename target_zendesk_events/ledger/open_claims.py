"""The claims of one run: made before it sends, taken over from a run that is gone, taken back for what was not sent."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

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
"""What a settled key's status says; the last is a record that yields no shipment, unmappable or invalid.

Of what went to nobody whom Zendesk knows nothing is kept: when it comes again, its customer may be known.
"""
SETTLED: Final = {
    **{number: Entry(Standing.SETTLED, outcome) for outcome, number in STATUS.items()},
    DISCARDED: Entry(Standing.SETTLED),
}
_SENT_AGAIN: Final = frozenset({STATUS[Outcome.REJECTED], STATUS[Outcome.HELD]})

_CLAIM: Final = (
    f"INSERT INTO {PREFIX}keys (key, stream, status, run, sent, seen, attempts, row_hash, kind) "
    f"VALUES (?, ?, {CLAIMED}, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
)
_FIND: Final = (
    "SELECT k.status, k.run, k.sent, k.attempts, k.kind, k.content, k.replayed, r.not_before "
    f"FROM {PREFIX}keys k LEFT JOIN {PREFIX}runs r ON r.id = k.run WHERE k.key = ?"
)
_TAKE: Final = f"UPDATE {PREFIX}keys SET status = {CLAIMED}, run = ? WHERE key = ? AND run = ? AND status = ?"
_CLAIM_ANEW: Final = (
    f"UPDATE {PREFIX}keys SET status = {CLAIMED}, run = ?, sent = ?, attempts = ?, kind = ? "
    "WHERE key = ? AND run = ? AND status = ?"
)
_DOUBT: Final = f"UPDATE {PREFIX}runs SET not_before = ? WHERE id = ? AND not_before > ?"
_DELETE: Final = f"DELETE FROM {PREFIX}keys WHERE key = ? AND run = ? AND status = {CLAIMED}"
_RESTORE: Final = (
    f"UPDATE {PREFIX}keys SET status = ?, run = ?, sent = ?, attempts = ?, kind = ? "
    f"WHERE key = ? AND run = ? AND status = {CLAIMED}"
)


class SettledRow(Protocol):
    """What tells how a shipment with a key ends."""

    @property
    def status(self) -> int:
        """The number of its outcome."""

    @property
    def run(self) -> int:
        """The run that has settled it."""

    @property
    def content(self) -> bytes | None:
        """With what content."""

    @property
    def replayed(self) -> int:
        """Whether that was a replay."""


class _Row(NamedTuple):
    """What stands in the row of a key that is known already, and what the run of its claim did not know of the time."""

    status: int
    run: int
    sent: float
    attempts: int
    kind: str
    content: bytes | None
    replayed: int
    not_before: float | None


class OpenClaims:
    """Keeps what a run has claimed and not settled; `claim` and `release` go within a transaction."""

    def __init__(self, database: Database, trusted: TrustedTime, lease: Lease | None) -> None:
        """Claim for the run of `lease`; without one the ledger is only looked at."""
        self._database = database
        self._trusted = trusted
        self._lease = lease
        self._keys: dict[bytes, str] = {}
        """Those that are claimed and not settled, each with its kind."""
        self._before: dict[bytes, _Row] = {}
        """What stood in the rows of those that were settled before this run claimed them."""
        self.run = 0 if lease is None else lease.run
        """The number of the run, under which its claims stand."""

    def claim(self, one: Keyed, stream: int, today: int) -> Entry:
        """Claim a shipment of the stream of this number, or tell who has it, or how it ended."""
        if one.key is None:
            return NEW
        at = self._trusted.now() if one.claimed_at is None else one.claimed_at
        sent = at if self._trusted.is_known else -at
        claim = (one.key, stream, self.run, sent, today, one.lookalikes, row_of(one), one.kind)
        if self._database.execute(_CLAIM, claim).rowcount == 1:
            self._before.pop(one.key, None)
            return NEW
        found = self._database.execute(_FIND, (one.key,)).fetchall()
        if not found:
            return Entry(Standing.BUSY)  # taken back in this moment: ask again
        row = _Row(*found[0])
        if one.content is not None and row.status != CLAIMED:
            return self._claim_anew(one.key, one, row, sent)
        return self._claim_known(one.key, row, again=one.again)

    def has(self, one: Keyed) -> bool:
        """Tell whether this run had claimed it already, as before its lease lapsed."""
        return one.key in self._keys

    def unclaimed(self, settled: Iterable[Settlement]) -> list[tuple[int, bytes]]:
        """Return this run's number, and the key, of all with content that ended without a claim of its own."""
        kept = [one.keyed.key for one in settled if one.keyed.content is not None]
        return [(self.run, key) for key in kept if key is not None and key not in self._keys]

    def count_without(self, settled: Iterable[Settlement]) -> collections.Counter[str]:
        """Count those that are not settled by this, by kind."""
        ended = {one.keyed.key for one in settled}
        return collections.Counter(kind for key, kind in self._keys.items() if key not in ended)

    def note(self, settled: Sequence[Settlement], wanted: Sequence[Keyed], entries: Sequence[Entry]) -> None:
        """Note what was committed."""
        for key in [one.keyed.key for one in settled if one.keyed.key is not None]:
            self._keys.pop(key, None)
            self._before.pop(key, None)
        for one, entry in zip(wanted, entries, strict=True):
            if one.key is not None and entry.standing in {Standing.NEW, Standing.UNKNOWN}:
                self._keys[one.key] = one.kind
            elif one.key is not None and entry.standing is Standing.SETTLED:
                self._keys.pop(one.key, None)

    def release(self, shipments: Sequence[Keyed]) -> None:
        """Take claims back: what was new is as if never claimed, what was settled is as it was before."""
        mine = [one.key for one in shipments if one.key is not None]
        fresh = [(key, self.run) for key in mine if key not in self._before]
        settled = [(*self._before[key][:5], key, self.run) for key in mine if key in self._before]
        self._database.execute_many(_DELETE, fresh)
        self._database.execute_many(_RESTORE, settled)
        for key in mine:
            self._keys.pop(key, None)

    def _claim_anew(self, key: bytes, one: Keyed, row: _Row, sent: float) -> Entry:
        """Claim what was settled with other content, or is replayed: another sending of the same thing."""
        goes_again = one.again and row.status in _SENT_AGAIN
        end = None if goes_again else end_of(one, row, self.run)
        if end is not None:
            return end
        taken = (self.run, sent, one.lookalikes, one.kind, key, row.run, row.status)
        if self._database.execute(_CLAIM_ANEW, taken).rowcount != 1:
            return Entry(Standing.BUSY)
        self._before[key] = row
        return NEW

    def _claim_known(self, key: bytes, row: _Row, *, again: bool) -> Entry:
        """Claim what is known already: settled, claimed by a run that lives or is gone, or to be sent again."""
        status, run, sent, lookalikes, *_, not_before = row
        at = abs(sent)
        if status != CLAIMED and not (again and status in _SENT_AGAIN):
            return SETTLED[status]
        if status == CLAIMED and run == self.run:
            return Entry(Standing.NEW, claimed_at=at)
        if status == CLAIMED and self._lease is not None and (holder := self._lease.holder(run)) is not None:
            return Entry(Standing.BUSY, holder=holder)
        if self._database.execute(_TAKE, (self.run, key, run, status)).rowcount != 1:
            return Entry(Standing.BUSY)
        if status == CLAIMED:
            self._before.pop(key, None)
        else:
            self._before[key] = row
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


def end_of(one: Keyed, row: SettledRow, run: int) -> Entry | None:
    """Return how a shipment ends whose key is settled so; None where it goes, since its content is another.

    A replay comes late: what was delivered since then is newer. Not so what this very run has delivered, nor what
    another replay has, which may have been cut off: a replay brings a thing's versions in their order.
    """
    if one.content is None or row.content == one.content:
        return SETTLED[row.status]
    is_newer = row.status == STATUS[Outcome.DELIVERED] and row.run != run and not row.replayed
    return SETTLED[row.status] if one.again and is_newer else None
