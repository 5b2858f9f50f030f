"""A tap of the SDK with a parent and a child stream, and a target that is killed in between: no child is lost."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def numbers(playground: Playground) -> list[int]:
    """Return the numbers on the timelines, in the order of storing."""
    return [one.body["event"]["properties"]["number"] for one in playground.events()]


def run(folder: Path, playground: Playground, before: Any, kill_after: int | None) -> tuple[int, Any]:
    """Pipe the tap into the target, killed once so many more events are stored; return its exit code and last STATE."""
    (folder / "state.json").write_text(json.dumps(before or {}))
    arguments = ["--state", "state.json"] if before else []
    stored = len(playground.events())
    with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as error:
        tap = subprocess.Popen(
            [sys.executable, "tap.py", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        target = subprocess.Popen(
            [*support.TARGET, "--config", "config.json"], cwd=folder, stdin=tap.stdout, stdout=output, stderr=error
        )
        if tap.stdout is not None:
            tap.stdout.close()
        if kill_after is not None:
            support.until(lambda: len(playground.events()) >= stored + kill_after or target.poll() is not None)
            target.kill()
        code = target.wait(60)
        tap.wait(60)
    states = [json.loads(line) for line in (folder / "stdout").read_text().splitlines() if line.endswith("}")]
    return code, states[-1] if states else before


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
    settings = support.config(playground.url, tmp_path, rules=[RULE], max_in_flight=3, batch_size_rows=4)
    if ledger:
        settings["ledger_url"] = ledger
    (tmp_path / "config.json").write_text(json.dumps(settings))
    (tmp_path / "tap.py").write_text(TAP.replace("BOOKMARK", BOOKMARKS[bookmark]))
    state: Any = None
    for kill_after in (chance.randrange(3, 25), chance.randrange(3, 25), None):
        code, state = run(tmp_path, playground, state, kill_after)
        upto = ((state or {}).get("bookmarks") or {}).get("orders", {}).get("replication_key_value", 0)
        stored = set(numbers(playground))
        assert {order * 100 + place for order in range(1, upto + 1) for place in range(CHILDREN)} <= stored
        if code == 0:
            break
    assert code == 0
    expected = {*range(1, PARENTS + 1)}
    expected |= {order * 100 + place for order in range(1, PARENTS + 1) for place in range(CHILDREN)}
    assert set(numbers(playground)) == expected
    assert upto == PARENTS
    if ledger is None:
        assert len(numbers(playground)) == len(expected)
