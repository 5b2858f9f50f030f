"""A run in this process over a bent stream: all that it says, and what must hold of every one."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import hypothesis
import support
from bending import MARK

FUZZ = "ZENDESK_EVENTS_TEST_FUZZ"
"""The variable that says how many runs the slow tests make, with examples that nobody drew before."""
RUNS = int(os.environ.get(FUZZ) or 2_000)
FEW = 40
"""How many a fast test makes."""
PARTS = 4
"""Into how many tests the many of one kind are cut, that processes may share them."""
LONGEST_SECONDS = 60
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of one's own in it


def try_many(what: Callable[..., None], share: float, part: int, **strategies: Any) -> None:
    """Call `what` with what strategies draw: so large a share of all runs, and of those one part."""
    tried = hypothesis.given(**strategies)(what)
    if FUZZ not in os.environ:
        tried = hypothesis.seed(part)(tried)  # a commit's examples are the same each time, and each part has its own
    hypothesis.settings(max_examples=max(1, round(RUNS * share / PARTS)))(tried)()


class Heard(logging.Handler):
    """Keeps all that is logged, at every level."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        if not record.name.startswith(("asyncio", "hypothesis")):
            self.lines.append(self.format(record))


def give_up(_: int, __: FrameType | None) -> None:
    """End a run that hangs."""
    raise TimeoutError


@contextlib.contextmanager
def listening(longest_seconds: float = LONGEST_SECONDS) -> Iterator[list[str]]:
    """Give all that is logged or written to standard error meanwhile; what takes too long is a hang."""
    heard, error, root = Heard(), io.StringIO(), logging.getLogger()
    level, former = root.level, signal.signal(signal.SIGALRM, give_up)
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    signal.setitimer(signal.ITIMER_REAL, longest_seconds)
    try:
        with contextlib.redirect_stderr(error):
            yield heard.lines
        heard.lines.append(error.getvalue())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        root.removeHandler(heard)
        root.setLevel(level)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder, in memory where there is one."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as path:
        yield Path(path)


def run(config: dict[str, Any], tap: bytes, on_state: Callable[[Any], None] = lambda _: None) -> support.Ended:
    """Run the target in this process, as `support.run_here`; no thread of it is left, and no signal rings its pipe."""
    try:
        return support.run_here(config, tap, on_state)
    finally:
        signal.set_wakeup_fd(-1)
        for thread in threading.enumerate():
            if thread.name.startswith("worker-"):
                thread.join()


def check_words(said: list[str], given: bytes, *others: str) -> None:
    """Nothing of a record was said, and no traceback; a name that mutations made of a value is a name."""
    shown = "\n".join([*said, *others])
    assert "Traceback" not in shown
    if MARK in shown and not re.search(rb'qzx7[^"]*"\s*:|"stream"\s*:\s*"[^"]*qzx7', given):
        raise AssertionError(shown[max(0, shown.find(MARK) - 300) :][:600])


def check_numbers(report: dict[str, Any]) -> None:
    """The numbers add up, for the run, each stream, each rule and each kind."""
    totals = report["totals"]
    streams = list(report["streams"].values())
    rules = [one for stream in streams for one in stream["rules"].values()]
    outcomes = ("delivered", "duplicate", "forgotten", "unknown_customer", "rejected", "held", "undelivered")
    for counts in (totals, *streams):
        assert counts["records"] == sum(counts[name] for name in ("invalid", "unmatched", "skipped", "matched"))
    for counts in (totals, *rules):
        assert counts["matches"] == sum(counts[name] for name in ("filtered", "too_old", "unmappable", "events"))
        assert counts["events"] == sum(counts[name] for name in outcomes)
        for name in ("events", *outcomes):
            assert counts[name] == sum(kind.get(name, 0) for kind in counts["kinds"].values())
