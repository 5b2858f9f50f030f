"""The `event` of a rule as it is written, read into its parts."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.codes import prolonged
from target_zendesk_events.mapping.event import EventParts
from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.profile import ProfileParts
from target_zendesk_events.mapping.properties import PLACE, ObjectOf, Yielded
from target_zendesk_events.mapping.read_properties import read_expression, read_names, read_object_of
from target_zendesk_events.mapping.reading import Raw, Reading, forgotten_braces
from target_zendesk_events.mapping.values import BadValueError

KEYS = ("source", "type", "created_at", "description", "properties")


def read_event(reading: Reading, raw: Mapping[str, Raw], profile: ProfileParts) -> EventParts:
    """Return the templates of an event of this profile; what is wrong is noted."""
    return EventParts(
        profile=profile,
        source=reading.source_of("event", raw),
        type=reading.name_of("event.type", raw.get("type")),
        properties=_properties(reading, raw.get("properties")),
        description=reading.text("event.description", raw.get("description"), lenient=True),
        created_at=_created_at(reading, raw.get("created_at")),
    )


def _created_at(reading: Reading, raw: Raw) -> Part | None:
    part = reading.text("event.created_at", raw)
    if part is not None and part.constant is not None:
        try:
            reading.surroundings.timeline.moment(part.constant)
        except BadValueError as fault:
            reading.fault("event.created_at", prolonged(str(fault), forgotten_braces(part.constant)))
    return part


def _properties(reading: Reading, raw: Raw) -> ObjectOf | Yielded:
    if raw is None:
        return ObjectOf(())
    if isinstance(raw, list):
        return ObjectOf(read_names(reading, PLACE, raw))
    if isinstance(raw, Mapping):
        return read_object_of(reading, PLACE, raw)
    return Yielded(read_expression(reading, PLACE, raw))
