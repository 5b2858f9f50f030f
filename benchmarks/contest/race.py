"""One run of one contender: started, killed, started again from what it keeps, until it holds all as done."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import queue
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.contest.contenders.contender import Contender, Launch, Place
from benchmarks.contest.environments import Environment, environment_variables
from benchmarks.contest.history import Serving, read_history, serving
from benchmarks.contest.judge import Moment, Verdict, judge
from benchmarks.contest.kills import Kill
from benchmarks.contest.orders import Orders, body, digest
from benchmarks.contest.server import Settings

MAX_STARTS = 40
MAX_SECONDS = 3_600
LAST_WORDS = 600


@dataclasses.dataclass(frozen=True, slots=True)
class Course:
    """What all contenders of one run have in common."""

    orders: Orders
    kills: tuple[Kill, ...]
    lost: float
    failed: float
    latency: float


@dataclasses.dataclass(frozen=True, slots=True)
class Finish:
    """How a run ended; `last_words` are those of its log, for who looks why a run is void."""

    verdict: Verdict
    starts: int
    seconds: float
    last_words: str


def race(contender: Contender, environment: Environment, course: Course, folder: Path) -> Finish:
    """Run a contender on a course, everything of it in a new folder. Raises UnavailableError."""
    started = time.monotonic()
    orders = course.orders
    history = folder / "history.json"
    marks = tuple(kill.mark for kill in course.kills)
    with serving(Settings(str(history), orders.seed, course.lost, course.failed, course.latency, marks)) as server:
        place = Place(folder, environment, server.url, orders.write(folder / "orders.jsonl"), orders.count)
        place.cwd.mkdir()
        try:
            contender.prepare(place)
            moments, starts = _to_the_end(contender, place, server, course.kills)
        finally:
            contender.clean_up(place)
    digests = {order["id"]: digest(body(order)) for order in orders}
    verdict = judge(orders.customers(), digests, read_history(history), moments, len(course.kills))
    log = folder / "log"
    words = log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:] if log.exists() else ""
    return Finish(verdict, starts, time.monotonic() - started, words)


def _to_the_end(contender: Contender, place: Place, server: Serving, kills: Sequence[Kill]) -> tuple[list[Moment], int]:
    """Start and kill until it holds nothing as pending, or is given up; return the moments, the end last."""
    watch = _Watch(server.marks, collections.deque(kills))
    moments: list[Moment] = []
    deadline = time.monotonic() + MAX_SECONDS
    starts = 0
    while starts < MAX_STARTS and time.monotonic() < deadline:
        starts += 1
        with _started(contender.launch(place), place) as process:
            was_killed = watch.over(process, deadline)
        moment = Moment(time.monotonic(), contender.books(place))
        if was_killed:
            moments.append(moment)
        elif not moment.books.pending:
            return [*moments, moment], starts
    return [*moments, Moment(time.monotonic(), contender.books(place))], starts


@dataclasses.dataclass(slots=True)
class _Watch:
    """Kills a process when a mark is reached; a kill that comes too late for one process is for the next."""

    marks: queue.SimpleQueue[int]
    kills: collections.deque[Kill]
    _due: float | None = None

    def over(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Wait until a process is over; tell whether it was killed."""
        while process.poll() is None:
            if self._due is None and self.kills and self._is_reached():
                self._due = time.monotonic() + self.kills.popleft().delay
            if self._due is not None and time.monotonic() >= self._due:
                self._due = None
                return _kill(process)
            if time.monotonic() > deadline:
                _kill(process)
                return False
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.02)
        return False

    def _is_reached(self) -> bool:
        try:
            self.marks.get_nowait()
        except queue.Empty:
            return False
        return True


def _kill(process: subprocess.Popen[bytes]) -> bool:
    """Kill a process and all that it started; tell whether it was still running."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@contextlib.contextmanager
def _started(launch: Launch, place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Start a contender, behind a tap where it reads one; afterwards both are gone."""
    variables = {**environment_variables(), "HOME": str(place.folder), **launch.variables}
    with contextlib.ExitStack() as open_:
        log = open_.enter_context((place.folder / "log").open("ab"))
        output = open_.enter_context(place.states.open("ab")) if launch.tap else log
        tap = None
        if launch.tap:
            tap = open_.enter_context(
                subprocess.Popen(launch.tap, stdout=subprocess.PIPE, stderr=log, env=variables)  # noqa: S603 - ours
            )
            open_.callback(tap.kill)
        process = subprocess.Popen(  # noqa: S603 - what the contender said
            launch.command,
            stdin=tap.stdout if tap else subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            cwd=place.cwd,
            env=variables,
            start_new_session=True,
        )
        if tap and tap.stdout:
            tap.stdout.close()
        try:
            yield process
        finally:
            _kill(process)
