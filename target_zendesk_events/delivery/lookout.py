"""Says what a run waits for: when a wait has lasted a moment, again at growing intervals, and when it is over."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Mapping
from typing import Final

from target_zendesk_events.delivery.shipment import OpenShipment, Suspect
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.ledger.ledger import Holder
from target_zendesk_events.limits.outage import LAST_MOMENT, Outage

logger = logging.getLogger("target-zendesk-events")

SECONDS_TO_FIRST_WORD: Final = 1.5
SECONDS_TO_SECOND_WORD: Final = 10.0
MAX_SECONDS_BETWEEN_WORDS: Final = 300.0
SECONDS_APART: Final = 60.0
"""After so long without one, a wait is a new one."""
SECONDS_OF_A_LONG_FLOOR: Final = 5.0
"""A floor nearer than this may be the minute's own, which the progress tells."""


class Words:
    """When to say something of a wait, as a pure function of the times it is told."""

    def __init__(self) -> None:
        """Wait for nothing."""
        self._since: float | None = None
        self._was_said = False
        self._over_at = -math.inf
        self._pause = SECONDS_TO_SECOND_WORD
        self.next_at = math.inf
        """When there is something to say next, while a wait lasts."""

    def note(self, now: float, since: float | None) -> float | None:
        """Note a wait that began at `since`, None for none; return how long it lasted if it is to be told of now.

        A wait that follows another without a moment between is the same one. One that is over is told of if it was.
        One that comes soon after another, as where every other request fails, is told of as late as its next word.
        """
        if since is None:
            lasted = now - self._since if self._since is not None and self._was_said else None
            if lasted is not None:
                self._over_at = now
            self._since, self._was_said, self.next_at = None, False, math.inf
            return lasted
        if self._since is None:
            self._since = since
            is_new = since - self._over_at >= SECONDS_APART
            self._pause = SECONDS_TO_SECOND_WORD if is_new else self._pause
            self.next_at = since + (SECONDS_TO_FIRST_WORD if is_new else self._pause)
        if now < self.next_at:
            return None
        self._was_said = True
        self.next_at = now + self._pause
        self._pause = min(self._pause * 2, MAX_SECONDS_BETWEEN_WORDS)
        return now - self._since


class Lookout:
    """Looks at what holds sending back; times are of the monotonic clock."""

    def __init__(self, outage: Outage, suspicion: Suspicion[Suspect], wall: Callable[[], float]) -> None:
        """Tell times by the epoch clock `wall`."""
        self._outage = outage
        self._suspicion = suspicion
        self._wall = wall
        self._words = Words()
        self._floor_since: float | None = None

    @property
    def next_at(self) -> float:
        """When to look again at the latest."""
        return self._words.next_at

    def look(self, now: float, *, floor: float, busy: Mapping[OpenShipment, float]) -> None:
        """Say what is to be said of a wait: until `floor`, or for another's claim, `busy` by shipment since when."""
        since, words = self._wait(now, floor, busy)
        lasted = self._words.note(now, since)
        if lasted is not None:
            logger.warning("%s", words or f"the wait is over after {lasted:.0f} s: sending goes on")

    def _wait(self, now: float, floor: float, busy: Mapping[OpenShipment, float]) -> tuple[float | None, str]:
        """Return since when sending waits, and for what; None and nothing where it does not."""
        if floor > now + (SECONDS_OF_A_LONG_FLOOR if self._floor_since is None else 0.0):
            self._floor_since = now if self._floor_since is None else self._floor_since
            cause = self._outage.cause or "as another run on this ledger was told"
            until = self._time(floor, now)
            return (
                self._floor_since,
                f"Zendesk asks to wait ({cause}): nothing that takes the same limit is sent until {until}",
            )
        self._floor_since = None
        if self._outage.since is not None:
            until = self._time(self._outage.gives_up_at, now)
            return self._outage.since, (
                f"Zendesk takes nothing ({self._outage.cause}): tried again until {until}, "
                "max_outage_seconds after the first failure; then the run stops, STATE is safe"
            )
        if self._suspicion.quiet_since is not None:
            return self._suspicion.quiet_since, (
                f"a request was refused ({self._suspicion.refusal}), and nothing else is to be sent that would show "
                "whose fault it is: a read will, ten seconds after the refusal"
            )
        if busy:
            waits = "1 thing to send waits" if len(busy) == 1 else f"{len(busy):,} things to send wait"
            holder = next((one.holder for one in busy if one.holder is not None), None)
            return min(busy.values()), (
                f"{waits} for a claim in the ledger, {_whose(holder)}: looked at twice a second"
            )
        return None, ""

    def _time(self, moment: float, now: float) -> str:
        return _utc(min(self._wall() + moment - now, LAST_MOMENT))


def _whose(holder: Holder | None) -> str:
    """Say who holds it: another run since when and until when, or nobody that the ledger names."""
    if holder is None:
        return "by an equal one of this run, or for the last places of the day or month, which other runs hold"
    return (
        f"by another run, {holder.run}, under way since {_utc(holder.since)}, "
        f"until {_utc(holder.until)} unless it goes on"
    )


def _utc(epoch: float) -> str:
    return f"{dt.datetime.fromtimestamp(epoch, dt.timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
