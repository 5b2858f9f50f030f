"""Profiles sent alone: each goes when its content differs from what was last sent, and what was sent counts by kind."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

RULE: dict[str, Any] = {
    "stream": "customers",
    "profile": {
        "identifiers": {"shop_customer_id": "{{ customer_id }}"},
        "attributes": {"plan": "{{ kind }}"},
        "method": "replace",
    },
}


def records(*plans: str, stream: str = "customers") -> bytes:
    """Return a stream in which a customer has one plan after another, each in a row of its own."""
    rows = [support.record(stream, number, customer_id=7, kind=plan) for number, plan in enumerate(plans, 1)]
    return support.lines([support.schema(stream), *rows, support.state({"upto": len(rows)})])


def plans(playground: Playground) -> Sequence[str]:
    """Return the plan of each profile that was put."""
    return [one.body["profile"]["attributes"]["plan"] for one in playground.requests() if one.body]


def outcomes(ended: support.Ended) -> dict[str, int]:
    """Return what became of the run's shipments."""
    return {name: count for name in ("delivered", "duplicate", "rejected") if (count := ended.report["totals"][name])}


def test_a_plan_that_comes_back_is_sent_again(playground: Playground, tmp_path: Path) -> None:
    """Gold, silver, silver and gold are three sendings, whatever row and stream they come of."""
    settings = support.config(playground.url, tmp_path, rules=[RULE, {**RULE, "stream": "members"}])
    ended = support.run_here(settings, records("gold", "silver", "silver", "gold"))
    assert outcomes(ended) == {"delivered": 3, "duplicate": 1}
    assert plans(playground) == ["gold", "silver", "gold"]
    assert outcomes(support.run_here(settings, records("gold", stream="members"))) == {"duplicate": 1}


def test_what_was_last_settled_is_sent_after_what_is_on_its_way(playground: Playground, tmp_path: Path) -> None:
    """The ledger holds gold; silver is looked up with it, and goes first: then gold is another content again."""
    settings = support.config(playground.url, tmp_path, rules=[RULE])
    support.run_here(settings, records("gold"))
    assert outcomes(support.run_here(settings, records("gold", "silver", "gold"))) == {"delivered": 2, "duplicate": 1}
    assert plans(playground) == ["gold", "silver", "gold"]


@pytest.mark.parametrize("known", [(), ("gold",)])
def test_a_dry_run_counts_what_a_run_would_send(
    playground: Playground, tmp_path: Path, caplog: pytest.LogCaptureFixture, known: tuple[str, ...]
) -> None:
    """Content after content, as the run would settle them."""
    caplog.set_level(logging.INFO)
    settings = support.config(playground.url, tmp_path, rules=[RULE])
    if known:
        support.run_here(settings, records(*known))
    before = len(playground.requests())
    support.run_here({**settings, "dry_run": True}, records("gold", "silver", "silver", "gold"))
    count = 3 - len(known)
    assert f"dry run: {count} profile{'' if count == 1 else 's'} would be sent" in caplog.text
    assert len(playground.requests()) == before
    ended = support.run_here(settings, records("gold", "silver", "silver", "gold"))
    assert outcomes(ended)["delivered"] == 3 - len(known)


def test_a_replay_does_not_undo_what_was_sent_since(playground: Playground, tmp_path: Path) -> None:
    """Silver was refused, and gold sent after it: replayed, silver is a duplicate. Refused last, it goes."""
    settings = support.config(playground.url, tmp_path, rules=[RULE])
    playground.set_faults(Fault(status=400, on="profiles", contains="silver", count=2))
    refused = support.run_here(settings, records("silver", "gold"))
    assert outcomes(refused) == {"delivered": 1, "rejected": 1}
    replayed = support.lines([support.schema("customers"), *refused.letters])
    assert outcomes(support.run_here(settings, replayed)) == {"duplicate": 1}
    assert outcomes(support.run_here(settings, records("silver"))) == {"rejected": 1}
    assert outcomes(support.run_here(settings, replayed)) == {"delivered": 1}
    assert plans(playground)[-1] == "silver"


DELETE: dict[str, Any] = {
    "stream": "customers",
    "when": "kind == 'gone'",
    "delete": {"profile": {"identifiers": {"shop_customer_id": "{{ customer_id }}"}}},
}
KEEP: dict[str, Any] = {**RULE, "when": "kind != 'gone'"}


def test_what_was_taken_away_comes_back_as_it_was(playground: Playground, tmp_path: Path) -> None:
    """Gold, gone and gold again are three sendings, of which two count as profiles and one as a deletion."""
    settings = support.config(playground.url, tmp_path, rules=[KEEP, DELETE])
    assert outcomes(support.run_here(settings, records("gold", "gone", "gone", "gold"))) == {
        "delivered": 3,
        "duplicate": 1,
    }
    assert [one.method for one in playground.requests() if one.method != "GET"] == ["PUT", "DELETE", "PUT"]
    assert outcomes(support.run_here(settings, records("gold"))) == {"duplicate": 1}


def test_a_run_that_deletes_too_much_ends(playground: Playground, tmp_path: Path) -> None:
    """At the day's number, which the next run knows of; what else there is to send has no such brake."""
    settings = support.config(playground.url, tmp_path, rules=[KEEP, DELETE], max_deletions_per_day=2)
    support.run_here(settings, customers(5, "gold"))
    ended = support.run_here(settings, customers(5, "gone"))
    assert (ended.exit_code, ended.report["codes"], ended.report["totals"]["delivered"]) == (1, ["ZE505"], 2)
    assert [one.method for one in playground.requests()].count("DELETE") == 2
    again = support.run_here(settings, customers(5, "gone"))
    assert (again.exit_code, outcomes(again)) == (1, {"duplicate": 2})
    assert outcomes(support.run_here(settings, customers(5, "silver"))) == {"delivered": 5}


def customers(count: int, plan: str) -> bytes:
    """Return a stream of so many customers."""
    rows = [support.record("customers", number, customer_id=number, kind=plan) for number in range(count)]
    return support.lines([support.schema("customers"), *rows, support.state({"upto": count})])
