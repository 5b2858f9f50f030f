"""Whose fault is a refusal that does not say so: the shipment's own, or the account's? What becomes of others decides.

A firewall in front of Zendesk answers one text that it dislikes as a suspended account answers everything.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from target_zendesk_events.delivery.retries import wait_before
from target_zendesk_events.delivery.stops import of_answer
from target_zendesk_events.errors import TargetError
from target_zendesk_events.zendesk.answers import Answer, Kind

REFUSALS_OF_AN_ACCOUNT: Final = 3
"""So many in a row, with nothing taken between, and nobody is at fault but the account."""
QUIET_SECONDS: Final = 10.0
"""With nothing else to send for so long, a read tells."""

Item = TypeVar("Item", bound=Hashable)


@dataclasses.dataclass(frozen=True, slots=True)
class _Suspect:
    """A refusal: the number of its sending, and the first that any later sending may have."""

    answer: Answer
    sent: int
    heard: int
    kind: str


class Suspicion(Generic[Item]):
    """The shipments whose refusal nobody can place yet; times are of the monotonic clock.

    Sendings are numbered, for answers overtake each other: only what was sent after a refusal came back, and was taken,
    proves that the account still takes things of that kind, for each takes rights of its own; what was under way with
    it breaks a row of refusals and proves nothing.
    """

    def __init__(self) -> None:
        """Suspect nobody."""
        self._next = 0
        self._out: dict[Item, tuple[int, str]] = {}
        self._suspects: dict[Item, _Suspect] = {}
        self._last_taken: dict[str, int] = {}
        self._last_read = -1
        self._quiet_since = -math.inf
        self._read: int | None = None
        self._reads = 0
        self._read_at = -math.inf
        self._refused_read = False

    @property
    def is_open(self) -> bool:
        """Whether any is suspected: then the others go one at a time."""
        return bool(self._suspects)

    @property
    def quiet_since(self) -> float | None:
        """Since when nothing was sent that would tell; None where nobody is suspected, or an answer is due."""
        return None if not self._suspects or self._out or self._read is not None else self._quiet_since

    @property
    def refusal(self) -> str:
        """What the first of the suspects was answered, in words that are safe to log."""
        return next((one.answer.summary for one in self._suspects.values()), "")

    def note_sent(self, item: Item, now: float, kind: str = "event") -> None:
        """A request for `item`, which is of this kind, goes out."""
        self._out[item] = self._number(), kind
        self._quiet_since = now

    def note_answer(self, item: Item, answer: Answer, now: float, *, is_sending: bool) -> None:
        """An answer came; only what answers a sending tells anything of the account."""
        sent, kind = self._out.pop(item, (-1, ""))
        self._quiet_since = now
        if is_sending and answer.kind is Kind.ACCEPTED:
            self._last_taken[kind] = max(self._last_taken.get(kind, -1), sent)
        elif is_sending and answer.kind in {Kind.DENIED, Kind.TURNED_AWAY}:
            self._suspects[item] = _Suspect(answer, sent, self._next, kind)

    def discard(self, item: Item) -> None:
        """Suspect it no more: it was given up."""
        self._suspects.pop(item, None)

    def take_own(self) -> tuple[Item, Answer] | None:
        """Return one whose refusal was its own fault, since a later sending was taken; None where none is left."""
        for item, suspect in self._suspects.items():
            if suspect.heard <= self._taken(suspect.kind):
                del self._suspects[item]
                return item, suspect.answer
        return None

    def failure(self) -> TargetError | None:
        """Return what ends the run where the refusals are the account's; None where they are not, or may not be."""
        row = [one for one in self._suspects.values() if one.sent > self._taken(one.kind)]
        counts = collections.Counter(one.kind for one in row)
        awaited = {kind for _, kind in self._out.values()}
        in_row = [one for one in row if counts[one.kind] >= REFUSALS_OF_AN_ACCOUNT and one.kind not in awaited]
        if self._refused_read or in_row:
            self._refused_read = False
            last = (in_row or row or list(self._suspects.values()))[-1:]
            return of_answer(last[0].answer) if last else None
        return None

    # the read, where nothing else is sent

    def reads_at(self, *, more_may_come: bool) -> float:
        """Return when to ask by a read, if nothing is sent until then; infinity where an answer decides."""
        if not self._suspects or self._out or self._read is not None:
            return math.inf
        return max(self._quiet_since + (QUIET_SECONDS if more_may_come else 0.0), self._read_at)

    def note_read(self) -> None:
        """The read goes out."""
        self._read = self._number()
        self._reads += 1

    def note_read_again(self, at: float) -> None:
        """The read could not be asked, or says nothing: ask again `at` that time."""
        self._read, self._read_at = None, at

    def note_read_answer(self, answer: Answer, now: float) -> None:
        """What the read was answered: served, it acquits the account; refused as well, it is the account's fault.

        Who may not read gets that from Zendesk itself: then what a web page refused was refused before Zendesk.
        """
        number, self._read = self._read, None
        if answer.is_temporary or number is None:
            self._read_at = now + max(wait_before(self._reads), answer.retry_after or 0.0)
            return
        self._reads = 0
        is_served = answer.kind is Kind.ACCEPTED
        reached_zendesk = answer.kind is Kind.DENIED and not answer.is_page
        if is_served or (reached_zendesk and all(one.answer.is_page for one in self._suspects.values())):
            self._last_read = max(self._last_read, number)
        else:
            self._refused_read = True

    def _taken(self, kind: str) -> int:
        """Return the number of the last sending of a kind that was taken, or of a read that acquitted all."""
        return max(self._last_taken.get(kind, -1), self._last_read)

    def _number(self) -> int:
        self._next += 1
        return self._next - 1
