"""The rate that works where others draw on the same account: lowered by what answers tell, it creeps back by itself.

The way back is a cubic curve, as TCP's is (RFC 9438): fast up to where the wall was, slow past it, then ever faster.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

SHARE_AFTER_LIMIT: Final = 0.97
"""Of the places that worked, so many are used after a 429: a neighbour that grows costs few more of them."""
GROWTH: Final = 0.0126
"""Of the account's limit, in the first minute past the wall; after n minutes it is n * n * n times as much."""
SECONDS_TO_RETURN: Final = 120.0
"""A 429 that comes alone, so long after the one before, is only obeyed."""
SECONDS_THAT_COST: Final = 50.0
"""A wait that keeps back for so long what could have gone is no measure of when there is room."""
TIMES_A_LOSS: Final = 12
LONGEST_SECONDS: Final = 1_800.0
TINY: Final = 1e-6
"""Of a place: what is reached at a moment is, whatever the moment was rounded to."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """An attempt's place: when it was taken, and as which of all."""

    taken_at: float
    number: int


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What the answer to an attempt tells of the limit; `remaining`, and the seconds to the `reset`, by its headers."""

    place: Place
    is_limited: bool = False
    remaining: int | None = None
    reset: float | None = None


class FoundRate:
    """How many attempts may hold a place, as a pure function of the times it is told; never more than `most`."""

    def __init__(self, most: int) -> None:
        """Allow `most` until an answer tells otherwise."""
        self.most = most
        self.wall = math.inf
        """The places that worked when that was last told; infinity while nothing was."""
        self.level_at = -math.inf
        """When those may be used again in full; from then on it is more."""
        self._lowered_at = -math.inf
        self._limited_at = -math.inf

    def places(self, now: float) -> int:
        """Return how many places may be taken at `now`, which may lie ahead; one at least."""
        if self.wall == math.inf:
            return self.most
        grown = self.wall + self._steepness * ((now - self.level_at) / 60) ** 3
        grown = max(grown, self.wall * SHARE_AFTER_LIMIT)
        return min(self.most, max(1, math.floor(min(grown, self.most) + TINY)))

    def reaches(self, places: int) -> float:
        """Return from when on so many places may be taken, if nothing more is told; infinity for more than `most`."""
        if places > self.most:
            return math.inf
        if places <= max(1, self.wall * SHARE_AFTER_LIMIT) or self.wall == math.inf:
            return -math.inf
        return self.level_at + 60 * _cube_root((places - self.wall) / self._steepness)

    def is_lower(self, now: float) -> bool:
        """Tell whether less is allowed than `most`."""
        return self.places(now) < self.most

    def note_limited(self, place: Place, now: float, held: int) -> None:
        """Note a 429 that came while `held` other attempts had a place, without an answer or taken in the last minute.

        One alone is only obeyed. One that was under way when the rate was lowered was counted as having a place.
        """
        is_alone = not self.is_lower(now) and now - self._limited_at > SECONDS_TO_RETURN
        self._limited_at = now
        if place.taken_at < self._lowered_at:
            self._lower(self.wall - 1, now)
        elif not is_alone:
            self._lower(min(held, self.places(now)), now)

    def note_wall(self, worked: int, now: float) -> None:
        """Note that headers tell of no room beside the places that `worked`."""
        if worked < self.places(now):
            self.wall, self.level_at, self._lowered_at = max(1, worked), now, now

    def note_lost(self, seconds: float, now: float) -> None:
        """Note that the 429 of just now keeps back for so long what could have gone.

        One that tells when there is room costs next to nothing. After one that costs a minute the wall is not sought
        again before twelve times as long.
        """
        if self._lowered_at == now and seconds >= SECONDS_THAT_COST:
            self.level_at = max(self.level_at, now + min((1 + TIMES_A_LOSS) * seconds, LONGEST_SECONDS))

    def take_over(self, wall: float, level_at: float, now: float) -> None:
        """Take over what others found; what lies too far ahead is of a clock that was, and counts as nothing."""
        wall = wall if level_at <= now + 2 * LONGEST_SECONDS else math.inf
        if wall < self.wall:
            self._lowered_at = now
        self.wall, self.level_at = wall, level_at

    def _lower(self, wall: float, now: float) -> None:
        self.wall = max(1, wall)
        self.level_at = now + 60 * _cube_root((1 - SHARE_AFTER_LIMIT) * self.wall / self._steepness)
        self._lowered_at = now

    @property
    def _steepness(self) -> float:
        return GROWTH * max(1, self.most)


def _cube_root(number: float) -> float:
    return math.copysign(abs(number) ** (1 / 3), number)
