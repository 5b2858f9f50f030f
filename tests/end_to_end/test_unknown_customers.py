"""What becomes of events and profiles of somebody whom Zendesk does not know, as `unknown_customers` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

RULES: list[dict[str, Any]] = [
    {
        "stream": "orders",
        "profile": {"source": "shop", "identifiers": {"external_id": "{{ customer }}", "shop_id": "{{ customer }}"}},
        "event": {"source": "shop", "type": "order", "created_at": "2026-11-01T10:00:00Z", "properties": ["id"]},
    },
]
SCHEMA: dict[str, Any] = {
    "type": "SCHEMA",
    "stream": "orders",
    "schema": {"properties": {"id": {"type": "integer"}, "customer": {"type": ["string", "null"]}}},
    "key_properties": ["id"],
}


@pytest.fixture
def playground() -> Iterator[Playground]:
    """Serve a playground."""
    with Playground() as served:
        yield served


def orders(*customers: str | None, first: int = 1) -> bytes:
    """Return an order of each customer, and a STATE."""
    records = [
        {"type": "RECORD", "stream": "orders", "record": {"id": number, "customer": customer}}
        for number, customer in enumerate(customers, start=first)
    ]
    return support.lines([SCHEMA, *records, support.state({"upto": len(customers)})])


def run(playground: Playground, folder: Path, given: bytes, **settings: Any) -> support.Ended:
    """Run the target."""
    folder.mkdir(exist_ok=True)
    return support.run_here(support.config(playground.url, folder, **{"rules": RULES, **settings}), given)


def make_known(playground: Playground, folder: Path, *customers: str) -> None:
    """Have Zendesk know some customers, by an event of theirs."""
    rules = [{**RULES[0], "dedupe": False}]
    ended = run(playground, folder / "before", orders(*customers, first=1_000), rules=rules)
    assert ended.report["totals"]["delivered"] == len(customers)


def looked_up(playground: Playground) -> int:
    """Return how many requests asked for users."""
    return sum("/users/" in one.path and "me.json" not in one.path for one in playground.requests())


def test_events_of_strangers_are_skipped_until_they_are_known(playground: Playground, tmp_path: Path) -> None:
    """`skip` counts them, sets nothing aside, and sends them when they come again and their customer is known."""
    make_known(playground, tmp_path, "c-1")
    ended = run(playground, tmp_path, orders("c-1", "c-2", "c-2"), unknown_customers="skip")
    assert (ended.exit_code, ended.report["totals"]["delivered"], ended.report["totals"]["unknown_customer"]) == (
        0,
        1,
        2,
    )
    assert ended.letters == []
    assert ended.states[-1] == {"upto": 3}
    make_known(playground, tmp_path, "c-2")
    again = run(playground, tmp_path, orders("c-1", "c-2", "c-2"), unknown_customers="skip")
    assert (
        again.report["totals"]["delivered"],
        again.report["totals"]["duplicate"],
        again.report["totals"]["unknown_customer"],
    ) == (2, 1, 0)


def test_events_of_strangers_are_set_aside(playground: Playground, tmp_path: Path) -> None:
    """`set_aside` keeps them, with why, for a replay."""
    make_known(playground, tmp_path, "c-1")
    ended = run(playground, tmp_path, orders("c-1", "c-2"), unknown_customers="set_aside", max_set_aside_percent=100)
    assert (ended.report["totals"]["delivered"], ended.report["totals"]["rejected"]) == (1, 1)
    note = ended.letters[0]["dead_letter"]
    assert (note["reason"], note["code"]) == ("unknown_customer", "ZE746")


def test_a_customer_is_asked_for_once(playground: Playground, tmp_path: Path) -> None:
    """Together with others, and not again in the next run: the ledger keeps what was found."""
    make_known(playground, tmp_path, *(f"c-{number}" for number in range(20)))
    customers = [f"c-{number % 20}" for number in range(60)]
    run(playground, tmp_path, orders(*customers), unknown_customers="skip")
    assert looked_up(playground) == 1
    run(playground, tmp_path, orders(*customers, first=500), unknown_customers="skip")
    assert looked_up(playground) == 1


def test_a_customer_without_a_name_of_zendesks_is_a_stranger(playground: Playground, tmp_path: Path) -> None:
    """A record whose standard identifiers are null names nobody who could be known; nobody is asked for it."""
    rules = [{**RULES[0], "profile": {"source": "shop", "identifiers": {"external_id": "{{ customer }}", "n": "7"}}}]
    ended = run(playground, tmp_path, orders(None), rules=rules, unknown_customers="skip")
    assert ended.report["totals"]["unknown_customer"] == 1
    assert looked_up(playground) == 0


def test_create_asks_nobody(playground: Playground, tmp_path: Path) -> None:
    """By default Zendesk makes a user of whoever is new."""
    ended = run(playground, tmp_path, orders("c-1"))
    assert ended.report["totals"]["delivered"] == 1
    assert looked_up(playground) == 0


def test_a_rule_whose_customers_cannot_be_asked_for_is_a_fault_at_the_start(
    playground: Playground, tmp_path: Path
) -> None:
    """An identifier of one's own tells Zendesk's users from nobody."""
    rules = [{**RULES[0], "profile": {"source": "shop", "identifiers": {"shop_id": "{{ customer }}"}}}]
    with pytest.raises(ConfigurationError, match=r"external_id or email.*\[ZE223\]"):
        run(playground, tmp_path, orders("c-1"), rules=rules, unknown_customers="skip")


def test_a_limit_that_a_look_up_met_once_is_no_outage(playground: Playground, tmp_path: Path) -> None:
    """Nothing is sent, since nobody is known; yet Zendesk answers, so the run goes on beyond `max_outage_seconds`."""
    limited = Fault(429, on="users")
    slow = Fault(on="users", count=None, delay=0.2)
    playground.set_faults(limited, slow)
    strangers = [f"n,{number}" for number in range(60)]  # a comma: each is asked for alone
    ended = run(playground, tmp_path, orders(*strangers), unknown_customers="skip", max_outage_seconds=2)
    assert ended.exit_code == 0
    assert ended.report["totals"]["unknown_customer"] == 60
