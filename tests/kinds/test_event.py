"""What an event is: its body, its limits, its canonical form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.event import Event, Identifier, Profile

ONE = (Identifier("email", "a@example.com"),)


def event(**others: Any) -> Event:
    """Return an event within all limits, but for what is given."""
    profile = Profile(
        others.pop("profile_source", "shop"), others.pop("profile_type", "customer"), others.pop("identifiers", ONE)
    )
    return Event(**{"profile": profile, "source": "shop", "type": "order", "properties": {}, **others})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1_793_527_200.0, "2026-11-01T10:00:00.000Z"), (1_793_527_200.1239, "2026-11-01T10:00:00.123Z")],
)
def test_an_event_is_stamped_to_the_millisecond(seconds: float, text: str) -> None:
    """Zendesk may cut finer times, and a time cut by somebody else could not be told for sure."""
    assert event().at(seconds).created_at == text


def test_the_body_is_the_one_that_zendesk_documents() -> None:
    """What is given stands in the body under Zendesk's names; what is not given is left out."""
    full = Event(
        Profile("shop", "customer", ONE, name="Ann", user_id="7", attributes={"tier": "gold"}),
        "shop",
        "order",
        {"total": 1.5},
        description="An order",
        created_at="2026-11-01T10:00:00Z",
    )
    assert full.body() == {
        "profile": {
            "source": "shop",
            "type": "customer",
            "identifiers": [{"type": "email", "value": "a@example.com"}],
            "name": "Ann",
            "user_id": "7",
            "attributes": {"tier": "gold"},
        },
        "event": {
            "source": "shop",
            "type": "order",
            "properties": {"total": 1.5},
            "description": "An order",
            "created_at": "2026-11-01T10:00:00Z",
        },
    }
    assert set(event().body()["event"]) == {"source", "type", "properties"}
    assert set(event().body()["profile"]) == {"source", "type", "identifiers"}


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"source": "x" * 41}, "event.source"),
        ({"type": "x" * 41}, "event.type"),
        ({"source": ""}, "event.source"),
        ({"type": ""}, "event.type"),
        ({"profile_source": "x" * 41}, "profile.source"),
        ({"profile_type": "x" * 41}, "profile.type"),
        ({"profile_type": ""}, "profile.type"),
        ({"source": "Zendesk"}, "event.source"),
        ({"profile_source": "ZENDESK"}, "profile.source"),
        ({"identifiers": ()}, "0 entries"),
        ({"identifiers": ONE * 21}, "21 entries"),
        ({"identifiers": (Identifier("x" * 61, "secret"),)}, "61 characters"),
    ],
)
def test_what_zendesk_would_refuse_is_named_without_its_value(fields: dict[str, Any], word: str) -> None:
    """One character or identifier too many is one fault that names its place."""
    faults = event(**fields).limit_faults()
    assert len(faults) == 1
    assert word in faults[0]
    assert "secret" not in faults[0]
    assert "xxx" not in faults[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "x" * 40, "type": "\u00e9" * 40},
        {"profile_source": "x" * 40, "profile_type": "x" * 40},
        {"source": "zendesk events"},
        {"identifiers": ONE * 20},
        {"identifiers": (Identifier("x" * 60, "v"),)},
    ],
)
def test_what_is_just_within_the_limits_passes(fields: dict[str, Any]) -> None:
    """Forty characters, twenty identifiers and sixty characters of their type are within."""
    assert event(**fields).limit_faults() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1.0}, {"a": 1}),
        ({"a": -0.0}, {"a": 0}),
        ({"a": None, "b": 1}, {"b": 1}),
        ({"a": {"b": None}}, {"a": {}}),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({"a": 1e3}, {"a": 1000}),
    ],
)
def test_what_means_the_same_has_one_text(one: Any, other: Any) -> None:
    """Keys in any order, numbers by value, nulls left out of objects."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": 0}, {"a": False}),
        ({"a": []}, {"a": {}}),
        ({"a": [None]}, {"a": []}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": 1.5}, {"a": 1.25}),
        ({"a": ""}, {}),
        ({"a": {"b": 1}}, {"a.b": 1}),
    ],
)
def test_what_means_something_else_has_another(one: Any, other: Any) -> None:
    """Types, orders of lists and empty values are told apart."""
    assert canonical(one) != canonical(other)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


@given(value=JSON)
def test_the_canonical_form_is_json_and_stands_still(value: Any) -> None:
    """It parses, and its own canonical form is itself."""
    assert canonical(json.loads(canonical(value))) == canonical(value)
