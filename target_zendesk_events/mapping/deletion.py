"""The `delete` of a rule, compiled: a profile, a record of a custom object or a ticket that is taken away."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from target_zendesk_events.kinds.deletion import ProfileDeletion, RecordDeletion, TicketDeletion
from target_zendesk_events.mapping.external_ids import external_id, zendesk_number
from target_zendesk_events.mapping.making import Made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_zendesk_events.mapping.making import Surroundings
    from target_zendesk_events.mapping.parts import Part
    from target_zendesk_events.mapping.profile import ProfileParts
    from target_zendesk_events.mapping.templates import Scope


@dataclasses.dataclass(frozen=True, slots=True)
class ProfileDeletionParts:
    """The templates of a profile that is deleted."""

    profile: ClassVar[ProfileParts | None] = None
    """It writes none."""
    tells_apart: ClassVar[bool] = True
    deleted: ProfileParts

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        return self.deleted.parts()

    def make(self, scope: Scope, surroundings: Surroundings) -> Made:
        """Return which profile of one record goes. Raises UnmappableError."""
        profile, left_out = self.deleted.of(scope, surroundings.cleaning)
        return Made((ProfileDeletion(profile),), left_out)


@dataclasses.dataclass(frozen=True, slots=True)
class RecordDeletionParts:
    """The templates of a custom object's record that is deleted."""

    profile: ClassVar[ProfileParts | None] = None
    """It writes none."""
    tells_apart: ClassVar[bool] = True
    key: str
    external_id: Part

    def parts(self) -> Iterator[Part]:
        """Yield the template."""
        yield self.external_id

    def make(self, scope: Scope, surroundings: Surroundings) -> Made:
        """Return which of the object's records goes. Raises UnmappableError."""
        return Made((RecordDeletion(self.key, external_id(self.external_id, scope, surroundings.cleaning)),))


@dataclasses.dataclass(frozen=True, slots=True)
class TicketDeletionParts:
    """The template of a ticket that is deleted."""

    profile: ClassVar[ProfileParts | None] = None
    """It writes none."""
    tells_apart: ClassVar[bool] = True
    id: Part

    def parts(self) -> Iterator[Part]:
        """Yield the template."""
        yield self.id

    def make(self, scope: Scope, surroundings: Surroundings) -> Made:
        """Return which ticket goes. Raises UnmappableError."""
        return Made((TicketDeletion(zendesk_number(self.id, scope, surroundings.cleaning)),))
