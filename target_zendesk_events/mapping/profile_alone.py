"""A rule's `profile` without an `event`, compiled."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from target_zendesk_events.kinds.profile import Method, ProfileUpsert
from target_zendesk_events.mapping.making import Made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_zendesk_events.mapping.making import Surroundings
    from target_zendesk_events.mapping.parts import Part
    from target_zendesk_events.mapping.profile import ProfileParts
    from target_zendesk_events.mapping.templates import Scope


@dataclasses.dataclass(frozen=True, slots=True)
class ProfileAlone:
    """The templates of a profile that is sent alone, and what becomes of what it holds already."""

    profile: ProfileParts
    method: Method

    @property
    def tells_apart(self) -> bool:
        """A profile is told by its first identifier."""
        return True

    def parts(self) -> Iterator[Part]:
        """Yield every template of the profile."""
        return self.profile.parts()

    def make(self, scope: Scope, surroundings: Surroundings) -> Made:
        """Return the profile of one record. Raises UnmappableError."""
        profile, left_out = self.profile.of(scope, surroundings.cleaning)
        return Made((ProfileUpsert(profile, self.method),), left_out)
