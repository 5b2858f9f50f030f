"""`python -m benchmarks.soak [weeks] [life] [--quick]`: lets time pass on a clock that leaps, and prints one table."""

from __future__ import annotations

import dataclasses
import platform
import subprocess  # noqa: F401 - before the clock is installed: what waits for a process waits for real
import sys
import tempfile
import threading  # noqa: F401 - as subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from benchmarks.soak.clock import Clock

if TYPE_CHECKING:
    from benchmarks.soak.report import Row

PARTS = ("weeks", "life")


@dataclasses.dataclass(frozen=True, slots=True)
class Sizes:
    """How long: weeks of runs (0 for a day), hours between two of them, days of one process; and the chance's seed."""

    weeks: int
    every: float
    days: float
    seed: int


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("part", nargs=-1, type=click.Choice(PARTS))
@click.option("--weeks", type=click.IntRange(1), default=4, show_default=True, help="Weeks of runs.")
@click.option("--every", type=float, default=1.0, show_default=True, help="Hours between two of them.")
@click.option("--days", type=float, default=7.0, show_default=True, help="Days that one process lives.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all that happens by chance.")
@click.option("--quick", is_flag=True, help="A day of runs and three hours of one process: to see that it runs.")
def main(  # noqa: PLR0913 - each has its name
    part: tuple[str, ...], *, weeks: int, every: float, days: float, seed: int, quick: bool
) -> None:
    """Let simulated time pass, with faults, kills, restarts, ends of tokens and months, and changes of summer time.

    `weeks` of a pipeline that runs by the hour, and the `life` of one process for days; both unless told. Ends with 1
    where a promise does not hold.
    """
    sizes = Sizes(0, 3.0, 0.12, seed) if quick else Sizes(weeks, every, days, seed)
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock.make(Path(folder) / "clock", starts_at=0.0)
        begun = clock.real_seconds()
        rows = list(soak(clock, Path(folder), dict.fromkeys(part or PARTS), sizes))
        minutes = (clock.real_seconds() - begun) / 60
    print_table(rows, f"Python {platform.python_version()} on {platform.system()}, seed {seed}, {minutes:.1f} minutes")
    if any(row.holds is False for row in rows):
        sys.exit(1)


def soak(clock: Clock, folder: Path, parts: Iterable[str], sizes: Sizes) -> Iterator[Row]:
    """Let time pass, and yield what came of it."""
    clock.install()
    from benchmarks.soak import account, report, resident, weeks  # noqa: PLC0415 - they go by the clock above

    account.serve_by(clock)
    progress = Console(stderr=True)
    spans = weeks.spans(sizes.weeks)
    clock.leap_to(spans[0][0])
    for part in parts:
        (folder / part).mkdir()
        if part == "weeks":
            every = sizes.every * weeks.HOUR
            passed = weeks.pass_weeks(clock, folder / part, spans, every=every, seed=sizes.seed, tell=progress.print)
            yield from report.of_weeks(passed)
        else:
            lived = resident.live(
                clock, folder / part, sizes.days, sizes.seed, lambda day: progress.print(f"life: {day:.2f} days")
            )
            yield from report.of_life(lived)


def print_table(rows: list[Row], title: str) -> None:
    """Print one table."""
    from benchmarks.soak import report  # noqa: PLC0415 - as above

    Console().print(report.table(rows, f"target-zendesk-events, {title}"))


if __name__ == "__main__":
    main()
