"""When a key was last seen, and in what record: noted at most once a week a key; and forgotten long after.

A clock that was wrong would forget all at once, and all would be sent again: nothing is forgotten on its word alone.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable
from typing import Final

from target_zendesk_events.ledger.clocks import TrustedTime
from target_zendesk_events.ledger.tables import COUNT, OF_ACCOUNT, PREFIX
from target_zendesk_events.ledger.transactions import Database

logger = logging.getLogger("target-zendesk-events")

SECONDS_A_DAY: Final = 86_400
DAYS_BETWEEN_SIGHTS: Final = 7
"""A sight is noted once the one before is so old: to write a row costs three times what it costs to read it."""
STEP: Final = 500
"""Keys that one commit notes or forgets at most: other runs wait for it."""
MOST_WAITING: Final = 2_000
"""Keys whose sight waits to be noted at most, but for a moment: memory is not to grow with what is known."""
SHARE_FORGOTTEN_A_DAY: Final = 4
"""One key of so many, at the most, is forgotten in a day."""


def unseen(today: int, days: int) -> int:
    """Return the day before which a sight was noted last, where a key has not been seen for so many days, or longer."""
    return today - days - (DAYS_BETWEEN_SIGHTS - 1)


class LastSeen:
    """What a run has seen of older days; days are counted from 1970 (UTC)."""

    def __init__(self, database: Database, account: bytes, retention_days: int, time: TrustedTime) -> None:
        """Keep the keys of `account` for `retention_days` from their last sight on."""
        self._time = time
        self._may_forget: int | None = None
        self._database = database
        self._account = account
        self._retention_days = retention_days
        self._stale: dict[bytes, int | None] = {}
        self._to_come: dict[bytes, int] = {}
        self._turned_on = self.today()
        self._noted: list[bytes] = []

    def __len__(self) -> int:
        """Count the keys whose sight is yet to be noted."""
        self._turn()
        return len(self._stale)

    def today(self) -> int:
        """Return the day that it is."""
        return int(self._time.now() // SECONDS_A_DAY)

    def see(self, days: Iterable[tuple[bytes, int]]) -> None:
        """Keys came again, each last seen on a day; one of a day to come may be of one that is long over."""
        today = self.today()
        for key, day in days:
            if today - day >= DAYS_BETWEEN_SIGHTS:
                self._stale.setdefault(key, None)
            elif day > today:
                self._to_come[key] = day

    def recognise(self, key: bytes, text: int) -> None:
        """A key came of a record that is to be known by this hash of its text."""
        self._stale[key] = text

    def note(self) -> None:
        """Note a few of them, within a transaction; they are done with `noted`, once it is committed."""
        self._turn()
        self._noted = sorted(itertools.islice(self._stale, STEP))
        statement = f"UPDATE {PREFIX}keys SET seen = ?, text_hash = COALESCE(?, text_hash) WHERE key = ?"
        today = self.today()
        self._database.execute_many(statement, [(today, self._stale[key], key) for key in self._noted])

    def noted(self) -> None:
        """What was noted is committed."""
        for key in self._noted:
            self._stale.pop(key, None)
        self._noted = []

    def expire(self) -> None:
        """Forget a few keys that were last seen longer ago than they are kept, within a transaction.

        Only once an answer of Zendesk has told the time, and never more of a day than a share of all keys.
        """
        if not self._time.is_known or self._may_forget == 0:
            return
        today = int(self._time.earliest() // SECONDS_A_DAY)
        old = f"SELECT key FROM {PREFIX}keys WHERE {OF_ACCOUNT} AND seen < ? LIMIT ?"
        found = self._database.execute(old, (self._account, unseen(today, self._retention_days), STEP)).fetchall()
        if not found:
            return
        forgotten = f"forgotten {today}"
        if self._may_forget is None:
            self._may_forget = self._share(forgotten)
        keys = [key for (key,) in found[: self._may_forget]]
        self._database.execute_many(f"DELETE FROM {PREFIX}keys WHERE key = ?", [(key,) for key in keys])
        self._database.execute(COUNT, (self._account, forgotten, len(keys)))
        self._may_forget -= len(keys)
        if not self._may_forget:
            logger.warning(
                "more keys of the ledger are older than ledger_retention_days than are forgotten in a day, one of %d: "
                "the rest is kept until tomorrow",
                SHARE_FORGOTTEN_A_DAY,
            )

    def _turn(self) -> None:
        """Once the day is another, what was seen on a day to come may be stale."""
        today = self.today()
        if today != self._turned_on:
            self._turned_on = today
            for key in [key for key, day in self._to_come.items() if today - day >= DAYS_BETWEEN_SIGHTS]:
                del self._to_come[key]
                self._stale.setdefault(key, None)

    def _share(self, forgotten: str) -> int:
        """Return how many keys may yet be forgotten today."""
        count = f"SELECT COUNT(*) FROM {PREFIX}keys WHERE {OF_ACCOUNT}"
        keys = int(self._database.execute(count, (self._account,)).fetchall()[0][0])
        before = f"SELECT COALESCE(SUM(count), 0) FROM {PREFIX}counts WHERE account = ? AND name = ?"
        done = int(self._database.execute(before, (self._account, forgotten)).fetchall()[0][0])
        return max(0, -(-(keys + done) // SHARE_FORGOTTEN_A_DAY) - done)
