"""What goes next, and when: retries that are due and lanes that are free, as rate, circuit, brake and token allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from target_zendesk_events.delivery.credentials import Credentials
from target_zendesk_events.delivery.in_flight import InFlight
from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.lookout import Lookout
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.delivery.waiting import Waiting
from target_zendesk_events.errors import TargetError
from target_zendesk_events.limits.brakes import Quota
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limit import RateLimit

SECONDS_TO_ASK_AGAIN: Final = 0.5
"""For the outcome of a shipment that another run has claimed."""


class Departures:
    """Picks the shipments whose requests may start now; times are of the monotonic clock."""

    def __init__(  # noqa: PLR0913, PLR0917 - values, not owners
        self,
        lanes: Lanes[OpenShipment],
        in_flight: InFlight,
        credentials: Credentials,
        renewal: Renewal,
        rate_limit: RateLimit,
        outage: Outage,
        suspicion: Suspicion[OpenShipment],
        lookout: Lookout,
        quota: Quota,
        max_in_flight: int,
    ) -> None:
        """Let `max_in_flight` requests be under way at once."""
        self._lanes = lanes
        self._in_flight = in_flight
        self._credentials = credentials
        self._renewal = renewal
        self._rate_limit = rate_limit
        self._outage = outage
        self._suspicion = suspicion
        self._lookout = lookout
        self._quota = quota
        self._max_in_flight = max_in_flight
        self._waiting: Waiting[OpenShipment] = Waiting()
        self._busy: dict[OpenShipment, float] = {}
        self._blocked_since: float | None = None
        self.input_ended = False
        """Whether no more will come than is in the lanes."""
        self.is_braked = False
        """Whether a shipment could not go, the last time, for want of a place in the quota."""

    def put_off(self, shipment: OpenShipment, until: float) -> None:
        """Have a shipment that left its lane's head wait; it holds its lane, and no slot."""
        self._waiting.add(shipment, until)

    def ask_again(self, shipment: OpenShipment, now: float) -> None:
        """Have a shipment wait that another run has claimed."""
        self._busy.setdefault(shipment, now)
        self.put_off(shipment, now + SECONDS_TO_ASK_AGAIN)

    def send(self, shipment: OpenShipment, now: float, may_go: Callable[[], bool]) -> None:
        """Start a shipment's request; `may_go` is asked in the last moment before."""
        self._busy.pop(shipment, None)
        self._outage.note_start(shipment)
        self._suspicion.note_sent(shipment, now)
        self._in_flight.send(shipment, now, may_go)

    def leave(self, shipment: OpenShipment) -> None:
        """Let a shipment leave: it was settled, or given up."""
        self._busy.pop(shipment, None)
        self._lanes.leave(shipment)
        self._waiting.discard(shipment)
        self._suspicion.discard(shipment)

    @property
    def any_next(self) -> bool:
        """Whether any shipment has yet to go, now or after its wait."""
        return bool(self._waiting) or self._lanes.has_ready()

    def pick(self, now: float) -> list[OpenShipment]:
        """Return the shipments that go now, each with a place in the rate and in the quota; asks for a token first."""
        self.is_braked = False
        if not self.any_next:
            return []
        self._credentials.renew(now)
        if self._renewal.blocks:
            return []
        in_flight = len(self._in_flight)
        due = len(self._waiting) if self._waiting.next_at <= now else 0
        wanted = min(self._most() - in_flight, due + self._lanes.count_ready())
        if not self._outage.may_start(in_flight, now) or wanted <= 0:
            return []
        places = self._rate_limit.grant(now, wanted)
        picked: list[OpenShipment] = []
        while len(picked) < places and self._outage.may_start(in_flight + len(picked), now):
            shipment = self._next(now)
            if shipment is None:
                break
            shipment.has_quota = shipment.has_quota or self._quota.take()
            if not shipment.has_quota:
                self._lanes.give_back(shipment)
                self.is_braked = True
                break
            picked.append(shipment)
        return picked

    def next_at(self, now: float) -> float:
        """Return when to pick again as far as the clock decides; infinity where only an answer helps."""
        if not self.any_next:
            return self._lookout.next_at
        return min(self._lookout.next_at, self._renewal.asks_at(now), self._requests_at(now), self.reads_at(now))

    def reads_at(self, now: float) -> float:
        """Return when a read is to tell whose fault a refusal is, as the limit allows; infinity where others will."""
        may_come = not self.input_ended or self._lanes.has_ready() or self._waiting.next_at < math.inf
        wanted_at = self._suspicion.reads_at(more_may_come=may_come)
        free_at = self._rate_limit.free_at(max(now, wanted_at)) if wanted_at < math.inf else None
        return math.inf if free_at is None else max(wanted_at, free_at, self._outage.probe_at)

    def brake(self) -> TargetError | None:
        """Return what ends the run where nothing may go for want of a place; what has one is settled first."""
        if self.is_braked and not any(one.has_quota for one in self._lanes):
            return self._quota.error()
        return None

    def waited(self, now: float, *, is_over: bool) -> float:
        """Return the seconds since the last call in which a shipment could have gone but for the account's limit.

        Says what is waited for, unless the run `is_over`.
        """
        seconds = 0.0 if self._blocked_since is None else now - self._blocked_since
        is_ready = self._lanes.has_ready() or self._waiting.next_at <= now
        self._blocked_since = now if is_ready and not is_over and self._rate_limit.free(now) <= 0 else None
        if not is_over:
            self._lookout.look(now, any_next=self.any_next, busy=self._busy)
        return seconds

    def _most(self) -> int:
        return 1 if self._suspicion.is_open else self._max_in_flight

    def _next(self, now: float) -> OpenShipment | None:
        """Return what goes next: a retry that is due, else the earliest; a probe tries what was never tried first."""
        if self._outage.is_open and self._lanes.has_ready():
            return self._lanes.next()
        shipment = self._waiting.pop(now)
        if shipment is not None:
            return shipment
        return self._lanes.next() if self._lanes.has_ready() else None

    def _requests_at(self, now: float) -> float:
        in_flight, outage = len(self._in_flight), self._outage
        if in_flight >= self._most() or self._renewal.blocks:
            return math.inf
        wanted_at = now if self._lanes.has_ready() and not self.is_braked else self._waiting.next_at
        free_at = self._rate_limit.free_at(max(now, wanted_at))
        if free_at is None or not outage.may_start(in_flight, max(now, outage.probe_at)):
            return math.inf
        return max(wanted_at, free_at, outage.probe_at)
