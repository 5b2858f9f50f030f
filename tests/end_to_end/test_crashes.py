"""Killed at any instant and started again: nothing is lost, STATE was never ahead, little is doubled."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import forked
import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

STEPS = ("intent written", "sent", "answered", "outcome written", "dead letter written", "STATE printed")
EVENTS = 60
KILLS = 12
ENDED = frozenset({0, 3})
"""Exit codes of a run that settled all; 3 where the last piece was only set aside."""
DRIVER = """
import os, signal, sys, time
from target_zendesk_events.target import TargetZendeskEvents

class Doomed(TargetZendeskEvents):
    left = {count}
    def reached(self, step):
        if step == {step!r}:
            Doomed.left -= 1
            if Doomed.left == 0:
                time.sleep(0.02 if step == "sent" else 0)
                os.kill(os.getpid(), signal.SIGKILL)

Doomed.cli()
"""


def messages(after: int) -> bytes:
    """Return what the tap sends from a STATE on, the boundary record again; every tenth cannot be mapped."""
    lines = [support.schema("orders")]
    for number in range(max(after, 0), EVENTS):
        kind = None if number % 10 == 9 else "order_paid"
        lines += [support.record("orders", number, kind=kind), support.state({"upto": number})]
    return support.lines(lines)


class Trial:
    """A pipeline that is started again and again until it ends by itself; the playground is the judge."""

    def __init__(self, playground: Playground, folder: Path, policy: str, **settings: Any) -> None:
        """Start from no STATE."""
        self.playground = playground
        self.folder = folder
        self.upto = -1
        self.kills = 0
        self.in_flight = 4
        plain = {"max_in_flight": self.in_flight, "batch_size_rows": 10, "on_unknown_outcome": policy}
        self.config = folder / "config.json"
        self.config.write_text(json.dumps(support.config(playground.url, folder, **plain, **settings)))

    def run(self, command: list[str], kill_after: float | None = None) -> int:
        """Run once, killed after so many seconds if at all; check and take over the last STATE."""
        process = forked.Popen(
            [*command, "--config", str(self.config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
        )
        if kill_after is not None:
            timer = time.monotonic() + kill_after
            try:
                out, err = process.communicate(self.messages(), timeout=max(0.0, timer - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                out, err = process.communicate()
        else:
            out, err = process.communicate(self.messages(), timeout=90)
        self.kills += process.returncode == -signal.SIGKILL
        assert process.returncode in {*ENDED, -signal.SIGKILL}, err.decode()[-2000:]
        states = [json.loads(line)["upto"] for line in out.decode().splitlines() if line.endswith("}")]
        self.upto = max([self.upto, *states])
        self.check_state()
        return process.returncode

    def messages(self) -> bytes:
        """Return what the tap sends from the last STATE on."""
        return messages(self.upto)

    def settled(self) -> Counter[int]:
        """Count the events on timelines, and the dead letters, by record."""
        stored = Counter(event.body["event"]["properties"]["number"] for event in self.playground.events())
        letters = [one for path in self.folder.glob("data/dead-letters/*.singer") for one in support.letters_of(path)]
        return stored + Counter({letter["record"]["id"]: 1 for letter in letters})

    def check_state(self) -> None:
        """STATE was never ahead."""
        assert set(range(self.upto + 1)) <= set(self.settled())

    def doubled(self) -> int:
        """Count the events that stand on a timeline more than once."""
        stored = Counter(event.body["event"]["properties"]["number"] for event in self.playground.events())
        return sum(count - 1 for count in stored.values())


@pytest.mark.server
def test_killed_at_a_step(tmp_path: Path) -> None:
    """Killed at any step of an event's life, it loses nothing, claims nothing, and shows nothing twice."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda step: kill_at(step, tmp_path / step), STEPS))


def kill_at(step: str, folder: Path) -> None:
    """Kill the process when a step is done for the first time, and when for the second; then let it end."""
    folder.mkdir()
    with Playground(delay=0.05) as playground:
        trial = Trial(playground, folder, "verify")
        for count in (1, 2):
            driver = [sys.executable, "-c", DRIVER.format(step=step, count=count)]
            assert trial.run(driver) == -signal.SIGKILL, step
        assert trial.run(support.TARGET) in ENDED, step
        assert set(trial.settled()) == set(range(EVENTS)), step
        assert trial.doubled() == 0, step


@pytest.mark.server
@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
def test_killed_at_random_moments(policy: str, tmp_path: Path) -> None:
    """Killed many times while Zendesk stumbles, it loses nothing; `retry` alone doubles, once a request in flight."""
    random_moments = random.Random(7)  # noqa: S311 - moments, no secret
    with Playground(delay=0.1) as playground:
        playground.set_faults(Fault(status=500, store=True, every=9, count=6), Fault(drop="after", every=14, count=4))
        trial = Trial(playground, tmp_path, policy)
        for _ in range(60):
            if trial.kills >= KILLS or trial.run(support.TARGET, 0.6 + random_moments.random() * 0.8) in ENDED:
                break
        assert trial.run(support.TARGET) in ENDED
        hits = sum(fault["hits"] for fault in playground.faults())
        assert hits > 0
        assert trial.kills > 0
        assert set(trial.settled()) == set(range(EVENTS))
        if policy == "retry":
            assert 0 < trial.doubled() <= trial.kills * trial.in_flight + hits
        else:
            assert trial.doubled() == 0


def test_events_without_a_time_show_once_too(tmp_path: Path) -> None:
    """Stamped with the time of their claim, they are read back like any other after a kill in the middle."""
    rule = {**support.RULE, "event": {"type": "order_paid", "properties": {"number": "{{ id }}"}}}
    with Playground(delay=0.05) as playground:
        trial = Trial(playground, tmp_path, "verify", rules=[rule])
        for step, count in (("sent", 3), ("answered", 5)):
            driver = [sys.executable, "-c", DRIVER.format(step=step, count=count)]
            assert trial.run(driver) == -signal.SIGKILL
        assert trial.run(support.TARGET) == 0
        assert trial.settled() == Counter(range(EVENTS))
