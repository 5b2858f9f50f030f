"""Several real processes on one ledger: what one has sent no other sends, and together they keep to one minute."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fleets import fleet_on

from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.sql_ledger import SqlLedger

pytestmark = pytest.mark.server

PER_MINUTE = 300
PROCESSES = 4


def test_four_processes_share_the_minute(server_url: str, tmp_path: Path) -> None:
    """Four processes together meet no 429 beyond the first second, and leave nothing of the minute unused.

    On a file and on a server, side by side.
    """
    folders = {url: tmp_path / url[:6] for url in (f"sqlite:///{tmp_path}/ledger.sqlite", server_url)}
    with ThreadPoolExecutor() as pool:
        list(pool.map(share_the_minute, folders, folders.values()))


def share_the_minute(url: str, folder: Path) -> None:
    """Have four processes send more than a minute's budget, and judge by what arrived."""
    each = 110
    folder.mkdir()
    with fleet_on(url, folder, 0.05) as fleet:
        fleet.playground.set_limit(PER_MINUTE)
        for index in range(PROCESSES):
            fleet.start(range(index * each, (index + 1) * each), requests_per_minute=PER_MINUTE)
        assert fleet.wait(150) == [0] * PROCESSES
        attempts = fleet.playground.requests()
        arrivals = sorted(one.arrived for one in attempts)
        first = arrivals[0]
        assert [one for one in attempts if one.status == 429 and one.arrived > first + 1] == []
        assert fleet.stored() == Counter(range(PROCESSES * each))
        burst = arrivals[PER_MINUTE - 1] - first
        assert arrivals[-1] - first < 60 + burst + 5


TAKING = """
import sys, time
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.sql_ledger import SqlLedger

url, per_minute = sys.argv[1], int(sys.argv[2])
ledger = SqlLedger(database_of(url, time.time), account="acme", run="run", retention_days=9, digest=str)
limits = [ledger.rate_limit(per_minute, bucket) for bucket in Bucket]
taken = [0] * len(limits)
ends_at = time.monotonic() + 3
while time.monotonic() < ends_at:
    for index, limit in enumerate(limits):
        for _ in range(min(1, limit.grant(time.monotonic(), 1))):
            limit.start(time.monotonic())
            taken[index] += 1
print(*taken)
"""
"""Starts requests of each bucket as fast as it may, and says how many."""


def test_processes_share_each_bucket_s_minute(ledger_url: str) -> None:
    """Three processes together start as many requests of each as an account may, and no more."""
    SqlLedger(database_of(ledger_url, time.time), account="a", run="r", retention_days=9, digest=str).close()
    command = [sys.executable, "-c", TAKING, ledger_url, "60"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    taken = [[int(word) for word in process.communicate(timeout=60)[0].split()] for process in processes]
    assert [sum(counts) for counts in zip(*taken, strict=True)] == [60, 60]


def test_what_two_processes_are_both_sent_is_sent_once(ledger_url: str, tmp_path: Path) -> None:
    """Two processes that read the same records deliver each once between them, and neither waits for the other long."""
    with fleet_on(ledger_url, tmp_path, 0.05) as fleet:
        since = time.monotonic()
        for _ in range(2):
            fleet.start(range(200), max_in_flight=8, batch_size_rows=20)
        assert fleet.wait(90) == [0, 0]
        assert fleet.stored() == Counter(range(200))
        assert time.monotonic() - since < 40


def test_processes_together_send_no_more_than_the_day_allows(ledger_url: str, tmp_path: Path) -> None:
    """The brake holds to the event, whatever each process has in flight; all of them say that it was reached."""
    with fleet_on(ledger_url, tmp_path, 0.05) as fleet:
        for index in range(3):
            fleet.start(range(index * 100, index * 100 + 100), max_events_per_day=60)
        assert fleet.wait(90) == [1] * 3
        assert fleet.stored().total() == 60


def test_a_process_that_slept_past_its_lease_sends_nothing_again(ledger_url: str, tmp_path: Path) -> None:
    """Stopped past its lease and woken, a process leaves what another took over; only what was in flight may double."""
    in_flight = 4
    settings: dict[str, Any] = {"max_in_flight": in_flight, "on_unknown_outcome": "retry"}
    with fleet_on(ledger_url, tmp_path, 0.3) as fleet:
        sleeper = fleet.start(range(60), **settings)
        fleet.wait_for(8)
        sleeper.send_signal(signal.SIGSTOP)
        other = fleet.start(range(60), **settings)
        assert other.wait(60) == 0
        sleeper.send_signal(signal.SIGCONT)
        assert sleeper.wait(60) == 0
        doubled = sum(count - 1 for count in fleet.stored().values())
        assert set(fleet.stored()) == set(range(60))
        assert doubled <= in_flight
