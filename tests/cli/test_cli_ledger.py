"""`zendesk-events ledger`: what was sent, was this row sent, and what to forget; of one account alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forked
import pytest
import support

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

LEDGER = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "ledger"]


class Account:
    """One account with a run of three records behind it, on a ledger that it shares."""

    def __init__(self, playground: Playground, folder: Path, ledger: Path) -> None:
        """Deliver two events, and have one refused."""
        folder.mkdir()
        self.folder = folder
        self.playground = playground
        self.settings = support.config(playground.url, folder, ledger_url=f"sqlite:///{ledger}")
        self.run(support.record("orders", 1), support.record("orders", 2), support.record("orders", 3, kind="x" * 50))

    def run(self, *records: dict[str, Any]) -> support.Ended:
        """Run the target over records of the stream `orders`."""
        return support.run_here(self.settings, support.lines([support.schema("orders"), *records]))

    def ask(self, *arguments: str, given: bytes = b"") -> str:
        """Run the verb; return what it says on standard output."""
        done = self.try_to_ask(*arguments, given=given)
        done.check_returncode()
        return done.stdout.decode()

    def try_to_ask(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run the verb, to whatever end."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.settings))
        command = [*LEDGER, "--config", str(path), *arguments]
        return forked.run(command, input=given, capture_output=True, timeout=60, check=False, cwd=self.folder)


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[tuple[Account, Account]]:
    """Give a production and a sandbox on one ledger, each with three records behind it."""
    ledger = tmp_path / "ledger.sqlite"
    with Playground() as first, Playground() as second:
        yield Account(first, tmp_path / "production", ledger), Account(second, tmp_path / "sandbox", ledger)


def test_it_shows_what_this_account_sent(accounts: tuple[Account, Account]) -> None:
    """Events by stream and status, the month's use, and the runs; the other account's are not counted in."""
    shown = accounts[0].ask()
    assert "orders: 2 delivered\norders: 1 rejected\n" in shown
    assert "this account sent 2 events this month (UTC); at the pace of the last days " in shown
    assert shown.count(" exit 0 ") == 1


def test_it_tells_the_same_as_json(accounts: tuple[Account, Account]) -> None:
    """Streams, the month with its share and its forecast, and the newest runs, with what a verb did by hand."""
    production, _ = accounts
    production.settings["monthly_event_quota"] = 1_000
    production.ask("prune", "--unseen-days", "9", "--yes")
    told = json.loads(production.ask("--json"))
    assert told["streams"] == {"orders": {"delivered": 2, "rejected": 1}}
    assert told["kinds"] == {"event": {"month": 2, "today": 2, "outcomes": {"delivered": 2, "rejected": 1}}}
    month = told["month"]
    assert (month["sent"], month["quota"], month["percent"], told["today"]) == (2, 1_000, 0.2, 2)
    assert month["forecast"] >= 2
    assert month["forecast_percent"] == month["forecast"] / 10
    by_hand, run = told["runs"]
    assert (by_hand["end"], by_hand["exit_code"], by_hand["events"]) == ("by hand", None, 0)
    assert (run["end"], run["exit_code"], run["events"]) == ("exit 0", 0, 3)
    assert run["started"] <= run["ended"]


PROFILE: dict[str, Any] = {
    "stream": "members",
    "profile": {
        "identifiers": {"shop_customer_id": "{{ customer_id }}"},
        "attributes": {"plan": "{{ kind }}"},
        "method": "replace",
    },
}


def test_it_tells_kinds_apart(accounts: tuple[Account, Account]) -> None:
    """Each with its outcomes and what was sent of it; the month's quota is the events' alone."""
    production, _ = accounts
    production.settings["rules"] = [*production.settings["rules"], PROFILE]
    members = [support.record("members", number, customer_id=number, kind="gold") for number in (1, 2, 3)]
    support.run_here(production.settings, support.lines([support.schema("members"), *members]))
    told = json.loads(production.ask("--json"))
    assert told["kinds"]["profile"] == {"month": 3, "today": 3, "outcomes": {"delivered": 3}}
    assert (told["kinds"]["event"]["month"], told["month"]["sent"], told["today"]) == (5, 5, 5)
    assert "\nprofiles: 3 delivered, 3 sent this month (UTC), 3 today\n" in production.ask()
    given = support.lines(
        [support.schema("members"), *members[:1], {**members[1], "record": {**members[1]["record"], "kind": "silver"}}]
    )
    same, other = (line for line in production.ask("find", given=given).splitlines() if "members:profile" in line)
    assert "delivered, first sent" in same
    assert "not sent with this content; another of the same is delivered, of " in other


def test_it_finds_a_record_s_event(accounts: tuple[Account, Account]) -> None:
    """Each record is answered: sent when and how it ended, or not sent."""
    records = [support.record("orders", 1), support.record("orders", 3, kind="x" * 50), support.record("orders", 4)]
    found = accounts[0].ask("find", given=support.lines([support.schema("orders"), *records])).splitlines()
    assert len(found) == 3
    assert "delivered, first sent" in found[0]
    assert "rejected, first sent" in found[1]
    assert found[2].endswith("not sent")


def test_what_is_forgotten_is_sent_again_to_this_account_alone(accounts: tuple[Account, Account]) -> None:
    """To prune a stream of the sandbox leaves the production's events known."""
    production, sandbox = accounts
    assert sandbox.ask("prune", "--stream", "orders", "--yes").startswith("3 forgotten")
    assert production.run(support.record("orders", 1)).report["totals"]["duplicate"] == 1
    report = sandbox.run(support.record("orders", 1)).report
    assert report["totals"]["delivered"] == 1
    assert "changed" not in next(iter(report["streams"]["orders"]["rules"].values()))


@pytest.mark.parametrize("above", [("--config", "ENV", "--config", "config.json"), ()])
def test_config_stands_before_the_verb_or_after_it(above: tuple[str, ...], tmp_path: Path) -> None:
    """Meltano puts it before, a hand after."""
    messages = support.lines([support.schema("orders"), support.record("orders", 1)])
    below = () if above else ("--config", "config.json")
    with Playground() as served:
        settings = support.config(served.url, tmp_path)
        assert support.run_process(settings, messages, tmp_path)[0].exit_code == 0
    (tmp_path / "config.json").write_text(json.dumps(settings))

    def ask(*arguments: str) -> str:
        command = [*LEDGER, *above, *arguments, *below]
        return forked.run(
            command, input=messages, capture_output=True, check=True, timeout=30, cwd=tmp_path
        ).stdout.decode()

    assert ": delivered, first sent" in ask("find")
    assert "1 forgotten" in ask("prune", "--stream", "orders", "--yes")
    assert ask("find").endswith(": not sent\n")


@pytest.mark.parametrize("to", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_the_pipeline_goes_on_with_a_copy(
    to: str, accounts: tuple[Account, Account], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What was sent by the old ledger is known to the new one, of both accounts; counts are equal and are told."""
    url = f"sqlite:///{tmp_path}/moved/ledger.sqlite" if to == "sqlite" else request.getfixturevalue("server_url")
    said = accounts[0].ask("copy", "--to", url)
    assert "6 keys, 2 streams, 2 runs" in said
    for account in accounts:
        before = json.loads(account.ask("--json"))
        account.settings["ledger_url"] = url
        assert json.loads(account.ask("--json")) == before
        ended = account.run(support.record("orders", 1), support.record("orders", 4))
        assert (ended.report["totals"]["duplicate"], ended.report["totals"]["delivered"]) == (1, 1)
        assert len(account.playground.events()) == 3


def test_a_copy_needs_another_ledger(accounts: tuple[Account, Account], tmp_path: Path) -> None:
    """A URL that is none is told by its option, without its value; a ledger is not copied onto one that holds any."""
    production, _ = accounts
    for url, sentence in (
        ("mysql://user:hush@host/x", "--to is no URL of a ledger"),
        ("none", "--to names no ledger [ZE116]"),
        (f"sqlite:///{tmp_path}/ledger.sqlite", "holds a ledger already"),
    ):
        done = production.try_to_ask("copy", "--to", url)
        assert done.returncode == 2
        assert sentence in done.stderr.decode()
        assert b"hush" not in done.stderr
