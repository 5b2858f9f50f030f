"""The target beside others on an account, on a virtual clock: the table of docs/limits.md, and what it promises."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from neighbours import (
    START,
    Account,
    Minute,
    Process,
    Simulation,
    World,
    after_the_wall,
    bursty,
    limited_percent,
    sawtooth,
    steady,
    used,
    wandering,
)

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.limits.rate_limit import RateLimit

CONFIGURED = 250
GRANTED = 150
DOCS = Path(__file__).parents[2] / "docs" / "limits.md"


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A row of the table: what the target meets, in its words and as a world, and the processes on one ledger."""

    neighbour: str
    world: World
    processes: int = 1
    minutes: int = 30

    @property
    def cells(self) -> list[str]:
        """Return the row's first cells."""
        world = self.world
        headers = "`remaining`" if world.has_headers else "no"
        latency = f"{world.latency * 1_000:.0f} ms" if world.latency < 1 else f"{world.latency:.0f} s"
        return [self.neighbour, world.window, headers, world.retry_after, latency, str(self.processes)]


def granting(seconds: float) -> int:
    """Return what an account grants that has another grant, of the same name, as its neighbour."""
    del seconds
    return GRANTED


NONE = World(limit=granting)
STEADY = World(neighbour=steady())
CASES = [
    *(Case("none", dataclasses.replace(NONE, has_headers=headers)) for headers in (False, True)),
    *(
        Case(name, World(neighbour=neighbour, window=window, has_headers=headers), minutes=minutes)
        for name, neighbour, minutes in (
            ("steady", steady(), 30),
            ("bursty", bursty(), 30),
            ("sawtooth", sawtooth(), 60),
        )
        for window, headers in itertools.product(("sliding", "fixed"), (False, True))
    ),
    *(
        Case("steady", dataclasses.replace(STEADY, retry_after=form))
        for form in ("fraction", "date", "date gone by", "0", "none")
    ),
    *(
        Case("steady", dataclasses.replace(STEADY, latency=latency, window=window))
        for latency, window in itertools.product((0.02, 3.0, 8.0, 20.0), ("sliding", "fixed"))
    ),
    *(
        Case(name, World(neighbour=neighbour, window=window), processes=4, minutes=15)
        for (name, neighbour), window in itertools.product(
            (("steady", steady()), ("bursty", bursty())), ("sliding", "fixed")
        )
    ),
    Case("sawtooth", World(neighbour=sawtooth()), processes=4, minutes=25),
    *(Case("steady", dataclasses.replace(STEADY, latency=12.0, window=window)) for window in ("sliding", "fixed")),
    *(Case("steady", dataclasses.replace(STEADY, latency=latency), processes=4, minutes=15) for latency in (3.0, 20.0)),
    Case("wandering bursts", World(neighbour=wandering())),
]
OVERLONG = [Case("steady", dataclasses.replace(STEADY, retry_after=form), minutes=90) for form in ("60", "93")]
"""A `Retry-After` that says nothing of when there is room, and is obeyed all the same."""
TORN = [Case("wandering bursts", World(neighbour=wandering(), window="fixed"), processes=number) for number in (1, 4)]
"""Two of the neighbour's bursts in one minute leave 50 of it, and none in the next all."""

LITTLE = [
    Case("steady, 190", World(neighbour=steady(190), latency=latency, window=window))
    for latency, window in ((0.25, "sliding"), (5.0, "fixed"), (20.0, "sliding"))
]
"""Where 60 of 250 are left, each 429 is a larger share, and slow answers tell late of it."""


def simulate(world: World, folder: Path, processes: int, minutes: int) -> list[Minute]:
    """Return what came of each minute; several processes are on one ledger."""
    if processes == 1:
        return Simulation(world, [Process(RateLimit(CONFIGURED))]).run(minutes)
    now = [START]
    ledgers = [
        SqlLedger(
            database_of(f"sqlite:///{folder}/ledger.sqlite", lambda: now[0]),
            account="acme.zendesk.com/",
            run=f"run {number}",
            retention_days=9,
            digest=str,
        )
        for number in range(processes)
    ]
    runs = [Process(ledger.rate_limit(CONFIGURED, Bucket.EVENTS)) for ledger in ledgers]
    seen = Simulation(world, runs, lambda moment: now.__setitem__(0, moment)).run(minutes)
    for ledger in ledgers:
        ledger.close()
    return seen


def told(case: Case) -> tuple[float, float]:
    """Return what the table tells of a case: the percentage of 429s, and the share that was used."""
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in DOCS.read_text("utf-8").splitlines()]
    limited, share = next(row[len(case.cells) :] for row in rows if row[: len(case.cells)] == case.cells)
    return float(limited.removesuffix("%")), float(share)


def hold(case: Case, minutes: Sequence[Minute]) -> None:
    """Hold that the table tells the truth of a case."""
    limited, share = told(case)
    assert limited_percent(minutes) == pytest.approx(limited, abs=0.3)
    assert used(minutes) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, marks=[pytest.mark.slow] if one.processes > 1 else [], id="-".join(one.cells)) for one in CASES],
)
def test_hardly_an_answer_is_a_429_and_what_others_leave_is_used(case: Case, tmp_path: Path) -> None:
    """Fewer than 2 % are, and 0.9 are used; beside a neighbour that is steady no minute starves."""
    minutes = after_the_wall(simulate(case.world, tmp_path, case.processes, case.minutes))
    assert limited_percent(minutes) < 2
    assert used(minutes) >= 0.9
    if case.neighbour in {"none", "steady"} and case.world.latency < 8:
        assert min(one.taken / one.left for one in minutes) > 0.8
    hold(case, minutes)


@pytest.mark.parametrize("case", OVERLONG, ids=lambda case: case.cells[3])
def test_a_retry_after_that_tells_nothing_of_the_limit_costs_as_little_as_it_can(case: Case, tmp_path: Path) -> None:
    """It is not risked often: 0.8 are used."""
    minutes = after_the_wall(simulate(case.world, tmp_path, case.processes, case.minutes))
    assert limited_percent(minutes) < 2
    assert used(minutes) >= 0.8
    hold(case, minutes)


@pytest.mark.parametrize(
    "case", [TORN[0], pytest.param(TORN[1], marks=pytest.mark.slow)], ids=lambda case: case.cells[5]
)
def test_a_minute_that_others_fill_costs_no_more_than_those_until_the_rate_is_back(case: Case, tmp_path: Path) -> None:
    """Hardly an answer is a 429 there either; no more is promised of what is used than that it comes back."""
    minutes = after_the_wall(simulate(case.world, tmp_path, case.processes, case.minutes))
    assert limited_percent(minutes) < 2
    assert max(one.taken for one in minutes) >= GRANTED
    hold(case, minutes)


@pytest.mark.parametrize("case", LITTLE, ids=lambda case: case.cells[4])
def test_where_little_is_left_and_answers_are_slow_a_few_more_are_429s(case: Case, tmp_path: Path) -> None:
    """Of 60 in a minute up to 4 % are, and 0.9 are used all the same."""
    minutes = after_the_wall(simulate(case.world, tmp_path, case.processes, case.minutes))
    assert limited_percent(minutes) < (2 if case.world.latency < 1 else 4)
    assert used(minutes) >= 0.9
    hold(case, minutes)


@pytest.mark.parametrize("processes", [1, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("window", "has_headers"), list(itertools.product(("sliding", "fixed"), (False, True))))
def test_a_grant_that_returns_is_used_within_five_minutes(
    window: str, has_headers: bool, processes: int, tmp_path: Path
) -> None:
    """Of 250, after 150 for eight minutes, 0.9 are used in the fifth minute at the latest, and from then on."""
    back = 9 * 60  # the neighbour's minute before the run begins counts
    world = World(limit=lambda since: GRANTED if since < back else CONFIGURED, window=window, has_headers=has_headers)
    minutes = simulate(world, tmp_path, processes, 16)
    assert sum(one.taken for one in minutes[1:8]) <= 7 * GRANTED * 1.05
    assert all(one.taken >= 0.9 * CONFIGURED for one in minutes[12:])


@pytest.mark.parametrize(("window", "latency"), list(itertools.product(("sliding", "fixed"), (0.02, 0.25, 3.0, 20.0))))
def test_without_neighbours_headers_change_nothing(window: str, latency: float) -> None:
    """An account that grants what is configured tells of no room at each minute's end: no rate is found by that."""
    process = Process(RateLimit(CONFIGURED))
    with_headers = Simulation(World(window=window, latency=latency, has_headers=True), [process]).run(6)
    without = Simulation(World(window=window, latency=latency), [Process(RateLimit(CONFIGURED))]).run(6)
    assert not process.limit.found.is_lower(START)
    assert sum(one.limited for one in with_headers) == 0
    assert sum(one.taken for one in with_headers) >= 0.99 * sum(one.taken for one in without)


def test_the_account_counts_as_zendesk_does() -> None:
    """A sliding minute and a fixed one let in what they grant, and say when there is room again."""
    for window in ("sliding", "fixed"):
        account = Account(World(limit=lambda _: 2, window=window, has_headers=True))
        assert [account.arrive(START + number)[0] for number in range(3)] == [202, 202, 429]
        status, headers = account.arrive(START + 3)
        assert (status, headers["x-rate-limit-remaining"]) == (429, "0")
        again = START + 3 + float(headers["retry-after"])
        assert account.arrive(again + 0.1)[0] == 202
