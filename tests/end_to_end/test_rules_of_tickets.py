"""Tickets through whole runs: made once, changed, commented on, and taken away, with numbers that add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.server import Playground

NEW = {
    "stream": "orders",
    "when": "not customer_id",
    "ticket": {
        "external_id": "{{ id }}",
        "requester": {"email": "{{ email }}", "name": "Customer"},
        "comment": {"body": "Order {{ id }} is {{ kind }}"},
    },
}
CHANGED = {
    "stream": "orders",
    "name": "changed",
    "when": "customer_id",
    "ticket": {"id": "{{ customer_id }}", "subject": "{{ kind }}", "comment": {"body": "Now it is {{ kind }}"}},
}
GONE = {"stream": "gone", "delete": {"ticket": "{{ customer_id }}"}}


@pytest.fixture
def settings(playground: Playground, tmp_path: Path) -> dict[str, Any]:
    """Return a configuration with rules for tickets."""
    return support.config(playground.url, tmp_path, rules=[NEW, CHANGED, GONE])


def run(settings: dict[str, Any], *records: dict[str, Any], stream: str = "orders") -> support.Ended:
    """Run the target with some records; its sums add up."""
    ended = support.run_here(settings, support.lines([support.schema(stream), *records]))
    for rule in ended.report["streams"][stream]["rules"].values():
        names = ("filtered", "too_old", "unmappable", "events")
        assert rule["matches"] == sum(rule[name] for name in names)
    return ended


def bodies(playground: Playground, method: str) -> list[Any]:
    """Return what was sent by one verb."""
    return [one.body["ticket"] for one in playground.requests() if one.method == method and one.body]


def test_a_ticket_is_made_once(settings: dict[str, Any], playground: Playground) -> None:
    """Whatever its record says later."""
    first = run(settings, support.record("orders", 1), support.record("orders", 2))
    again = run(settings, support.record("orders", 1, kind="refunded"))
    assert (first.report["totals"]["delivered"], again.report["totals"]["duplicate"]) == (2, 1)
    assert sorted(one["external_id"] for one in bodies(playground, "POST")) == ["1", "2"]


def test_a_change_and_its_comment_are_two_things(settings: dict[str, Any], playground: Playground) -> None:
    """The change goes before the comment; each is known on its own, and a record's two matches are counted."""
    run(settings, support.record("orders", 1))
    number = ticket_number(playground)
    ended = run(settings, support.record("orders", 1, kind="sent", customer_id=number))
    assert ended.report["streams"]["orders"]["rules"]["changed"]["matches"] == 2
    assert ended.report["totals"]["delivered"] == 2
    assert bodies(playground, "PUT") == [{"subject": "sent"}, {"comment": {"body": "Now it is sent"}}]
    again = run(settings, support.record("orders", 1, kind="sent", customer_id=number))
    assert (again.report["totals"]["delivered"], again.report["totals"]["duplicate"]) == (0, 2)
    other = run(settings, support.record("orders", 9, kind="sent", customer_id=number))
    assert (other.report["totals"]["delivered"], other.report["totals"]["duplicate"]) == (1, 1)


def test_a_ticket_that_is_gone_is_gone(settings: dict[str, Any], playground: Playground) -> None:
    """One that was never there too; and it is deleted once."""
    run(settings, support.record("orders", 1))
    rows = [
        support.record("gone", 1, customer_id=ticket_number(playground)),
        support.record("gone", 2, customer_id=999),
    ]
    assert run(settings, *rows, stream="gone").report["totals"]["delivered"] == 2
    assert run(settings, *rows, stream="gone").report["totals"]["duplicate"] == 2
    assert len({one.path for one in playground.requests() if one.method == "DELETE"}) == 2


def ticket_number(playground: Playground) -> int:
    """Return the number of the one ticket that was made."""
    (ticket,) = playground.tickets()
    return int(ticket["id"])
