"""What an event is: its body, its limits, its canonical form."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.event import MAX_SAFE_INTEGER, Event
from target_zendesk_events.kinds.profile import STANDARD_IDENTIFIERS, Identifier, Profile
from target_zendesk_events.kinds.shipment import Claim
from target_zendesk_events.kinds.timeline import OnTimeline

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
    fault = event(**fields).limit_fault()
    assert word in fault
    assert "; " not in fault.replace("; Zendesk takes", "")
    assert "secret" not in fault
    assert "xxx" not in fault


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
    assert event(**fields).limit_fault() == ""


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


NOON = Claim(1_793_527_200.0)
"""2026-11-01 10:00 UTC."""
ANN = (Identifier("shop_id", "7"), Identifier("email", "ann@example.com"))
FULL = Event(
    Profile("shop", "customer", ANN, name="Ann", user_id="42", attributes={"tier": "gold"}),
    "till",
    "order",
    {"total": 1.5, "paid": True},
    description="An order",
    created_at="2026-11-01T09:00:00Z",
)


def test_what_zendesk_documents_stands_here_as_it_documents_it() -> None:
    """The identifiers that it writes onto a user, and the largest integer of JSON's readers (RFC 8259, section 6)."""
    assert set(STANDARD_IDENTIFIERS) == {"email", "external_id", "phone_number", "twitter", "facebook", "sdk"}
    assert [STANDARD_IDENTIFIERS[kind] for kind in ("phone_number", "twitter", "facebook", "sdk", "external_id")] == [
        "phone number",
        "Twitter handle",
        "Facebook id",
        "SDK id",
        "external id",
    ]
    assert STANDARD_IDENTIFIERS["email"] == "email"
    assert MAX_SAFE_INTEGER == 9_007_199_254_740_991


def test_an_event_is_filed_under_its_source_and_type() -> None:
    """Not under its profile's."""
    assert FULL.kind == "event"
    assert FULL.origin == ("till", "order")


def test_zendesk_counts_fifty_sources_and_2_500_types() -> None:
    """The event's and the profile's, each kind on its own."""
    assert FULL.names() == (
        ("event source", "till", 50),
        ("event type", "order", 2_500),
        ("profile source", "shop", 50),
        ("profile type", "customer", 2_500),
    )


def test_a_customer_is_the_same_in_whatever_order_identifiers_come() -> None:
    """Source, type and identifiers; not the name, which may change."""
    assert FULL.customer() == ["shop", "customer", ["email", "ann@example.com"], ["shop_id", "7"]]
    assert list(FULL.identifier_types()) == ["shop_id", "email"]


def test_events_that_share_an_identifier_or_a_user_share_a_lane() -> None:
    """The user's id is one more key where there is one."""
    assert FULL.lane_keys() == [("shop_id", "7"), ("email", "ann@example.com"), "42"]
    assert event().lane_keys() == [("email", "a@example.com")]


def test_an_event_that_tells_no_time_happened_when_it_was_claimed() -> None:
    """The stamp goes out, and is no part of what tells the event from others."""
    bare = event()
    assert FULL.tells_time
    assert not bare.tells_time
    assert FULL.stamped(NOON) is FULL
    assert bare.stamped(NOON).created_at == "2026-11-01T10:00:00.000Z"
    assert bare.identity() == {"source": "shop", "type": "order", "properties": {}}


def test_the_request_posts_the_body_with_its_time() -> None:
    """To the address of the Events API."""
    request = event().request(NOON, {})
    assert (request.method, request.path) == ("POST", "/api/v2/user_profiles/events")
    assert json.loads(request.body or b"") == {
        "profile": {
            "source": "shop",
            "type": "customer",
            "identifiers": [{"type": "email", "value": "a@example.com"}],
        },
        "event": {"source": "shop", "type": "order", "properties": {}, "created_at": "2026-11-01T10:00:00.000Z"},
    }


def test_an_event_is_read_back_by_its_first_identifier_as_it_was_sent() -> None:
    """None where no identifier can be written as a query."""
    asked = event().read_back(NOON)
    assert isinstance(asked, OnTimeline)
    assert asked.customer == "shop:customer:email:a@example.com"
    assert asked.event["created_at"] == "2026-11-01T10:00:00.000Z"
    assert event(identifiers=(Identifier("urn", "a:b"),)).read_back(NOON) is None


def test_two_events_look_alike_where_customer_and_all_that_is_compared_are_the_same() -> None:
    """Identifiers in any order; another user, time or property is another look."""
    turned = msgspec.structs.replace(FULL.profile, identifiers=ANN[::-1], name="Anne")
    assert msgspec.structs.replace(FULL, profile=turned).appearance(NOON) == FULL.appearance(NOON)
    others = [
        msgspec.structs.replace(FULL, profile=msgspec.structs.replace(FULL.profile, user_id="43")),
        msgspec.structs.replace(FULL, profile=msgspec.structs.replace(FULL.profile, identifiers=ANN[:1])),
        msgspec.structs.replace(FULL, properties={}),
        msgspec.structs.replace(FULL, created_at=None),
    ]
    assert len({FULL.appearance(NOON), *(one.appearance(NOON) for one in others)}) == 5


def test_a_masked_event_shows_names_types_sources_and_times_alone() -> None:
    """Of every value its type and size; what is not there is not shown."""
    assert FULL.masked() == {
        "profile": {
            "source": "shop",
            "type": "customer",
            "identifiers": [
                {"type": "shop_id", "value": "<1 characters>"},
                {"type": "email", "value": "<15 characters>"},
            ],
            "name": "<3 characters>",
            "user_id": "<2 characters>",
            "attributes": {"tier": "<4 characters>"},
        },
        "event": {
            "source": "till",
            "type": "order",
            "properties": {"total": "<number>", "paid": True},
            "description": "<8 characters>",
            "created_at": "2026-11-01T09:00:00Z",
        },
    }
    assert set(event().masked()["profile"]) == {"source", "type", "identifiers"}
    assert set(event().masked()["event"]) == {"source", "type", "properties"}
