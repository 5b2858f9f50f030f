"""What the reader of rules takes, as JSON Schema: for editors, which complete and check rules as they are written.

Draft 7, which YAML's language server knows best. Keywords that belong to one type say nothing of another, so one object
describes a place that takes several; alternatives would blur the editor's words on a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from target_zendesk_events.kinds.profile import MAX_IDENTIFIER_TYPE_LENGTH, MAX_NAME_LENGTH, RESERVED_SOURCE
from target_zendesk_events.mapping import (
    read_cases,
    read_deletion,
    read_event,
    read_object,
    read_profile,
    read_rule,
    read_ticket,
)
from target_zendesk_events.mapping.expectations import TOLD_WHY, WITHOUT_BODY

Schema = dict[str, Any]

SCALARS: Final = ["string", "number", "boolean", "null"]


def _pattern(pattern: str, words: str) -> Schema:
    """Return a pattern, and what an editor says where a text does not keep to it."""
    return {"pattern": pattern, "patternErrorMessage": words}


_ANY_CASE: Final = "".join(f"[{one.lower()}{one.upper()}]" for one in RESERVED_SOURCE)
_NO_BRACES: Final = r"^(?![\s\S]*\{[{%#])"
_NOT_BLANK: Final = _pattern(r"\S", "Is blank.")
_TEMPLATE: Final = _pattern(r"\{[{%#]", "Is the same for every record, so that only the first would be sent.")
_EXPRESSION: Final = _pattern(r"^\s*\{\{[\s\S]*\}\}\s*$", 'As a text it takes one expression: "{{ ... }}".')
_SOURCE: Final = _pattern(rf"^(?!\s*{_ANY_CASE}\s*$)[\s\S]*\S", f"Is blank, or '{RESERVED_SOURCE}', which is reserved.")
_FIELD: Final = _pattern(_NO_BRACES, "Takes the name of a field, without braces.")
_PLAIN_NAME: Final = _pattern(_NO_BRACES, "The name is no template, and would be sent as it stands.")
_KEY: Final[Schema] = {
    "type": "string",
    **_pattern(rf"{_NO_BRACES}[\s\S]*\S", "Is blank, or a template: takes one key."),
}
_TEMPLATE_OF_ONE: Final = _pattern(r"\{[{%#]", "Is the same for every record, so that all would be one.")
_UNLESS_TEMPLATE: Final[Schema] = {"type": "string", "pattern": _NO_BRACES}
_TEXT: Final[Schema] = {"type": SCALARS}


def rules_schema() -> Schema:
    """Return the schema of a rules file: a list, or a mapping with the list under `rules`."""
    rules: Schema = {"minItems": 1, "items": {"$ref": "#/definitions/rule"}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "description": "Rules of target-zendesk-events: a list of them, or a mapping with rules and source.",
        "type": ["object", "array"],
        **rules,
        "properties": {"rules": {"type": "array", **rules}, "source": _setting_source()},
        "patternProperties": {"^x-": {"description": "Free, so that YAML's anchors have a place."}},
        "additionalProperties": False,
        "required": ["rules"],
        "definitions": {
            "rule": _rule(),
            "profile": _profile(),
            "event": _event(),
            "property": _property(),
            "object": _custom_object(),
            "field": _field(),
            "ticket": _ticket(),
            "deletion": _deletion(),
            "test": _test(),
            "expectation": _expectation(),
        },
    }


def _object(keys: Iterable[str], places: Mapping[str, Schema], words: Mapping[str, str], required: list[str]) -> Schema:
    """Return the schema of an object with these keys: each has a schema and a description."""
    return {
        "type": "object",
        "properties": {key: {"description": words[key], **places[key]} for key in keys},
        "additionalProperties": False,
        "required": required,
    }


# rules


def _rule() -> Schema:
    words = {
        "name": "Its label in logs and report; else stream and type.",
        "stream": "A stream's name or a glob (`order_*`), case-sensitive.",
        "when": "One expression; records for which it is false, null or empty are filtered out.",
        "profile": "Whose event it is; without `event` it is sent alone.",
        "event": "What happened.",
        "object": "A record of a custom object, made or changed by its external id.",
        "ticket": "A ticket, made once; with `id` that ticket is changed, or commented on.",
        "delete": "What is taken away: a profile with its events, a record of a custom object, or a ticket.",
        "dedupe_key": "What makes two events the same, such as `{{ id }}:{{ status }}`.",
        "dedupe": "`false`: equal records are different events.",
        "tests": "Records, and what is to become of each; `zendesk-events test` runs them.",
    }
    places: dict[str, Schema] = {
        "name": {"type": ["string", "null"], **_NOT_BLANK},
        "stream": {"type": "string", **_NOT_BLANK},
        "when": {"type": ["string", "number", "boolean"], "minLength": 1},
        "profile": _reference("profile"),
        "event": _reference("event"),
        "object": _reference("object"),
        "ticket": _reference("ticket"),
        "delete": _reference("deletion"),
        "dedupe_key": {"type": ["string", "null"], **_TEMPLATE},
        "dedupe": {"type": "boolean", "default": True},
        "tests": {"type": ["array", "null"], "items": {"$ref": "#/definitions/test"}},
    }
    is_off = {"properties": {"dedupe": {"const": False}}, "required": ["dedupe"]}
    without_key = {
        "type": "null",
        "errorMessage": "`dedupe: false` and `dedupe_key` contradict each other: remove one.",
    }
    is_glob = {"properties": {"stream": {"pattern": r"[*?\[]"}}, "required": ["stream"]}
    named = {"required": ["stream"], "properties": {"stream": {"type": "string"}}}
    return {
        **_object(read_rule.KEYS, places, words, ["stream"]),
        "allOf": [
            *_one_thing(),
            {"if": {"required": ["event"]}, "then": {"properties": {"profile": {"properties": {"method": False}}}}},
            {"if": is_off, "then": {"properties": {"dedupe_key": without_key}}},
            {"if": is_glob, "then": {"properties": {"tests": {"items": named}}}},
        ],
    }


def _one_thing() -> list[Schema]:
    """Return what says that a rule sends one thing; a `profile` may stand beside an `event`."""
    alone = [key for key in read_rule.SENT if key not in ("event", "profile")]
    return [
        {"if": {"not": {"anyOf": [{"required": [key]} for key in alone]}}, "then": {"required": ["profile"]}},
        *(
            {
                "if": {"required": [key]},
                "then": {"properties": {other: False for other in read_rule.SENT if other != key}},
            }
            for key in alone
        ),
    ]


def _reference(name: str) -> Schema:
    return {"allOf": [{"$ref": f"#/definitions/{name}"}]}


def _named(*, may_be_null: bool, is_source: bool) -> Schema:
    """Return the schema of a source or a type: a template, or a constant that Zendesk takes."""
    constant: Schema = {**(_SOURCE if is_source else _NOT_BLANK), "maxLength": MAX_NAME_LENGTH}
    return {"type": SCALARS if may_be_null else SCALARS[:-1], "if": _UNLESS_TEMPLATE, "then": constant}


def _setting_source() -> Schema:
    return {
        "description": "`event.source` and `profile.source` where a rule gives none.",
        "type": ["string", "null"],
        **_pattern(f"^$|{_SOURCE['pattern']}", _SOURCE["patternErrorMessage"]),
        "maxLength": MAX_NAME_LENGTH,
    }


def _profile() -> Schema:
    words = {
        "source": "The system that the customer is known in; else the `source` of the file or the setting.",
        "type": "The kind of customer.",
        "identifiers": "How Zendesk finds the customer: `type: value`, a list of {type, value}, or one expression that"
        " yields such a list. `email`, `external_id`, `phone_number`, `twitter`, `facebook` and `sdk` are written onto"
        " the Zendesk user.",
        "name": "The customer's name.",
        "user_id": "The id of a Zendesk user.",
        "attributes": "More about the customer, always text.",
        "method": "Of a profile that is sent alone: `merge` adds to what is there, `replace` loses what is not given.",
    }
    places: dict[str, Schema] = {
        "source": _named(may_be_null=True, is_source=True),
        "type": {**_named(may_be_null=True, is_source=False), "default": read_profile.DEFAULT_TYPE},
        "identifiers": _identifiers(),
        "name": _TEXT,
        "user_id": _TEXT,
        "attributes": {"type": ["object", "null"], "propertyNames": _PLAIN_NAME, "additionalProperties": _TEXT},
        "method": {"enum": [*read_profile.METHODS, None], "default": read_profile.METHODS[0]},
    }
    return _object(read_profile.KEYS_ALONE, places, words, ["identifiers"])


def _identifiers() -> Schema:
    value: Schema = {"type": ["string", "integer"], **_NOT_BLANK}
    kind: Schema = {"if": _UNLESS_TEMPLATE, "then": {**_NOT_BLANK, "maxLength": MAX_IDENTIFIER_TYPE_LENGTH}}
    pair = _object(
        ("type", "value"),
        {"type": {"type": "string", **kind}, "value": value},
        {"type": "The identifier's type, such as `email`.", "value": "Its value."},
        ["type", "value"],
    )
    return {
        "type": ["object", "array", "string"],
        **_EXPRESSION,
        "minProperties": 1,
        "propertyNames": kind,
        "additionalProperties": value,
        "if": {"type": "object", "required": ["type", "value"], "maxProperties": 2},
        "then": {"type": "array", "errorMessage": "Reads as two identifiers: write `email: ...`, or a list."},
        "minItems": 1,
        "items": pair,
    }


def _event() -> Schema:
    words = {
        "source": "The system that it happened in; else the `source` of the file or the setting.",
        "type": "What happened, such as `order_paid`.",
        "created_at": "When it happened: ISO-8601 or a Unix time; else the time at which it is sent.",
        "description": "One line for the agent.",
        "properties": "An object of templates, a list of field names, or one expression that yields an object.",
    }
    places: dict[str, Schema] = {
        "source": _named(may_be_null=True, is_source=True),
        "type": _named(may_be_null=False, is_source=False),
        "created_at": {"type": ["string", "number", "null"]},
        "description": _TEXT,
        "properties": {
            "type": ["object", "array", "string", "null"],
            **_EXPRESSION,
            "items": {"type": "string", **_FIELD},
            "propertyNames": _PLAIN_NAME,
            "additionalProperties": {"$ref": "#/definitions/property"},
        },
    }
    return _object(read_event.KEYS, places, words, ["type"])


def _property() -> Schema:
    """Return the schema of a value in `properties`: any, nested as one likes."""
    again = {"$ref": "#/definitions/property"}
    return {"propertyNames": _PLAIN_NAME, "additionalProperties": again, "items": again}


def _custom_object() -> Schema:
    words = {
        "key": "The key of the custom object.",
        "external_id": "What the record is called in its own system, by which Zendesk finds it again.",
        "name": "The record's name.",
        "fields": "An object of templates and references, a list of field names, or one expression.",
    }
    places: dict[str, Schema] = {
        "key": _KEY,
        "external_id": {"type": "string", **_TEMPLATE_OF_ONE},
        "name": _TEXT,
        "fields": {
            "type": ["object", "array", "string", "null"],
            **_EXPRESSION,
            "items": {"type": "string", **_FIELD},
            "propertyNames": _PLAIN_NAME,
            "additionalProperties": {"$ref": "#/definitions/field"},
        },
    }
    return _object(read_object.KEYS, places, words, ["key", "external_id"])


def _field() -> Schema:
    """Return the schema of a field of a custom object: a value, a list of values, or a reference."""
    value: Schema = {"type": SCALARS[:-1], "minLength": 1}
    return {
        "items": {"$ref": "#/definitions/property"},
        "properties": {
            "user": {
                "description": "The user of this external id or address.",
                "type": "object",
                "properties": dict.fromkeys(read_object.KNOWN_BY, value),
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
            "object": {"description": "The key of the custom object of which a record is meant.", **_KEY},
            "external_id": {"description": "The external id of the record that is meant.", **value},
        },
        "additionalProperties": False,
        "if": {"required": ["user"]},
        "then": {"maxProperties": 1},
        "else": {"required": ["object", "external_id"]},
    }


def _ticket() -> Schema:
    """Return the schema of a ticket: any field of Zendesk's, and some that are read in a way of their own."""
    value: Schema = {"type": SCALARS[:-1], "minLength": 1}
    given: Schema = {"not": {"enum": [None, ""]}}
    own: dict[str, Schema] = {
        "id": {"description": "The number of a ticket that is there.", **value},
        "external_id": {"description": "What it is called in its own system.", "type": "string", **_TEMPLATE_OF_ONE},
        "requester": {
            "description": "Who asks: an address, and a name.",
            **_templates({"email": value}),
            "required": ["email"],
        },
        "requester_id": {"description": "The number of the user who asks.", **value},
        "comment": {
            "description": "What is said: a `body`, and whether it is `public`.",
            **_templates({}),
            "anyOf": [{"required": [name], "properties": {name: given}} for name in read_ticket.BODIES],
        },
        "custom_fields": {
            "description": "The account's own fields, by their numbers.",
            "propertyNames": _pattern("^[0-9]+$", "Takes the number of a field, which Zendesk shows beside its name."),
            "additionalProperties": {"$ref": "#/definitions/property"},
            "items": {"$ref": "#/definitions/property"},
        },
    }
    is_there = {"required": ["id"]}
    one = {"dependencies": {"requester": {"properties": {"requester_id": False}}}}
    return {**_templates(own), **one, "if": is_there, "then": {"minProperties": 2}, "else": {"required": ["comment"]}}


def _deletion() -> Schema:
    profile = _profile()
    named = {key: profile["properties"][key] for key in read_deletion.PROFILE_KEYS}
    template: Schema = {"type": "string", **_TEMPLATE_OF_ONE}
    words = {
        "profile": "A profile, by its source, its type and its first identifier; its events go with it.",
        "object": "The key of a custom object, of which a record goes.",
        "external_id": "The external id of that record.",
        "ticket": "The number of a ticket.",
    }
    places: dict[str, Schema] = {
        "profile": {**profile, "properties": named},
        "object": _KEY,
        "external_id": template,
        "ticket": template,
    }
    alone = {"anyOf": [{"required": [key]} for key in ("profile", "ticket")]}
    return {
        **_object(read_deletion.KEYS, places, words, []),
        "if": alone,
        "then": {"maxProperties": 1},
        "else": {"required": ["object", "external_id"]},
    }


def _templates(own: Mapping[str, Schema]) -> Schema:
    """Return the schema of an object of templates, some of its fields with a schema of their own."""
    more = {"propertyNames": _PLAIN_NAME, "additionalProperties": {"$ref": "#/definitions/property"}}
    return {"type": "object", "properties": dict(own), **more}


# tests


def _test() -> Schema:
    words = {
        "name": "What it is called where it fails.",
        "stream": "The stream that the record comes from; needed where the rule's own is a glob.",
        "record": "The record, as rules see it.",
        "now": "When the test takes place; else today.",
        "expect": f"What is sent, by the keys of the rule, or {', '.join(WITHOUT_BODY)}.",
    }
    places: dict[str, Schema] = {
        "name": {"type": ["string", "null"], **_NOT_BLANK},
        "stream": {"type": ["string", "null"], **_NOT_BLANK},
        "record": {"type": "object"},
        "now": {"type": ["string", "number", "null"]},
        "expect": _reference("expectation"),
    }
    return _object(read_cases.KEYS, places, words, ["record", "expect"])


def _expectation() -> Schema:
    part = "A part of the message that tells why nothing is sent."
    words = {
        **{
            name: f"Fields of the {name} that is sent; those that are not named are not compared."
            for name in read_cases.BODY
        },
        "left_out": "The types of identifiers that are left out.",
        **dict.fromkeys(TOLD_WHY, part),
    }
    places: dict[str, Schema] = {
        **{name: _fields(keys) for name, keys in read_cases.BODY.items()},
        "left_out": {"type": ["array", "null"], "items": {"type": "string"}},
        **{name: {"type": "string", "minLength": 1} for name in TOLD_WHY},
    }
    return {
        **_object(read_cases.EXPECT_KEYS, places, words, []),
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": {"enum": list(WITHOUT_BODY)},
        "examples": list(WITHOUT_BODY),
        "minProperties": 1,
        "dependencies": {
            why: {"properties": {other: False for other in (*TOLD_WHY, *read_cases.BODY) if other != why}}
            for why in TOLD_WHY
        },
    }


def _fields(keys: Iterable[str] | None) -> Schema:
    if keys is None:
        return {"type": "object"}
    return {"type": "object", "properties": {key: {} for key in keys}, "additionalProperties": False}
