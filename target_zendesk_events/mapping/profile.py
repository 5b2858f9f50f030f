"""The `profile` of a rule, compiled: who a customer is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from target_zendesk_events.kinds.profile import Profile
from target_zendesk_events.mapping.identifiers import Cleaning, Pairs, Yielded, identifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_zendesk_events.mapping.parts import Part
    from target_zendesk_events.mapping.templates import Scope
    from target_zendesk_events.work import LeftOut


@dataclasses.dataclass(frozen=True, slots=True)
class ProfileParts:
    """The templates of the request's `profile` object."""

    source: Part
    type: Part
    identifiers: Pairs | Yielded
    name: Part | None
    user_id: Part | None
    attributes: tuple[tuple[str, Part], ...]

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield from (one for one in (self.source, self.type, self.name, self.user_id) if one is not None)
        yield from self.identifiers.parts()
        yield from (part for _, part in self.attributes)

    def of(self, scope: Scope, cleaning: Cleaning) -> tuple[Profile, tuple[LeftOut, ...]]:
        """Return the profile of one record, and the identifiers left out of it. Raises UnmappableError."""
        found, left_out = identifiers(self.identifiers, scope, cleaning)
        user_id = None if self.user_id is None else self.user_id.text(scope)
        profile = Profile(
            source=self.source.required_text(scope),
            type=self.type.required_text(scope),
            identifiers=found,
            name=None if self.name is None else self.name.text(scope),
            user_id=(user_id or "").strip() or None,
            attributes={name: text for name, part in self.attributes if (text := part.text(scope)) is not None},
        )
        return profile, left_out
