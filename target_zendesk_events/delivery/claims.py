"""What a shipment takes before it goes, and gives back if it does not: a claim in the ledger, a place in the quota."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from target_zendesk_events.delivery.lookalikes import Lookalikes
from target_zendesk_events.delivery.settling import Settling, keyed_of, known_end
from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.ledger.ledger import COUNTED, NEW, SENT_AGAIN, Entry, Ledger, Standing
from target_zendesk_events.limits.brakes import Quotas
from target_zendesk_events.work import Outcome, Receipt
from target_zendesk_events.zendesk.answers import Answer, Kind

SECONDS_BETWEEN_BEATS: Final = 2.0
"""While shipments are open, the lease on their claims is looked after so often."""


class Claims:
    """Takes claims together, a commit for all that goes next; times are of the monotonic clock."""

    def __init__(self, ledger: Ledger, settling: Settling, quotas: Quotas) -> None:
        """Claim in `ledger`, with the commits of `settling`; places are `quotas`'."""
        self._ledger = ledger
        self._settling = settling
        self._quotas = quotas
        self._lookalikes = Lookalikes()

    def take(self, picked: Sequence[OpenShipment], now: float) -> list[Entry]:
        """Settle what was received and claim what goes next, in one commit; return what the ledger says of each.

        What another run has, or has settled, does not go: its place is free.
        """
        ledger_now = self._ledger.now()
        for shipment in picked:
            if shipment.first_sent_at is None:
                shipment.claimed_at = ledger_now
                self._lookalikes.note_departure(shipment, now, ledger_now)
        answers = iter(self._settling.commit([keyed_of(one) for one in picked if not one.is_claimed]))
        if self._ledger.sent is not None:
            self._quotas.recount(self._ledger.sent)
        entries = [NEW if one.is_claimed else next(answers) for one in picked]
        for shipment, entry in zip(picked, entries, strict=True):
            self._note(shipment, entry, now)
        return entries

    def settled_as(self, shipment: OpenShipment) -> Receipt | None:
        """Return how a thing ended whose content is what was last sent of it; None where it is another, or not known.

        It was let in while another content was on its way: what was received of that is settled first.
        """
        if shipment.content is None or shipment.is_claimed:
            return None
        self._settling.commit([])
        entry = self._ledger.seen([keyed_of(shipment)])[0]
        goes_again = shipment.is_replayed and entry.outcome in SENT_AGAIN
        return known_end(entry) if entry.standing is Standing.SETTLED and not goes_again else None

    def heed(self, answer: Answer) -> None:
        """Take the time that an answer tells: only one that took what was asked is Zendesk's for certain."""
        if answer.kind is Kind.ACCEPTED and answer.served_at is not None:
            self._ledger.heed(answer.served_at)

    def may_go(self) -> bool:
        """Tell whether claims count at this moment. May be asked from any thread."""
        return self._ledger.holds_lease()

    def renew(self, waiting: Callable[[], Iterable[OpenShipment]]) -> None:
        """Renew the lease when it is time.

        Where it had lapsed, as after a suspension, other runs may have taken the claims of those that wait over.
        """
        if not self._ledger.heartbeat():
            for shipment in [one for one in waiting() if one.is_claimed]:
                shipment.must_claim_anew()

    def renews_at(self, now: float) -> float:
        """Return when to look after the lease again."""
        return now + SECONDS_BETWEEN_BEATS

    def settle(self, shipment: OpenShipment, outcome: Outcome, now: float) -> None:
        """It has its outcome: its place is used, or free again."""
        if outcome in COUNTED:
            self._lookalikes.note_stored(shipment, now)
        if shipment.has_quota:
            shipment.has_quota = False
            (self._quotas.use if outcome in COUNTED else self._quotas.give_back)(shipment.what.kind)

    def take_back(self, shipments: Iterable[OpenShipment]) -> None:
        """Take back claim and place of what was not sent, or of which it is known that it was not stored."""
        unsent = [one for one in shipments if one.is_claimed and not one.is_doubtful]
        for one in unsent:
            one.is_claimed = False
            self._give_place_back(one)
        if unsent:
            self._ledger.release([keyed_of(one) for one in unsent])

    def _note(self, shipment: OpenShipment, entry: Entry, now: float) -> None:
        shipment.holder = entry.holder
        if entry.standing in {Standing.BUSY, Standing.SETTLED}:
            self._give_place_back(shipment)
            return
        shipment.is_claimed, shipment.claims_anew = True, False
        if entry.claimed_at is not None:
            shipment.claimed_at = entry.claimed_at
        if entry.standing is Standing.UNKNOWN:
            shipment.first_sent_at = now - max(0.0, self._ledger.now() - entry.sent_since)
            shipment.left_at, shipment.lookalikes = entry.sent_since, entry.lookalikes
            shipment.is_doubtful = True

    def _give_place_back(self, shipment: OpenShipment) -> None:
        if shipment.has_quota:
            shipment.has_quota = False
            self._quotas.give_back(shipment.what.kind)
