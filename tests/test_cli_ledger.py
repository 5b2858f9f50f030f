"""`zendesk-events ledger`: what was sent, was this row sent, and what to forget."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import config, lines, record, run_process, schema

from target_zendesk_events.playground.server import Playground

LEDGER = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "ledger"]


@pytest.mark.parametrize("above", [("--config", "ENV", "--config", "config.json"), ()])
def test_config_stands_before_the_verb_or_after_it(above: tuple[str, ...], tmp_path: Path) -> None:
    """Meltano puts it before, a hand after."""
    messages = lines([schema("orders"), record("orders", 1)])
    below = () if above else ("--config", "config.json")
    with Playground() as served:
        settings = config(served.url, tmp_path)
        assert run_process(settings, messages, tmp_path)[0].exit_code == 0
    (tmp_path / "config.json").write_text(json.dumps(settings))

    def ask(*arguments: str) -> str:
        command = [*LEDGER, *above, *arguments, *below]
        return subprocess.run(
            command, input=messages, capture_output=True, check=True, timeout=30, cwd=tmp_path
        ).stdout.decode()

    assert ": delivered, first sent" in ask("find")
    assert "1 events forgotten" in ask("prune", "--stream", "orders", "--yes")
    assert ask("find").endswith(": not sent\n")
