"""A tap on `singer-python`: `currently_syncing`, decimals, versions, a stream without keys; killed in between."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from pipes import TAPS, Pipe

import pytest
from environments import Environments

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.server

ROWS = 24
TAP = """
import datetime
import decimal
import json
import time

import singer
from singer.catalog import Catalog

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": ["null", "integer"]},
        "email": {"type": ["null", "string"]},
        "kind": {"type": ["null", "string"]},
        "at": {"type": ["null", "string"], "format": "date-time"},
        "total": {"type": ["null", "number"], "multipleOf": 0.01, "minimum": -10000000000, "exclusiveMinimum": True,
                  "maximum": 10000000000, "exclusiveMaximum": True},
        "exact": {"type": ["null", "string"], "format": "singer.decimal"},
    },
}
STREAMS = {"customers": ["id"], "orders": ["id"], "visits": []}
CATALOG = Catalog.from_dict({"streams": [
    {"tap_stream_id": name, "stream": name, "schema": SCHEMA, "key_properties": keys,
      "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}
    for name, keys in STREAMS.items()
]})


def row(name, number):
    at = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=number)
    return {"id": number, "email": f"customer-{number % 7}@example.com", "kind": name, "at": singer.utils.strftime(at),
             "total": decimal.Decimal(number) + decimal.Decimal("0.10"), "exact": f"{number}.123456789012345678"}


state = singer.utils.parse_args([]).state
for stream in CATALOG.get_selected_streams(state):
    name = stream.tap_stream_id
    state = singer.set_currently_syncing(state, name)
    singer.write_state(state)
    singer.write_schema(name, SCHEMA, stream.key_properties, ["at"])
    version = int(time.time() * 1000)
    singer.write_version(name, version)
    since = singer.get_bookmark(state, name, "at") or ""
    for number in range(json.load(open("rows"))):
        record = row(name, number)
        if record["at"] < since:
            continue
        singer.write_record(name, record, time_extracted=singer.utils.now())
        if stream.key_properties:
            state = singer.write_bookmark(state, name, "at", record["at"])
        if number % 4 == 3:
            singer.write_state(state)
    singer.write_version(name, version)
state = singer.set_currently_syncing(state, None)
singer.write_state(state)
"""
RULE = {
    "stream": "*",
    "profile": {"identifiers": {"email": "{{ email }}"}},
    "event": {
        "type": "{{ kind }}",
        "created_at": "{{ at }}",
        "properties": {"number": "{{ id }}", "stream": "{{ stream }}", "total": "{{ total }}", "exact": "{{ exact }}"},
    },
}


@pytest.fixture(scope="module")
def python(environments: Environments) -> Path:
    return environments.install("singer-python", f"singer-python=={TAPS['singer-python']}") / "python"


@pytest.mark.parametrize("per_stream", [False, True])
def test_a_classic_tap_goes_on_where_it_was_killed(python: Path, tmp_path: Path, *, per_stream: bool) -> None:
    """Each row is once on the timeline, and the last STATE is the tap's own, `currently_syncing` and all."""
    chance = random.Random(per_stream)  # noqa: S311 - a moment, no secret
    (tmp_path / "tap.py").write_text(TAP)
    (tmp_path / "rows").write_text(str(ROWS))
    with Playground(delay=0.02) as playground:
        pipe = Pipe(
            tmp_path, playground, [str(python), "tap.py", "--config", "rows"], lambda _, record: record["id"],
            rules=[RULE], state_per_stream=per_stream,
        )  # fmt: skip
        for _ in range(2):
            pipe.run(kill_after=chance.randrange(6, 30))
        pipe.run()
        (tmp_path / "rows").write_text(str(ROWS + 3))
        pipe.run()
        for stream in ("customers", "orders", "visits"):
            assert Counter(pipe.stored(stream)) == Counter(range(ROWS + 3))
        assert pipe.state == pipe.written[-1]["value"]
        assert pipe.state["currently_syncing"] is None
        sent = (event.body["event"]["properties"] for event in playground.events())
        assert {(one["total"], one["exact"]) for one in sent if one["number"] == 0} == {(0.1, "0.123456789012345678")}
    assert not list((tmp_path / "data").glob("dead-letters/*"))
    assert pipe.said.count("ACTIVATE_VERSION takes nothing away") == 1
