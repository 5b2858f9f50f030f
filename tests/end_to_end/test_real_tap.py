"""A real tap, `tap-rest-api-msdk` from PyPI, piped into the target with README's rule."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from pipes import TAPS, Pipe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from environments import Environments
from support import TARGET

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.server

README = Path(__file__).parents[2] / "README.md"
NAME = "tap-rest-api-msdk"
ORDERS: tuple[dict[str, Any], ...] = (
    {
        "id": 7,
        "status": "paid",
        "email": "Customer-7@Example.com",
        "customer_id": 12345,
        "total": 59.5,
        "updated_at": "2026-11-01T09:00:00+00:00",
        "item": {"name": "Boots", "size": 38},
    },
    {
        "id": 8,
        "status": "draft",
        "email": "customer-8@example.com",
        "customer_id": 12346,
        "total": 20.0,
        "updated_at": "2026-11-01T10:00:00+00:00",
        "item": {"name": "Scarf", "size": 1},
    },
    {
        "id": 7,
        "status": "shipped",
        "email": "Customer-7@Example.com",
        "customer_id": 12345,
        "total": 59.5,
        "updated_at": "2026-11-02T08:30:00+00:00",
        "item": {"name": "Boots", "size": 38},
    },
)


class Shop(ThreadingHTTPServer):
    """A shop's API on a loopback port; it remembers since when it was asked."""

    def __init__(self) -> None:
        """Hold the first two orders."""
        super().__init__(("127.0.0.1", 0), Counter)
        self.orders: list[dict[str, Any]] = list(ORDERS[:2])
        self.asked: list[str] = []


class Counter(BaseHTTPRequestHandler):
    """Answers with the orders changed at or after `since`; a page holds them all."""

    server: Shop

    def do_GET(self) -> None:
        """Answer with the orders."""
        since = parse_qs(urlsplit(self.path).query).get("since", [""])[0].replace(" ", "+")
        self.server.asked.append(since)
        body = json.dumps({"orders": [order for order in self.server.orders if order["updated_at"] >= since]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Serve the shop."""
    server = Shop()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tap(environments: Environments) -> Path:
    """Install the tap in an environment of its own; return its command."""
    return environments.install(NAME, f"{NAME}=={TAPS[NAME]}", "setuptools<81") / NAME


def readme_rules() -> str:
    """Return the rules that README explains."""
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    return next(str(block) for block in blocks if "rules:" in block)


def rules_for_this_tap() -> str:
    """Return README's rules for a tap that writes nested objects as JSON text."""
    rules = readme_rules()
    mended = rules.replace("{{ item }}", "{{ item | fromjson }}").replace("item.name", "(item | fromjson).name")
    assert mended.count("fromjson") == 2
    return mended


def tap_config(shop_url: str) -> dict[str, Any]:
    """Return the tap's configuration."""
    stream = {
        "name": "orders",
        "path": "/orders",
        "records_path": "$.orders[*]",
        "primary_keys": ["id"],
        "replication_key": "updated_at",
        "except_keys": ["item"],
        "source_search_field": "since",
        "source_search_query": "$last_run_date",
    }
    return {"api_url": shop_url, "start_date": "2026-10-01T00:00:00+00:00", "streams": [stream]}


class Pipeline:
    """The tap, piped into the target, with STATE kept in a file as an orchestrator keeps it."""

    def __init__(self, tap: Path, folder: Path, shop_url: str, zendesk_url: str) -> None:
        """Write both configurations into `folder`."""
        (folder / "rules.yml").write_text(rules_for_this_tap())
        self._folder = folder
        self._state = folder / "state.json"
        target = {"api_url": zendesk_url, "data_dir": str(folder / "data"), "rules_file": str(folder / "rules.yml")}
        self._tap = [str(tap), "--config", self._written("tap.json", tap_config(shop_url))]
        self._target = [*TARGET, "--config", self._written("target.json", target)]

    def run(self) -> Any:
        """Run the pipe to its end, from the STATE of the run before; return the last STATE on standard output."""
        tap = [*self._tap, "--state", str(self._state)] if self._state.exists() else self._tap
        with (self._folder / "tap.log").open("wb") as log:
            producer = subprocess.Popen(tap, stdout=subprocess.PIPE, stderr=log, cwd=self._folder)
            target = subprocess.run(
                self._target, stdin=producer.stdout, capture_output=True, check=False, timeout=120, cwd=self._folder
            )
            assert producer.stdout is not None
            producer.stdout.close()
            ended = producer.wait(timeout=20)
        assert (target.returncode, ended) == (0, 0), target.stderr.decode()
        state = json.loads(target.stdout.splitlines()[-1])
        self._state.write_text(json.dumps(state))
        return state

    def _written(self, name: str, content: object) -> str:
        path = self._folder / name
        path.write_text(json.dumps(content))
        return str(path)


def test_a_taps_records_reach_the_timeline_and_its_state_comes_back(tap: Path, shop: Shop, tmp_path: Path) -> None:
    """The first run sends what is paid, and STATE comes out; the second starts from it and sends what is new."""
    profile = {
        "source": "shop",
        "type": "customer",
        "identifiers": [
            {"type": "email", "value": "customer-7@example.com"},
            {"type": "shop_customer_id", "value": "12345"},
        ],
    }
    event = {
        "source": "shop",
        "description": "Order 7: Boots",
        "properties": {"total": 59.5, "item": {"name": "Boots", "size": 38}},
    }
    paid = {"profile": profile, "event": {**event, "type": "order_paid", "created_at": "2026-11-01T09:00:00Z"}}
    shipped = {"profile": profile, "event": {**event, "type": "order_shipped", "created_at": "2026-11-02T08:30:00Z"}}
    with Playground() as zendesk:
        pipeline = Pipeline(tap, tmp_path, f"http://127.0.0.1:{shop.server_port}", zendesk.url)

        assert pipeline.run() == _bookmark("2026-11-01T10:00:00+00:00")
        assert [event.body for event in zendesk.events()] == [paid]

        shop.orders.append(ORDERS[2])
        shop.asked.clear()
        assert pipeline.run() == _bookmark("2026-11-02T08:30:00+00:00")
        assert shop.asked[-1] == "2026-11-01T10:00:00+00:00"
        assert [event.body for event in zendesk.events()] == [paid, shipped]


def test_killed_in_the_middle_it_goes_on(tap: Path, shop: Shop, tmp_path: Path) -> None:
    """Each order, and each change of one, is once on the timeline, though the tap asks for the last one again."""
    shop.orders = [{**ORDERS[0], "id": n, "updated_at": f"2026-11-01T09:{n:02}:00+00:00"} for n in range(20)]
    (tmp_path / "tap.json").write_text(json.dumps(tap_config(f"http://127.0.0.1:{shop.server_port}")))
    rule = {
        "stream": "orders",
        "profile": {"identifiers": {"email": "{{ email }}"}},
        "event": {
            "type": "order",
            "created_at": "{{ updated_at }}",
            "properties": {"number": "{{ id }} {{ status }}", "stream": "{{ stream }}", "total": "{{ total }}"},
        },
    }
    with Playground(delay=0.02) as zendesk:
        command = [str(tap), "--config", "tap.json"]
        pipe = Pipe(tmp_path, zendesk, command, lambda _, order: f"{order['id']} {order['status']}", rules=[rule])
        pipe.run(kill_after=9)
        pipe.run()
        shop.orders.append({**ORDERS[0], "id": 3, "status": "shipped", "updated_at": "2026-11-02T08:30:00+00:00"})
        pipe.run()
        assert sorted(pipe.stored()) == sorted([*(f"{number} paid" for number in range(20)), "3 shipped"])
    assert pipe.state == _bookmark("2026-11-02T08:30:00+00:00")
    assert not list((tmp_path / "data").glob("dead-letters/*"))


def _bookmark(value: str) -> dict[str, Any]:
    return {"bookmarks": {"orders": {"replication_key": "updated_at", "replication_key_value": value}}}
