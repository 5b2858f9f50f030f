"""Which answers get lost and which are errors: drawn by the seed, alike for every contender."""

from __future__ import annotations

import dataclasses
import enum
import random


class Fate(str, enum.Enum):
    """What becomes of a request."""

    SERVED = "served"
    LOST = "lost"
    """Carried out, and then the connection is closed in place of an answer."""
    FAILED = "failed"
    """Answered with a 500, and not carried out."""


@dataclasses.dataclass(frozen=True, slots=True)
class Weather:
    """How many of a server's answers are lost, and how many are errors: shares of 1."""

    seed: int
    lost: float = 0.10
    failed: float = 0.05

    def fate(self, what: str, attempt: int) -> Fate:
        """Return the fate of the n-th request for something: the same for all that send it."""
        drawn = random.Random(f"{self.seed} {what} {attempt}").random()  # noqa: S311 - to be the same again
        if drawn < self.lost:
            return Fate.LOST
        return Fate.FAILED if drawn < self.lost + self.failed else Fate.SERVED
