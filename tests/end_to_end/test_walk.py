"""One short way through every verb, as processes: what the fast circle sees of the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
MESSAGES = [
    support.schema("orders"),
    *(support.record("orders", number) for number in range(3)),
    support.record("orders", 3, email=None),
    support.state({"upto": 3}),
]


def test_records_are_sent_asked_for_and_replayed(tmp_path: Path) -> None:
    """A refused and an unmappable record are set aside; the refused one is replayed; run again, nothing is doubled."""
    with Playground() as playground:
        settings = support.config(playground.url, tmp_path)
        configured = ["--config", str(tmp_path / "config.json")]
        playground.set_faults(Fault(status=400))
        first, _ = support.run_process(settings, support.lines(MESSAGES), tmp_path)
        assert (first.exit_code, first.states) == (0, [{"upto": 3}])
        assert sorted(letter["dead_letter"]["reason"] for letter in first.letters) == ["refused", "unmappable"]

        shown = support.command(None, tmp_path, "ledger", *configured, program=VERBS)
        assert shown.returncode == 0
        assert [line.split() for line in shown.stdout.decode().splitlines() if "rejected" in line]

        replayed = support.command(None, tmp_path, "replay", *configured, program=VERBS)
        assert replayed.returncode == 0
        assert len(playground.events()) == 3

        again, _ = support.run_process(settings, support.lines(MESSAGES), tmp_path)
        assert (again.exit_code, again.states, len(playground.events())) == (0, [{"upto": 3}], 3)


def test_a_wrapped_run_stays_on_this_machine(tmp_path: Path) -> None:
    """`playground -- CMD` receives what the command sends."""
    (tmp_path / "config.json").write_text(json.dumps({"rules": [support.RULE], "source": "shop"}))
    wrapped = [*support.TARGET, "--config", str(tmp_path / "config.json")]
    done = support.command(None, tmp_path, "playground", "--", *wrapped, given=support.lines(MESSAGES), program=VERBS)
    assert done.returncode == 0, done.stderr.decode()
    assert b"delivered=3" in done.stderr
