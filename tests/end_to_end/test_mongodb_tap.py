"""`meltanolabs-tap-mongodb` on documents that mongomock holds, since no MongoDB can be installed; killed in between."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from pipes import TAPS, Pipe
from typing import Any

import pytest
from environments import Environments

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.server

NAME = "meltanolabs-tap-mongodb"
TAP = """
import datetime, math

import mongomock, pymongo
from bson import Decimal128, Int64, ObjectId

CLIENT = mongomock.MongoClient()
pymongo.MongoClient = lambda *_, **__: CLIENT
mongomock.database.Database.list_collection_names = lambda *_, **__: ["orders"]

for number in range(int(open("rows").read())):
    at = datetime.datetime(2026, 11, 1) + datetime.timedelta(minutes=number)
    seconds = int(at.replace(tzinfo=datetime.timezone.utc).timestamp())
    CLIENT.shop.orders.insert_one({
        "_id": ObjectId(f"{seconds:08x}{number:016x}"), "number": number, "email": f"customer-{number % 7}@example.com",
        "placed": at, "total": Decimal128("19.90"), "big": Int64(2**60), "rate": [math.inf, 0.5][number % 2],
        "tags": ["a", None], "lines": [{"sku": "B-1", "of": ObjectId("6" * 24)}], "note": None,
    })

from tap_mongodb.tap import TapMongoDB

TapMongoDB.cli()
"""
RULE = {
    "stream": "orders",
    "profile": {"identifiers": {"email": "{{ document.email }}"}},
    "event": {
        "type": "order",
        "created_at": "{{ document.placed }}",
        "properties": {"number": "{{ object_id }}", "stream": "{{ stream }}", "document": "{{ document }}"},
    },
}


@pytest.fixture(scope="module")
def python(environments: Environments) -> Path:
    return environments.install(NAME, f"{NAME}=={TAPS[NAME]}", "mongomock==4.3.0") / "python"


def test_documents_are_once_on_the_timeline(python: Path, tmp_path: Path) -> None:
    """Each document, whatever BSON has in it, and the next run goes on after the last one."""
    (tmp_path / "tap.py").write_text(TAP)
    (tmp_path / "rows").write_text("20")
    (tmp_path / "tap.json").write_text(json.dumps({"database": "shop", "mongodb_connection_string": "mongodb://none"}))
    key = "replication_key"
    chosen: dict[str, Any] = {"selected": True, "replication-method": "INCREMENTAL", "replication-key": key}
    columns: dict[str, Any] = {name: {"type": ["string", "null"]} for name in (key, "object_id")}
    columns["document"] = {"type": ["object", "null"], "additionalProperties": True}
    stream: dict[str, Any] = {
        "tap_stream_id": "orders",
        "stream": "orders",
        "table_name": "orders",
        "key_properties": [key],
    }
    stream |= {"replication_method": "INCREMENTAL", "replication_key": key}
    stream |= {
        "schema": {"type": "object", "properties": columns},
        "metadata": [{"breadcrumb": [], "metadata": chosen}],
    }
    (tmp_path / "catalog.json").write_text(json.dumps({"streams": [stream]}))
    tap = [str(python), "tap.py", "--config", "tap.json", "--catalog", "catalog.json"]
    with Playground(delay=0.02) as playground:
        pipe = Pipe(tmp_path, playground, tap, lambda _, record: record["object_id"], rules=[RULE])
        pipe.run(kill_after=9)
        pipe.run()
        (tmp_path / "rows").write_text("23")
        pipe.run()
        assert sum(one["type"] == "RECORD" for one in pipe.written) == 3
        numbers = {event.body["event"]["properties"]["document"]["number"] for event in playground.events()}
        assert numbers == set(range(23))
        assert set(Counter(pipe.stored()).values()) == {1}
        (second,) = [event.body["event"] for event in playground.events() if str(event.body).count("'number': 1,")]
    assert second["created_at"] == "2026-11-01T00:01:00Z"
    assert second["properties"]["document"] == {
        "_id": second["properties"]["number"], "number": 1, "email": "customer-1@example.com", "total": "19.90",
        "placed": "2026-11-01T00:01:00", "big": str(2**60), "rate": 0.5, "tags": ["a", None],
        "lines": [{"sku": "B-1", "of": "6" * 24}],
    }  # fmt: skip
    assert pipe.state == pipe.written[-1]["value"]
    assert not list((tmp_path / "data").glob("dead-letters/*"))
