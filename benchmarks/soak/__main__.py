"""`python -m benchmarks.soak [--weeks N] [--days N] [--seed S] [--quick]`: lets weeks pass, and prints one table."""

from __future__ import annotations

import contextlib
import platform
import subprocess  # noqa: F401 - before the clock is installed: what waits for a process waits for real
import sys
import tempfile
import threading  # noqa: F401 - as subprocess
from pathlib import Path

import click
from rich.console import Console

from benchmarks.soak.clock import Clock

WEEKS = 4
DAYS = 7.0
QUICK = 0, 0.12, 3.0
"""Weeks (none: a day), days of one process, hours between runs."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--weeks", type=click.IntRange(1), default=WEEKS, show_default=True, help="Weeks of hourly runs.")
@click.option("--days", default=DAYS, show_default=True, help="Days that one process lives.")
@click.option("--every", default=1.0, show_default=True, help="Hours between two runs.")
@click.option("--seed", default=1, show_default=True, help="Of all that happens by chance.")
@click.option("--quick", is_flag=True, help="A day of runs and three hours of one process: to see that it runs.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where everything is kept; else it is removed.")
def main(  # noqa: PLR0913 - each has its name
    *, weeks: int, days: float, every: float, seed: int, quick: bool, folder: Path | None
) -> None:
    """Let simulated weeks pass, with faults, kills, restarts, ends of tokens and months, and changes of summer time.

    Ends with 1 where a promise does not hold.
    """
    if quick:
        weeks, days, every = QUICK
    with contextlib.ExitStack() as kept:
        if folder is None:
            folder = Path(kept.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        holds = soak(folder, weeks, days, every, seed)
    sys.exit(0 if holds else 1)


def soak(folder: Path, weeks: int, days: float, every: float, seed: int) -> bool:
    """Let time pass, runs `every` so many hours, and print the table; tell whether all holds."""
    clock = Clock.make(folder / "clock", starts_at=0.0)
    clock.install()
    from benchmarks.soak import account, report, resident  # noqa: PLC0415 - by the clock above
    from benchmarks.soak import weeks as of_weeks  # noqa: PLC0415

    account.serve_by(clock)
    progress = Console(stderr=True)
    spans = of_weeks.spans(weeks)
    clock.leap_to(spans[0][0])
    begun = clock.real_seconds()
    for name in ("weeks", "life"):
        (folder / name).mkdir()
    passed = of_weeks.pass_weeks(
        clock,
        folder / "weeks",
        spans,
        every=every * of_weeks.HOUR,
        seed=seed,
        tell=progress.print,
    )
    lived = resident.live(clock, folder / "life", days, seed, lambda day: progress.print(f"life: {day:.2f} days"))
    rows = list(report.rows(passed, lived))
    seconds = clock.real_seconds() - begun
    title = (
        f"target-zendesk-events, Python {platform.python_version()} on {platform.system()}, seed {seed}: "
        f"{passed.days:.0f} days of runs and {days:g} of one process, in {seconds / 60:.1f} min"
    )
    Console().print(report.table(rows, title))
    return all(row.holds is not False for row in rows)


if __name__ == "__main__":
    main()
