"""The minutes of an account, one a bucket: each is kept full, and none hurts by another's `Retry-After`."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.limits.rate_limit import RateLimit


class RateLimits:
    """A rate limit for each bucket; times are of the monotonic clock."""

    def __init__(self, limits: Mapping[Bucket, RateLimit]) -> None:
        """Take one for each."""
        self._limits = dict(limits)

    def of(self, bucket: Bucket) -> RateLimit:
        """Return the limit of one bucket."""
        return self._limits[bucket]

    @property
    def note_at(self) -> float:
        """When others are to be told next of what was used."""
        return min(one.note_at for one in self._limits.values())

    def note(self, now: float) -> None:
        """Tell others, where it is time."""
        for one in self._limits.values():
            one.note(now)

    def close(self) -> None:
        """Tell others of all that was used."""
        for one in self._limits.values():
            one.close()

    def wait_until(self, moment: float, now: float) -> None:
        """Start nothing before `moment`, whatever its bucket: the account was asked to wait."""
        for one in self._limits.values():
            one.wait_until(moment, now)
