"""`zendesk-events replay`: what waits is listed, shown and chosen among, with nothing sent."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
REFUSAL = Fault(status=400, contains="customer-1@", count=None)
LOSS = Fault(status=500, contains="customer-9@", count=None)
STREAMS = ("logins", "orders")


class House:
    """A folder in which seven letters wait, of two streams and five reasons."""

    def __init__(self, playground: Playground, folder: Path) -> None:
        """Set them aside, the held one last."""
        self.playground, self.folder = playground, folder
        self.settings = support.config(playground.url, folder)
        playground.set_faults(REFUSAL, LOSS)
        bad = [support.record("orders", number, kind=None) for number in (5, 6)]
        bad += [support.record("orders", "seven"), support.record("orders", 8, kind="x" * 50)]
        messages = [
            *map(support.schema, STREAMS),
            *(support.record(stream, number) for stream in STREAMS for number in range(3)),
        ]
        support.run_here(self.settings, support.lines([*messages, *bad]))
        held = [support.schema("orders"), support.record("orders", 9)]
        support.run_here({**self.settings, "on_unknown_outcome": "hold"}, support.lines(held))
        playground.set_faults()
        self.sent = len(playground.events())

    def replay(self, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
        """Run the verb."""
        settings = {**self.settings, **settings}
        (self.folder / "config.json").write_text(json.dumps(settings))
        return support.command(None, self.folder, "replay", "--config", "config.json", *arguments, program=VERBS)

    def listed(self, *arguments: str) -> dict[str, Any]:
        """Return what `--list --json` says."""
        said: dict[str, Any] = json.loads(self.replay("--list", "--json", *arguments).stdout)
        return said

    @property
    def letters(self) -> dict[str, bytes]:
        """Return the files as they are."""
        return {path.name: path.read_bytes() for path in self.folder.glob("data/dead-letters/*")}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Playground() as playground:
        yield House(playground, tmp_path)


def test_what_waits_is_listed_by_stream_reason_rule_and_field(house: House) -> None:
    """With counts, the oldest and a number to show; nothing is sent, and no file is touched."""
    before = house.letters
    told = house.listed()
    groups = [(one["stream"], one["reason"], one["rule"], one["field"], one["count"]) for one in told["groups"]]
    rule = "*:{{ kind }}"
    assert sorted(groups, key=str) == [
        ("logins", "refused", rule, None, 1),
        ("orders", "invalid", None, "id", 1),
        ("orders", "limit", rule, "event.type", 1),
        ("orders", "refused", rule, None, 1),
        ("orders", "unknown", rule, None, 1),
        ("orders", "unmappable", rule, "event.type", 2),
    ]
    assert (told["waiting"], told["listed"], told["held"]) == (7, 7, 1)
    assert all(re.fullmatch(r"ZE7\d\d", one["code"]) for one in told["groups"])
    age = dt.datetime.now(dt.timezone.utc) - dt.datetime.fromisoformat(told["groups"][0]["oldest"])
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=1)
    shown = house.replay("--list").stdout.decode()
    assert re.search(r"orders +unmappable +\*:\{\{ kind }} +event\.type +2 ", shown)
    assert "7 dead letters wait in" in shown
    assert "1 of them held" in shown
    assert (house.letters, len(house.playground.events())) == (before, house.sent)


def test_one_is_shown_with_its_record_and_why(house: House) -> None:
    """By the number that the list tells; a number that is none is a wrong use."""
    (group,) = house.listed("--reason", "limit")["groups"]
    shown = house.replay("--show", str(group["first"])).stdout.decode()
    for part in ("reason: limit", "event.type has 50 characters", "what to do: mend the rule", '"id": 8,'):
        assert part in shown
    told = json.loads(house.replay("--show", str(group["first"]), "--json").stdout)
    assert (told["record"]["id"], told["dead_letter"]["reason"]) == (8, "limit")
    assert house.replay("--show", "8").returncode == 2


def test_a_value_of_the_record_is_shown_as_the_tap_wrote_it(house: House) -> None:
    """All its digits, and no colours of its own."""
    (path,) = house.folder.glob("data/dead-letters/logins.*")
    path.write_bytes(path.read_bytes().replace(b'"id": 1,', b'"id": 1.00000000000000000001, "n": "\\u001b[31m", '))
    shown = house.replay("--show", "1").stdout
    assert b"1.00000000000000000001" in shown
    assert b"\x1b" not in shown


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (["--stream", "logins"], 1),
        (["--reason", "unmappable"], 2),
        (["--reason", "unmappable", "--reason", "refused"], 4),
        (["--reason", "refused", "--stream", "orders"], 1),
        (["--since", "1 hour"], 7),
        (["--since", "9999-01-01"], 0),
        (["--stream", "nobody's"], 0),
    ],
)
def test_what_is_chosen_is_listed_and_goes_alone(house: House, chosen: list[str], count: int) -> None:
    """What was not chosen waits as it was, and `last-run.json` counts it."""
    assert house.listed(*chosen)["listed"] == count
    held = house.listed(*chosen)["held"]
    rule = {**support.RULE, "event": {**support.RULE["event"], "type": "order"}}
    done = house.replay(*chosen, rules=[rule], validate_records=False)
    assert done.returncode == 0, done.stderr.decode()
    assert len(house.playground.events()) == house.sent + count - held
    assert house.listed()["waiting"] == 7 - count + held
    report = json.loads((house.folder / "data" / "last-run.json").read_bytes())
    assert report["dead_letters_waiting"] == 7 - count + held


def test_the_chosen_need_not_mind_the_rules_of_others(house: House) -> None:
    """A rule that does not fit the stream `orders` keeps no letter of `logins`."""
    misfit = {**support.RULE, "stream": "orders", "dedupe_key": "{{ no_such_field }}"}
    done = house.replay("--stream", "logins", rules=[misfit, {**support.RULE, "stream": "logins"}])
    assert (done.returncode, house.listed()["waiting"]) == (0, 6)


def test_what_the_rules_would_make_of_them_is_tried(house: House) -> None:
    """As a replay would go, with nothing sent, written or changed; 1 where anything would be set aside again."""
    before, files = house.letters, sorted(house.folder.rglob("*"))
    done = house.replay("--try")
    shown = done.stdout.decode()
    assert done.returncode == 1
    assert b"1 held letters wait: --held" in done.stderr
    assert "customer-1@example.com" in shown
    assert "would be set aside: 2 unmappable: rule '*:{{ kind }}': event.type: is null" in shown
    assert "A run would send 2 events" in shown
    assert "of the input" not in shown
    mended = {**support.RULE, "event": {**support.RULE["event"], "type": "order"}}
    told = house.replay("--try", "--held", "--json", rules=[mended], validate_records=False)
    numbers = json.loads(told.stdout)["streams"]["orders"]["rules"]["*:order"]
    assert (told.returncode, numbers["matches"], numbers["new"], numbers["known"]) == (0, 6, 6, 0)
    assert sorted({*house.folder.rglob("*")} - {house.folder / "config.json"}) == files
    assert (house.letters, len(house.playground.events())) == (before, house.sent)


def test_a_try_keeps_to_what_is_chosen(house: House) -> None:
    """A stream that is not meant need not fit its rules."""
    misfit = {**support.RULE, "stream": "orders", "dedupe_key": "{{ no_such_field }}"}
    rules = [misfit, {**support.RULE, "stream": "logins"}]
    told = house.replay("--try", "--json", "--stream", "logins", rules=rules)
    assert (told.returncode, list(json.loads(told.stdout)["streams"])) == (0, ["logins"])
    assert house.replay("--try", rules=rules).returncode == 2


def ledger_lines(house: House) -> list[str]:
    """Return what the ledger says of the stream `orders`."""
    shown = support.command(None, house.folder, "ledger", "--config", "config.json", program=VERBS).stdout.decode()
    return [line for line in shown.splitlines() if line.startswith("orders: ")]


@pytest.mark.parametrize("ledger", ["sqlite", "none"])
def test_what_is_thrown_away_leaves_a_line(house: House, ledger: str) -> None:
    """Which says what, when and why; the record is gone, and every count tells of it."""
    given = {} if ledger == "sqlite" else {"ledger_url": "none"}
    done = house.replay("--discard", "rows of a test", "--yes", "--stream", "orders", "--reason", "unknown",
                        "--reason", "limit", **given)  # fmt: skip
    assert (done.returncode, b"2 dead letters thrown away" in done.stdout) == (0, True), done.stderr.decode()
    kept = house.folder / "data" / "dead-letters" / "discarded.jsonl"
    told = [json.loads(line) for line in kept.read_text().splitlines()]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert sorted(one["key_properties"]["id"] for one in told) == [8, 9]
    assert {one["dead_letter"]["reason"] for one in told} == {"unknown", "limit"}
    assert {one["why"] for one in told} == {"rows of a test"}
    age = dt.datetime.now(dt.timezone.utc) - dt.datetime.fromisoformat(told[0]["discarded"])
    assert age < dt.timedelta(minutes=1)
    assert "customer-8" not in kept.read_text()
    assert house.listed()["waiting"] == 5
    assert json.loads((house.folder / "data" / "last-run.json").read_bytes())["dead_letters_waiting"] == 5
    if ledger == "sqlite":
        assert ledger_lines(house) == [
            "orders: 2 delivered", "orders: 1 rejected", "orders: 3 set aside", "orders: 2 discarded",
        ]  # fmt: skip
    assert len(house.playground.events()) == house.sent


def test_what_was_thrown_away_does_not_come_back(house: House) -> None:
    """The tap sends it again: known, not sent, no second letter, and not among those that wait; no replay has it."""
    assert house.replay("--discard", "rows of a test", "--yes").returncode == 0
    again = [support.record("orders", "seven"), support.record("orders", 8, kind="x" * 50), support.record("orders", 9)]
    report = support.run_here(house.settings, support.lines([support.schema("orders"), *again])).report
    numbers = report["totals"]
    assert (numbers["duplicate"], numbers["duplicate_rejected"], numbers["duplicate_held"]) == (2, 0, 0)
    assert report["dead_letters_waiting"] == 0
    assert house.replay("--held").returncode == 0
    assert len(house.playground.events()) == house.sent


def test_nothing_is_thrown_away_unless_it_is_confirmed(house: House) -> None:
    """Nor where nothing fits."""
    before = house.letters
    assert house.replay("--discard", "why").returncode == 1
    done = house.replay("--discard", "why", "--stream", "nobody's", "--yes")
    assert (done.returncode, b"none is meant" in done.stdout) == (0, True)
    assert house.letters == before


def test_a_file_that_a_run_writes_is_left_alone(house: House) -> None:
    """What a run may yet add to is not thrown away under it."""
    (path,) = house.folder.glob("data/dead-letters/logins.*")
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = house.replay("--discard", "why", "--yes")
    assert (done.returncode, b"left alone" in done.stderr, sorted(house.letters)) == (
        0, True, ["discarded.jsonl", path.name],
    )  # fmt: skip


def test_a_dry_run_s_replay_needs_no_folder(tmp_path: Path) -> None:
    """It makes none."""
    (tmp_path / "config.json").write_text(
        json.dumps({**support.config("http://127.0.0.1:9", tmp_path), "dry_run": True})
    )
    assert support.command(None, tmp_path, "replay", "--config", "config.json", program=VERBS).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


WRONG = (
    ["--discard", " "],
    ["--discard", "why", "--json"],
    ["--since", "yesterday"],
    ["--reason", "bad"],
    ["--json"],
    ["--list", "--try"],
    ["--show", "1", "--list"],
)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_use_is_told(house: House, wrong: list[str]) -> None:
    """With exit code 2, and nothing sent."""
    assert house.replay(*wrong).returncode == 2
    assert len(house.playground.events()) == house.sent


def test_where_nothing_waits_it_is_said(tmp_path: Path) -> None:
    """Also where there is no folder yet, and nobody has an account; nothing is made."""
    (tmp_path / "config.json").write_text(json.dumps({"rules": [support.RULE], "source": "shop"}))
    done = support.command(None, tmp_path, "replay", "--config", "config.json", "--list", program=VERBS)
    assert (done.returncode, b"no dead letters wait in" in done.stdout) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
