"""When a key was last seen: noted at most once a day a key, and forgotten long after, both in small steps."""

from __future__ import annotations

import itertools
from typing import Any, Final

from target_zendesk_events.delivery.tables import PREFIX
from target_zendesk_events.delivery.transactions import Database

SECONDS_A_DAY: Final = 86_400
STEP: Final = 500
"""Keys that one commit notes or forgets at most: other runs wait for it."""
_KEYS_OF: Final = {"keys": "key", "rows": "hash"}


class Sights:
    """What a run has seen of older days, by table; days are counted from 1970 (UTC)."""

    def __init__(self, database: Database, retention_days: int) -> None:
        """Keep keys for `retention_days` from their last sight on."""
        self._database = database
        self._retention_days = retention_days
        self._stale: dict[str, set[Any]] = {table: set() for table in _KEYS_OF}
        self._noted: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        """Count the keys whose sight is yet to be noted."""
        return sum(map(len, self._stale.values()))

    def today(self) -> int:
        """Return the day that it is."""
        return int(self._database.now() // SECONDS_A_DAY)

    def see(self, table: str, key: Any) -> None:  # noqa: ANN401 - bytes or a number, as the table has it
        """A key that was last seen on an older day came again."""
        self._stale[table].add(key)

    def has_seen(self, table: str, key: Any) -> bool:  # noqa: ANN401 - as above
        """Tell whether a key came again whose sight is yet to be noted."""
        return key in self._stale[table]

    def note(self) -> None:
        """Note a few of them, within a transaction; they are done with `noted`, once it is committed."""
        for table, key in _KEYS_OF.items():
            stale = sorted(itertools.islice(self._stale[table], STEP))
            if stale:
                statement = f"UPDATE {PREFIX}{table} SET seen = ? WHERE {key} = ?"
                self._database.execute_many(statement, [(self.today(), one) for one in stale])
                self._noted[table] = stale

    def noted(self) -> None:
        """What was noted is committed."""
        for table, keys in self._noted.items():
            self._stale[table].difference_update(keys)
        self._noted.clear()

    def expire(self) -> None:
        """Forget a few keys that were last seen longer ago than they are kept, within a transaction."""
        before = self.today() - self._retention_days
        for table, key in _KEYS_OF.items():
            old = f"SELECT {key} FROM {PREFIX}{table} WHERE seen < ? LIMIT {STEP}"
            self._database.execute(f"DELETE FROM {PREFIX}{table} WHERE {key} IN ({old})", (before,))
