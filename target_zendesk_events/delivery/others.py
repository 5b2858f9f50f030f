"""Says which other run holds what this run has to wait for, since when and until when."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from typing import Final

from target_zendesk_events.ledger.ledger import Holder

logger = logging.getLogger("target-zendesk-events")

SECONDS_OF_SILENCE: Final = 3.0
SECONDS_UNTIL_FORGOTTEN: Final = 2.0
"""What is held is asked for again every half second: where nothing was, for so long, the wait is over."""


@dataclasses.dataclass(slots=True)
class _Wait:
    since: float
    last_at: float
    told_at: float


class Others:
    """The waits for other runs; times are of the monotonic clock."""

    def __init__(self) -> None:
        """Wait for none."""
        self._waits: dict[str, _Wait] = {}

    def note(self, holder: Holder, now: float) -> None:
        """A shipment cannot go yet, since another run has claimed it: say so after a while, and ever more seldom."""
        wait = self._waits.get(holder.run)
        if wait is None or now > wait.last_at + SECONDS_UNTIL_FORGOTTEN:
            wait = self._waits[holder.run] = _Wait(now, now, now + SECONDS_OF_SILENCE)
        wait.last_at = now
        if now >= wait.told_at:
            wait.told_at = now + max(now - wait.since, SECONDS_OF_SILENCE) * 2
            logger.warning(
                "waiting for another run, %s, under way since %s: it has claimed what is to be sent next, "
                "and holds it until %s, or longer if it lives",
                holder.run,
                _utc(holder.since),
                _utc(holder.until),
            )


def _utc(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
