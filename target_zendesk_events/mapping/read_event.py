"""The `event` of a rule as it is written, read into its parts."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.codes import prolonged
from target_zendesk_events.mapping.event import EventParts
from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.profile import ProfileParts
from target_zendesk_events.mapping.properties import PLACE, ListOf, ObjectOf, Yielded
from target_zendesk_events.mapping.reading import NOWHERE, UNQUOTED, Raw, Reading, forgotten_braces, has_braces, kind
from target_zendesk_events.mapping.reading import is_unquoted as unquoted
from target_zendesk_events.mapping.templates import Field
from target_zendesk_events.mapping.values import BadValueError, json_value

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
        return ObjectOf(tuple(_named(reading, index, name) for index, name in enumerate(raw)))
    if isinstance(raw, Mapping):
        return _object(reading, PLACE, raw)
    part = reading.part(PLACE, raw)
    if part.value is not NOWHERE and not part.value.is_expression:
        reading.fault(PLACE, "takes an object, a list of field names, or one expression [ZE212]")
    return Yielded(part)


def _named(reading: Reading, index: int, name: Raw) -> tuple[str, Part]:
    if isinstance(name, str) and not has_braces(name):
        return name, Part(PLACE, Field(name))
    why = UNQUOTED if unquoted(name) else f"is {kind(name)}, and takes the name of a field"
    reading.fault(f"{PLACE}[{index}]", "takes the name of a field, without braces [ZE212]" if has_braces(name) else why)
    return "", Part(PLACE, NOWHERE)


def _object(reading: Reading, place: str, raw: Mapping[Raw, Raw]) -> ObjectOf:
    if not reading.is_object(place, raw):
        return ObjectOf(())
    reading.plain_names(place, raw)
    return ObjectOf(tuple((str(key), _property(reading, f"{place}.{key}", item)) for key, item in raw.items()))


def _property(reading: Reading, place: str, raw: Raw) -> ObjectOf | ListOf | Part:
    if isinstance(raw, Mapping):
        return _object(reading, place, raw)
    if isinstance(raw, list):
        return ListOf(tuple(_property(reading, f"{place}[{index}]", item) for index, item in enumerate(raw)))
    part = reading.part(place, raw, lenient=True)
    try:
        json_value(part.constant)
    except BadValueError as fault:
        reading.fault(place, str(fault))
    return part
