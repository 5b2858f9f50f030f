"""A tap of the SDK with a parent and a child stream, and a target that is killed in between: no child is lost."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from pipes import Pipe

import pytest
import support

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

PARENTS, CHILDREN = 12, 5
TAP = f"""
from singer_sdk import Stream, Tap
from singer_sdk import typing as th

FIELDS = th.PropertiesList(
    th.Property("id", th.IntegerType), th.Property("order", th.IntegerType), th.Property("email", th.StringType),
    th.Property("kind", th.StringType), th.Property("at", th.DateTimeType),
)


def record(number, order, kind):
    return {{"id": number, "order": order, "email": f"customer-{{order}}@example.com", "kind": kind,
             "at": "2026-11-01T10:00:00Z"}}


class Orders(Stream):
    name = "orders"
    schema = FIELDS.to_dict()
    primary_keys = ("id",)
    replication_key = "id"
    is_sorted = True
    STATE_MSG_FREQUENCY = 1

    def get_records(self, context):
        first = self.get_starting_replication_key_value(context) or 1
        for number in range(first, {PARENTS} + 1):
            yield record(number, number, "order_placed")

    def get_child_context(self, record, context):
        return {{"order_id": record["id"]}}


class Items(Stream):
    name = "items"
    schema = FIELDS.to_dict()
    primary_keys = ("id",)
    parent_stream_type = Orders
    STATE_MSG_FREQUENCY = 2
    BOOKMARK

    def get_records(self, context):
        for place in range({CHILDREN}):
            yield record(context["order_id"] * 100 + place, context["order_id"], "item_added")


class TapShop(Tap):
    name = "tap-shop"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [Orders(self), Items(self)]


TapShop.cli()
"""
PARTITIONED = """
from singer_sdk import Stream, Tap
from singer_sdk import typing as th


class Orders(Stream):
    name = "orders"
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType), th.Property("email", th.StringType), th.Property("kind", th.StringType),
        th.Property("at", th.DateTimeType), th.Property("customer_id", th.IntegerType),
    ).to_dict()
    primary_keys = ("id",)
    replication_key = "id"
    is_sorted = True
    STATE_MSG_FREQUENCY = 2
    partitions = [{"shop": number} for number in range(3)]

    def get_records(self, context):
        first = self.get_starting_replication_key_value(context) or 0
        for row in range(1, 11):
            number = row * 10 + context["shop"]
            if number >= first:
                yield {"id": number, "email": f"customer-{row}@example.com", "kind": self.name,
                       "at": "2026-11-01T10:00:00Z"}


class Visits(Orders):
    name = "visits"


class TapShops(Tap):
    name = "tap-shops"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [Orders(self), Visits(self)]


TapShops.cli()
"""
COMMAND = [sys.executable, "tap.py"]
BOOKMARKS = {
    "partitions": 'replication_key = "id"',
    "no partitions": "state_partitioning_keys = ()",
    "partitions without a bookmark": "pass",
}
RULE = {**support.RULE, "profile": {"identifiers": {"email": "{{ email }}"}}}


@pytest.fixture(scope="module")
def playground() -> Iterator[Playground]:
    """Serve one that takes its time, so that there is something to kill."""
    with Playground(delay=0.02) as served:
        yield served


@pytest.mark.server
@pytest.mark.parametrize(
    ("bookmark", "ledger"), [("partitions", "none"), ("no partitions", None), ("partitions without a bookmark", "none")]
)
def test_a_parents_bookmark_never_passes_its_children(
    bookmark: str, ledger: str | None, playground: Playground, tmp_path: Path
) -> None:
    """Killed and started again from its last STATE, the target loses no child, and the ledger doubles none."""
    chance = random.Random(bookmark)  # noqa: S311 - a moment, no secret
    playground.clear()
    settings = {"rules": [RULE], **({"ledger_url": ledger} if ledger else {})}
    (tmp_path / "tap.py").write_text(TAP.replace("BOOKMARK", BOOKMARKS[bookmark]))
    pipe = Pipe(tmp_path, playground, COMMAND, lambda _, record: record["id"], **settings)
    for kill_after in (chance.randrange(3, 25), chance.randrange(3, 25), None):
        pipe.run(kill_after=kill_after)
        upto = ((pipe.state or {}).get("bookmarks") or {}).get("orders", {}).get("replication_key_value", 0)
        stored = set(pipe.stored())
        assert {order * 100 + place for order in range(1, upto + 1) for place in range(CHILDREN)} <= stored
    expected = {*range(1, PARENTS + 1)}
    expected |= {order * 100 + place for order in range(1, PARENTS + 1) for place in range(CHILDREN)}
    assert set(pipe.stored()) == expected
    assert upto == PARENTS
    if ledger is None:
        assert len(pipe.stored()) == len(expected)


@pytest.mark.server
@pytest.mark.parametrize("per_stream", [False, True])
def test_partitions_go_on_where_they_were_killed(playground: Playground, tmp_path: Path, *, per_stream: bool) -> None:
    """Two streams of the same partitions: each row is once on the timeline, and STATE holds all partitions."""
    chance = random.Random(per_stream)  # noqa: S311 - a moment, no secret
    playground.clear()
    (tmp_path / "tap.py").write_text(PARTITIONED)
    settings = {"rules": [RULE], "state_per_stream": per_stream}
    pipe = Pipe(tmp_path, playground, COMMAND, lambda _, record: record["id"], **settings)
    for kill_after in (chance.randrange(3, 25), chance.randrange(3, 25), None, None):
        pipe.run(kill_after=kill_after)
    for stream in ("orders", "visits"):
        assert sorted(pipe.stored(stream)) == [10 * row + shop for row in range(1, 11) for shop in range(3)]
        partitions = pipe.state["bookmarks"][stream]["partitions"]
        assert [(one["context"]["shop"], one["replication_key_value"]) for one in partitions] == [
            (shop, 100 + shop) for shop in range(3)
        ]
