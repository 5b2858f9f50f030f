"""dlt's custom destination."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contest import orders
from benchmarks.contest.contenders.contender import Launch, Place
from benchmarks.contest.environments import environment_variables
from benchmarks.contest.judge import Books

QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "WARNING"}


class DltDestination:
    """A pipeline with an incremental resource and `@dlt.destination`."""

    name = "dlt"
    title = "dlt's custom destination"
    environment = "dlt"
    requirements = ("dlt",)
    distributions = ("dlt",)
    settings = (
        "`@dlt.destination(batch_size=1, loader_parallelism_strategy='sequential')`, as its page says for what takes "
        "no duplicates; `dlt.sources.helpers.requests` (10 attempts, backoff from 0.1 s, also of lost answers); an "
        "incremental resource, 1,000 rows a load; its working directory is kept"
    )

    def prepare(self, place: Place) -> None:
        """Nothing is needed: all is in the program."""

    def launch(self, place: Place) -> Launch:
        """Start the pipeline on the file of orders."""
        return Launch([*_program(place), "run"], variables=QUIET)

    def books(self, place: Place) -> Books:
        """Return what its incremental state says, less what waits in its load packages."""
        done = subprocess.run(  # noqa: S603 - our own command
            [*_program(place), "watermark"],
            capture_output=True,
            text=True,
            check=True,
            env={**environment_variables(), **QUIET, "HOME": str(place.folder)},
            cwd=place.cwd,
        )
        claimed = frozenset(range(int(done.stdout.split()[-1]) + 1))
        waiting = frozenset(_waiting(_pipelines(place))) & claimed
        return Books(delivered=claimed - waiting, pending=waiting | place.everything - claimed)

    def clean_up(self, place: Place) -> None:
        """Nothing was started."""


def _pipelines(place: Place) -> Path:
    return place.folder / "pipelines"


def _program(place: Place) -> list[str]:
    arguments = [place.url, str(place.orders), str(_pipelines(place))]
    return [*place.environment.program("dlt_pipeline"), *arguments]


def _waiting(pipelines: Path) -> Iterator[int]:
    """Yield the numbers of the rows in packages that are not loaded yet, or not to the end."""
    for path in pipelines.rglob(f"{orders.STREAM}.*"):
        done = {"completed_jobs", "loaded"} & set(path.parts)
        if path.is_file() and not done and "jsonl" in path.name:
            packed = path.read_bytes()
            text = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
            yield from _numbers(text.decode())


def _numbers(text: str) -> Iterator[int]:
    for line in text.splitlines():
        rows = json.loads(line)
        yield from (int(row["id"]) for row in (rows if isinstance(rows, list) else [rows]))
