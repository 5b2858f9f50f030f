"""Counts, and what is said of them: a run in numbers that add up."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from target_zendesk_events.kinds.nouns import NOUNS
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.moments import in_utc
from target_zendesk_events.outcome.reasons import Reasons
from target_zendesk_events.outcome.requests import AnswerTimes, Minute, Span
from target_zendesk_events.work import Match, Outcome

RECORD_COUNTS: Final = ("invalid", "unmatched", "skipped", "matched")
MATCH_COUNTS: Final = ("filtered", "too_old", "unmappable", "events")
"""Of the matches; `events` are the things to send, of whatever kind."""
OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)
SET_ASIDE_BEFORE: Final = ("duplicate_rejected", "duplicate_held")
"""Of the duplicates, those that were not delivered when they came first: they wait in the dead letters."""


@dataclasses.dataclass(slots=True)
class RuleCounts:
    """What one rule made of one stream."""

    matches: int = 0
    counts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    kinds: collections.defaultdict[str, collections.Counter[str]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    """Of the things to send: how many are of a kind, and their outcomes."""
    left_out: collections.Counter[tuple[str, str]] = dataclasses.field(default_factory=collections.Counter)

    @property
    def undelivered(self) -> int:
        """Things to send whose outcome is still open."""
        return _undelivered(self.counts)

    def count(self, match: Match, name: str) -> None:
        """Count what a match came to: why it yields nothing to send, `events`, or an outcome."""
        self.counts[name] += 1
        if match.shipment is not None:
            self.kinds[match.shipment.kind][name] += 1

    def note_set_aside_before(self, how: str) -> None:
        """Note of a duplicate that it was `rejected` or `held` when it came first; nothing where `how` is empty."""
        if how:
            self.counts[f"duplicate_{how}"] += 1

    def as_object(self) -> dict[str, Any]:
        """Return the counts under their names; `matches` and `events` add up."""
        numbers: dict[str, Any] = {"matches": self.matches}
        numbers |= {name: self.counts[name] for name in (*MATCH_COUNTS, *OUTCOMES)}
        numbers["undelivered"] = self.undelivered
        numbers |= {name: self.counts[name] for name in SET_ASIDE_BEFORE}
        numbers["kinds"] = by_kind([self])
        numbers |= {name: self.counts[name] for name in ("changed", "ahead_of_clock") if self.counts[name]}
        if self.left_out:
            numbers["identifiers_left_out"] = {
                f"{kind}: {why}": count for (kind, why), count in sorted(self.left_out.items())
            }
        return numbers


@dataclasses.dataclass(slots=True)
class StreamCounts:
    """What became of one stream's records, as its rules see them."""

    records: int = 0
    counts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    letters: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    reasons: Reasons = dataclasses.field(default_factory=Reasons)
    set_aside: int = 0
    rules: collections.defaultdict[str, RuleCounts] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(RuleCounts)
    )
    stopped: str = ""
    settled_at: float | None = None
    """When the newest of them was settled, in epoch seconds; None where none was."""

    def rule(self, name: str) -> RuleCounts:
        """Return the counts of one rule."""
        return self.rules[name]

    def total(self, name: str) -> int:
        """Return one count over all rules."""
        if name == "undelivered":
            return sum(rule.undelivered for rule in self.rules.values())
        return sum(rule.counts[name] for rule in self.rules.values())

    def as_object(self) -> dict[str, Any]:
        """Return the counts under their names; `records` adds up."""
        numbers: dict[str, Any] = {"records": self.records}
        numbers |= {name: self.counts[name] for name in RECORD_COUNTS}
        numbers["set_aside"] = self.set_aside
        numbers["settled"] = None if self.settled_at is None else in_utc(self.settled_at)
        if self.letters:
            numbers["dead_letters"] = dict(sorted(self.letters.items()))
        if self.stopped:
            numbers["stopped"] = self.stopped
        numbers["rules"] = {name: rule.as_object() for name, rule in self.rules.items()}
        return numbers


class Report:
    """The numbers of one run."""

    def __init__(self) -> None:
        """Start at zero."""
        self.streams: collections.defaultdict[str, StreamCounts] = collections.defaultdict(StreamCounts)
        self.requests: collections.Counter[str] = collections.Counter()
        self.attempts = Span()
        """All that take a minute's place."""
        self.minutes = {bucket: Minute() for bucket in Bucket}
        self.seconds_waited = 0.0
        self.answer_times = AnswerTimes()
        self.dead_letters_waiting = 0

    def stream(self, name: str) -> StreamCounts:
        """Return the counts of one stream."""
        return self.streams[name]

    def count_record(self, stream: str, kind: str) -> None:
        """Count one record as `invalid`, `unmatched`, `skipped` or `matched`."""
        counts = self.streams[stream]
        counts.records += 1
        counts.counts[kind] += 1

    def count_match(self, stream: str, match: Match) -> RuleCounts:
        """Count what a rule made of a record: a thing to send, or why none. Returns the rule's counts."""
        counts = self.streams[stream].rules[match.rule]
        counts.matches += 1
        counts.count(match, match.no_shipment or "events")
        if match.shipment is not None:
            minute = self.minutes[match.shipment.bucket]
            minute.open += 1
            minute.kinds.add(match.shipment.kind)
        return counts

    def count_outcome(self, stream: str, match: Match, outcome: Outcome) -> RuleCounts:
        """Count how a thing that was to be sent ended. Returns the rule's counts."""
        counts = self.streams[stream].rules[match.rule]
        counts.count(match, outcome)
        if match.shipment is not None:
            self.minutes[match.shipment.bucket].open -= 1
        return counts

    def count_known(self, stream: str, rule: str, kind: str) -> None:
        """Count what a rule would have made of a record, and what was delivered before."""
        counts = self.streams[stream].rules[rule]
        counts.matches += 1
        for name in ("events", Outcome.DUPLICATE):
            counts.counts[name] += 1
            counts.kinds[kind][name] += 1

    def arrange(self, rules: Iterable[str]) -> None:
        """Put each stream's rules into this order, in which they are told: what was counted first hangs on records."""
        place = {name: number for number, name in enumerate(rules)}
        for counts in self.streams.values():
            for name in sorted(counts.rules, key=lambda name: place.get(name, len(place))):
                counts.rules[name] = counts.rules.pop(name)

    def count_letter(self, stream: str, reason: str, why: str = "", line_number: int = 0) -> None:
        """Count one dead letter; `why` is a sentence without a customer's value."""
        counts = self.stream(stream)
        counts.letters[reason] += 1
        counts.reasons.add(reason, why, line_number)

    def count_set_aside(self, stream: str) -> None:
        """Count one record that went to the dead letters, whole or in part."""
        self.stream(stream).set_aside += 1

    def count_answer(self, seconds: float, limit: int | None, now: float, bucket: Bucket) -> None:
        """Note one answer to what takes a bucket's minute; `limit` is the account's, by the answer's headers."""
        self.answer_times.add(seconds)
        minute = self.minutes[bucket]
        self.attempts.last_answer_at = minute.last_answer_at = now
        if limit is not None:
            minute.limit_seen = limit

    def count_request(self, asked: str, now: float, bucket: Bucket | None, things: int = 0) -> None:
        """Count one request, by what it asks: see `ATTEMPTS`; of no bucket is what takes no minute's place.

        `things` are those that it is sent for, and none was sent for before.
        """
        self.requests[asked] += 1
        if bucket is not None:
            self.attempts.note_request(now)
            self.minutes[bucket].note_request(now)
            self.minutes[bucket].things += things

    def count_wait(self, seconds: Mapping[Bucket, float]) -> None:
        """Count how long something could have gone but for a bucket's limit, since the last call."""
        self.seconds_waited += max(seconds.values(), default=0.0)
        for bucket, waited in seconds.items():
            self.minutes[bucket].seconds_waited += waited

    def totals(self) -> dict[str, int]:
        """Return the numbers of the whole run, under the names that every report uses."""
        streams = self.streams.values()
        totals = {"records": sum(stream.records for stream in streams)}
        totals |= {name: sum(stream.counts[name] for stream in streams) for name in RECORD_COUNTS}
        totals["matches"] = sum(rule.matches for stream in streams for rule in stream.rules.values())
        for name in (*MATCH_COUNTS, *OUTCOMES, "undelivered", *SET_ASIDE_BEFORE):
            totals[name] = sum(stream.total(name) for stream in streams)
        return totals

    def kinds(self) -> dict[str, dict[str, int]]:
        """Return the things to send of the whole run, and their outcomes, by kind."""
        return by_kind([rule for stream in self.streams.values() for rule in stream.rules.values()])

    def only_filtered(self) -> dict[str, int]:
        """Return the rules whose `when` said no to every record of the run, each with the number of records."""
        matches: collections.Counter[str] = collections.Counter()
        filtered: collections.Counter[str] = collections.Counter()
        for stream in self.streams.values():
            for name, rule in stream.rules.items():
                matches[name] += rule.matches
                filtered[name] += rule.counts["filtered"]
        return {name: count for name, count in matches.items() if count and filtered[name] == count}

    def any_set_aside(self) -> bool:
        """Tell whether a record went to the dead letters, whole or in part."""
        return any(stream.letters for stream in self.streams.values())

    def only_set_aside(self) -> list[str]:
        """Return the streams that set aside five records or more and delivered none."""
        return [
            name
            for name, stream in self.streams.items()
            if stream.set_aside >= 5 and not stream.total("delivered")  # noqa: PLR2004 - the contract's number
        ]


def by_kind(rules: Iterable[RuleCounts]) -> dict[str, dict[str, int]]:
    """Return the things to send of some rules, and their outcomes, by kind; those of a kind add up."""
    sums: dict[str, collections.Counter[str]] = {}
    for rule in rules:
        for kind, counts in rule.kinds.items():
            sums.setdefault(kind, collections.Counter()).update(counts)
    told = ((kind, sums[kind]) for kind in NOUNS if kind in sums)
    names = ("events", *OUTCOMES)
    return {kind: {**{name: one[name] for name in names}, "undelivered": _undelivered(one)} for kind, one in told}


def _undelivered(counts: collections.Counter[str]) -> int:
    return counts["events"] - sum(counts[name] for name in OUTCOMES)
