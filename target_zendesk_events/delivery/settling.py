"""The only thing that counts: receipts in; dead letters, ledger, numbers and STATE out, in this order."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence

from target_zendesk_events.delivery.freshness import Freshness
from target_zendesk_events.delivery.shipment import OpenRecord, OpenShipment, SetAside
from target_zendesk_events.ledger.ledger import Entry, Keyed, Ledger, Settlement, Tally
from target_zendesk_events.limits.brakes import Names, SetAsideShare
from target_zendesk_events.outcome.checkpoints import Checkpoints
from target_zendesk_events.outcome.dead_letters import OF_REASON, DeadLetters, Note
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.work import NoShipment, Outcome, Receipt, Work

SECONDS_BETWEEN_STATES = 1.0
SET_ASIDE = frozenset({Outcome.REJECTED, Outcome.HELD})
NOT_KEPT = frozenset({Outcome.DUPLICATE, Outcome.UNKNOWN_CUSTOMER})
"""Outcomes of which the ledger keeps nothing: it knows the one, and the other may go when its record comes again."""
OWN_REASONS = frozenset({"invalid", "unmappable", "limit", "unresolved", "unknown_customer"})
"""Of dead letters whose message is ours, and names no value."""


class Settling:
    """Keeps every open record until all its shipments are settled, and only then lets STATE pass it.

    `commit` makes durable what was received since the last: first the dead letters, then the ledger, and only then the
    numbers and checkpoints. A crash in between can repeat a step, never claim one that was not made.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - values, not owners
        self,
        ledger: Ledger,
        dead_letters: DeadLetters,
        checkpoints: Checkpoints,
        report: Report,
        share: SetAsideShare,
        names: Names,
        write_state: Callable[[bytes], None],
        wall: Callable[[], float],
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Write STATE with `write_state`; `wall` is the epoch clock, for the times in dead letters.

        `reached` is told each durable step of a shipment's life as it is done.
        """
        self._reached = reached
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._checkpoints = checkpoints
        self._report = report
        self._share = share
        self._names = names
        self._write_state = write_state
        self._wall = wall
        self._received: list[tuple[OpenShipment, Receipt]] = []
        self._set_aside_anew: list[SetAside] = []
        self._finished: list[OpenRecord] = []
        self._state_at = 0.0
        self._freshness = Freshness()
        self._passed: set[str] = set()
        self.open_bytes = 0
        """Bytes of the lines whose records are open."""
        self.may_pass_state = False
        """False until a rule matches a stream: a misnamed rule must not use up the tap's history."""
        self.over_share: dict[str, str] = {}
        """Streams that set aside more than they may, each with the sentence that says so."""

    def open(self, work: Work, parts: int) -> OpenRecord:
        """Take in a record of which `parts` are open."""
        self.open_bytes += len(work.line)
        schema = self._dead_letters.schema_of(work.source_stream)
        return OpenRecord(work, self._checkpoints.arrive(work.source_stream), parts, schema)

    def skip(self, source_stream: str) -> None:
        """Pass over a record of a stopped stream: it stays unsettled, and no STATE passes it."""
        self._checkpoints.skip(source_stream)

    def give_up(self, open_record: OpenRecord) -> None:
        """Leave a record of a stopped stream unsettled: no STATE passes it, and its room is free."""
        if not open_record.is_given_up:
            open_record.is_given_up = True
            self.open_bytes -= len(open_record.work.line)

    def receive(self, shipment: OpenShipment, receipt: Receipt) -> None:
        """Take in the outcome of one shipment; it counts after the next `commit`."""
        if receipt.outcome in SET_ASIDE:
            self._set_aside(shipment, receipt)
        self._received.append((shipment, receipt))

    def set_aside(self, aside: SetAside) -> None:
        """Set aside one part of a record that yields no shipment; the ledger knows of it after the next `commit`."""
        note = Note(
            aside.reason, aside.open_record.work.stream, self._now(), aside.message, aside.rule, key=aside.key.hex()
        )
        self._write_letter(aside.open_record, note)
        self._set_aside_anew.append(aside)
        self._close_part(aside.open_record)

    def pass_over(self, open_record: OpenRecord) -> None:
        """Settle a part of a record of which nothing is to be done: the ledger has it as it is."""
        self._close_part(open_record)

    def pass_by(self, stream: str) -> None:
        """A record of which nothing is to be sent is settled as it is."""
        self._passed.add(stream)

    def has_received(self) -> bool:
        """Tell whether outcomes wait for the next commit."""
        waits = bool(self._received or self._finished or self._share.has_fresh)
        if not (self._passed or self._freshness.is_pending):
            return waits
        now = self._wall()
        self._note_passed(now)
        return waits or self._freshness.is_due(now)

    def commit(self, wanted: Sequence[Keyed], *, last: bool = False) -> list[Entry]:
        """Make durable what was received, and claim what goes next; return an entry for each wanted.

        Records that need nothing else to be written are counted with the others, or with the `last` commit of a run.
        """
        if self._dead_letters.sync():
            self._reached("dead letter written")
        settlements = [
            Settlement(keyed_of(shipment), receipt.outcome, receipt.attempts, receipt.request_id, receipt.takes_place)
            for shipment, receipt in self._received
            if receipt.outcome not in NOT_KEPT
        ]
        settlements += [Settlement(aside_of(one), NoShipment.UNMAPPABLE, 0) for one in self._set_aside_anew]
        now = self._wall()
        streams = {one.work.stream for one in self._finished} | {shipment.stream for shipment, _ in self._received}
        self._freshness.settle(streams, now)
        self._note_passed(now)
        is_due = self._freshness.is_due(now) or (last and (self._share.has_counted or self._freshness.is_pending))
        entries: list[Entry] = []
        if settlements or wanted or self._share.has_fresh or is_due:
            entries = self._ledger.exchange(settlements, wanted, self._tally(now, last=last))
        if wanted:
            self._reached("intent written")
        if settlements:
            self._reached("outcome written")
        for stream in streams:
            self._report.stream(stream).settled_at = now
        for shipment, receipt in self._received:
            counts = self._report.count_outcome(shipment.stream, shipment.match, receipt.outcome)
            if receipt.outcome is Outcome.DUPLICATE:
                counts.note_set_aside_before(receipt.reason)
            self._close_part(shipment.open_record)
        self._received.clear()
        self._set_aside_anew.clear()
        for open_record in self._finished:
            self._checkpoints.settle(open_record.position)
        self._finished.clear()
        return entries

    def pass_on_state(self, now: float, *, last: bool = False) -> float:
        """Write the newest safe STATE, at most one a second unless it is the last; return when to look again."""
        if not self.may_pass_state:
            return math.inf
        if now < self._state_at and not last:
            return self._state_at
        value = self._checkpoints.safe()
        if value is not None:
            self._write_state(value)
            self._reached("STATE printed")
            self._state_at = now + SECONDS_BETWEEN_STATES
        return math.inf

    def _note_passed(self, now: float) -> None:
        """Settle the streams that records were passed by of: a few lines ago at the most."""
        self._freshness.settle(self._passed, now)
        for stream in self._passed:
            self._report.stream(stream).settled_at = now
        self._passed.clear()

    def _tally(self, now: float, *, last: bool) -> Tally:
        names, self._names.fresh = self._names.fresh, []
        records, aside = self._share.take_fresh()
        return Tally(names, records, aside, self._freshness.take(now, last=last))

    def _close_part(self, open_record: OpenRecord) -> None:
        open_record.open_parts -= 1
        if open_record.open_parts == 0:
            self._finished.append(open_record)
            if not open_record.is_given_up:
                self.open_bytes -= len(open_record.work.line)

    def _set_aside(self, shipment: OpenShipment, receipt: Receipt) -> None:
        note = Note(
            receipt.reason,
            shipment.stream,
            self._now(),
            receipt.message,
            shipment.match.rule,
            receipt.status,
            receipt.request_id,
            receipt.attempts,
            None if shipment.key is None else shipment.key.hex(),
        )
        self._write_letter(shipment.open_record, note, receipt.hint)

    def _write_letter(self, open_record: OpenRecord, note: Note, hint: str = "") -> None:
        work = open_record.work
        self._dead_letters.add(work.source_stream, work.line, note, open_record.schema)
        self._report.count_letter(work.stream, note.reason, _told(note, hint), work.line_number)
        if open_record.is_set_aside:
            return
        open_record.is_set_aside = True
        self._report.count_set_aside(work.stream)
        if work.replayed is not None:
            return
        fault = self._share.note_set_aside(work.stream)
        if fault and work.stream not in self.over_share:
            reasons = self._report.stream(work.stream).reasons
            self.over_share[work.stream] = (
                f"{fault}; the commonest of this run: {reasons.commonest()}, or raise max_set_aside_percent; the dead "
                "letters hold each record and its reason [ZE232]"
            )

    def _now(self) -> str:
        return dt.datetime.fromtimestamp(self._wall(), dt.timezone.utc).isoformat(timespec="seconds")


def _told(note: Note, hint: str) -> str:
    """Return what a log may say of why: Zendesk's own words may quote a customer's value, a hint is ours."""
    if note.reason in OWN_REASONS:
        return note.message
    if note.status is None:
        return ""
    return f"Zendesk answered {note.status}{': ' if hint else ''}{hint} [{OF_REASON[note.reason]}]"


def keyed_of(shipment: OpenShipment) -> Keyed:
    """Return a shipment as the ledger knows it."""
    return Keyed(
        shipment.key,
        shipment.row_hash,
        shipment.stream,
        again=shipment.is_replayed,
        anew=shipment.claims_anew,
        lookalikes=shipment.lookalikes,
        claimed_at=shipment.claimed_at,
        persons=shipment.persons,
        kind=shipment.what.kind,
        content=shipment.content,
        fingerprint=shipment.fingerprint,
    )


def known_end(entry: Entry) -> Receipt:
    """Return how a shipment ends that the ledger has as settled."""
    if entry.outcome is Outcome.FORGOTTEN:
        return Receipt(Outcome.FORGOTTEN)
    set_aside_as = entry.set_aside_as
    return Receipt(Outcome.DUPLICATE, set_aside_as) if set_aside_as else _KNOWN


_KNOWN = Receipt(Outcome.DUPLICATE)


def aside_of(aside: SetAside) -> Keyed:
    """Return a record that yields no shipment as the ledger knows it."""
    return Keyed(aside.key, _no_row, aside.open_record.work.stream)


def _no_row() -> None:
    """It has no older version."""
