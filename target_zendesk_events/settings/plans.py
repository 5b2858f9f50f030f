"""What an account's plan allows, by Zendesk's tables of rate limits and of custom data limits."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """One plan's limits: requests a minute of the Events API's bucket and of Support's, and what becomes of events."""

    requests_per_minute: int
    support_requests_per_minute: int
    events_per_month: int
    retention_days: int


PLANS: Mapping[str, Plan] = {
    "team": Plan(250, 200, 150_000, 90),
    "growth": Plan(250, 400, 150_000, 90),
    "professional": Plan(500, 400, 350_000, 365),
    "enterprise": Plan(700, 700, 750_000, 365),
    "enterprise_plus": Plan(1_000, 2_500, 3_000_000, 1_095),
}
NO_PLAN = Plan(250, 200, 0, 365)
"""Where no plan is named: the smallest plan's rates, no quota, a year in the ledger."""
