"""The pipeline as cron starts it: one real run after the other, some of them killed, from the last STATE on."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.processes import LAST_WORDS, ROOT, FailedError, environment
from benchmarks.soak import account, shop
from benchmarks.soak.clock import Clock

SHARE_KILLED: Final = 0.15
SHARE_ENDED: Final = 0.1
MOST_REQUESTS: Final = 15
LOOK_SECONDS: Final = 0.002
MOST_SECONDS: Final = 0.02
HUNG_SECONDS: Final = 300.0
"""For real: a run takes a second or two."""
EXPECTED: Final = frozenset({0, 1, -signal.SIGKILL, 128 + signal.SIGTERM, -signal.SIGTERM})
"""The last: ended before it was up, and so before it had anything to tell."""


@dataclasses.dataclass(slots=True)
class Ends:
    """How runs ended: by exit code, those with 1 by the codes of their sentences."""

    codes: Counter[int] = dataclasses.field(default_factory=Counter)
    sentences: Counter[str] = dataclasses.field(default_factory=Counter)
    unexpected: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Doom:
    """What becomes of a run in its midst: a signal, or none, so many requests and real seconds after its start.

    Requests for tokens do not count: killed before it has kept one that a refresh gave, it would need a new login.
    """

    number: signal.Signals | None
    requests: int
    seconds: float

    @contextlib.contextmanager
    def awaits(self, process: subprocess.Popen[bytes], served: account.Account) -> Iterator[None]:
        """Send the signal when it is time; end for good what hangs."""
        over, hung = threading.Event(), threading.Event()
        wanted = served.arrivals + self.requests

        def end() -> None:
            hung.set()
            process.kill()

        def watch() -> None:
            if self.number is None:
                return
            while served.arrivals < wanted:
                if over.wait(LOOK_SECONDS):
                    return
            if not over.wait(self.seconds):
                process.send_signal(self.number)

        timer, watcher = threading.Timer(HUNG_SECONDS, end), threading.Thread(target=watch, daemon=True)
        timer.start()
        watcher.start()
        try:
            yield
        finally:
            over.set()
            timer.cancel()
            watcher.join()
        if hung.is_set():
            message = f"a run of the target hung for {HUNG_SECONDS:.0f} s"
            raise FailedError(message)


class Pipeline:
    """A tap, the target and its folder; `bookmarks` is the last STATE."""

    def __init__(self, clock: Clock, to: account.Account, folder: Path, settings: Mapping[str, Any]) -> None:
        """Start from no STATE; `settings` beside what every run of the soak has."""
        self._clock = clock
        self._account = to
        self._folder = folder
        self._settings = {**common(to.url), **settings}
        self.data_dir = Path(self._settings["data_dir"])
        self.bookmarks: dict[str, int] = {}
        self.ends = Ends()

    def configure(self, **settings: Any) -> None:  # noqa: ANN401 - any setting
        """Change settings; None takes one away."""
        changed = {**self._settings, **settings}
        self._settings = {name: value for name, value in changed.items() if value is not None}

    def run(self, history: shop.History, chance: random.Random) -> int:
        """Run once, on all that happened by now, killed by chance; return the exit code."""
        drawn = chance.random()
        number = None
        if drawn < SHARE_KILLED + SHARE_ENDED:
            number = signal.SIGKILL if drawn < SHARE_KILLED else signal.SIGTERM
        doom = Doom(number, chance.randrange(MOST_REQUESTS), chance.random() * MOST_SECONDS)
        code = self._run(history, doom)
        self.ends.codes[code] += 1
        if code not in EXPECTED:
            self.ends.unexpected.append(f"exit {code}: {self._words()}")
        if code == 1:
            told = json.loads((self.data_dir / "last-run.json").read_bytes())
            self.ends.sentences.update(told["codes"])
        return code

    def _run(self, history: shop.History, doom: Doom) -> int:
        (self._folder / "config.json").write_text(json.dumps(self._settings))
        with (self._folder / "errors.log").open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command(self._clock, self._folder / "config.json"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=environment(),
            )
            with doom.awaits(process, self._account):
                output = _talk(process, b"".join(history.lines(self.bookmarks, self._clock.time())))
        if process.returncode < 0:
            self._clock.outlast_requests()
        whole = [text for text in output.splitlines(keepends=True) if text.endswith(b"\n")]
        if whole:
            self.bookmarks = shop.bookmarks_in(whole[-1])
        return process.returncode

    def _words(self) -> str:
        return (self._folder / "errors.log").read_text(errors="replace")[-LAST_WORDS:]


def common(url: str) -> dict[str, Any]:
    """Return the settings of every run of the soak."""
    return {
        "api_url": url,
        "source": "shop",
        "rules": shop.RULES,
        "plan": "team",
        "timezone": "Europe/Berlin",
        **account.CLIENT,
    }


def command(clock: Clock, config: Path) -> list[str]:
    """Return the command of the target on that clock."""
    return [sys.executable, "-m", "benchmarks.soak.child", str(clock.path), "--config", str(config)]


def _talk(process: subprocess.Popen[bytes], given: bytes) -> bytes:
    """Feed a process from a thread, and return what it wrote."""

    def feed(pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError):
            pipe.write(given)
        with contextlib.suppress(OSError):
            pipe.close()

    if process.stdin is None or process.stdout is None:
        message = "the target has no pipes"
        raise FailedError(message)
    feeder = threading.Thread(target=feed, args=(process.stdin,), daemon=True)
    feeder.start()
    with process.stdout:
        output = process.stdout.read()
    process.wait()
    feeder.join()
    return output
