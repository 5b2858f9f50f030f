"""Ctrl-C while the console scripts still import ends them without a traceback."""

from __future__ import annotations

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
