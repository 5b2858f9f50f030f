"""The schema of each thing that a rule can send: an event, a profile, a record, a ticket, a deletion."""

from __future__ import annotations

from target_zendesk_events.kinds.profile import MAX_IDENTIFIER_TYPE_LENGTH
from target_zendesk_events.mapping import read_deletion, read_event, read_object, read_profile, read_ticket
from target_zendesk_events.mapping.schema_pieces import (
    EXPRESSION,
    FIELD,
    KEY,
    NOT_BLANK,
    PLAIN_NAME,
    SCALARS,
    TEMPLATE_OF_ONE,
    TEXT,
    UNLESS_TEMPLATE,
    Schema,
    object_of,
    object_of_templates,
    origin_name,
    pattern,
)


def profile() -> Schema:
    """Return the schema of a profile, beside an event or alone."""
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
        "source": origin_name(may_be_null=True, is_source=True),
        "type": {**origin_name(may_be_null=True, is_source=False), "default": read_profile.DEFAULT_TYPE},
        "identifiers": _identifiers(),
        "name": TEXT,
        "user_id": TEXT,
        "attributes": {"type": ["object", "null"], "propertyNames": PLAIN_NAME, "additionalProperties": TEXT},
        "method": {"enum": [*read_profile.METHODS, None], "default": read_profile.METHODS[0]},
    }
    return object_of(read_profile.KEYS_ALONE, places, words, ["identifiers"])


def _identifiers() -> Schema:
    value: Schema = {"type": ["string", "integer"], **NOT_BLANK}
    kind: Schema = {"if": UNLESS_TEMPLATE, "then": {**NOT_BLANK, "maxLength": MAX_IDENTIFIER_TYPE_LENGTH}}
    pair = object_of(
        ("type", "value"),
        {"type": {"type": "string", **kind}, "value": value},
        {"type": "The identifier's type, such as `email`.", "value": "Its value."},
        ["type", "value"],
    )
    return {
        "type": ["object", "array", "string"],
        **EXPRESSION,
        "minProperties": 1,
        "propertyNames": kind,
        "additionalProperties": value,
        "if": {"type": "object", "required": ["type", "value"], "maxProperties": 2},
        "then": {"type": "array", "errorMessage": "Reads as two identifiers: write `email: ...`, or a list."},
        "minItems": 1,
        "items": pair,
    }


def event() -> Schema:
    """Return the schema of an event."""
    words = {
        "source": "The system that it happened in; else the `source` of the file or the setting.",
        "type": "What happened, such as `order_paid`.",
        "created_at": "When it happened: ISO-8601 or a Unix time; else the time at which it is sent.",
        "description": "One line for the agent.",
        "properties": "An object of templates, a list of field names, or one expression that yields an object.",
    }
    places: dict[str, Schema] = {
        "source": origin_name(may_be_null=True, is_source=True),
        "type": origin_name(may_be_null=False, is_source=False),
        "created_at": {"type": ["string", "number", "null"]},
        "description": TEXT,
        "properties": {
            "type": ["object", "array", "string", "null"],
            **EXPRESSION,
            "items": {"type": "string", **FIELD},
            "propertyNames": PLAIN_NAME,
            "additionalProperties": {"$ref": "#/definitions/property"},
        },
    }
    return object_of(read_event.KEYS, places, words, ["type"])


def any_property() -> Schema:
    """Return the schema of a value in `properties`: any, nested as one likes."""
    again = {"$ref": "#/definitions/property"}
    return {"propertyNames": PLAIN_NAME, "additionalProperties": again, "items": again}


def custom_object() -> Schema:
    """Return the schema of a custom object's record."""
    words = {
        "key": "The key of the custom object.",
        "external_id": "What the record is called in its own system, by which Zendesk finds it again.",
        "name": "The record's name.",
        "fields": "An object of templates and references, a list of field names, or one expression.",
    }
    places: dict[str, Schema] = {
        "key": KEY,
        "external_id": {"type": "string", **TEMPLATE_OF_ONE},
        "name": TEXT,
        "fields": {
            "type": ["object", "array", "string", "null"],
            **EXPRESSION,
            "items": {"type": "string", **FIELD},
            "propertyNames": PLAIN_NAME,
            "additionalProperties": {"$ref": "#/definitions/field"},
        },
    }
    return object_of(read_object.KEYS, places, words, ["key", "external_id"])


def field() -> Schema:
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
            "object": {"description": "The key of the custom object of which a record is meant.", **KEY},
            "external_id": {"description": "The external id of the record that is meant.", **value},
        },
        "additionalProperties": False,
        "if": {"required": ["user"]},
        "then": {"maxProperties": 1},
        "else": {"required": ["object", "external_id"]},
    }


def ticket() -> Schema:
    """Return the schema of a ticket: any field of Zendesk's, and some that are read in a way of their own."""
    value: Schema = {"type": SCALARS[:-1], "minLength": 1}
    given: Schema = {"not": {"enum": [None, ""]}}
    own: dict[str, Schema] = {
        "id": {"description": "The number of a ticket that is there.", **value},
        "external_id": {"description": "What it is called in its own system.", "type": "string", **TEMPLATE_OF_ONE},
        "requester": {
            "description": "Who asks: an address, and a name.",
            **object_of_templates({"email": value}),
            "required": ["email"],
        },
        "requester_id": {"description": "The number of the user who asks.", **value},
        "comment": {
            "description": "What is said: a `body`, and whether it is `public`.",
            **object_of_templates({}),
            "anyOf": [{"required": [name], "properties": {name: given}} for name in read_ticket.BODIES],
        },
        "custom_fields": {
            "description": "The account's own fields, by their numbers.",
            "propertyNames": pattern("^[0-9]+$", "Takes the number of a field, which Zendesk shows beside its name."),
            "additionalProperties": {"$ref": "#/definitions/property"},
            "items": {"$ref": "#/definitions/property"},
        },
    }
    is_there: Schema = {"if": {"required": ["id"]}, "then": {"minProperties": 2}, "else": {"required": ["comment"]}}
    one = {"dependencies": {"requester": {"properties": {"requester_id": False}}}}
    return {**object_of_templates(own), **one, **is_there}


def deletion() -> Schema:
    """Return the schema of what is taken away."""
    whole = profile()
    named = {key: whole["properties"][key] for key in read_deletion.PROFILE_KEYS}
    template: Schema = {"type": "string", **TEMPLATE_OF_ONE}
    words = {
        "profile": "A profile, by its source, its type and its first identifier; its events go with it.",
        "object": "The key of a custom object, of which a record goes.",
        "external_id": "The external id of that record.",
        "ticket": "The number of a ticket.",
    }
    places: dict[str, Schema] = {
        "profile": {**whole, "properties": named},
        "object": KEY,
        "external_id": template,
        "ticket": template,
    }
    alone = {"anyOf": [{"required": [key]} for key in ("profile", "ticket")]}
    return {
        **object_of(read_deletion.KEYS, places, words, []),
        "if": alone,
        "then": {"maxProperties": 1},
        "else": {"required": ["object", "external_id"]},
    }
