"""What tests install for themselves, as a user would: by uv, which stands beside the interpreter that runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, folder: Path, seconds: float = 120, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to a good end; return what it said."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def tool(requirement: str, *command: str | Path, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command of a distribution that is installed for this alone; return what it said."""
    return run(UV, "tool", "run", "--quiet", "--from", requirement, *command, folder=folder, environment=environment)
