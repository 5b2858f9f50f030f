"""What delivery and the ledger ask of a thing to be sent, whatever its kind."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from target_zendesk_events.kinds.look_up import Found, LookUp
from target_zendesk_events.kinds.request import Bucket, Request

__all__ = ["Batch", "Bucket", "Claim", "CountedName", "Found", "LookUp", "Missing", "ReadBack", "Request", "Shipment"]


class Claim(msgspec.Struct, frozen=True):
    """What the ledger says of this sending: when it was first claimed, in epoch seconds, and under which key.

    `key` is None where nothing tells the shipment from others (`dedupe: false`).
    """

    time: float
    key: bytes | None = None


class Missing(enum.Enum):
    """What a 404 means where it calls for no other request."""

    ASTRAY = "astray"
    """Nothing need be there: before a run's first success, no such API is at the address."""
    REFUSED = "refused"
    """What the shipment is to change is not there."""
    DONE = "done"
    """What was to be taken away is gone."""


class Batch(Protocol):
    """With which others a shipment may share one request: those whose batches are equal."""

    @property
    def max_items(self) -> int:
        """How many of them one request takes."""

    def request(self, items: Sequence[Any]) -> Request:
        """Return the request that starts a job of these items, each one's `Shipment.item`."""

    def __hash__(self) -> int:
        """Return the same for equal ones."""


class CountedName(NamedTuple):
    """A name of which Zendesk takes only so many different ones in an account."""

    kind: str
    name: str
    limit: int


class ReadBack(Protocol):
    """How to ask whether a shipment is there, and how to tell it from others."""

    def request(self, cursor: str) -> Request:
        """Return the request for one page; `cursor` is the page's, empty for the first."""

    def is_it(self, stored: Mapping[str, Any], first_sent_at: float | None) -> bool:
        """Tell whether a stored thing is the one that was sent.

        `first_sent_at` is when it was first sent, in epoch seconds by the server's clock; None where nobody knows.
        """


class Shipment(Protocol):
    """One thing that a rule made of one record. A question comes in with the first kind that needs it."""

    @property
    def kind(self) -> str:
        """Its kind's name: for words and counts alone."""

    @property
    def bucket(self) -> Bucket:
        """Whose minute a request of it takes."""

    @property
    def origin(self) -> tuple[str, ...]:
        """What it is filed under in Zendesk, beside its customer: an event's source and type."""

    @property
    def tells_time(self) -> bool:
        """Whether it says itself when it happened, which tells it from one that looks the same."""

    @property
    def names_itself(self) -> bool:
        """Whether its identity alone tells it from others of its stream, whatever row it comes of."""

    @property
    def absence(self) -> str:
        """What it is that a 404 says is not there, and what mends it, where that is known; or nothing."""

    def identity(self) -> Any:  # noqa: ANN401 - JSON
        """Return what tells it from another of the same row, or, where it has `content`, what it is in Zendesk."""

    def content(self) -> Any:  # noqa: ANN401 - JSON
        """Return what the newest of replaces the last, where it is so: sent when it differs; None for what happens."""

    def customer(self) -> Sequence[Any]:
        """Return whom it is for, as JSON that is the same in whatever order identifiers come."""

    def identifier_types(self) -> Iterable[str]:
        """Return the types of its customer's identifiers: some are written onto Zendesk's user."""

    def lane_keys(self) -> Sequence[Hashable]:
        """Return what it shares with others of the same customer or thing: those go one at a time, in order."""

    def persons(self) -> Sequence[Hashable]:
        """Return what names its customer, who may be forgotten: identifiers as (type, value), or Zendesk's number."""

    def names(self) -> Sequence[CountedName]:
        """Return its names that Zendesk limits for the whole account."""

    def limit_fault(self) -> str:
        """Return what documented limits it is beyond, in one sentence that names no value, or nothing."""

    def appearance(self, claim: Claim) -> Hashable:
        """Return what is the same in two that reading back cannot tell apart."""

    def look_ups(self) -> Sequence[LookUp]:
        """Return what must be known before it can go, such as the id of the user that it refers to."""

    def when_not_found(self) -> Missing:
        """Return what it means that one of them finds nothing: it is refused, or there is nothing to be done."""

    def known_by(self) -> Sequence[LookUp] | None:
        """Return how to ask whether Zendesk knows its customer, any of them; None where it makes no customer."""

    def request(self, claim: Claim, found: Found) -> Request:
        """Return the request that sends it; `found` holds the ids of its look-ups."""

    def when_missing(self, claim: Claim, found: Found) -> Request | Missing:
        """Return what a 404 to that request calls for: another, or that it is done, or refused."""

    def read_back(self, claim: Claim) -> ReadBack | None:
        """Return how to find out whether it is there; None where nobody can ask."""

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:
        """Return what to do where nobody knows whether it was stored: `verify`, `retry` or `hold`.

        `policy` is the setting `on_unknown_outcome`; so many `seconds` have passed since it was first sent, infinity
        where nobody knows. It `is_readable` where reading it back can tell.
        """

    def batch(self) -> Batch | None:
        """Return with which others it may share one request; None where it goes alone."""

    def item(self, found: Found) -> Any:  # noqa: ANN401 - JSON
        """Return its part of a request that it shares."""

    def masked(self) -> Mapping[str, Any]:
        """Return its body with only names, types, sources and times to be read."""

    def shown(self, claim: Claim) -> Mapping[str, Any]:
        """Return its body as it will be sent, for its owner's eyes: what is yet to be looked up is said in words."""
