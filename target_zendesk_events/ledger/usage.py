"""What an account has used, by all runs on the ledger: shipments by month and day, names, and what was set aside."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Mapping

from target_zendesk_events.ledger.clocks import TrustedTime
from target_zendesk_events.ledger.ledger import Tally, Usage
from target_zendesk_events.ledger.tables import COUNT, PREFIX
from target_zendesk_events.ledger.transactions import Transactions


class UsageCounts:
    """The counts of one account; months and days are UTC's, by the ledger's clock."""

    def __init__(
        self, transactions: Transactions, account: bytes, digest: Callable[[str], str], time: TrustedTime
    ) -> None:
        """`digest` tells a stream's rules, schema and settings from others: once mended, its counts start afresh."""
        self._transactions = transactions
        self._database = transactions.database
        self._account = account
        self._digest = digest
        self._time = time

    def usage(self) -> Usage:
        """Return what the account has used this month, today, and of names. Raises StorageError."""
        month, day = self._periods()
        ask, account = self._transactions.ask, (self._account,)
        counts = dict(ask(f"SELECT name, count FROM {PREFIX}counts WHERE account = ?", account))
        kinds = [name.split()[1] for name in counts if name.startswith("sent ") and name.endswith(f" {month}")]
        sent = {kind: (counts[f"sent {kind} {month}"], counts.get(f"sent {kind} {day}", 0)) for kind in kinds}
        names: dict[str, set[bytes]] = {}
        for kind, digest in ask(f"SELECT kind, hash FROM {PREFIX}names WHERE account = ?", account):
            names.setdefault(kind, set()).add(bytes(digest))
        found = {kind: frozenset(digests) for kind, digests in names.items()}
        return Usage(sent, found)

    def share_before(self, stream: str) -> tuple[int, int]:
        """Return a stream's records, and those set aside, today, with its rules, schema and settings as they are."""
        statement = f"SELECT count FROM {PREFIX}counts WHERE account = ? AND name = ?"
        records, aside = (
            self._transactions.ask(statement, (self._account, self._share_name(kind, stream)))
            for kind in ("records", "aside")
        )
        return records[0][0] if records else 0, aside[0][0] if aside else 0

    def add(self, sent: Mapping[str, int], tally: Tally, asked: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Add what was sent of each kind, and a tally, within a transaction.

        Return all that was sent, this month and today, of the kinds that are asked for.
        """
        month, day = self._periods()
        counts = {f"sent {kind} {period}": count for kind, count in sent.items() for period in (month, day)}
        counts |= {self._share_name("records", stream): count for stream, count in tally.records.items()}
        counts |= {self._share_name("aside", stream): count for stream, count in tally.set_aside.items()}
        rows = [(self._account, name, count) for name, count in sorted(counts.items()) if count]
        self._database.execute_many(COUNT, rows)
        self._database.execute_many(
            f"INSERT INTO {PREFIX}names VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(self._account, kind, digest) for kind, digest in sorted(tally.names)],
        )
        names = {kind: (f"sent {kind} {month}", f"sent {kind} {day}") for kind in asked}
        if not names:
            return {}
        places = ",".join("?" * 2 * len(names))
        statement = f"SELECT name, count FROM {PREFIX}counts WHERE account = ? AND name IN ({places})"
        values = (self._account, *itertools.chain(*names.values()))
        found = dict(self._database.execute(statement, values).fetchall())
        return {kind: (found.get(one, 0), found.get(other, 0)) for kind, (one, other) in names.items()}

    def _periods(self) -> tuple[str, str]:
        """Return this month and this day, as their counts name them."""
        date = self._date()
        return f"{date:%Y-%m}", f"{date:%Y-%m-%d}"

    def _share_name(self, kind: str, stream: str) -> str:
        return f"{kind} {self._date():%Y-%m-%d} {self._digest(stream)} {stream}"

    def _date(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._time.now(), dt.timezone.utc)
