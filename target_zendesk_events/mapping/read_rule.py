"""A rule as it is written, read into one that is ready for records."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from target_zendesk_events.codes import prolonged
from target_zendesk_events.mapping import read_deletion, read_event, read_object, read_profile, read_ticket
from target_zendesk_events.mapping.making import Making
from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.read_cases import read_cases
from target_zendesk_events.mapping.reading import UNQUOTED, Raw, Reading, forgotten_braces, is_unquoted, kind
from target_zendesk_events.mapping.rule import Rule
from target_zendesk_events.mapping.syntax import BadTemplateError
from target_zendesk_events.mapping.templates import Constant

SENT = ("event", "profile", "object", "ticket", "delete")
"""The keys of which one says what a rule sends; a `profile` may stand beside an `event`, whose it is."""
_ALONE: Mapping[str, tuple[tuple[str, ...] | None, Callable[[Reading, Mapping[str, Raw]], Making | None]]] = {
    "profile": (read_profile.KEYS_ALONE, read_profile.read_alone),
    "object": (read_object.KEYS, read_object.read_object),
    "ticket": (None, read_ticket.read_ticket),
    "delete": (read_deletion.KEYS, read_deletion.read_deletion),
}
"""Those that stand alone: what keys they have, None for any, and who reads them."""
KEYS = ("name", "stream", "when", *SENT, "dedupe_key", "dedupe", "tests")
_TOLD_BY = {"event": "type", "object": "key"}
"""What tells a rule of a kind from others of its stream."""
_BELONGS = {
    **dict.fromkeys(read_profile.KEYS, "`profile`"),
    **dict.fromkeys(read_event.KEYS, "`event`"),
    "source": "`profile` or `event`",
    "type": "`profile` or `event`",
    **dict.fromkeys(("key", "external_id", "fields"), "`object`"),
    "name": "`profile`, `object` or the rule itself",
    "method": "a `profile` without `event`",
    **dict.fromkeys(("stream", "when", "dedupe_key", "dedupe", "tests"), "the rule itself"),
}
"""Where a key has a meaning, for one that stands elsewhere."""


def read_rule(reading: Reading, raw: Raw) -> Rule | None:
    """Return the rule, or None, with what is wrong noted."""
    if not reading.is_object("", raw):
        return None
    reading.known_keys("", raw, KEYS, _BELONGS)
    stream = _stream(reading, raw.get("stream"))
    when = _when(reading, raw) if "when" in raw else None
    making = _making(reading, raw)
    dedupe_key = _dedupe_key(reading, raw.get("dedupe_key"))
    dedupe = _dedupe(reading, raw)
    name = _name(reading, raw, stream)
    cases = read_cases(reading, raw.get("tests"), reading.surroundings.timeline.zone, stream=stream)
    if reading.faults or making is None:
        return None
    return Rule(
        name=name,
        stream=stream,
        when=when,
        making=making,
        dedupe_key=dedupe_key,
        dedupe=dedupe,
        cases=cases,
        surroundings=reading.surroundings,
    )


def _making(reading: Reading, raw: Mapping[str, Raw]) -> Making | None:
    """Return what the rule sends: the key that stands in it says of which kind; None with what is wrong noted."""
    kinds = [key for key in SENT if key in raw and not (key == "profile" and "event" in raw)]
    if not kinds:
        reading.fault(
            "", "sends nothing: give it `profile` with `event`, `profile` alone, `object`, `ticket` or `delete` [ZE243]"
        )
        return None
    if len(kinds) > 1:
        reading.fault("", f"sends both `{kinds[0]}` and `{kinds[1]}`: make two rules of it [ZE243]")
        return None
    if kinds == ["event"]:
        profile = read_profile.read_profile(reading, _section(reading, raw, "profile", read_profile.KEYS))
        return read_event.read_event(reading, _section(reading, raw, "event", read_event.KEYS), profile)
    keys, read = _ALONE[kinds[0]]
    return read(reading, _section(reading, raw, kinds[0], keys))


def _section(reading: Reading, raw: Mapping[str, Raw], name: str, keys: tuple[str, ...] | None) -> Mapping[str, Raw]:
    section = raw.get(name, {})
    if not reading.is_object(name, section):
        return {}
    found: Mapping[str, Raw] = section
    if keys is not None:
        reading.known_keys(name, found, keys, _BELONGS)
    return found


def _stream(reading: Reading, raw: Raw) -> str:
    if isinstance(raw, str) and raw.strip():
        return raw
    if raw is None or isinstance(raw, str):
        reading.missing("stream", ": the name of a stream, or a glob")
    else:
        reading.fault("stream", f"is {kind(raw)}, and takes the name of a stream [ZE208]")
    return ""


def _when(reading: Reading, raw: Mapping[str, Raw]) -> Part | None:
    value = raw["when"]
    if isinstance(value, bool | int | float):
        return Part("when", Constant(value))
    if value is None or value == "":
        reading.fault("when", "is empty: write an expression, or remove it [ZE215]")
    elif not isinstance(value, str):
        reading.fault("when", UNQUOTED if is_unquoted(value) else f"is {kind(value)}, and takes an expression [ZE208]")
    else:
        try:
            return Part("when", reading.surroundings.templates.compile_expression(value))
        except BadTemplateError as fault:
            reading.fault("when", str(fault))
    return None


def _dedupe_key(reading: Reading, raw: Raw) -> Part | None:
    part = reading.text("dedupe_key", raw)
    if part is not None and part.constant is not None:
        why = "is the same for every record, so that only the first would be sent [ZE216]"
        reading.fault("dedupe_key", prolonged(why, forgotten_braces(raw)))
    return part


def _dedupe(reading: Reading, raw: Mapping[str, Raw]) -> bool:
    value = raw.get("dedupe", True)
    if not isinstance(value, bool):
        reading.fault("dedupe", f"is {kind(value)}, and takes true or false [ZE208]")
    if value is False and raw.get("dedupe_key") is not None:
        reading.fault("dedupe", "`dedupe: false` and `dedupe_key` contradict each other: remove one [ZE216]")
    if value is False and "ticket" in raw:
        reading.fault("dedupe", "`dedupe: false` would send tickets anew with every run: write a `dedupe_key` [ZE250]")
    return value is not False


def _name(reading: Reading, raw: Mapping[str, Raw], stream: str) -> str:
    """Return the rule's label: its own, else its stream, and its event's type as it is written, or what it sends."""
    value = raw.get("name")
    if value is None:
        kind_of = next((key for key in SENT if key in raw), "")
        told = raw.get(kind_of)
        own = told.get(_TOLD_BY[kind_of]) if kind_of in _TOLD_BY and isinstance(told, Mapping) else None
        return f"{stream}:{own or kind_of}"
    if not isinstance(value, str) or not value.strip():
        reading.fault("name", f"is {kind(value)}, and takes text [ZE208]" if value != "" else "is empty [ZE208]")
    return str(value)
