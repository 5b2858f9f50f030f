"""A batch of records on their way in: looked up in the ledger, held against the limits, let into the lanes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Container
from typing import Final

from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.settling import Settling, aside_of, keyed_of, known_end
from target_zendesk_events.delivery.shipment import OpenDraft, OpenRecord, OpenShipment, SetAside
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.shipment import Missing
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import SENT_AGAIN, Entry, Ledger, Standing
from target_zendesk_events.limits.brakes import Names, SetAsideShare
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.work import Match, NoShipment, Outcome, Receipt, Work

BATCH_SECONDS: Final = 0.5
"""A batch closes after so long at the latest."""
MAX_OPEN_SHIPMENTS: Final = 2_000
MAX_OPEN_BYTES: Final = 8 << 20
"""The window of unsettled work: beyond either, nothing more is read."""


class Intake:
    """Takes records one by one; looks the shipments of a batch up together when the batch closes."""

    def __init__(  # noqa: PLR0913, PLR0917 - values, not owners
        self,
        ledger: Ledger,
        report: Report,
        settling: Settling,
        lanes: Lanes[OpenShipment],
        keys: Keys,
        share: SetAsideShare,
        names: Names,
        *,
        batch_size_rows: int,
        monotonic: Callable[[], float],
    ) -> None:
        """Start with an empty batch."""
        self._ledger = ledger
        self._report = report
        self._settling = settling
        self._lanes = lanes
        self._keys = keys
        self._share = share
        self._names = names
        self._batch: list[OpenShipment | OpenDraft] = []
        self._asides: list[SetAside] = []
        self._batch_size_rows = batch_size_rows
        self._monotonic = monotonic
        self._since = math.inf
        self.records = 0
        """Records in the open batch."""

    @property
    def has_room(self) -> bool:
        """Whether another record may be read."""
        open_shipments = len(self._lanes) + len(self._batch)
        return open_shipments < MAX_OPEN_SHIPMENTS and self._settling.open_bytes < MAX_OPEN_BYTES

    @property
    def is_full(self) -> bool:
        """Whether the batch is to be closed at once."""
        return self.records >= self._batch_size_rows

    @property
    def due_at(self) -> float:
        """When the batch is to be closed at the latest; infinity for an empty one."""
        return self._since + BATCH_SECONDS

    def take(self, work: Work) -> None:
        """Take in a record: count it, and put its shipments, and what yields none, into the batch."""
        self._count(work)
        if self.records and self._since == math.inf:
            self._since = self._monotonic()

    def _count(self, work: Work) -> None:
        is_matched = bool(work.matches) or work.draft is not None
        self._report.count_record(work.stream, "invalid" if work.invalid else "matched" if is_matched else "unmatched")
        if work.invalid:
            self.records += 1
            self._note_record(work)
            self._put_aside(self._settling.open(work, 1), "invalid", work.invalid)
            return
        sendable, unmappable = self._sorted(work)
        if is_matched:
            self._note_record(work)
        if sendable or unmappable or work.draft is not None:
            self.records += 1
            open_record = self._settling.open(work, len(sendable) + len(unmappable) + (work.draft is not None))
            self._set_aside(open_record, unmappable)
            self._batch += self._shipments(open_record, sendable)
            if work.draft is not None:
                self._batch.append(OpenDraft(open_record, work.draft))
        elif is_matched:
            self._settling.pass_by(work.stream)

    def _sorted(self, work: Work) -> tuple[list[Match], list[Match]]:
        """Count a record's matches; return those that yield something to send, and those that cannot be mapped."""
        sendable: list[Match] = []
        unmappable: list[Match] = []
        for match in self._keys.told_apart(work):
            counts = self._report.count_match(work.stream, match)
            if match.left_out:
                counts.left_out.update((one.type, one.why) for one in match.left_out)
            if match.is_ahead:
                counts.counts["ahead_of_clock"] += 1
            if match.shipment is not None:
                sendable.append(match)
            elif match.no_shipment is NoShipment.UNMAPPABLE:
                unmappable.append(match)
        return sendable, unmappable

    def close(self, stopped: Container[str], stop_stream: Callable[[str, str], None]) -> None:
        """Look the batch up, settle what is known, and let the rest into the lanes, but for streams that stopped."""
        self.records = 0
        self._since = math.inf
        if not self._batch and not self._asides:
            return
        batch = self._take_batch()
        asides, self._asides = self._asides, []
        entries = self._ledger.seen([*map(keyed_of, batch), *map(aside_of, asides)])
        for shipment, entry in zip(batch, entries[: len(batch)], strict=True):
            if self._is_known(shipment, entry):
                self._settling.receive(shipment, known_end(entry))
            elif shipment.stream in stopped:
                self._settling.give_up(shipment.open_record)
            else:
                self._let_in(shipment, entry, stop_stream)
        for aside, entry in zip(asides, entries[len(batch) :], strict=True):
            if entry.standing is Standing.SETTLED and aside.open_record.work.replayed is None:
                self._settling.pass_over(aside.open_record)
            elif aside.open_record.work.stream in stopped:
                self._settling.give_up(aside.open_record)
            else:
                self._settling.set_aside(aside)

    def _take_batch(self) -> list[OpenShipment]:
        """Return the batch's shipments in their order, made of the drafts too whose events are not known."""
        drafts = [one.draft.fingerprint for one in self._batch if isinstance(one, OpenDraft)]
        delivered = self._ledger.delivered(drafts)
        waiting, self._batch = self._batch, []
        batch: list[OpenShipment] = []
        for one in waiting:
            if isinstance(one, OpenShipment):
                batch.append(one)
            elif one.draft.fingerprint in delivered:
                self._report.count_known(one.open_record.work.stream, one.draft.rule, Event.kind)
                self._settling.pass_over(one.open_record)
            else:
                batch += self._made(one)
        return batch

    def _made(self, one: OpenDraft) -> list[OpenShipment]:
        open_record, work = one.open_record, one.open_record.work
        work.matches, work.draft = one.draft.make(), None
        sendable, unmappable = self._sorted(work)
        open_record.open_parts += len(sendable) + len(unmappable)
        self._settling.pass_over(open_record)  # the draft's own part
        self._set_aside(open_record, unmappable)
        shipments = self._shipments(open_record, sendable)
        for shipment in shipments:
            if not shipment.match.is_ahead:  # of which is told as long as it is
                shipment.fingerprint = one.draft.fingerprint
        return shipments

    def _set_aside(self, open_record: OpenRecord, unmappable: list[Match]) -> None:
        for match in unmappable:
            self._put_aside(open_record, NoShipment.UNMAPPABLE.value, match.message, match)

    def _shipments(self, open_record: OpenRecord, sendable: list[Match]) -> list[OpenShipment]:
        work = open_record.work
        shipments: list[OpenShipment] = []
        for match in sendable:
            if match.shipment is not None:
                key = self._keys.of_shipment(work, match)
                row_hash = functools.partial(self._keys.of_row, work, match)
                persons = functools.partial(self._keys.of_persons, match.shipment)
                content = self._keys.of_content(match)
                shipments.append(OpenShipment(open_record, match, match.shipment, key, row_hash, persons, content))
        return shipments

    def _put_aside(self, open_record: OpenRecord, reason: str, message: str, match: Match | None = None) -> None:
        key = self._keys.of_aside(open_record.work, match, message)
        self._asides.append(SetAside(open_record, key, reason, message, None if match is None else match.rule))

    def _is_known(self, shipment: OpenShipment, entry: Entry) -> bool:
        """Tell whether what the ledger has as settled ends a shipment.

        Content ends none while other content of the same thing is on its way: the claim is to tell, at its turn.
        """
        if entry.standing is not Standing.SETTLED or (shipment.is_replayed and entry.outcome in SENT_AGAIN):
            return False
        what = shipment.what
        return shipment.content is None or not self._lanes.holds(what.lane_keys()) or bool(what.limit_fault())

    def _let_in(self, shipment: OpenShipment, entry: Entry, stop_stream: Callable[[str, str], None]) -> None:
        if entry.changed:
            self._report.stream(shipment.stream).rule(shipment.match.rule).counts["changed"] += 1
        fault = shipment.what.limit_fault()
        if fault:
            self._settling.receive(shipment, Receipt(Outcome.REJECTED, "limit", message=fault))
            return
        too_many = self._names.admit(shipment.what.names())
        if too_many:
            self._settling.give_up(shipment.open_record)
            stop_stream(shipment.stream, f"stream {shipment.stream} is stopped: {too_many}")
            return
        what = shipment.what
        self._lanes.add(
            shipment,
            what.lane_keys(),
            shipment.line,
            refers_to=[lane_key for one in what.look_ups() for lane_key in one.lane_keys],
            takes_away=what.when_not_found() is Missing.DONE,
        )

    def count_rest(self) -> None:
        """The run ends early: count what was to be made of the records that it took in and did not look up."""
        for one in self._batch:
            if isinstance(one, OpenDraft):
                self._made(one)

    def _note_record(self, work: Work) -> None:
        if work.replayed is None:
            self._share.note_record(work.stream)
