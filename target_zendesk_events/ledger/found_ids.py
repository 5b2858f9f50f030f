"""The ids in Zendesk of what was looked up, kept for thirty days under a hash of what names it there."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Final

from target_zendesk_events.ledger.clocks import TrustedTime
from target_zendesk_events.ledger.lookup import LOOKUP_SIZE
from target_zendesk_events.ledger.tables import PREFIX
from target_zendesk_events.ledger.transactions import Database

KEPT_SECONDS: Final = 30 * 86_400.0
STEP: Final = 500
"""Ids that one commit forgets at most: other runs wait for it."""

_NOTE: Final = (
    f"INSERT INTO {PREFIX}ids (account, hash, id, found) VALUES (?, ?, ?, ?) ON CONFLICT (account, hash) "
    "DO UPDATE SET id = excluded.id, found = excluded.found"
)
_DROP: Final = f"DELETE FROM {PREFIX}ids WHERE account = ? AND hash = ?"
_OLD: Final = f"SELECT hash FROM {PREFIX}ids WHERE account = ? AND found < ? LIMIT {STEP}"


class FoundIds:
    """Those of one account; each call goes within a transaction."""

    def __init__(self, database: Database, account: bytes, time: TrustedTime) -> None:
        """Go by the ledger's time."""
        self._database = database
        self._account = account
        self._time = time

    def of(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Return the ids of those that were found in the last thirty days."""
        since = self._time.now() - KEPT_SECONDS
        remaining = iter(dict.fromkeys(hashes))
        known: dict[bytes, str] = {}
        while chunk := list(itertools.islice(remaining, LOOKUP_SIZE)):
            places = ",".join("?" * len(chunk))
            statement = f"SELECT hash, id FROM {PREFIX}ids WHERE account = ? AND found >= ? AND hash IN ({places})"
            known |= self._database.execute(statement, (self._account, since, *chunk)).fetchall()
        return known

    def note(self, ids: Mapping[bytes, str]) -> None:
        """Keep what was found."""
        now = self._time.now()
        self._database.execute_many(_NOTE, [(self._account, hash_, id_, now) for hash_, id_ in sorted(ids.items())])

    def drop(self, hashes: Collection[bytes]) -> None:
        """Forget what turned out to be wrong."""
        self._database.execute_many(_DROP, [(self._account, one) for one in sorted(hashes)])

    def expire(self) -> None:
        """Forget a few of those that are too old to be told."""
        old = self._database.execute(_OLD, (self._account, self._time.earliest() - KEPT_SECONDS)).fetchall()
        self.drop([hash_ for (hash_,) in old])
