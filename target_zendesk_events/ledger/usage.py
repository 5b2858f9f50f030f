"""What an account has used, by all runs on the ledger: events by month and day, names, and what was set aside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

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
        names: dict[str, set[bytes]] = {}
        for kind, digest in ask(f"SELECT kind, hash FROM {PREFIX}names WHERE account = ?", account):
            names.setdefault(kind, set()).add(bytes(digest))
        found = {kind: frozenset(digests) for kind, digests in names.items()}
        return Usage(this_month=counts.get(month, 0), today=counts.get(day, 0), names=found)

    def share_before(self, stream: str) -> tuple[int, int]:
        """Return a stream's records, and those set aside, today, with its rules, schema and settings as they are."""
        statement = f"SELECT count FROM {PREFIX}counts WHERE account = ? AND name = ?"
        records, aside = (
            self._transactions.ask(statement, (self._account, self._share_name(kind, stream)))
            for kind in ("records", "aside")
        )
        return records[0][0] if records else 0, aside[0][0] if aside else 0

    def add(self, sent: int, tally: Tally) -> tuple[int, int]:
        """Add events that were sent, and a tally, within a transaction; return all that were sent this month, today."""
        month, day = self._periods()
        counts = {month: sent, day: sent}
        counts |= {self._share_name("records", stream): count for stream, count in tally.records.items()}
        counts |= {self._share_name("aside", stream): count for stream, count in tally.set_aside.items()}
        rows = [(self._account, name, count) for name, count in sorted(counts.items()) if count]
        self._database.execute_many(COUNT, rows)
        self._database.execute_many(
            f"INSERT INTO {PREFIX}names VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(self._account, kind, digest) for kind, digest in sorted(tally.names)],
        )
        statement = f"SELECT name, count FROM {PREFIX}counts WHERE account = ? AND name IN (?, ?)"
        found = dict(self._database.execute(statement, (self._account, month, day)).fetchall())
        return found.get(month, 0), found.get(day, 0)

    def _periods(self) -> tuple[str, str]:
        """Return the names under which the events of this month and of this day are counted."""
        date = self._date()
        return f"sent {date:%Y-%m}", f"sent {date:%Y-%m-%d}"

    def _share_name(self, kind: str, stream: str) -> str:
        return f"{kind} {self._date():%Y-%m-%d} {self._digest(stream)} {stream}"

    def _date(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._time.now(), dt.timezone.utc)
