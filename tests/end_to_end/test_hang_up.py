"""A terminal that closes ends the run as SIGTERM does; `nohup` keeps it going."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import forked
import pytest
import support
from support import Live, until

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

REPLAY = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "replay"]


def messages(count: int) -> bytes:
    """Return records of `count` customers, and a STATE."""
    records = [support.record("orders", number) for number in range(count)]
    return support.lines([support.schema("orders"), *records, support.state({"upto": count - 1})])


def test_a_hang_up_is_an_orderly_end(tmp_path: Path) -> None:
    """Exit 129, all that was read is settled, and its STATE is out."""
    with Playground() as playground, Live(support.config(playground.url, tmp_path), tmp_path) as live:
        live.feed(messages(3))
        until(lambda: live.states)
        live.signal(signal.SIGHUP)
        assert live.wait() == 128 + signal.SIGHUP
        assert "run finished: delivered=3" in live.error
        assert live.states[-1] == {"upto": 2}


def test_nohup_is_respected(tmp_path: Path) -> None:
    """A SIGHUP that was ignored at the start stays ignored."""
    with Playground() as playground:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            live = Live(support.config(playground.url, tmp_path), tmp_path)
        finally:
            signal.signal(signal.SIGHUP, before)
        with live:
            live.feed(messages(3))
            until(lambda: live.states)
            live.signal(signal.SIGHUP)
            live.close()
            assert live.wait() == 0


def test_a_replay_ends_in_order_too(tmp_path: Path) -> None:
    """`replay` hit while its letters wait for answers: exit 129, and the letters still wait."""
    with Playground() as playground:
        settings = support.config(playground.url, tmp_path)
        refused = [support.schema("orders"), support.record("orders", 1, kind=None)]
        support.run_process(settings, support.lines(refused), tmp_path)
        mended = {**support.RULE, "event": {**support.RULE["event"], "type": "order_paid"}}
        (tmp_path / "config.json").write_text(json.dumps({**settings, "rules": [mended]}))
        before = len(playground.requests())
        playground.set_delay(30.0)
        with forked.Popen([*REPLAY, "--config", "config.json"], cwd=tmp_path, stderr=subprocess.PIPE) as replay:
            until(lambda: len(playground.requests()) > before)
            replay.send_signal(signal.SIGHUP)
            assert replay.stderr is not None
            assert b"dead letters waiting now: 1" in replay.stderr.read()
        assert replay.returncode == 128 + signal.SIGHUP
