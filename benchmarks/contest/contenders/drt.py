"""drt, with its REST destination and its ledger on."""

from __future__ import annotations

import io
import json
from pathlib import Path

from benchmarks.contest import orders
from benchmarks.contest.contenders.contender import Launch, Place
from benchmarks.contest.judge import Books, Numbers
from benchmarks.contest.postgres import USER, Postgres, postgres

SYNC = "events"
CURSOR = "updated_at"
QUIET = {"DO_NOT_TRACK": "1", "DRT_TELEMETRY": "0", "NO_COLOR": "1", "PG_PASSWORD": "unused"}
BODY = """{"profile": {"source": "shop", "type": "customer", "identifiers": [
  {"type": "email", "value": {{ row.email | tojson }}},
  {"type": "shop_customer_id", "value": {{ row.customer_id | tojson }}}]},
 "event": {"source": "shop", "type": "order_paid", "created_at": {{ row.updated_at | tojson }},
  "description": {{ ("Order " ~ row.id ~ ": " ~ row.item) | tojson }},
  "properties": {"number": {{ row.id }}, "total": {{ row.total }}, "currency": {{ row.currency | tojson }}}}}"""


class Drt:
    """A sync from a table in PostgreSQL, which holds its state and its ledger too."""

    name = "drt"
    title = "drt, REST destination"
    environment = "drt"
    requirements = ("drt-core[postgres]",)
    distributions = ("drt-core",)
    settings = (
        "`state: {backend: warehouse, idempotency: true}` in PostgreSQL with `idempotency_key: {{ row.id }}`; `mode: "
        "incremental`, `batch_size: 100` and `on_error: fail` (the defaults), `retry: {max_attempts: 10, "
        "initial_backoff: 0.1}`, `requests_per_second: 1000`"
    )

    def __init__(self) -> None:
        """Nothing is running."""
        self._servers: dict[Path, Postgres] = {}

    def prepare(self, place: Place) -> None:
        """Start its database, fill the table, and write its project."""
        server = postgres(place.folder / "postgres")
        self._servers[place.folder] = server
        server.start()
        server.ask(
            "CREATE TABLE orders (id int PRIMARY KEY, customer_id text, email text, total float8, currency text, "
            "item text, updated_at text)"
        )
        rows = io.StringIO()
        for order in orders.read(place.orders):
            rows.write("\t".join(str(order[name]) for name in orders.SCHEMA["schema"]["properties"]) + "\n")
        server.ask(
            "COPY orders (id, customer_id, email, total, currency, item, updated_at) FROM STDIN", rows.getvalue()
        )
        _write_project(place, server)

    def launch(self, place: Place) -> Launch:
        """Start the sync."""
        return Launch([place.environment.script("drt"), "run", "--select", SYNC], variables=QUIET)

    def books(self, place: Place) -> Books:
        """Return what its watermark and its ledger say."""
        server = self._servers[place.folder]
        done = self._below_watermark(server) | self._in_ledger(server)
        return Books(delivered=done, pending=place.everything - done)

    def clean_up(self, place: Place) -> None:
        """Stop its database."""
        if server := self._servers.pop(place.folder, None):
            server.stop()

    def _below_watermark(self, server: Postgres) -> Numbers:
        if not _is_there(server, "_drt_runs"):
            return frozenset()
        rows = server.ask(f"SELECT id FROM orders, _drt._drt_runs WHERE {CURSOR} <= last_cursor_value")  # noqa: S608
        return frozenset(int(row[0]) for row in rows)

    def _in_ledger(self, server: Postgres) -> Numbers:
        if not _is_there(server, "_drt_idempotency"):
            return frozenset()
        return frozenset(int(row[0]) for row in server.ask("SELECT idempotency_key FROM _drt._drt_idempotency"))


def _is_there(server: Postgres, table: str) -> bool:
    return server.ask(f"SELECT to_regclass('_drt.{table}') IS NOT NULL") == [["t"]]


def _write_project(place: Place, server: Postgres) -> None:
    """Write `profiles.yml`, the project and its one sync: JSON is YAML too."""
    connection = {"type": "postgres", "host": "127.0.0.1", "port": server.port, "dbname": "postgres", "user": USER}
    profiles = {"warehouse": {**connection, "password_env": "PG_PASSWORD"}}
    state = {"backend": "warehouse", "connection_profile": "warehouse", "idempotency": True}
    sync = {
        "name": SYNC,
        "model": "SELECT * FROM orders ORDER BY id",
        "destination": {
            "type": "rest_api",
            "url": place.url + orders.EVENTS_PATH,
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body_template": BODY,
        },
        "sync": {
            "mode": "incremental",
            "cursor_field": CURSOR,
            "idempotency_key": "{{ row.id }}",
            "retry": {"max_attempts": 10, "initial_backoff": 0.1},
            "rate_limit": {"requests_per_second": 1000},
        },
    }
    _write(place.folder / ".drt" / "profiles.yml", profiles)
    _write(place.cwd / "drt_project.yml", {"name": "contest", "profile": "warehouse", "state": state})
    _write(place.cwd / "syncs" / f"{SYNC}.yml", sync)


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
