"""Streams of all kinds, for tests against a served playground: rules, records, and what became of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import support

from target_zendesk_events.playground.server import Playground

TEXT = {"type": ["string", "null"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "customer": TEXT,
        "plan": TEXT,
        "zendesk_ticket_id": TEXT,
        "deleted": {"type": ["boolean", "null"]},
    },
}
IDENTIFIERS = {"external_id": "{{ customer }}", "email": "{{ customer }}@example.com"}
RULES: list[dict[str, Any]] = [
    {
        "stream": "orders",
        "profile": {"identifiers": IDENTIFIERS},
        "event": {"type": "order", "created_at": "2026-11-01T10:00:00Z", "properties": {"number": "{{ id }}"}},
    },
    {
        "stream": "customers",
        "when": "not deleted",
        "profile": {"identifiers": IDENTIFIERS, "attributes": {"plan": "{{ plan }}"}},
    },
    {"stream": "customers", "when": "deleted", "delete": {"profile": {"identifiers": IDENTIFIERS}}},
    {
        "stream": "subscriptions",
        "when": "not deleted",
        "object": {
            "key": "subscription",
            "external_id": "s-{{ id }}",
            "fields": {"plan": "{{ plan }}", "customer": {"user": {"external_id": "{{ customer }}"}}},
        },
    },
    {"stream": "subscriptions", "when": "deleted", "delete": {"object": "subscription", "external_id": "s-{{ id }}"}},
    {
        "stream": "incidents",
        "ticket": {
            "external_id": "t-{{ id }}",
            "requester": {"email": "{{ customer }}@example.com", "name": "A customer"},
            "subject": "Incident {{ id }}",
            "comment": {"body": "Number {{ id }}"},
        },
    },
]
STREAMS = ("orders", "customers", "subscriptions", "incidents")
POISON = "no such plan"
"""Of a subscription that the account does not take."""


def account(playground: Playground, *customers: str) -> None:
    """Make the custom object that the rules name, and users; then forget that they were asked for."""
    asked = [
        ("custom_objects", {"custom_object": {"key": "subscription", "title": "S", "title_pluralized": "S"}}),
        (
            "custom_objects/subscription/fields",
            {
                "custom_object_field": {
                    "key": "plan",
                    "type": "dropdown",
                    "title": "Plan",
                    "custom_field_options": [{"name": one, "value": one} for one in ("gold", "silver")],
                }
            },
        ),
        (
            "custom_objects/subscription/fields",
            {
                "custom_object_field": {
                    "key": "customer",
                    "type": "lookup",
                    "title": "Customer",
                    "relationship_target_type": "zen:user",
                }
            },
        ),
        *(("user_profiles/events", support_event(one)) for one in customers),
    ]
    for path, body in asked:
        status = playground.receive("POST", f"/api/v2/{path}", json.dumps(body).encode())
        assert status // 100 == 2, (path, status)


def support_event(customer: str) -> dict[str, Any]:
    """Return an event that makes a user."""
    identifiers = [{"type": "external_id", "value": customer}, {"type": "email", "value": f"{customer}@example.com"}]
    profile = {"source": "shop", "type": "customer", "identifiers": identifiers}
    return {"profile": profile, "event": {"source": "shop", "type": "made", "properties": {}}}


def config(url: str, folder: Any, **others: Any) -> dict[str, Any]:
    """Return a configuration with rules of all kinds, and no limit that matters."""
    return support.config(url, folder, **{"rules": RULES, "support_requests_per_minute": 100_000, **others})


def schemas(streams: Iterable[str] = STREAMS) -> list[dict[str, Any]]:
    """Return the SCHEMA messages."""
    return [{"type": "SCHEMA", "stream": one, "schema": SCHEMA, "key_properties": ["id"]} for one in streams]


def record(stream: str, number: int, customer: str | None, **fields: Any) -> dict[str, Any]:
    """Return a RECORD message."""
    plain = {"id": number, "customer": customer, "plan": "gold"}
    return {"type": "RECORD", "stream": stream, "record": {**plain, **fields}}


def mixed(first: int, after: int) -> Iterator[dict[str, Any]]:
    """Yield the messages of records from `first` to `after` of all streams, a STATE after each.

    Of seven records, one is an order, one a customer's profile, one an incident, four are subscriptions; those
    that `is_set_aside` tells end as dead letters.
    """
    yield from schemas()
    for number in range(first, after):
        stream = ("orders", "customers", "incidents")[number % 7] if number % 7 < 3 else "subscriptions"
        plan = POISON if is_set_aside(number) else "gold"
        customer = None if stream == "orders" and is_set_aside(number) else f"c{number % 5}"
        yield record(stream, number, customer, plan=plan)
        yield support.state({"upto": number})


def is_set_aside(number: int) -> bool:
    """Tell which records of `mixed` end as dead letters: orders of nobody, and subscriptions that are refused."""
    return number % 21 == 0 or (number % 11 == 10 and number % 7 >= 3)


def stored(playground: Playground) -> Counter[tuple[str, int]]:
    """Count what Zendesk has of each record, by stream: events and tickets, which may double, and subscriptions."""
    events = (one.body["event"] for one in playground.events() if one.body["event"]["type"] == "order")
    found = [("orders", int(one["properties"]["number"])) for one in events]
    found += [("incidents", int(one["external_id"].removeprefix("t-"))) for one in playground.tickets()]
    found += [("subscriptions", int(one["external_id"].removeprefix("s-"))) for one in playground.records()]
    return Counter(found)
