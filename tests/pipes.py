"""A tap piped into the target as a runner pipes them: killed in between, and started again from the STATE it saved."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

import support

from target_zendesk_events.playground.server import Playground

TAPS: Final = {
    "meltanolabs-tap-postgres": "0.10.0",
    "pipelinewise-tap-postgres": "2.1.0",
    "tap-rest-api-msdk": "1.4.2",
    "tap-singer-jsonl": "0.1.0",
    "meltanolabs-tap-mongodb": "0.4.1",
    "singer-python": "6.8.0",
}
"""Other people's taps, or what they are made with, and the version of each that is tried."""


class Pipe:
    """A tap, the target, and a file that keeps STATE; the playground is the judge.

    Each rule is to send as `number` what tells a record from others of its stream, and as `stream` its stream; of a
    record that the tap wrote, `number_of` returns the same, None where no rule sends it.
    """

    def __init__(
        self,
        folder: Path,
        playground: Playground,
        tap: Sequence[str],
        number_of: Callable[[str, Mapping[str, Any]], Any],
        **settings: Any,
    ) -> None:
        """Start from no STATE."""
        self._folder = folder
        self._playground = playground
        self._tap = tap
        self._number_of = number_of
        plain = {"max_in_flight": 3, "batch_size_rows": 4}
        self.settings = support.config(playground.url, folder, **{**plain, **settings})
        (folder / "config.json").write_text(json.dumps(self.settings))
        self.state: Any = None
        """The last STATE that came out of the target, in whatever run."""
        self.written: list[dict[str, Any]] = []
        """What the tap wrote in the last run."""
        self.said = ""
        """What the target said in the last run."""

    def stored(self, stream: str | None = None) -> list[Any]:
        """Return what is on timelines, of one stream or of all, in the order of storing."""
        bodies = [event.body["event"]["properties"] for event in self._playground.events()]
        return [one["number"] for one in bodies if stream in {None, one["stream"]}]

    def run(self, *, kill_after: int | None = None, with_tap: bool = False) -> None:
        """Pipe the tap into the target, to the end of both; or kill the target once so many more events are stored.

        `with_tap` kills the tap too, as a runner does that ends a pipeline as a whole. STATE is held against what the
        tap wrote and what is on timelines.
        """
        stored = len(self._playground.events())
        arguments = [] if self.state is None else ["--state", self._written("state.json", self.state)]
        with (
            (self._folder / "tap.log").open("wb") as log,
            (self._folder / "stdout").open("wb") as output,
            (self._folder / "stderr").open("wb") as error,
            subprocess.Popen([*self._tap, *arguments], stdout=subprocess.PIPE, stderr=log, cwd=self._folder) as tap,
            subprocess.Popen(
                [*support.TARGET, "--config", "config.json"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=error,
                cwd=self._folder,
            ) as target,
        ):
            feeding = threading.Thread(target=self._feed, args=(tap.stdout, target.stdin))
            feeding.start()
            try:
                if kill_after is not None:
                    support.until(
                        lambda: len(self._playground.events()) >= stored + kill_after or target.poll() is not None, 120
                    )
                    if with_tap:
                        tap.kill()
                    target.kill()
                target.wait(120)
                tap.wait(120)
            finally:
                target.kill()
                tap.kill()
                feeding.join()
        self._check(kill_after is not None, tap.returncode, target.returncode)

    def _feed(self, source: IO[bytes], sink: IO[bytes]) -> None:
        """Hand on what the tap writes, and keep it: each line before the target has it."""
        with (self._folder / "written").open("wb") as kept, contextlib.suppress(OSError), source, sink:
            for line in source:
                kept.write(line)
                kept.flush()
                sink.write(line)
                sink.flush()

    def _written(self, name: str, content: object) -> str:
        path = self._folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def _check(self, was_killed: bool, tap: int, target: int) -> None:
        self.said = (self._folder / "stderr").read_text()
        assert "Traceback" not in self.said
        if was_killed:
            assert target == -9, self.said
        else:
            assert (target, tap) == (0, 0), self.said + (self._folder / "tap.log").read_text()[-2000:]
        lines = (self._folder / "written").read_bytes().splitlines(keepends=True)
        self.written = [json.loads(line) for line in lines if line.endswith(b"\n")]
        states = [json.loads(line) for line in (self._folder / "stdout").read_text().splitlines(keepends=True)]
        for state in states:
            self._check_state(state)
            self.state = state

    def _check_state(self, state: Any) -> None:
        """What the tap wrote before a STATE is on timelines; with `state_per_stream`, before each of its bookmarks.

        What was written before a part of a STATE that stayed as it was counts from the first one that had it: a tap
        sends what came after that one again.
        """
        values = [one["value"] if one["type"] == "STATE" else None for one in self.written]
        if not self.settings.get("state_per_stream"):
            self._must_be_stored(values, state)
            return
        for key, part in state.items():
            if key != "bookmarks":
                self._must_be_stored([value and value.get(key) for value in values], part)
        for stream, mark in state.get("bookmarks", {}).items():
            marks = [value and value.get("bookmarks", {}).get(stream) for value in values]
            self._must_be_stored(marks, mark, stream)

    def _must_be_stored(self, said: Sequence[Any], what: Any, of: str | None = None) -> None:
        """What came before the first message that said something, of a stream or of all, is on timelines."""
        if what is None:
            return
        assert what in said, "the tap wrote no such STATE"
        before = [record for one in self.written[: said.index(what)] for record in _records(one)]
        numbers = {(stream, self._number_of(stream, record)) for stream, record in before if of in {None, stream}}
        bodies = [event.body["event"]["properties"] for event in self._playground.events()]
        assert {one for one in numbers if one[1] is not None} <= {(one["stream"], one["number"]) for one in bodies}


def _records(message: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the records of a message, each with its stream."""
    if message["type"] == "RECORD":
        yield message["stream"], message["record"]
    for file in message.get("manifest", ()):
        for line in gzip.decompress(Path(unquote(urlsplit(file).path)).read_bytes()).splitlines():
            yield message["stream"], json.loads(line)
