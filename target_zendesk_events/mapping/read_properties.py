"""Fields as a rule writes them: an object of templates, a list of fields' names, or one expression."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.properties import ListOf, ObjectOf
from target_zendesk_events.mapping.reading import NOWHERE, UNQUOTED, Raw, Reading, has_braces, is_unquoted, kind
from target_zendesk_events.mapping.templates import Field
from target_zendesk_events.mapping.values import BadValueError, json_value


def read_names(reading: Reading, place: str, raw: list[Raw]) -> tuple[tuple[str, Part], ...]:
    """Return the record's fields of these names, each under its own."""
    return tuple(_named(reading, place, index, name) for index, name in enumerate(raw))


def read_expression(reading: Reading, place: str, raw: Raw) -> Part:
    """Return one expression that yields an object."""
    part = reading.part(place, raw)
    if part.value is not NOWHERE and not part.value.is_expression:
        reading.fault(place, "takes an object, a list of field names, or one expression [ZE212]")
    return part


def read_object_of(reading: Reading, place: str, raw: Mapping[Raw, Raw]) -> ObjectOf:
    """Return an object of templates, nested as one likes."""
    if not reading.is_object(place, raw):
        return ObjectOf(())
    reading.plain_names(place, raw)
    return ObjectOf(tuple((str(key), read_value(reading, f"{place}.{key}", item)) for key, item in raw.items()))


def read_list_of(reading: Reading, place: str, raw: list[Raw]) -> ListOf:
    """Return a list of templates, nested as one likes."""
    return ListOf(tuple(read_value(reading, f"{place}[{index}]", item) for index, item in enumerate(raw)))


def read_leaf(reading: Reading, place: str, raw: Raw) -> Part:
    """Return a value that is no object or list; a constant must be one that JSON has."""
    part = reading.part(place, raw, lenient=True)
    try:
        json_value(part.constant)
    except BadValueError as fault:
        reading.fault(place, str(fault))
    return part


def _named(reading: Reading, place: str, index: int, name: Raw) -> tuple[str, Part]:
    if isinstance(name, str) and not has_braces(name):
        return name, Part(place, Field(name))
    why = UNQUOTED if is_unquoted(name) else f"is {kind(name)}, and takes the name of a field [ZE208]"
    reading.fault(f"{place}[{index}]", "takes the name of a field, without braces [ZE212]" if has_braces(name) else why)
    return "", Part(place, NOWHERE)


def read_value(reading: Reading, place: str, raw: Raw) -> ObjectOf | ListOf | Part:
    """Return any value: an object or a list of templates, or one."""
    if isinstance(raw, Mapping):
        return read_object_of(reading, place, raw)
    if isinstance(raw, list):
        return read_list_of(reading, place, raw)
    return read_leaf(reading, place, raw)
