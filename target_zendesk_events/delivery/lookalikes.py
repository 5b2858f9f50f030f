"""Shipments that look the same on a customer's timeline, soon one after another, so that none stands in for all.

Zendesk gives them no id that we know: when one of them is read back, the others are found too. How many went before
it tells how many must be found for it to be there.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Hashable
from typing import Final

from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.kinds.timeline import CLOCK_TOLERANCE_SECONDS

APART_SECONDS: Final = CLOCK_TOLERANCE_SECONDS + 2.0
"""Shipments further apart are told from each other by the times at which Zendesk received them."""


@dataclasses.dataclass(slots=True)
class _Row:
    """Shipments that look the same, none far from the one before: how many were sent, since when, and until when."""

    count: int
    first_sent_at: float
    last_answer_at: float


class Lookalikes:
    """Remembers what was sent in the last seconds; times are of the monotonic clock."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._rows: collections.OrderedDict[Hashable, _Row] = collections.OrderedDict()

    def note_departure(self, shipment: OpenShipment, now: float, ledger_now: float) -> None:
        """A shipment is about to go for the first time: note in it those that look the same and went shortly before.

        `ledger_now` is the ledger's time, in epoch seconds: the claim is to say since when they went.
        """
        while self._rows and next(iter(self._rows.values())).last_answer_at < now - APART_SECONDS:
            self._rows.popitem(last=False)
        shipment.appearance = shipment.what.appearance(shipment.claim)
        row = self._rows.get(shipment.appearance)
        if row is not None:
            shipment.lookalikes, shipment.first_sent_at = row.count, row.first_sent_at
            shipment.claimed_at = ledger_now - (now - row.first_sent_at)

    def note_stored(self, shipment: OpenShipment, now: float) -> None:
        """A shipment was stored, or may have been."""
        if shipment.first_sent_at is not None:
            self._rows[shipment.appearance] = _Row(shipment.lookalikes + 1, shipment.first_sent_at, now)
            self._rows.move_to_end(shipment.appearance)
