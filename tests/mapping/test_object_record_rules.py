"""Rules that send records of custom objects."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.object_record import ObjectRecord, Reference
from target_zendesk_events.mapping.rules import Rule, compile_rules
from target_zendesk_events.work import Match, NoShipment


def rule_of(others: dict[str, Any] | None = None, **parts: Any) -> Rule:
    """Return a rule for records of `subscription`, compiled."""
    custom_object = {"key": "subscription", "external_id": "{{ id }}", **parts}
    return compile_rules([{"stream": "subscriptions", "object": custom_object, **(others or {})}], source="shop").rules[
        0
    ]


def match(record: dict[str, Any], **parts: Any) -> Match:
    """Return what such a rule makes of a record."""
    (found,) = rule_of(**parts).apply({"id": 7, **record}, "subscriptions")
    return found


def record_of(record: dict[str, Any], **parts: Any) -> ObjectRecord:
    """Return the record that such a rule makes of one of the tap's."""
    found = match(record, **parts).shipment
    assert isinstance(found, ObjectRecord)
    return found


def faults_of(raw: dict[str, Any]) -> list[str]:
    """Return the faults of one rule, without its place and their codes."""
    with pytest.raises(ConfigurationError) as caught:
        compile_rules([{"stream": "subscriptions", **raw}], source="shop")
    return [without_code(one).partition("): ")[2] for one in caught.value.faults]


def test_a_record_has_the_fields_of_the_rule() -> None:
    """Values keep their types, lists too; a null stays, since it clears the field."""
    fields = {
        "plan": "{{ plan }}",
        "seats": "{{ seats }}",
        "price": "{{ price }}",
        "active": "{{ active }}",
        "renews_on": "{{ day | strftime('%Y-%m-%d') }}",
        "paid_at": "{{ day | datetime }}",
        "tags": ["{{ plan }}", "vip"],
        "note": "{{ note }}",
        "note_of": "of {{ note }}",
        "level": 3,
    }
    record = {"plan": "gold", "seats": 3, "price": Decimal("9.5"), "active": False, "day": "2026-11-01T10:00:00Z"}
    found = record_of(record, name="{{ plan }} of {{ customer }}", fields=fields)
    assert (found.key, found.external_id, found.name) == ("subscription", "7", "gold of ")
    assert found.fields == {
        "plan": "gold",
        "seats": 3,
        "price": 9.5,
        "active": False,
        "renews_on": "2026-11-01",
        "paid_at": "2026-11-01T10:00:00+00:00",
        "tags": ["gold", "vip"],
        "note": None,
        "note_of": "of ",
        "level": 3,
    }


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (None, {}),
        (["plan", "note"], {"plan": "gold", "note": None}),
        ("{{ record | without('id') }}", {"plan": "gold", "note": None}),
        ("{{ nothing }}", {}),
        ({}, {}),
    ],
)
def test_fields_are_written_as_properties_are(fields: Any, found: dict[str, Any]) -> None:
    """As an object, as a list of names, or as one expression; nulls stay in each."""
    assert record_of({"plan": "gold", "note": None}, fields=fields).fields == found


def test_a_field_may_refer_to_a_user_or_to_a_record() -> None:
    """By what an identifier is spelt like; a null refers to nobody, and clears the field."""
    fields = {
        "customer": {"user": {"external_id": "{{ customer_id }}"}},
        "payer": {"user": {"email": "{{ email }}"}},
        "contract": {"object": "contract", "external_id": "{{ contract_id }}"},
    }
    found = record_of({"customer_id": 31.0, "email": " Customer-7@Example.com", "contract_id": "k"}, fields=fields)
    assert found.fields == {
        "customer": Reference(LookUp("user", "external_id", "31")),
        "payer": Reference(LookUp("user", "email", "customer-7@example.com")),
        "contract": Reference(LookUp("object", "contract", "k")),
    }
    assert record_of({"customer_id": None, "email": " "}, fields=fields).fields == dict.fromkeys(fields)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"id": None}, "object.external_id: is null or blank"),
        ({"id": " "}, "object.external_id: is null or blank"),
        ({"id": "Unknown"}, "object.external_id: names nobody and nothing, being blocked"),
        ({"id": True}, "object.external_id: names nobody and nothing, being a boolean"),
        ({"email": "nobody"}, "object.fields.payer.user.email: names nobody and nothing, being not an email"),
        ({"note": float("nan")}, "object.fields.note: holds NaN or an infinity, which JSON has no word for"),
    ],
)
def test_what_names_nothing_is_unmappable(record: dict[str, Any], why: str) -> None:
    """Two strangers' records must not become one."""
    fields = {"payer": {"user": {"email": "{{ email }}"}}, "note": "{{ note }}"}
    found = match(record, fields=fields)
    assert found.no_shipment is NoShipment.UNMAPPABLE
    assert without_code(found.message) == f"rule 'subscriptions:subscription': {why}"


@pytest.mark.parametrize("value", [[1], "a", 5])
def test_an_expression_for_all_fields_yields_an_object(value: Any) -> None:
    """Anything else is unmappable."""
    found = match({"all": value}, fields="{{ all }}")
    assert without_code(found.message).endswith("object.fields: yields something other than an object")
    assert match({"all": {"a": float("inf")}}, fields="{{ all }}").no_shipment is NoShipment.UNMAPPABLE


def test_it_needs_no_key_properties_and_writes_no_profile() -> None:
    """A record is told by its external id; its templates are held against the schema as others are."""
    rule = rule_of(
        {"name": "mine", "when": "plan"}, fields={"a": {"user": {"email": "{{ email }}"}}}, name="{{ title }}"
    )
    assert (rule.name, rule.needs_keys) == ("mine", False)
    assert (rule.constant_origin, rule.constant_identifier_types, rule.identifier_types_vary) == (None, (), False)
    assert [one.field for one in rule.check({"properties": {"id": {}}})] == ["plan", "title", "email"]
    assert rule.apply({"id": 7}, "subscriptions")[0].no_shipment is NoShipment.FILTERED


REFERENCE = (
    "takes a value, or a reference: {user: {external_id: ...}}, {user: {email: ...}} or {object: KEY, external_id: ...}"
)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (
            {"object": {"external_id": "{{ id }}"}},
            "`object.key` is missing: the key of a custom object",
        ),
        (
            {"object": {"key": "a"}},
            "`object.external_id` is missing: what the record is called in its own system",
        ),
        (
            {"object": {"key": "{{ kind }}", "external_id": "{{ id }}"}},
            "object.key: takes the key of a custom object, which no record decides",
        ),
        (
            {"object": {"key": 5, "external_id": "{{ id }}"}},
            "object.key: is a number, and takes the key of a custom object",
        ),
        (
            {"object": {"key": "a", "external_id": "id"}},
            (
                "object.external_id: is the same for every record, so that all would be one; "
                "for the field write '{{ id }}'"
            ),
        ),
        (
            {"object": {"key": "a", "external_id": "{{ id }}", "identifiers": {}}},
            "object: unknown key 'identifiers'; it belongs under `profile`",
        ),
        ({"object": {"key": "a", "external_id": "{{ id }}", "fields": 5}},
         "object.fields: takes an object, a list of field names, or one expression"),
        ({"object": {"key": "a", "external_id": "{{ id }}", "fields": {"b": {"user": {"name": "{{ c }}"}}}}},
         f"object.fields.b: {REFERENCE}"),
        ({"object": {"key": "a", "external_id": "{{ id }}", "fields": {"b": {"user": "{{ c }}"}}}},
         f"object.fields.b: {REFERENCE}"),
        ({"object": {"key": "a", "external_id": "{{ id }}", "fields": {"b": {"object": "c"}}}},
         f"object.fields.b: {REFERENCE}"),
        ({"object": {"key": "a", "external_id": "{{ id }}", "fields": {"b": {"user": {"email": None}}}}},
         "`object.fields.b.user.email` is missing"),
        ({"object": {"key": "a", "external_id": "{{ id }}", "fields": {"{{ b }}": 1}}},
         "object.fields: the name '{{ b }}' is no template, and would be sent as it stands"),
        ({"object": {"key": "a", "external_id": "{{ id }}"}, "profile": {}},
         "sends both `profile` and `object`: make two rules of it"),
        ({"object": {"key": "a", "external_id": "{{ id }}"}, "event": {}, "profile": {}},
         "sends both `event` and `object`: make two rules of it"),
        ({"key": "a", "profile": {"identifiers": {"a": "{{ b }}"}}}, "unknown key 'key'; it belongs under `object`"),
    ],
)  # fmt: skip
def test_a_fault_is_told(raw: dict[str, Any], fault: str) -> None:
    """Each with its place and what to write."""
    assert faults_of(raw) == [fault]
