"""Several real processes on one ledger: each with a folder of its own, all on one playground."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forked
import support

from target_zendesk_events.playground.server import Playground


class Fleet:
    """Processes of the real command line, each with a folder of its own, on one ledger and one playground."""

    def __init__(self, playground: Playground, folder: Path, url: str) -> None:
        """Start none yet."""
        self.playground = playground
        self.folder = folder
        self.url = url
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, numbers: range, **settings: Any) -> subprocess.Popen[bytes]:
        """Start one that is sent these records, a STATE after each ten, and an end of its input."""
        folder = self.folder / f"process-{len(self.processes)}"
        folder.mkdir()
        path = folder / "config.json"
        path.write_text(json.dumps(support.config(self.playground.url, folder, ledger_url=self.url, **settings)))
        source = folder / "input"
        messages = [support.schema("orders")]
        for number in numbers:
            messages += [support.record("orders", number)]
            messages += [support.state({"upto": number})] if number % 10 == 9 else []
        source.write_bytes(support.lines([*messages, support.state({"upto": numbers[-1]})]))
        with (
            source.open("rb") as stdin,
            (folder / "output").open("wb") as stdout,
            (folder / "errors").open("wb") as err,
        ):
            process = forked.Popen(
                [*support.TARGET, "--config", str(path)], stdin=stdin, stdout=stdout, stderr=err, cwd=folder
            )
        self.processes.append(process)
        return process

    def wait(self, seconds: float) -> list[int]:
        """Wait for all; return their exit codes."""
        ends_at = time.monotonic() + seconds
        return [process.wait(max(0.0, ends_at - time.monotonic())) for process in self.processes]

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        """Wait until so many events are stored."""
        ends_at = time.monotonic() + seconds
        while len(self.playground.events()) < count:
            assert time.monotonic() < ends_at
            time.sleep(0.05)

    def stored(self) -> Counter[int]:
        """Count the events on timelines, by record."""
        return Counter(event.body["event"]["properties"]["number"] for event in self.playground.events())

    def states(self, number: int) -> list[int]:
        """Return up to which records a process said that all is settled."""
        written = (self.folder / f"process-{number}" / "output").read_text()
        return [json.loads(line)["upto"] for line in written.splitlines(keepends=True) if line.endswith("\n")]

    def ahead_of_events(self) -> list[int]:
        """Return the records that a STATE speaks of, and no timeline holds; for records from 0 on."""
        upto = max((state for number in range(len(self.processes)) for state in self.states(number)), default=-1)
        return sorted(set(range(upto + 1)) - set(self.stored()))

    def errors(self, number: int) -> str:
        """Return what a process wrote on standard error."""
        return (self.folder / f"process-{number}" / "errors").read_text()

    def close(self) -> None:
        """End what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


@contextlib.contextmanager
def fleet_on(url: str, folder: Path, delay: float) -> Iterator[Fleet]:
    """Serve a playground that takes `delay` seconds for an answer, and give a fleet on it."""
    with Playground(delay=delay) as playground:
        fleet = Fleet(playground, folder, url)
        try:
            yield fleet
        finally:
            fleet.close()
