"""What is sent: orders of many customers, as Singer messages and as the bodies that Zendesk gets of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STREAM = "orders"
CUSTOMERS = 5_000
RECORDS_BETWEEN_STATES = 1_000
RECORDS_IN_A_FILE = 10_000
"""As the SDK's taps have it."""

SCHEMA: dict[str, Any] = {
    "type": "SCHEMA",
    "stream": STREAM,
    "key_properties": ["id"],
    "schema": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "status": {"type": ["string", "null"], "maxLength": 20},
            "email": {"type": ["string", "null"]},
            "customer_id": {"type": "string"},
            "total": {"type": ["number", "null"]},
            "currency": {"type": ["string", "null"], "enum": ["EUR", "USD", None]},
            "updated_at": {"type": "string", "format": "date-time"},
            "note": {"type": ["string", "null"]},
            "item": {
                "type": ["object", "null"],
                "properties": {
                    "sku": {"type": "string"},
                    "name": {"type": "string"},
                    "quantity": {"type": "integer", "minimum": 1},
                },
            },
        },
    },
}

RULE: dict[str, Any] = {
    "stream": STREAM,
    "when": "status in ['paid', 'shipped']",
    "profile": {"identifiers": {"email": "{{ email }}", "shop_customer_id": "{{ customer_id }}"}},
    "event": {
        "type": "order_{{ status }}",
        "created_at": "{{ updated_at }}",
        "description": "Order {{ id }}: {{ item.name }}",
        "properties": {"total": "{{ total }}", "currency": "{{ currency }}", "item": "{{ item }}"},
    },
}
OBJECT_RULE: dict[str, Any] = {
    "stream": STREAM,
    "object": {
        "key": "order",
        "external_id": "{{ id }}",
        "name": "Order {{ id }}",
        "fields": {"status": "{{ status }}", "total": "{{ total }}", "currency": "{{ currency }}"},
    },
}
SOURCE = "shop"
EVENTS_PATH = "/api/v2/user_profiles/events"
RECORDS_PATH = "/api/v2/custom_objects/order/records"


def order(number: int, status: str) -> dict[str, Any]:
    """Return one order; each of the first 5,000 is another customer's."""
    customer = number % CUSTOMERS
    return {
        "id": number,
        "status": status,
        "email": f"customer-{customer}@example.com",
        "customer_id": f"c-{customer}",
        "total": 19.5 + number % 80,
        "currency": "EUR",
        "updated_at": f"2026-11-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "note": None,
        "item": {"sku": f"sku-{number % 500}", "name": "Fountain pen", "quantity": 1 + number % 3},
    }


def body(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the rule makes of an order, written by hand."""
    return {
        "profile": {
            "source": SOURCE,
            "type": "customer",
            "identifiers": [
                {"type": "email", "value": record["email"]},
                {"type": "shop_customer_id", "value": record["customer_id"]},
            ],
        },
        "event": {
            "source": SOURCE,
            "type": f"order_{record['status']}",
            "properties": {"total": record["total"], "currency": record["currency"], "item": record["item"]},
            "description": f"Order {record['id']}: {record['item']['name']}",
            "created_at": record["updated_at"],
        },
    }


def item(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the rule for objects makes of an order, written by hand."""
    fields = {name: record[name] for name in ("status", "total", "currency")}
    return {"external_id": str(record["id"]), "name": f"Order {record['id']}", "custom_object_fields": fields}


def write_messages(path: Path, count: int, status: str = "paid", different: int | None = None, first: int = 0) -> Path:
    """Write a tap's output of so many orders, from the first on; after so many `different` ones they come again."""
    return _write(path, _messages(count, status, different or count, first))


def write_bodies(path: Path, count: int) -> Path:
    """Write the bodies of so many orders, one a line."""
    return _write(path, (body(order(number, "paid")) for number in range(count)))


def write_items(path: Path, count: int) -> Path:
    """Write so many records of a custom object, one a line."""
    return _write(path, (item(order(number, "paid")) for number in range(count)))


def write_batches(path: Path, count: int, status: str = "paid") -> Path:
    """Write a tap's output of so many orders, in packed files beside it that BATCH messages name."""
    return _write(path, _batches(path, count, status))


def _batches(path: Path, count: int, status: str) -> Iterator[dict[str, Any]]:
    yield SCHEMA
    for start in range(0, count, RECORDS_IN_A_FILE):
        upto = min(start + RECORDS_IN_A_FILE, count)
        file = path.with_suffix(f".{start}.jsonl.gz")
        with gzip.open(file, "wt", encoding="utf-8") as packed:
            packed.writelines(_line(order(number, status)) for number in range(start, upto))
        encoding = {"format": "jsonl", "compression": "gzip"}
        yield {"type": "BATCH", "stream": STREAM, "encoding": encoding, "manifest": [file.as_uri()]}
        yield {"type": "STATE", "value": {"bookmarks": {STREAM: {"id": upto}}}}


def _messages(count: int, status: str, different: int, first: int) -> Iterator[dict[str, Any]]:
    yield SCHEMA
    for number in range(count):
        yield {"type": "RECORD", "stream": STREAM, "record": order((first + number) % different, status)}
        if number % RECORDS_BETWEEN_STATES == RECORDS_BETWEEN_STATES - 1:
            yield {"type": "STATE", "value": {"bookmarks": {STREAM: {"id": number}}}}
    yield {"type": "STATE", "value": {"bookmarks": {STREAM: {"id": count}}}}


def _write(path: Path, lines: Iterator[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(map(_line, lines))
    return path


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
