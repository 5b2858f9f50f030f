"""The fields of custom objects: how one is defined, and whether a value fits it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from .refusals import RecordInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = (
    *("text", "textarea", "checkbox", "date", "integer", "decimal", "regexp"),
    *("dropdown", "multiselect", "lookup"),
)
TARGETS = ("zen:user", "zen:ticket", "zen:organization")
OBJECT = "zen:custom_object:"
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class ObjectField:
    """A field of a custom object; `options` are a dropdown's values, `target` is what a lookup refers to."""

    key: str
    type: str
    title: str
    description: str = ""
    active: bool = True
    options: tuple[tuple[str, str], ...] = ()
    pattern: str | None = None
    target: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return it as Zendesk shows it."""
        shown: dict[str, Any] = {
            "key": self.key,
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "active": self.active,
            "system": False,
            "regexp_for_validation": self.pattern,
        }
        if self.options:
            shown["custom_field_options"] = [
                {"id": number, "name": name, "value": value}
                for number, (name, value) in enumerate(self.options, start=1)
            ]
        return shown | ({"relationship_target_type": self.target} if self.target else {})

    def fault_of(self, value: object, exists: Callable[[str, str], bool]) -> str | None:
        """Return what is wrong with a value, or none; `exists` tells whether a lookup's target has that id."""
        if value is None or _CHECKS[self.type](self, value):
            known = value is None or self.target is None or exists(self.target, str(value))
            return None if known else f"{self.title}: there is no such {self.target}"
        return f"{self.title}: is no {_WORDS.get(self.type, self.type)}"


def field_from(sent: dict[str, Any], is_object: Callable[[str], bool]) -> ObjectField:
    """Return the field that a request describes; refuses one that is none."""
    faults: dict[str, str] = {}
    key, kind, title = sent.get("key"), sent.get("type"), sent.get("title")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        faults["key"] = "Key: must be letters, digits, underscores and hyphens"
    if kind not in TYPES:
        faults["type"] = f"Type: must be one of {', '.join(TYPES)}"
    if not isinstance(title, str) or not title.strip():
        faults["title"] = "Title: cannot be blank"
    options = _options(sent.get("custom_field_options"))
    if kind in {"dropdown", "multiselect"} and not options:
        faults["custom_field_options"] = "Custom field options: names and values, each value once, are required"
    pattern, target = sent.get("regexp_for_validation"), sent.get("relationship_target_type")
    if kind == "regexp" and not _is_pattern(pattern):
        faults["regexp_for_validation"] = "Regexp for validation: must be a regular expression"
    if kind == "lookup" and not _is_target(target, is_object):
        faults["relationship_target_type"] = f"Relationship target type: must be {', '.join(TARGETS)} or {OBJECT}KEY"
    if faults:
        raise RecordInvalid(faults)
    return ObjectField(
        key=str(key),
        type=str(kind),
        title=str(title),
        description=str(sent.get("description") or ""),
        active=sent.get("active") is not False,
        options=options if kind in {"dropdown", "multiselect"} else (),
        pattern=pattern if kind == "regexp" else None,
        target=target if kind == "lookup" else None,
    )


def stored(field: ObjectField) -> str:
    """Return a field as the store keeps it."""
    return json.dumps(field.__dict__)


def restored(text: str) -> ObjectField:
    """Return the field that the store kept."""
    content = json.loads(text)
    return ObjectField(**{**content, "options": tuple(map(tuple, content["options"]))})


def _options(sent: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        return ()
    pairs = [(one.get("name"), one.get("value")) for one in sent]
    if not all(isinstance(part, str) and part for pair in pairs for part in pair):
        return ()
    return tuple(pairs) if len({value for _, value in pairs}) == len(pairs) else ()


def _is_pattern(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(text) and re.compile(text) is not None
    except re.error:
        return False


def _is_target(target: object, is_object: Callable[[str], bool]) -> bool:
    if not isinstance(target, str):
        return False
    return target in TARGETS or (target.startswith(OBJECT) and is_object(target.removeprefix(OBJECT)))


def _is_text(_field: ObjectField, value: object) -> bool:
    return isinstance(value, str)


def _is_date(_field: ObjectField, value: object) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_number(_field: ObjectField, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(_field: ObjectField, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fits_pattern(field: ObjectField, value: object) -> bool:
    return isinstance(value, str) and re.search(field.pattern or "", value) is not None


def _is_option(field: ObjectField, value: object) -> bool:
    return any(value == known for _, known in field.options)


def _are_options(field: ObjectField, value: object) -> bool:
    return isinstance(value, list) and all(_is_option(field, one) for one in value)


_CHECKS: dict[str, Callable[[ObjectField, object], bool]] = {
    "text": _is_text,
    "textarea": _is_text,
    "checkbox": lambda _field, value: isinstance(value, bool),
    "date": _is_date,
    "integer": _is_integer,
    "decimal": _is_number,
    "regexp": _fits_pattern,
    "dropdown": _is_option,
    "multiselect": _are_options,
    "lookup": _is_text,
}
_WORDS = {
    "textarea": "text",
    "checkbox": "true or false",
    "date": "date (YYYY-MM-DD)",
    "integer": "whole number",
    "decimal": "number",
    "regexp": "text that fits the field's regular expression",
    "dropdown": "value of one of its options",
    "multiselect": "list of values of its options",
    "lookup": "id, as text",
}
