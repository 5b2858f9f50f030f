"""The quick starts: every command on the page, in its order, as somebody pastes it into a shell."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAVELS = ("LICENSE", "README.md", "meltano.yml", "pyproject.toml", "sample_streams", "target_zendesk_events")
"""What of a clone is installed."""
PORT = "8642"
BLOCK = re.compile(r"^## (.*?)$|^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(page: str) -> list[tuple[str, str]]:
    """Return the page's commands, each with the heading that it stands under."""
    heading, found = "", []
    for match in BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if match[1] is not None:
            heading = match[1]
        else:
            found.append((heading, match[2]))
    return found


def follow(page: str, folder: Path, seconds: int) -> str:
    """Run a page's commands in one shell, in a folder that has a clone; return what was said.

    `timeout` ends all of them together, whatever stands in the background. The port alone is another, since others may
    use that of the page. How long each heading took is printed.
    """
    clone = folder / "target-zendesk-events"
    clone.mkdir()
    for name in TRAVELS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, clone / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for heading, commands in steps(page):
        script += [f"echo '== {heading}' $SECONDS", commands.replace(PORT, port)]
    script.append("echo '== end' $SECONDS")
    plain = {"MELTANO_CLI_DISABLE_VERSION_CHECK": "1", "NO_COLOR": "1", "COLUMNS": "200"}
    began = time.monotonic()
    done = subprocess.run(
        ["timeout", str(seconds), "bash", "-c", "\n".join(script)],
        cwd=folder,
        env={**os.environ, **plain},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds + 30,
    )
    print(*re.findall(r"^== .*$", done.stdout, re.MULTILINE), f"{time.monotonic() - began:.0f} s", sep="\n")  # noqa: T201 - for the page
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.server
def test_the_quick_start_on_the_shell(tmp_path: Path) -> None:
    """Two events arrive once, and the second run sends nothing; a tap of one's own gets there by `init` alone."""
    said = follow("quickstart-shell.md", tmp_path, 600)
    assert re.findall(r"run finished: delivered=(\d+)", said) == ["2", "0", "3"]
    assert "order_shipped" in said.partition("== Send ")[2]
    assert "handed over" in said.rpartition("run finished")[2]
    assert (tmp_path / "rules.yml").read_text().startswith("source: shop")
    assert not (tmp_path / "shop.sqlite").exists()


@pytest.mark.server
def test_the_quick_start_with_meltano(tmp_path: Path) -> None:
    """From nothing: Meltano, a project, its plugins, rules, and the pipeline twice; the second run sends nothing."""
    said = follow("quickstart-meltano.md", tmp_path, 900)
    first, second = (int(number) for number in re.findall(r"run finished: delivered=(\d+)", said))
    assert first > 0
    assert second == 0
