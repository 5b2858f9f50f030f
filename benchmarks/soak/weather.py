"""What Zendesk, and the way to it, are like at a time: drawn from a seed, hour by hour."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.soak.clock import Clock
from target_zendesk_events.playground.faults import KINDS, Fault
from target_zendesk_events.playground.server import Playground

HOUR: Final = 3600.0
SHARE_FAIR: Final = 0.3
"""Of the spells."""
LOOK_SECONDS: Final = 0.005
SPELLS: Final = ("storm", "lost", "limit", "outage", "slow", "silent", "door", "jobs", "reads")


class Weather:
    """Sets an account's faults by the clock."""

    def __init__(self, playground: Playground, clock: Clock, seed: int) -> None:
        """Begin fair."""
        self._playground = playground
        self._clock = clock
        self._seed = seed
        self._spell = "fair"
        self.hits: Counter[str] = Counter()
        """How many requests met a fault, by spell."""

    def look(self) -> None:
        """Set what goes wrong now."""
        self._turn(spell_at(self._seed, self._clock.time()))

    def clear_up(self) -> None:
        """Be fair."""
        self._turn("fair")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look all the time, from a thread."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK_SECONDS):
                self.look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _turn(self, spell: str) -> None:
        if spell != self._spell:
            self.hits[self._spell] += sum(fault["hits"] for fault in self._playground.faults())
            self._playground.set_faults(*faults(spell, self._seed))
            self._spell = spell


def spell_at(seed: int, moment: float) -> str:
    """Return what the weather is like at a time, in epoch seconds.

    One spell comes in two hours at the most, and lasts half an hour to an hour and a half.
    """
    number = int(moment // (2 * HOUR))
    drawn = random.Random(f"{seed} {number}")  # noqa: S311 - repeatable chance, no secret
    spell = "fair" if drawn.random() < SHARE_FAIR else drawn.choice(SPELLS)
    begins, lasts = drawn.random() * HOUR / 2, (drawn.random() + 0.5) * HOUR
    inside = moment % (2 * HOUR)
    return spell if begins <= inside < begins + lasts else "fair"


def faults(spell: str, seed: int) -> list[Fault]:
    """Return what goes wrong in a spell."""
    often: dict[str, Any] = {"count": None, "probability": 0.3, "seed": seed}
    seldom: dict[str, Any] = {**often, "probability": 0.1}
    known: dict[str, list[Fault]] = {
        "fair": [],
        "storm": [*_but_tokens(status=500, store=True, **seldom), Fault(on="any", status=502, **often)],
        "lost": [*_but_tokens(drop="after", **often), Fault(on="any", drop="before", reset=False, **seldom)],
        "limit": [Fault(on="any", status=429, retry_after=45, **often)],
        "outage": [Fault(on="any", status=503, count=None)],
        "slow": [Fault(on="any", answer_delay=7, **often)],
        "silent": _but_tokens(answer_delay=90, **seldom),
        "door": [Fault(on="token", status=500, **often), Fault(on="me", status=500, **often)],
        "jobs": [
            Fault(on="jobs", job="killed", **often),
            Fault(on="jobs", drop="after", **often),
            Fault(on="job_statuses", status=503, **often),
        ],
        "reads": [Fault(on="events", drop="after", **often), Fault(on="reads", status=500, **often)],
    }
    return known[spell]


def _but_tokens(**values: Any) -> list[Fault]:  # noqa: ANN401 - any of a fault's
    """Return faults that lose answers; not a token's, for a refresh token whose answer is lost is used up for good."""
    return [Fault(on=kind, **values) for kind in KINDS if kind not in {"any", "token"}]
