"""Which custom objects and fields rules name."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.cli.named_objects import named_objects

SCHEMAS = {
    "shop_contracts": {"properties": {"total": {"type": "integer"}}},
    "old_contracts": {"properties": {"total": {"type": "number"}}},
}


def told(*rules: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the types of the fields of each object."""
    return {one.key: {name: shape.type for name, shape in one.fields.items()} for one in named_objects(rules, SCHEMAS)}


def sent(key: str, fields: Any, stream: str = "shop_contracts") -> dict[str, Any]:
    """Return a rule that sends records of an object."""
    return {"stream": stream, "object": {"key": key, "external_id": "{{ id }}", "fields": fields}}


@pytest.mark.parametrize(
    ("rule", "objects"),
    [
        (sent("contract", None), {"contract": {}}),
        (sent("contract", {"total": "{{ total }}"}), {"contract": {"total": "integer"}}),
        (sent("contract", {"total": "{{ total }}"}, "*_contracts"), {"contract": {"total": "decimal"}}),
        (sent("contract", {"total": "{{ total }}"}, "orders"), {"contract": {"total": ""}}),
        (sent("contract", ["total"]), {"contract": {"total": "integer"}}),
        (
            sent("contract", {"owner": {"object": "company", "external_id": "{{ c }}"}}),
            {"contract": {"owner": "lookup"}, "company": {}},
        ),
        ({"delete": {"object": "contract", "external_id": "{{ id }}"}}, {"contract": {}}),
        ({"delete": {"ticket": "{{ id }}"}}, {}),
        ({"delete": {"profile": {"identifiers": {"email": "{{ email }}"}}}}, {}),
        ({"ticket": {"requester": {"email": "{{ email }}"}}}, {}),
        (
            {
                "profile": {"identifiers": {"email": "{{ email }}"}},
                "event": {"type": "a", "properties": {"object": "b"}},
            },
            {},
        ),
    ],
)
def test_rules_name_objects(rule: dict[str, Any], objects: dict[str, dict[str, str]]) -> None:
    """By what they send, take away and refer to; an event's properties are free."""
    assert told(rule) == objects


@pytest.mark.parametrize(
    "rule",
    [
        {"object": None},
        {"object": "contract"},
        {"object": {}},
        {"object": {"key": 7, "fields": {"a": "b"}}},
        {"delete": {"object": None}},
    ],
)
def test_a_rule_at_fault_names_what_can_be_read(rule: dict[str, Any]) -> None:
    """Its fault is told by whoever compiles it."""
    assert told(rule, sent("contract", {"a": "x"})) == {"contract": {"a": "text"}}


def test_rules_share_an_object() -> None:
    """Its fields are those of all of them."""
    assert told(sent("contract", {"a": "x"}), sent("contract", {"b": 1}), sent("other", {"a": True})) == {
        "contract": {"a": "text", "b": "integer"},
        "other": {"a": "checkbox"},
    }


def test_what_is_written_out_leaves_nothing_open() -> None:
    """Fields of a list too, and none at all."""
    for fields in (None, ["total"], {"total": "{{ total }}"}):
        assert [one.is_open for one in named_objects([sent("contract", fields)], SCHEMAS)] == [False]
    to_a_user = {"owner": {"user": {"email": "{{ email }}"}}}
    assert list(told(sent("contract", to_a_user))) == ["contract"]


def test_an_expression_leaves_the_fields_open() -> None:
    """Then records decide them, and those that other rules name are known all the same."""
    (found,) = named_objects([sent("contract", "{{ record }}"), sent("contract", {"a": "x"})], {})
    assert (found.is_open, list(found.fields)) == (True, ["a"])
