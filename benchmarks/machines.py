"""Ten processes on one PostgreSQL ledger, one killed and one suspended: what they send together, and what it costs.

The server is one of its own, where PostgreSQL is installed, or that of ZENDESK_EVENTS_TEST_POSTGRESQL.
"""

from __future__ import annotations

import bisect
import collections
import concurrent.futures
import contextlib
import dataclasses
import os
import secrets
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.clusters import Cluster, programs_of_postgres, serving_cluster
from benchmarks.measuring import Sizes
from benchmarks.processes import ROOT, FailedError, Finished, environment, run, serving
from benchmarks.rows import Row
from benchmarks.workshop import Workshop
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.playground.store import Attempt

GIVEN = "ZENDESK_EVENTS_TEST_POSTGRESQL"
LATENCY_SECONDS = 0.25
MIN_USED = 0.97
WINDOW_SECONDS = 60.0
SUSPENDED_SECONDS = 10.0
"""A lease lasts six."""
DOWN_SECONDS = 3.0
"""From the kill until whatever watches a pipeline has started it again."""
PATIENCE_SECONDS = 900.0
TOO_MANY = 429
NOWHERE = "no PostgreSQL here: install it, or set ZENDESK_EVENTS_TEST_POSTGRESQL"


def machines(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Have processes share records, a ledger and a minute, kill one and suspend one."""
    with _ledger() as ledger:
        if ledger is None:
            yield Row("machines", "processes on one PostgreSQL ledger", ours=NOWHERE)
            return
        found = _Fleet(workshop, sizes, ledger.fresh()).go()
    yield Row(
        "machines",
        f"{found.events:,} events, each in the input of two of {sizes.machines} processes, {sizes.per_minute_of_all} a "
        f"minute; one killed and started again, one suspended for {SUSPENDED_SECONDS:.0f} s",
        ours=f"{found.lost} lost, {found.doubled} twice\n{found.limited} x 429\n"
        f"{found.used:.3f} of the minute used\n{found.read_back} read back, {found.seconds:.0f} s",
        wanted=f"none lost, none twice, no 429\n>= {MIN_USED} used",
        got=f"{found.used:.3f}",
        holds=(found.lost, found.doubled, found.limited) == (0, 0, 0) and found.used >= MIN_USED,
    )


def shared(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Tell what the ledger costs beside `ledger_url: none`, in the processes and on its server."""
    with _ledger() as ledger:
        if ledger is None:
            yield Row("shared", "the cost of a PostgreSQL ledger", ours=NOWHERE)
            return
        for count in sizes.fleets:
            costs = [_cost(workshop, sizes.events_of_each, count, ledger) for _ in range(sizes.fleet_rounds)]
            here, there, seconds = (statistics.median(column) for column in zip(*costs, strict=True))
            yield Row(
                "shared",
                f"{count} x {sizes.events_of_each:,} events, no limit, no latency: the ledger's own part",
                ours=f"{here:.0f} ms CPU a thousand events\n"
                f"{f'{there:.0f} ms CPU' if ledger.cluster else 'not seen'} on its server\n"
                f"{count * sizes.events_of_each / seconds:,.0f} events a second in all",
            )


@dataclasses.dataclass(frozen=True, slots=True)
class _Server:
    """A server that holds ledgers."""

    url: str
    cluster: Cluster | None
    """Where it is one of our own."""
    schemas: list[str] = dataclasses.field(default_factory=list)

    def clear(self) -> None:
        """Drop the ledgers."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for schema in self.schemas:
                connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())

    def fresh(self) -> str:
        """Return the URL of a new ledger: a schema of its own."""
        schema = f"benchmark_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
        self.schemas.append(schema)
        return f"{self.url}?options=-csearch_path%3D{schema}"

    def cpu_seconds(self) -> float:
        """Return how long it computed; nothing of one that was given."""
        return 0.0 if self.cluster is None else self.cluster.cpu_seconds()


@contextlib.contextmanager
def _ledger() -> Iterator[_Server | None]:
    given, programs = os.environ.get(GIVEN), programs_of_postgres()
    if given:
        server = _Server(given, None)
        yield server
        server.clear()
    elif programs is None:
        yield None
    else:
        with serving_cluster(programs) as cluster:
            yield _Server(cluster.url, cluster)


def _cost(workshop: Workshop, events: int, count: int, ledger: _Server) -> tuple[float, float, float]:
    """Return the ledger's CPU milliseconds a thousand events, here and on its server, and the seconds that it took."""
    sources = [workshop.orders(events, different=count * events, first=number * events) for number in range(count)]
    nothing = [workshop.orders(0)] * count
    url = ledger.fresh()
    _together(workshop, [nothing[0]], url)  # makes the tables
    idle = [_together(workshop, nothing, one) for one in (url, "none")]
    before = ledger.cpu_seconds()
    kept = _together(workshop, sources, url)
    there = ledger.cpu_seconds() - before
    plain = _together(workshop, sources, "none")
    here = (_cpu(kept) - _cpu(idle[0])) - (_cpu(plain) - _cpu(idle[1]))
    thousands = events * count / 1000
    return here * 1000 / thousands, there * 1000 / thousands, max(one.seconds for one in kept)


def _together(workshop: Workshop, sources: list[Path], ledger_url: str) -> list[Finished]:
    """Run a process for each source, all at once, against a server of their own."""
    with serving() as server, concurrent.futures.ThreadPoolExecutor(len(sources)) as pool:
        commands = [workshop.ours(server.url, ledger_url=ledger_url) for _ in sources]
        return list(pool.map(run, commands, sources))


def _cpu(runs: list[Finished]) -> float:
    return sum(one.cpu_seconds for one in runs)


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """What came of a fleet's work."""

    events: int
    lost: int
    doubled: int
    limited: int
    read_back: int
    used: float
    seconds: float


class _Fleet:
    """Processes that share records, a ledger and a minute."""

    def __init__(self, workshop: Workshop, sizes: Sizes, ledger_url: str) -> None:
        """Start none yet."""
        self._workshop = workshop
        self._per_minute = sizes.per_minute_of_all
        self._count = sizes.machines
        self._each = sizes.minutes_of_all * sizes.per_minute_of_all // sizes.machines
        self._ledger_url = ledger_url
        self._playground = Playground(requests_per_minute=self._per_minute, delay=LATENCY_SECONDS)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def go(self) -> _Found:
        """Have all records sent, with a kill and a suspension in the second minute's rush; tell what came of it."""
        with self._playground, contextlib.ExitStack() as started:
            started.callback(self._kill_all)
            for number in range(self._count):
                self._start(number)
            killed, suspended = self._count // 3, self._count // 3 * 2
            self._wait_for(self._per_minute + self._per_minute // 5, killed)
            self._processes[killed].kill()
            self._wait_for(self._per_minute + self._per_minute // 3, suspended)
            self._processes[suspended].send_signal(signal.SIGSTOP)
            time.sleep(DOWN_SECONDS)
            self._processes[killed].wait()
            self._start(killed)
            time.sleep(SUSPENDED_SECONDS - DOWN_SECONDS)
            self._processes[suspended].send_signal(signal.SIGCONT)
            for process in self._processes.values():
                if process.wait(PATIENCE_SECONDS):
                    message = f"a process of the fleet ended with {process.returncode}"
                    raise FailedError(message)
            return self._found()

    def _start(self, number: int) -> None:
        """Start one with its own slice of the records, and then the next one's."""
        source = self._workshop.orders(2 * self._each, different=self._count * self._each, first=number * self._each)
        command = self._workshop.ours(
            self._playground.url, ledger_url=self._ledger_url, requests_per_minute=self._per_minute
        )
        with source.open("rb") as feed, (source.parent / f"errors-{number}").open("ab") as errors:
            self._processes[number] = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=feed, stdout=subprocess.DEVNULL, stderr=errors, cwd=ROOT, env=environment()
            )

    def _wait_for(self, count: int, number: int) -> None:
        """Wait until so many requests have arrived, and one of this process is under way."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            attempts = self._playground.requests()
            if len(attempts) >= count and any(self._is_of(number, one) for one in attempts[-self._count * 4 :]):
                return
            if time.monotonic() > ends_at:
                message = f"the fleet did not send {count} requests in time"
                raise FailedError(message)
            time.sleep(0.3 if len(attempts) < count else 0.05)

    def _is_of(self, number: int, one: Attempt) -> bool:
        """Tell whether a request is under way with a record of the slice that this process begins with."""
        if one.answered is not None or one.method != "POST":
            return False
        order = int(str(one.body["event"]["description"]).removeprefix("Order ").partition(":")[0])
        return order // self._each == number

    def _kill_all(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _found(self) -> _Found:
        stored = collections.Counter(one.body["event"]["description"] for one in self._playground.events())
        attempts = self._playground.requests()
        arrivals = sorted(one.arrived for one in attempts if one.status != TOO_MANY)
        return _Found(
            events=self._count * self._each,
            lost=self._count * self._each - len(stored),
            doubled=stored.total() - len(stored),
            limited=len(attempts) - len(arrivals),
            read_back=sum(one.method == "GET" for one in attempts),
            used=_used(arrivals, self._per_minute),
            seconds=arrivals[-1] - arrivals[0],
        )


def _used(arrivals: list[float], per_minute: int) -> float:
    """Return how much of the limit the last minute's arrivals were, on average, from one minute on.

    Until nine tenths have arrived: then there may be nothing more to send.
    """
    moment, end = arrivals[0] + WINDOW_SECONDS, arrivals[len(arrivals) * 9 // 10]
    shares = []
    while moment < end:
        within = bisect.bisect_right(arrivals, moment) - bisect.bisect_right(arrivals, moment - WINDOW_SECONDS)
        shares.append(within / per_minute)
        moment += 0.1
    return statistics.fmean(shares) if shares else 1.0
