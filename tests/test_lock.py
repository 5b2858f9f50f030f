"""The lock is that of `pyproject.toml`: what was changed there is locked (`uv lock`), from PyPI alone."""

from __future__ import annotations

import re
from pathlib import Path

from installed import UV, run

ROOT = Path(__file__).parent.parent


def test_the_lock_fits(tmp_path: Path) -> None:
    """Without a network and with nothing in its cache, uv finds nothing to do; else run `uv lock`."""
    run(UV, "lock", "--check", "--offline", folder=ROOT, environment={"UV_CACHE_DIR": str(tmp_path)})


def test_all_of_it_is_on_pypi() -> None:
    """No distribution comes from elsewhere, be it a mirror or a folder of whoever locked; and each has its hashes."""
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert set(re.findall(r"source = \{ (.+?) \}", text)) == {'editable = "."', 'registry = "https://pypi.org/simple"'}
    files = re.findall(r"\{ url = \"(https://[^/]+)/[^\n]*", text)
    assert set(files) == {"https://files.pythonhosted.org"}
    assert len(re.findall(r"hash = \"sha256:[0-9a-f]{64}\"", text)) == len(files)
