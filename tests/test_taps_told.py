"""The table of other people's taps in docs/input.md is that of the taps that the tests pipe."""

from __future__ import annotations

import re
from pathlib import Path
from pipes import TAPS

TESTS = Path(__file__).parent / "end_to_end"
PAGE = Path(__file__).parents[1] / "docs" / "input.md"
OURS = {"singer-sdk": "the target's own"}


def test_the_table_has_each_tap_with_its_version() -> None:
    """And no other; what is tried in our own environment names no version."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Other people's taps\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(.+?)` \| (.+?) \|", text, re.MULTILINE))
    assert rows == {**TAPS, **OURS}


def test_each_tap_is_piped() -> None:
    """A test of its own names it."""
    tests = [path.read_text(encoding="utf-8") for path in TESTS.glob("test_*.py")]
    assert [tap for tap in TAPS if not any(f'"{tap}"' in text for text in tests)] == []
