"""What the reader of rules takes, as JSON Schema: for editors, which complete and check rules as they are written.

Draft 7, which YAML's language server knows best. Keywords that belong to one type say nothing of another, so one object
describes a place that takes several; alternatives would blur the editor's words on a fault.
"""

from __future__ import annotations

from collections.abc import Iterable

from target_zendesk_events.kinds.profile import MAX_NAME_LENGTH
from target_zendesk_events.mapping import read_cases, read_rule, schema_of_things
from target_zendesk_events.mapping.expectations import TOLD_WHY, WITHOUT_BODY
from target_zendesk_events.mapping.schema_pieces import (
    NOT_BLANK,
    SOURCE,
    TEMPLATE,
    Schema,
    object_of,
    pattern,
    reference,
)


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
            "profile": schema_of_things.profile(),
            "event": schema_of_things.event(),
            "property": schema_of_things.any_property(),
            "object": schema_of_things.custom_object(),
            "field": schema_of_things.field(),
            "ticket": schema_of_things.ticket(),
            "deletion": schema_of_things.deletion(),
            "test": _test(),
            "expectation": _expectation(),
        },
    }


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
        "name": {"type": ["string", "null"], **NOT_BLANK},
        "stream": {"type": "string", **NOT_BLANK},
        "when": {"type": ["string", "number", "boolean"], "minLength": 1},
        "profile": reference("profile"),
        "event": reference("event"),
        "object": reference("object"),
        "ticket": reference("ticket"),
        "delete": reference("deletion"),
        "dedupe_key": {"type": ["string", "null"], **TEMPLATE},
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
        **object_of(read_rule.KEYS, places, words, ["stream"]),
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


def _setting_source() -> Schema:
    """Return the schema of the `source` that holds for all rules."""
    return {
        "description": "`event.source` and `profile.source` where a rule gives none.",
        "type": ["string", "null"],
        **pattern(f"^$|{SOURCE['pattern']}", SOURCE["patternErrorMessage"]),
        "maxLength": MAX_NAME_LENGTH,
    }


def _test() -> Schema:
    words = {
        "name": "What it is called where it fails.",
        "stream": "The stream that the record comes from; needed where the rule's own is a glob.",
        "record": "The record, as rules see it.",
        "now": "When the test takes place; else today.",
        "expect": f"What is sent, by the keys of the rule, or {', '.join(WITHOUT_BODY)}.",
    }
    places: dict[str, Schema] = {
        "name": {"type": ["string", "null"], **NOT_BLANK},
        "stream": {"type": ["string", "null"], **NOT_BLANK},
        "record": {"type": "object"},
        "now": {"type": ["string", "number", "null"]},
        "expect": reference("expectation"),
    }
    return object_of(read_cases.KEYS, places, words, ["record", "expect"])


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
        **object_of(read_cases.EXPECT_KEYS, places, words, []),
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
