"""When a key was last seen: noted at most once a day a key, and forgotten long after, both in small steps."""

from __future__ import annotations

import itertools
from typing import Final

from target_zendesk_events.ledger.tables import OF_ACCOUNT, PREFIX
from target_zendesk_events.ledger.transactions import Database

SECONDS_A_DAY: Final = 86_400
STEP: Final = 500
"""Keys that one commit notes or forgets at most: other runs wait for it."""


class LastSeen:
    """What a run has seen of older days; days are counted from 1970 (UTC)."""

    def __init__(self, database: Database, account: bytes, retention_days: int) -> None:
        """Keep the keys of `account` for `retention_days` from their last sight on."""
        self._database = database
        self._account = account
        self._retention_days = retention_days
        self._stale: set[bytes] = set()
        self._noted: list[bytes] = []

    def __len__(self) -> int:
        """Count the keys whose sight is yet to be noted."""
        return len(self._stale)

    def today(self) -> int:
        """Return the day that it is."""
        return int(self._database.now() // SECONDS_A_DAY)

    def see(self, key: bytes) -> None:
        """A key that was last seen on an older day came again."""
        self._stale.add(key)

    def note(self) -> None:
        """Note a few of them, within a transaction; they are done with `noted`, once it is committed."""
        self._noted = sorted(itertools.islice(self._stale, STEP))
        statement = f"UPDATE {PREFIX}keys SET seen = ? WHERE key = ?"
        self._database.execute_many(statement, [(self.today(), key) for key in self._noted])

    def noted(self) -> None:
        """What was noted is committed."""
        self._stale.difference_update(self._noted)

    def expire(self) -> None:
        """Forget a few keys that were last seen longer ago than they are kept, within a transaction."""
        old = f"SELECT key FROM {PREFIX}keys WHERE {OF_ACCOUNT} AND seen < ? LIMIT {STEP}"
        values = self._account, self.today() - self._retention_days
        self._database.execute(f"DELETE FROM {PREFIX}keys WHERE key IN ({old})", values)
