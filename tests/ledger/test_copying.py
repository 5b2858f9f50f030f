"""A copied ledger: the same keys under the same secret, counts equal, and what was claimed is claimed still."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from target_zendesk_events.errors import ConfigurationError, StorageError
from target_zendesk_events.ledger import copying
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.lease import LEASE_SECONDS
from target_zendesk_events.ledger.ledger import Keyed, Settlement, Standing, Tally
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.ledger.sqlite import SqliteDatabase
from target_zendesk_events.ledger.tables import PREFIX
from target_zendesk_events.ledger.transactions import Database
from target_zendesk_events.work import Outcome

NOTHING = Tally()


def open_ledger(url: str, run: str = "run", account: str = "acme", **others: Any) -> SqlLedger:
    """Open a ledger as a run of its own."""
    plain: dict[str, Any] = {"retention_days": 365, "digest": lambda stream: stream}
    return SqlLedger(database_of(url, time.time), account=account, run=run, **{**plain, **others})


def keyed(number: int, kind: str = "event") -> Keyed:
    """Return the thing of this number, of a row of its own."""
    return Keyed(number.to_bytes(16, "big"), lambda: number.to_bytes(16, "little"), "orders", kind=kind)


def deliver(ledger: SqlLedger, *things: Keyed) -> None:
    """Claim and settle them."""
    ledger.exchange([], things, NOTHING)
    ledger.exchange([Settlement(one, Outcome.DELIVERED, 1, "") for one in things], [], NOTHING)


def copied(source: str, target: str | Database) -> dict[str, int]:
    """Copy one into the other."""
    old, new = database_of(source, time.time), database_of(target, time.time) if isinstance(target, str) else target
    with contextlib.closing(old), contextlib.closing(new):
        return copying.copy(old, new)


@pytest.fixture
def made(tmp_path: Path) -> str:
    """Make a ledger with 25,000 keys of one account, one of another, and a claim of a run that was cut off."""
    url = f"sqlite:///{tmp_path}/old.sqlite"
    first, second = open_ledger(url, "first"), open_ledger(url, "second", account="sandbox")
    deliver(first, *map(keyed, range(25_000)))
    deliver(second, keyed(70_000, "ticket"))
    first.note_ids({b"12345678": "900"})
    first.close(0)
    second.close(0)
    cut_off = open_ledger(url, "cut off")
    cut_off.exchange([], [keyed(80_000)], NOTHING)
    cut_off.database.execute("UPDATE zendesk_events_runs SET lease_until = 1 WHERE ended IS NULL")
    cut_off.database.close()
    return url


def standings(url: str, things: Sequence[Keyed], account: str = "acme") -> list[Standing]:
    """Return what a new run on a ledger gets for the things that it wants to send."""
    seconds = [0.0]
    ledger = open_ledger(url, "next", account, steady=lambda: seconds[0])
    seconds[0] += 2 * LEASE_SECONDS  # in which nobody was seen to renew a lease
    entries = ledger.exchange([], things, NOTHING)
    ledger.close()
    return [one.standing for one in entries]


def test_a_copy_knows_what_the_ledger_knew(made: str, ledger_url: str) -> None:
    """By the same hashes, for every account; a claim of a run that was cut off is an unknown outcome there too."""
    target = ledger_url.replace("ledger.sqlite", "new.sqlite")
    counts = copied(made, target)
    assert counts == {
        **dict.fromkeys(copying.TABLES, 0),
        "keys": 25_002,
        "streams": 2,
        "runs": 3,
        "ids": 1,
        **{table: counts[table] for table in ("counts", "names", "accounts", "buckets")},
    }
    old, new = open_ledger(made), open_ledger(target)
    assert new.secret == old.secret
    assert Inquiry(new).counts() == Inquiry(old).counts()
    assert new.usage() == old.usage()
    assert new.ids([b"12345678"]) == {b"12345678": "900"}
    old.close()
    new.close()
    assert standings(target, [keyed(7), keyed(80_000), keyed(90_000)]) == [
        Standing.SETTLED,
        Standing.UNKNOWN,
        Standing.NEW,
    ]
    assert standings(target, [keyed(70_000)], "sandbox") == [Standing.SETTLED]


def test_a_ledger_in_use_is_not_copied(made: str, tmp_path: Path) -> None:
    """Nor one that another run begins to use meanwhile; nothing of it stays in the target, which takes a next try."""
    target = f"sqlite:///{tmp_path}/new.sqlite"
    under_way = open_ledger(made, "under way")
    with pytest.raises(StorageError, match=r"in use by the run under way: .* \[ZE621\]"):
        copied(made, target)
    under_way.close(0)
    lengths: list[int] = []

    class Slow(SqliteDatabase):
        """A target that takes its first rows while a run begins and ends on the source."""

        def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
            given = list(rows)
            if not lengths:
                open_ledger(made, "begins").close(0)
            lengths.append(len(given))
            return super().execute_many(statement, given)

    with pytest.raises(StorageError, match=r"used while it was copied.*\[ZE621\]"):
        copied(made, Slow(tmp_path / "new.sqlite", time.time))
    assert lengths[0] == copying.ROWS_AT_ONCE
    assert copied(made, target)["keys"] == 25_002


def test_a_copy_goes_into_an_empty_database(made: str, tmp_path: Path) -> None:
    """One that holds a ledger is left as it is; of one that holds nothing there is nothing to copy."""
    target = f"sqlite:///{tmp_path}/new.sqlite"
    other = open_ledger(target, "other")
    other.close(0)
    with pytest.raises(ConfigurationError, match=r"holds a ledger already.*\[ZE622\]"):
        copied(made, target)
    with pytest.raises(ConfigurationError, match=r"nothing to copy \[ZE620\]"):
        copied(f"sqlite:///{tmp_path}/none.sqlite", f"sqlite:///{tmp_path}/another.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_every_table_is_copied(made: str) -> None:
    """Also one that a later version adds."""
    database = database_of(made, time.time)
    with contextlib.closing(database):
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {name for (name,) in names} == {f"{PREFIX}{table}" for table in (*copying.TABLES, "meta")}
