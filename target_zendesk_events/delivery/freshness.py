"""When a record of each stream was last settled: known at once, and told to the ledger at most once a second. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SECONDS_BETWEEN_NOTES: Final = 1.0


class Freshness:
    """Times are epoch seconds by the ledger's clock."""

    def __init__(self) -> None:
        """Know of no stream."""
        self._pending: dict[str, float] = {}
        self._taken_at = 0.0

    def settle(self, streams: Iterable[str], now: float) -> None:
        """A record of each of these streams is settled now."""
        self._pending.update(dict.fromkeys(streams, now))

    def is_due(self, now: float) -> bool:
        """Tell whether something is to be told, and the last time was a while ago, or lies ahead."""
        return bool(self._pending) and not 0 <= now - self._taken_at < SECONDS_BETWEEN_NOTES

    def take(self, now: float, *, last: bool) -> dict[str, float]:
        """Return what is to be told now, the time of each stream; of the `last`, whatever was not told yet."""
        if not last and not self.is_due(now):
            return {}
        pending, self._pending, self._taken_at = self._pending, {}, now
        return pending

    @property
    def is_pending(self) -> bool:
        """Whether something was not told yet."""
        return bool(self._pending)
