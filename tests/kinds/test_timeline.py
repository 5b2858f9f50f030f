"""An event on its customer's timeline."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import support
from support import iso

from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.kinds.shipment import Claim
from target_zendesk_events.kinds.timeline import identifier_query, time_span

SENT_AT = 1_795_435_200.0
EVENT = Event(
    Profile("shop", "customer", (Identifier("email", "a@example.com"),)),
    "shop",
    "order",
    {"total": 1, "item": {"name": "cup", "note": None}},
    description="An order",
    created_at="2026-11-01T10:00:00Z",
)


def stored(**others: Any) -> dict[str, Any]:
    """Return the event as Zendesk gives it back a second after it was sent, but for what is given."""
    return support.stored_order(**{"received_at": iso(SENT_AT + 1), **others})


def is_same(event: Event, found: dict[str, Any], first_sent_at: float | None) -> bool:
    """Tell whether it is the event."""
    read_back = event.read_back(Claim(SENT_AT))
    assert read_back is not None
    return read_back.is_it(found, first_sent_at)


@pytest.mark.parametrize(
    ("sent", "given_back", "same"),
    [
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.123Z", True),
        ("2026-11-01T10:00:00.123956Z", "2026-11-01T10:00:00.124Z", True),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T11:00:00.1234+01:00", True),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.125Z", False),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.123457Z", False),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00Z", False),
        ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.1Z", False),
        ("2026-11-01T10:00:00.123456Z", None, False),
    ],
)
def test_a_time_that_was_cut_to_milliseconds_is_known_again(sent: str, given_back: str | None, same: bool) -> None:
    """Its precision is what can be compared; cut to seconds, another event of that second would look the same."""
    event = msgspec.structs.replace(EVENT, created_at=sent)
    assert is_same(event, stored(created_at=given_back), SENT_AT) is same


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"created_at": "2026-11-01T12:00:00+02:00"},
        {"created_at": "2026-11-01T10:00:00"},
        {"created_at": "2026-11-01T10:00:00.000000000Z"},
        {"received_at": None},
        {"received_at": "not a time"},
        {"received_at": iso(SENT_AT - 1.9)},
        {"properties": {"total": 1, "item": {"name": "cup", "note": None}}},
        {"user_id": "7"},
    ],
)
def test_the_same_event_is_known_however_it_is_written(others: dict[str, Any]) -> None:
    """Times are instants, numbers are values, nulls are nothing, and what Zendesk adds is ignored."""
    assert is_same(EVENT, stored(**others), SENT_AT)


@pytest.mark.parametrize(
    "others",
    [
        {"created_at": "2026-11-01T10:00:01Z"},
        {"created_at": None},
        {"type": "refund"},
        {"source": "till"},
        {"description": None},
        {"properties": {"total": 2, "item": {"name": "cup"}}},
        {"properties": None},
        {"properties": {"total": 1, "item": {"name": "cup\ud83d"}}},
        {"received_at": iso(SENT_AT - 2.1)},
    ],
)
def test_another_event_is_not_taken_for_it(others: dict[str, Any]) -> None:
    """Another field, or a time of receipt before the first sending (less two seconds), is another event."""
    assert not is_same(EVENT, stored(**others), SENT_AT)


def test_without_a_time_of_sending_any_receipt_will_do() -> None:
    """A run that does not know when it was first sent compares the rest."""
    assert is_same(EVENT, stored(received_at=iso(0.0)), None)


@pytest.mark.parametrize(
    ("source", "kind", "identifiers", "found"),
    [
        ("shop", "customer", [("email", "a@b")], ("email", "a@b")),
        ("shop", "customer", [("urn", "x:1"), ("email", "a@b")], ("email", "a@b")),
        ("shop", "customer", [("urn:x", "1"), ("email", "a@b")], ("email", "a@b")),
        ("shop", "customer", [("urn", "x:1")], None),
        ("sh:op", "customer", [("email", "a@b")], None),
        ("shop", "cust:omer", [("email", "a@b")], None),
    ],
)
def test_an_identifier_with_a_colon_is_not_asked_for(
    source: str, kind: str, identifiers: list[tuple[str, str]], found: tuple[str, str] | None
) -> None:
    """The first that can be written as a query is taken; none where there is none."""
    profile = Profile(source, kind, tuple(Identifier(*one) for one in identifiers))
    assert identifier_query(source, kind, identifiers) == (":".join((source, kind, *found)) if found else None)
    assert (Event(profile, "shop", "order", {}).read_back(Claim(0.0)) is None) is (found is None)


def test_a_query_is_encoded() -> None:
    """The identifier goes with its profile's source and type, the filters with the event's, all encoded."""
    profile = Profile("shop & co", "customer", (Identifier("email", "jo@example.com"),))
    event = msgspec.structs.replace(EVENT, profile=profile, created_at="2026-11-23T00:00:01Z")
    read_back = event.read_back(Claim(0.0))
    assert read_back is not None
    assert read_back.request("").path == (
        "/api/v2/user_profiles/events?identifier=shop%20%26%20co%3Acustomer%3Aemail%3Ajo%40example.com"
        "&filter%5Bsource%5D=shop&filter%5Btype%5D=order&filter%5Bstart_time%5D=2026-11-23T00%3A00%3A00Z"
        "&filter%5Bend_time%5D=2026-11-23T00%3A00%3A02Z"
    )
    assert read_back.request("a=&b").path.endswith("&page%5Bafter%5D=a%3D%26b")


def test_an_event_is_looked_for_a_second_either_way() -> None:
    """Clocks may be cut to seconds."""
    assert time_span("2026-11-01T10:00:00.5Z") == ("2026-11-01T09:59:59.500000Z", "2026-11-01T10:00:01.500000Z")
    assert time_span("2026-11-01T12:00:00+02:00") == ("2026-11-01T09:59:59Z", "2026-11-01T10:00:01Z")


@pytest.mark.parametrize(
    "text",
    [
        "no time",
        pytest.param("0001-01-01T00:00:00Z"),
        pytest.param("9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_without_a_second_around_it_stands_for_itself(text: str) -> None:
    """What cannot be moved by a second is asked for as it is."""
    assert time_span(text) == (text, text)
