"""One process that runs for days, behind a tap that never ends, and what it takes meanwhile."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.processes import LAST_WORDS, ROOT, FailedError, environment
from benchmarks.soak import account, shop
from benchmarks.soak.clock import A_SECOND, NEVER, Clock
from benchmarks.soak.judge import Judge, Piece, Verdict
from benchmarks.soak.pipeline import HUNG_SECONDS, command, common
from benchmarks.soak.samples import Sample, sample
from benchmarks.soak.weather import Weather

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
PACE: Final = 4.0
"""So many times as much happens as in the weeks."""
LAST_WAIT_SECONDS: Final = 3 * HOUR
LONGEST_OUTAGE_SECONDS: Final = 12 * 3600
LOOK_SECONDS: Final = 0.0005


@dataclasses.dataclass(frozen=True, slots=True)
class Lived:
    """How it went: samples by the hour, the exit code, and what became of the records."""

    samples: list[Sample]
    code: int
    requests: int
    tokens: int
    hits: int
    ahead: list[Piece]
    verdict: Verdict


def live(clock: Clock, folder: Path, days: float, seed: int, hourly: Callable[[float], None]) -> Lived:
    """Let one process live; `hourly` is told after how many days it is. It ends with a SIGTERM."""
    begin = math.ceil(clock.time())  # local times of the shop tell no fractions
    history = shop.History([(begin, begin + days * DAY)], PACE)
    with account.Account(token_seconds=1800.0) as playground:
        account.furnish(playground)
        weather = Weather(playground, clock, seed)
        settings = {
            **common(playground.url),
            "data_dir": str(folder / "data"),
            "max_outage_seconds": LONGEST_OUTAGE_SECONDS,
            "max_events_per_day": 0,
            "monthly_event_quota": 0,
            "refresh_token": playground.log_in(),
        }
        (folder / "config.json").write_text(json.dumps(settings))
        with (folder / "states").open("wb") as output, (folder / "errors.log").open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command(clock, folder / "config.json"),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                cwd=ROOT,
                env=environment(),
            )
            try:
                samples = _Tap(clock, process, weather, folder / "data" / "ledger.sqlite").tell(history, hourly)
                process.send_signal(signal.SIGTERM)
                code = process.wait(HUNG_SECONDS)
            finally:
                process.kill()
                process.wait()
                clock.tap_waits(NEVER)
        states = (folder / "states").read_bytes().splitlines()
        judge = Judge(playground, history, folder / "data")
        requests = playground.requests()
        return Lived(
            samples,
            code,
            len(requests),
            sum(one.path == "/oauth/tokens" for one in requests),
            sum(weather.hits.values()),
            judge.ahead(shop.bookmarks_in(states[-1]) if states else {}, clock.time()),
            judge.verdict(begin + days * DAY),
        )


class _Tap:
    """Writes each record when it happens, and looks at the process once an hour."""

    def __init__(self, clock: Clock, process: subprocess.Popen[bytes], weather: Weather, ledger: Path) -> None:
        self._clock = clock
        self._process = process
        self._weather = weather
        self._ledger = ledger
        if process.stdin is None:
            message = "the target has no input"
            raise FailedError(message)
        self._pipe: IO[bytes] = process.stdin

    def tell(self, history: shop.History, hourly: Callable[[float], None]) -> list[Sample]:
        """Tell of all that happens, then wait a while in fair weather."""
        begin, end = history.spans[0]
        for stream in shop.STREAMS:
            self._write(shop.schema(stream))
        reached: dict[str, int] = {}
        samples: list[Sample] = []
        for at, stream, number in history.all():
            self._wait_until(at)
            self._weather.look()
            if at - begin >= HOUR * (len(samples) + 1):
                days = (at - begin) / DAY
                samples.append(sample(self._process.pid, self._ledger, days))
                hourly(days)
            reached[stream] = number
            self._write(history.message(stream, number))
            self._write(shop.state(reached))
        self._weather.clear_up()
        self._wait_until(end + LAST_WAIT_SECONDS)
        return samples

    def _wait_until(self, moment: float) -> None:
        """Wait until the wall shows a moment; until then others may leap."""
        clock = self._clock
        until = clock.monotonic_ns() + round((moment - clock.time()) * A_SECOND)
        clock.tap_waits(until)
        begun = clock.real_seconds()
        while clock.monotonic_ns() < until:
            clock.real_sleep(LOOK_SECONDS)
            if self._process.poll() is not None or clock.real_seconds() - begun > HUNG_SECONDS:
                message = f"the process that was to live for days ended with {self._process.returncode}, or hangs: "
                raise FailedError(message + self._words())
        clock.tap_waits(NEVER)

    def _write(self, message: dict[str, Any]) -> None:
        self._pipe.write(shop.line(message))
        self._pipe.flush()

    def _words(self) -> str:
        return (self._ledger.parent.parent / "errors.log").read_text(errors="replace")[-LAST_WORDS:]
