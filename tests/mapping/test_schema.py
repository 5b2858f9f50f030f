"""`rules.schema.json` says what the reader of rules takes, and no more: for editors.

`python tests/mapping/test_schema.py` writes it anew.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.mapping.rules import compile_rules
from target_zendesk_events.mapping.schema import rules_schema
from target_zendesk_events.settings.rules_file import read_rules_file

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "target_zendesk_events" / "rules.schema.json"
SCHEMA = rules_schema()
FILES = Draft7Validator(SCHEMA)
RULES = Draft7Validator({"$ref": "#/definitions/rule", "definitions": SCHEMA["definitions"]})
ALL_KEYS: dict[str, Any] = {
    "name": "orders",
    "stream": "orders",
    "when": "status == 'paid'",
    "profile": {
        "source": "shop",
        "type": "customer",
        "identifiers": {"email": "{{ email }}", "{{ kind }}": "{{ id }}", "constant": "a"},
        "name": "{{ name }}",
        "user_id": "{{ user_id }}",
        "attributes": {"plan": "{{ plan }}", "tier": 1},
    },
    "event": {
        "source": "shop",
        "type": "order_{{ status }}",
        "created_at": "{{ at }}",
        "description": "Order {{ id }}",
        "properties": {"total": "{{ total }}", "item": {"tags": ["{{ tag }}", None, {"a": True}]}},
    },
    "dedupe_key": "{{ id }}",
    "dedupe": True,
    "tests": [
        {"name": "a", "stream": "orders", "record": {"id": 1}, "now": "2026-11-01", "expect": "filtered"},
        {"record": {}, "expect": {"profile": {"identifiers": []}, "event": {"type": "a"}, "left_out": ["email"]}},
        {"record": {}, "expect": {"unmappable": "is null"}},
        {"record": {}, "expect": {"limit": "40"}},
    ],
}
OBJECT = {
    "stream": "subscriptions",
    "object": {
        "key": "subscription",
        "external_id": "{{ id }}",
        "name": "{{ plan }}",
        "fields": {
            "plan": "{{ plan }}",
            "tags": ["{{ tag }}", 1],
            "seats": 3,
            "none": None,
            "customer": {"user": {"external_id": "{{ customer_id }}"}},
            "payer": {"user": {"email": "{{ email }}"}},
            "contract": {"object": "contract", "external_id": "{{ contract_id }}"},
        },
    },
    "dedupe_key": "{{ id }}",
    "tests": [{"record": {}, "expect": {"object": {"key": "subscription", "fields": {"plan": None}}}}],
}
TICKET = {
    "stream": "incidents",
    "ticket": {
        "external_id": "{{ id }}",
        "requester": {"email": "{{ email }}", "name": "{{ name }}"},
        "subject": "Incident {{ id }}",
        "comment": {"body": "{{ text }}", "public": False},
        "tags": ["incident", "{{ kind }}"],
        "custom_fields": {"360001234567": "{{ region }}"},
        "via": {"channel": "api"},
    },
    "tests": [{"record": {}, "expect": {"ticket": {"any": [1]}}}],
}
UPDATE = {
    "stream": "incidents",
    "ticket": {
        "id": "{{ ticket }}",
        "requester_id": "{{ user }}",
        "status": "solved",
        "comment": {"html_body": "{{ text }}"},
        "custom_fields": [],
    },
}
DELETIONS: list[dict[str, Any]] = [
    {"profile": {"source": "shop", "type": "customer", "identifiers": {"shop_id": "{{ id }}", "email": "{{ email }}"}}},
    {"object": "subscription", "external_id": "{{ id }}"},
    {"ticket": "{{ ticket }}"},
]
BEGINNINGS = (
    {key: ALL_KEYS[key] for key in ("stream", "profile", "event")},
    {"stream": "customers", "profile": {**ALL_KEYS["profile"], "method": "replace"}},
    OBJECT,
    TICKET,
    UPDATE,
    *({"stream": "gone", "when": "deleted_at", "delete": one} for one in DELETIONS),
)
"""A rule of each kind."""
CONTENT = re.compile(
    "is no time|is a placeholder|being (blocked|not an email)|does not parse|takes one expression, without|"
    "is no stream that the rule takes|calls a field|has more than|holds a colon|begins with a constant"
)
"""Faults that are no matter of shape: a schema does not see them."""
SCALARS = [
    "merge", "replace",
    "{{ a }}", "order_{{ a }}", "{# {{ #}", "paid", "", " ", "x" * 41, "x" * 61, "zendesk", " Zendesk", "orders*",
    "email", "filtered", "2026-11-01", None, True, False, 0, 7, 1.5, 12345.0, -1,
]  # fmt: skip
KEYS = [
    "method", "profile", "object", "key", "external_id", "fields", "user", "ticket", "id", "comment",
    "body", "requester", "requester_id", "email", "custom_fields", "7", "delete",
    "stream", "when", "event", "type", "value", "source", "identifiers", "properties", "record", "expect", "unmappable",
    "limit", "left_out", "{{ a }}", "x" * 61, "", "tests", "dedupe", "dedupe_key",
]  # fmt: skip
anything = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
        | st.fixed_dictionaries({"type": inner, "value": inner})
    ),
    max_leaves=4,
)


@st.composite
def nearly_rules(draw: st.DrawFn) -> Any:
    """Draw a rule that has some of the keys, and in it up to three places changed."""
    rule = copy.deepcopy(draw(st.sampled_from(BEGINNINGS)))
    for key in draw(st.sets(st.sampled_from(list(ALL_KEYS)), max_size=4)):
        rule[key] = copy.deepcopy(ALL_KEYS[key])
    for _ in range(draw(st.integers(0, 3))):
        at: Any = rule
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(at[key], dict | list) and at[key] and draw(st.integers(0, 3)):
                at = at[key]
                continue
            match draw(st.sampled_from(["replace", "remove", "add"])):
                case "replace":
                    at[key] = draw(anything)
                case "remove":
                    del at[key]
                case _ if isinstance(at, dict):
                    at[draw(st.sampled_from(KEYS))] = draw(anything)
            break
    return rule


def faults_of(rule: Any) -> list[str]:
    """Return what the reader of rules says is wrong with a rule."""
    try:
        compile_rules([rule], source="shop")
    except ConfigurationError as fault:
        return list(fault.faults)
    return []


@settings(max_examples=400, deadline=None)
@given(nearly_rules() | anything)
@example(ALL_KEYS)
@example(BEGINNINGS[1])
@example(OBJECT)
@example(TICKET)
@example(UPDATE)
@example({"stream": "gone", "delete": DELETIONS[0], "tests": [{"record": {}, "expect": {"delete": {"ticket": "7"}}}]})
def test_the_schema_takes_what_the_reader_takes(rule: Any) -> None:
    """And refuses what the reader refuses for its shape; what it refuses for its content, as it may."""
    faults = faults_of(rule)
    said = [error.message for error in RULES.iter_errors(rule)]
    if not faults:
        assert said == []
    elif not all(CONTENT.search(one) for one in faults):
        assert said != [], faults


def generated() -> str:
    """Return the file that the code makes."""
    return json.dumps(SCHEMA, indent=1, ensure_ascii=False) + "\n"


def test_the_shipped_file_is_the_one_that_the_code_makes() -> None:
    """And it is a schema."""
    Draft7Validator.check_schema(SCHEMA)
    assert SHIPPED.read_text(encoding="utf-8") == generated()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "sample_streams").glob("*/rules.yml")), ids=lambda path: path.parent.name
)
def test_sample_rules_are_valid(path: Path) -> None:
    """Each file of them."""
    assert list(FILES.iter_errors(yaml.safe_load(path.read_text()))) == []


RULE = {key: ALL_KEYS[key] for key in ("stream", "profile", "event")}


@pytest.mark.parametrize(
    "content",
    [
        [RULE],
        {"rules": [RULE], "source": "shop", "x-base": {"a": 1}},
        {"rules": [RULE], "source": None},
        [],
        {},
        {"rules": []},
        {"rules": None},
        {"rules": [RULE], "rule": []},
        {"rules": [RULE], "source": 5},
        {"rules": [RULE], "source": "Zendesk"},
        {"rules": [RULE], "source": "x" * 41},
        {"rules": [5]},
        [None],
        5,
        None,
    ],
)
def test_files_of_rules_are_held_against_their_reader(content: Any, tmp_path: Path) -> None:
    """A list, or a mapping with `rules`, `source` and what begins with `x-`."""
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps(content))

    def read() -> None:
        found = read_rules_file(path)
        compile_rules(found.rules, source=found.source or "shop")

    assert FILES.is_valid(content) == is_taken(read)


def is_taken(read: Callable[[], object]) -> bool:
    """Tell whether a reader finds no fault."""
    try:
        read()
    except ConfigurationError:
        return False
    return True


if __name__ == "__main__":
    SHIPPED.write_text(generated(), encoding="utf-8")
