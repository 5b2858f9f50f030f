"""What an operator asks of a ledger: when streams settled records, how runs ended, and what a month comes to."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.lease import LEASE_SECONDS
from target_zendesk_events.ledger.ledger import Keyed, Settlement, Tally
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.ledger.tables import MIGRATIONS, PREFIX
from target_zendesk_events.work import Outcome

ACME = hashlib.sha256(b"acme").digest()[:8]
BY_KIND = 7
"""The version from which on what was sent is counted by kind."""


def ledger_at(url: str, run: str = "run", account: str = "acme", **others: Any) -> SqlLedger:
    """Open the ledger as a run."""
    database = database_of(url, time.time)
    return SqlLedger(database, account=account, run=run, retention_days=365, digest=lambda _: "rules", **others)


def test_each_stream_keeps_when_it_last_settled_a_record(ledger_url: str) -> None:
    """Also one of which the ledger keeps no key; another account's are its own."""
    ledger, other = ledger_at(ledger_url), ledger_at(ledger_url, account="sandbox")
    one = Keyed(b"k" * 16, lambda: None, "orders")
    ledger.exchange([], [one], Tally())
    assert Inquiry(ledger).settled() == {"orders": None}
    ledger.exchange([Settlement(one, Outcome.DELIVERED, 1)], [], Tally(settled={"orders": 100.5, "logins": 99.0}))
    ledger.exchange([], [], Tally(settled={"orders": 102.0}))
    assert Inquiry(ledger).settled() == {"orders": 102.0, "logins": 99.0}
    assert Inquiry(other).settled() == {}
    ledger.close()
    other.close()


def test_runs_tell_how_they_ended(ledger_url: str) -> None:
    """With an exit code, by a verb, under way, or silent; the newest first, with the events that are their own."""
    ledger_at(ledger_url, "ended").close(3)
    ledger_at(ledger_url, "verb").close()
    silent, live = ledger_at(ledger_url, "silent"), ledger_at(ledger_url, "live")
    live.exchange([], [Keyed(b"k" * 16, lambda: None, "orders")], Tally())
    past = time.time() - 2 * LEASE_SECONDS
    silent.database.execute(f"UPDATE {PREFIX}runs SET lease_until = ? WHERE name = 'silent'", (past,))
    looking = ledger_at(ledger_url, reads_only=True)
    inquiry = Inquiry(looking)
    runs = inquiry.runs()
    assert [(one.name, one.end, one.is_over, one.is_silent) for one in runs] == [
        ("live", "under way", False, False),
        ("silent", "cut off, or waits for its tap", False, True),
        ("verb", "by hand", False, False),
        ("ended", "exit 3", True, False),
    ]
    assert inquiry.sizes(runs) == {runs[0].number: 1}
    looking.close()
    silent.database.close()
    live.close()


def test_the_month_is_counted_by_days_of_one_account(ledger_url: str) -> None:
    """What was sent goes into the month and its forecast; another account's does not."""
    for account in ("acme", "sandbox"):
        ledger = ledger_at(ledger_url, account=account)
        made = [Keyed(account[:1].encode() * 15 + bytes([number]), lambda: None, "orders") for number in range(3)]
        ledger.exchange([Settlement(one, Outcome.DELIVERED, 1) for one in made], [], Tally())
        month = Inquiry(ledger).month(30)
        assert (month.sent, month.percent, month.at_end >= 3) == (3, 10.0, True)
        ledger.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_ledger_of_an_older_version_is_brought_up_to_date(ledger_url: str, version: int) -> None:
    """With its streams and runs, of which it does not know when they settled a record or how they ended, and counts."""
    database = database_of(ledger_url, time.time)
    words = {**database.types, "prefix": PREFIX}
    database.execute(f"CREATE TABLE {PREFIX}meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    for name, value in (("secret", "ab" * 32), ("version", str(version))):
        database.execute(f"INSERT INTO {PREFIX}meta VALUES (?, ?)", (name, value))
    for statement in (statement for statements in MIGRATIONS[:version] for statement in statements):
        database.execute(statement.format(**words))
    kind = "" if version < BY_KIND else "event "
    for name, count in ((f"sent {kind}{time.strftime('%Y-%m', time.gmtime())}", 5), ("records 2026-11-01 r sent", 7)):
        database.execute(f"INSERT INTO {PREFIX}counts VALUES (?, ?, ?)", (ACME, name, count))
    ledger = ledger_at(ledger_url, "first")
    database.execute(f"INSERT INTO {PREFIX}streams (id, account, name) VALUES (1, ?, 'orders')", (ledger.account,))
    database.close()
    assert Inquiry(ledger).settled() == {"orders": None}
    assert ledger.usage().sent == {"event": (5, 0)}
    ledger.exchange([], [], Tally(settled={"orders": 7.0}))
    assert Inquiry(ledger).settled() == {"orders": 7.0}
    ledger.close(0)
    reopened = ledger_at(ledger_url, "second")
    assert [one.end for one in Inquiry(reopened).runs()] == ["under way", "exit 0"]
    reopened.close()
