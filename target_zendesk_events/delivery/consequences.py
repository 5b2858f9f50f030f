"""What becomes of a shipment: it is settled, waits for another attempt, or is given up with its stream."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from target_zendesk_events.delivery.claims import Claims
from target_zendesk_events.delivery.credentials import Credentials
from target_zendesk_events.delivery.departures import Departures
from target_zendesk_events.delivery.directory import Directory
from target_zendesk_events.delivery.in_flight import InFlight
from target_zendesk_events.delivery.jobs import Jobs
from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.next_step import Next
from target_zendesk_events.delivery.settling import Settling
from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.errors import TargetError
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.work import Outcome, Receipt

logger = logging.getLogger("target-zendesk-events")


class Consequences:
    """Carries out what follows; times are of the monotonic clock."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        *,
        lanes: Lanes[OpenShipment],
        departures: Departures,
        claims: Claims,
        in_flight: InFlight,
        jobs: Jobs,
        directory: Directory,
        credentials: Credentials,
        settling: Settling,
        rate_limits: RateLimits,
        report: Report,
    ) -> None:
        """Start with all streams going."""
        self._lanes = lanes
        self._departures = departures
        self._claims = claims
        self._in_flight = in_flight
        self._jobs = jobs
        self._directory = directory
        self._credentials = credentials
        self._settling = settling
        self._rate_limits = rate_limits
        self._report = report
        self._not_stored: list[OpenShipment] = []
        self.dropped: set[str] = set()
        """The streams of which nothing more is sent."""
        self.stopped: dict[str, TargetError] = {}
        """The streams that stopped, by the name that rules see, and why."""
        self.failure: TargetError | None = None
        """What ends the run, if anything that followed does."""

    def of_all(self, following: Next, bucket: Bucket, now: float) -> None:
        """Carry out what follows for all that takes a bucket's minute."""
        if following.holds_all_until is not None:
            self._rate_limits.of(bucket).wait_until(following.holds_all_until, now)
        if following.checks_address:
            self._credentials.check(now)
        if following.renew:
            self._credentials.want()
        self.failure = self.failure or following.failure

    def of_shipment(self, shipment: OpenShipment, following: Next, now: float) -> None:
        """Carry out what follows for one shipment."""
        self.of_each([(shipment, following)], now)

    def of_each(self, following: Iterable[tuple[OpenShipment, Next]], now: float) -> None:
        """Carry out what one answer means for each of several shipments, before any of their streams is stopped."""
        for shipment, its_own in following:
            self._carry_out(shipment, its_own, now)
        self.heed_share()

    def _carry_out(self, shipment: OpenShipment, following: Next, now: float) -> None:
        if shipment not in self._lanes:
            return  # given up meanwhile
        receipt = following.receipt
        if receipt is not None and receipt.reason == "refused" and self._directory.doubt(shipment):
            self._departures.put_off(shipment, now)
        elif receipt is not None:
            self._settle(shipment, receipt, now)
        elif shipment.stream in self.dropped:
            self._give_up(shipment)
        else:
            if shipment.is_claimed and not shipment.is_doubtful and following.again_at > now:
                self._not_stored.append(shipment)
            self._departures.put_off(shipment, max(following.again_at, now))

    def receive(self, shipment: OpenShipment, receipt: Receipt, now: float) -> None:
        """Settle a shipment."""
        self._settle(shipment, receipt, now)
        self.heed_share()

    def _settle(self, shipment: OpenShipment, receipt: Receipt, now: float) -> None:
        self._departures.leave(shipment)
        self._claims.settle(shipment, receipt.outcome, now)
        self._settling.receive(shipment, receipt)
        if receipt.outcome is Outcome.DELIVERED:
            self._directory.heed_delivered(shipment.what)

    def take_back(self) -> None:
        """Take back the claims of what was not stored, and waits."""
        self._claims.take_back(self._not_stored)
        self._not_stored.clear()

    def heed_share(self) -> None:
        """Stop the streams that set aside more than they may."""
        for stream, fault in self._settling.over_share.items():
            self.stop_stream(stream, TargetError(fault))

    def stop_stream(self, stream: str, error: TargetError, *, drops: bool = True) -> None:
        """Take nothing more of a stream; with `drops`, what was read and not sent stays undelivered too."""
        if stream in self.stopped:
            return
        self.stopped[stream] = error
        if drops:
            self.dropped.add(stream)
        self._report.stream(stream).stopped = str(error)
        logger.error("%s", error)
        for shipment in self.idle():
            if shipment.stream in self.dropped:
                self._give_up(shipment)

    def idle(self) -> list[OpenShipment]:
        """Return the shipments that are neither in a request nor in a job."""
        return [one for one in self._lanes if one not in self._in_flight and one not in self._jobs]

    def _give_up(self, shipment: OpenShipment) -> None:
        """Send a shipment of a stopped stream no more; it stays unsettled."""
        self._departures.leave(shipment)
        self._directory.discard(shipment)
        self._settling.give_up(shipment.open_record)
        self._claims.take_back([shipment])
