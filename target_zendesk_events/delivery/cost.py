"""What sending would take: how many things of each kind, how long, and how much of the month's quota."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Mapping

from target_zendesk_events.kinds.look_up import LookUp, bucket_of
from target_zendesk_events.kinds.nouns import DELETION, EVENT, told_apart
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Batch, Shipment
from target_zendesk_events.lengths import in_words


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """How many things of each kind, and how many requests of each bucket; percent of the month's quota (or None).

    It takes `minutes` at `per_minute` of the slower `bucket`.
    """

    counts: Mapping[str, int]
    requests: Mapping[Bucket, int]
    minutes: float
    per_minute: int
    bucket: Bucket
    share_of_month: float | None

    @property
    def deletions(self) -> int:
        """How many things are taken away."""
        return self.counts.get(DELETION, 0)

    @property
    def sent(self) -> str:
        """What is sent, in words: how many things, and of which kinds, where there are several."""
        kinds = {kind: count for kind, count in self.counts.items() if kind != DELETION}
        if len(kinds) > 1:
            return f"{sum(kinds.values()):,} things ({told_apart(kinds)})"
        return told_apart(kinds) or ("nothing" if self.deletions else "0 events")

    def __str__(self) -> str:
        """Return what it takes in words, the things aside."""
        whose = " of Support's" if self.bucket is Bucket.SUPPORT else ""
        share = "" if self.share_of_month is None else f", {self.share_of_month:.1f} % of the month's quota"
        return f"{in_words(self.minutes * 60)} at {self.per_minute:,} a minute{whose}{share}"


class Reckoning:
    """Adds up what sending would take; what may share a request does, and each id is looked up once."""

    def __init__(
        self, per_minute: Mapping[Bucket, int], monthly_event_quota: int | None, *, checks_customers: bool = False
    ) -> None:
        """Take how many requests a minute each bucket allows; `checks_customers` asks for each customer first."""
        self._checks_customers = checks_customers
        self._per_minute = per_minute
        self._monthly_event_quota = monthly_event_quota
        self._counts: collections.Counter[str] = collections.Counter()
        self._alone: collections.Counter[Bucket] = collections.Counter()
        self._together: collections.Counter[tuple[Bucket, Batch]] = collections.Counter()
        self._look_ups: set[LookUp] = set()

    def add(self, what: Shipment) -> None:
        """Count one thing."""
        self._counts[what.kind] += 1
        self._look_ups.update(what.look_ups())
        if self._checks_customers:
            self._look_ups.update((what.known_by() or ())[:1])  # the next one is asked for where that finds nobody
        batch = what.batch()
        if batch is None:
            self._alone[what.bucket] += 1
        else:
            self._together[what.bucket, batch] += 1

    def cost(self) -> Cost:
        """Return the sum. Both buckets are used at once, so that the slower one counts."""
        requests = self._alone.copy()
        for (bucket, batch), count in self._together.items():
            requests[bucket] += math.ceil(count / batch.max_items)
        families = collections.Counter((bucket_of(one.family), one.family, one.most_together) for one in self._look_ups)
        for (bucket, _, most_together), count in families.items():
            requests[bucket] += math.ceil(count / most_together)
        minutes, slower = max(
            ((requests[bucket] / self._per_minute[bucket], bucket) for bucket in Bucket),
            key=lambda one: (one[0], one[1] is Bucket.EVENTS),
        )
        quota = self._monthly_event_quota
        share = self._counts[EVENT] * 100 / quota if quota and self._counts[EVENT] else None
        return Cost(dict(self._counts), dict(requests), minutes, self._per_minute[slower], slower, share)
