"""How the console scripts start: Ctrl-C ends them without a traceback, and no time goes into what stays anyway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("script", "module", "code"),
    [
        ("target_zendesk_events", "singer_sdk", -signal.SIGINT),
        ("target_zendesk_events", "click", -signal.SIGINT),
        ("zendesk_events", "click", -signal.SIGINT),
        ("zendesk_events", "singer_sdk", 1),
    ],
)
def test_ctrl_c_within_the_imports(script: str, module: str, code: int, tmp_path: Path) -> None:
    """Hit while `module` is imported: the process ends by the signal, or says that it was aborted; no traceback."""
    reached = tmp_path / "reached"
    (tmp_path / f"{module}.py").write_text(
        f"import pathlib, signal\npathlib.Path({str(reached)!r}).touch()\nsignal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"from target_zendesk_events.scripts import {script} as run; run()", "ledger"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    ) as process:
        until(reached.exists)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"Traceback" not in said


def test_the_package_can_be_run() -> None:
    """`python -m target_zendesk_events` is the target, as its console script is."""
    command = [sys.executable, "-m", "target_zendesk_events", "--version"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True).stdout
    assert said.startswith("target-zendesk-events v")


SCRIPT = """
import gc
from target_zendesk_events import scripts, target

class Told(target.TargetZendeskEvents):
    def __init__(self, **given):
        super().__init__(**given)
        print("built", gc.isenabled())

    def listen(self, file_input):
        print("reads", gc.isenabled(), gc.get_freeze_count() > 0)

target.TargetZendeskEvents = Told
scripts.target_zendesk_events()
"""


def test_the_collector_rests_until_the_target_reads(tmp_path: Path) -> None:
    """It looks through nothing while the target is built; then it works, and passes over what was there."""
    rule = {"stream": "orders", "profile": {"identifiers": {"email": "{{ email }}"}}, "event": {"type": "order"}}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"api_url": "http://127.0.0.1:9", "source": "shop", "rules": [rule], "dry_run": True}))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "--config", str(config)],
        capture_output=True,
        cwd=tmp_path,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["built False", "reads True True"], done.stderr
