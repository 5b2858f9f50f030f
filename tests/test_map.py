"""The map of promises and tests is true: each promise has tests, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
README = (TESTS / "README.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^\| (\d+)\. (.+?) \| (.+) \|$", README, re.MULTILINE)
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", README)
PACKAGE = TESTS.parent / "target_zendesk_events"
SHARED = {"__pycache__"}


def test_each_promise_has_its_row() -> None:
    """All ten, in their order, each with two tests at least."""
    assert [int(number) for number, _, _ in PROMISES] == list(range(1, 11))
    assert [number for number, _, tests in PROMISES if tests.count("::") < 2] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_test_that_is_named_is_there(file: str, name: str) -> None:
    """In the file that is named, and it says in a docstring what holds."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    (found,) = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == name)
    assert ast.get_docstring(found)


def test_each_folder_is_explained() -> None:
    """Each folder of tests has its line, and is a wing of the package, but for `end_to_end`."""
    folders = {path.name for path in TESTS.iterdir() if path.is_dir()} - SHARED
    assert {name for name in folders if f"`{name}/`" not in README} == set()
    assert {name for name in folders if not (PACKAGE / name).is_dir()} == {"end_to_end"}


def test_each_wing_has_tests() -> None:
    """No folder of the package is without a folder of tests."""
    wings = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {name for name in wings if not (TESTS / name).is_dir()} == set()
