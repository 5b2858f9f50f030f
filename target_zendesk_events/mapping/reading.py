"""The values of a rule as they are written, read and compiled, with a sentence for each that cannot work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from target_zendesk_events.kinds.profile import RESERVED_SOURCE, name_faults
from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.syntax import BadTemplateError, did_you_mean
from target_zendesk_events.mapping.templates import Constant

if TYPE_CHECKING:
    from target_zendesk_events.mapping.making import Surroundings

UNQUOTED = "put quotes around the braces: YAML reads {{ }} without quotes as a mapping [ZE202]"
NOWHERE = Constant(None)
"""Stands where a value is missing or faulty, so that the rest of the rule is read too."""

Raw = Any
"""Whatever the configuration holds."""


class Faults:
    """Gathers what is wrong with something as it is written, each fault with its place."""

    def __init__(self) -> None:
        """Begin with none."""
        self.faults: list[str] = []

    def fault(self, place: str, why: str) -> None:
        """Note a fault; without a place it is the whole rule's."""
        self.faults.append(f"{place}: {why}" if place else why)

    def is_object(self, place: str, raw: Raw) -> bool:
        """Return whether a value is an object with keys that can be read; else note why not."""
        if isinstance(raw, Mapping) and not is_unquoted(raw):
            return True
        self.fault(place, UNQUOTED if is_unquoted(raw) else f"is {kind(raw)}, and takes an object [ZE208]")
        return False

    def known_keys(
        self, place: str, raw: Mapping[Any, Raw], known: Sequence[str], elsewhere: Mapping[str, str]
    ) -> None:
        """Note each key that has no meaning here; `elsewhere` tells of keys where they have one."""
        for key in raw:
            if key not in known:
                hint = f"; it belongs under {elsewhere[key]}" if key in elsewhere else did_you_mean(str(key), known)
                self.fault(place, f"unknown key '{key}'{hint} [ZE206]")

    def plain_names(self, place: str, raw: Mapping[Any, Raw]) -> None:
        """Note each name in an object that holds braces: it would be sent as it stands."""
        for key in raw:
            if has_braces(key):
                self.fault(place, f"the name '{key}' is no template, and would be sent as it stands [ZE213]")


class Reading(Faults):
    """The reading of one rule."""

    def __init__(self, surroundings: Surroundings, source: str | None) -> None:
        """Take what all rules share, and the source for events and profiles that name none: `""` where it is unset."""
        super().__init__()
        self.surroundings = surroundings
        self.source = source

    def missing(self, place: str, hint: str = "") -> Part:
        """Note that something is missing, and return what stands in its place."""
        self.fault("", f"`{place}` is missing{hint} [ZE207]")
        return Part(place, NOWHERE)

    def text(self, place: str, raw: Raw, *, lenient: bool = False) -> Part | None:
        """Read a value that is no object or list; None where it is left out or faulty."""
        if raw is None:
            return None
        if isinstance(raw, Mapping | list | tuple):
            self.fault(place, UNQUOTED if is_unquoted(raw) else f"is {kind(raw)}, and takes text [ZE208]")
            return None
        return self.part(place, raw, lenient=lenient)

    def part(self, place: str, raw: Raw, *, lenient: bool = False) -> Part:
        """Read any value: text with braces is a template, all else a constant."""
        try:
            return Part(place, self.surroundings.templates.compile(raw, lenient=lenient))
        except BadTemplateError as fault:
            self.fault(place, str(fault))
            return Part(place, NOWHERE)

    def source_of(self, whose: str, raw: Mapping[str, Raw]) -> Part:
        """Read a `source`; without one the setting's counts, which is checked once for all rules."""
        place = f"{whose}.source"
        given = raw.get("source")
        if given is not None:
            return self.name_of(place, given)
        if self.source == "":
            return self.missing(place, ", and the setting `source` is empty (is an environment variable unset?)")
        if self.source is None:
            return self.missing(place, "; set it here, or `source` for all rules")
        return Part(place, Constant(self.source))

    def name_of(self, place: str, raw: Raw) -> Part:
        """Read a source or a type: a constant must be one that Zendesk takes."""
        if raw is None:
            return self.missing(place)
        part = self.text(place, raw) or Part(place, NOWHERE)
        if part.constant is not None:
            self.faults += constant_name_faults(place, str(part.constant))
        return part


def constant_name_faults(place: str, name: str) -> list[str]:
    """Return what Zendesk would refuse a constant source or type for."""
    faults = [f"{fault.replace(place, f'{place}:', 1)} [ZE217]" for fault in name_faults(place, name)]
    if place.endswith("source") and name.strip().lower() == RESERVED_SOURCE:
        faults.append(f"{place}: '{RESERVED_SOURCE}' is Zendesk's own source, and reserved [ZE217]")
    if name and not name.strip():
        faults.append(f"{place}: is blank [ZE217]")
    return faults


def is_unquoted(raw: Raw) -> bool:
    """Return whether a value is what YAML makes of braces without quotes: a mapping with a mapping for a key."""
    if not isinstance(raw, Mapping):
        return False
    return not all(key is None or isinstance(key, str | int | float | dt.date) for key in raw)


def has_braces(raw: Raw) -> bool:
    """Return whether a value is a template."""
    return isinstance(raw, str) and any(mark in raw for mark in ("{{", "{%", "{#"))


def forgotten_braces(raw: Raw) -> str:
    """Return a hint for a constant that looks like a field's name."""
    return f"; for the field write '{{{{ {raw} }}}}'" if isinstance(raw, str) and raw.isidentifier() else ""


def kind(raw: Raw) -> str:
    """Return what a value is, in the words of YAML."""
    if raw is None:
        return "empty"
    if isinstance(raw, str):
        return "text"
    if isinstance(raw, bool):
        return "true or false"
    if isinstance(raw, int | float):
        return "a number"
    return "an object" if isinstance(raw, Mapping) else "a list" if isinstance(raw, list | tuple) else "another thing"
