"""Copies a whole ledger into an empty database: every account's keys, claims, counts and runs, and its secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from target_zendesk_events.errors import ConfigurationError, StorageError
from target_zendesk_events.ledger.tables import PREFIX, has_tables, prepare
from target_zendesk_events.ledger.transactions import Database, Transactions

ROWS_AT_ONCE: Final = 10_000
TABLES: Final = {
    "keys": ("key",),
    "streams": ("id",),
    "runs": ("id",),
    "counts": ("account", "name"),
    "names": ("account", "kind", "hash"),
    "accounts": ("account",),
    "buckets": ("account", "bucket"),
    "permits": ("id",),
    "forgotten": ("account", "hash"),
    "ids": ("account", "hash"),
}
"""Each table's primary key: its first columns. A claim goes with the run that made it, and so stays one."""

_RUNS: Final = f"SELECT id, name, lease_until, ended FROM {PREFIX}runs ORDER BY id"


def copy(source: Database, target: Database) -> dict[str, int]:
    """Copy `source` into `target`, all of it or nothing; return the number of rows by table.

    Raises StorageError where a run is under way on the source, or began meanwhile, and ConfigurationError where one has
    no ledger yet, or the other has one already.
    """
    reading, writing = (Transactions(one, must_stop=lambda: False) for one in (source, target))
    is_missing = source.is_file and source.was_made
    if is_missing or not reading.run(lambda: has_tables(source), writes=False):
        message = f"{source.note} holds nothing yet, so there is nothing to copy [ZE620]"
        raise ConfigurationError(message)
    reading.run(lambda: prepare(source), writes=False)
    writing.run(lambda: prepare(target), writes=False)
    return writing.run(lambda: _fill(reading, target))


def _fill(reading: Transactions, target: Database) -> dict[str, int]:
    """Copy all tables, within a transaction on the target."""
    if any(_count(target, table) for table in TABLES):
        message = f"{target.note} holds a ledger already: a copy goes into an empty database [ZE622]"
        raise ConfigurationError(message)
    runs = reading.ask(_RUNS)
    now = reading.database.now()
    live = [name for _, name, lease_until, ended in runs if ended is None and lease_until > now]
    if live:
        message = f"{reading.database.note} is in use by the run {live[-1]}: copy it once no run is under way [ZE621]"
        raise StorageError(message)
    for table in TABLES:
        for rows in _parts(reading, table):
            _insert(target, table, rows)
    target.execute(f"DELETE FROM {PREFIX}meta")
    _insert(target, "meta", reading.ask(f"SELECT * FROM {PREFIX}meta"))
    if reading.ask(_RUNS) != runs:
        message = f"{reading.database.note} was used while it was copied, so the copy was taken back: try again [ZE621]"
        raise StorageError(message)
    return {table: _count(target, table) for table in TABLES}


def _parts(reading: Transactions, table: str) -> Iterator[list[Any]]:
    """Yield a table's rows by the ten thousand, in the order of its key."""
    key = ", ".join(TABLES[table])
    order = f"ORDER BY {key} LIMIT {ROWS_AT_ONCE}"
    rows = reading.ask(f"SELECT * FROM {PREFIX}{table} {order}")
    while rows:
        yield rows
        last = rows[-1][: len(TABLES[table])]
        places = ", ".join("?" * len(last))
        rows = reading.ask(f"SELECT * FROM {PREFIX}{table} WHERE ({key}) > ({places}) {order}", last)


def _insert(target: Database, table: str, rows: list[Any]) -> None:
    places = ", ".join("?" * len(rows[0]))
    target.execute_many(f"INSERT INTO {PREFIX}{table} VALUES ({places})", rows)


def _count(database: Database, table: str) -> int:
    return int(database.execute(f"SELECT COUNT(*) FROM {PREFIX}{table}").fetchall()[0][0])
