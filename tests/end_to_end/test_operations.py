"""What docs/operations.md gives to copy: the shell's pipeline, a schedule's tasks, logs as JSON."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.server import Playground

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
TAP = """#!/usr/bin/env bash
# Writes the rows after the one that --state names, a STATE after each; ends with the code in `tap-ends`,
# where there is a `tap-waits` a minute later.
after=0
[ "${3:-}" = --state ] && after=$(sed 's/[^0-9]//g' "$4")
cat schema.jsonl
while read -r number row; do
  if [ "$number" -gt "$after" ]; then printf '%s\\n{"type": "STATE", "value": {"upto": %s}}\\n' "$row" "$number"; fi
done <rows
[ -e tap-waits ] && sleep 60
exit "$(cat tap-ends)"
"""


def block(language: str, holds: str) -> str:
    """Return the page's block of code in a language that holds some text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = [one for one in blocks if holds in one]
    return str(found)


class Shell:
    """A folder with the page's script, a tap and a configuration."""

    def __init__(self, folder: Path, url: str) -> None:
        """Write them."""
        self.folder = folder
        settings = support.config(url, folder, max_outage_seconds=1)
        (folder / "config.json").write_text(json.dumps(settings))
        (folder / "schema.jsonl").write_bytes(support.lines([support.schema("orders")]))
        for name, text in {"some-tap": TAP, "pipeline.sh": block("bash", "some-tap")}.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def run(self, rows: int, *, tap_ends: int = 0) -> int:
        """Run the script while the tap's source has so many rows; return its exit code."""
        with self.start(rows, tap_ends=tap_ends) as process:
            return process.wait(timeout=60)

    def start(self, rows: int, *, tap_ends: int = 0) -> subprocess.Popen[bytes]:
        """Start the script in a process group of its own, as the page's tasks do."""
        numbered = [f"{number} {json.dumps(support.record('orders', number))}" for number in range(1, rows + 1)]
        (self.folder / "rows").write_text("\n".join([*numbered, ""]))
        (self.folder / "tap-ends").write_text(str(tap_ends))
        path = os.pathsep.join([str(self.folder), str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path}
        return subprocess.Popen([self.folder / "pipeline.sh"], env=environment, start_new_session=True)

    def state(self) -> Any:
        """Return the STATE that is kept."""
        return json.loads((self.folder / "state.json").read_bytes())


@pytest.mark.slow
def test_the_shell_s_pipeline_goes_on_where_it_ended(tmp_path: Path) -> None:
    """STATE is kept from run to run and past what fails, and the exit code is the target's, or else the tap's."""
    with Playground() as playground:
        shell = Shell(tmp_path, playground.url)
        assert (shell.run(3), shell.state()) == (0, {"upto": 3})
        assert (shell.run(3), shell.state()) == (0, {"upto": 3})
        assert (shell.run(5, tap_ends=4), shell.state()) == (4, {"upto": 5})
        url = playground.url
        numbers = [one.body["event"]["properties"]["number"] for one in playground.events()]
    assert sorted(numbers) == [1, 2, 3, 4, 5]
    assert (shell.run(6, tap_ends=4), shell.state()) == (1, {"upto": 5})
    (tmp_path / "config.json").write_text(json.dumps({**support.config(url, tmp_path), "no_such": 1}))
    assert (shell.run(6), shell.state()) == (2, {"upto": 5})


@pytest.mark.slow
def test_a_pipeline_that_a_schedule_ends_keeps_its_state(tmp_path: Path) -> None:
    """SIGTERM for the script's process group: what was delivered is in STATE, and the exit code is the target's."""
    with Playground() as playground:
        shell = Shell(tmp_path, playground.url)
        (tmp_path / "tap-waits").touch()
        with shell.start(3) as process:
            support.until(lambda: len(playground.events()) == 3)
            os.killpg(process.pid, signal.SIGTERM)
        assert (process.returncode, shell.state()) == (143, {"upto": 3})


@pytest.mark.slow
def test_each_line_of_the_log_is_an_object(tmp_path: Path) -> None:
    """With the page's logging configuration: a fault, the block that ends a run, the rules that a run proposes."""
    (tmp_path / "logging.yml").write_text(block("yaml", "StructuredFormatter"))
    settings = support.config("http://127.0.0.1:9", tmp_path, max_outage_seconds=1)
    given = support.lines([support.schema("orders"), support.record("orders", 1)])

    def told(exit_code: int, **others: Any) -> list[tuple[str, str]]:
        environment = {"SINGER_SDK_LOG_CONFIG": "logging.yml"}
        done = support.command({**settings, **others}, tmp_path, given=given, environment=environment)
        assert done.returncode == exit_code
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        return [(one["level"], one["message"]) for one in lines]

    outage = told(1)
    assert next(message for level, message in outage if level == "error").endswith("[ZE501]")
    assert ("info", "dead letters waiting: 0") in outage
    assert ("info", "- stream: orders") in told(2, rules=[])


@pytest.mark.parametrize("scheduler", ["airflow", "dagster"])
def test_a_schedule_s_task_tries_again_what_trying_mends(scheduler: str) -> None:
    """It runs the page's script, ends its process group, and names the two codes that trying never mends."""
    tree = ast.parse(block("python", scheduler), feature_version=(3, 10))
    constants = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)]
    assert any("pipeline.sh" in str(one) for one in constants)
    assert {"killpg", "SIGTERM"} <= {one.attr for one in ast.walk(tree) if isinstance(one, ast.Attribute)}
    assert {2, 3} <= {one for one in constants if isinstance(one, int)}
