"""The ledger's tables, and how an older ledger becomes a newer one."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Final

from target_zendesk_events.errors import ConfigurationError, StorageError
from target_zendesk_events.ledger.transactions import Busy, Database, damaged

PREFIX: Final = "zendesk_events_"
LOOKALIKES_SHIFT: Final = 16
"""Bits of `attempts` that count attempts, in the row of what was held; those above are its lookalikes."""

OF_ACCOUNT: Final = f"stream IN (SELECT id FROM {PREFIX}streams WHERE account = ?)"
"""Which keys are an account's: another on the same ledger shares nothing with it but the file."""
CLAIMED: Final = 0
"""The status of a key that is neither settled nor taken back."""

DISCARDED: Final = 6
"""The status of a key that was set aside, and whose dead letter was thrown away since."""

COUNT: Final = (
    f"INSERT INTO {PREFIX}counts VALUES (?, ?, ?) "
    f"ON CONFLICT (account, name) DO UPDATE SET count = {PREFIX}counts.count + excluded.count"
)
"""Adds to one of an account's counts."""

MIGRATIONS: Final = (
    (
        # status: 0 claimed, else the outcome's number; seen: the day of the last sight, days since 1970
        # sent: when it was claimed, or the first of those that look the same and went shortly before it; negative where
        #   only a clock of ours told the time, and no answer yet
        # attempts: while it is claimed, how many those are; of what was held both, these LOOKALIKES_SHIFT bits higher
        # row_hash: eight bytes of the hash of a record's key properties under its rule, to tell changed from new
        """CREATE TABLE {prefix}keys (key {blob} PRIMARY KEY, stream INTEGER NOT NULL, status INTEGER NOT NULL,
            run INTEGER NOT NULL, sent {real} NOT NULL, seen INTEGER NOT NULL, attempts INTEGER NOT NULL,
            request_id TEXT, row_hash BIGINT){tail}""",
        "CREATE INDEX {prefix}keys_seen ON {prefix}keys (stream, seen)",
        "CREATE INDEX {prefix}keys_claimed ON {prefix}keys (run) WHERE status = 0",
        "CREATE INDEX {prefix}keys_row_hash ON {prefix}keys (row_hash) WHERE status IN (1, 3)",
        """CREATE TABLE {prefix}streams (id INTEGER PRIMARY KEY, account {blob} NOT NULL, name TEXT NOT NULL,
            UNIQUE (account, name))""",
        """CREATE TABLE {prefix}runs (id INTEGER PRIMARY KEY, name TEXT NOT NULL, account {blob} NOT NULL,
            started {real} NOT NULL, lease_until {real} NOT NULL, ended {real})""",
        """CREATE TABLE {prefix}counts (account {blob} NOT NULL, name TEXT NOT NULL, count BIGINT NOT NULL,
            PRIMARY KEY (account, name))""",
        """CREATE TABLE {prefix}names (account {blob} NOT NULL, kind TEXT NOT NULL, hash {blob} NOT NULL,
            PRIMARY KEY (account, kind, hash))""",
        """CREATE TABLE {prefix}accounts (account {blob} PRIMARY KEY, held_until {real} NOT NULL)""",
        """CREATE TABLE {prefix}permits (id BIGINT PRIMARY KEY, account {blob} NOT NULL, count INTEGER NOT NULL,
            until {real} NOT NULL)""",
        "CREATE INDEX {prefix}permits_until ON {prefix}permits (account, until)",
    ),
    (
        # held_since: when held_until was told, by the clock of then
        "ALTER TABLE {prefix}accounts ADD COLUMN held_since {real} NOT NULL DEFAULT 0",
    ),
    (
        # not_before: the time was at least this when the run made its claims, as an answer had told an earlier run
        "ALTER TABLE {prefix}runs ADD COLUMN not_before {real} NOT NULL DEFAULT 0",
    ),
    (
        # settled: when the stream's newest record was settled
        "ALTER TABLE {prefix}streams ADD COLUMN settled {real}",
        # exit_code: of a run that came to its end; none of a verb that only changed the ledger
        "ALTER TABLE {prefix}runs ADD COLUMN exit_code INTEGER",
    ),
    (
        # hash: of an identifier; person: what those of one customer have in common
        # since: what was sent to it before was deleted; lifted: when events may bear it again, NULL while none may
        """CREATE TABLE {prefix}forgotten (account {blob} NOT NULL, hash {blob} NOT NULL, person {blob} NOT NULL,
            since {real} NOT NULL, lifted {real}, PRIMARY KEY (account, hash))""",
        "CREATE INDEX {prefix}forgotten_person ON {prefix}forgotten (account, person)",
    ),
    (
        # kind: the shipment's, for counts
        "ALTER TABLE {prefix}keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'event'",
        # content: a hash of what was last settled, where the newest replaces the last; NULL: of what happens once, of
        #   what is claimed for the first time, and where nobody knows which of two runs was the last to send
        "ALTER TABLE {prefix}keys ADD COLUMN content {blob}",
    ),
    (
        # what was sent is counted by kind: until now, all were events
        """UPDATE {prefix}counts SET name = 'sent event ' || substr(name, 6) WHERE substr(name, 1, 5) = 'sent '""",
    ),
    (
        # an account's minutes, each with its own `Retry-After`; of accounts, what is left is a row to lock
        """CREATE TABLE {prefix}buckets (account {blob} NOT NULL, bucket TEXT NOT NULL, held_until {real} NOT NULL,
            held_since {real} NOT NULL, PRIMARY KEY (account, bucket))""",
        "INSERT INTO {prefix}buckets SELECT account, 'events', held_until, held_since FROM {prefix}accounts",
        "ALTER TABLE {prefix}permits ADD COLUMN bucket TEXT NOT NULL DEFAULT 'events'",
    ),
    (
        # hash: of what names a user, an object's record or a profile; id: Zendesk's own; found: when
        """CREATE TABLE {prefix}ids (account {blob} NOT NULL, hash {blob} NOT NULL, id TEXT NOT NULL,
            found {real} NOT NULL, PRIMARY KEY (account, hash)){tail}""",
        "CREATE INDEX {prefix}ids_found ON {prefix}ids (account, found)",
    ),
    (
        # replayed: 1 where a replay has settled it, which may go on in another run
        "ALTER TABLE {prefix}keys ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0",
    ),
    (
        # wall, level_at: the rate that was found to work, see FoundRate; NULL while none was
        # paced_at: where one is, when the next permits may be granted
        "ALTER TABLE {prefix}buckets ADD COLUMN wall {real}",
        "ALTER TABLE {prefix}buckets ADD COLUMN level_at {real}",
        "ALTER TABLE {prefix}buckets ADD COLUMN paced_at {real} NOT NULL DEFAULT 0",
        # sent: when all of them were sent at the latest; refused: those of them that were answered by a 429
        "ALTER TABLE {prefix}permits ADD COLUMN sent {real} NOT NULL DEFAULT 0",
        "ALTER TABLE {prefix}permits ADD COLUMN refused INTEGER NOT NULL DEFAULT 0",
    ),
    (
        # run: whose they are; 0 where nobody knows
        "ALTER TABLE {prefix}permits ADD COLUMN run INTEGER NOT NULL DEFAULT 0",
    ),
    (
        # text_hash: eight bytes of the hash of a record's text and of all that says what is made of it, to know what
        #   comes again as it was; NULL where it tells nothing
        "ALTER TABLE {prefix}keys ADD COLUMN text_hash BIGINT",
        "DROP INDEX {prefix}keys_row_hash",
        "CREATE INDEX {prefix}keys_record ON {prefix}keys (row_hash, text_hash) WHERE status IN (1, 3)",
    ),
)
"""Statements by version: a ledger of version n takes those from n on. Never change one that was released."""

_LOCK_VERSION: Final = (
    f"INSERT INTO {PREFIX}meta VALUES ('version', '0') ON CONFLICT (name) DO UPDATE SET value = {PREFIX}meta.value"
)
"""Keeps other runs from making the same tables until this transaction ends."""


def has_tables(database: Database) -> bool:
    """Tell whether a ledger was ever made there. Raises Busy, StorageError and ConfigurationError."""
    return _has_meta(database) and _version(database) > 0


def secret_of(database: Database) -> bytes:
    """Return the secret of a ledger that is only looked at.

    Raises StorageError where there is none yet, and ConfigurationError where a newer release has written it.
    """
    version = _version(database)
    _refuse_newer(database, version)
    if version < len(MIGRATIONS):
        message = f"{database.note} is of another version: a run that may write brings it up to date [ZE609]"
        raise StorageError(message)
    return _secret(database)


def prepare(database: Database) -> bytes:
    """Make or migrate the tables; return the ledger's secret.

    Raises Busy, StorageError, and ConfigurationError where a newer release has written this ledger.
    """
    words = {**database.types, "prefix": PREFIX}
    database.begin()
    try:
        if not _has_meta(database):  # who may not make tables is refused, also IF NOT EXISTS
            database.execute(
                "CREATE TABLE IF NOT EXISTS {prefix}meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)".format(**words)
            )
        version = _version(database)
        _refuse_newer(database, version)
        if version < len(MIGRATIONS):
            database.execute(_LOCK_VERSION)
            version = _version(database)  # another run may have been faster
        if version == 0:
            database.was_made = True
            _write(database, "secret", secrets.token_hex(32))
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                database.execute(statement.format(**words))
        if version < len(MIGRATIONS):
            _write(database, "version", str(len(MIGRATIONS)))
        secret = _secret(database)
        database.execute("COMMIT")
    except (Busy, StorageError, ConfigurationError):
        database.roll_back()
        raise
    return secret


def last_time(database: Database) -> float:
    """Return the time at which the last run ended that an answer of Zendesk had told it; 0.0 where there is none."""
    with _no_nonsense(database):
        return float(_read(database, "time") or 0.0)


def note_time(database: Database, now: float) -> None:
    """Note the time, as an answer of Zendesk told it: no clock of a later run is to be behind it."""
    _write(database, "time", repr(now))


def lock_account(database: Database, account: bytes) -> None:
    """Keep other runs of the account from doing the same until this transaction ends. Raises Busy, StorageError."""
    insert = f"INSERT INTO {PREFIX}accounts (account, held_until) VALUES (?, 0) ON CONFLICT DO NOTHING"
    database.execute(insert, (account,))
    database.execute(f"UPDATE {PREFIX}accounts SET held_until = held_until WHERE account = ?", (account,))


def _has_meta(database: Database) -> bool:
    return bool(database.execute(database.find_table, (f"{PREFIX}meta",)).fetchall())


def _version(database: Database) -> int:
    with _no_nonsense(database):
        return int(_read(database, "version") or 0)


def _secret(database: Database) -> bytes:
    with _no_nonsense(database):
        return bytes.fromhex(_read(database, "secret") or "none")


@contextlib.contextmanager
def _no_nonsense(database: Database) -> Iterator[None]:
    try:
        yield
    except ValueError as fault:
        raise damaged(database.note, "its version or its secret is gone") from fault


def _refuse_newer(database: Database, version: int) -> None:
    if version > len(MIGRATIONS):
        message = (
            f"{database.note} is of version {version}, from a newer release: upgrade target-zendesk-events [ZE609]"
        )
        raise ConfigurationError(message)


def _read(database: Database, name: str) -> str | None:
    rows = database.execute(f"SELECT value FROM {PREFIX}meta WHERE name = ?", (name,)).fetchall()
    return str(rows[0][0]) if rows else None


def _write(database: Database, name: str, value: str) -> None:
    statement = f"INSERT INTO {PREFIX}meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    database.execute(statement, (name, value))
