"""`zendesk-events replay`: sends dead letters again, and takes out of their files what was settled."""

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

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

REPLAY = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "replay"]
REFUSAL = Fault(status=400, count=None)
LOSS = Fault(status=500, store=True, count=None)
LOSS_ONCE = Fault(status=500, store=True)


class Desk:
    """A playground, and a target whose letters are replayed there."""

    def __init__(self, playground: Playground, folder: Path) -> None:
        """Have no letters yet."""
        self.playground = playground
        self.folder = folder

    def set_aside(self, fault: Fault, *messages: dict[str, Any], **settings: Any) -> None:
        """Run the target while Zendesk answers everything with `fault`."""
        self.playground.set_faults(fault)
        support.run_here(support.config(self.playground.url, self.folder, **settings), support.lines(messages))
        self.playground.set_faults()

    def replay(self, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
        """Run the verb."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(support.config(self.playground.url, self.folder, **settings)))
        command = [*REPLAY, "--config", str(path), *arguments]
        return forked.run(command, capture_output=True, timeout=60, check=False, cwd=self.folder)

    @property
    def waiting(self) -> list[tuple[str, int]]:
        """Return the letters that wait: stream and number."""
        paths = sorted(self.folder.glob("data/dead-letters/*"))
        return [(letter["stream"], letter["record"]["id"]) for path in paths for letter in support.letters_of(path)]

    @property
    def stored(self) -> list[int]:
        """Return the numbers of the events on timelines."""
        return sorted(event.body["event"]["properties"]["number"] for event in self.playground.events())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Playground() as playground:
        yield Desk(playground, tmp_path)


@pytest.mark.parametrize("number", [1, "one"])
def test_what_still_yields_no_event_waits_on(desk: Desk, number: object) -> None:
    """Unmappable or invalid as before, it goes into a new file as it leaves the old one: none is lost."""
    desk.set_aside(REFUSAL, support.schema("orders"), support.record("orders", number, kind=None))
    for _ in range(2):
        assert desk.replay().returncode == 0
        assert (desk.stored, desk.waiting) == ([], [("orders", number)])


def test_what_is_settled_leaves_its_file(desk: Desk) -> None:
    """What is taken is gone from the files, what is refused again waits in a new one, and nothing is sent twice."""
    desk.set_aside(REFUSAL, support.schema("orders"), *(support.record("orders", number) for number in range(3)))
    desk.playground.set_faults(Fault(status=400, contains="customer-1@", count=None))
    assert desk.replay().returncode == 0
    assert (desk.stored, desk.waiting) == ([0, 2], [("orders", 1)])
    desk.playground.set_faults()
    assert desk.replay().returncode == 0
    assert (desk.stored, desk.waiting) == ([0, 1, 2], [])
    assert list((desk.folder / "data" / "dead-letters").iterdir()) == []


@pytest.mark.parametrize("mended", [False, True])
def test_after_a_perfect_replay_nothing_is_said_to_wait(desk: Desk, mended: bool) -> None:
    """Neither by the ledger nor by `last-run.json`, whether the rules stayed or were mended, and give other events."""
    records = [support.record("orders", number, kind=None if number == 3 else "paid") for number in range(4)]
    desk.set_aside(REFUSAL, support.schema("orders"), *records, support.record("orders", "four"))
    event = {
        **support.RULE["event"],
        "type": "{{ kind or 'unpaid' }}_{{ stream }}" if mended else "{{ kind or 'unpaid' }}",
    }
    settings = {"rules": [{**support.RULE, "event": event}], "validate_records": False}
    assert desk.replay(**settings).returncode == 0
    assert (len(desk.playground.events()), desk.waiting) == (5, [])
    assert json.loads((desk.folder / "data" / "last-run.json").read_bytes())["dead_letters_waiting"] == 0
    shown = support.command(
        None, desk.folder, "ledger", "--config", str(desk.folder / "config.json"), program=REPLAY[:-1]
    )
    assert [line for line in shown.stdout.decode().splitlines() if line.startswith("orders: ")] == [
        "orders: 5 delivered"
    ]


def test_what_fails_again_is_known_still(desk: Desk) -> None:
    """Its new letter waits, and the tap's own record is a duplicate of it."""
    desk.set_aside(
        REFUSAL, support.schema("orders"), support.record("orders", 0), support.record("orders", 1, kind=None)
    )
    desk.playground.set_faults(REFUSAL)
    assert desk.replay().returncode == 0
    assert sorted(desk.waiting) == [("orders", 0), ("orders", 1)]
    desk.set_aside(
        REFUSAL, support.schema("orders"), support.record("orders", 0), support.record("orders", 1, kind=None)
    )
    assert sorted(desk.waiting) == [("orders", 0), ("orders", 1)]


def test_held_letters_wait_for_a_word(desk: Desk) -> None:
    """What may be on the timeline goes with `--held` alone, and shows twice only where that is asked for."""
    messages = [support.schema("orders"), support.record("orders", 0)]
    desk.set_aside(LOSS, *messages, on_unknown_outcome="hold")
    assert b"1 held letters wait" in desk.replay().stderr
    assert (desk.stored, desk.waiting) == ([0], [("orders", 0)])
    assert desk.replay("--blindly").returncode == 2
    assert desk.replay("--held", "--blindly").returncode == 0
    assert (desk.stored, desk.waiting) == ([0, 0], [])


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
@pytest.mark.parametrize("timed", [True, False])
def test_held_letters_are_read_back_first(desk: Desk, policy: str, timed: bool) -> None:
    """Half of what was held is stored: each shows once after `--held`, under each policy, with a time or without."""
    event = {name: value for name, value in support.RULE["event"].items() if timed or name != "created_at"}
    settings = {"rules": [{**support.RULE, "event": event}]}
    for number in range(6):
        loss = LOSS if number % 2 else Fault(status=500, count=None)
        desk.set_aside(
            loss, support.schema("orders"), support.record("orders", number), on_unknown_outcome="hold", **settings
        )
    assert desk.stored == [1, 3, 5]
    done = desk.replay("--held", on_unknown_outcome=policy, **settings)
    assert done.returncode == 0, done.stderr.decode()
    assert (desk.stored, desk.waiting) == ([0, 1, 2, 3, 4, 5], [])
    assert desk.replay("--held", on_unknown_outcome=policy, **settings).returncode == 0
    assert desk.stored == [0, 1, 2, 3, 4, 5]


def test_held_letters_that_look_the_same_stand_in_for_none(desk: Desk) -> None:
    """Two logins of a customer in one second, of which one is stored: the other is sent."""
    event = {**support.RULE["event"], "properties": {}}
    settings = {"rules": [{**support.RULE, "event": event}], "max_in_flight": 1}
    logins = [support.record("orders", number, email="customer-1@example.com") for number in range(2)]
    desk.playground.set_faults(LOSS_ONCE, Fault(status=500, count=None))
    given = support.lines([support.schema("orders"), *logins])
    held = support.config(desk.playground.url, desk.folder, on_unknown_outcome="hold", **settings)
    assert support.run_here(held, given).report["totals"]["held"] == 2
    desk.playground.set_faults()
    assert len(desk.playground.events()) == 1
    assert desk.replay("--held", **settings).returncode == 0
    assert (len(desk.playground.events()), desk.waiting) == (2, [])


def test_what_cannot_be_read_back_is_held_still(desk: Desk) -> None:
    """Where equal events are different ones, or reads are refused, it waits on, and the way out is told."""
    messages = [support.schema("orders"), support.record("orders", 0)]
    desk.set_aside(LOSS, *messages, on_unknown_outcome="hold")
    desk.playground.set_faults(Fault(on="reads", status=403, count=None))
    assert desk.replay("--held").returncode == 0
    assert (desk.stored, desk.waiting) == ([0], [("orders", 0)])
    (letter,) = [one for path in desk.folder.glob("data/dead-letters/*") for one in support.letters_of(path)]
    assert "--held --blindly" in letter["dead_letter"]["message"]


def test_a_stream_that_stops_keeps_only_its_own_letters(desk: Desk) -> None:
    """A rule that does not fit its stream leaves that stream's letters, and takes out those of the others."""
    streams = ("logins", "orders")
    desk.set_aside(REFUSAL, *(one for name in streams for one in (support.schema(name), support.record(name, 7))))
    misfit = {**support.RULE, "stream": "logins", "dedupe_key": "{{ no_such_field }}"}
    rules = [misfit, {**support.RULE, "stream": "orders"}]
    assert desk.replay(rules=rules).returncode == 2
    assert (desk.stored, desk.waiting) == ([7], [("logins", 7)])


def test_a_dry_run_counts_what_a_replay_would_send(desk: Desk) -> None:
    """What the ledger holds as refused is no duplicate for a replay, and a dry run leaves the letters alone."""
    desk.set_aside(REFUSAL, support.schema("orders"), support.record("orders", 0))
    said = desk.replay(dry_run=True).stderr
    assert b"1 event would be sent" in said
    assert (desk.stored, desk.waiting) == ([], [("orders", 0)])
