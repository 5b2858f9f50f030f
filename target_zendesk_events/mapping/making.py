"""What a rule sends, compiled: what each kind of it has in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from target_zendesk_events.kinds.shipment import Shipment
    from target_zendesk_events.mapping.created_at import Since, Timeline
    from target_zendesk_events.mapping.identifiers import Cleaning
    from target_zendesk_events.mapping.parts import Part
    from target_zendesk_events.mapping.profile import ProfileParts
    from target_zendesk_events.mapping.templates import Scope, Templates
    from target_zendesk_events.work import LeftOut


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """What every rule of a set shares."""

    templates: Templates
    cleaning: Cleaning
    timeline: Timeline
    since: Since | None


class Made(NamedTuple):
    """What came of one record, in the order in which it is sent.

    `left_out` are identifiers, `is_ahead` says that its time is ahead of the clock.
    """

    shipments: tuple[Shipment, ...]
    left_out: tuple[LeftOut, ...] = ()
    is_ahead: bool = False


class Making(Protocol):
    """The templates of one kind, and how a thing to send is made of a record with them."""

    @property
    def profile(self) -> ProfileParts | None:
        """The templates of the profile that is written; None where none is."""

    @property
    def tells_apart(self) -> bool:
        """Whether what it makes is told from others without the stream's key properties."""

    def parts(self) -> Iterator[Part]:
        """Yield every template."""

    def make(self, scope: Scope, surroundings: Surroundings) -> Made | None:
        """Return what is sent of one record; None where it is too old. Raises UnmappableError."""
