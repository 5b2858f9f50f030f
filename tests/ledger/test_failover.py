"""A PostgreSQL ledger's server goes down and comes back in the middle of runs: nothing is lost, nothing doubled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fleets import fleet_on

from benchmarks.clusters import Cluster, programs_of_postgres, serving_cluster

pytestmark = pytest.mark.server

SECONDS_AWAY = 2.0
COUNT = 240


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    programs = programs_of_postgres()
    if programs is None:
        pytest.skip("PostgreSQL's programs are not on this machine")
    with serving_cluster(programs) as cluster:
        yield cluster


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_comes_back_costs_nothing(mode: str, cluster: Cluster, tmp_path: Path) -> None:
    """Two runs over the same records, the server twice away: it ended what was under way, or it crashed.

    A database whose commits may be lost by a crash is no exception: the ledger asks for the disk.
    """
    name = f"ledger_{mode}"
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    url = f"{cluster.url.rpartition('/')[0]}/{name}"
    with fleet_on(url, tmp_path, 0.05) as fleet:
        for _ in range(2):
            fleet.start(range(COUNT), max_in_flight=4, batch_size_rows=20)
        for stored in (COUNT // 6, COUNT // 2):
            fleet.wait_for(stored)
            cluster.stop(mode)
            assert fleet.ahead_of_events() == []
            time.sleep(SECONDS_AWAY)
            cluster.start()
        assert [fleet.errors(number) for number, code in enumerate(fleet.wait(60)) if code] == []
        assert fleet.stored() == Counter(range(COUNT))
        assert [fleet.states(number)[-1] for number in range(2)] == [COUNT - 1] * 2
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT SUM(count) FROM zendesk_events_counts WHERE name LIKE 'sent event 20__-__'")
        assert rows.fetchall() == [(COUNT,)]
