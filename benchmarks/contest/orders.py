"""The input of the contest: orders of many customers, and the event that each is to become. Standard library alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.contest.strictness import instant

STREAM = "orders"
SOURCE = "shop"
EVENT_TYPE = "order_paid"
PROFILE_TYPE = "customer"
EVENTS_PATH = "/api/v2/user_profiles/events"
EVENTS_A_CUSTOMER = 10
"""On average."""
_FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc)

SCHEMA: dict[str, Any] = {
    "type": "SCHEMA",
    "stream": STREAM,
    "key_properties": ["id"],
    "bookmark_properties": ["id"],
    "schema": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "customer_id": {"type": "string"},
            "email": {"type": "string"},
            "total": {"type": "number"},
            "currency": {"type": "string"},
            "item": {"type": "string"},
            "updated_at": {"type": "string", "format": "date-time"},
        },
    },
}


@dataclasses.dataclass(frozen=True, slots=True)
class Orders:
    """So many orders, numbered from 0 in the order in which they happened; `seed` says whose each is."""

    count: int
    seed: int

    def customers(self) -> list[int]:
        """Return each order's customer."""
        chance = random.Random(f"customers {self.seed}")  # noqa: S311 - to be the same again, not to be secret
        return [chance.randrange(max(1, self.count // EVENTS_A_CUSTOMER)) for _ in range(self.count)]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the orders as rows."""
        for number, customer in enumerate(self.customers()):
            yield {
                "id": number,
                "customer_id": f"c-{customer}",
                "email": f"customer-{customer}@example.com",
                "total": 19.5 + number % 80,
                "currency": "EUR",
                "item": f"Fountain pen, colour {number % 7}",
                "updated_at": f"{_FIRST + dt.timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}",
            }

    def write(self, path: Path) -> Path:
        """Write them, one a line."""
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(order) + "\n" for order in self)
        return path


def read(path: Path, after: int = -1) -> Iterator[dict[str, Any]]:
    """Yield the orders of a file whose numbers are greater."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            order: dict[str, Any] = json.loads(line)
            if order["id"] > after:
                yield order


def body(order: dict[str, Any]) -> dict[str, Any]:
    """Return what Zendesk is to get of an order."""
    return {
        "profile": {
            "source": SOURCE,
            "type": PROFILE_TYPE,
            "identifiers": [
                {"type": "email", "value": order["email"]},
                {"type": "shop_customer_id", "value": order["customer_id"]},
            ],
        },
        "event": {
            "source": SOURCE,
            "type": EVENT_TYPE,
            "description": f"Order {order['id']}: {order['item']}",
            "created_at": order["updated_at"],
            "properties": {"number": order["id"], "total": order["total"], "currency": order["currency"]},
        },
    }


def number_of(sent: Any) -> int | None:  # noqa: ANN401 - whatever came
    """Return the number of the order that a body was made of; None where it says none."""
    try:
        number = sent["event"]["properties"]["number"]
    except (KeyError, TypeError):
        return None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def digest(sent: dict[str, Any]) -> str:
    """Return a hash of what a body says, however its keys, numbers and time are written."""
    plain = _plain(sent)
    if at := instant(plain["event"].get("created_at", "")):
        plain["event"]["created_at"] = at.timestamp()
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _plain(of) for name, of in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
