"""The only thing that counts: receipts in; dead letters, ledger, numbers and STATE out, in this order."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Sequence

from target_zendesk_events.delivery.brakes import Names, SetAsideShare
from target_zendesk_events.delivery.checkpoints import Checkpoints
from target_zendesk_events.delivery.dead_letters import DeadLetters, Note
from target_zendesk_events.delivery.ledger import Entry, Keyed, Ledger, Settlement, Tally
from target_zendesk_events.delivery.posting import Aside, Errand, Posting
from target_zendesk_events.report import Report
from target_zendesk_events.work import NoEvent, Outcome, Receipt, Work

SECONDS_BETWEEN_STATES = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Books:
    """Where outcomes are written."""

    ledger: Ledger
    dead_letters: DeadLetters
    checkpoints: Checkpoints
    report: Report


class Settling:
    """Keeps every open record until all its events are settled, and only then lets STATE pass it.

    `commit` makes durable what was received since the last: first the dead letters, then the ledger, and only then the
    numbers and checkpoints. A crash in between can repeat a step, never claim one that was not made.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - values, not owners
        self,
        books: Books,
        share: SetAsideShare,
        names: Names,
        write_state: Callable[[bytes], None],
        wall: Callable[[], float],
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Write STATE with `write_state`; `wall` is the epoch clock, for the times in dead letters.

        `reached` is told each durable step of an event's life as it is done.
        """
        self._reached = reached
        self._books = books
        self._share = share
        self._names = names
        self._write_state = write_state
        self._wall = wall
        self._received: list[tuple[Posting, Receipt]] = []
        self._set_aside_anew: list[Aside] = []
        self._finished: list[Errand] = []
        self._state_at = 0.0
        self.open_bytes = 0
        """Bytes of the lines whose records are open."""
        self.may_pass_state = False
        """False until a rule matches a stream: a misnamed rule must not use up the tap's history."""
        self.over_share: dict[str, str] = {}
        """Streams that set aside more than they may, each with the sentence that says so."""

    def open(self, work: Work, parts: int) -> Errand:
        """Take in a record of which `parts` are open."""
        self.open_bytes += len(work.line)
        schema = self._books.dead_letters.schema_of(work.source_stream)
        return Errand(work, self._books.checkpoints.arrive(work.source_stream), parts, schema)

    def give_up(self, errand: Errand) -> None:
        """Leave a record of a stopped stream unsettled: no STATE passes it, and its room is free."""
        if not errand.is_given_up:
            errand.is_given_up = True
            self.open_bytes -= len(errand.work.line)

    def receive(self, posting: Posting, receipt: Receipt) -> None:
        """Take in the outcome of one event; it counts after the next `commit`."""
        if receipt.outcome in {Outcome.REJECTED, Outcome.HELD}:
            self._set_aside(posting, receipt)
        self._received.append((posting, receipt))

    def set_aside(self, aside: Aside) -> None:
        """Set aside one part of a record that yields no event; the ledger knows of it after the next `commit`."""
        note = Note(aside.reason, aside.errand.work.stream, self._now(), aside.message, aside.rule)
        self._write_letter(aside.errand, note)
        self._set_aside_anew.append(aside)
        self._close_part(aside.errand)

    def pass_over(self, aside: Aside) -> None:
        """What was set aside before, and came again as it was, is settled: its dead letter was written then."""
        self._close_part(aside.errand)

    def has_received(self) -> bool:
        """Tell whether outcomes wait for the next commit."""
        return bool(self._received or self._finished or self._share.has_fresh)

    def commit(self, wanted: Sequence[Keyed], *, last: bool = False) -> list[Entry]:
        """Make durable what was received, and claim what goes next; return an entry for each wanted.

        Records that need nothing else to be written are counted with the others, or with the `last` commit of a run.
        """
        books = self._books
        if books.dead_letters.sync():
            self._reached("dead letter written")
        settlements = [
            Settlement(keyed_of(posting), receipt.outcome, receipt.attempts, receipt.request_id)
            for posting, receipt in self._received
            if receipt.outcome is not Outcome.DUPLICATE
        ]
        settlements += [Settlement(aside_of(one), NoEvent.UNMAPPABLE, 0) for one in self._set_aside_anew]
        entries: list[Entry] = []
        if settlements or wanted or self._share.has_fresh or (last and self._share.has_counted):
            entries = books.ledger.exchange(settlements, wanted, self._tally())
        if wanted:
            self._reached("intent written")
        if settlements:
            self._reached("outcome written")
        for posting, receipt in self._received:
            books.report.count_outcome(posting.stream, posting.match.rule, receipt.outcome)
            posting.errand.is_new |= receipt.outcome is not Outcome.DUPLICATE
            self._close_part(posting.errand)
        self._received.clear()
        self._set_aside_anew.clear()
        for errand in self._finished:
            books.checkpoints.settle(errand.ticket)
        self._finished.clear()
        return entries

    def pass_on_state(self, now: float, *, last: bool = False) -> float:
        """Write the newest safe STATE, at most one a second unless it is the last; return when to look again."""
        if not self.may_pass_state:
            return math.inf
        if now < self._state_at and not last:
            return self._state_at
        value = self._books.checkpoints.safe()
        if value is not None:
            self._write_state(value)
            self._reached("STATE printed")
            self._state_at = now + SECONDS_BETWEEN_STATES
        return math.inf

    def _tally(self) -> Tally:
        names, self._names.fresh = self._names.fresh, []
        records, aside = self._share.take_fresh()
        return Tally(names, records, aside)

    def _close_part(self, errand: Errand) -> None:
        errand.open_parts -= 1
        if errand.open_parts == 0:
            self._finished.append(errand)
            if not errand.is_given_up:
                self.open_bytes -= len(errand.work.line)

    def _set_aside(self, posting: Posting, receipt: Receipt) -> None:
        note = Note(
            receipt.reason,
            posting.stream,
            self._now(),
            receipt.message,
            posting.match.rule,
            receipt.status,
            receipt.request_id,
            receipt.attempts,
        )
        self._write_letter(posting.errand, note)

    def _write_letter(self, errand: Errand, note: Note) -> None:
        work = errand.work
        self._books.dead_letters.add(work.source_stream, work.line, note, errand.schema)
        self._books.report.count_letter(work.stream, note.reason)
        if errand.is_set_aside:
            return
        errand.is_set_aside = True
        self._books.report.count_set_aside(work.stream)
        if work.replayed is not None:
            return
        fault = self._share.note_set_aside(work.stream, note.reason)
        if fault:
            self.over_share.setdefault(work.stream, fault)

    def _now(self) -> str:
        return dt.datetime.fromtimestamp(self._wall(), dt.timezone.utc).isoformat(timespec="seconds")


def keyed_of(posting: Posting) -> Keyed:
    """Return an event as the ledger knows it."""
    return Keyed(
        posting.key,
        posting.row_hash,
        posting.stream,
        again=posting.is_replayed,
        anew=posting.claims_anew,
        alike=posting.alike,
        claimed_at=posting.claimed_at,
    )


def aside_of(aside: Aside) -> Keyed:
    """Return a record that yields no event as the ledger knows it."""
    return Keyed(aside.key, _no_row, aside.errand.work.stream)


def _no_row() -> None:
    """It has no older version."""
