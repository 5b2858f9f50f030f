"""Takes the pictures of the playground's pages that the documents show: `python -m tests.screenshots [FOLDER]`.

A shop's events are put on a playground, and a Chromium without a window looks at them. The pictures go to
`docs/images`, unless another folder is named.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from target_zendesk_events.playground.server import Playground

sys.path.insert(0, str(Path(__file__).parent))
from chromium import chromium

IMAGES = Path(__file__).parents[1] / "docs" / "images"
EVENTS = "/api/v2/user_profiles/events"
WIDE, PHONE = {"width": 1000, "height": 680}, {"width": 360, "height": 760}
SHOWN = "Harbour Bakery"
SHOPS = ("Northside Cycles", "Lakeview School", "Old Mill Books", "Corner Florist", "Hilltop Dairy")
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "timeline": ("customer", {"viewport": WIDE, "color_scheme": "light"}),
    "timeline-dark": ("customer", {"viewport": WIDE, "color_scheme": "dark"}),
    "timeline-phone": ("customer", {"viewport": PHONE, "color_scheme": "light"}),
    "records": ("records", {"viewport": WIDE, "color_scheme": "light"}),
    "customers": ("customers", {"viewport": WIDE, "color_scheme": "light"}),
    "account": ("account", {"viewport": {**WIDE, "height": 1_340}, "color_scheme": "light"}),
    "account-dark": ("account", {"viewport": {**WIDE, "height": 1_340}, "color_scheme": "dark"}),
}


def main() -> None:
    """Take every picture."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with Playground(plan="team") as served, chromium() as browser:
        for body in story():
            served.receive("POST", EVENTS, json.dumps(body).encode())
        user = next(user.id for user in served.users() if user.name == SHOWN)
        customer = f"/agent/users/{user}"
        addresses = {"customer": customer, "records": f"{customer}#tickets", "customers": "/", "account": "/account"}
        beside(served, user)
        spread(served)
        for body in visits(40):
            requests.post(served.url + EVENTS, json=body, timeout=5)
        for name, (which, options) in PICTURES.items():
            page = browser.new_context(**options).new_page()
            page.goto(served.url + addresses[which])
            page.screenshot(path=folder / f"{name}.png")


def story() -> Iterator[dict[str, Any]]:
    """Yield what a shop sends in a week: one customer's events in full, a few of others, and what is refused."""
    link = {"display_name": "Order 7-1182", "url": "https://shop.example.com/orders/7-1182"}
    lines = [{"item": "Mixing bowl, steel", "quantity": 2}, {"item": "Proving basket", "quantity": 12}]
    attributes = {"plan": "business", "language": "en", "newsletter": "weekly"}
    theirs = functools.partial(event, SHOWN, shop_customer_id="7", attributes=attributes)
    yield theirs(80, "signed_up", {"plan": "business"})
    yield theirs(52, "newsletter_opened", {"issue": "Autumn baking"}, source="newsletter")
    yield theirs(27, "order_placed", {"order": link, "total": 318.4, "lines": lines}, "Order 7-1182")
    yield theirs(26, "order_paid", {"order": link, "method": "invoice"}, "Order 7-1182")
    parcel = {"order": link, "carrier": "Parcel post", "weight_kg": 4.2}
    yield theirs(3, "parcel_shipped", parcel, "Order 7-1182 left the warehouse")
    returned = {
        "order": link,
        "reason": "damaged",
        "refund": {"amount": 24.9, "currency": "EUR", "approved": True},
        "items": ["Proving basket"],
    }
    yield theirs(0.1, "return_requested", returned, "One basket arrived with a cracked rim")
    for place, name in enumerate(SHOPS):
        for number in range(place + 1):
            hours = 0.4 + place * 5 + number * 20
            yield event(name, hours, "order_placed", {"total": 59.5}, shop_customer_id=f"{place + 8}")
    yield from visits(190)
    for _ in range(3):
        yield event("Old Mill Books", 1, "a_type_that_is_longer_than_forty_characters", {}, shop_customer_id="10")
    yield {"profile": {"source": "shop", "type": "customer", "identifiers": []}, "event": {"source": "shop"}}


def beside(served: Playground, user: str) -> None:
    """Put a subscription and a ticket beside one customer's timeline."""

    def put(path: str, content: dict[str, Any], method: str = "POST") -> None:
        served.receive(method, f"/api/v2/{path}", json.dumps(content).encode())

    titles = {"title": "Subscription", "title_pluralized": "Subscriptions"}
    put("custom_objects", {"custom_object": {"key": "subscription", **titles}})
    fields = [("plan", "Plan", "text"), ("renews_on", "Renews on", "date"), ("customer", "Customer", "lookup")]
    for key, title, kind in fields:
        field = {"key": key, "title": title, "type": kind, "relationship_target_type": "zen:user"}
        put("custom_objects/subscription/fields", {"custom_object_field": field})
    values = {"plan": "business", "renews_on": "2027-03-01", "customer": user}
    record = {"name": "Flour, weekly", "custom_object_fields": values}
    put("custom_objects/subscription/records?external_id=s-7", {"custom_object_record": record}, "PATCH")
    about = {"subject": "One basket is cracked", "priority": "high", "tags": ["returns"], "requester_id": int(user)}
    put("tickets", {"ticket": {**about, "comment": {"body": "The rim of one basket is cracked."}}})


def visits(number: int) -> Iterator[dict[str, Any]]:
    """Yield so many events of which nobody looks at one alone."""
    for place in range(number):
        yield event("Wholesale desk", 30 + place, "stock_checked", {}, shop_customer_id="4")


def event(
    name: str,
    hours: float,
    kind: str,
    properties: dict[str, Any],
    description: str | None = None,
    *,
    shop_customer_id: str,
    source: str = "shop",
    attributes: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the request of an event that happened some hours ago."""
    email = f"orders@{name.lower().replace(' ', '-')}.example.com"
    identifiers = [{"type": "email", "value": email}, {"type": "shop_customer_id", "value": shop_customer_id}]
    created_at = dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=hours)
    whose = {"source": "shop", "type": "customer", "name": name, "identifiers": identifiers}
    what = {"source": source, "type": kind, "created_at": created_at.isoformat(), "properties": properties}
    return {
        "profile": whose if attributes is None else {**whose, "attributes": attributes},
        "event": what if description is None else {**what, "description": description},
    }


def spread(served: Playground) -> None:
    """Have the requests arrive over the last hour, as they would in a day's work."""
    minutes = "(CAST(abs((number % 29) * (number % 29) - 210) / 12 AS INTEGER) + number % 3 + 1)"
    moment = f"strftime('%Y-%m-%dT%H:%M:%S', 'now', -{minutes} || ' minutes') || '.000000Z'"
    served._store.run(f"UPDATE requests SET arrived_at = {moment}")  # noqa: SLF001 - they came all at once


if __name__ == "__main__":
    main()
