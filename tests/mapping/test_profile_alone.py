"""Rules that send a profile without an event."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.kinds.profile import Identifier, Method, ProfileUpsert
from target_zendesk_events.mapping.rules import Rule, compile_rules
from target_zendesk_events.work import LeftOut, NoShipment

RULE = {"stream": "customers", "profile": {"identifiers": {"shop_id": "{{ id }}", "email": "{{ email }}"}}}


def rule_of(profile: dict[str, Any] | None = None, **others: Any) -> Rule:
    """Return a rule for a profile alone, compiled."""
    raw = {**RULE, "profile": {**RULE["profile"], **(profile or {})}, **others}  # type: ignore[dict-item]
    return compile_rules([raw], source="shop").rules[0]


def faults_of(raw: dict[str, Any]) -> list[str]:
    """Return the faults of one rule, without place and code."""
    with pytest.raises(ConfigurationError) as caught:
        compile_rules([raw], source="shop")
    return [without_code(one).partition("): ")[2] for one in caught.value.faults]


@pytest.mark.parametrize(
    ("given", "method"),
    [({}, Method.MERGE), ({"method": "merge"}, Method.MERGE), ({"method": "replace"}, Method.REPLACE)],
)
def test_a_profile_without_an_event_is_sent_alone(given: dict[str, Any], method: Method) -> None:
    """All of a profile stands in it as in an event's; nulls are left out."""
    rule = rule_of({**given, "name": "{{ name }}", "attributes": {"plan": "{{ plan }}", "tier": "{{ tier }}"}})
    (found,) = rule.apply({"id": 7, "email": "guest", "name": "Customer 7", "plan": "gold"}, "customers")
    assert isinstance(found.shipment, ProfileUpsert)
    assert found.shipment.method is method
    assert found.shipment.profile.as_object() == {
        "source": "shop",
        "type": "customer",
        "identifiers": [{"type": "shop_id", "value": "7"}],
        "name": "Customer 7",
        "attributes": {"plan": "gold"},
    }
    assert found.left_out == (LeftOut("email", "blocked"),)
    assert (found.rule, found.dedupe, found.is_ahead) == ("customers:profile", True, False)


def test_when_and_dedupe_key_hold_for_it() -> None:
    """As for events."""
    rule = rule_of(when="active", dedupe_key="{{ id }}:{{ plan }}", name="mine")
    assert rule.apply({"id": 7, "active": 0}, "customers")[0].no_shipment is NoShipment.FILTERED
    (found,) = rule.apply({"id": 7, "active": 1, "plan": "gold"}, "customers")
    assert (found.dedupe_key, found.rule) == ("7:gold", "mine")
    assert rule.apply({"active": 1, "plan": "gold"}, "customers")[0].no_shipment is NoShipment.UNMAPPABLE


def test_the_first_identifier_that_a_record_gives_is_the_one_that_stays() -> None:
    """In the order of the rule."""
    found = rule_of().apply({"id": None, "email": "customer-7@example.com"}, "customers")[0].shipment
    assert isinstance(found, ProfileUpsert)
    assert found.profile.identifiers[0] == Identifier("email", "customer-7@example.com")


def test_it_needs_no_key_properties() -> None:
    """A profile is told by its first identifier; what a rule names of profiles is known as that of events is."""
    rule = rule_of({"type": "buyer"})
    assert not rule.needs_keys
    assert rule.constant_origin == ("shop", "buyer")
    assert rule.constant_identifier_types == ("shop_id", "email")
    assert not rule.identifier_types_vary
    assert [one.field for one in rule.check({"properties": {"id": {}}})] == ["email"]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (
            {"stream": "customers"},
            "sends nothing: give it `profile` with `event`, `profile` alone, `object`, `ticket` or `delete`",
        ),
        (
            {**RULE, "profile": {"identifiers": {"a": "{{ b }}"}, "method": "merg"}},
            "profile.method: takes merge or replace; did you mean 'merge'?",
        ),
        ({**RULE, "profile": {"identifiers": {"a": "{{ b }}"}, "method": 1}}, "profile.method: takes merge or replace"),
        (
            {**RULE, "profile": {"identifiers": {"a": "{{ b }}"}, "method": "merge"}, "event": {"type": "a"}},
            "profile: unknown key 'method'; it belongs under a `profile` without `event`",
        ),
        (
            {**RULE, "profile": {"identifiers": {"a:b": "{{ b }}"}}},
            "profile.identifiers.a:b: holds a colon, with which no profile can be asked for",
        ),
        (
            {**RULE, "profile": {"source": "a:b", "identifiers": {"a": "{{ b }}"}}},
            "profile.source: holds a colon, with which no profile can be asked for",
        ),
        ({**RULE, "method": "merge"}, "unknown key 'method'; it belongs under a `profile` without `event`"),
    ],
)
def test_a_fault_is_told(raw: dict[str, Any], fault: str) -> None:
    """Each with its place and what to write."""
    assert faults_of(raw) == [fault]
