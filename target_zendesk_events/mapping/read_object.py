"""The `object` of a rule as it is written, read into its parts."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.codes import prolonged
from target_zendesk_events.mapping.object_record import FIELDS, Fields, ObjectParts, ReferenceParts, YieldedFields
from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.properties import ListOf
from target_zendesk_events.mapping.read_properties import read_expression, read_leaf, read_list_of, read_names
from target_zendesk_events.mapping.reading import NOWHERE, Raw, Reading, forgotten_braces, has_braces, is_unquoted, kind

KEYS = ("key", "external_id", "name", "fields")
KNOWN_BY = ("external_id", "email")
"""By what a user is referred to."""
REFERENCE = (
    "takes a value, or a reference: {user: {external_id: ...}}, {user: {email: ...}} or {object: KEY, "
    "external_id: ...} [ZE246]"
)


def read_object(reading: Reading, raw: Mapping[str, Raw]) -> ObjectParts:
    """Return the templates of a custom object's record; what is wrong is noted."""
    return ObjectParts(
        key=read_key(reading, "object.key", raw.get("key")),
        external_id=read_external_id(reading, "object.external_id", raw.get("external_id")),
        name=reading.text("object.name", raw.get("name"), lenient=True),
        fields=_fields(reading, raw.get("fields")),
    )


def read_key(reading: Reading, place: str, raw: Raw) -> str:
    """Return the key of a custom object: the same for all records."""
    if raw is None or raw == "":
        reading.missing(place, ": the key of a custom object")
    elif not isinstance(raw, str) or not raw.strip():
        reading.fault(place, f"is {kind(raw)}, and takes the key of a custom object [ZE208]")
    elif has_braces(raw):
        reading.fault(place, "takes the key of a custom object, which no record decides [ZE247]")
    return str(raw).strip()


def read_external_id(reading: Reading, place: str, raw: Raw) -> Part:
    """Return the template of what a thing is called: not the same for all records."""
    if raw is None or raw == "":
        return reading.missing(place, ": what the record is called in its own system")
    part = reading.text(place, raw) or Part(place, NOWHERE)
    if part.constant is not None:
        why = "is the same for every record, so that all would be one [ZE247]"
        reading.fault(place, prolonged(why, forgotten_braces(raw)))
    return part


def _fields(reading: Reading, raw: Raw) -> Fields | YieldedFields:
    if raw is None:
        return Fields(())
    if isinstance(raw, list):
        return Fields(read_names(reading, FIELDS, raw))
    if not isinstance(raw, Mapping) or is_unquoted(raw):
        return YieldedFields(read_expression(reading, FIELDS, raw))
    reading.plain_names(FIELDS, raw)
    return Fields(tuple((str(name), _field(reading, f"{FIELDS}.{name}", value)) for name, value in raw.items()))


def _field(reading: Reading, place: str, raw: Raw) -> Part | ListOf | ReferenceParts:
    if isinstance(raw, list):
        return read_list_of(reading, place, raw)
    if isinstance(raw, Mapping) and not is_unquoted(raw):
        return _reference(reading, place, raw) or Part(place, NOWHERE)
    return read_leaf(reading, place, raw)


def _reference(reading: Reading, place: str, raw: Mapping[Raw, Raw]) -> ReferenceParts | None:
    user = raw.get("user")
    if set(raw) == {"user"} and isinstance(user, Mapping) and len(user) == 1 and next(iter(user)) in KNOWN_BY:
        ((by, value),) = user.items()
        return ReferenceParts("user", by, _referred(reading, f"{place}.user.{by}", value))
    if set(raw) == {"object", "external_id"}:
        key = read_key(reading, f"{place}.object", raw["object"])
        return ReferenceParts("object", key, _referred(reading, f"{place}.external_id", raw["external_id"]))
    reading.fault(place, REFERENCE)
    return None


def _referred(reading: Reading, place: str, raw: Raw) -> Part:
    if raw is None or raw == "":
        return reading.missing(place)
    return reading.text(place, raw) or Part(place, NOWHERE)
