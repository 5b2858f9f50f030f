"""Whom the account has forgotten: keyed hashes of identifiers that no event may bear, until that is lifted."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from target_zendesk_events.ledger.ledger import Keyed
from target_zendesk_events.ledger.lookup import LOOKUP_SIZE
from target_zendesk_events.ledger.open_claims import SETTLED, STATUS
from target_zendesk_events.ledger.tables import PREFIX
from target_zendesk_events.ledger.transactions import Database
from target_zendesk_events.work import Outcome

_ANY: Final = f"SELECT 1 FROM {PREFIX}forgotten WHERE account = ? LIMIT 1"
_MARK: Final = f"SELECT COUNT(*), COUNT(lifted), MAX(since), MAX(lifted) FROM {PREFIX}forgotten WHERE account = ?"
_BLOCK: Final = (
    f"INSERT INTO {PREFIX}forgotten (account, hash, person, since) VALUES (?, ?, ?, ?) ON CONFLICT (account, hash) "
    "DO UPDATE SET person = excluded.person, since = excluded.since, lifted = NULL"
)
_JOIN: Final = f"UPDATE {PREFIX}forgotten SET person = ? WHERE account = ? AND person = ?"
_LIFT: Final = f"UPDATE {PREFIX}forgotten SET lifted = ? WHERE account = ? AND person = ? AND lifted IS NULL"
_UNLEARN: Final = (
    f"DELETE FROM {PREFIX}keys WHERE key = ? AND (status = {STATUS[Outcome.FORGOTTEN]} "
    f"OR (status = {STATUS[Outcome.DELIVERED]} AND ABS(sent) < ?))"
)
PERSON_BYTES: Final = 16
FORGOTTEN: Final = SETTLED[STATUS[Outcome.FORGOTTEN]]
"""What the ledger answers for a shipment to somebody who is forgotten."""


class Forgotten:
    """Blocks and lifts; asked of shipments before they are claimed. Each call goes within a transaction."""

    def __init__(self, database: Database, account: bytes) -> None:
        """Know of those of `account`."""
        self._database = database
        self._account = account

    def mark(self) -> str:
        """Return a text that is another once somebody was forgotten, or may be sent events again."""
        return repr(self._database.execute(_MARK, (self._account,)).fetchall()[0])

    def gone_before(self, shipments: Sequence[Keyed]) -> list[float]:
        """Return for each shipment until when what went to its customer was deleted, in epoch seconds.

        Infinity: nothing may go to it at all. 0: its customer was never forgotten.
        """
        if not self._database.execute(_ANY, (self._account,)).fetchall():
            return [0.0] * len(shipments)
        persons = [one.persons() for one in shipments]
        known = {
            hash_: math.inf if lifted is None else since
            for hash_, _, since, lifted in self._rows(dict.fromkeys(itertools.chain(*persons)))
        }
        return [max((known.get(one, 0.0) for one in hashes), default=0.0) for hashes in persons]

    def unlearn(self, key: bytes, before: float) -> None:
        """Take out of the ledger what was deleted, or not sent at all, since its customer was forgotten."""
        self._database.execute(_UNLEARN, (key, before))

    def block(self, hashes: Iterable[bytes], now: float) -> None:
        """Let no event bear any of these any more; they are one person's, and so is what was forgotten with one."""
        hashes = tuple(dict.fromkeys(hashes))
        person = secrets.token_bytes(PERSON_BYTES)
        for former in {row[1] for row in self._rows(hashes)}:
            self._database.execute(_JOIN, (person, self._account, former))
        self._database.execute_many(_BLOCK, [(self._account, one, person, now) for one in hashes])

    def lift(self, hash_: bytes, now: float) -> int:
        """Let events bear again what was forgotten together with this; return how many hashes that are."""
        persons = {row[1] for row in self._rows((hash_,))}
        return sum(self._database.execute(_LIFT, (now, self._account, one)).rowcount for one in persons)

    def _rows(self, hashes: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, float, float | None]]:
        remaining = iter(hashes)
        while chunk := list(itertools.islice(remaining, LOOKUP_SIZE)):
            places = ",".join("?" * len(chunk))
            statement = (
                f"SELECT hash, person, since, lifted FROM {PREFIX}forgotten WHERE account = ? AND hash IN ({places})"
            )
            for hash_, person, since, lifted in self._database.execute(statement, (self._account, *chunk)).fetchall():
                yield bytes(hash_), bytes(person), since, lifted
