"""How claims become outcomes: what is written into the row of a shipment that ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from target_zendesk_events.ledger.ledger import Settlement
from target_zendesk_events.ledger.lookup import known_keys, row_of
from target_zendesk_events.ledger.open_claims import STATUS, OpenClaims
from target_zendesk_events.ledger.tables import CLAIMED, LOOKALIKES_SHIFT, PREFIX
from target_zendesk_events.ledger.transactions import Database
from target_zendesk_events.work import Outcome

_SETTLE: Final = (
    f"INSERT INTO {PREFIX}keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
    "status = excluded.status, run = excluded.run, seen = excluded.seen, attempts = excluded.attempts, "
    "request_id = excluded.request_id, kind = excluded.kind, replayed = excluded.replayed, "
    "text_hash = excluded.text_hash, "
    f"content = CASE WHEN {PREFIX}keys.run = excluded.run THEN excluded.content END "
    f"WHERE CASE WHEN excluded.content IS NULL THEN {PREFIX}keys.status <> {STATUS[Outcome.DELIVERED]} ELSE "
    f"({PREFIX}keys.status <> {CLAIMED} OR {PREFIX}keys.run = excluded.run) AND ({PREFIX}keys.content IS NULL OR "
    f"{PREFIX}keys.status <> {STATUS[Outcome.DELIVERED]} OR {PREFIX}keys.content <> excluded.content) END"
)
"""A delivery is never unsaid, except by other content. What another run has claimed meanwhile is for that one to
settle; what it has settled has no content that anybody knows: which of the two came last, nobody does."""
_OWN: Final = f"UPDATE {PREFIX}keys SET run = ? WHERE key = ? AND status <> {CLAIMED}"
"""Before what ends without a claim is settled: no other run is sending it."""


class Outcomes:
    """Writes outcomes, within a transaction."""

    def __init__(self, database: Database, claims: OpenClaims, number_of: Callable[[str], int]) -> None:
        """Settle the `claims` of a run; `number_of` says under which number the ledger has a stream."""
        self._database = database
        self._claims = claims
        self._number_of = number_of

    def write(self, settled: Sequence[Settlement], now: float, today: int) -> set[bytes]:
        """Write the outcomes of those that have a key, and take back the claims of those that may come again.

        Return the keys that another run had settled as delivered meanwhile, as where this run's lease had lapsed.
        """
        kept = [one for one in settled if one.outcome in STATUS]
        self._claims.release([one.keyed for one in settled if one.outcome not in STATUS])
        self._database.execute_many(_OWN, self._claims.unclaimed(kept))
        rows = [self._row(one, now, today) for one in kept if one.keyed.key]
        written = self._database.execute_many(_SETTLE, rows)
        return set() if written == len(rows) else self._of_others([row[0] for row in rows])

    def _of_others(self, keys: Sequence[bytes]) -> set[bytes]:
        known = known_keys(self._database, keys)
        return {
            key for key, row in known.items() if row.run != self._claims.run and row.status == STATUS[Outcome.DELIVERED]
        }

    def _row(self, one: Settlement, now: float, today: int) -> tuple[Any, ...]:
        request_id = None if one.outcome is Outcome.DELIVERED else one.request_id or None
        stream, status = self._number_of(one.keyed.stream), STATUS[one.outcome]
        lookalikes = one.keyed.lookalikes if one.outcome is Outcome.HELD else 0  # for the reading back before a replay
        attempts = one.attempts | lookalikes << LOOKALIKES_SHIFT
        row = one.keyed.key, stream, status, self._claims.run, now, today, attempts, request_id, row_of(one.keyed)
        text = None if one.keyed.fingerprint is None else one.keyed.fingerprint.text
        return *row, one.keyed.kind, one.keyed.content, int(one.keyed.again), text
