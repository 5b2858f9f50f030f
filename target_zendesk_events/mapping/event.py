"""The `event` of a rule with its `profile`, compiled."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from target_zendesk_events.kinds.event import Event
from target_zendesk_events.mapping.making import Made
from target_zendesk_events.mapping.parts import UnmappableError
from target_zendesk_events.mapping.values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_zendesk_events.mapping.making import Surroundings
    from target_zendesk_events.mapping.parts import Part
    from target_zendesk_events.mapping.profile import ProfileParts
    from target_zendesk_events.mapping.properties import ObjectOf, Yielded
    from target_zendesk_events.mapping.templates import Scope
    from target_zendesk_events.moments import Moment


@dataclasses.dataclass(frozen=True, slots=True)
class EventParts:
    """The templates of the request's `event` object, and of its `profile`."""

    profile: ProfileParts
    source: Part
    type: Part
    properties: ObjectOf | Yielded
    description: Part | None
    created_at: Part | None

    @property
    def tells_apart(self) -> bool:
        """An event is told by the time at which it happened."""
        return self.created_at is not None

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield from self.profile.parts()
        yield from (one for one in (self.source, self.type, self.created_at, self.description) if one is not None)
        yield from self.properties.parts()

    def make(self, scope: Scope, surroundings: Surroundings) -> Made | None:
        """Return the event of one record; None where it is too old. Raises UnmappableError."""
        happened = None if self.created_at is None else _moment(self.created_at, scope, surroundings)
        if happened is not None and surroundings.since is not None and surroundings.since.is_after(happened):
            return None
        profile, left_out = self.profile.of(scope, surroundings.cleaning)
        event = Event(
            profile=profile,
            source=self.source.required_text(scope),
            type=self.type.required_text(scope),
            properties=self.properties.json(scope),
            description=None if self.description is None else self.description.text(scope),
            created_at=None if happened is None else str(happened),
        )
        return Made((event,), left_out, happened is not None and surroundings.timeline.is_ahead(happened))


def _moment(part: Part, scope: Scope, surroundings: Surroundings) -> Moment:
    value = part.of(scope)
    if value is None:
        raise UnmappableError(part.place, "is null [ZE710]")
    try:
        return surroundings.timeline.moment(value)
    except BadValueError as error:
        raise part.unmappable(error) from error
