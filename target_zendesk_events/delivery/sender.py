"""What goes next, and what came back: the one loop that delivers, in order and at the allowed rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from target_zendesk_events.delivery.claims import Claims
from target_zendesk_events.delivery.consequences import Consequences
from target_zendesk_events.delivery.credentials import Credentials
from target_zendesk_events.delivery.departures import Departures
from target_zendesk_events.delivery.follow_up import FollowUp
from target_zendesk_events.delivery.in_flight import OF_ONE, InFlight, Task
from target_zendesk_events.delivery.inquiries import Inquiries
from target_zendesk_events.delivery.intake import Intake
from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.next_step import Next
from target_zendesk_events.delivery.settling import Settling, known_end
from target_zendesk_events.delivery.shipment import OpenShipment, Suspect
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.errors import StorageError, TargetError
from target_zendesk_events.ledger.ledger import Entry, Standing
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.signals import GRACE_SECONDS
from target_zendesk_events.work import Work
from target_zendesk_events.zendesk.answers import Answer


class Sender:
    """Takes records, delivers what they yield, and settles what became of it; all in the thread that calls `step`."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        *,
        intake: Intake,
        lanes: Lanes[OpenShipment],
        departures: Departures,
        claims: Claims,
        in_flight: InFlight,
        credentials: Credentials,
        follow_up: FollowUp,
        consequences: Consequences,
        inquiries: Inquiries,
        settling: Settling,
        rate_limits: RateLimits,
        outage: Outage,
        suspicion: Suspicion[Suspect],
        report: Report,
        monotonic: Callable[[], float],
    ) -> None:
        """Start idle."""
        self._intake = intake
        self._lanes = lanes
        self._departures = departures
        self._claims = claims
        self._in_flight = in_flight
        self._credentials = credentials
        self._follow_up = follow_up
        self._consequences = consequences
        self._inquiries = inquiries
        self._settling = settling
        self._rate_limits = rate_limits
        self._outage = outage
        self._suspicion = suspicion
        self._report = report
        self._monotonic = monotonic
        self._input_ended = False
        self._ends_at = math.inf
        self._is_broken = False
        self.failure: TargetError | None = None
        """Why the run stops before its end, if it does."""

    # what comes in

    def take(self, work: Work) -> None:
        """Take in one record."""
        self._intake.take(work)

    def skip(self, source_stream: str) -> None:
        """Pass over a record of a stopped stream: it stays unsettled, and no STATE passes it."""
        self._settling.skip(source_stream)

    def close_batch(self) -> None:
        """Look up what was taken in since the last time, and queue what is to be sent."""
        try:
            self._intake.close(
                self._consequences.dropped, lambda stream, fault: self.stop_stream(stream, TargetError(fault))
            )
        except StorageError as fault:
            self._break(fault)
        self._consequences.heed_share()

    def check_credentials(self) -> None:
        """Ask who the credentials belong to, once there is a token where one is due; a wrong answer ends the run."""
        self._credentials.check(self._monotonic())

    def allow_state(self) -> None:
        """A rule matches a stream, so STATE may go out: a misnamed rule must not use up the tap's history."""
        self._settling.may_pass_state = True

    def stop_stream(self, stream: str, error: TargetError, *, drops: bool = True) -> None:
        """Take nothing more of a stream; with `drops`, what was read and not sent stays undelivered too.

        No STATE passes a record that was not settled.
        """
        self._consequences.stop_stream(stream, error, drops=drops)

    @property
    def stopped(self) -> dict[str, TargetError]:
        """The streams that stopped, by the name that rules see, and why."""
        return self._consequences.stopped

    def finish(self) -> None:
        """The input has ended: deliver what is open, then be done."""
        self._input_ended = self._departures.input_ended = True
        self._inquiries.may_come = False
        self.close_batch()

    def stop(self, failure: TargetError | None = None) -> None:
        """Start nothing more; be done when what is under way has its answer, or after the grace."""
        if not self.is_stopping:
            self.failure = failure
            self._ends_at = self._monotonic() + GRACE_SECONDS

    @property
    def is_stopping(self) -> bool:
        """Whether the run ends before its work is done."""
        return self._ends_at < math.inf

    @property
    def has_room(self) -> bool:
        """Whether another record may be read."""
        return self._intake.has_room

    @property
    def wants_step(self) -> bool:
        """Whether `step` has something to do at once: an answer waits, or the batch is full."""
        return self._in_flight.has_answers or self._intake.is_full

    @property
    def is_done(self) -> bool:
        """Whether all is settled and the input has ended, or the grace of a stop is over."""
        if self.is_stopping:
            now = self._monotonic()  # a job that may not be asked for until then is not waited for
            is_out = len(self._in_flight) or self._inquiries.next_at(now, is_stopping=True) < self._ends_at
            return self._is_broken or not is_out or now >= self._ends_at
        return self._input_ended and not (len(self._lanes) or len(self._in_flight) or self._intake.records)

    # the loop

    def step(self) -> float | None:
        """Do all that can be done now; return in how many seconds to call again, None when only an answer can help."""
        try:
            return self._step(self._monotonic())
        except StorageError as fault:
            self._break(fault)
            return 0.0

    def end(self) -> None:
        """Settle what came back, take back what was not sent, and write the last STATE."""
        now = self._monotonic()
        self._intake.count_rest()
        try:
            if not self._is_broken:
                self._take_answers(now)
                self._settling.commit([], last=True)
                self._claims.take_back(self._consequences.idle())
                self._rate_limits.close()
            self._settling.pass_on_state(now, last=True)
        except StorageError as fault:
            self.failure = self.failure or fault
        self._in_flight.close()

    def _step(self, now: float) -> float | None:
        self._take_answers(now)
        if self._intake.is_full or now >= self._intake.due_at:
            self.close_batch()
        if not len(self._lanes):
            self._outage.note_idle()
        elif now >= self._outage.gives_up_at:
            self.stop(self._outage.error(now))
        self._settle_suspects(now)
        self._claims.renew(self._consequences.idle)
        picked = self._depart(now)
        while picked or self._settling.has_received():
            entries = iter(self._claims.take([one for request in picked for one in request], now))
            for request in picked:
                self._set_out(request, [next(entries) for _ in request], now)
            picked = self._depart(now)
        self._rate_limits.note(now)
        self._report.count_wait(self._departures.waited(now, is_over=self.is_stopping))
        return self._seconds_to_next(now, self._settling.pass_on_state(now))

    def _take_answers(self, now: float) -> None:
        for task, answer in self._in_flight.take(now):
            self._claims.heed(answer)
            self._heed(task, answer, now)
        self._consequences.take_back()
        fault = self._in_flight.take_fault() or self._consequences.failure
        if fault is not None:
            self.stop(fault)

    def _heed(self, task: Task, answer: Answer, now: float) -> None:
        """Take one answer, and carry out what follows."""
        waiting = len(self._lanes)
        if task.bucket is None:
            may_ask = not self.is_stopping
            failure = self._credentials.took(task.asked, answer, now, waiting=waiting, may_ask=may_ask)
            if failure is not None:
                self.stop(failure)
            elif task.asked == "who":
                self._follow_up.note_address()
        elif task.asked in OF_ONE:
            first = task.shipments[0]
            self._follow(first, self._follow_up.of_answer(first, task.asked, answer, now, waiting=waiting), now)
        else:
            following, of_each = self._inquiries.took(task, answer, now, waiting=waiting)
            self._consequences.of_all(following, task.bucket, now)
            self._consequences.of_each(of_each, now)

    def _settle_suspects(self, now: float) -> None:
        """Reject what was refused by its own fault; stop where it is the account's; ask where no other tells."""
        while (own := self._suspicion.take_own()) is not None:
            self._consequences.of_each(self._inquiries.refused(*own), now)
        if not self.is_stopping:
            failure = self._credentials.judge(now, self._departures.reads_at(now))
            if failure is not None:
                self.stop(failure)

    def _follow(self, shipment: OpenShipment, following: Next, now: float) -> None:
        self._consequences.of_all(following, shipment.what.bucket, now)
        self._consequences.of_shipment(shipment, following, now)

    def _break(self, fault: StorageError) -> None:
        """What happens can no longer be recorded: nothing more is sent, and nothing more is settled."""
        self._is_broken = True
        self.stop(fault)
        self.failure = self.failure or fault

    # what goes next

    def _depart(self, now: float) -> list[list[OpenShipment]]:
        """Return the shipments that go now, a list for each request; none once the run is to stop."""
        over = self._inquiries.ask(now, is_stopping=self.is_stopping)
        if self.is_stopping:
            return []
        self._consequences.of_each([(one, Next(again_at=now)) for one in over], now)
        picked = self._departures.pick(now)
        failure = self._departures.brake()
        if failure is None and not picked:
            failure = self._follow_up.of_floor(self._departures.floor(), now)
        if failure is not None:
            self.stop(failure)
        return [going for request in picked if (going := [one for one in request if self._is_to_go(one, now)])]

    def _is_to_go(self, shipment: OpenShipment, now: float) -> bool:
        """Tell whether a shipment is to go; settle one that is not, before it takes a claim."""
        known = self._follow_up.before_sending(shipment, now)
        if known is None:
            return True
        self._consequences.receive(shipment, self._claims.settled_as(shipment) or known, now)
        return False

    def _set_out(self, shipments: Sequence[OpenShipment], entries: Sequence[Entry], now: float) -> None:
        """Send what may go, in one request; each of the others waits, or is settled already."""
        going = [one for one, entry in zip(shipments, entries, strict=True) if self._goes(one, entry, now)]
        if going:
            self._departures.send(going, now, self._claims.may_go)

    def _goes(self, shipment: OpenShipment, entry: Entry, now: float) -> bool:
        if shipment not in self._lanes:  # its stream was stopped a moment ago
            self._claims.take_back([shipment])
        elif entry.standing is Standing.SETTLED:
            self._consequences.receive(shipment, known_end(entry), now)
        elif entry.standing is Standing.BUSY:
            self._departures.ask_again(shipment, now)
        elif entry.standing is Standing.UNKNOWN:
            self._follow(shipment, self._follow_up.of_doubt(shipment, entry.outcome, now), now)
        else:
            return True
        return False

    # when to look again

    def _seconds_to_next(self, now: float, state_at: float) -> float | None:
        times = [
            state_at,
            self._intake.due_at,
            self._ends_at,
            self._in_flight.overdue_at,
            self._rate_limits.note_at,
            self._inquiries.next_at(now, is_stopping=self.is_stopping),
        ]
        if len(self._lanes) and not self.is_stopping:
            times += [self._claims.renews_at(now), self._outage.gives_up_at, self._departures.next_at(now)]
        soonest = min(times)
        return None if soonest == math.inf else max(0.0, soonest - now)
