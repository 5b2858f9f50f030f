"""`zendesk-events timeline`: a customer's profile and events, read back from a served Zendesk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.desk import Habits
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
CUSTOMER = "shop:customer:email:customer-1@example.com"
EVENT = {
    **support.RULE["event"],
    "description": "Order {{ id }}",
    "properties": {
        "number": "{{ id }}",
        "item": {"name": "Boots", "sizes": [38, {"of": "a pair"}]},
        "order": {"display_name": "Order {{ id }}", "url": "https://shop.example.com/orders/{{ id }}"},
    },
}
RULES = [{**support.RULE, "event": EVENT}]


@pytest.fixture
def served() -> Iterator[Playground]:
    with Playground(habits=Habits(page_size=2, newest_first=False)) as playground:
        yield playground


def put(playground: Playground, folder: Path, *orders: tuple[int, str], **fields: Any) -> None:
    """Put orders of customer 1 on the timeline: a number and a time each."""
    records = [
        support.record("orders", number, at=at, **{"email": "customer-1@example.com", **fields})
        for number, at in orders
    ]
    given = support.lines([support.schema("orders"), *records])
    assert support.run_here(support.config(playground.url, folder, rules=RULES), given).exit_code == 0


def timeline(
    playground: Playground, folder: Path, *arguments: str, environment: dict[str, str] | None = None, **settings: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run the verb."""
    (folder / "config.json").write_text(json.dumps(support.config(playground.url, folder, rules=RULES, **settings)))
    given = ("timeline", "--config", str(folder / "config.json"), *arguments)
    return support.command(None, folder, *given, program=VERBS, environment=environment)


def test_all_pages_are_shown_newest_first(served: Playground, tmp_path: Path) -> None:
    """In whatever order Zendesk gives them; nested properties as a tree, links with their address."""
    put(served, tmp_path, *((number, f"2026-11-0{number}T10:00:00Z") for number in (3, 1, 5, 2, 4)))
    done = timeline(served, tmp_path, CUSTOMER)
    shown = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(range(1, 6), key=lambda number: shown.index(f"Order {number}\n"[:-1])) == [5, 4, 3, 2, 1]
    for part in (
        "customer-1@example.com (shop, customer)",
        "email customer-1@example.com",
        "order_paid",
        "number: 5",
        "  name: Boots",
        "    - 38",
        "      of: a pair",
        "order: Order 5 <https://shop.example.com/orders/5>",
        "5 events",
    ):
        assert part in shown


def test_an_address_alone_means_the_profile_of_the_rules(served: Playground, tmp_path: Path) -> None:
    """Spelt as it is sent; where two rules have profiles of their own, it is asked which."""
    put(served, tmp_path, (1, "2026-11-01T10:00:00Z"))
    assert b"1 event" in timeline(served, tmp_path, " Customer-1@EXAMPLE.com ").stdout
    other = {**RULES[0], "profile": {**RULES[0]["profile"], "type": "reader"}}
    (tmp_path / "config.json").write_text(json.dumps(support.config(served.url, tmp_path, rules=[RULES[0], other])))
    done = support.command(
        None,
        tmp_path,
        *("timeline", "--config", str(tmp_path / "config.json"), "customer-1@example.com"),
        program=VERBS,
    )
    assert done.returncode == 2
    assert b"(shop:customer:email:... or shop:reader:email:...)" in done.stderr


@pytest.mark.parametrize("text", ["customer-1", "shop:customer:email", "shop::email:customer-1@example.com"])
def test_what_names_nobody_is_told(served: Playground, tmp_path: Path, text: str) -> None:
    """With what is accepted; the exit code is that of a wrong setting."""
    done = timeline(served, tmp_path, text)
    assert (done.returncode, served.requests()) == (2, [])
    assert b"accepted: source:type:identifier_type:value" in done.stderr


def test_filters_are_zendesks(served: Playground, tmp_path: Path) -> None:
    """By source, type and time; a type alone is none."""
    put(served, tmp_path, (1, "2026-11-01T10:00:00Z"), (2, "2026-11-02T10:00:00Z"), (3, "2026-11-03T10:00:00Z"))
    put(served, tmp_path, (4, "2026-11-02T12:00:00Z"), kind="order_sent")
    options = ("--source", "shop", "--type", "order_paid", "--start-time", "2026-11-02T10:00:00Z")
    found = json.loads(timeline(served, tmp_path, CUSTOMER, "--json", *options).stdout)
    assert [event["properties"]["number"] for event in found["events"]] == [3, 2]
    until = json.loads(timeline(served, tmp_path, CUSTOMER, "--json", "--end-time", "2026-11-01T11:00:00+01:00").stdout)
    assert [event["properties"]["number"] for event in until["events"]] == [1]
    assert timeline(served, tmp_path, CUSTOMER, "--type", "order_paid").returncode == 2
    assert timeline(served, tmp_path, CUSTOMER, "--start-time", "soon").returncode == 2


def test_times_are_those_of_the_users_zone(served: Playground, tmp_path: Path) -> None:
    """With the zone's name, summer time and all."""
    put(served, tmp_path, (1, "2026-07-01T23:30:00Z"))
    shown = timeline(served, tmp_path, CUSTOMER, environment={"TZ": "Europe/Berlin"}).stdout.decode()
    assert "2026-07-02" in shown
    assert "01:30:00 CEST" in shown


def test_nobody_is_told(served: Playground, tmp_path: Path) -> None:
    """Exit 1, and the same shape of JSON."""
    done = timeline(served, tmp_path, CUSTOMER, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"profile": None, "events": []})
    assert b"Zendesk knows no such profile" in done.stderr


def test_an_address_that_is_no_account_is_not_taken_for_nobody(served: Playground, tmp_path: Path) -> None:
    """There everything is missing."""
    served.set_faults(Fault(on="any", status=404, count=None))
    assert timeline(served, tmp_path, CUSTOMER).returncode == 2


def test_a_refusal_says_which_right_is_missing(tmp_path: Path) -> None:
    """A token without `users:read`."""
    known = Credentials(client_id="events_pipeline", client_secret="opens-nothing", scope="users:write")
    with Playground(credentials=known) as playground:
        done = timeline(playground, tmp_path, CUSTOMER, client_id=known.client_id, client_secret=known.client_secret)
        assert done.returncode == 2
        assert b"the credentials need the scope users:read" in done.stderr


def test_what_passes_is_waited_out(served: Playground, tmp_path: Path) -> None:
    """A 429 as long as it says, a 503 for a moment; a limit that lasts ends it."""
    put(served, tmp_path, (1, "2026-11-01T10:00:00Z"))
    served.set_faults(Fault(on="profiles", status=429, retry_after=1), Fault(on="reads", status=503))
    done = timeline(served, tmp_path, CUSTOMER)
    assert (done.returncode, b"1 event" in done.stdout) == (0, True)
    assert done.stderr.count(b"asking again in") == 2
    served.set_faults(Fault(on="profiles", status=429, retry_after=300, count=None))
    done = timeline(served, tmp_path, CUSTOMER)
    assert (done.returncode, b"try again in 300 s" in done.stderr) == (1, True)
