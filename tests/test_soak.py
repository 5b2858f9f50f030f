"""The soak: its clock leaps over what only waits, its judge finds what is wrong, and a day of it passes whole."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.soak import account, shop
from benchmarks.soak.judge import Judge
from benchmarks.soak.samples import slope
from benchmarks.soak.weather import SPELLS, faults, spell_at
from benchmarks.soak.weeks import spans
from target_zendesk_events.playground.server import Playground

ROOT = Path(__file__).parent.parent
DAY = 86_400.0


def python(*arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run Python on modules of this checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.mark.parametrize("weeks", range(7))
def test_weeks_hold_what_they_are_for(weeks: int) -> None:
    """They follow each other; the first four hold both zones' changes of summer time, and two ends of a month."""
    found = spans(weeks)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(found))
    times = [dt.datetime.fromtimestamp(one, dt.timezone.utc) for span in found for one in span]
    inside = list(zip(times[::2], times[1::2], strict=True))
    for zone in (shop.BERLIN, shop.NEW_YORK):
        changes = sum(a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset() for a, b in inside)
        assert changes == 2 or weeks < 4
    assert sum(a.month != b.month for a, b in inside) >= 2 or weeks < 4


def test_history_counts_what_it_tells() -> None:
    """At any time, what has happened is what has a time that is over, over the span's end and the next one's begin."""
    history = shop.History([(0.0, DAY), (10 * DAY, 11 * DAY)], pace=2.0)
    happened = history.all()
    assert happened == sorted(happened)
    for now in (0.0, 1.0, 600.0, DAY - 1, DAY, 5 * DAY, 10 * DAY, 10 * DAY + 1, 11 * DAY, 12 * DAY):
        for stream in shop.STREAMS:
            over = sum(name == stream and at <= now for at, name, _ in happened)
            assert history.count(stream, now) == over, (stream, now)


def test_slope_is_not_bent_by_spikes() -> None:
    """A fifth of all may be far off."""
    points = [(float(x), 3.0 * x + (1_000.0 if x % 5 == 0 else 0.0)) for x in range(50)]
    assert slope(points) == pytest.approx(3.0, abs=0.5)


def test_weather_is_drawn_by_seed() -> None:
    """Each spell comes in a few weeks, half of the time is fair, and one seed tells the same twice."""
    hours = [spell_at(1, 1_800_000_000 + 600 * step) for step in range(6_000)]
    assert {*hours} == {"fair", *SPELLS}
    assert hours == [spell_at(1, 1_800_000_000 + 600 * step) for step in range(6_000)]
    assert 0.5 < hours.count("fair") / len(hours) < 0.9
    assert all(faults(spell, 1) for spell in SPELLS)


def test_judge_finds_what_is_wrong(tmp_path: Path) -> None:
    """An event that is missing, one that is there twice, one at a wrong time; and a STATE that is ahead of them."""
    history = shop.History([(1_800_000_000.0, 1_800_000_000.0 + 1200.0)])
    now = history.spans[0][1]
    with Playground() as playground:
        account.furnish(playground)
        for number, minutes in ((0, 0), (0, 0), (1, 1)):
            event = _order(history, number, dt.timedelta(minutes=minutes))
            assert playground.receive("POST", "/api/v2/user_profiles/events", json.dumps(event).encode()) == 202
        judge = Judge(playground, history, tmp_path)
        told = judge.verdict(now)
        ahead = judge.ahead({"orders": 1, "visits": 0}, now)
    assert told.doubled == [("orders", 0)]
    assert told.mistimed == [("orders", 1)]
    assert told.lost == [("calls", 0), ("incidents", 0), ("visits", 0)]
    assert told.outdated == ["c0", "s0"]
    assert ahead == [("visits", 0)]


def _order(history: shop.History, number: int, late: dt.timedelta) -> dict[str, Any]:
    """Return a request as it would come of an order."""
    at = (history.at("orders", number) + late).isoformat().replace("+00:00", "Z")
    event = {"source": "shop", "type": "orders", "created_at": at, "properties": {"number": number}}
    identifiers = [{"type": "external_id", "value": "c0"}]
    return {"profile": {"source": "shop", "type": "customer", "identifiers": identifiers}, "event": event}


CLOCKS = """
import sys, subprocess
from pathlib import Path
from benchmarks.soak.clock import Clock
from benchmarks.soak.waits import Waits
clock = Clock.make(Path(sys.argv[1]), 1_800_000_000.0)
clock.install()
Waits(clock, lambda: 1).install()
import time, datetime, selectors, os
real = clock.real_seconds()
assert abs(time.time() - 1_800_000_000.0) < 5
steady = time.monotonic()
time.sleep(3600)
reading, writing = os.pipe()
with selectors.DefaultSelector() as selector:
    selector.register(reading, selectors.EVENT_READ)
    assert selector.select(3600) == []
    os.write(writing, b"x")
    assert len(selector.select(3600)) == 1
assert abs(time.monotonic() - steady - 7200) < 5
now = datetime.datetime.now(datetime.timezone.utc)
assert type(now).__mro__[1] is datetime.date and isinstance(now, datetime.datetime)
assert abs(now.timestamp() - 1_800_007_200) < 5
assert datetime.datetime(2027, 1, 1) == datetime.datetime.fromisoformat("2027-01-01")
assert clock.real_seconds() - real < 5
"""


@pytest.mark.slow
def test_clock_leaps_over_what_only_waits(tmp_path: Path) -> None:
    """Two hours of waiting take no time, and all that tells the time agrees."""
    done = python("-c", CLOCKS, str(tmp_path / "clock"))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_a_day_passes_whole() -> None:
    """A simulated day of runs with faults and kills, and hours of one process: each promise holds."""
    done = python("-m", "benchmarks.soak", "--quick", seconds=500)
    assert done.returncode == 0, done.stdout + done.stderr
    for promise in ("weeks: lost", "weeks: doubled", "weeks: STATE ahead", "life: memory", "life: open files"):
        assert promise in done.stdout
