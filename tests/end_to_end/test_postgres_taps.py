"""Two taps of PostgreSQL, on a real one: incremental, full table, BATCH and log-based; killed in between."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pipes import TAPS, Pipe
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import support
from environments import Environments

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.server

SDK, CLASSIC = "meltanolabs-tap-postgres", "pipelinewise-tap-postgres"
TABLES = """
CREATE TYPE order_status AS ENUM ('paid', 'shipped');
CREATE TABLE customers (id int PRIMARY KEY, email text, plan text, at timestamptz);
CREATE TABLE orders (
    id bigint PRIMARY KEY, email text NOT NULL, status order_status, total numeric(12, 2), exact numeric,
    rate double precision, ratio real, placed_on date, updated_at timestamptz NOT NULL, local_at timestamp, tags text[],
    item jsonb, token uuid, paid boolean, span interval, photo bytea, note text
);
CREATE TABLE visits (email text, page int, at timestamptz);
"""
EMAIL = "'customer-' || n % 7 || '@example.com'"
AT = "timestamptz '2026-11-01 00:00+00' + n * interval '1 minute'"
CUSTOMERS = f"INSERT INTO customers SELECT n, {EMAIL}, 'gold', {AT} FROM generate_series({{}}, {{}}) n"
VISITS = f"INSERT INTO visits SELECT {EMAIL}, n, {AT} FROM generate_series({{}}, {{}}) n"
ORDERS = f"""
INSERT INTO orders
SELECT n, {EMAIL}, 'paid', n + 0.10, 12345678901234567.89 + n,
    CASE n % 3 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' ELSE 0.5 END::float8, 0.25, date '2026-11-01', {AT},
    timestamp '2026-11-01 10:00', ARRAY['a', 'b c', NULL], '{{{{"name": "Boots", "price": 59.50}}}}',
    '00000000-0000-4000-8000-000000000001', true, interval '1 day 2 hours', '\\x00ff', NULL
FROM generate_series({{}}, {{}}) n
"""
MORE = """
UPDATE orders SET status = 'shipped', updated_at = '2026-11-02 00:00+00' WHERE id < 4;
DELETE FROM orders WHERE id = 5;
"""
WHO = {"profile": {"identifiers": {"email": "{{ email }}"}}}


def rule(table: str, number: str, at: str, **others: Any) -> dict[str, Any]:
    """Return a rule that sends the whole row."""
    properties = {"number": number, "stream": "{{ stream }}", "row": "{{ record | without('_sdc_*') }}"}
    event = {"type": table, "created_at": at, "properties": properties}
    return {"stream": f"public-{table}", **WHO, "event": event, **others}


RULES = [
    rule("customers", "{{ id }}", "{{ at }}"),
    rule("orders", "{{ id }} {{ status }}", "{{ updated_at }}", when="not record._sdc_deleted_at"),
    rule("visits", "{{ page }}", "{{ at }}"),
]


def number_of(stream: str, record: Mapping[str, Any]) -> Any:
    """Return what the rules send as `number`."""
    if record.get("_sdc_deleted_at"):
        return None
    if stream == "public-orders":
        return f"{record['id']} {record['status']}"
    return record.get("id", record.get("page"))


class Shop:
    """A database of its own, with a few tables."""

    def __init__(self, url: str) -> None:
        """Make the tables."""
        self._url = url
        parts = urlsplit(url)
        self.name = parts.path.removeprefix("/")
        self.place: dict[str, Any] = {"host": parts.hostname, "port": parts.port or 5432}
        self.place |= {"user": parts.username or "postgres", "password": parts.password or "none"}
        self.do(TABLES)

    def do(self, *statements: str) -> list[Any]:
        """Run statements; return the rows of the last one."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            for statement in statements:
                ended = connection.execute(statement.encode())
            return ended.fetchall() if ended.description else []


@pytest.fixture
def shop(server_url: str) -> Shop:
    return Shop(server_url)


@pytest.fixture
def slot(shop: Shop) -> Iterator[str]:
    """Make a slot of logical replication; without it the database can be dropped again."""
    (level,) = shop.do("SHOW wal_level")[0]
    if level != "logical":
        pytest.fail("the server needs wal_level=logical and the plugin wal2json: `.ci/run` starts one so")
    shop.do(f"SELECT pg_create_logical_replication_slot('{shop.name}', 'wal2json')")
    yield shop.name
    wait_for_slot(shop)
    shop.do(f"SELECT pg_drop_replication_slot('{shop.name}')")


def wait_for_slot(shop: Shop) -> None:
    """Wait until nobody reads the slot: the server learns late that a tap was killed."""
    support.until(
        lambda: shop.do(f"SELECT active FROM pg_replication_slots WHERE slot_name = '{shop.name}'") == [(False,)]
    )


@pytest.fixture(scope="module")
def sdk_tap(environments: Environments) -> Path:
    return environments.install(SDK, f"{SDK}=={TAPS[SDK]}") / "tap-postgres"


@pytest.fixture(scope="module")
def classic_tap(environments: Environments) -> Path:
    return environments.install(CLASSIC, f"{CLASSIC}=={TAPS[CLASSIC]}") / "tap-postgres"


def command(tap: Path, folder: Path, config: Mapping[str, Any], methods: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the tap's command: with its configuration, and a catalog of the tables and methods that are wanted."""
    (folder / "tap.json").write_text(json.dumps(config))
    discover = [str(tap), "--config", "tap.json", "--discover"]
    found = json.loads(subprocess.run(discover, cwd=folder, capture_output=True, check=True, timeout=120).stdout)
    streams = [one for one in found["streams"] if one["tap_stream_id"] in methods]
    for stream in streams:
        method, *key = methods[stream["tap_stream_id"]]
        chosen = {"replication-method": method, **({"replication-key": key[0]} if key else {})}
        for entry in stream["metadata"]:
            entry["metadata"] |= {"selected": True, **({} if entry["breadcrumb"] else chosen)}
        stream |= {name.replace("-", "_"): value for name, value in chosen.items()}
    (folder / "catalog.json").write_text(json.dumps({"streams": streams}))
    option = "--properties" if "dbname" in config else "--catalog"
    return [str(tap), "--config", "tap.json", option, "catalog.json"]


INCREMENTAL = {
    "public-customers": ("FULL_TABLE",),
    "public-orders": ("INCREMENTAL", "updated_at"),
    "public-visits": ("FULL_TABLE",),
}


def sdk_config(shop: Shop, **others: Any) -> dict[str, Any]:
    """Return the configuration of the tap that is made with the SDK."""
    return {**shop.place, "database": shop.name, "filter_schemas": ["public"], **others}


def fill(shop: Shop) -> None:
    """Fill the tables: forty rows."""
    shop.do(CUSTOMERS.format(1, 15), ORDERS.format(1, 15), VISITS.format(1, 10))


def in_the_middle(pipe: Pipe, shop: Shop) -> None:
    """Kill the pipe twice, run it to its end, change what is in the tables, and run it again."""
    pipe.run(kill_after=8)
    pipe.run(kill_after=14)
    pipe.run()
    shop.do(MORE, CUSTOMERS.format(16, 17), ORDERS.format(16, 17))
    pipe.run()


def check_rows(pipe: Pipe, folder: Path) -> None:
    """Each row, and each change of one, is once on the timeline, and none was set aside."""
    paid, shipped = [f"{number} paid" for number in range(1, 18)], [f"{number} shipped" for number in range(1, 4)]
    assert Counter(pipe.stored("public-customers")) == Counter(range(1, 18))
    assert Counter(pipe.stored("public-orders")) == Counter([*paid, *shipped])
    assert Counter(pipe.stored("public-visits")) == Counter(range(1, 11))
    assert not list((folder / "data").glob("dead-letters/*"))
    assert pipe.state == pipe.written[-1]["value"]


SAME: dict[str, Any] = {
    "id": 2, "email": "customer-2@example.com", "status": "paid", "total": 2.1, "exact": "12345678901234569.89",
    "rate": 0.5, "ratio": 0.25, "tags": ["a", "b c", None], "item": {"name": "Boots", "price": 59.5},
    "token": "00000000-0000-4000-8000-000000000001", "paid": True,
}  # fmt: skip


def row_of(playground: Playground, number: str) -> dict[str, Any]:
    """Return the row that was sent as `number`."""
    bodies = [event.body["event"]["properties"] for event in playground.events()]
    row: dict[str, Any] = next(one["row"] for one in bodies if one["number"] == number)
    return row


def test_the_sdk_s_tap(sdk_tap: Path, shop: Shop, tmp_path: Path) -> None:
    """Incremental and full tables, one without a key: once on the timeline, decimals with their own digits."""
    fill(shop)
    with Playground(delay=0.02) as playground:
        tap = command(sdk_tap, tmp_path, sdk_config(shop), INCREMENTAL)
        pipe = Pipe(tmp_path, playground, tap, number_of, rules=RULES)
        in_the_middle(pipe, shop)
        check_rows(pipe, tmp_path)
        assert row_of(playground, "2 paid") == SAME | {
            "placed_on": "2026-11-01",
            "updated_at": "2026-11-01T00:02:00.000000+00:00",
            "local_at": "2026-11-01T10:00:00.000000+00:00",
            "span": "1970-01-02T02:00:00+00:00",
            "photo": "00ff",
        }


def test_the_classic_tap(classic_tap: Path, shop: Shop, tmp_path: Path) -> None:
    """The same, each stream's bookmark by itself, with versions, bounds of Draft 4 and `currently_syncing`."""
    fill(shop)
    config = {**shop.place, "dbname": shop.name, "filter_schemas": "public"}
    with Playground(delay=0.02) as playground:
        tap = command(classic_tap, tmp_path, config, INCREMENTAL)
        pipe = Pipe(tmp_path, playground, tap, number_of, rules=RULES, state_per_stream=True)
        in_the_middle(pipe, shop)
        check_rows(pipe, tmp_path)
        assert row_of(playground, "2 paid") == SAME | {
            "placed_on": "2026-11-01T00:00:00+00:00",
            "updated_at": "2026-11-01T00:02:00+00:00",
            "local_at": "2026-11-01T10:00:00+00:00",
        }
        (schema,) = (one["schema"] for one in pipe.written if one["type"] == "SCHEMA" and "orders" in one["stream"])
        assert schema["properties"]["total"]["exclusiveMaximum"] is True


def test_the_sdk_s_tap_with_files(sdk_tap: Path, shop: Shop, tmp_path: Path) -> None:
    """With `batch_config` the rows come in files: killed within one, its rows are once on the timeline.

    Without the column of bytes: with that the tap itself fails to write a file.
    """
    fill(shop)
    shop.do("ALTER TABLE orders DROP COLUMN photo")
    (tmp_path / "batches").mkdir()
    storage = {"root": (tmp_path / "batches").as_uri(), "prefix": "rows-"}
    files = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": storage}
    with Playground(delay=0.02) as playground:
        tap = command(sdk_tap, tmp_path, sdk_config(shop, batch_config=files), INCREMENTAL)
        pipe = Pipe(tmp_path, playground, tap, number_of, rules=RULES)
        pipe.run(kill_after=22)
        pipe.run()
        shop.do(MORE, CUSTOMERS.format(16, 17))
        pipe.run()
        paid, shipped = [f"{number} paid" for number in range(1, 16)], [f"{number} shipped" for number in range(1, 4)]
        assert sorted(pipe.stored("public-customers")) == list(range(1, 18))
        assert Counter(pipe.stored("public-orders")) == Counter([*paid, *shipped])
        assert sorted(pipe.stored("public-visits")) == list(range(1, 11))
        assert row_of(playground, "2 paid")["exact"] == SAME["exact"]
    assert {one["type"] for one in pipe.written} == {"SCHEMA", "BATCH", "STATE"}
    assert pipe.state == pipe.written[-1]["value"]
    assert not list((tmp_path / "data").glob("dead-letters/*"))


def test_the_sdk_s_tap_on_the_log(sdk_tap: Path, shop: Shop, slot: str, tmp_path: Path) -> None:
    """Log-based: tap and target killed together, each change is once on the timeline, and a deletion none.

    What the tap wrote when nobody saved its STATE comes again. Read anew as a whole, the table brings nothing: a
    `dedupe_key` tells its rows, whose times and numbers are written otherwise.
    """
    shop.do(ORDERS.format(1, 15))
    config = sdk_config(shop, replication_slot_name=slot, replication_idle_exit_seconds=4)
    with Playground(delay=0.02) as playground:
        tap = command(sdk_tap, tmp_path, config, {"public-orders": ("LOG_BASED", "_sdc_lsn")})
        rules = [{**RULES[1], "dedupe_key": "{{ id }} {{ status }}"}]
        pipe = Pipe(tmp_path, playground, tap, number_of, rules=rules)
        pipe.run(kill_after=5, with_tap=True)
        wait_for_slot(shop)
        pipe.run()
        shop.do(MORE, ORDERS.format(16, 17))
        pipe.run()
        paid, shipped = [f"{number} paid" for number in range(1, 18)], [f"{number} shipped" for number in range(1, 4)]
        assert Counter(pipe.stored()) == Counter([*paid, *shipped])
        assert [one["record"]["id"] for one in pipe.written if one.get("record", {}).get("_sdc_deleted_at")] == [5]
        assert pipe.state == pipe.written[-1]["value"]
        assert row_of(playground, "2 paid") == {**SAME, "exact": "12345678901234570"} | {
            "placed_on": "2026-11-01",
            "updated_at": "2026-11-01 00:02:00+00",
            "local_at": "2026-11-01 10:00:00",
            "span": "1 day 02:00:00",
            "photo": "00ff",
            "item": '{"name": "Boots", "price": 59.50}',
        }
        shop.do(ORDERS.format(18, 18))
        subprocess.run(tap, cwd=tmp_path, capture_output=True, check=True, timeout=120)
        pipe.run()
        assert Counter(pipe.stored()) == Counter([*paid, *shipped, "18 paid"])
        tap = command(sdk_tap, tmp_path, config, {"public-orders": ("FULL_TABLE",)})
        anew = Pipe(tmp_path, playground, tap, number_of, rules=rules)
        anew.run()
        assert Counter(anew.stored()) == Counter([*paid, *shipped, "18 paid"])
    assert not list((tmp_path / "data").glob("dead-letters/*"))
