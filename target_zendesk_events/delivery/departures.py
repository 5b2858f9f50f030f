"""What goes next, and when: retries that are due and lanes that are free, as rate, circuit, brake and token allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from target_zendesk_events.delivery.credentials import Credentials
from target_zendesk_events.delivery.directory import Directory
from target_zendesk_events.delivery.in_flight import InFlight
from target_zendesk_events.delivery.jobs import Jobs
from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.line import Line
from target_zendesk_events.delivery.lookout import Lookout
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.delivery.shipment import OpenShipment, Suspect
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.delivery.waiting import Waiting
from target_zendesk_events.errors import TargetError
from target_zendesk_events.kinds.shipment import Batch, Bucket
from target_zendesk_events.limits.brakes import Quotas
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limits import RateLimits

SECONDS_TO_ASK_AGAIN: Final = 0.5
"""For the outcome of a shipment that another run has claimed, or of one that must go before."""


class Picked:
    """What was picked of one line, a list of shipments for each request."""

    def __init__(self) -> None:
        """Have nothing."""
        self.requests: list[list[OpenShipment]] = []
        self.ending: list[list[OpenShipment]] = []
        """Those of which it is known that no request goes out."""
        self._open: dict[Batch, list[OpenShipment]] = {}

    def has_room_for(self, shipment: OpenShipment) -> bool:
        """Tell whether a shipment can share one of the requests."""
        batch = shipment.batch
        return batch is not None and len(self._open.get(batch, ())) % batch.max_items > 0

    def add(self, shipment: OpenShipment) -> None:
        """Add one: to a request that it can share, else with its own."""
        if not self.has_room_for(shipment):
            self.requests.append([])
            if shipment.batch is not None:
                self._open[shipment.batch] = self.requests[-1]
        request = self.requests[-1] if shipment.batch is None else self._open[shipment.batch]
        request.append(shipment)


class Departures:
    """Picks the shipments whose requests may start now; times are of the monotonic clock."""

    def __init__(  # noqa: PLR0913, PLR0917 - values, not owners
        self,
        lanes: Lanes[OpenShipment],
        in_flight: InFlight,
        credentials: Credentials,
        renewal: Renewal,
        rate_limits: RateLimits,
        outage: Outage,
        suspicion: Suspicion[Suspect],
        lookout: Lookout,
        quotas: Quotas,
        jobs: Jobs,
        directory: Directory,
        max_in_flight: int,
    ) -> None:
        """Let `max_in_flight` requests be under way at once."""
        self._lanes = lanes
        self._in_flight = in_flight
        self._credentials = credentials
        self._renewal = renewal
        self._rate_limits = rate_limits
        self._outage = outage
        self._suspicion = suspicion
        self._lookout = lookout
        self._quotas = quotas
        self._jobs = jobs
        self._directory = directory
        self._max_in_flight = max_in_flight
        self._waiting: dict[Line, Waiting[OpenShipment]] = {line: Waiting() for line in Line}
        self._busy: dict[OpenShipment, float] = {}
        self._blocked: dict[Bucket, float] = {}
        self._turn = 0
        self._braked: set[Line] = set()
        self.input_ended = False
        """Whether no more will come than is in the lanes."""

    def put_off(self, shipment: OpenShipment, until: float) -> None:
        """Have a shipment that left its lane's head wait; it holds its lane, and no slot."""
        self._waiting[shipment.line].add(shipment, until)

    def ask_again(self, shipment: OpenShipment, now: float) -> None:
        """Have a shipment wait that another run has claimed."""
        self._busy.setdefault(shipment, now)
        self.put_off(shipment, now + SECONDS_TO_ASK_AGAIN)

    def send(self, shipments: Sequence[OpenShipment], now: float, may_go: Callable[[], bool]) -> None:
        """Start the request of a shipment, or that of a job of several; `may_go` is asked in the last moment before."""
        for one in shipments:
            self._busy.pop(one, None)
        first = shipments[0]
        self._outage.note_start(first)
        self._suspicion.note_sent(first, now, first.what.kind)
        if len(shipments) == 1:
            self._in_flight.send(first, now, may_go)
        else:
            self._jobs.note_start()
            self._in_flight.send_job(shipments, now, may_go)

    def leave(self, shipment: OpenShipment) -> None:
        """Let a shipment leave: it was settled, or given up."""
        self._busy.pop(shipment, None)
        self._lanes.leave(shipment)
        for waiting in self._waiting.values():
            waiting.discard(shipment)
        self._suspicion.discard(shipment)

    @property
    def any_next(self) -> bool:
        """Whether any shipment has yet to go, now or after its wait."""
        return any(self._has_next(line) for line in Line)

    def pick(self, now: float) -> list[list[OpenShipment]]:
        """Return the shipments that go now, a list for each request, with its place in the rate, and each in the quota.

        Asks for a token first.
        """
        self._braked.clear()
        if not self.any_next:
            return []
        self._credentials.renew(now)
        if self._renewal.blocks:
            return []
        self._turn += 1
        lines = list(Line)
        picked: list[list[OpenShipment]] = []
        for place in range(len(lines)):
            picked += self._pick_of(lines[(self._turn + place) % len(lines)], now, picked)
        return picked

    def next_at(self, now: float) -> float:
        """Return when to pick again as far as the clock decides; infinity where only an answer helps."""
        if not self.any_next:
            return min(self._lookout.next_at, self.reads_at(now))
        requests_at = min(self._requests_at(line, now) for line in Line)
        return min(self._lookout.next_at, self._renewal.asks_at(now), requests_at, self.reads_at(now))

    def reads_at(self, now: float) -> float:
        """Return when a read is to tell whose fault a refusal is, as the limit allows; infinity where others will.

        Or where as many requests are under way as may be: an answer comes first.
        """
        if len(self._in_flight) >= self._max_in_flight:
            return math.inf
        due_at = min(waiting.next_at for waiting in self._waiting.values())
        may_come = not self.input_ended or self._lanes.any_ready or due_at < math.inf
        wanted_at = self._suspicion.reads_at(more_may_come=may_come)
        if wanted_at == math.inf:
            return math.inf
        free = [self._rate_limits.of(bucket).free_at(max(now, wanted_at)) for bucket in Bucket]
        return max(wanted_at, self._outage.probe_at, *(math.inf if one is None else one for one in free))

    def brake(self) -> TargetError | None:
        """Return what ends the run where nothing may go for want of a place; what has one is settled first."""
        if self._braked and not any(one.has_quota for one in self._lanes):
            return self._quotas.error()
        return None

    def floor(self) -> float:
        """Return the farthest moment before which something that has yet to go may not start; or minus infinity.

        So it is with what one waits to have asked.
        """
        waits = {line.bucket for line in Line if self._has_next(line)}
        waits.update(bucket for bucket in Bucket if self._asks_at(bucket) < math.inf)
        return max((self._rate_limits.of(bucket).floor for bucket in waits), default=-math.inf)

    def waited(self, now: float, *, is_over: bool) -> dict[Bucket, float]:
        """Return the seconds since the last call in which something could have gone but for a bucket's limit.

        Says what is waited for, unless the run `is_over`.
        """
        seconds = {bucket: now - since for bucket, since in self._blocked.items()}
        self._blocked = {bucket: now for bucket in Bucket if not is_over and self._is_blocked(bucket, now)}
        if not is_over:
            self._lookout.look(now, floor=self.floor(), busy=self._busy)
        return seconds

    def _has_next(self, line: Line) -> bool:
        return bool(self._waiting[line]) or self._lanes.has_ready(line)

    def _is_blocked(self, bucket: Bucket, now: float) -> bool:
        """Tell whether a bucket's limit holds back a shipment, or what one waits to have asked."""
        if self._rate_limits.of(bucket).free(now) > 0:
            return False
        lines = [line for line in Line if line.bucket is bucket]
        is_asked = self._asks_at(bucket) <= now
        return is_asked or any(self._lanes.has_ready(one) or self._waiting[one].next_at <= now for one in lines)

    def _asks_at(self, bucket: Bucket) -> float:
        """Return when something that shipments wait for is to be asked; infinity where nothing is."""
        asks_at = self._directory.asks_at(bucket, may_come=not self.input_ended)
        return min(asks_at, self._jobs.asks_at) if bucket is Bucket.SUPPORT else asks_at

    def _pick_of(self, line: Line, now: float, before: Sequence[Sequence[OpenShipment]]) -> list[list[OpenShipment]]:
        """Return what goes now of one line, after what was picked of others."""
        started = len(self._in_flight) + len(before)
        taken = sum(one[0].line.bucket is line.bucket for one in before)
        in_bucket = self._in_flight.count(line.bucket) + taken
        waiting = self._waiting[line]
        due = len(waiting) if waiting.next_at <= now else 0
        wanted = min(self._most() - started, due + self._lanes.count_ready(line), self._free(line, now))
        if not self._outage.may_start(started, now, in_bucket, line.bucket) or wanted <= 0:
            return []
        places = self._rate_limits.of(line.bucket).grant(now, wanted + taken) - taken
        picked = Picked()
        while (shipment := self._next(line, now)) is not None:
            if self._waits(shipment, now):
                continue
            if shipment.not_found is not None or shipment.is_of_stranger:
                picked.ending.append([shipment])
                continue
            count = len(picked.requests)
            may_start = count < places and self._outage.may_start(started + count, now, in_bucket + count, line.bucket)
            if not (may_start or picked.has_room_for(shipment)):
                self._lanes.give_back(shipment, line)
                break
            shipment.has_quota = shipment.has_quota or self._quotas.take(shipment.what.kind)
            if not shipment.has_quota:
                self._lanes.give_back(shipment, line)
                self._braked.add(line)
                break
            picked.add(shipment)
        return picked.requests + picked.ending

    def _waits(self, shipment: OpenShipment, now: float) -> bool:
        """Tell whether something is yet to be known before a shipment can go; then it waits for that."""
        wanted = None if shipment.attempts else self._directory.missing(shipment, now)
        lacking = wanted or shipment.not_found
        if lacking is None:
            return False
        if any(self._lanes.is_behind(shipment, name) for name in lacking.lane_keys):
            self.put_off(shipment, now + SECONDS_TO_ASK_AGAIN)  # what it refers to is on its way
        elif wanted is None:
            return False
        else:
            self._directory.park(shipment, wanted)
        return True

    def _free(self, line: Line, now: float) -> int:
        """Return how many requests a line may start for what it starts, the limit apart."""
        return self._jobs.free(now) if line is Line.JOBS else self._max_in_flight

    def _most(self) -> int:
        return 1 if self._suspicion.is_open else self._max_in_flight

    def _next(self, line: Line, now: float) -> OpenShipment | None:
        """Return what goes next: a retry that is due, else the earliest; a probe tries what was never tried first."""
        if self._outage.is_open and self._lanes.has_ready(line):
            return self._lanes.next(line)
        shipment = self._waiting[line].pop(now)
        if shipment is not None:
            return shipment
        return self._lanes.next(line) if self._lanes.has_ready(line) else None

    def _requests_at(self, line: Line, now: float) -> float:
        if not self._has_next(line):
            return math.inf
        in_flight, outage = len(self._in_flight), self._outage
        if in_flight >= self._most() or self._renewal.blocks:
            return math.inf
        is_ready = self._lanes.has_ready(line) and line not in self._braked
        wanted_at = now if is_ready else self._waiting[line].next_at
        wanted_at = max(wanted_at, self._jobs.free_at) if line is Line.JOBS else wanted_at
        free_at = self._rate_limits.of(line.bucket).free_at(max(now, wanted_at)) if wanted_at < math.inf else None
        if free_at is None or not outage.may_start(
            in_flight, max(now, outage.probe_at), self._in_flight.count(line.bucket), line.bucket
        ):
            return math.inf
        return max(wanted_at, free_at, outage.probe_at)
