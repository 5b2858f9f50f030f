"""When a contender is killed: at random, at the same places of the input for all in one run."""

from __future__ import annotations

import dataclasses
import random

LONGEST_DELAY_SECONDS = 0.2


@dataclasses.dataclass(frozen=True, slots=True)
class Kill:
    """A SIGKILL so many seconds after so many different events are stored."""

    mark: int
    delay: float


def draw(events: int, count: int, seed: int) -> tuple[Kill, ...]:
    """Return so many kills, spread over the first nine tenths of the events."""
    chance = random.Random(f"kills {seed}")  # noqa: S311 - to be the same again, not to be secret
    marks = sorted(chance.sample(range(1, max(count + 1, events * 9 // 10)), count))
    return tuple(Kill(mark, chance.uniform(0, LONGEST_DELAY_SECONDS)) for mark in marks)
