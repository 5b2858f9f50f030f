"""What is long over, and would make a ledger grow for ever: runs, and what days and months came to."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from target_zendesk_events.ledger.clocks import TrustedTime
from target_zendesk_events.ledger.tables import CLAIMED, PREFIX
from target_zendesk_events.ledger.transactions import Database

SECONDS_A_DAY: Final = 86_400
LEAST_DAYS: Final = 62
"""However soon keys are forgotten: this month and the last are kept."""
STEP: Final = 500
"""Rows of each table that one commit forgets at most: other runs wait for it."""

_RUNS: Final = (
    f"SELECT r.id FROM {PREFIX}runs r WHERE r.account = ? AND COALESCE(r.ended, r.lease_until) < ? "
    f"AND NOT EXISTS (SELECT 1 FROM {PREFIX}keys k WHERE k.run = r.id AND k.status = {CLAIMED}) "
    f"ORDER BY r.id LIMIT {STEP}"
)
"""Runs that are over; not those whose claims are yet to be taken over, for they tell since when these are open."""
_NAMES: Final = f"SELECT name FROM {PREFIX}counts WHERE account = ? ORDER BY name"
_DAY_OR_MONTH: Final = re.compile(r"(?:records|aside|sent \w+) (\d{4}-\d{2}(?:-\d{2})?)(?: |$)")
_DAY_NUMBER: Final = re.compile(r"forgotten (\d+)$")


class Past:
    """That of one account, kept as long as keys are, and two months at least."""

    def __init__(self, database: Database, account: bytes, retention_days: int, time: TrustedTime) -> None:
        """Go by the ledger's time."""
        self._database = database
        self._account = account
        self._days = max(retention_days, LEAST_DAYS)
        self._time = time
        self._done_until: int | None = None

    def expire(self) -> None:
        """Forget a little, within a transaction, until nothing is left of this day; once an answer told the time."""
        since = int(self._time.earliest() // SECONDS_A_DAY) - self._days
        if not self._time.is_known or since == self._done_until:
            return
        runs = self._database.execute(_RUNS, (self._account, float(since * SECONDS_A_DAY))).fetchall()
        names = [
            name for (name,) in self._database.execute(_NAMES, (self._account,)).fetchall() if is_over(name, since)
        ]
        self._database.execute_many(f"DELETE FROM {PREFIX}runs WHERE id = ?", runs)
        self._database.execute_many(
            f"DELETE FROM {PREFIX}counts WHERE account = ? AND name = ?",
            [(self._account, name) for name in names[:STEP]],
        )
        if len(runs) < STEP and len(names) <= STEP:
            self._done_until = since


def is_over(name: str, since: int) -> bool:
    """Tell whether a count is of a day before `since`, in days since 1970, or of a month that ended before it."""
    if found := _DAY_NUMBER.match(name):
        return int(found[1]) < since
    date = dt.datetime.fromtimestamp(since * SECONDS_A_DAY, dt.timezone.utc).date().isoformat()
    return (found := _DAY_OR_MONTH.match(name)) is not None and found[1] < date[: len(found[1])]
