"""Requests a minute as bars: how high each stands, and what a sentence says of them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTES = 60
LOWEST_SHARE = 0.25
"""Of the limit: bars that stay below it are drawn without it, or they could not be seen."""
SCALES = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Minute:
    """A minute's requests, told apart by whether they were refused."""

    begins: datetime
    answered: int
    refused: int

    @property
    def requests(self) -> int:
        """All of them."""
        return self.answered + self.refused


@dataclass(frozen=True)
class Chart:
    """An hour of minutes, oldest first; `top` is the number at its upper edge, `limit` none where it is not drawn."""

    minutes: list[Minute]
    top: int
    limit: int | None

    @property
    def busiest(self) -> Minute:
        """The minute with the most requests, the last of several."""
        return max(reversed(self.minutes), key=lambda one: one.requests)

    @property
    def refused(self) -> int:
        """How many were refused in that hour."""
        return sum(one.refused for one in self.minutes)

    @property
    def requests(self) -> int:
        """How many there were in that hour."""
        return sum(one.requests for one in self.minutes)


def chart(counts: Mapping[datetime, tuple[int, int]], last: datetime, limit: int) -> Chart:
    """Return the hour that ends with the minute of `last`; `counts` has what was answered and refused by minute."""
    end = last.replace(second=0, microsecond=0)
    begins = [end - timedelta(minutes=back) for back in range(MINUTES - 1, -1, -1)]
    minutes = [Minute(one, *counts.get(one, (0, 0))) for one in begins]
    highest = max(one.requests for one in minutes)
    shows_limit = bool(limit) and highest >= limit * LOWEST_SHARE
    return Chart(minutes, _round_up(max(highest, limit if shows_limit else 0)), limit if shows_limit else None)


def _round_up(number: int) -> int:
    """Return the next number that reads well on an axis."""
    size = 10 ** (len(str(number)) - 1)
    return next(int(size * scale) for scale in SCALES if size * scale >= number)
