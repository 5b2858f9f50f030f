"""Pieces that the schema of rules is made of: texts, templates, names and objects of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from target_zendesk_events.kinds.profile import MAX_NAME_LENGTH, RESERVED_SOURCE

Schema = dict[str, Any]

SCALARS: Final = ["string", "number", "boolean", "null"]


def pattern(pattern: str, words: str) -> Schema:
    """Return a pattern, and what an editor says where a text does not keep to it."""
    return {"pattern": pattern, "patternErrorMessage": words}


ANY_CASE: Final = "".join(f"[{one.lower()}{one.upper()}]" for one in RESERVED_SOURCE)
NO_BRACES: Final = r"^(?![\s\S]*\{[{%#])"
NOT_BLANK: Final = pattern(r"\S", "Is blank.")
TEMPLATE: Final = pattern(r"\{[{%#]", "Is the same for every record, so that only the first would be sent.")
EXPRESSION: Final = pattern(r"^\s*\{\{[\s\S]*\}\}\s*$", 'As a text it takes one expression: "{{ ... }}".')
SOURCE: Final = pattern(rf"^(?!\s*{ANY_CASE}\s*$)[\s\S]*\S", f"Is blank, or '{RESERVED_SOURCE}', which is reserved.")
FIELD: Final = pattern(NO_BRACES, "Takes the name of a field, without braces.")
PLAIN_NAME: Final = pattern(NO_BRACES, "The name is no template, and would be sent as it stands.")
KEY: Final[Schema] = {
    "type": "string",
    **pattern(rf"{NO_BRACES}[\s\S]*\S", "Is blank, or a template: takes one key."),
}
TEMPLATE_OF_ONE: Final = pattern(r"\{[{%#]", "Is the same for every record, so that all would be one.")
UNLESS_TEMPLATE: Final[Schema] = {"type": "string", "pattern": NO_BRACES}
TEXT: Final[Schema] = {"type": SCALARS}


def object_of(
    keys: Iterable[str], places: Mapping[str, Schema], words: Mapping[str, str], required: list[str]
) -> Schema:
    """Return the schema of an object with these keys: each has a schema and a description."""
    return {
        "type": "object",
        "properties": {key: {"description": words[key], **places[key]} for key in keys},
        "additionalProperties": False,
        "required": required,
    }


def origin_name(*, may_be_null: bool, is_source: bool) -> Schema:
    """Return the schema of a source or a type: a template, or a constant that Zendesk takes."""
    constant: Schema = {**(SOURCE if is_source else NOT_BLANK), "maxLength": MAX_NAME_LENGTH}
    return {"type": SCALARS if may_be_null else SCALARS[:-1], "if": UNLESS_TEMPLATE, "then": constant}


def reference(name: str) -> Schema:
    """Return a reference to a definition; in draft 7 a `$ref` lets nothing stand beside it."""
    return {"allOf": [{"$ref": f"#/definitions/{name}"}]}


def object_of_templates(own: Mapping[str, Schema]) -> Schema:
    """Return the schema of an object of templates, some of its fields with a schema of their own."""
    more = {"propertyNames": PLAIN_NAME, "additionalProperties": {"$ref": "#/definitions/property"}}
    return {"type": "object", "properties": dict(own), **more}
