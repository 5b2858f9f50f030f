"""How measurements are taken: contenders in turn, round by round, and the median of each."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.processes import FailedError, Finished, run, serving
from benchmarks.workshop import Workshop


@dataclasses.dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything; these are the sizes that the promises speak of."""

    rounds: int = 5
    paced_events: int = 800
    per_minute: int = 250
    events: int = 5_000
    rows: int = 1_000_000
    few_rows: int = 100_000
    long_rounds: int = 3
    in_files: int = 200_000
    few: int = 10_000
    many: int = 60_000
    starts: int = 15
    known: int = 20_000
    keys: int = 3_000_000
    objects: int = 10_000
    support_per_minute: int = 700
    machines: int = 10
    per_minute_of_all: int = 250
    minutes_of_all: int = 4
    fleets: tuple[int, ...] = (1, 4, 10)
    events_of_each: int = 1_000
    fleet_rounds: int = 1


QUICK = Sizes(
    rounds=1,
    events=200,
    rows=2_000,
    few_rows=1_000,
    long_rounds=1,
    in_files=2_000,
    few=100,
    many=300,
    starts=1,
    known=200,
    keys=1_000,
    objects=300,
    fleets=(1, 2),
    events_of_each=100,
)


def in_turn(rounds: int, contenders: Mapping[str, Callable[[], Finished]]) -> dict[str, list[Finished]]:
    """Run each contender once a round: what disturbs the machine for a while disturbs them all."""
    runs: dict[str, list[Finished]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            runs[name].append(contender())
    return runs


def median(runs: Sequence[Finished]) -> float:
    """Return the median of their seconds."""
    return statistics.median(one.seconds for one in runs)


def median_cpu(runs: Sequence[Finished]) -> float:
    """Return the median of the seconds that they computed: what a busy machine changes least."""
    return statistics.median(one.cpu_seconds for one in runs)


def own_work(runs: Sequence[Finished], starts: Sequence[Finished]) -> float:
    """Return the median of their seconds, less those of a start without records in the same round; 1 ms at least."""
    pairs = zip(runs, starts, strict=True)
    return max(0.001, statistics.median(one.seconds - start.seconds for one, start in pairs))


def delivery(command: Callable[[str], list[str]], source: Path, events: int) -> Finished:
    """Run a contender against a server of its own; raises FailedError unless so many events arrived."""
    with serving() as server:
        finished = run(command(server.url), source)
    if server.counts["accepted"] != events:
        message = f"{server.counts['accepted']} events arrived instead of {events}: {finished.errors[-1000:]}"
        raise FailedError(message)
    return finished


def start(workshop: Workshop, data_dir: Path | None = None) -> Finished:
    """Run ours without any record."""
    return run(workshop.ours("http://127.0.0.1:9", data_dir), workshop.orders(0))
