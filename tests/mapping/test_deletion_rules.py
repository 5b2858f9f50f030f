"""Rules that take things away."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.kinds.deletion import ProfileDeletion, RecordDeletion, TicketDeletion
from target_zendesk_events.kinds.profile import Identifier
from target_zendesk_events.mapping.rules import Rule, compile_rules
from target_zendesk_events.work import Match, NoShipment

PROFILE = {"profile": {"identifiers": {"shop_id": "{{ id }}", "email": "{{ email }}"}}}
RECORD = {"object": "subscription", "external_id": "{{ id }}"}
TICKET = {"ticket": "{{ ticket }}"}


def rule_of(delete: dict[str, Any], **others: Any) -> Rule:
    """Return a rule that deletes, compiled."""
    return compile_rules([{"stream": "gone", "delete": delete, **others}], source="shop").rules[0]


def match(delete: dict[str, Any], **record: Any) -> Match:
    """Return what such a rule makes of a record."""
    (found,) = rule_of(delete, when="deleted_at").apply({"id": 7, "deleted_at": "2026-11-01", **record}, "gone")
    return found


def faults_of(delete: Any, **others: Any) -> list[str]:
    """Return the faults of such a rule, without its place and their codes."""
    with pytest.raises(ConfigurationError) as caught:
        compile_rules([{"stream": "gone", "delete": delete, **others}], source="shop")
    return [without_code(one).partition("): ")[2] for one in caught.value.faults]


def test_a_profile_goes_by_its_identifiers() -> None:
    """Cleaned as those that are sent; source and type as for events."""
    found = match(PROFILE, email=" Customer-7@Example.com")
    assert isinstance(found.shipment, ProfileDeletion)
    profile = found.shipment.profile
    assert (profile.source, profile.type) == ("shop", "customer")
    assert profile.identifiers == (Identifier("shop_id", "7"), Identifier("email", "customer-7@example.com"))
    assert (found.rule, found.dedupe) == ("gone:delete", True)
    assert [one.type for one in match(PROFILE, email="guest").left_out] == ["email"]


def test_a_record_goes_by_its_external_id_and_a_ticket_by_its_number() -> None:
    """Where `when` says so."""
    assert match(RECORD).shipment == RecordDeletion("subscription", "7")
    assert match(TICKET, ticket=35).shipment == TicketDeletion("35")
    assert match(TICKET, ticket=35, deleted_at=None).no_shipment is NoShipment.FILTERED


@pytest.mark.parametrize(
    ("delete", "record", "why"),
    [
        (PROFILE, {"id": None}, "profile.identifiers: none is left (shop_id null, email null)"),
        (RECORD, {"id": None}, "delete.external_id: is null or blank"),
        (RECORD, {"id": "unknown"}, "delete.external_id: names nobody and nothing, being blocked"),
        (TICKET, {"ticket": "all"}, "delete.ticket: is no id of Zendesk's: a whole number is one"),
    ],
)
def test_what_names_nothing_deletes_nothing(delete: dict[str, Any], record: dict[str, Any], why: str) -> None:
    """The record is unmappable."""
    found = match(delete, **record)
    assert found.no_shipment is NoShipment.UNMAPPABLE
    assert without_code(found.message).endswith(why)


@pytest.mark.parametrize("delete", [PROFILE, RECORD, TICKET])
def test_a_deletion_writes_no_profile_and_needs_no_keys(delete: dict[str, Any]) -> None:
    """Its templates are held against the schema as others are."""
    rule = rule_of(delete)
    assert not rule.needs_keys
    assert (rule.constant_origin, rule.constant_identifier_types, rule.identifier_types_vary) == (None, (), False)
    assert rule.check({"properties": {"x": {}}})[0].field == ("ticket" if delete is TICKET else "id")


ALL_ONE = "is the same for every record, so that all would be one"
ONE_OF_THEM = "delete: takes {profile: ...}, {object: KEY, external_id: ...} or {ticket: ...}, one of them"


@pytest.mark.parametrize(
    ("delete", "faults"),
    [
        ({}, [ONE_OF_THEM]),
        ({"object": "a"}, [ONE_OF_THEM]),
        ({**RECORD, **TICKET}, [ONE_OF_THEM]),
        ({"tickets": 5}, ["delete: unknown key 'tickets'; did you mean 'ticket'?", ONE_OF_THEM]),
        (
            {"ticket": 35},
            [f"delete.ticket: {ALL_ONE}"],
        ),
        (
            {"object": "a", "external_id": "all"},
            [f"delete.external_id: {ALL_ONE}; for the field write '{{{{ all }}}}'"],
        ),
        (
            {"profile": {"identifiers": {"shop_id": "7", "email": "{{ email }}"}}},
            ["delete.profile.identifiers: begins with a constant: it would name one profile for all"],
        ),
        ({"profile": {}}, ["`delete.profile.identifiers` is missing: without one nobody can be found"]),
        ({"profile": 5}, ["delete.profile: is a number, and takes an object"]),
        (
            {"profile": {"source": "a:b", "name": "x", "identifiers": {"shop_id": "{{ id }}"}}},
            [
                "delete.profile: unknown key 'name'",
                "delete.profile.source: holds a colon, with which no profile can be asked for",
            ],
        ),
    ],
)
def test_a_fault_is_told(delete: Any, faults: list[str]) -> None:
    """Each with its place and what to write: taking away is never an accident."""
    assert faults_of(delete) == faults


def test_a_rule_that_deletes_sends_nothing_else() -> None:
    """It takes two rules."""
    assert faults_of(RECORD, profile={"identifiers": {"a": "{{ b }}"}}) == [
        "sends both `profile` and `delete`: make two rules of it"
    ]
