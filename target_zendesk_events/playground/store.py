"""What the playground received, kept in SQLite so that it can be asked afterwards."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .checks import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path(__file__).with_name("schema.sql")
TABLES = (
    *("requests", "refusals", "notes", "users", "identities", "profiles", "identifiers", "events"),
    *("objects", "object_fields", "records", "record_links", "jobs", "tickets", "comments", "idempotency_keys"),
)


@dataclass(frozen=True)
class Attempt:
    """One request that arrived; times are monotonic seconds, `arrived_at` is the wall clock's.

    `status` is none while it is under way and when the connection was dropped instead of answered. `profile_id` is that
    of the event it stored, `fault` the number of the fault it met, `token_id` that of the access token it used, where
    the playground issued it. `authorization` is the scheme alone.
    """

    number: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    authorization: str | None
    body: Any
    arrived: float
    arrived_at: str
    answered: float | None
    status: int | None
    dropped: bool
    fault: int | None
    profile_id: str | None
    token_id: int | None


@dataclass(frozen=True)
class StoredEvent:
    """One event on a timeline: `body` is the request's body as received, `request` the number of that request."""

    number: int
    id: str
    profile_id: str
    user_id: str
    request: int
    body: Any
    arrived: float
    arrived_at: str


@dataclass(frozen=True)
class User:
    """A customer: what is written onto the user, and the profiles that belong to it."""

    id: str
    name: str
    identities: list[dict[str, str]]
    profiles: list[dict[str, Any]]


class Store:
    """One SQLite connection, shared by the serving thread and whoever asks."""

    def __init__(self, path: str | Path | None = None) -> None:
        """Open or make the database at `path`; without one it is a temporary file, removed at the end."""
        self._folder = None if path else tempfile.TemporaryDirectory(prefix="zendesk-events-playground-")
        self.path = Path(path) if path else Path(self._folder.name) / "playground.sqlite"  # type: ignore[union-attr]
        self.lock = threading.RLock()
        self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.create_function("folded", 1, _folded, deterministic=True)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(SCHEMA.read_text(encoding="utf-8"))

    @property
    def changes(self) -> int:
        """How many rows were written since it was opened: another number, another content."""
        return self._database.total_changes

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Every row that `sql` yields."""
        with self.lock:
            return self._database.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """Return the first row, or none."""
        with self.lock:
            row: sqlite3.Row | None = self._database.execute(sql, values).fetchone()
            return row

    def value(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - a column may hold anything
        """Return the first column of the first row, or none."""
        row = self.row(sql, *values)
        return row[0] if row else None

    def run(self, sql: str, *values: object) -> int:
        """Run one statement; returns the number of the row it inserted."""
        with self.lock:
            return self._database.execute(sql, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is run inside is kept together, or, if it raises, not at all."""
        with self.lock:
            self._database.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def arrive(  # noqa: PLR0913 - the parts of a request
        self, *, method: str, path: str, query: str, headers: dict[str, str], body: bytes, arrived: float
    ) -> int:
        """Note a request that arrived; returns its number. Of its credentials only the scheme is kept."""
        scheme = headers.get("authorization", "").partition(" ")[0] or None
        kept = {name: value for name, value in headers.items() if name != "authorization"}
        return self.run(
            "INSERT INTO requests (method, path, query, headers, authorization, body, arrived, arrived_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(method, path, query, json.dumps(kept), scheme, body, arrived, wall_clock()),
        )

    def answered(self, number: int, status: int | None, fault: int | None, token_id: int | None) -> None:
        """Note how a request ended: with `status`, or with a dropped connection where that is none."""
        self.run(
            "UPDATE requests SET answered = ?, status = ?, dropped = ?, fault = ?, token_id = ? WHERE number = ?",
            *(time.monotonic(), status, status is None, fault, token_id, number),
        )

    def refused(self, number: int, code: str, title: str) -> None:
        """Note why a request was refused."""
        self.run("INSERT OR REPLACE INTO refusals (request, code, title) VALUES (?, ?, ?)", number, code, title)

    def noted(self, number: int, note: str) -> None:
        """Note what is to be told of a request's event."""
        self.run("INSERT OR REPLACE INTO notes (request, note) VALUES (?, ?)", number, note)

    def requests(self) -> list[Attempt]:
        """Every request, in the order of arrival."""
        return [
            Attempt(
                **{
                    **dict(row),
                    "headers": json.loads(row["headers"]),
                    "body": _content(row["body"]),
                    "dropped": bool(row["dropped"]),
                }
            )
            for row in self.rows("SELECT * FROM requests ORDER BY number")
        ]

    def events(self) -> list[StoredEvent]:
        """Every event on a timeline, in the order of storing."""
        rows = self.rows(
            "SELECT e.number, e.id, e.profile_id, CAST(p.user_id AS TEXT) AS user_id, e.request, r.body, r.arrived,"
            " r.arrived_at FROM events e JOIN profiles p ON p.id = e.profile_id JOIN requests r ON r.number = e.request"
            " ORDER BY e.number"
        )
        return [StoredEvent(**{**dict(row), "body": _content(row["body"])}) for row in rows]

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in TABLES:
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are ours

    def close(self) -> None:
        """Close the database, and remove it if it was temporary."""
        with self.lock:
            self._database.close()
        if self._folder:
            self._folder.cleanup()


def wall_clock(moment: datetime | None = None) -> str:
    """Return a moment, now if none is given, as Zendesk writes it: UTC, ISO-8601."""
    return (moment or datetime.now(timezone.utc)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _folded(text: str | None) -> str | None:
    """Return a text as it is searched: capitals or not."""
    return text.casefold() if text is not None else None


def _content(body: bytes) -> Any:  # noqa: ANN401 - a body may hold anything
    """Return a body as JSON; as text where it is none; none where there was none."""
    try:
        return read_json(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
