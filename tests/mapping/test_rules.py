"""Rules: from a record to an event, or to the reason why there is none."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier
from target_zendesk_events.mapping.rules import Rule, compile_rules, standard_identifier_notes
from target_zendesk_events.work import LeftOut, Match, NoShipment

README_RULE = """
- stream: orders
  when: status in ['paid', 'shipped']
  profile:
    identifiers:
      email: "{{ email }}"
      shop_customer_id: "{{ customer_id }}"
  event:
    type: "order_{{ status }}"
    created_at: "{{ updated_at }}"
    description: "Order {{ id }}: {{ item.name }}"
    properties:
      total: "{{ total }}"
      item: "{{ item }}"
  dedupe_key: "{{ id }}:{{ status }}"
"""
ORDER: dict[str, Any] = {
    "id": 17,
    "status": "paid",
    "email": "  Buyer@Example.com ",
    "customer_id": 12345.0,
    "updated_at": "2024-05-06 07:08:09+02:00",
    "total": 9.5,
    "item": {"name": "Cup", "sku": None},
}


def raw_rule(profile: Any = None, event: Any = None, **others: Any) -> dict[str, Any]:
    """Return a rule that lacks nothing but what a test adds."""
    return {
        "stream": "orders",
        "profile": {"identifiers": {"shop_id": "{{ id }}"}, **(profile or {})},
        "event": {"type": "order", **(event or {})},
        **others,
    }


def compiled(raw: dict[str, Any], **settings: Any) -> Rule:
    """Return one rule, compiled."""
    return compile_rules([raw], **{"source": "shop", **settings}).rules[0]


def match(raw: dict[str, Any], record: dict[str, Any] | None = None, **settings: Any) -> Match:
    """Return what a rule makes of a record."""
    (found,) = compiled(raw, **settings).apply({"id": 1, **(record or {})}, "orders")
    return found


def event_of(raw: dict[str, Any], record: dict[str, Any] | None = None, **settings: Any) -> Event:
    """Return the event that a rule makes of a record."""
    found = match(raw, record, **settings)
    assert isinstance(found.shipment, Event), found.message
    return found.shipment


def why_unmappable(raw: dict[str, Any], record: dict[str, Any] | None = None) -> str:
    """Return why a rule cannot map a record."""
    found = match(raw, record)
    assert found.no_shipment is NoShipment.UNMAPPABLE, found
    assert found.shipment is None
    return found.message


def faults_of(raw: Any, **settings: Any) -> tuple[str, ...]:
    """Return the faults of rules that cannot work, without their codes."""
    with pytest.raises(ConfigurationError) as caught:
        compile_rules(raw, **{"source": "shop", **settings})
    return tuple(map(without_code, caught.value.faults))


def test_the_readmes_rule_makes_the_body_that_one_would_send_by_hand() -> None:
    """Every part of a rule stands in the body where it stands in the rule."""
    (found,) = compiled(yaml.safe_load(README_RULE)[0]).apply(ORDER, "orders")
    assert isinstance(found.shipment, Event)
    assert found.shipment.body() == {
        "profile": {
            "source": "shop",
            "type": "customer",
            "identifiers": [
                {"type": "email", "value": "buyer@example.com"},
                {"type": "shop_customer_id", "value": "12345"},
            ],
        },
        "event": {
            "source": "shop",
            "type": "order_paid",
            "created_at": "2024-05-06T05:08:09Z",
            "description": "Order 17: Cup",
            "properties": {"total": 9.5, "item": {"name": "Cup"}},
        },
    }
    assert found.dedupe_key == "17:paid"
    assert found.dedupe
    assert found.rule == "orders:order_{{ status }}"


def test_a_rule_leaves_the_record_as_it_is() -> None:
    """The record goes to the dead letters if need be: mapping reads it only."""
    before = json.dumps(ORDER)
    raw = yaml.safe_load(README_RULE)[0]
    raw["event"]["properties"] = "{{ record | without('x') }}"
    compiled(raw).apply(ORDER, "orders")
    assert json.dumps(ORDER) == before


@pytest.mark.parametrize(
    ("when", "flag", "is_sent"),
    [
        ("flag", True, True),
        ("flag", "yes", True),
        ("flag", 1, True),
        ("flag", {"a": 1}, True),
        ("flag", False, False),
        ("flag", None, False),
        ("flag", "", False),
        ("flag", 0, False),
        ("flag", 0.0, False),
        ("flag", Decimal(0), False),
        ("flag", [], False),
        ("flag", {}, False),
        ("absent", 1, False),
        ("{{ flag == 2 }}", 2, True),
        ("{{ flag == 2 }}", 3, False),
        ("flag | select | list", [0], False),
        ("[flag] | select", 0, False),
        ("'a' ~ flag", None, False),
        (True, None, True),
        (False, None, False),
        (0, None, False),
        ("record.flag and stream == 'orders'", 1, True),
    ],
)
def test_when_decides_what_is_sent(when: Any, flag: Any, is_sent: bool) -> None:
    """False, null, the empty text, 0 and what is empty filter a record out."""
    found = match(raw_rule(when=when), {"flag": flag})
    assert found.no_shipment is (None if is_sent else NoShipment.FILTERED)


@pytest.mark.parametrize("text", ["false", "False", "NO", "no", "0", " 0 "])
def test_a_text_that_says_no_is_no_answer(text: str) -> None:
    """The texts `false`, `no` and `0` would count as yes: such a record is set aside instead."""
    assert why_unmappable(raw_rule(when="flag"), {"flag": text}).startswith("rule 'orders:order': when: ")


TEXT_PLACES = [
    ("event", "source"),
    ("event", "type"),
    ("event", "description"),
    ("profile", "source"),
    ("profile", "type"),
    ("profile", "name"),
    ("profile", "user_id"),
]


@pytest.mark.parametrize(("section", "key"), TEXT_PLACES)
@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (True, "true"), (5.0, "5"), ("05", "05"), ([1, None], "[1, null]"), ({"a": 1}, '{"a": 1}')],
)
def test_some_places_are_always_text(section: str, key: str, value: Any, text: str) -> None:
    """Source, type, description, name and user_id are text, whatever the expression yields."""
    event = event_of(raw_rule(**{section: {key: "{{ value }}"}}), {"value": value})
    assert event.body()[section][key] == text


def test_attributes_are_always_text() -> None:
    """Attributes are text; a null one is left out, and null inside its text is written as nothing."""
    attributes = {"tier": "{{ tier }}", "vip": "{{ vip }}", "absent": "{{ absent }}", "note": "x{{ absent }}", "n": 5}
    event = event_of(raw_rule({"attributes": attributes}), {"tier": 2, "vip": True})
    assert event.profile.attributes == {"tier": "2", "vip": "true", "note": "x", "n": "5"}


@pytest.mark.parametrize(("section", "key"), [("event", "description"), ("profile", "name"), ("profile", "user_id")])
def test_what_is_null_and_may_be_is_left_out(section: str, key: str) -> None:
    """A null description, name or user_id is left out."""
    assert key not in event_of(raw_rule(**{section: {key: "{{ absent }}"}})).body()[section]


@pytest.mark.parametrize(("section", "key"), [("event", "description"), ("profile", "name")])
def test_null_inside_these_texts_is_nothing(section: str, key: str) -> None:
    """In description and name a null is written as nothing."""
    assert event_of(raw_rule(**{section: {key: "a{{ absent }}b"}})).body()[section][key] == "ab"


def test_null_inside_a_user_id_leaves_it_out() -> None:
    """Elsewhere a null makes the whole text null: `user-` would be one user for all."""
    assert event_of(raw_rule({"user_id": "user-{{ absent }}"})).profile.user_id is None


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (raw_rule(event={"source": "{{ absent }}"}), "event.source"),
        (raw_rule(event={"source": "s-{{ absent }}"}), "event.source"),
        (raw_rule(event={"type": "{{ absent }}"}), "event.type"),
        (raw_rule(event={"type": "order_{{ absent }}"}), "event.type"),
        (raw_rule(event={"created_at": "{{ absent }}"}), "event.created_at"),
        (raw_rule(event={"created_at": "{{ absent }}Z"}), "event.created_at"),
        (raw_rule({"source": "{{ absent }}"}), "profile.source"),
        (raw_rule({"type": "{{ absent }}"}), "profile.type"),
        (raw_rule(dedupe_key="{{ absent }}"), "dedupe_key"),
        (raw_rule(dedupe_key="{{ id }}:{{ absent }}"), "dedupe_key"),
    ],
)
def test_what_is_null_and_may_not_be_makes_the_record_unmappable(raw: dict[str, Any], place: str) -> None:
    """A null source, type, created_at or dedupe_key names rule and place."""
    assert why_unmappable(raw) == f"rule '{compiled(raw).name}': {place}: is null [ZE710]"


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (raw_rule(event={"type": "{{ '%c' % 55357 }}"}), "event.type"),
        (raw_rule(event={"description": "a {{ '%c' % 55357 }}"}), "event.description"),
        (raw_rule(event={"properties": {"a": "{{ '%c' % 55357 }}"}}), "event.properties.a"),
        (raw_rule({"attributes": {"a": "{{ '%c' % 55357 }}"}}), "profile.attributes.a"),
        (raw_rule({"identifiers": {"shop_id": "{{ '%c' % 55357 }}"}}), "profile.identifiers"),
    ],
)
def test_half_of_a_character_makes_the_record_unmappable(raw: dict[str, Any], place: str) -> None:
    """Half of a surrogate pair has no UTF-8: it is set aside, and does not end the run."""
    assert place in why_unmappable(raw)


def test_a_constant_that_no_text_can_hold_makes_the_record_unmappable() -> None:
    """Python writes no number of more than some thousand digits: a record tells of it, not a traceback at start."""
    assert "profile.name: fails on this record" in why_unmappable(raw_rule({"name": 10**5000}))


@pytest.mark.parametrize("place", ["type", "source"])
def test_a_blank_name_makes_the_record_unmappable(place: str) -> None:
    """An empty source or type would only be refused."""
    assert why_unmappable(raw_rule(event={place: "{{ blank }}"}), {"blank": " "}).endswith(
        f"event.{place}: is blank [ZE710]"
    )


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (raw_rule(when="secret + 1"), "when"),
        (raw_rule({"identifiers": {"shop_id": "{{ secret + 1 }}"}}), "profile.identifiers.shop_id"),
        (raw_rule({"identifiers": "{{ secret + 1 }}"}), "profile.identifiers"),
        (raw_rule({"identifiers": "{{ secret }}"}), "profile.identifiers"),
        (raw_rule({"identifiers": "{{ [secret] }}"}), "profile.identifiers"),
        (raw_rule({"name": "{{ secret + 1 }}"}), "profile.name"),
        (raw_rule({"attributes": {"a": "{{ secret + 1 }}"}}), "profile.attributes.a"),
        (raw_rule(event={"type": "{{ secret + 1 }}"}), "event.type"),
        (raw_rule(event={"created_at": "{{ secret }}"}), "event.created_at"),
        (raw_rule(event={"created_at": "{{ secret | datetime('%d') }}"}), "event.created_at"),
        (raw_rule(event={"created_at": "{{ '2026-11-01' | datetime(timezone=secret) }}"}), "event.created_at"),
        (raw_rule(event={"description": "x{{ secret + 1 }}"}), "event.description"),
        (raw_rule(event={"description": "{{ secret | fromjson }}"}), "event.description"),
        (raw_rule(event={"properties": {"a": {"b": ["{{ secret + 1 }}"]}}}), "event.properties.a.b[0]"),
        (raw_rule(event={"properties": {"a": "{{ {'x': inf} }}"}}), "event.properties.a"),
        (raw_rule(event={"properties": "{{ secret }}"}), "event.properties"),
        (raw_rule(dedupe_key="{{ secret + 1 }}"), "dedupe_key"),
    ],
)
def test_what_fails_on_a_record_names_rule_and_place_and_no_value(raw: dict[str, Any], place: str) -> None:
    """An expression that fails makes the record unmappable; the message quotes nothing of it."""
    message = why_unmappable(raw, {"secret": "hunter2", "inf": float("inf")})
    assert message.startswith(f"rule '{compiled(raw).name}': {place}: ")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        ("shop_id", " 17 ", "17"),
        ("shop_id", 17, "17"),
        ("shop_id", 12345.0, "12345"),
        ("shop_id", Decimal("12345.0"), "12345"),
        ("shop_id", 12345678901234567890, "12345678901234567890"),
        ("shop_id", 1e16, "10000000000000000"),
        ("shop_id", Decimal("1E+16"), "10000000000000000"),
        ("shop_id", "0987654321", "0987654321"),
        ("shop_id", "12345.0", "12345.0"),
        ("shop_id", "Mixed", "Mixed"),
        ("shop_id", 0, "0"),
        ("email", " Buyer@Example.com", "buyer@example.com"),
        ("twitter", "BuyerTweets", "buyertweets"),
        ("phone_number", "+49 30 1", "+49 30 1"),
        ("email", " Customer-1+x@mail.Example.co.uk ", "customer-1+x@mail.example.co.uk"),
        ("email", "o'customer.1_x!#$%&*/=?^`{|}~@example.com", "o'customer.1_x!#$%&*/=?^`{|}~@example.com"),
        ("email", "JOSÉ-1@exämple.example", "josé-1@exämple.example"),
        ("email", "用户@例子.广告", "用户@例子.广告"),
        ("shop_id", "customer-1@localhost", "customer-1@localhost"),
    ],
)
def test_identifier_values_are_cleaned(kind: str, value: Any, sent: str) -> None:
    """Values are trimmed text; email and twitter in lower case, whole numbers without their fraction."""
    event = event_of(raw_rule({"identifiers": {kind: "{{ value }}"}}), {"value": value})
    assert event.profile.identifiers == (Identifier(kind, sent),)


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("shop_id", None, "null"),
        ("shop_id", "", "blank"),
        ("shop_id", " \t", "blank"),
        ("shop_id", 1.5, "a fraction"),
        ("shop_id", Decimal("1.5"), "a fraction"),
        ("shop_id", float("nan"), "a fraction"),
        ("shop_id", Decimal("Infinity"), "a fraction"),
        ("shop_id", True, "a boolean"),
        ("shop_id", False, "a boolean"),
        ("shop_id", {"a": 1}, "an object"),
        ("shop_id", [1], "a list"),
        *(
            ("shop_id", value, "blocked")
            for value in "null None NaN undefined Unknown ANONYMOUS guest n/a N/A test@test.com".split()  # noqa: SIM905
        ),
        ("email", "Test@Test.com", "blocked"),
        ("email", "0", "blocked"),
        ("email", -1, "blocked"),
        ("phone_number", 0, "blocked"),
        ("phone_number", "-1", "blocked"),
        ("shop_id", "House Account", "blocked"),
        ("email", "buyer", "not an email"),
        *(
            ("email", value, "not an email")
            for value in (
                "a@b@c",
                "a@b@example.com",
                "Customer 1 <customer-1@example.com>",
                "<customer-1@example.com>",
                "customer-1@example.com customer-2@example.com",
                "customer-1@example.com,customer-2@example.com",
                "customer-1@example.com;customer-2@example.com",
                "customer-1@example.com (work)",
                "customer 1@example.com",
                "customer-1\u2003x@example.com",
                '"customer-1"@example.com',
                "mailto:customer-1@example.com",
                "customer-1@localhost",
                "customer-1@example..com",
                "customer-1@.example.com",
                "customer-1@example.com.",
                "customer-1@",
                "@example.com",
                "customer-1 at example.com",
            )
        ),
    ],
)
def test_what_is_no_identifier_is_left_out_and_counted(kind: str, value: Any, why: str) -> None:
    """Null, blank, blocked, fractions, booleans, objects and what is no email are left out, each with its reason."""
    raw = raw_rule({"identifiers": {kind: "{{ value }}", "other": "{{ id }}"}})
    found = match(raw, {"value": value}, blocked_values=["house account"])
    assert isinstance(found.shipment, Event)
    assert found.shipment.profile.identifiers == (Identifier("other", "1"),)
    assert found.left_out == (LeftOut(kind, why),)


def test_without_an_identifier_the_record_is_unmappable() -> None:
    """None left means nobody to show the event to; what was left out is counted all the same."""
    found = match(raw_rule({"identifiers": {"email": "{{ email }}", "shop_id": "user-{{ absent }}"}}), {"email": "x"})
    assert found.no_shipment is NoShipment.UNMAPPABLE
    assert found.message == (
        "rule 'orders:order': profile.identifiers: none is left (email not an email, shop_id null) [ZE714]"
    )
    assert found.left_out == (LeftOut("email", "not an email"), LeftOut("shop_id", "null"))


IDENTIFIERS = [{"type": "email", "value": "Buyer@example.com"}, {"type": "shop_id", "value": 5}]


@pytest.mark.parametrize(
    "identifiers",
    [
        {"email": "{{ email }}", "shop_id": "{{ number }}"},
        [{"type": "email", "value": "{{ email }}"}, {"type": "shop_id", "value": "{{ number }}"}],
        [{"type": "{{ kind }}", "value": "{{ email }}"}, {"type": "shop_id", "value": 5}],
        {"{{ kind }}": "{{ email }}", "shop_id": "5"},
        "{{ ids }}",
        "{{ ids_text | fromjson }}",
        "{{ [{'type': 'email', 'value': email}, {'type': 'shop_id', 'value': number}] }}",
        "{{ ids + ids }}",
    ],
)
def test_identifiers_are_written_in_three_ways(identifiers: Any) -> None:
    """`type: value`, a list of {type, value}, or one expression that yields such a list; each value once."""
    record = {
        "kind": "email",
        "email": "Buyer@example.com",
        "number": 5,
        "ids": IDENTIFIERS,
        "ids_text": json.dumps(IDENTIFIERS),
    }
    event = event_of(raw_rule({"identifiers": identifiers}), record)
    assert event.profile.identifiers == (Identifier("email", "buyer@example.com"), Identifier("shop_id", "5"))


def test_a_type_that_came_from_the_record_is_not_named() -> None:
    """What is left out is counted under types of the rules or of Zendesk: a report holds nothing of a record."""
    ids = [{"type": "buyer@example.com", "value": None}, {"value": 5}, {"type": "email", "value": " "}]
    found = match(raw_rule({"identifiers": "{{ ids }}"}), {"ids": ids})
    assert found.left_out == (
        LeftOut("(from the record)", "null"),
        LeftOut("(from the record)", "no type"),
        LeftOut("email", "blank"),
    )
    assert "buyer" not in found.message


@pytest.mark.parametrize(
    ("properties", "sent"),
    [
        (None, {}),
        ({}, {}),
        (
            {"total": "{{ total }}", "tag": "new", "n": 5, "yes": True},
            {"total": 9.5, "tag": "new", "n": 5, "yes": True},
        ),
        ({"a": {"b": {"c": "{{ total }}", "d": "{{ absent }}"}}}, {"a": {"b": {"c": 9.5}}}),
        ({"list": ["{{ total }}", {"a": "{{ absent }}"}, None]}, {"list": [9.5, {}, None]}),
        ({"text": "<{{ absent }}>", "null": None}, {"text": "<>"}),
        ({"item": "{{ item }}"}, {"item": {"name": "Cup"}}),
        ({"big": "{{ big }}", "text": "{{ code }}"}, {"big": "9007199254740993", "text": "007"}),
        (["total", "absent", "first-name"], {"total": 9.5, "first-name": "given"}),
        (["item"], {"item": {"name": "Cup"}}),
        ("{{ record | without('i*', 'first-*', 'code', 'big', '_sdc_*') }}", {"total": 9.5}),
        ("{{ absent }}", {}),
        ({5: "x"}, {"5": "x"}),
    ],
)
def test_properties(properties: Any, sent: dict[str, Any]) -> None:
    """An object of templates, nested as one likes, or field names, or one expression; nulls are left out."""
    record = {
        "total": 9.5,
        "item": {"name": "Cup", "sku": None},
        "big": 2**53 + 1,
        "code": "007",
        "first-name": "given",
        "_sdc_sequence": 1,
    }
    event = event_of(raw_rule(event={"properties": properties}), record)
    assert event.properties == sent
    assert json.loads(json.dumps(event.properties)) == sent


PLAIN = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
PLAIN_JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(st.dictionaries(st.text(), PLAIN_JSON, max_size=5))
def test_the_whole_record_as_properties_is_the_record(record: dict[str, Any]) -> None:
    """What goes in comes out, nulls aside, whatever the fields are named."""
    (found,) = WHOLE.apply(record, "orders")
    assert isinstance(found.shipment, Event)
    assert found.shipment.properties == {name: value for name, value in record.items() if value is not None}


WHOLE = compiled(raw_rule({"identifiers": {"shop_id": "5"}}, {"properties": "{{ record }}"}))


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=8))
def test_any_record_gives_an_event_or_a_reason(record: dict[str, Any]) -> None:
    """Mapping never raises, whatever a record holds."""
    (found,) = ANY.apply({**dict.fromkeys(ORDER, "x"), **record}, "orders")
    assert (found.shipment is None) is (found.no_shipment is not None)


ANY = compiled({**yaml.safe_load(README_RULE)[0], "when": True})


@pytest.mark.parametrize("name", ["source", "type"])
def test_events_and_profiles_may_have_their_own_names(name: str) -> None:
    """A rule's own source or type is sent; without, the setting's source, and `customer`."""
    event = event_of(raw_rule({name: "p-{{ id }}"}, {name: "e-{{ id }}"})).body()
    assert (event["profile"][name], event["event"][name]) == ("p-1", "e-1")
    default = event_of(raw_rule()).body()
    assert (default["profile"]["source"], default["profile"]["type"]) == ("shop", "customer")
    assert default["event"]["source"] == "shop"


def test_a_rule_knows_the_name_of_its_stream() -> None:
    """`stream` is the name of the stream that a record came in."""
    rule = compiled(raw_rule(event={"type": "{{ stream }}_changed"}, stream="*"))
    (found,) = rule.apply({"id": 1, "stream": "hidden"}, "refunds")
    assert isinstance(found.shipment, Event)
    assert found.shipment.type == "refunds_changed"


@pytest.mark.parametrize(
    ("since", "time", "is_sent"),
    [
        (dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc), "2024-05-06T00:00:00Z", True),
        (dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc), "2024-05-05T23:59:59.999Z", False),
        (dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc), "2024-05-06T01:00:00+02:00", False),
        (None, "1970-01-02", True),
    ],
)
def test_events_before_since_are_too_old(since: dt.datetime | None, time: str, is_sent: bool) -> None:
    """What happened before `since` is counted as too old."""
    found = match(raw_rule(event={"created_at": "{{ time }}"}), {"time": time}, since=since)
    assert found.no_shipment is (None if is_sent else NoShipment.TOO_OLD)


@pytest.mark.parametrize(
    ("time", "end"),
    [
        ("9999-12-31T23:59:59.999999+00:00", "event.created_at: is a placeholder and no time: of the years 1 to 1900"),
        ("0001-01-01T00:00:00+00:00", "event.created_at: is a placeholder"),
        (0, "event.created_at: is a placeholder"),
        ("2026-11-02T10:00:01Z", "event.created_at: is more than a day ahead of this machine's clock"),
        ("2026-11-02T10:00:00Z", True),
        ("2026-11-01T10:00:00Z", False),
    ],
)
@pytest.mark.parametrize("template", ["{{ time }}", "{{ time | datetime }}"])
@pytest.mark.parametrize("since", [None, dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc)])
def test_a_placeholder_does_not_stand_on_a_timeline(
    time: Any, end: str | bool, template: str, since: dt.datetime | None
) -> None:
    """It makes the record unmappable, with `since` too; a time that is ahead by a day at most is sent and marked."""
    now = dt.datetime(2026, 11, 1, 10, tzinfo=dt.timezone.utc).timestamp()
    found = match(raw_rule(event={"created_at": template}), {"time": time}, since=since, wall=lambda: now)
    if isinstance(end, str):
        assert found.no_shipment is NoShipment.UNMAPPABLE
        assert f": {end}" in found.message
    else:
        assert found.shipment is not None
        assert found.is_ahead is end


def test_without_created_at_nothing_is_too_old() -> None:
    """An event that names no time happens when it arrives."""
    assert match(raw_rule(), since=dt.datetime(2999, 1, 1, tzinfo=dt.timezone.utc)).shipment is not None


def test_dedupe() -> None:
    """`dedupe: false` and `dedupe_key` travel with the match."""
    rule = compiled(raw_rule(dedupe=False))
    assert (rule.dedupe, rule.needs_keys) == (False, False)
    assert not rule.apply({"id": 1}, "orders")[0].dedupe
    rule = compiled(raw_rule(dedupe_key="{{ [id, 'paid'] }}", event={"created_at": "{{ at }}"}))
    assert (rule.dedupe, rule.needs_keys) == (True, False)
    assert rule.apply({"id": 1, "at": 1}, "orders")[0].dedupe_key == '[1, "paid"]'


def test_every_rule_that_matches_is_asked_in_order() -> None:
    """A stream's rules are those that name it, or whose glob does, with case, in the rules' order."""
    streams = ["orders", "ord*", "Orders", "*", "refunds", "order[s]", "public-orders[1]"]
    book = compile_rules([raw_rule(stream=stream) for stream in streams], source="shop")
    assert [rule.stream for rule in book.for_stream("orders")] == ["orders", "ord*", "*", "order[s]"]
    assert [rule.stream for rule in book.for_stream("public-orders[1]")] == ["*", "public-orders[1]"]
    assert book.for_stream("orders") is book.for_stream("orders")
    assert book.names_literally("orders")
    assert not book.names_literally("ordinary")


def test_rules_that_match_no_stream_have_a_nearest_one() -> None:
    """The nearest stream is found without regard to case."""
    book = compile_rules([raw_rule(stream=name) for name in ("Orders", "REF*", "ordrs", "orders")], source="shop")
    found = [(rule.stream, nearest) for rule, nearest in book.nearest(["orders", "refunds"])]
    assert found == [("Orders", "orders"), ("REF*", "refunds"), ("ordrs", "orders")]
    assert [nearest for _, nearest in book.nearest([])] == [None, None, None, None]


def test_labels_are_unique() -> None:
    """A label is the rule's name, else stream and type; the same one twice gets a number."""
    named = [raw_rule(name="a"), raw_rule(name="a"), raw_rule(name="a (2)"), raw_rule(), raw_rule()]
    book = compile_rules(named, source="shop")
    assert [rule.name for rule in book.rules] == ["a", "a (2)", "a (2) (2)", "orders:order", "orders:order (2)"]
    assert book.rules[1].apply({"id": 1}, "orders")[0].rule == "a (2)"


def test_no_rules_is_an_empty_book() -> None:
    """Without rules nothing matches; what to do about it is not the mapping's to say."""
    assert compile_rules([]).rules == ()
    assert compile_rules([]).for_stream("orders") == ()


SCHEMA: dict[str, Any] = {"properties": {"id": {}, "Email": {}, "customer_id": {}}}


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        (raw_rule(), []),
        (raw_rule(when="emial"), [("when", "emial", "Email")]),
        (
            raw_rule({"identifiers": {"email": "{{ email }}"}}),
            [("profile.identifiers.email", "email", "Email")],
        ),
        (raw_rule(event={"type": "{{ record['customerid'] }}"}), [("event.type", "customerid", "customer_id")]),
        (raw_rule(event={"type": "{{ record.customerid }}"}), []),
        (raw_rule(event={"properties": ["id", "ids"]}), [("event.properties", "ids", "id")]),
        (raw_rule(event={"properties": {"a": ["{{ ids }}"]}}), [("event.properties.a[0]", "ids", "id")]),
        (raw_rule(event={"description": "{{ ids | default('x') }}"}), [("event.description", "ids", "id")]),
        (raw_rule(dedupe_key="{{ ids }}{{ ids }}"), [("dedupe_key", "ids", "id")]),
        (raw_rule({"attributes": {"a": "{{ ids }}"}}), [("profile.attributes.a", "ids", "id")]),
        (raw_rule(event={"properties": "{{ record | without('ids') }}"}), []),
        (raw_rule(event={"description": "{{ stream }}{% for x in record %}{{ x }}{% endfor %}"}), []),
    ],
)
def test_fields_are_checked_against_the_schema(raw: dict[str, Any], faults: list[tuple[str, str, str]]) -> None:
    """A template that names a field the schema lacks is a fault with rule, place, field and the nearest field."""
    found = compiled(raw).check(SCHEMA)
    assert [(fault.place, fault.field, fault.nearest) for fault in found] == faults
    assert all(fault.fatal for fault in found)


@pytest.mark.parametrize(
    ("schema", "fatal"),
    [
        ({"properties": {"x": {}}}, True),
        ({"properties": {"x": {}}, "additionalProperties": False}, True),
        ({"properties": {"x": {}}, "additionalProperties": True}, False),
        ({"properties": {"x": {}}, "additionalProperties": {"type": "string"}}, False),
        ({"properties": {"x": {}}, "patternProperties": {"^i": {}}}, False),
        ({"properties": {}}, False),
        ({}, False),
    ],
)
def test_an_open_schema_gives_a_warning(schema: dict[str, Any], fatal: bool) -> None:
    """Where the schema declares no fields, or allows others, a missing one may still come."""
    (fault,) = compiled(raw_rule()).check(schema)
    assert fault.fatal is fatal
    assert str(fault).startswith(
        "rule 'orders:order': profile.identifiers.shop_id names the field 'id', which the schema"
    )


def test_standard_identifiers_are_told_of() -> None:
    """For each standard type in use there is a sentence on what Zendesk does with it; none for the user's own."""
    raw = raw_rule({"identifiers": {"phone_number": "{{ id }}", "email": "{{ id }}", "shop_id": "{{ id }}"}})
    notes = standard_identifier_notes([compiled(raw), compiled(raw), compiled(raw_rule({"identifiers": "{{ id }}"}))])
    assert notes == [
        "identifiers of type 'email' are written onto the Zendesk user as its email: a wrong value spoils that user",
        (
            "identifiers of type 'phone_number' are written onto the Zendesk user as its phone number:"
            " a wrong value spoils that user"
        ),
    ]


UNQUOTED = {(("id", None),): None}


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("orders", "rules[0]: is text, and takes an object"),
        (UNQUOTED, "rules[0]: put quotes around the braces: YAML reads {{ }} without quotes as a mapping"),
        (raw_rule(stream=None), "rules[0]: `stream` is missing: the name of a stream, or a glob"),
        (raw_rule(stream=5), "rules[0]: stream: is a number, and takes the name of a stream"),
        (raw_rule(whn="id"), "rules[0] (orders): unknown key 'whn'; did you mean 'when'?"),
        (raw_rule(source="x"), "rules[0] (orders): unknown key 'source'; it belongs under `profile` or `event`"),
        (raw_rule(event={"discription": ""}), "unknown key 'discription'; did you mean 'description'?"),
        (
            raw_rule({"properties": {}}),
            "rules[0] (orders): profile: unknown key 'properties'; it belongs under `event`",
        ),
        ({**raw_rule(), "profile": "x"}, "profile: is text, and takes an object"),
        ({**raw_rule(), "event": None}, "event: is empty, and takes an object"),
        ({"stream": "orders", "event": {"type": "x"}}, "`profile.identifiers` is missing"),
        ({**raw_rule(), "event": {}}, "rules[0] (orders): `event.type` is missing"),
        (raw_rule({"identifiers": {}}), "`profile.identifiers` is missing: without one nobody can be found"),
        (raw_rule({"identifiers": []}), "`profile.identifiers` is missing: without one nobody can be found"),
        (raw_rule({"identifiers": ""}), "`profile.identifiers` is missing: without one nobody can be found"),
        (raw_rule({"identifiers": 5}), "profile.identifiers: is a number"),
        (raw_rule({"identifiers": "{{ a }}{{ b }}"}), "profile.identifiers: takes `type: value`, or one expression"),
        (raw_rule({"identifiers": "email"}), "profile.identifiers: takes `type: value`, or one expression"),
        (raw_rule({"identifiers": ["{{ a }}"]}), "profile.identifiers[0]: takes an object with `type` and `value`"),
        (raw_rule({"identifiers": [{"type": "a"}]}), "profile.identifiers[0]: takes an object with `type` and `value`"),
        (raw_rule({"identifiers": {"type": "a", "value": "{{ b }}"}}), "reads as two identifiers"),
        (raw_rule({"identifiers": {"x" * 61: "{{ id }}"}}), "has a type of 61 characters; Zendesk takes 60"),
        (raw_rule({"identifiers": {" ": "{{ id }}"}}), "has no type"),
        (raw_rule({"identifiers": {f"a{i}": "1" for i in range(21)}}), "more than 20 constants; Zendesk takes 20"),
        (raw_rule({"identifiers": {"email": "email"}}), "being not an email; for the field write '{{ email }}'"),
        (
            raw_rule({"identifiers": {"shop_id": "Guest"}}),
            "profile.identifiers.shop_id: would never be sent, being blocked",
        ),
        (raw_rule({"identifiers": {"{{ kind }}": True}}), "would never be sent, being a boolean"),
        (raw_rule({"identifiers": {"shop_id": None}}), "profile.identifiers.shop_id: is empty: it would never be sent"),
        (
            raw_rule({"identifiers": [{"type": "shop_id", "value": None}]}),
            "profile.identifiers[0]: is empty: it would never be sent",
        ),
        (raw_rule({"identifiers": {"shop_id": ["a"]}}), "profile.identifiers.shop_id: is a list, and takes text"),
        (raw_rule({"identifiers": {"shop_id": UNQUOTED}}), "profile.identifiers.shop_id: put quotes around"),
        (raw_rule({"attributes": "x"}), "profile.attributes: is text, and takes an object"),
        (raw_rule({"name": {"a": 1}}), "profile.name: is an object, and takes text"),
        (raw_rule({"source": "ZenDesk"}), "profile.source: 'zendesk' is Zendesk's own source, and reserved"),
        (raw_rule(event={"source": "zendesk"}), "event.source: 'zendesk' is Zendesk's own source, and reserved"),
        (raw_rule(event={"source": "x" * 41}), "event.source: has 41 characters; Zendesk takes 40"),
        (raw_rule(event={"type": "x" * 41}), "event.type: has 41 characters; Zendesk takes 40"),
        (raw_rule({"type": "x" * 41}), "profile.type: has 41 characters; Zendesk takes 40"),
        (raw_rule(event={"type": ""}), "event.type: is empty"),
        (raw_rule(event={"type": " "}), "event.type: is blank"),
        (raw_rule(event={"type": "{{ id"}), "event.type: does not parse: "),
        (raw_rule(event={"type": UNQUOTED}), "event.type: put quotes around the braces"),
        (raw_rule(event={"description": "{{ id | uper }}"}), "event.description: there is no filter 'uper'; did you"),
        (
            raw_rule(event={"created_at": "9999-12-31"}),
            "event.created_at: is a placeholder and no time",
        ),
        (
            raw_rule(event={"created_at": "updated_at"}),
            "is no time: an ISO-8601 text, a datetime or a Unix time is one;",
        ),
        (raw_rule(event={"properties": {"a": {"total": UNQUOTED}}}), "event.properties.a.total: put quotes around"),
        (raw_rule(event={"properties": {"a": float("nan")}}), "event.properties.a: holds NaN"),
        (raw_rule(event={"properties": "total"}), "event.properties: takes an object, a list of field names, or one"),
        (
            raw_rule(event={"properties": "{{ a }}x"}),
            "event.properties: takes an object, a list of field names, or one",
        ),
        (
            raw_rule(event={"properties": {"a": {"{{ b }}": 1}}}),
            "event.properties.a: the name '{{ b }}' is no template",
        ),
        (raw_rule({"attributes": {"{{ b }}": "1"}}), "profile.attributes: the name '{{ b }}' is no template"),
        (raw_rule(event={"properties": ["{{ a }}"]}), "event.properties[0]: takes the name of a field, without braces"),
        (raw_rule(event={"properties": [5]}), "event.properties[0]: is a number, and takes the name of a field"),
        (raw_rule(event={"properties": [UNQUOTED]}), "event.properties[0]: put quotes around the braces"),
        (raw_rule(when=""), "when: is empty: write an expression, or remove it"),
        (raw_rule(when=None), "when: is empty: write an expression, or remove it"),
        (raw_rule(when=["a"]), "when: is a list, and takes an expression"),
        (raw_rule(when=UNQUOTED), "when: put quotes around the braces"),
        (raw_rule(when="a b"), "when: does not parse"),
        (raw_rule(when="{{ a }}{{ b }}"), "when: takes one expression"),
        (raw_rule(dedupe="no"), "dedupe: is text, and takes true or false"),
        (raw_rule(dedupe=False, dedupe_key="{{ id }}"), "`dedupe: false` and `dedupe_key` contradict each other"),
        (raw_rule(dedupe_key="id"), "dedupe_key: is the same for every record, so that only the first would be sent"),
        (raw_rule(name=5), "name: is a number, and takes text"),
        (raw_rule(name=""), "name: is empty"),
    ],
)
def test_a_rule_that_cannot_work_is_a_fault(raw: Any, fault: str) -> None:
    """Each fault is one line that names rule, place, what is wrong and what is taken."""
    faults = faults_of([raw])
    assert any(fault in one for one in faults), faults
    assert all(one.startswith("rules[0]") and "\n" not in one for one in faults)


def test_the_source_is_needed_somewhere() -> None:
    """Without the setting, events and profiles both need a source of their own."""
    assert faults_of([raw_rule()], source=None) == (
        "rules[0] (orders): `profile.source` is missing; set it here, or `source` for all rules",
        "rules[0] (orders): `event.source` is missing; set it here, or `source` for all rules",
    )
    assert faults_of([raw_rule()], source="") == tuple(
        f"rules[0] (orders): `{one}.source` is missing, and the setting `source` is empty "
        "(is an environment variable unset?)"
        for one in ("profile", "event")
    )
    assert event_of(raw_rule({"source": "a"}, {"source": "b"}), source=None).source == "b"


@pytest.mark.parametrize(
    ("source", "fault"),
    [("Zendesk", "source: 'zendesk' is Zendesk's own source, and reserved"), ("x" * 41, "source: has 41 characters")],
)
def test_the_settings_source_is_checked_once(source: str, fault: str) -> None:
    """A source for all rules is one fault, not one a rule."""
    (found,) = faults_of([raw_rule(), raw_rule()], source=source)
    assert found.startswith(fault)


def test_all_faults_are_told_at_once() -> None:
    """Every fault of every rule is told in one go, with its line where the rules come from a file."""
    rules = [raw_rule(when="a b", dedupe="x"), raw_rule(), raw_rule(nme="x")]
    faults = faults_of(rules, lines=[{"": 2, "when": 3}, {"": 9}, {"": 14, "nme": 15}])
    assert [fault.partition(":")[0] for fault in faults] == [
        "rules_file line 3, rules[0] (orders)",
        "rules_file line 2, rules[0] (orders)",
        "rules_file line 15, rules[2] (orders)",
    ]


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (raw_rule(event={"properties": {"a": ["{{ id }}", "{{ id"]}}), 6),
        (raw_rule(event={"properties": "id"}), 4),
        ({"stream": "orders", "event": {"type": "x"}}, 1),
        ({**raw_rule(), "event": {}}, 2),
        (raw_rule(event={"descr": "x"}), 7),
    ],
)
def test_a_fault_has_the_line_of_its_place(raw: dict[str, Any], line: int) -> None:
    """The entry's or the key's own; what is missing is told at what lacks it."""
    properties = {"event.properties": 4, "event.properties.a": 5, "event.properties.a[1]": 6}
    lines = {"": 1, "stream": 1, "event": 2, "event.type": 3, **properties, "event.descr": 7}
    (fault,) = faults_of([raw], lines=[lines])
    assert fault.startswith(f"rules_file line {line}, rules[0] (orders): ")


def test_rules_are_a_list() -> None:
    """A mapping in the place of the list is told of."""
    assert faults_of({"stream": "orders"}) == ("rules: takes a list of rules",)


def test_an_unknown_time_zone_is_a_fault() -> None:
    """A zone that is none is named with its setting."""
    (fault,) = faults_of([raw_rule()], timezone="Mars/Olympus")
    assert fault.startswith("timezone: 'Mars/Olympus' is no time zone")


def test_a_rule_that_is_too_deep_is_a_fault() -> None:
    """In one sentence, however deep it is."""
    deep: Any = 1
    for _ in range(5_000):
        deep = {"a": deep}
    with pytest.raises(ConfigurationError, match="nested deeper than 100 levels"):
        compile_rules(
            [{"stream": "*", "profile": {"identifiers": {"email": "{{ email }}"}}, "event": deep}], source="shop"
        )


def test_a_field_name_that_is_none_is_a_fault_with_a_code() -> None:
    """A list of properties takes names alone."""
    event = {"type": "x", "properties": [{"a": 1}]}
    rule = {"stream": "*", "profile": {"identifiers": {"email": "{{ email }}"}}, "event": event}
    with pytest.raises(ConfigurationError, match=r"takes the name of a field \[ZE208\]"):
        compile_rules([rule], source="shop")


def test_half_a_character_in_a_rule_is_a_broken_one() -> None:
    """As in a record: no request and no hash could hold it."""
    event = {"type": "x", "properties": {"a\ud83d": "b\ude00"}}
    rule = {"stream": "*", "profile": {"identifiers": {"email": "{{ email }}"}}, "event": event}
    (match,) = compile_rules([rule], source="shop").rules[0].apply({"email": "customer-1@example.com"}, "orders")
    assert "\ufffd" in str(match.shipment)
    str(match.shipment).encode()
