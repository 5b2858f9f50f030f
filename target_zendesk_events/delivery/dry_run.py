"""A dry run: all that delivery would do, but for sending and writing."""

from __future__ import annotations

import collections
import functools
import json
import logging
from collections.abc import Mapping
from typing import Protocol

from target_zendesk_events.delivery.cost import Cost, Reckoning
from target_zendesk_events.errors import TargetError
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import NEW, SENT_AGAIN, Entry, Keyed, Ledger, Standing
from target_zendesk_events.limits.brakes import Names
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.work import Match, NoShipment, Outcome, Work

logger = logging.getLogger("target-zendesk-events")

SHOWN_FOR_EACH_RULE = 2
BATCH_SIZE = 500


class Observer(Protocol):
    """Who is told of each thing that a dry run comes to."""

    holds_limits: bool
    """Whether names that are one too many stop a stream, as they would in a run."""

    def note_set_aside(self, work: Work, rule: str, reason: str, why: str) -> None:
        """A record, or a rule's part of it (`rule`), would be set aside."""

    def note_shipment(self, work: Work, match: Match, what: Shipment, key: bytes | None, entry: Entry) -> None:
        """What would be sent, or is known: the ledger has `entry` under `key`."""

    def note_end(self, cost: Cost) -> None:
        """The input has ended."""


class MaskedLog:
    """Says in the log what a run would do: a few bodies of each rule with every value masked, and the cost."""

    holds_limits = True

    def __init__(self) -> None:
        """Say nothing yet."""
        self._shown: collections.Counter[str] = collections.Counter()

    def note_set_aside(self, work: Work, rule: str, reason: str, why: str) -> None:  # noqa: ARG002 - others want it all
        """Say why, of the first."""
        if reason != "invalid":
            self._say(rule, why)

    def note_shipment(self, work: Work, match: Match, what: Shipment, key: bytes | None, entry: Entry) -> None:  # noqa: ARG002
        """Say how the first ones look."""
        if entry.standing is not Standing.SETTLED:
            self._say(match.rule, json.dumps(what.masked(), ensure_ascii=False))

    def note_end(self, cost: Cost) -> None:
        """Say what sending would cost, deletions apart."""
        deleted = f" and {cost.deletions:,} deleted" if cost.deletions else ""
        logger.info("dry run: %s would be sent%s, in about %s", cost.sent, deleted, cost)

    def _say(self, rule: str, sentence: str) -> None:
        self._shown[rule] += 1
        if self._shown[rule] <= SHOWN_FOR_EACH_RULE:
            logger.info("dry run: %s: %s", rule, sentence)


class DryRun:
    """Stands in the sender's place: counts what would be sent, and tells an observer of it."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        ledger: Ledger,
        report: Report,
        keys: Keys,
        names: Names,
        *,
        per_minute: Mapping[Bucket, int],
        monthly_event_quota: int | None,
        has_ledger: bool,
        checks_customers: bool,
    ) -> None:
        """Look shipments up in the ledger, and write nothing anywhere; `has_ledger` says that the run will have one."""
        self._has_ledger = has_ledger
        self._met: dict[bytes, bytes | None] = {}
        self._ledger = ledger
        self._report = report
        self._keys = keys
        self._names = names
        self._reckoning = Reckoning(per_minute, monthly_event_quota, checks_customers=checks_customers)
        self._batch: list[tuple[Work, Match, Shipment]] = []
        self.observer: Observer = MaskedLog()
        self.failure: TargetError | None = None
        self.stopped: dict[str, TargetError] = {}
        self._dropped: set[str] = set()
        self.is_stopping = False
        self.has_room = True
        self.is_done = False

    @property
    def wants_step(self) -> bool:
        """Whether the batch is full."""
        return len(self._batch) >= BATCH_SIZE

    def take(self, work: Work) -> None:
        """Take in one record."""
        report = self._report
        report.count_record(work.stream, "invalid" if work.invalid else "matched" if work.matches else "unmatched")
        if work.invalid:
            report.count_letter(work.stream, "invalid", work.invalid, work.line_number)
            report.count_set_aside(work.stream)
            self.observer.note_set_aside(work, "", "invalid", work.invalid)
            return
        unmappable = False
        for match in self._keys.told_apart(work):
            counts = report.count_match(work.stream, match)
            counts.left_out.update((one.type, one.why) for one in match.left_out)
            counts.counts["ahead_of_clock"] += match.is_ahead
            if match.shipment is not None:
                self._batch.append((work, match, match.shipment))
            elif match.no_shipment is NoShipment.UNMAPPABLE:
                unmappable = True
                report.count_letter(work.stream, match.no_shipment.value, match.message, work.line_number)
                self.observer.note_set_aside(work, match.rule, match.no_shipment.value, match.message)
        if unmappable:
            report.count_set_aside(work.stream)

    def close_batch(self) -> None:
        """Look the batch up, and count what would be sent."""
        batch, self._batch = self._batch, []
        keyed = [
            Keyed(
                self._keys.of_shipment(work, match),
                functools.partial(self._keys.of_row, work, match),
                work.stream,
                again=work.replayed is not None,
                persons=functools.partial(self._keys.of_persons, what),
                kind=what.kind,
                content=self._keys.of_content(match),
            )
            for work, match, what in batch
        ]
        for (work, match, what), one, entry in zip(batch, keyed, self._ledger.seen(keyed), strict=True):
            if entry.outcome is Outcome.FORGOTTEN:
                self._report.count_outcome(work.stream, match, Outcome.FORGOTTEN)
                continue
            is_settled = entry.standing is Standing.SETTLED and not (one.again and entry.outcome in SENT_AGAIN)
            if self._is_known(one, is_settled=is_settled):
                counts = self._report.count_outcome(work.stream, match, Outcome.DUPLICATE)
                counts.note_set_aside_before(entry.set_aside_as)
                known = entry if is_settled else Entry(Standing.SETTLED, Outcome.DUPLICATE)
                self.observer.note_shipment(work, match, what, one.key, known)
            elif work.stream not in self._dropped:
                goes_again = entry.standing is Standing.SETTLED
                self._hold_against_limits(work, match, what, one.key, NEW if goes_again else entry)

    def _is_known(self, one: Keyed, *, is_settled: bool) -> bool:
        """Tell whether the ledger would know this shipment by then: from before, or by what this run met so far."""
        if one.key is None or not self._has_ledger or (is_settled and one.key not in self._met):
            return is_settled
        is_known = one.key in self._met and self._met[one.key] == one.content
        self._met[one.key] = one.content
        return is_known

    def _hold_against_limits(self, work: Work, match: Match, what: Shipment, key: bytes | None, entry: Entry) -> None:
        fault = what.limit_fault()
        if fault:
            self._report.count_outcome(work.stream, match, Outcome.REJECTED)
            self._report.count_letter(work.stream, "limit", fault, work.line_number)
            self.observer.note_set_aside(work, match.rule, "limit", fault)
            return
        too_many = self._names.admit(what.names()) if self.observer.holds_limits else ""
        if too_many:
            self.stop_stream(work.stream, TargetError(f"stream {work.stream} is stopped: {too_many}"))
            return
        if entry.changed:
            self._report.stream(work.stream).rule(match.rule).counts["changed"] += 1
        self._reckoning.add(what)
        self.observer.note_shipment(work, match, what, key, entry)

    def step(self) -> float | None:
        """Close a full batch; nothing else goes on."""
        if self.wants_step:
            self.close_batch()
        return None

    def finish(self) -> None:
        """The input has ended."""
        self.close_batch()
        self.is_done = True

    def stop(self, failure: TargetError | None = None) -> None:
        """End the dry run early."""
        self.failure = failure
        self.is_stopping = True
        self.is_done = True

    def stop_stream(self, stream: str, error: TargetError, *, drops: bool = True) -> None:
        """Take nothing more of this stream; with `drops`, what was read is not counted as to be sent either."""
        if stream not in self.stopped:
            self.stopped[stream] = error
            if drops:
                self._dropped.add(stream)
            self._report.stream(stream).stopped = str(error)
            logger.error("%s", error)

    def skip(self, source_stream: str) -> None:
        """Pass over a record of a stopped stream."""

    def allow_state(self) -> None:
        """No STATE goes out of a dry run."""

    def check_credentials(self) -> None:
        """Nothing is sent in a dry run, so nobody is asked."""

    def end(self) -> None:
        """Tell what sending would cost."""
        self.observer.note_end(self._reckoning.cost())
