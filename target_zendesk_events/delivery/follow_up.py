"""What an answer means for the shipment that it was asked for: a receipt, another attempt, or the end of the run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from target_zendesk_events.delivery import receipts
from target_zendesk_events.delivery.doubts import Doubts
from target_zendesk_events.delivery.in_flight import LEASE_LAPSED, Task
from target_zendesk_events.delivery.jobs import Ended
from target_zendesk_events.delivery.next_step import Next
from target_zendesk_events.delivery.retries import Circumstances, Decision, Step, decide, is_singled_out
from target_zendesk_events.delivery.shipment import OpenShipment, Suspect
from target_zendesk_events.delivery.stops import of_answer
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.errors import TargetError
from target_zendesk_events.kinds.shipment import Bucket, Missing, Request
from target_zendesk_events.limits.outage import READING, Outage, asked_to_wait
from target_zendesk_events.work import NoShipment, Outcome, Receipt
from target_zendesk_events.zendesk.answers import Answer, Kind
from target_zendesk_events.zendesk.auth import Auth

OF_AN_ITEM = frozenset({Kind.REFUSED, Kind.DENIED, Kind.TURNED_AWAY, Kind.CONFLICT})
"""Answers to the start of a job that one of its items may be at fault for: then each goes alone."""
MAX_EXPIRIES = 5
SECONDS_TO_CHECK = 1.0
"""Before a 404 is asked for again, while it is checked that Zendesk is at the address."""


class FollowUp:
    """Remembers what the run's answers have shown, and decides by it."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        auth: Auth,
        outage: Outage,
        suspicion: Suspicion[Suspect],
        *,
        doubts: Doubts,
        max_outage_seconds: float,
        wall: Callable[[], float],
        unknown_customers: str = "create",
    ) -> None:
        """Ask `doubts` where an outcome is unknown; `wall` is the epoch clock."""
        self._auth = auth
        self._outage = outage
        self._suspicion = suspicion
        self._doubts = doubts
        self._unknown_customers = unknown_customers
        self._max_outage_seconds = max_outage_seconds
        self._wall = wall
        self._successes = 0
        self._knows_address = False
        self._renewed_for: int | None = None

    @property
    def successes(self) -> int:
        """How many things were taken, or refused, so far."""
        return self._successes

    def of_answer(self, shipment: OpenShipment, asked: str, answer: Answer, now: float, *, waiting: int) -> Next:
        """Decide after the answer to a sending, or (`asked` is `read`) to a reading back; `waiting` are unsettled."""
        self._suspicion.note_answer(shipment, answer, now, is_sending=asked == "send")
        if answer.code == LEASE_LAPSED:
            shipment.must_claim_anew()
            return Next(again_at=now)
        return (self._of_read if asked == "read" else self._of_sending)(shipment, answer, now, waiting)

    def of_job(self, shipments: Sequence[OpenShipment], answer: Answer, now: float, *, waiting: int) -> Next:
        """Decide after the answer to the request that was to start a job: the same for all that it holds."""
        first = shipments[0]
        self._suspicion.note_answer(first, answer, now, is_sending=answer.kind is Kind.ACCEPTED)
        if answer.code == LEASE_LAPSED:
            for one in shipments:
                one.must_claim_anew()
            return Next(again_at=now)
        self._note(first, answer, now, waiting)
        for one in shipments:
            one.is_doubtful |= answer.kind in {Kind.ACCEPTED, Kind.UNKNOWN}
            one.goes_alone |= answer.kind in OF_AN_ITEM
            one.expiries += answer.kind is Kind.EXPIRED
        if answer.kind is Kind.ACCEPTED or answer.kind in OF_AN_ITEM:
            return Next(again_at=now)
        decision = decide(answer, dataclasses.replace(self._circumstances(first, now), policy="retry"))
        return self._carry_out(first, answer, decision, now)

    def of_item(self, ended: Ended, answer: Answer, now: float) -> Next:
        """Decide for a shipment whose job has ended; `answer` told so."""
        shipment, result = ended.shipment, ended.result
        if result.is_done is None:
            shipment.goes_alone |= ended.goes_alone or bool(shipment.unknowns)  # lost a second time
            shipment.unknowns.append((now, self._successes))
            return Next(again_at=now)
        if not result.is_done and shipment.what.when_missing(shipment.claim, shipment.found) is Missing.DONE:
            shipment.goes_alone = True  # a job's words for what is not there are not documented; a 404 is
            return Next(again_at=now)
        self._successes += 1
        self._outage.note_success(shipment.what.bucket)
        return Next(receipt=receipts.of_item(shipment, result, answer))

    def of_inquiry(  # noqa: PLR0913, PLR0917 - what came, and what came before
        self, task: Task, answer: Answer, attempts: int, since: float, now: float, waiting: int
    ) -> Next | None:
        """Decide after an answer to what shipments wait for; None where it is final: a success, or a refusal.

        It is the answer to so many `attempts`, the first of which was answered at `since`. That nothing is there counts
        once it is known that Zendesk's API is at this address.
        """
        if answer.is_missing and not self._knows_address:
            return Next(again_at=now + SECONDS_TO_CHECK, checks_address=True)
        bucket = task.bucket or Bucket.SUPPORT
        asked = task.asked, bucket
        if answer.kind in {Kind.ACCEPTED, Kind.REFUSED} or (answer.kind is Kind.DENIED and answer.is_page):
            self._knows_address |= answer.kind is Kind.ACCEPTED
            self._renewed_for = None
            self._outage.note_answered(asked, bucket)
            return None
        if answer.kind is Kind.LIMITED:
            self._outage.note_limited(now, answer.summary, bucket, asked)
        elif answer.kind in {Kind.UNKNOWN, Kind.NOT_SENT}:
            self._outage.note_failure(asked, now, waiting=waiting, cause=answer.summary)
        if answer.kind is Kind.DENIED:
            return Next(failure=of_answer(answer))
        if now - since > self._max_outage_seconds:
            return Next(failure=self._outage.unanswered(answer.summary, now - since))
        decision = decide(answer, dataclasses.replace(self._state(), attempts=attempts, conflicts=0))
        return self._of_all(answer, decision, now)

    def of_doubt(self, shipment: OpenShipment, outcome: Outcome | NoShipment | None, now: float) -> Next:
        """Decide for a shipment that may have been sent: by a run that is gone, or (`outcome`) before it was held."""
        return self._doubts.of_held(shipment, now) if outcome is Outcome.HELD else self._doubts.of_left(shipment, now)

    def _of_sending(self, shipment: OpenShipment, answer: Answer, now: float, waiting: int) -> Next:
        self._note(shipment, answer, now, waiting)
        shipment.conflicts += answer.kind is Kind.CONFLICT
        shipment.expiries += answer.kind is Kind.EXPIRED
        shipment.is_key_spent |= answer.is_key_spent
        missing = self._when_missing(shipment, answer, now) if answer.is_missing else None
        if missing is not None:
            return missing
        decision = decide(answer, self._circumstances(shipment, now))
        return self._carry_out(shipment, answer, decision, now)

    def _of_read(self, shipment: OpenShipment, answer: Answer, now: float, waiting: int) -> Next:
        following = self._doubts.of_read(shipment, answer, now)
        if following is None:
            self._note_trouble(shipment, answer, now, waiting, is_reading=True)
            decision = decide(answer, dataclasses.replace(self._circumstances(shipment, now), policy="retry"))
            return self._carry_out(shipment, answer, decision, now)
        if following.receipt is not None and following.receipt.outcome is Outcome.DELIVERED:
            self._successes += 1
            self._outage.note_success(shipment.what.bucket)
        else:
            self._outage.note_read(shipment.what.bucket, waiting=waiting)
        return following

    def of_floor(self, floor: float, now: float) -> TargetError | None:
        """Return what ends the run where nothing may start before `floor`, as another run was told; None for a while.

        Times are of the monotonic clock. Its own `Retry-After` ends a run when it comes.
        """
        if floor - now <= self._max_outage_seconds:
            return None
        return asked_to_wait("another run on this ledger was told so", self._wall() + floor - now)

    def refusal(self, shipment: OpenShipment, answer: Answer) -> Receipt:
        """Return the receipt of a shipment that was refused by its own fault."""
        return receipts.of_answer(Outcome.REJECTED, "refused", answer, shipment)

    def before_sending(self, shipment: OpenShipment, now: float) -> Receipt | None:
        """Return how a shipment ends that need not go, or is not to; None for one that goes.

        What it refers to is not there, or nobody knows its customer; or it fails while others succeed.
        """
        if shipment.not_found is not None:
            return receipts.of_reference(shipment, shipment.not_found)
        if shipment.is_of_stranger:
            return receipts.of_stranger(skips=self._unknown_customers == "skip")
        if is_singled_out(shipment.unknowns, self._successes, now):
            return receipts.singled_out(shipment)
        return None

    def _note(self, shipment: OpenShipment, answer: Answer, now: float, waiting: int) -> None:
        if answer.kind in {Kind.ACCEPTED, Kind.REFUSED}:
            self._successes += 1
            self._outage.note_success(shipment.what.bucket)
            self._knows_address |= answer.kind is Kind.ACCEPTED
            self._renewed_for = None
        else:
            self._note_trouble(shipment, answer, now, waiting)

    def _note_trouble(
        self, shipment: OpenShipment, answer: Answer, now: float, waiting: int, *, is_reading: bool = False
    ) -> None:
        if answer.kind is Kind.LIMITED:
            self._outage.note_limited(now, answer.summary, shipment.what.bucket, READING if is_reading else "sending")
        elif answer.kind in {Kind.UNKNOWN, Kind.NOT_SENT}:
            self._outage.note_failure(shipment, now, waiting=waiting, cause=answer.summary, is_reading=is_reading)
        if answer.kind is Kind.UNKNOWN:
            shipment.unknowns.append((now, self._successes))
            shipment.is_doubtful = True

    def _circumstances(self, shipment: OpenShipment, now: float) -> Circumstances:
        return dataclasses.replace(
            self._state(),
            attempts=max(shipment.attempts, 1),
            conflicts=shipment.conflicts,
            policy=self._doubts.policy_for(shipment, now),
            can_renew=self._auth.renews and shipment.expiries <= MAX_EXPIRIES,
        )

    def _state(self) -> Circumstances:
        """Return what a decision hangs on that no shipment changes."""
        return Circumstances(
            attempts=1,
            any_accepted=self._knows_address,
            can_renew=self._auth.renews,
            newest_token=self._auth.generation,
            renewed_for_refusal=self._renewed_for is not None and self._renewed_for < self._auth.generation,
            max_outage_seconds=self._max_outage_seconds,
        )

    def _when_missing(self, shipment: OpenShipment, answer: Answer, now: float) -> Next | None:
        """Return what follows where nothing is there that was to be changed or taken away; None where it is refused."""
        wanted = shipment.what.when_missing(shipment.claim, shipment.found)
        if isinstance(wanted, Request):
            if shipment.went_instead:
                return None
            shipment.instead = wanted
            return Next(again_at=now)
        if wanted is Missing.ASTRAY or (wanted is Missing.REFUSED and self._knows_address):
            return None
        if self._knows_address:
            return Next(receipt=receipts.of_answer(Outcome.DELIVERED, "", answer, shipment))
        return Next(again_at=now + SECONDS_TO_CHECK, checks_address=True)

    def note_address(self) -> None:
        """An answer showed that Zendesk's API is at this address: a 404 is of the thing asked for."""
        self._knows_address = True

    def _carry_out(self, shipment: OpenShipment, answer: Answer, decision: Decision, now: float) -> Next:
        until = now + decision.wait if decision.holds_all else None
        step = self._step_by_then(shipment, decision, now)
        if step is Step.DELIVERED:
            return Next(receipt=receipts.of_answer(Outcome.DELIVERED, "", answer, shipment))
        if step is Step.REJECT:
            reason = "conflict" if answer.kind is Kind.CONFLICT else "refused"
            return Next(receipt=receipts.of_answer(Outcome.REJECTED, reason, answer, shipment))
        if step is Step.SUSPECT:
            return Next(again_at=math.inf)
        if step is Step.HOLD:
            return Next(receipt=receipts.of_answer(Outcome.HELD, "unknown", answer, shipment), holds_all_until=until)
        if step is Step.VERIFY:
            return dataclasses.replace(self._doubts.verify(shipment, now + decision.wait), holds_all_until=until)
        return self._of_all(answer, decision, now)

    def _step_by_then(self, shipment: OpenShipment, decision: Decision, now: float) -> Step:
        """Return what to do where a wait is so long that what may be there could be made twice if it were sent then."""
        is_sent_again = decision.step is Step.AGAIN and shipment.verification is None
        if not (is_sent_again and shipment.is_doubtful and self._doubts.policy_for(shipment, now) == "retry"):
            return decision.step
        policy = self._doubts.policy_for(shipment, now + decision.wait)
        return {"verify": Step.VERIFY, "hold": Step.HOLD}.get(policy, Step.AGAIN)

    def _of_all(self, answer: Answer, decision: Decision, now: float) -> Next:
        """Carry out what does not hang on what was sent."""
        until = now + decision.wait if decision.holds_all else None
        if decision.step is Step.RENEW:
            self._renewed_for = self._auth.generation
            return Next(again_at=now, renew=True)
        if decision.step is Step.AGAIN:
            return Next(again_at=now + decision.wait, holds_all_until=until)
        return Next(again_at=now, holds_all_until=until, failure=self._failure(answer, decision))

    def _failure(self, answer: Answer, decision: Decision) -> TargetError:
        if decision.step is Step.STOP_OUTAGE:
            return asked_to_wait(answer.summary, self._wall() + decision.wait)
        return of_answer(answer)
