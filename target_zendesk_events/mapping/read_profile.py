"""The `profile` of a rule as it is written, read into its parts."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.kinds.profile import MAX_IDENTIFIER_TYPE_LENGTH, MAX_IDENTIFIERS, Method
from target_zendesk_events.mapping.identifiers import PLACE, Pairs, Yielded
from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.profile import ProfileParts
from target_zendesk_events.mapping.profile_alone import ProfileAlone
from target_zendesk_events.mapping.reading import (
    NOWHERE,
    UNQUOTED,
    Raw,
    Reading,
    forgotten_braces,
    has_braces,
    is_unquoted,
    kind,
)
from target_zendesk_events.mapping.syntax import did_you_mean
from target_zendesk_events.mapping.templates import Constant

KEYS = ("source", "type", "identifiers", "name", "user_id", "attributes")
KEYS_ALONE = (*KEYS, "method")
"""Those of a profile that is sent without an event."""
METHODS = tuple(one.value for one in Method)
DEFAULT_TYPE = "customer"


def read_profile(reading: Reading, raw: Mapping[str, Raw]) -> ProfileParts:
    """Return the profile's templates; what is wrong is noted."""
    return ProfileParts(
        source=reading.source_of("profile", raw),
        type=reading.name_of("profile.type", DEFAULT_TYPE if raw.get("type") is None else raw["type"]),
        identifiers=_identifiers(reading, raw.get("identifiers")),
        name=reading.text("profile.name", raw.get("name"), lenient=True),
        user_id=reading.text("profile.user_id", raw.get("user_id")),
        attributes=_attributes(reading, raw.get("attributes")),
    )


def read_alone(reading: Reading, raw: Mapping[str, Raw]) -> ProfileAlone:
    """Return a profile that is sent without an event; what is wrong is noted."""
    profile = read_profile(reading, raw)
    check_query(reading, profile)
    method = raw.get("method")
    if method is None:
        return ProfileAlone(profile, Method.MERGE)
    if method not in METHODS:
        place = "profile.method"
        reading.fault(place, f"takes {' or '.join(METHODS)}{did_you_mean(str(method), METHODS)} [ZE245]")
        return ProfileAlone(profile, Method.MERGE)
    return ProfileAlone(profile, Method(method))


def check_query(reading: Reading, profile: ProfileParts) -> None:
    """Note constants with which no profile can be asked for: the parts of the question have colons between them."""
    for part in (profile.source, profile.type, *_first_type(profile)):
        if ":" in part.fixed:
            reading.fault(part.place, "holds a colon, with which no profile can be asked for [ZE244]")


def _first_type(profile: ProfileParts) -> list[Part]:
    """Return the template of the first identifier's type, where the rule writes it."""
    return [kind for kind, _ in profile.identifiers.entries[:1]] if isinstance(profile.identifiers, Pairs) else []


def _attributes(reading: Reading, raw: Raw) -> tuple[tuple[str, Part], ...]:
    place = "profile.attributes"
    if raw is None or not reading.is_object(place, raw):
        return ()
    reading.plain_names(place, raw)
    read = ((str(key), reading.text(f"{place}.{key}", value, lenient=True)) for key, value in raw.items())
    return tuple((key, part) for key, part in read if part is not None)


def _identifiers(reading: Reading, raw: Raw) -> Pairs | Yielded:
    if raw is None or raw in ("", {}, []):
        reading.missing(PLACE, ": without one nobody can be found")
        return Pairs(())
    if isinstance(raw, str):
        return _yielded(reading, raw)
    if not isinstance(raw, Mapping | list) or is_unquoted(raw):
        reading.fault(PLACE, UNQUOTED if is_unquoted(raw) else f"is {kind(raw)}, and takes `type: value` [ZE208]")
        return Pairs(())
    entries = _listed(reading, raw) if isinstance(raw, list) else _mapped(reading, raw)
    if sum(not has_braces(value) for _, _, value in entries) > MAX_IDENTIFIERS:
        reading.fault(
            PLACE, f"has more than {MAX_IDENTIFIERS} constants; Zendesk takes {MAX_IDENTIFIERS} identifiers [ZE210]"
        )
    return Pairs(tuple(_pair(reading, *entry) for entry in entries))


def _yielded(reading: Reading, raw: str) -> Yielded:
    part = reading.part(PLACE, raw)
    if part.value is not NOWHERE and not part.value.is_expression:
        reading.fault(PLACE, "takes `type: value`, or one expression that yields a list of {type, value} [ZE209]")
    return Yielded(part)


def _mapped(reading: Reading, raw: Mapping[Raw, Raw]) -> list[tuple[str, Raw, Raw]]:
    if set(raw) == {"type", "value"}:
        reading.fault(PLACE, "reads as two identifiers, `type` and `value`; write `email: ...`, or a list [ZE209]")
    return [(f"{PLACE}.{key}", key, value) for key, value in raw.items()]


def _listed(reading: Reading, raw: list[Raw]) -> list[tuple[str, Raw, Raw]]:
    entries = []
    for index, entry in enumerate(raw):
        place = f"{PLACE}[{index}]"
        if isinstance(entry, Mapping) and set(entry) == {"type", "value"}:
            entries.append((place, entry["type"], entry["value"]))
        else:
            reading.fault(place, "takes an object with `type` and `value`, and nothing else [ZE209]")
    return entries


def _pair(reading: Reading, place: str, kind_of: Raw, value: Raw) -> tuple[Part, Part]:
    if value is None:
        reading.fault(place, "is empty: it would never be sent [ZE211]")
    kind_part = reading.text(place, kind_of) or Part(place, NOWHERE)
    value_part = reading.text(place, value) or Part(place, NOWHERE)
    if kind_part.is_constant:
        name = str(kind_of or "").strip()
        kind_part = Part(place, Constant(name))
        _check_type(reading, place, name)
    _check_value(reading, place, kind_part.fixed, value_part)
    return kind_part, value_part


def _check_type(reading: Reading, place: str, name: str) -> None:
    if not name:
        reading.fault(place, "has no type [ZE210]")
    if len(name) > MAX_IDENTIFIER_TYPE_LENGTH:
        reading.fault(
            place, f"has a type of {len(name)} characters; Zendesk takes {MAX_IDENTIFIER_TYPE_LENGTH} [ZE210]"
        )


def _check_value(reading: Reading, place: str, name: str, value: Part) -> None:
    """Note a constant that is no identifier of this type; of any type, where a record decides it."""
    if value.constant is not None:
        _, why = reading.surroundings.cleaning.clean(name, value.constant)
        if why:
            reading.fault(place, f"would never be sent, being {why}{forgotten_braces(value.constant)} [ZE211]")
