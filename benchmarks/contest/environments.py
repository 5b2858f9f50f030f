"""An environment of its own for each contender, made once with what PyPI has of it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import ROOT

LAST_WORDS = 400


class UnavailableError(Exception):
    """A contender cannot be had on this machine: the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def script(self, name: str) -> str:
        """Return the path of a command in it."""
        return str(self.folder / "bin" / name)

    def program(self, name: str) -> list[str]:
        """Return the command of one of the contest's programs in it."""
        return [self.python, "-m", f"benchmarks.contest.programs.{name}"]

    def version(self, distribution: str) -> str:
        """Return the version of a distribution that is installed in it."""
        code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
        done = subprocess.run(  # noqa: S603 - our own command
            [self.python, "-c", code, distribution], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


def environment(folder: Path, requirements: Sequence[str]) -> Environment:
    """Return the environment in a folder, made if it is not there; one of what lies here is made anew.

    Raises UnavailableError.
    """
    made = Environment(folder)
    complete = folder / "complete"
    from_here = any(Path(requirement).is_dir() for requirement in requirements)
    if not from_here and complete.exists() and complete.read_text(encoding="utf-8") == "\n".join(requirements):
        return made
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    _run([made.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
    complete.write_text("\n".join(requirements), encoding="utf-8")
    return made


def environment_variables() -> dict[str, str]:
    """Return the environment without what would turn a contender somewhere else; programs find the contest in it."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "TMPDIR"}}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        message = f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-LAST_WORDS:]}"
        raise UnavailableError(message)
