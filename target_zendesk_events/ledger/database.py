"""The database that a ledger's URL names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.ledger.clocks import steady_seconds
from target_zendesk_events.ledger.sqlite import SqliteDatabase
from target_zendesk_events.ledger.transactions import Database

SQLITE_PREFIX: Final = "sqlite:///"


def database_of(url: str, wall: Callable[[], float]) -> Database:
    """Return the database that a URL names, `sqlite:///path` or `postgresql://...`; nothing is opened.

    `wall` is the epoch clock; a server tells the time itself. Raises ConfigurationError where the extra is not
    installed.
    """
    if url.startswith(SQLITE_PREFIX):
        return SqliteDatabase(Path(url.removeprefix(SQLITE_PREFIX)), wall)
    try:
        from target_zendesk_events.ledger.postgres import PostgresDatabase  # noqa: PLC0415 - only who uses it pays
    except ImportError as fault:
        message = "ledger_url names PostgreSQL: pip install 'target-zendesk-events[postgres]' [ZE117]"
        raise ConfigurationError(message) from fault
    return PostgresDatabase(url, steady_seconds)
