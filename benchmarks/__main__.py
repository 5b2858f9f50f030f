"""`python -m benchmarks [CASE...] [--quick]`: measures, and prints one table."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cases import CASES, SLOW
from benchmarks.measuring import QUICK, Sizes
from benchmarks.rows import Row, table
from benchmarks.workshop import Workshop


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("case", nargs=-1, type=click.Choice(list(CASES)))
@click.option("--quick", is_flag=True, help="Small sizes, one round: to see that it runs, not how fast it is.")
def main(case: tuple[str, ...], *, quick: bool) -> None:
    """Measure each CASE, all without any; end with 1 where a promise does not hold (never with --quick)."""
    machine = (
        f"Python {platform.python_version()} on {platform.system()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} before"
    )
    rows = measure(case or tuple(name for name in CASES if not (quick and name in SLOW)), QUICK if quick else Sizes())
    Console().print(table(rows, f"target-zendesk-events, {machine}{', QUICK: no measure of speed' if quick else ''}"))
    if not quick and any(row.holds is False for row in rows):
        sys.exit(1)


def measure(names: tuple[str, ...], sizes: Sizes) -> list[Row]:
    """Run cases one after another; say on stderr which."""
    progress = Console(stderr=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        for name in names:
            progress.print(f"measuring {name} ...")
            rows += CASES[name](workshop, sizes)
    return rows


if __name__ == "__main__":
    main()
