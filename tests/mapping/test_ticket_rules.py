"""Rules that make tickets, change them and comment on them."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.kinds.ticket import Ticket, TicketComment, TicketUpdate
from target_zendesk_events.mapping.digests import Digests
from target_zendesk_events.mapping.rules import Rule, compile_rules
from target_zendesk_events.work import Match, NoShipment

SAID = {"comment": {"body": "{{ text }}"}}


def rule_of(ticket: dict[str, Any], **others: Any) -> Rule:
    """Return a rule for tickets, compiled."""
    return compile_rules([{"stream": "incidents", "ticket": ticket, **others}]).rules[0]


def matches(ticket: dict[str, Any], record: dict[str, Any]) -> list[Match]:
    """Return what such a rule makes of a record."""
    return rule_of(ticket).apply({"id": 7, "text": "It broke", **record}, "incidents")


def made(ticket: dict[str, Any], **record: Any) -> Any:
    """Return the fields of the ticket that such a rule makes."""
    (found,) = matches(ticket, record)
    assert isinstance(found.shipment, Ticket), found.message
    return found.shipment.fields


def faults_of(ticket: Any, **others: Any) -> list[str]:
    """Return the faults of such a rule, without its place and their codes."""
    with pytest.raises(ConfigurationError) as caught:
        compile_rules([{"stream": "incidents", "ticket": ticket, **others}])
    return [without_code(one).partition("): ")[2] for one in caught.value.faults]


def test_a_ticket_has_the_fields_of_the_rule() -> None:
    """Any of Zendesk's, as its documentation writes them; templates keep their types."""
    ticket = {
        "external_id": "{{ id }}",
        "requester": {"email": "{{ email }}", "name": "{{ name }}"},
        "subject": "Incident {{ id }}",
        "comment": {"body": "{{ text }} at {{ place }}", "public": "{{ is_public }}"},
        "priority": "{{ priority }}",
        "tags": ["incident", "{{ region }}"],
        "custom_fields": {360001: "{{ region }}", "360002": "{{ none }}"},
        "ticket_form_id": 31,
    }
    assert made(ticket, email=" Customer-7@Example.com", is_public=False, region="eu", priority=None) == {
        "external_id": "7",
        "requester": {"email": "customer-7@example.com"},
        "subject": "Incident 7",
        "comment": {"body": "It broke at ", "public": False},
        "tags": ["incident", "eu"],
        "custom_fields": [{"id": 360001, "value": "eu"}],
        "ticket_form_id": 31,
    }


def test_a_ticket_may_name_its_requester_by_number() -> None:
    """Which goes as a number; and custom fields may be written as Zendesk has them."""
    listed = [{"id": 5, "value": "{{ text }}"}]
    assert made({"requester_id": "{{ user }}", "custom_fields": listed, **SAID}, user="42") == {
        "requester_id": 42,
        "custom_fields": [{"id": 5, "value": "It broke"}],
        "comment": {"body": "It broke"},
    }
    assert made({"custom_fields": {5: "{{ none }}"}, "external_id": "{{ none }}", **SAID}) == {
        "comment": {"body": "It broke"}
    }


def test_a_ticket_with_an_id_is_changed_and_then_commented_on() -> None:
    """Each is a thing of its own; a null is sent, since it clears."""
    ticket = {
        "id": "{{ ticket }}",
        "status": "solved",
        "priority": "{{ none }}",
        "custom_fields": {5: "{{ none }}"},
        "requester": {"email": "{{ email }}"},
        **SAID,
    }
    changed, said = matches(ticket, {"ticket": 35, "email": "customer-7@example.com"})
    assert isinstance(changed.shipment, TicketUpdate)
    assert changed.shipment.id == "35"
    assert changed.shipment.fields == {
        "requester": {"email": "customer-7@example.com"},
        "status": "solved",
        "priority": None,
        "custom_fields": [{"id": 5, "value": None}],
    }
    assert said.shipment == TicketComment("35", {"body": "It broke"}, (("email", "customer-7@example.com"),))
    assert changed.rule == said.rule == "incidents:ticket"


@pytest.mark.parametrize(
    ("ticket", "kinds"),
    [
        ({"id": 35, **SAID}, [TicketComment]),
        ({"id": 35, "status": "open"}, [TicketUpdate]),
        ({"id": 35, "status": "open", "comment": {"body": "{{ none }}"}}, [TicketUpdate]),
        ({"id": 35, "status": "open", "comment": {"html_body": "<b>{{ text }}</b>"}}, [TicketUpdate, TicketComment]),
    ],
)
def test_only_what_there_is_is_sent(ticket: dict[str, Any], kinds: list[type]) -> None:
    """A comment alone, or a change alone, also where a record has nothing to say."""
    assert [type(one.shipment) for one in matches(ticket, {})] == kinds


@pytest.mark.parametrize(
    ("ticket", "record", "why"),
    [
        (SAID, {"text": None}, "ticket.comment.body: is null or blank"),
        (SAID, {"text": " "}, "ticket.comment.body: is null or blank"),
        ({"id": 35, **SAID}, {"text": None}, "ticket.comment.body: is null or blank"),
        ({"id": "{{ ticket }}", **SAID}, {"ticket": None}, "ticket.id: is null or blank"),
        ({"id": "{{ ticket }}", **SAID}, {"ticket": "T-7"}, "ticket.id: is no id of Zendesk's: a whole number is one"),
        ({"requester_id": "{{ user }}", **SAID}, {"user": "\u0663"}, "is no id of Zendesk's: a whole number is one"),
        ({"requester": {"email": "{{ email }}"}, **SAID}, {"email": None}, "ticket.requester.email: is null or blank"),
        (
            {"requester": {"email": "{{ email }}"}, **SAID},
            {"email": "guest"},
            "ticket.requester.email: names nobody and nothing, being blocked",
        ),
        ({"external_id": "{{ id }}", **SAID}, {"id": "n/a"}, "names nobody and nothing, being blocked"),
    ],
)
def test_what_is_not_told_is_unmappable(ticket: dict[str, Any], record: dict[str, Any], why: str) -> None:
    """A ticket without whom it is of would be the sender's own."""
    (found,) = matches(ticket, record)
    assert found.no_shipment is NoShipment.UNMAPPABLE
    assert without_code(found.message).endswith(why)


def test_what_tells_tickets_apart() -> None:
    """An external id, or the number of one that is there; what is said needs a row, or a `dedupe_key`."""
    assert rule_of(SAID).needs_keys
    assert not rule_of(SAID, dedupe_key="{{ id }}").needs_keys
    assert not rule_of({"external_id": "{{ id }}", **SAID}).needs_keys
    assert not rule_of({"id": "{{ ticket }}", "status": "open"}).needs_keys
    assert rule_of({"id": "{{ ticket }}", **SAID}).needs_keys
    for ticket in (SAID, {"id": 35, **SAID}):
        assert rule_of(ticket).constant_origin is None


def test_its_templates_are_held_against_the_schema() -> None:
    """Each of them."""
    ticket = {
        "id": "{{ a }}",
        "external_id": "{{ b }}",
        "requester": {"email": "{{ c }}", "name": "{{ d }}"},
        "comment": {"body": "{{ e }}"},
        "custom_fields": {5: "{{ f }}"},
        "subject": "{{ g }}",
    }
    names = [one.field for one in rule_of(ticket).check({"properties": {"x": {}}})]
    assert sorted(names) == list("abcdefg")
    del ticket["id"]
    assert len(rule_of(ticket).check({"properties": {"x": {}}})) == 6
    (fault,) = rule_of({"requester_id": "{{ a }}", "comment": {"body": "b"}}).check({"properties": {"x": {}}})
    assert fault.field == "a"


def test_a_rule_with_numbers_for_names_has_a_digest() -> None:
    """YAML has them, JSON writes them as text."""
    raw = [{"stream": "incidents", "ticket": {"custom_fields": {number: 1}, **SAID}} for number in (5, "5", 6)]
    first, second, third = (Digests([one], compile_rules([one]), {}).of("incidents") for one in raw)
    assert first == second != third
    for name in (True, None, 1.5):  # `on`, `~` and 1.5 in YAML
        raw = [{"stream": "incidents", "ticket": {"more": {name: 1, "b": 2}, **SAID}}]
        assert Digests(raw, compile_rules(raw), {}).of("incidents")


@pytest.mark.parametrize(
    ("ticket", "fault"),
    [
        ({}, "`ticket.comment` is missing: a ticket begins with one"),
        ({"comment": "text"}, "ticket.comment: is text, and takes an object"),
        ({"comment": {"public": True}}, "`ticket.comment.body` is missing: what the comment says"),
        ({"id": 35}, "ticket: changes nothing: give it a field, or a `comment`"),
        ({"id": None, "status": "open"}, "`ticket.id` is missing: the number that Zendesk gave to the ticket"),
        ({"requester": "a@example.com", **SAID}, "ticket.requester: is text, and takes an object"),
        (
            {"requester": {"name": "{{ name }}"}, **SAID},
            "`ticket.requester.email` is missing: without one nobody can be answered",
        ),
        (
            {"requester_id": "", **SAID},
            "`ticket.requester_id` is missing: the number that Zendesk gave to the user",
        ),
        (
            {"custom_fields": {"region": 1}, **SAID},
            "ticket.custom_fields: 'region' is no field's number, which Zendesk shows beside its name",
        ),
        (
            {"requester": {"email": "{{ email }}"}, "requester_id": "{{ user }}", **SAID},
            "ticket: has both `requester` and `requester_id`: remove one",
        ),
        ({"{{ a }}": 1, **SAID}, "ticket: the name '{{ a }}' is no template, and would be sent as it stands"),
    ],
)
def test_a_fault_is_told(ticket: dict[str, Any], fault: str) -> None:
    """Each with its place and what to write."""
    assert faults_of(ticket) == [fault]


def test_tickets_are_never_sent_anew_with_every_run() -> None:
    """And a rule sends one thing."""
    assert faults_of(SAID, dedupe=False) == [
        "dedupe: `dedupe: false` would send tickets anew with every run: write a `dedupe_key`"
    ]
    assert faults_of(SAID, object={}) == ["sends both `object` and `ticket`: make two rules of it"]
