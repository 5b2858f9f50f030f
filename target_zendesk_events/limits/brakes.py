"""When a stream, or the run, stops before it does harm: too much set aside, too many names."""

from __future__ import annotations

import collections
import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence

from target_zendesk_events.errors import BrakeError
from target_zendesk_events.kinds.shipment import CountedName

MIN_RECORDS = 50
"""Records that were matched or invalid before the share of those set aside means anything."""


class SetAsideShare:
    """How much of each stream's records went to the dead letters, against `max_set_aside_percent`.

    Counted over a UTC day, while a stream's rules, schema and settings stay as they are. What is known from before is
    one of the records and is not set aside again; replays do not count.
    """

    def __init__(self, max_percent: int, before: Callable[[str], tuple[int, int]] = lambda _: (0, 0)) -> None:
        """Allow `max_percent`; `before` tells a stream's records, and those set aside, of earlier runs."""
        self._max_percent = max_percent
        self._before = before
        self._records: dict[str, int] = {}
        self._set_aside: dict[str, int] = {}
        self._fresh_records: collections.Counter[str] = collections.Counter()
        self._fresh_set_aside: collections.Counter[str] = collections.Counter()

    def note_record(self, stream: str) -> None:
        """Count a record that was matched or invalid."""
        if stream not in self._records:
            self._know(stream)
        self._records[stream] += 1
        self._fresh_records[stream] += 1

    def note_set_aside(self, stream: str) -> str:
        """Count a record that was set aside; return what stops its stream, to be followed by why, or nothing."""
        if stream not in self._records:
            self._know(stream)
        self._set_aside[stream] += 1
        self._fresh_set_aside[stream] += 1
        aside, records = self._set_aside[stream], self._records[stream]
        too_many = records >= MIN_RECORDS and aside * 100 > self._max_percent * records
        if self._max_percent and not too_many:
            return ""
        return (
            f"stream {stream} is stopped: {aside:,} of the {records:,} records that were seen today (UTC), with its "
            f"rules, schema and settings as they are, were set aside, more than max_set_aside_percent "
            f"({self._max_percent}) allows"
        )

    @property
    def has_fresh(self) -> bool:
        """Whether a record was set aside since the counts were last taken."""
        return bool(self._fresh_set_aside)

    @property
    def has_counted(self) -> bool:
        """Whether any record was counted since then."""
        return bool(self._fresh_records)

    def take_fresh(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return what was counted since the last time, by stream: records, and those set aside."""
        fresh = dict(self._fresh_records), dict(self._fresh_set_aside)
        self._fresh_records.clear()
        self._fresh_set_aside.clear()
        return fresh

    def _know(self, stream: str) -> None:
        self._records[stream], self._set_aside[stream] = self._before(stream)


class Names:
    """The distinct sources and types of events and profiles, which Zendesk limits for the whole account."""

    def __init__(self, before: Mapping[str, frozenset[bytes]], secret: bytes) -> None:
        """Start from the names that earlier runs used, by kind (`event source`, ...), each hashed with `secret`."""
        self._used = {kind: set(hashes) for kind, hashes in before.items()}
        self._secret = secret
        self._admitted: set[tuple[str, str]] = set()
        self.fresh: list[tuple[str, bytes]] = []
        """Names that no earlier run used, as (kind, hash), for the ledger to take."""

    def admit(self, wanted: Sequence[CountedName]) -> str:
        """Note the names of a shipment; return the sentence that stops its stream where one is too many, or nothing."""
        unseen = [(kind, name, limit) for kind, name, limit in wanted if (kind, name) not in self._admitted]
        for kind, name, limit in unseen:
            used = self._used.setdefault(kind, set())
            if self._hash(name) not in used and len(used) >= limit:
                return (
                    f"Zendesk takes {limit} different {kind}s in an account, and all are used: a template writes a "
                    f"value of high cardinality into the {kind}. Use a constant, or put that value into `properties` "
                    "[ZE233]"
                )
        for kind, name, _ in unseen:
            self._admitted.add((kind, name))
            digest = self._hash(name)
            if digest not in self._used[kind]:
                self._used[kind].add(digest)
                self.fresh.append((kind, digest))
        return ""

    def _hash(self, name: str) -> bytes:
        return hashlib.blake2b(name.encode(), digest_size=8, key=self._secret).digest()


EVENTS_A_DAY = (
    "{:,} events were sent today (UTC) or are under way, as many as max_events_per_day allows: "
    "this looks like a backfill: set `since`, or raise `max_events_per_day`; nothing is lost, STATE is safe [ZE504]"
)
DELETIONS_A_DAY = (
    "{:,} things were deleted today (UTC) or are under way, as many as max_deletions_per_day allows: "
    "if that is meant, raise `max_deletions_per_day` or run again tomorrow, else mend the rule's `when`; nothing is "
    "lost, STATE is safe [ZE505]"
)


class Quotas:
    """The quota of each kind of shipment that has one; others have a place whenever they ask for it."""

    def __init__(self, quotas: Mapping[str, Quota]) -> None:
        """Hold shipments against `quotas`, by their kind."""
        self._quotas = quotas
        self._refused = ""

    def take(self, kind: str) -> bool:
        """Take the place of one shipment; false where none is left."""
        quota = self._quotas.get(kind)
        if quota is None or quota.take():
            return True
        self._refused = kind
        return False

    def give_back(self, kind: str) -> None:
        """Give back the place of a shipment that turned out to need none."""
        if kind in self._quotas:
            self._quotas[kind].give_back()

    def use(self, kind: str) -> None:
        """Count the shipment that had a place as sent."""
        if kind in self._quotas:
            self._quotas[kind].use()

    def recount(self, sent: Mapping[str, tuple[int, int]]) -> None:
        """Take over what the ledger counts as sent of each kind, this month and today, by all runs on it."""
        for kind, counts in sent.items():
            if kind in self._quotas:
                self._quotas[kind].recount(*counts)

    def error(self) -> BrakeError:
        """Return the error that ends the run, for want of the place that was refused last."""
        return self._quotas[self._refused].error()


class Quota:
    """How many more shipments of a kind the month's quota and the day's brake allow; times are UTC."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        *,
        per_month: int | None,
        per_day: int | None,
        used_this_month: int = 0,
        used_today: int = 0,
        wall: Callable[[], float],
        sentence: str = EVENTS_A_DAY,
    ) -> None:
        """Allow `per_month` and `per_day`, None for any number; `wall` is the epoch clock.

        `sentence` ends the run where the day's brake does, with a place for its number.
        """
        self._sentence = sentence
        self._limits = {"%Y-%m": per_month, "%Y-%m-%d": per_day}
        self._wall = wall
        self._used: collections.Counter[str] = collections.Counter()
        self._today: dt.date | None = None
        self._periods: dict[str, str] = {}
        self._open = 0
        self.recount(used_this_month, used_today)

    def take(self) -> bool:
        """Take the place of one shipment; false where none is left."""
        if any(limit is not None and self._taken(form) >= limit for form, limit in self._limits.items()):
            return False
        self._open += 1
        return True

    def give_back(self) -> None:
        """Give back the place of one that turned out to need none: a duplicate, or one that was refused."""
        self._open -= 1

    def use(self) -> None:
        """Count the one that had a place as sent."""
        self._open -= 1
        for form in self._limits:
            self._used[self._period(form)] += 1

    def recount(self, used_this_month: int, used_today: int) -> None:
        """Take over what the ledger counts as sent, by all runs on it, those beside this one too."""
        self._used[self._period("%Y-%m")] = used_this_month
        self._used[self._period("%Y-%m-%d")] = used_today

    def share_of_month(self) -> float | None:
        """Return the percentage of the month's quota that is used; None without one."""
        limit = self._limits["%Y-%m"]
        return None if not limit else self._taken("%Y-%m") * 100 / limit

    def error(self) -> BrakeError:
        """Return the error that ends the run, naming the brake."""
        month, day = self._limits["%Y-%m"], self._limits["%Y-%m-%d"]
        if month is not None and self._taken("%Y-%m") >= month:
            return BrakeError(
                f"the month's quota is used up: monthly_event_quota is {month:,} events. "
                "Run again next month (UTC), or raise it if the account's plan allows; nothing is lost, STATE is safe "
                "[ZE503]"
            )
        return BrakeError(self._sentence.format(day))

    def _taken(self, form: str) -> int:
        return self._used[self._period(form)] + self._open

    def _period(self, form: str) -> str:
        today = dt.datetime.fromtimestamp(self._wall(), dt.timezone.utc).date()
        if today != self._today:
            self._today = today
            self._periods = {form: today.strftime(form) for form in self._limits}
        return self._periods[form]
