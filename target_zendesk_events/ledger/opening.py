"""Opens the ledger that a URL names, or stands in for none."""

from __future__ import annotations

import time
from collections.abc import Callable

from target_zendesk_events.ledger.ledger import Ledger, Limits, NoLedger


def open_ledger(  # noqa: PLR0913 - values, not owners
    url: str | None,
    *,
    account: str,
    run: str,
    retention_days: int,
    digest: Callable[[str], str],
    limits: Limits,
    must_stop: Callable[[], bool],
    reads_only: bool,
) -> Ledger:
    """Return the ledger at `url`, and take a lease for `run`; with `reads_only` it is looked at, and nothing is made.

    `url` is SQLite's or PostgreSQL's, None for no ledger. `digest` tells a stream's rules, schema and settings from
    others; `limits` are the shipments of a month and of a day, by kind. Raises StorageError and ConfigurationError.
    """
    if url is None:
        return NoLedger()
    from target_zendesk_events.ledger.database import database_of  # noqa: PLC0415 - only where there is a ledger
    from target_zendesk_events.ledger.sql_ledger import SqlLedger  # noqa: PLC0415
    from target_zendesk_events.ledger.tables import has_tables  # noqa: PLC0415
    from target_zendesk_events.ledger.transactions import Transactions  # noqa: PLC0415

    database = database_of(url, time.time)
    is_missing = database.is_file and database.was_made
    if reads_only and (
        is_missing or not Transactions(database, must_stop).run(lambda: has_tables(database), writes=False)
    ):
        return NoLedger(f"{database.note}, not made yet: to a dry run everything is new")
    return SqlLedger(
        database,
        account=account,
        run=run,
        retention_days=retention_days,
        digest=digest,
        limits=limits,
        must_stop=must_stop,
        reads_only=reads_only,
    )
