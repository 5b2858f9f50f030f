"""`python -m benchmarks.contest [CONTENDER...]`: sends the same records by each of them, and prints one table."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import os
import platform
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console

from benchmarks.contest.contenders import CONTENDERS
from benchmarks.contest.contenders.contender import Contender
from benchmarks.contest.environments import Environment, UnavailableError, environment
from benchmarks.contest.kills import draw
from benchmarks.contest.orders import Orders
from benchmarks.contest.race import Course, Finish, race
from benchmarks.contest.report import Entry, broken_promises, markdown, table
from benchmarks.contest.weather import Weather
from benchmarks.processes import ROOT

VOID = 3
EVENTS_A_KILL = 2_000


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("contender", nargs=-1, type=click.Choice(list(CONTENDERS)))
@click.option("--events", default=10_000, type=click.IntRange(20), help="Events to send, a tenth as many customers.")
@click.option("--runs", default=3, type=click.IntRange(1), help="Runs of each contender, each with a seed of its own.")
@click.option("--seed", default=1, help="The first run's; what is lost, refused and killed follows from it.")
@click.option("--kills", type=click.IntRange(0), help=f"SIGKILLs a run; one for {EVENTS_A_KILL:,} events unless told.")
@click.option("--latency", default=0.02, help="Seconds that the server takes for an answer.")
@click.option("--at-once", default=8, type=click.IntRange(1), help="Runs side by side.")
@click.option(
    "--environments",
    default=ROOT / ".contest",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the contenders' environments are made, and kept.",
)
@click.option(
    "--here", is_flag=True, help="Make no environments: use this one (`verify`, `retry`, `hold`, `serial`, `loop`)."
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table as Markdown.")
def main(  # noqa: PLR0913, PLR0917 - an option each
    contender: tuple[str, ...],
    events: int,
    runs: int,
    seed: int,
    kills: int | None,
    latency: float,
    at_once: int,
    environments: Path,
    *,
    here: bool,
    as_markdown: bool,
) -> None:
    """Let each CONTENDER, all without any, deliver through a server that loses answers, killed at random.

    Exit code 3: a run is void, for sent is not delivered + set aside + pending. 1: this target broke a promise.
    """
    names = contender or tuple(CONTENDERS)
    made = _environments(names, environments, here=here)
    weather = Weather(seed)
    kills = max(1, events // EVENTS_A_KILL) if kills is None else kills
    courses = [
        Course(Orders(events, one), draw(events, kills, one), weather.lost, weather.failed, latency)
        for one in range(seed, seed + runs)
    ]
    entries = _entries(names, made, courses, at_once)
    _show(list(entries.values()), _headline(events, weather, kills, latency, runs), as_markdown=as_markdown)
    broken = [fault for name, entry in entries.items() for fault in broken_promises(name, entry.finishes)]
    for fault in broken:
        Console(stderr=True).print(fault)
    sys.exit(VOID if any(entry.is_void for entry in entries.values()) else int(bool(broken)))


def _headline(events: int, weather: Weather, kills: int, latency: float, runs: int) -> str:
    today = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}"
    return (
        f"{events:,} events, {weather.lost:.0%} of answers lost, {weather.failed:.0%} 500s, {kills} SIGKILLs, "
        f"{latency * 1000:.0f} ms an answer, {runs} run(s); {today}, Python {platform.python_version()} on "
        f"{platform.system()}, {os.cpu_count()} processors"
    )


def _environments(names: Sequence[str], folder: Path, *, here: bool) -> dict[str, Environment | UnavailableError]:
    """Return each contender's environment, or why it has none."""
    made: dict[str, Environment | UnavailableError] = {}
    for contender in {CONTENDERS[name].environment: CONTENDERS[name] for name in names}.values():
        Console(stderr=True).print(f"an environment for {contender.title} ...")
        try:
            made[contender.environment] = (
                Environment(Path(sys.prefix))
                if here
                else environment(folder / contender.environment, contender.requirements)
            )
        except UnavailableError as error:
            made[contender.environment] = error
    return {name: made[CONTENDERS[name].environment] for name in names}


def _entries(
    names: Sequence[str], made: Mapping[str, Environment | UnavailableError], courses: Sequence[Course], at_once: int
) -> dict[str, Entry]:
    """Run everything, so many at once, each run of a contender beside the others' of that seed."""
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user than root
        told = threading.Lock()
        futures = {
            (name, run): pool.submit(_run, CONTENDERS[name], found, course, Path(folder) / f"{name}-{run}", told)
            for run, course in enumerate(courses)
            for name in names
            if isinstance(found := made[name], Environment)
        }
        return {
            name: _entry(
                CONTENDERS[name],
                made[name],
                [futures[name, run] for run in range(len(courses)) if (name, run) in futures],
            )
            for name in names
        }


def _run(
    contender: Contender, environment_of: Environment, course: Course, folder: Path, told: threading.Lock
) -> Finish:
    folder.mkdir()
    finish = race(contender, environment_of, course, folder)
    with told:
        progress = Console(stderr=True)
        progress.print(f"{contender.title}, seed {course.orders.seed}: {finish.verdict}")
        if finish.verdict.void:
            progress.print(finish.last_words, markup=False)
    return finish


def _entry(
    contender: Contender, found: Environment | UnavailableError, futures: Sequence[concurrent.futures.Future[Finish]]
) -> Entry:
    if isinstance(found, UnavailableError):
        return Entry(contender.title, "", contender.settings, unavailable=str(found))
    versions = ", ".join(f"{name} {found.version(name)}" for name in contender.distributions)
    try:
        return Entry(contender.title, versions, contender.settings, [future.result() for future in futures])
    except UnavailableError as error:
        return Entry(contender.title, versions, contender.settings, unavailable=str(error))


def _show(entries: Sequence[Entry], headline: str, *, as_markdown: bool) -> None:
    console = Console(soft_wrap=as_markdown)
    if as_markdown:
        for line in [
            headline,
            "",
            *markdown(entries),
            "",
            *(f"- {note}" for entry in entries for note in entry.notes()),
        ]:
            console.print(line, markup=False, highlight=False)
        return
    console.print(table(entries, headline))
    for entry in entries:
        for note in entry.notes():
            console.print(note, markup=False, highlight=False)


if __name__ == "__main__":
    main()
