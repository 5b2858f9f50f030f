"""Killed at any instant with things of all kinds under way, and started again: nothing is lost, little is doubled."""

from __future__ import annotations

import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mixture
import pytest
import support
from test_crashes import DRIVER, ENDED, Trial

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

STEPS = (
    "intent written",
    "sent",
    "answered",
    "job started",
    "job ended",
    "outcome written",
    "dead letter written",
    "STATE printed",
)
RECORDS = 70
KILLS = 10
CUSTOMERS = [f"c{number}" for number in range(5)]


class MixedTrial(Trial):
    """A pipeline of all kinds that is started again and again; the playground is the judge."""

    def __init__(self, playground: Playground, folder: Path, policy: str, **settings: Any) -> None:
        """Start from no STATE."""
        mixture.account(playground, *CUSTOMERS)
        super().__init__(
            playground, folder, policy, rules=mixture.RULES, support_requests_per_minute=100_000, **settings
        )

    def messages(self) -> bytes:
        """Return what the tap sends from the last STATE on, the boundary record again."""
        return support.lines(list(mixture.mixed(max(self.upto, 0), RECORDS)))

    def settled(self) -> Counter[int]:
        """Count what Zendesk has of each record, and the dead letters."""
        found = Counter({number: count for (_, number), count in mixture.stored(self.playground).items()})
        letters = (one for path in self.folder.glob("data/dead-letters/*.singer") for one in support.letters_of(path))
        return found + Counter({letter["record"]["id"]: 1 for letter in letters})

    def check_state(self) -> None:
        """STATE was never ahead: of events, tickets and subscriptions each is there; profiles are merged on users."""
        assert owed(self.upto + 1) <= set(self.settled())

    def doubled(self) -> int:
        """Count the events and tickets that are there more than once."""
        return sum(count - 1 for count in mixture.stored(self.playground).values())


def owed(upto: int) -> set[int]:
    """Return the records that leave a trace of their own: all but the customers' profiles."""
    return {number for number in range(upto) if number % 7 != 1}


@pytest.mark.server
def test_killed_at_a_step(tmp_path: Path) -> None:
    """Killed at any step of a thing's life, jobs' steps among them, it loses nothing and shows nothing twice."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda step: kill_at(step, tmp_path / step), STEPS))


def kill_at(step: str, folder: Path) -> None:
    """Kill the process when a step is done for the first time, and when for the second; then let it end."""
    folder.mkdir()
    with Playground(delay=0.05, job_seconds=0.3) as playground:
        trial = MixedTrial(playground, folder, "verify")
        for count in (1, 2):
            driver = [sys.executable, "-c", DRIVER.format(step=step, count=count)]
            assert trial.run(driver) == -signal.SIGKILL, step
        assert trial.run(support.TARGET) in ENDED, step
        assert set(trial.settled()) >= owed(RECORDS), step
        assert trial.doubled() == 0, step


def faults() -> Iterator[Fault]:
    """Yield what Zendesk stumbles over."""
    yield Fault(status=500, store=True, every=9, count=4)
    yield Fault(on="tickets", method="POST", status=500, store=True, every=5, count=3)
    yield Fault(on="jobs", drop="after", every=3, count=3)
    yield Fault(on="jobs", job="killed", every=4, count=2)
    yield Fault(on="job_statuses", status=503, every=5, count=4)
    yield Fault(on="users", status=500, count=2)


@pytest.mark.server
@pytest.mark.parametrize("policy", ["verify", "hold"])
def test_killed_at_random_moments(policy: str, tmp_path: Path) -> None:
    """Killed many times while Zendesk stumbles, it loses nothing, and doubles neither event nor ticket."""
    moments = random.Random(11)  # noqa: S311 - moments, no secret
    with Playground(delay=0.1, job_seconds=0.4) as playground:
        playground.set_faults(*faults())
        trial = MixedTrial(playground, tmp_path, policy)
        for _ in range(60):
            if trial.kills >= KILLS or trial.run(support.TARGET, 0.7 + moments.random() * 1.2) in ENDED:
                break
        assert trial.run(support.TARGET) in ENDED
        assert trial.kills > 0
        assert sum(fault["hits"] for fault in playground.faults()) > 0
        assert set(trial.settled()) >= owed(RECORDS)
        assert trial.doubled() == 0


@pytest.mark.server
def test_what_was_in_a_job_of_a_run_that_died_is_sent_again(tmp_path: Path) -> None:
    """The job of the first run ends by itself; what it held goes once more, and none of it is lost."""
    driver = [sys.executable, "-c", DRIVER.format(step="job started", count=1)]
    with Playground(job_seconds=3.0) as playground:
        trial = MixedTrial(playground, tmp_path, "hold")
        assert trial.run(driver) == -signal.SIGKILL
        held = {item["external_id"] for job in playground.jobs() for item in job["items"]}
        assert held
        assert trial.run(support.TARGET) in ENDED
        again = Counter(item["external_id"] for job in playground.jobs() for item in job["items"])
        alone = Counter(one.query.rpartition("=")[2] for one in playground.requests() if one.method == "PATCH")
        assert all(again[one] + alone[one] > 1 for one in held)
        assert set(trial.settled()) >= owed(RECORDS)
