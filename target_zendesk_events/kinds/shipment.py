"""What delivery and the ledger ask of a thing to be sent, whatever its kind."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec


class Request(msgspec.Struct, frozen=True):
    """One request to Zendesk: `path` begins below the base URL and holds the query; `body` is JSON."""

    method: str
    path: str
    body: bytes | None = None


class Claim(msgspec.Struct, frozen=True):
    """What the ledger says of this sending: `time` is when it was first claimed, in epoch seconds."""

    time: float


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
        """Its kind's name: for words, counts and the ledger's key."""

    @property
    def origin(self) -> tuple[str, ...]:
        """What it is filed under in Zendesk, beside its customer: an event's source and type."""

    @property
    def tells_time(self) -> bool:
        """Whether it says itself when it happened, which tells it from one that looks the same."""

    def identity(self) -> Mapping[str, Any]:
        """Return what tells it from another of the same row."""

    def customer(self) -> Sequence[Any]:
        """Return whom it is for, as JSON that is the same in whatever order identifiers come."""

    def identifier_types(self) -> Iterable[str]:
        """Return the types of its customer's identifiers: some are written onto Zendesk's user."""

    def lane_keys(self) -> Sequence[Hashable]:
        """Return what it shares with others of the same customer: those go one at a time, in order."""

    def names(self) -> Sequence[CountedName]:
        """Return its names that Zendesk limits for the whole account."""

    def limit_fault(self) -> str:
        """Return what documented limits it is beyond, in one sentence that names no value, or nothing."""

    def appearance(self, claim: Claim) -> Hashable:
        """Return what is the same in two that reading back cannot tell apart."""

    def request(self, claim: Claim) -> Request:
        """Return the request that sends it."""

    def read_back(self, claim: Claim) -> ReadBack | None:
        """Return how to find out whether it is there; None where nobody can ask."""

    def masked(self) -> Mapping[str, Any]:
        """Return its body with only names, types, sources and times to be read."""
