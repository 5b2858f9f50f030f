"""What is forked is what would have been begun: its files, folder, environment, end and parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forked
import pytest
import support

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
WAYS = [pytest.param(one.run, id=one.__name__) for one in (subprocess, forked)]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("run", WAYS)
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ([*support.TARGET, "--version"], 0, b"target-zendesk-events "),
        ([*support.TARGET, "--nothing"], 2, b"No such option"),
        ([*VERBS, "rules.yml"], 2, b"No such command 'rules.yml'"),
        ([sys.executable, "-c", "import sys; sys.exit('from nobody')"], 1, b"from nobody"),
        (["cat"], 0, b"what is given"),
    ],
)
def test_it_ends_as_it_would(
    run: Callable[..., Any], command: list[str], code: int, said: bytes, tmp_path: Path
) -> None:
    """Ours and others alike."""
    ended = run(command, input=b"what is given", capture_output=True, cwd=tmp_path, timeout=60)
    assert ended.returncode == code
    assert said in ended.stdout + ended.stderr


@pytest.mark.parametrize("run", WAYS)
def test_folder_environment_and_files_are_its_own(run: Callable[..., Any], tmp_path: Path) -> None:
    """A setting of the environment, a file of the folder, and another as standard output."""
    (tmp_path / "rules.yml").write_text("rules: nothing")
    environment = {**os.environ, "TARGET_ZENDESK_EVENTS_RULES_FILE": "rules.yml"}
    with (tmp_path / "said").open("wb") as said:
        command = [*VERBS, "check", "--config", "ENV"]
        ended = run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=tmp_path, env=environment)
    assert ended.returncode != 0
    assert "rules.yml" in (tmp_path / "said").read_text()


@pytest.mark.parametrize("popen", [pytest.param(one.Popen, id=one.__name__) for one in (subprocess, forked)])
def test_it_is_a_child_that_signals_reach(popen: Callable[..., Any], tmp_path: Path) -> None:
    """Killed, it is told as killed."""
    command = [*VERBS, "playground", "--port", "0"]
    with popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path) as process:
        assert process.stdout.readline()
        assert process.poll() is None
        process.kill()
        assert process.wait(20) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")
def test_it_is_forked(tmp_path: Path) -> None:
    """It is the process that had imported, under another number, and a child of this one."""
    with forked.Popen([*VERBS, "playground", "--port", "0"], stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        told = Path(f"/proc/{process.pid}")
        command, status = (told / "cmdline").read_bytes(), (told / "status").read_text()
        process.kill()
    assert b"begun.py" in command
    assert f"PPid:\t{os.getpid()}\n" in status


def test_one_that_python_would_begin_otherwise_is_begun(tmp_path: Path) -> None:
    """What Python reads before its first line cannot be made up for."""
    environment = {**os.environ, "PYTHONVERBOSE": "1"}
    ended = forked.run([*VERBS, "--help"], capture_output=True, cwd=tmp_path, env=environment)
    assert b"import 'target_zendesk_events'" in ended.stderr
