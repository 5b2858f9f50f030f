"""Which OAuth scopes rules take, and for what."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.settings.scopes import lacking, narrowest, needs_of

EVENT = {"stream": "orders", "profile": {"identifiers": {"email": "{{ email }}"}}, "event": {"type": "paid"}}
PROFILE = {"stream": "customers", "profile": {"identifiers": {"email": "{{ email }}"}}}
OBJECT = {"stream": "contracts", "object": {"key": "contract", "external_id": "{{ id }}", "fields": {"a": "{{ b }}"}}}
NEW = {"subject": "It broke", "comment": {"body": "{{ text }}"}}
TICKET = {"stream": "incidents", "ticket": NEW}
FOUND_TICKET = {"stream": "incidents", "ticket": {**NEW, "external_id": "{{ id }}"}}
TO_A_USER = {"owner": {"user": {"external_id": "{{ owner }}"}}}


def asked(*rules: dict[str, Any], reads: bool = True, asks: bool = False) -> str:
    """Return the scope that is asked for."""
    return narrowest(need.scope for need in needs_of(rules, reads=reads, asks_who_is_known=asks))


@pytest.mark.parametrize(
    ("rules", "verifying", "blindly"),
    [
        ([], "users:read users:write", "users:write"),
        ([EVENT], "users:read users:write", "users:write"),
        ([PROFILE], "users:write", "users:write"),
        ([OBJECT], "read write", "read write"),
        ([TICKET], "tickets:write", "tickets:write"),
        ([FOUND_TICKET], "tickets:read tickets:write", "tickets:read tickets:write"),
        ([{"ticket": {"id": "{{ ticket }}", "external_id": "{{ id }}"}}], "tickets:write", "tickets:write"),
        ([{"object": {"key": "contract", "fields": TO_A_USER}}], "read write", "read write"),
        ([{"delete": {"profile": PROFILE["profile"]}}], "users:read users:write", "users:read users:write"),
        ([{"delete": {"object": "contract", "external_id": "{{ id }}"}}], "read write", "read write"),
        ([{"delete": {"ticket": "{{ ticket }}"}}], "tickets:write", "tickets:write"),
        ([EVENT, TICKET], "tickets:write users:read users:write", "tickets:write users:write"),
        ([EVENT, OBJECT, FOUND_TICKET], "read write", "read write"),
    ],
)
def test_rules_take_these_scopes(rules: list[dict[str, Any]], verifying: str, blindly: str) -> None:
    """Each kind its own, and the right to read where lost answers are looked for, or something is looked up."""
    assert (asked(*rules), asked(*rules, reads=False)) == (verifying, blindly)


@pytest.mark.parametrize("rule", [EVENT, PROFILE])
def test_who_is_known_is_read(rule: dict[str, Any]) -> None:
    """Where unknown customers are not simply made, customers are looked up first."""
    assert asked(rule, reads=False, asks=True) == "users:read users:write"
    assert asked(TICKET, asks=True) == "tickets:write"


@pytest.mark.parametrize(
    "rule",
    [
        {"object": None},
        {"object": {"fields": "{{ all }}"}},
        {"ticket": "x"},
        {"delete": None},
        {"delete": ["profile"]},
        {},
    ],
)
def test_a_rule_at_fault_counts_as_far_as_it_can_be_read(rule: dict[str, Any]) -> None:
    """Its fault is told by whoever compiles it."""
    needs_of([rule], reads=True, asks_who_is_known=True)


def test_a_field_is_no_reference_by_its_name() -> None:
    """Fields of an object may be called `user` or `object`."""
    plain = {"user": "{{ user }}", "object": "{{ thing }}"}
    to_a_record = {"house": {"object": "house", "external_id": "{{ house }}"}}
    to_both = {**plain, **TO_A_USER, **to_a_record}
    without, within = ["read", "write"], ["read", "write", "users:read"]
    for fields, scopes in ((plain, without), (to_a_record, without), (TO_A_USER, within), (to_both, within)):
        needs = needs_of([{"object": {"fields": fields}}], reads=True, asks_who_is_known=False)
        assert [one.scope for one in needs] == scopes


def test_each_scope_is_told_with_what_it_is_taken_for() -> None:
    """And whether nothing goes without it, or only a lost answer costs more."""
    rules: list[dict[str, Any]] = [EVENT, PROFILE, {"object": {"fields": TO_A_USER}}, FOUND_TICKET]
    deletions: list[dict[str, Any]] = [
        {"delete": {"profile": {}}},
        {"delete": {"object": "contract"}},
        {"delete": {"ticket": "7"}},
    ]
    told = [
        f"{scope} {purpose}{'' if is_vital else ', or not'}"
        for scope, purpose, is_vital in needs_of([*rules, *deletions], reads=True, asks_who_is_known=True)
    ]
    assert told == [
        "users:write to put events onto timelines",
        "users:read to tell who is known (unknown_customers)",
        "users:read to read events back after a lost answer, or not",
        "users:write to write profiles",
        "read to find records of custom objects",
        "write to write records of custom objects",
        "users:read to find the users that records refer to",
        "tickets:write to write tickets",
        "tickets:read to look for a ticket after a lost answer, or not",
        "users:read to find the profiles that are to be deleted",
        "users:write to delete profiles",
        "tickets:write to delete tickets",
    ]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("users:read users:write", []),
        ("read write", []),
        ("read users:write", []),
        ("users:write", ["users:read"]),
        ("tickets:write", ["users:write", "users:read"]),
        ("", ["users:write", "users:read"]),
    ],
)
def test_a_broad_scope_does_for_the_narrow_ones(given: str, missing: list[str]) -> None:
    """What is lacking is told in the order of what it is taken for."""
    needs = needs_of([EVENT], reads=True, asks_who_is_known=False)
    assert [need.scope for need in lacking(needs, given.split())] == missing


def test_a_narrow_scope_does_not_do_for_a_broad_one() -> None:
    """Custom objects take `read` and `write` themselves."""
    needs = needs_of([OBJECT], reads=True, asks_who_is_known=False)
    assert [need.ways for need in lacking(needs, ["users:write", "read"])] == [("write",)]
