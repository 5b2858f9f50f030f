"""A PostgreSQL ledger behind a pooler: each transaction may have another connection, and others have it afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import support
from fleets import fleet_on
from poolers import Pooler, pgbouncer, pooling

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(pgbouncer() is None, reason="PgBouncer is not installed: Debian's package pgbouncer"),
]

COUNT = 240


@pytest.fixture
def pooler(server_url: str) -> Iterator[Pooler]:
    with pooling(server_url, pool_mode="transaction") as pooler:
        yield pooler


def test_runs_share_the_connections_of_a_pooler(pooler: Pooler, server_url: str, tmp_path: Path) -> None:
    """Three runs on two connections, the pooler once started anew: each event once, STATE whole, the counts right."""
    with fleet_on(pooler.url, tmp_path, 0.05) as fleet:
        for _ in range(3):
            fleet.start(range(COUNT), max_in_flight=4, batch_size_rows=20)
        fleet.wait_for(COUNT // 3)
        pooler.stop()
        time.sleep(1)
        pooler.start()
        assert [fleet.errors(number) for number, code in enumerate(fleet.wait(60)) if code] == []
        assert fleet.stored() == Counter(range(COUNT))
        assert [fleet.states(number)[-1] for number in range(3)] == [COUNT - 1] * 3
    with psycopg.connect(server_url) as connection:
        rows = connection.execute("SELECT SUM(count) FROM zendesk_events_counts WHERE name LIKE 'sent event 20__-__'")
        assert rows.fetchall() == [(COUNT,)]


def test_nothing_of_a_run_is_left_in_a_pooler_s_connections(pooler: Pooler, tmp_path: Path) -> None:
    """Who uses a connection afterwards has the server's own limits, and no statement of ours is prepared there."""
    support.run_here(
        support.config("http://127.0.0.1:9", tmp_path, ledger_url=pooler.url), support.lines([support.schema("orders")])
    )
    with psycopg.connect(pooler.url, autocommit=True, prepare_threshold=None) as other:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert other.execute(f"SHOW {name}".encode()).fetchall() == [("0",)], name
        assert other.execute("SELECT COUNT(*) FROM pg_prepared_statements").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("settings", "query", "sentence"),
    [
        ({"pool_mode": "statement"}, "", "is behind a pooler that allows no transactions"),
        ({"pool_mode": "transaction"}, "?options=-csearch_path%3Dzendesk", "a pooler before it refuses `options`"),
        (
            {"pool_mode": "session", "ignore_startup_parameters": "options"},
            "?options=-csearch_path%3Dzendesk",
            "is behind a pooler that passes over the search_path in ledger_url",
        ),
    ],
    ids=["statement mode", "options refused", "options dropped"],
)
def test_what_a_pooler_forbids_is_said(
    settings: dict[str, str], query: str, sentence: str, server_url: str, tmp_path: Path
) -> None:
    """At once, with exit 2 and what to do, before any table is made in another place than was wanted."""
    with pooling(server_url, **settings) as pooler:
        since = time.monotonic()
        ended, errors = support.run_process(
            support.config("http://127.0.0.1:9", tmp_path, ledger_url=pooler.url + query),
            support.lines([support.schema("orders")]),
            tmp_path,
        )
        assert time.monotonic() - since < 10
    assert ended.exit_code == 2
    assert sentence in errors
    with psycopg.connect(server_url) as connection:
        assert connection.execute("SELECT to_regclass('zendesk_events_keys')").fetchall() == [(None,)]


def test_the_server_s_own_search_path_reaches_through_a_pooler(pooler: Pooler, server_url: str, tmp_path: Path) -> None:
    """As the sentence on `options` says: what the server sets for its user holds behind a pooler too."""
    name = server_url.rpartition("/")[2]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA zendesk")
        connection.execute(f"ALTER DATABASE {name} SET search_path = zendesk".encode())
    ended, errors = support.run_process(
        support.config("http://127.0.0.1:9", tmp_path, ledger_url=pooler.url),
        support.lines([support.schema("orders")]),
        tmp_path,
    )
    assert ended.exit_code == 0, errors
    with psycopg.connect(server_url) as connection:
        assert connection.execute("SELECT to_regclass('zendesk.zendesk_events_keys') IS NULL").fetchall() == [(False,)]
