"""What goes next, and what came back: the one loop that delivers, in order and at the allowed rate."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Iterable
from typing import Final

from target_zendesk_events.delivery.departures import Departures
from target_zendesk_events.delivery.follow_up import FollowUp, Next
from target_zendesk_events.delivery.in_flight import LEASE_LAPSED, InFlight, Task
from target_zendesk_events.delivery.intake import Intake
from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.lookalikes import Lookalikes
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.delivery.settling import Books, Settling, keyed_of
from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.errors import StorageError, TargetError
from target_zendesk_events.ledger.ledger import COUNTED, NEW, Entry, Standing
from target_zendesk_events.limits.brakes import Quota
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limit import RateLimit
from target_zendesk_events.signals import GRACE_SECONDS
from target_zendesk_events.work import Outcome, Receipt, Work
from target_zendesk_events.zendesk.answers import Answer, Kind

logger = logging.getLogger("target-zendesk-events")

MAX_OPEN_EVENTS: Final = 2_000
MAX_OPEN_BYTES: Final = 8 << 20
"""The window of unsettled work: beyond either, nothing more is read."""
BATCH_SECONDS: Final = 0.5
SECONDS_BETWEEN_BEATS: Final = 2.0
"""While events are open, the lease on their claims is looked after so often."""
OTHERS: Final = {"token": "the token endpoint", "who": "users/me"}
"""Who else is asked than the Events API, for the word on an outage."""
SECONDS_TO_ASK_AGAIN: Final = 0.5
"""For the outcome of an event that another run has claimed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """The settings that the loop follows."""

    max_in_flight: int
    batch_size_rows: int


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """What the loop works with, each given in."""

    books: Books
    settling: Settling
    intake: Intake
    lanes: Lanes[OpenShipment]
    in_flight: InFlight
    renewal: Renewal
    rate_limit: RateLimit
    outage: Outage
    quota: Quota
    monotonic: Callable[[], float]


class Sender:
    """Takes records, delivers their events, and settles what became of them; all in the thread that calls `step`."""

    def __init__(self, terms: Terms, tools: Tools, follow_up: FollowUp) -> None:
        """Start idle."""
        self._terms = terms
        self._tools = tools
        self._follow_up = follow_up
        self._departures = Departures(
            tools.lanes,
            tools.in_flight,
            tools.renewal,
            tools.rate_limit,
            tools.outage,
            tools.quota,
            terms.max_in_flight,
        )
        self._lookalikes = Lookalikes()
        self._batch_since = math.inf
        self._blocked_since: float | None = None
        self._input_ended = False
        self._ends_at = math.inf
        self._is_broken = False
        self._asks_who_next = False
        self._dropped: set[str] = set()
        self._not_stored: list[OpenShipment] = []
        self.failure: TargetError | None = None
        """Why the run stops before its end, if it does."""
        self.stopped: dict[str, TargetError] = {}
        """The streams that stopped, by the name that rules see, and why."""

    # what comes in

    def take(self, work: Work) -> None:
        """Take in one record."""
        self._tools.intake.take(work)
        if self._tools.intake.records and self._batch_since == math.inf:
            self._batch_since = self._tools.monotonic()

    def skip(self, source_stream: str) -> None:
        """Pass over a record of a stopped stream: it stays unsettled, and no STATE passes it."""
        self._tools.books.checkpoints.skip(source_stream)

    def close_batch(self) -> None:
        """Look up what was taken in since the last time, and queue what is to be sent."""
        self._batch_since = math.inf
        try:
            self._tools.intake.close(self._dropped, lambda stream, fault: self.stop_stream(stream, TargetError(fault)))
        except StorageError as fault:
            self._break(fault)
        self._heed_share()

    def check_credentials(self) -> None:
        """Ask who the credentials belong to, once there is a token where one is due; a wrong answer ends the run."""
        now = self._tools.monotonic()
        if self._tools.renewal.blocks:
            self._asks_who_next = True
            self._departures.renew(now)
        else:
            self._tools.in_flight.ask_who(now)

    def allow_state(self) -> None:
        """A rule matches a stream, so STATE may go out: a misnamed rule must not use up the tap's history."""
        self._tools.settling.may_pass_state = True

    def stop_stream(self, stream: str, error: TargetError, *, drops: bool = True) -> None:
        """Take nothing more of a stream; with `drops`, what was read and not sent stays undelivered too.

        No STATE passes a record that was not settled.
        """
        if stream in self.stopped:
            return
        self.stopped[stream] = error
        if drops:
            self._dropped.add(stream)
        self._tools.books.report.stream(stream).stopped = str(error)
        logger.error("%s", error)
        for shipment in [one for one in self._tools.lanes if one.stream in self._dropped]:
            if shipment not in self._tools.in_flight:
                self._departures.forget(shipment)
                self._give_up(shipment)

    def finish(self) -> None:
        """The input has ended: deliver what is open, then be done."""
        self._input_ended = True
        self.close_batch()

    def stop(self, failure: TargetError | None = None) -> None:
        """Start nothing more; be done when what is under way has its answer, or after the grace."""
        if not self.is_stopping:
            self.failure = failure
            self._ends_at = self._tools.monotonic() + GRACE_SECONDS

    @property
    def is_stopping(self) -> bool:
        """Whether the run ends before its work is done."""
        return self._ends_at < math.inf

    @property
    def has_room(self) -> bool:
        """Whether another record may be read."""
        open_events = len(self._tools.lanes) + self._tools.intake.events
        return open_events < MAX_OPEN_EVENTS and self._tools.settling.open_bytes < MAX_OPEN_BYTES

    @property
    def wants_step(self) -> bool:
        """Whether `step` has something to do at once: an answer waits, or the batch is full."""
        return self._tools.in_flight.has_answers or self._tools.intake.records >= self._terms.batch_size_rows

    @property
    def is_done(self) -> bool:
        """Whether all is settled and the input has ended, or the grace of a stop is over."""
        if self.is_stopping:
            return self._is_broken or not len(self._tools.in_flight) or self._tools.monotonic() >= self._ends_at
        return self._input_ended and not (
            len(self._tools.lanes) or len(self._tools.in_flight) or self._tools.intake.records
        )

    # the loop

    def step(self) -> float | None:
        """Do all that can be done now; return in how many seconds to call again, None when only an answer can help."""
        try:
            return self._step(self._tools.monotonic())
        except StorageError as fault:
            self._break(fault)
            return 0.0

    def end(self) -> None:
        """Settle what came back, take back what was not sent, and write the last STATE."""
        now = self._tools.monotonic()
        try:
            if not self._is_broken:
                self._take_answers(now)
                self._tools.settling.commit([], last=True)
                self._take_back([one for one in self._tools.lanes if one not in self._tools.in_flight])
                self._tools.rate_limit.close()
            self._tools.settling.pass_on_state(now, last=True)
        except StorageError as fault:
            self.failure = self.failure or fault
        self._tools.in_flight.close()

    def _step(self, now: float) -> float | None:
        self._take_answers(now)
        if self._tools.intake.records >= self._terms.batch_size_rows or now >= self._batch_since + BATCH_SECONDS:
            self.close_batch()
        if not len(self._tools.lanes):
            self._tools.outage.note_idle()
        elif now >= self._tools.outage.gives_up_at:
            self.stop(self._tools.outage.error(now))
        if not self._tools.books.ledger.heartbeat():
            self._claim_anew()
        picked = self._depart(now)
        while picked or self._tools.settling.has_received():
            for shipment in picked:
                if shipment.first_sent_at is None:
                    shipment.claim_at(self._tools.books.ledger.now())
                    self._lookalikes.note_departure(shipment, now)
            entries = iter(self._tools.settling.commit([keyed_of(one) for one in picked if not one.is_claimed]))
            if self._tools.books.ledger.sent is not None:
                self._tools.quota.recount(*self._tools.books.ledger.sent)
            for shipment in picked:
                self._set_out(shipment, NEW if shipment.is_claimed else next(entries), now)
            picked = self._depart(now)
        self._tools.rate_limit.note(now)
        self._measure_wait(now)
        return self._seconds_to_next(now, self._tools.settling.pass_on_state(now))

    def _take_answers(self, now: float) -> None:
        for task, answer in self._tools.in_flight.take(now):
            if task.shipment is None:
                self._without_event(task, answer, now)
            elif answer.code == LEASE_LAPSED:
                task.shipment.must_claim_anew()
                self._follow(task.shipment, Next(again_at=now), now)
            elif task.asked == "read":
                waiting = len(self._tools.lanes)
                self._follow(task.shipment, self._follow_up.of_read(task.shipment, answer, now, waiting=waiting), now)
            else:
                waiting = len(self._tools.lanes)
                self._follow(task.shipment, self._follow_up.of_answer(task.shipment, answer, now, waiting=waiting), now)

        self._take_back(self._not_stored)
        self._not_stored.clear()
        fault = self._tools.in_flight.take_fault()
        if fault is not None:
            self.stop(fault)

    def _follow(self, shipment: OpenShipment, following: Next, now: float) -> None:
        if following.holds_all_until is not None:
            self._tools.rate_limit.wait_until(following.holds_all_until, now)
        if following.renew:
            self._tools.renewal.want()
        if following.failure is not None:
            self.stop(following.failure)
        if following.receipt is not None:
            self._receive(shipment, following.receipt)
        elif shipment.stream in self._dropped:
            self._give_up(shipment)
        else:
            if shipment.is_claimed and not shipment.is_doubtful and following.again_at > now:
                self._not_stored.append(shipment)
            self._departures.put_off(shipment, max(following.again_at, now))

    def _receive(self, shipment: OpenShipment, receipt: Receipt) -> None:
        self._tools.lanes.leave(shipment)
        if receipt.outcome in COUNTED:
            self._lookalikes.note_stored(shipment, self._tools.monotonic())
        if shipment.has_quota:
            shipment.has_quota = False
            (self._tools.quota.use if receipt.outcome in COUNTED else self._tools.quota.give_back)()
        self._tools.settling.receive(shipment, receipt)
        self._heed_share()

    def _without_event(self, task: Task, answer: Answer, now: float) -> None:
        renewal = self._tools.renewal
        failure = renewal.took(answer, now) if task.asked == "token" else renewal.checked(answer)
        if answer.kind is Kind.LIMITED:
            self._tools.outage.note_limited(now, f"{OTHERS[task.asked]} answered {answer.summary}")
        elif answer.is_temporary:
            waiting, cause = len(self._tools.lanes), f"{OTHERS[task.asked]} answered {answer.summary}"
            self._tools.outage.note_failure(task.asked, now, waiting=waiting, cause=cause)
        if failure is not None:
            self.stop(failure)
        elif task.asked == "token" and self._asks_who_next and not self.is_stopping:
            self._asks_who_next = False
            self._ask_who_after(answer, now)

    def _ask_who_after(self, answer: Answer, now: float) -> None:
        """Ask who the credentials belong to, if this answer gave a token."""
        if answer.kind is Kind.ACCEPTED:
            self._tools.in_flight.ask_who(now)
        else:
            self._tools.renewal.checked(answer)

    def _heed_share(self) -> None:
        for stream, fault in self._tools.settling.over_share.items():
            self.stop_stream(stream, TargetError(fault))

    def _break(self, fault: StorageError) -> None:
        """What happens can no longer be recorded: nothing more is sent, and nothing more is settled."""
        self._is_broken = True
        self.stop(fault)
        self.failure = self.failure or fault

    def _take_back(self, shipments: Iterable[OpenShipment]) -> None:
        """Take back claim and place of events that were not sent, or of which it is known that they were not stored."""
        unsent = [one for one in shipments if one.is_claimed and not one.is_doubtful]
        for one in unsent:
            one.is_claimed = False
            self._give_place_back(one)
        if unsent:
            self._tools.books.ledger.release([keyed_of(one) for one in unsent])

    def _give_place_back(self, shipment: OpenShipment) -> None:
        if shipment.has_quota:
            shipment.has_quota = False
            self._tools.quota.give_back()

    def _give_up(self, shipment: OpenShipment) -> None:
        """Send an event of a stopped stream no more; it stays unsettled."""
        self._tools.lanes.leave(shipment)
        self._tools.settling.give_up(shipment.open_record)
        self._take_back([shipment])

    def _claim_anew(self) -> None:
        """The lease had lapsed, as after a suspension: other runs may have taken the claims over."""
        waiting = [one for one in self._tools.lanes if one.is_claimed and one not in self._tools.in_flight]
        for shipment in waiting:
            shipment.must_claim_anew()

    # what goes next

    def _depart(self, now: float) -> list[OpenShipment]:
        """Return the events that go now; none once the run is to stop."""
        if self.is_stopping:
            return []
        picked = self._departures.pick(now)
        if self._departures.is_braked and not any(one.has_quota for one in self._tools.lanes):
            self.stop(self._tools.quota.error())  # what has a place is settled first
        elif not picked and self._departures.any_next:
            failure = self._follow_up.of_floor(self._tools.rate_limit.floor, now)
            if failure is not None:
                self.stop(failure)
        return picked

    def _set_out(self, shipment: OpenShipment, entry: Entry, now: float) -> None:
        if shipment not in self._tools.lanes:  # its stream was stopped a moment ago
            shipment.is_claimed = entry.standing is Standing.NEW
            self._take_back([shipment])
            if entry.standing in {Standing.BUSY, Standing.SETTLED}:
                self._give_place_back(shipment)
            return
        if entry.standing is Standing.SETTLED:
            self._receive(shipment, Receipt(Outcome.DUPLICATE))
            return
        if entry.standing is Standing.BUSY:
            self._give_place_back(shipment)
            self._departures.put_off(shipment, now + SECONDS_TO_ASK_AGAIN)
            return
        shipment.is_claimed, shipment.claims_anew = True, False
        if entry.claimed_at is not None:
            shipment.claim_at(entry.claimed_at)
        if entry.standing is Standing.UNKNOWN:
            shipment.first_sent_at, shipment.lookalikes = now - entry.sent_before, entry.lookalikes
            self._follow(shipment, self._follow_up.of_crash(shipment, now), now)
        elif (held := self._follow_up.singled_out(shipment, now)) is not None:
            self._receive(shipment, held)
        else:
            self._tools.outage.note_start(shipment)
            self._tools.in_flight.send(shipment, now, self._tools.books.ledger.holds_lease)

    # when to look again

    def _measure_wait(self, now: float) -> None:
        if self._blocked_since is not None:
            self._tools.books.report.seconds_waited += now - self._blocked_since
        is_blocked = not self.is_stopping and self._departures.wait_for_limit(now)
        self._blocked_since = now if is_blocked else None

    def _seconds_to_next(self, now: float, state_at: float) -> float | None:
        times = [
            state_at,
            self._batch_since + BATCH_SECONDS,
            self._ends_at,
            self._tools.in_flight.overdue_at,
            self._tools.rate_limit.note_at,
        ]
        if len(self._tools.lanes) and not self.is_stopping:
            times += [now + SECONDS_BETWEEN_BEATS, self._tools.outage.gives_up_at, self._departures.next_at(now)]
        soonest = min(times)
        return None if soonest == math.inf else max(0.0, soonest - now)
