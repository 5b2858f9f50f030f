"""Other people's programs, from PyPI, each in an environment of its own: their pins are not ours."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path


class Environments:
    """Installs with uv, which is itself brought once, by pip: it keeps what it has fetched for the next one."""

    def __init__(self, folder: Path) -> None:
        """Make all of them in this folder."""
        self._folder = folder

    def install(self, name: str, *packages: str) -> Path:
        """Install packages together in an environment of this name; return the folder of its commands."""
        folder = self._folder / name
        python = folder / "bin" / "python"
        run([str(self._uv), "venv", "--quiet", "--python", sys.executable, str(folder)])
        run([str(self._uv), "pip", "install", "--quiet", "--python", str(python), *packages])
        return folder / "bin"

    @functools.cached_property
    def _uv(self) -> Path:
        folder = self._folder / "uv"
        run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "uv"])
        return folder / "bin" / "uv"


def run(command: list[str]) -> None:
    """Run a command to a good end."""
    subprocess.run(command, check=True, timeout=300)
