"""What follows an answer, as a value."""

from __future__ import annotations

import dataclasses

from target_zendesk_events.errors import TargetError
from target_zendesk_events.work import Receipt


@dataclasses.dataclass(frozen=True, slots=True)
class Next:
    """What follows an answer: the shipment's receipt, or when it goes again; and what follows for all."""

    receipt: Receipt | None = None
    again_at: float = 0.0
    holds_all_until: float | None = None
    renew: bool = False
    failure: TargetError | None = None
    checks_address: bool = False
