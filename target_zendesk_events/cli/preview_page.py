"""What a run would put on the timelines, on the playground's own pages, in memory."""

from __future__ import annotations

import http
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import click

from target_zendesk_events.cli import browser
from target_zendesk_events.kinds.nouns import DELETION
from target_zendesk_events.kinds.shipment import Claim, Request, Shipment

if TYPE_CHECKING:
    from target_zendesk_events.playground.server import Playground

NOTES = {"known": "already there", "changed": "changed"}
"""What is said of an event that is not new."""


class Placed(NamedTuple):
    """A thing, its place in the input, when it would be sent, and what is said of it."""

    place: int
    what: Shipment
    claim: Claim
    note: str


class PreviewPage:
    """Keeps the things of a preview, what is new before what is known, and shows them."""

    most = 10_000
    """Things that the pages hold: so many are there in seconds, and nobody looks at more."""

    def __init__(self) -> None:
        """Keep nothing yet; says how to install the playground where it is not installed."""
        with browser.needing_extra():
            from target_zendesk_events.playground import server  # noqa: F401, PLC0415 - told before the input is read
        self._new: list[Placed] = []
        self._known: list[Placed] = []
        self._keys: set[bytes] = set()
        self._number = 0
        self._untold = 0
        """Things of which the pages tell nothing: what they refer to, change or take away is in the account alone."""

    def take(self, key: bytes | None, what: Shipment, time: float, standing: str) -> None:
        """Take in one, unless the input had it before: it is new, changed, or known to the ledger or to this run."""
        is_known = standing == "known"
        if key is not None and is_known and key in self._keys:
            return
        if what.kind == DELETION or what.look_ups():
            self._untold += 1
            return
        self._number += 1
        kept = self._known if is_known else self._new
        if len(kept) < self.most:
            kept.append(Placed(self._number, what, Claim(time, key), NOTES.get(standing, "")))
            if key is not None:
                self._keys.add(key)

    def chosen(self) -> list[Placed]:
        """Return what is shown, in the order of the input."""
        number_of_known = self.most - len(self._new)
        return sorted([*self._new, *self._known[:number_of_known]], key=attrgetter("place"))

    def show(self, would_be_set_aside: Sequence[str]) -> None:
        """Show all of it until Ctrl-C; it goes with the process."""
        from target_zendesk_events.playground.server import Playground  # noqa: PLC0415 - an extra
        from target_zendesk_events.playground.wrapping import told_to_end  # noqa: PLC0415 - an extra

        with (
            told_to_end() as end,
            Playground(database=":memory:", would_be_set_aside=list(would_be_set_aside)) as served,
        ):
            untold = self._untold + sum(not _is_taken(served, one) for one in self.chosen())
            if untold:
                click.echo(f"The tables alone tell of {untold:,}, which are about what is there already.", err=True)
            if self._number > self.most:
                click.echo(f"The page holds {self.most:,} of {self._number:,}, those that are new first.", err=True)
            browser.show(served.url, end)


def _is_taken(served: Playground, one: Placed) -> bool:
    """Put a thing into the playground, and tell whether it was taken: what changes something else is not."""
    request = one.what.request(one.claim, {})
    status = _receive(served, request, one.note)
    instead = one.what.when_missing(one.claim, {})
    if status == http.HTTPStatus.NOT_FOUND and isinstance(instead, Request):
        status = _receive(served, instead, one.note)
    return status < http.HTTPStatus.BAD_REQUEST


def _receive(served: Playground, request: Request, note: str) -> int:
    return served.receive(request.method, request.path, request.body or b"", note)
