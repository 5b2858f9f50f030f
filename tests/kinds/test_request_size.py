"""How large a request may be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile, ProfileUpsert
from target_zendesk_events.kinds.request import MAX_BODY_BYTES
from target_zendesk_events.kinds.shipment import Claim
from target_zendesk_events.kinds.ticket import Ticket, TicketComment, TicketUpdate

ONE = (Identifier("shop_id", "7"),)


def shipments(text: str) -> list[tuple[str, Any]]:
    """Return one of each kind that no limit is documented of, with a text in it."""
    return [
        (
            "event",
            Event(Profile("shop", "customer", ONE), "shop", "order", {"x": text}, created_at="2026-11-01T10:00:00Z"),
        ),
        ("profile", ProfileUpsert(Profile("shop", "customer", ONE, attributes={"x": text}))),
        ("ticket", Ticket({"comment": {"body": text}})),
        ("ticket", TicketUpdate("35", {"x": text})),
        ("ticket", TicketComment("35", {"body": text})),
    ]


@pytest.mark.parametrize("place", range(5))
def test_no_request_of_more_than_a_megabyte_is_sent(place: int) -> None:
    """Its body's bytes count, as they are sent."""
    _, empty = shipments("")[place]
    left = MAX_BODY_BYTES - len(empty.request(Claim(time=0.0), {}).body)
    name, largest = shipments("é" * (left // 2) + "e" * (left % 2))[place]
    assert len(largest.request(Claim(time=0.0), {}).body) == MAX_BODY_BYTES
    assert largest.limit_fault() == ""
    _, larger = shipments("é" * (left // 2) + "e" * (left % 2 + 1))[place]
    said = f"{name} has 1,000,001 bytes; no request of more than 1,000,000 is sent [ZE427]"
    assert larger.limit_fault() == said


def test_what_is_beyond_other_limits_is_told_of_those() -> None:
    """The rule's fault that can be named comes first."""
    _, event = shipments("x" * 2_000_000)[0]
    assert "ZE730" in msgspec.structs.replace(event, source="").limit_fault()
