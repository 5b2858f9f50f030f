"""What an unknown outcome calls for: reading back, another sending, or holding; as the policy and the kind say."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable

from target_zendesk_events.delivery import receipts
from target_zendesk_events.delivery.next_step import Next
from target_zendesk_events.delivery.retries import wait_before
from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.delivery.verify import Verdict, Verification
from target_zendesk_events.work import Outcome, Receipt
from target_zendesk_events.zendesk.answers import Answer, Kind
from target_zendesk_events.zendesk.pages import Page, page_of

logger = logging.getLogger("target-zendesk-events")


class Doubts:
    """Remembers which kinds cannot be read back, and decides by it; times are of the monotonic clock."""

    def __init__(self, policy: str, *, sends_held_blindly: bool, wall: Callable[[], float]) -> None:
        """Follow `policy` (`verify`, `retry` or `hold`); `wall` is the epoch clock.

        What was held and is replayed is read back first, unless `sends_held_blindly` says to send it as it is.
        """
        self._policy = policy
        self._sends_held_blindly = sends_held_blindly
        self._wall = wall
        self._said: set[str] = set()
        self._unreadable: set[str] = set()

    def policy_for(self, shipment: OpenShipment, now: float) -> str:
        """Return what an unknown outcome of this shipment calls for: `verify`, `retry` or `hold`."""
        is_new = shipment.first_sent_at is None or shipment.is_key_spent
        seconds = math.inf if is_new or shipment.first_sent_at is None else now - shipment.first_sent_at
        when_unknown = functools.partial(shipment.what.when_unknown, self._policy, seconds)
        can_be_told = self._can_be_told(shipment)
        policy = when_unknown(is_readable=can_be_told and shipment.what.kind not in self._unreadable)
        if not can_be_told and policy != when_unknown(is_readable=True):
            self._say(
                f"rule {shipment.match.rule}: on_unknown_outcome acts as {policy}, since what it sends cannot be told "
                "apart when read back (it takes no `dedupe: false`; an event, an identifier without a colon; a ticket, "
                "an `external_id`)"
            )
        return policy

    def verify(self, shipment: OpenShipment, now: float) -> Next:
        """Begin to read a shipment back."""
        read_back = shipment.what.read_back(shipment.claim)
        if read_back is None:
            return Next(again_at=now)
        shipment.verification = Verification(read_back, now, shipment.lookalikes)
        return Next(again_at=shipment.verification.next_at)

    def of_left(self, shipment: OpenShipment, now: float) -> Next:
        """Decide for a shipment that a run which is gone may have sent."""
        policy = self.policy_for(shipment, now)
        if policy == "hold":
            return Next(receipt=receipts.left_open())
        if policy == "verify":
            return self.verify(shipment, now)
        return Next(again_at=now)

    def of_held(self, shipment: OpenShipment, now: float) -> Next:
        """Decide for a shipment that was held, and is replayed."""
        if self._sends_held_blindly:
            return Next(again_at=now)
        shipment.was_held = True
        if shipment.what.when_unknown("hold", math.inf, is_readable=False) == "retry":
            return Next(again_at=now)  # it does no harm, whatever the policy
        is_readable = self._can_be_told(shipment) and shipment.what.kind not in self._unreadable
        return self.verify(shipment, now) if is_readable else Next(receipt=receipts.held_still(shipment))

    def of_read(self, shipment: OpenShipment, answer: Answer, now: float) -> Next | None:
        """Decide after the answer to a reading back; None where it says nothing of the shipment."""
        verification = shipment.verification
        if verification is None:
            return Next(again_at=now)
        if answer.kind is Kind.ACCEPTED or answer.is_missing:
            page = Page((), "") if answer.is_missing else page_of(answer, verification.list_name)
            sent_at = self._first_sent_at(shipment, answer, now)
            return self._judge(shipment, verification, verification.note_page(page.items, page.next, now, sent_at), now)
        if answer.kind in {Kind.DENIED, Kind.REFUSED}:
            self._unreadable.add(shipment.what.kind)
            if shipment.was_held:
                return Next(receipt=receipts.held_still(shipment))
            shipment.verification = None
            policy = self.policy_for(shipment, now)
            kinds = f"{shipment.what.kind}s"
            self._say(
                f"{kinds} cannot be read back ({answer.summary}): on_unknown_outcome acts as {policy} from here on"
            )
            if policy == "hold":
                return Next(receipt=receipts.of_answer(Outcome.HELD, "unknown", answer, shipment))
            return Next(again_at=now + wait_before(shipment.attempts))
        return None

    def _judge(self, shipment: OpenShipment, verification: Verification, verdict: Verdict, now: float) -> Next:
        if verdict is Verdict.UNDECIDED:
            return Next(again_at=verification.next_at)
        shipment.verification = None
        if verdict is Verdict.ABSENT and shipment.is_key_spent:
            return Next(receipt=receipts.held_still(shipment))
        if verdict is Verdict.STORED:
            return Next(receipt=Receipt(Outcome.DELIVERED, attempts=shipment.attempts))
        shipment.is_doubtful = False
        return Next(again_at=now)

    def _first_sent_at(self, shipment: OpenShipment, answer: Answer, now: float) -> float | None:
        """Return when a shipment was first sent, by the clock of the server that answered, as far as it is told.

        That clock is asked at the reading: before an answer came, nothing is known of it.
        """
        if shipment.first_sent_at is None:
            return None
        served_at = self._wall() if answer.served_at is None else answer.served_at
        if shipment.left_at is not None:
            seconds = self._wall() - shipment.left_at
            return None if seconds < 0 else served_at - seconds  # by a clock that was ahead
        return served_at - (now - shipment.first_sent_at)

    @staticmethod
    def _can_be_told(shipment: OpenShipment) -> bool:
        return shipment.match.dedupe and shipment.what.read_back(shipment.claim) is not None

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            logger.warning("%s", sentence)
