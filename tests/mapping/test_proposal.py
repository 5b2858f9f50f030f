"""Proposals: a rule to paste for any schema, that works as it stands and gives nothing away."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from target_zendesk_events.kinds.profile import ProfileUpsert
from target_zendesk_events.mapping.proposal import NO_OBJECT, NOBODYS, propose, to_choose
from target_zendesk_events.mapping.rules import Rule, compile_rules
from target_zendesk_events.mapping.schema import rules_schema
from target_zendesk_events.work import NoShipment

EDITOR = Draft7Validator(rules_schema())
TEXT = {"type": ["null", "string"]}
KEY = {"type": "integer"}
NUMBER = {"type": ["null", "number"]}
TIME = {"type": ["null", "string"], "format": "date-time"}
OBJECT = {"type": ["null", "object"]}


def proposed(columns: dict[str, Any], keys: list[str] | None = None, stream: str = "orders") -> dict[str, Any]:
    """Return a proposed rule as YAML reads it."""
    (rule,) = yaml.safe_load(propose(stream, {"properties": columns}, keys or []))
    return dict(rule)


def compiled(rule: dict[str, Any]) -> Rule:
    """Return a proposed rule, compiled."""
    return compile_rules([rule], source="shop").rules[0]


def test_a_proposal_reads_like_a_rule_written_by_hand() -> None:
    """One identifier, records without it left out; the time of the change, properties by name, and a dedupe_key."""
    columns = {
        "id": KEY,
        "email": TEXT,
        "customer_id": KEY,
        "status": TEXT,
        "first-name": TEXT,
        "total": NUMBER,
        "item": OBJECT,
        "card_number": TEXT,
        "created_at": TIME,
        "updated_at": {"type": "string", "format": "date-time"},
        "_sdc_extracted_at": TIME,
    }
    assert propose("orders", {"properties": columns}, ["id"]) == (
        "- stream: orders\n"
        "  # a row tells when it changed: each change is an event\n"
        "  when: email  # without it a record is nobody's\n"
        "  profile:\n"
        "    identifiers:\n"
        "      # Zendesk writes the address onto the user\n"
        "      # another way to find the customer, with `when: email or customer_id`: "
        'customer_id: "{{ customer_id }}"\n'
        '      email: "{{ email }}"\n'
        "  event:\n"
        "    type: orders\n"
        '    created_at: "{{ updated_at }}"\n'
        "    properties:\n"
        "    - id\n"
        "    - customer_id\n"
        "    - status\n"
        '    - "first-name"\n'
        "    - total\n"
        "    - item\n"
        "    - created_at\n"
        '  dedupe_key: "{{ id }}:{{ updated_at }}"\n'
    )


@pytest.mark.parametrize(
    ("columns", "identifiers"),
    [
        ({"id": KEY, "user_id": KEY, "Email": TEXT}, {"email": "{{ Email }}"}),
        ({"id": KEY, "contact_email": TEXT}, {"email": "{{ contact_email }}"}),
        ({"id": KEY, "emailAddress": TEXT}, {"email": "{{ emailAddress }}"}),
        ({"id": KEY, "mail": TEXT, "customer_no": TEXT}, {"email": "{{ mail }}"}),
        ({"id": KEY, "CustomerMail": TEXT}, {"email": "{{ CustomerMail }}"}),
        ({"id": KEY, "voice_mail": TEXT, "customer_no": TEXT}, {"customer_no": "{{ customer_no }}"}),
        ({"id": KEY, "guest_number": KEY, "contact_number": TEXT, "memberNr": KEY}, {"member_nr": "{{ memberNr }}"}),
        ({"id": KEY, "email_verified": {"type": "boolean"}, "customer_id": KEY}, {"customer_id": "{{ customer_id }}"}),
        ({"id": KEY, "email": {"type": "boolean"}, "user_id": KEY}, {"user_id": "{{ user_id }}"}),
        ({"id": KEY, "email": OBJECT, "customerId": TEXT}, {"customer_id": "{{ customerId }}"}),
        ({"id": KEY, "external_id": TEXT}, {"orders_external_id": "{{ external_id }}"}),
    ],
)
def test_the_identifier(columns: dict[str, Any], identifiers: dict[str, str]) -> None:
    """An address first, else an id of the customer under a type of the user's own, never a standard one."""
    columns = {**columns, "updated_at": TIME}
    rule = proposed(columns, ["id"])
    assert rule["profile"] == {"identifiers": identifiers}
    assert "CHOOSE" not in propose("orders", {"properties": columns}, ["id"])
    assert to_choose("orders", {"properties": columns}, ["id"]) == ""


def test_the_key_of_a_stream_of_customers_names_the_customer() -> None:
    """In a stream of customers, users or contacts the key is the customer's, under the type that others give it."""
    columns = {"id": KEY, "updated_at": TIME}
    assert proposed(columns, ["id"], "crm-contacts")["profile"] == {"identifiers": {"contact_id": "{{ id }}"}}
    assert proposed(columns, ["id"], "people")["profile"] == {"identifiers": {"person_id": "{{ id }}"}}
    assert proposed({"contact_id": KEY})["profile"] == {"identifiers": {"contact_id": "{{ contact_id }}"}}


@pytest.mark.parametrize(
    ("fields", "identifiers"),
    [
        ({"id": KEY, "email": TEXT}, {"email": "{{ customer.email }}"}),
        ({"name": TEXT, "id": KEY}, {"customer_id": "{{ customer.id }}"}),
        ({"external_id": TEXT}, {"customer_external_id": "{{ customer.external_id }}"}),
        ({"first-name": TEXT}, {"orders_id": "{{ id }}"}),
        (None, {"orders_id": "{{ id }}"}),
    ],
)
def test_a_customer_within_an_object_is_found(fields: Any, identifiers: dict[str, str]) -> None:
    """Where no column names one; the object is no property then."""
    columns = {"id": KEY, "customer": {"type": "object", "properties": fields}, "updated_at": TIME}
    rule = proposed(columns, ["id"])
    assert rule["profile"]["identifiers"] == identifiers
    assert ("customer" in rule["event"].get("properties", [])) == ("orders_id" in identifiers)
    compiled(rule)


def test_who_may_be_missing_is_left_out() -> None:
    """A guest's order is nobody's event, and no fault."""
    assert "when" not in proposed({"email": {"type": "string"}})
    rule = proposed({"e-mail": TEXT, "created_at": TEXT})
    assert rule["when"] == "record['e-mail']"
    assert compiled(rule).apply({"e-mail": ""}, "orders")[0].no_shipment is NoShipment.FILTERED


def test_what_a_database_calls_its_usual_schema_is_no_part_of_a_type() -> None:
    """It tells an agent nothing; other schemas may."""
    types = [proposed({"id": KEY}, stream=name)["event"]["type"] for name in ("public-orders", "shop-orders", "public")]
    assert types == ["orders", "shop-orders", "public"]


def test_without_a_candidate_a_person_must_choose() -> None:
    """Where no column looks like the customer, a comment asks for one."""
    schema = {"properties": {"id": KEY, "total": NUMBER, "updated_at": TIME}}
    text = propose("orders", schema, ["id"])
    assert "      # CHOOSE: no column looks like the customer." in text
    assert to_choose("orders", schema, ["id"]) == NOBODYS
    assert yaml.safe_load(text)[0]["profile"] == {"identifiers": {"orders_id": "{{ id }}"}}


@pytest.mark.parametrize(
    ("columns", "created_at"),
    [
        ({"created_at": TIME, "modifiedOn": TIME}, "{{ modifiedOn | default(created_at) }}"),
        ({"created_at": TIME, "last_modified": {"type": "string"}}, "{{ last_modified }}"),
        ({"created_at": TIME, "shipped_at": TIME}, "{{ created_at }}"),
        ({"shipped_at": TIME}, "{{ shipped_at }}"),
        ({"when-it-was": {"anyOf": [{"type": "null"}, TIME]}}, "{{ record['when-it-was'] }}"),
        ({"timestamp": {"type": "integer"}}, "{{ timestamp }}"),
        ({"name": TEXT, "changed_on": TEXT}, "{{ changed_on }}"),
        ({"created_at": TIME, "DateChanged": TEXT}, "{{ DateChanged | default(created_at) }}"),
        ({"eventDate": TEXT}, "{{ eventDate }}"),
        ({"updated": {"type": "boolean"}, "time": {"type": "string", "format": "time"}}, None),
        ({"name": TEXT}, None),
    ],
)
def test_the_time_of_the_change(columns: dict[str, Any], created_at: str | None) -> None:
    """The column that says when the row changed, else when it was made; the latter also stands in for a null."""
    rule = proposed({"id": KEY, **columns}, ["id"] if created_at else [])
    assert rule["event"].get("created_at") == created_at


@pytest.mark.parametrize(
    "column",
    [
        "_sdc_received_at", "_sdc_deleted_at", "_airbyte_ab_id", "_bookmark", "xmin", "replication_key", "synced_at",
        "password", "passwordHash", "access_token", "apiKey", "client_secret", "private_key", "ssn", "card_last4",
        "credit_card", "cvv", "salt", "session_cookie", "tokens",
    ],
)  # fmt: skip
def test_some_columns_are_no_properties(column: str) -> None:
    """What replication adds, and what looks like a secret, is not proposed."""
    assert "properties" not in proposed({"customer_id": TEXT, column: TEXT})["event"]


@pytest.mark.parametrize("column", ["status", "keyboard", "discarded", "monkey", "passenger", "hashtag", "description"])
def test_most_columns_are_properties(column: str) -> None:
    """A word that only begins like a secret is none."""
    assert proposed({"customer_id": TEXT, column: TEXT})["event"]["properties"] == [column]


@pytest.mark.parametrize(
    ("columns", "keys", "key"),
    [
        ({"a": KEY, "b": KEY, "updated_at": KEY}, ["a", "b"], "{{ a }}:{{ b }}:{{ updated_at }}"),
        ({"a": OBJECT, "b": KEY}, ["a", "b"], "{{ a }}:{{ b }}"),
        ({"a": KEY}, [], "{{ record | without('_sdc_*') | tojson }}"),
    ],
)
def test_the_dedupe_key(columns: dict[str, Any], keys: list[str], key: str) -> None:
    """The key and the time of the change; without a key, the whole row."""
    assert proposed(columns, keys)["dedupe_key"] == key


def test_a_stream_of_customers_becomes_profiles() -> None:
    """One key and an address; its name in a column or two, what else is known of it as attributes, no times."""
    columns = {
        "id": KEY,
        "email": TEXT,
        "first_name": TEXT,
        "last-name": TEXT,
        "plan": TEXT,
        "seats": NUMBER,
        "is_new": {"type": "boolean"},
        "password": TEXT,
        "address": OBJECT,
        "updated_at": TIME,
    }
    text = propose("public-customers", {"properties": columns}, ["id"])
    assert text == (
        '- stream: "public-customers"\n'
        "  # a row is a customer: a profile keeps the newest one\n"
        "  profile:\n"
        "    identifiers:\n"
        "      # the first one is the one that stays\n"
        '      customer_id: "{{ id }}"\n'
        "      # Zendesk writes the address onto the user\n"
        '      email: "{{ email }}"\n'
        "    name: \"{{ [first_name, record['last-name']] | select | join(' ') }}\"\n"
        "    attributes:\n"
        '      plan: "{{ plan }}"\n'
        '      seats: "{{ seats }}"\n'
        '      is_new: "{{ is_new }}"\n'
    )
    record = {"id": 7, "email": "customer-7@example.com", "first_name": "Customer", "last-name": "7", "plan": "gold"}
    (found,) = compiled(yaml.safe_load(text)[0]).apply({**record, "is_new": False}, "public-customers")
    assert isinstance(found.shipment, ProfileUpsert)
    assert found.shipment.profile.name == "Customer 7"
    assert found.shipment.profile.attributes == {"plan": "gold", "is_new": "false"}


@pytest.mark.parametrize(
    ("stream", "columns", "keys", "is_profile"),
    [
        ("leads", {"id": KEY, "email": TEXT}, ["id"], True),
        ("crm_accounts", {"uuid": TEXT, "contactEmail": TEXT}, ["uuid"], True),
        ("people", {"id": KEY, "email": TEXT, "name": TEXT}, ["id"], True),
        ("orders", {"id": KEY, "email": TEXT}, ["id"], False),
        ("customers", {"id": KEY}, ["id"], False),
        ("customers", {"id": KEY, "email": TEXT}, [], False),
        ("customers", {"email": TEXT}, ["email"], False),
        ("customers", {"id": KEY, "shop": KEY, "email": TEXT}, ["id", "shop"], False),
    ],
)
def test_what_a_stream_of_customers_is(stream: str, columns: dict[str, Any], keys: list[str], is_profile: bool) -> None:
    """It is called so, has one key, and an address beside it."""
    rule = proposed(columns, keys, stream)
    assert (set(rule) == {"stream", "profile"}) == is_profile
    assert (to_choose(stream, {"properties": columns}, keys) == "") == (is_profile or not keys)


def test_a_stream_with_a_key_and_no_time_becomes_records_of_an_object() -> None:
    """Which must be made first: so it is for a person to choose. Of columns, those that a field can hold."""
    columns = {
        "id": KEY,
        "title": TEXT,
        "Plan-Name": TEXT,
        "customer_id": KEY,
        "active": {"type": ["null", "boolean"]},
        "tags": {"type": "array"},
        "item": OBJECT,
        "any": {},
        "api_key": TEXT,
        "_sdc_sequence": KEY,
    }
    schema = {"properties": columns}
    text = propose("public-price-policies", schema, ["id"])
    assert text == (
        '- stream: "public-price-policies"\n'
        "  # no column says when a row changed: a record of a custom object keeps the newest one\n"
        "  # zendesk-events objects --apply makes the object, where the account lacks it\n"
        "  object:\n"
        "    key: price_policy\n"
        '    external_id: "{{ id }}"\n'
        '    name: "{{ title }}"\n'
        "    fields:\n"
        "      plan_name: \"{{ record['Plan-Name'] }}\"\n"
        '      customer_id: "{{ customer_id }}"'
        "  # a reference, where Zendesk's users have this external id: {user: {external_id: ...}}\n"
        '      active: "{{ active }}"\n'
    )
    assert to_choose("public-price-policies", schema, ["id"]) == NO_OBJECT
    assert proposed({"a": KEY, "b": KEY}, ["a", "b"], "statuses")["object"] == {
        "key": "status",
        "external_id": "{{ a }}:{{ b }}",
        "name": "{{ a }}:{{ b }}",
    }


@pytest.mark.parametrize(
    ("stream", "key"),
    [
        ("plans", "plan"),
        ("Categories", "category"),
        ("address", "address"),
        ("addresses", "address"),
        ("\u00e9", "record"),
    ],
)
def test_an_object_is_called_by_one_of_its_stream(stream: str, key: str) -> None:
    """As far as a rule of English goes: a person looks at it."""
    assert proposed({"id": KEY}, ["id"], stream)["object"]["key"] == key


def test_why_it_is_an_event_is_told() -> None:
    """In a comment."""
    assert "  # the stream has no key: each row is an event\n" in propose("orders", {"properties": {"email": TEXT}}, [])
    assert "  # the schema does not tell what a row is: each is an event\n" in propose("orders", {}, ["id"])


NAMES = st.text(min_size=1) | st.sampled_from(
    [
        "id",
        "email",
        "true",
        "in",
        "record",
        "stream",
        "self",
        "loop",
        "customer_id",
        "customer",
        "updated_at",
        "a-b",
        "'",
        "\\",
        '"',
    ]
)
NESTED = {"type": "object", "properties": {"email": TEXT, "if": KEY, "id": True}}
SCHEMAS = st.sampled_from(
    [{}, True, NESTED, TEXT, KEY, NUMBER, TIME, OBJECT, {"type": "array"}, {"anyOf": [TIME, TEXT]}]
)


@given(st.text(min_size=1), st.dictionaries(NAMES, SCHEMAS, max_size=6), st.data())
def test_every_proposal_works_as_it_stands(stream: str, columns: dict[str, Any], data: st.DataObject) -> None:
    """Whatever streams and fields are named, the proposal is YAML, compiles, and fits its schema."""
    keys = data.draw(st.lists(st.sampled_from(sorted(columns)), unique=True, max_size=2)) if columns else []
    schema = {"properties": columns}
    if not stream.strip():
        return
    (raw,) = yaml.safe_load(propose(stream, schema, keys))
    rule = compiled(raw)
    assert raw["stream"] == stream
    assert [fault for fault in rule.check(schema) if fault.fatal] == []
    assert [fault for fault in rule.check(schema) if columns] == []
    sent = raw.get("event", {}).get("properties", [])
    assert sent == [name for name in columns if name in sent]
    assert [one.message for one in EDITOR.iter_errors([raw])] == []
