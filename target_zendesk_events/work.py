"""A record on its way: its line, what is to be sent of it or why nothing is, and what became of each."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from typing_extensions import Self

from target_zendesk_events.kinds.shipment import Shipment


class Outcome(str, enum.Enum):
    """The final fate of one thing to send."""

    DELIVERED = "delivered"
    DUPLICATE = "duplicate"
    FORGOTTEN = "forgotten"
    UNKNOWN_CUSTOMER = "unknown_customer"
    REJECTED = "rejected"
    HELD = "held"


class NoShipment(str, enum.Enum):
    """Why a rule that matches a record's stream yields nothing to send of it."""

    FILTERED = "filtered"
    TOO_OLD = "too_old"
    UNMAPPABLE = "unmappable"


class LeftOut(msgspec.Struct, frozen=True):
    """An identifier that a rule did not send: its type, and why (`null`, `blank`, `blocked`, `not an email`, ...)."""

    type: str
    why: str


class Match(msgspec.Struct, frozen=True):
    """What one rule makes of one record: a thing to send, or why there is none.

    `message` tells why, naming rule and place, never a value. `dedupe` is false where the rule says that equal
    records are different events; `dedupe_key` is the rule's own key for this record, where it has one. `is_ahead`
    says that the event's own time is ahead of the clock. `seen` is what the rule saw of a record that it cannot map.
    """

    rule: str
    shipment: Shipment | None = None
    no_shipment: NoShipment | None = None
    message: str = ""
    dedupe_key: str | None = None
    dedupe: bool = True
    left_out: tuple[LeftOut, ...] = ()
    is_ahead: bool = False
    seen: Any = None


class Aliased(Protocol):
    """A stream map, as far as its stream's name after it goes."""

    @property
    def stream_alias(self) -> str:
        """The stream's name as its rules see it."""


class DeadLetter(msgspec.Struct, frozen=True):
    """What the `dead_letter` object of a replayed RECORD says: the rules that failed, and the stream they saw."""

    rules: tuple[str, ...] = ()
    stream: str | None = None

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Read it from a RECORD that has one; what is no name in it says nothing."""
        letter = message["dead_letter"]
        if not isinstance(letter, dict):
            return cls()
        rules, stream = letter.get("rules"), letter.get("stream")
        names = tuple(name for name in rules if isinstance(name, str)) if isinstance(rules, list) else ()
        return cls(names, stream if isinstance(stream, str) else None)

    def is_for_another(self, alias: str, maps: Iterable[Aliased]) -> bool:
        """Tell whether it is meant for another of the stream's maps than the one of this alias."""
        return self.stream not in {None, alias} and any(one.stream_alias == self.stream for one in maps)


class Fingerprint(NamedTuple):
    """What tells a record that comes again as it was: hashes, as signed numbers of eight bytes.

    `row` is of its key properties and the rule, `text` of its text and of all that says what is made of it.
    """

    row: int
    text: int


class Draft(msgspec.Struct, frozen=True):
    """The one event that is to be made of a record, by the only rule that wants it: it may be known already.

    `make` makes it, or tells why it cannot.
    """

    rule: str
    fingerprint: Fingerprint
    make: Callable[[], Sequence[Match]]


class Work(msgspec.Struct):
    """One record as the rules see it, on its way through the house.

    `line` is the tap's own line (bytes, without its newline); `source_stream` is the tap's name of the stream,
    `stream` the name after stream maps. `matches` is empty for a record that no rule matches; with a `draft`, what
    the other rules of the stream say of it. `invalid` says why the record fails its schema, where it does.
    `key_values` holds its key properties; None where the stream has none, or one of them is null or missing: a null
    tells no row from another. `line_number` is that of the input, 0 where there is none.
    """

    line: bytes
    source_stream: str
    stream: str
    line_number: int = 0
    replayed: DeadLetter | None = None
    matches: Sequence[Match] = ()
    invalid: str = ""
    key_values: Mapping[str, Any] | None = None
    draft: Draft | None = None


class Receipt(msgspec.Struct, frozen=True):
    """How one thing to send ended: its outcome, and what Zendesk or a limit said of it.

    A duplicate's `reason` is `rejected` or `held` where that is how it ended before. `takes_place` is false where
    nothing was to be done, so that no place of a day or a month is used.
    """

    outcome: Outcome
    reason: str = ""
    status: int | None = None
    message: str = ""
    request_id: str = ""
    attempts: int = 0
    takes_place: bool = True
    hint: str = ""
    """What mends it, in our words."""
