"""The runner that breaks a module, on a module of its own with tests that see some of the breaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mutants import mutants_of

pytestmark = pytest.mark.slow

RUNNER = Path(__file__).with_name("mutants.py")
GATE = '''"""A gate."""

def may_pass(age, waits):
    """Tell whether it opens."""
    while waits:
        waits = False
    return age >= 18
'''
TESTS = """
from target_zendesk_events.limits.gate import may_pass

def test_grown_up():
    assert may_pass(18, True)
    assert not may_pass(16, True)
"""
EQUIVALENT = """
limits/gate:
  "may_pass: while waits: ... -> while False: ...": nobody sees how long one waits
  "may_pass: return age >= 18 -> return None": a reason that does not hold
  "may_leave: age > 1 -> age >= 1": a function that is no more
"""


def run(tmp_path: Path, tests: str, *, name: str = "gate") -> subprocess.CompletedProcess[str]:
    """Run the command where the gate is the whole package."""
    for path, text in (
        ("target_zendesk_events/__init__.py", ""),
        ("target_zendesk_events/limits/__init__.py", ""),
        ("target_zendesk_events/limits/gate.py", GATE),
        ("tests/limits/test_gate.py", tests),
        ("tests/equivalent_mutants.yaml", EQUIVALENT),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return subprocess.run(
        [sys.executable, RUNNER, name], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )


def test_survivors_are_told_and_the_table_is_held_against_them(tmp_path: Path) -> None:
    """A loop without end is caught; a break that is named does not count; a name that stands for nothing is told."""
    ended = run(tmp_path, TESTS)
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        "limits/gate: 83.3 % caught, 5 of 6",
        "  line 7, may_pass: age >= 18 -> age >= 17",
        "  named as equivalent, but caught: may_pass: return age >= 18 -> return None",
        "  named as equivalent, but not there: may_leave: age > 1 -> age >= 1",
    ]
    assert ended.returncode == 1


@pytest.mark.parametrize("tests", [TESTS.replace("18", "17"), ""])
def test_tests_that_fail_without_a_break_say_nothing(tmp_path: Path, tests: str) -> None:
    """Where the tests of the whole module fail, or there are none, no share is told."""
    ended = run(tmp_path, tests)
    assert "the tests of limits/gate fail, or it has none" in ended.stderr
    assert "caught" not in ended.stdout
    assert ended.returncode == 1


def test_a_module_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A name must stand for one module."""
    assert "say which module 'gat' is; found: none" in run(tmp_path, TESTS, name="gat").stderr


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a < 1", ["a < 1 -> a <= 1", "a < 1 -> a >= 1", "a < 1 -> a < 2", "a < 1 -> a < 0"]),
        ("a is None", ["a is None -> a is not None"]),
        ("a in b", ["a in b -> a not in b"]),
        ("a and b", ["a and b -> a", "a and b -> b", "a and b -> a or b"]),
        ("x = not a", ["x = not a -> x = a"]),
        ("x = ''", ["x = '' -> x = 'text'"]),
        ("x = b'a'", ["x = b'a' -> x = b''"]),
        ("f(b=True)", ["f(b=True) -> pass", "b=True -> b=False"]),
        ("x = a + b", ["a + b -> a - b"]),
        ("x = min(a, b)", ["min(a, b) -> max(a, b)", "min(a, b) -> a", "min(a, b) -> b"]),
        ("x = [a for a in b if a]", ["x = [a for a in b if a] -> x = [a for a in b]"]),
        ("self.x += y", ["self.x += y -> pass", "self.x += y -> self.x -= y"]),
        ("del x[y]", ["del x[y] -> pass"]),
        ("raise x", ["raise x -> pass"]),
        ("if a:\n    b = c", ["if a: ... -> if True: ...", "if a: ... -> if False: ..."]),
        ("x = f'{a} b'", ["f'{a} b' -> ''"]),
        ("import a", []),
        ("'A docstring.'", []),
        ("x: Literal[1] = a", []),
    ],
)
def test_one_thing_is_broken_at_a_time(source: str, names: list[str]) -> None:
    """Comparisons are turned, constants moved, statements left out; docstrings and annotations stay."""
    assert [mutant.name.removeprefix("module: ") for mutant in mutants_of(source)] == names


def test_a_break_is_named_by_its_function_and_numbered_where_it_comes_twice() -> None:
    """A name stays the same where lines are added above; the line is told beside it."""
    source = "class A:\n    def f(self):\n        return a\n        return a\n"
    told = [(mutant.line, mutant.name) for mutant in mutants_of(source)]
    assert told == [(3, "A.f: return a -> return None"), (4, "A.f: return a -> return None (2)")]
