"""Breaks one thing of a module at a time, and tells which breaks none of the module's own tests sees.

From the checkout's root: `python -m tests.mutants MODULE ...`, as `outcome/checkpoints` or just `checkpoints`. A break
that nobody could see stands with its reason in `equivalent_mutants.yaml`, beside this file.
"""

from __future__ import annotations

import ast
import collections
import contextlib
import copy
import dataclasses
import functools
import importlib
import io
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import NoReturn

import click
import hypothesis
import pytest
import yaml

PACKAGE = "target_zendesk_events"
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--assert=plain")
WANTED_PERCENT = 95
SECONDS_BEYOND = 2
"""Of the processor, on top of twice what the tests need on the whole module: what takes longer does not end."""
SHOWN = 30
"""Characters shown of a longer text, enough to tell which it is."""

TURNED = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Lt, ast.GtE), (ast.LtE, ast.Gt), (ast.Eq, ast.NotEq)),
    *((ast.Is, ast.IsNot), (ast.In, ast.NotIn), (ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.Div)),
)
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
LEFT_OUT = (ast.AugAssign, ast.Delete, ast.Raise)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SHOWS_WELL = (ast.stmt, ast.Compare, ast.BoolOp, ast.Call, ast.JoinedStr, ast.keyword)
SHOWS_ITS_PARTS = (ast.IfExp, ast.BinOp, ast.comprehension)
READ_BY_MYPY = {"annotation", "returns", "decorator_list", "keywords", "ctx"}


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    """A module, and the tests that are its own."""

    name: str
    module: str
    path: Path
    tests: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one break; its name says where, what stood there and what stands there now."""

    line: int
    name: str
    code: CodeType


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A node, the definition that it is in, the node that shows it best, and what puts another in its place."""

    node: ast.AST
    within: str
    shown: ast.AST
    put: Callable[[ast.AST], None]


@click.command
@click.argument("modules", nargs=-1, required=True)
def main(modules: Sequence[str]) -> None:
    """Break one thing of each module at a time, and tell which breaks none of its own tests sees."""
    root = Path.cwd()
    table = root / "tests" / "equivalent_mutants.yaml"
    equivalent = yaml.safe_load(table.read_text("utf-8")) if table.exists() else {}
    rooms = [room_of(name, root) for name in modules]
    warm_up(root, rooms)
    holds = [tell(room, equivalent.get(room.name, {})) for room in rooms]
    sys.exit(0 if all(holds) else 1)


def room_of(name: str, root: Path) -> Room:
    """Return the room of this name; its tests are those that bear it, alone or with more words behind it."""
    names = [path.relative_to(root / PACKAGE).with_suffix("") for path in sorted((root / PACKAGE).rglob("*.py"))]
    found = [one for one in names if f"/{one.as_posix()}".endswith(f"/{name}")]
    if len(found) != 1:
        which = ", ".join(map(str, found)) or "none"
        raise click.BadParameter(f"say which module '{name}' is; found: {which}")
    (room,) = found
    tests = root / "tests" / room.parent
    own = [str(path) for form in ("", "_*") for path in tests.glob(f"test_{room.name}{form}.py")]
    return Room(room.as_posix(), ".".join((PACKAGE, *room.parts)), root / PACKAGE / f"{room}.py", own)


def tell(room: Room, equivalent: Mapping[str, str]) -> bool:
    """Say the share caught, each survivor, and what no longer stands in the table; tell whether all is well."""
    mutants = list(mutants_of(room.path.read_text("utf-8")))
    survivors = survivors_of(mutants, room)
    missed = [one for one in survivors if one.name not in equivalent]
    gone = equivalent.keys() - {one.name for one in mutants}
    caught = equivalent.keys() - {one.name for one in survivors} - gone
    counted = len(mutants) - len(survivors) + len(missed)
    share = 100 * (counted - len(missed)) / max(counted, 1)
    click.echo(f"{room.name}: {share:.1f} % caught, {counted - len(missed)} of {counted}")
    click.echo("".join(f"  line {one.line}, {one.name}\n" for one in missed), nl=False)
    click.echo("".join(f"  named as equivalent, but caught: {name}\n" for name in sorted(caught)), nl=False)
    click.echo("".join(f"  named as equivalent, but not there: {name}\n" for name in sorted(gone)), nl=False)
    return share >= WANTED_PERCENT and not gone and not caught


# What is broken


def mutants_of(source: str) -> Iterator[Mutant]:
    """Return a module with one break each, in the order of its lines."""
    tree = ast.parse(source)
    names: collections.Counter[str] = collections.Counter()
    for place in _places(tree, "module", tree):
        before = _text(place.shown)
        for broken in _breaks(place.node):
            place.put(broken)
            code = compile(ast.fix_missing_locations(copy.deepcopy(tree)), "<mutant>", "exec", dont_inherit=True)
            after = _text(broken if place.shown is place.node else place.shown)
            place.put(place.node)
            name = f"{place.within}: {before} -> {after}"
            names[name] += 1
            line: int = next(one.lineno for one in (place.node, *ast.walk(place.shown)) if hasattr(one, "lineno"))
            yield Mutant(line, name if names[name] == 1 else f"{name} ({names[name]})", code)


def _places(parent: ast.AST, within: str, shown: ast.AST) -> Iterator[Place]:
    for field, value in ast.iter_fields(parent):
        if field in READ_BY_MYPY and not (field == "keywords" and isinstance(parent, ast.Call)):
            continue
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not isinstance(node, ast.AST) or is_docstring:
                continue
            best = parent if isinstance(parent, SHOWS_ITS_PARTS) else node if isinstance(node, SHOWS_WELL) else shown
            yield Place(node, within, best, functools.partial(_put, parent, field, index))
            inner = f"{within}.{node.name}".removeprefix("module.") if isinstance(node, DEFINITIONS) else within
            if not isinstance(node, ast.JoinedStr):  # a sentence is broken as a whole
                yield from _places(node, inner, best)


def _put(parent: ast.AST, field: str, index: int, node: ast.AST) -> None:
    value = getattr(parent, field)
    if isinstance(value, list):
        value[index] = node
    else:
        setattr(parent, field, node)


def _breaks(node: ast.AST) -> Iterator[ast.AST]:
    """Return what is put in a node's place, one after the other."""
    yield from (other() for pair in TURNED if isinstance(node, pair) for other in pair if not isinstance(node, other))
    if isinstance(node, ast.Constant):
        yield from _moved(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield ast.Constant("")
    elif isinstance(node, ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
        yield ast.Call(ast.Name(SWAPPED[node.func.id], ast.Load()), node.args, node.keywords)
        yield from node.args if len(node.args) > 1 else ()
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        for holds in (False,) if isinstance(node, ast.While) else (True, False):  # `while True` would not end
            decided = copy.copy(node)
            decided.test = ast.Constant(holds)
            yield decided
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield ast.comprehension(node.target, node.iter, [], node.is_async)
    elif isinstance(node, ast.stmt):
        yield from _left_out(node)


def _moved(value: object) -> Iterator[ast.Constant]:
    """Return a number's neighbours, the other truth, no text where there is one and one where there is none."""
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield from (ast.Constant(value + 1), ast.Constant(value - 1))
    elif isinstance(value, (str, bytes)):
        other = "text" if isinstance(value, str) else b"text"
        yield ast.Constant(type(value)() if value else other)


def _left_out(node: ast.stmt) -> Iterator[ast.stmt]:
    """Return what takes the place of a statement that is left out."""
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await))
    is_set = isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    if is_call or is_set or isinstance(node, LEFT_OUT):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and not isinstance(node.value, (ast.Constant, type(None))):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, (ast.Continue, ast.Break)):
        yield ast.Break() if isinstance(node, ast.Continue) else ast.Continue()


def _text(node: ast.AST) -> str:
    """Return a node's code on one line: of a compound statement its head, of a long text its beginning."""
    shown = copy.deepcopy(node)
    for one in ast.walk(shown):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and len(one.value) > SHOWN:
            one.value = f"{one.value[:SHOWN]}..."
        if isinstance(one, ast.stmt) and hasattr(one, "body"):
            vars(one).update(body=[ast.Expr(ast.Constant(...))], orelse=[], decorator_list=[])
    return " ".join(ast.unparse(shown).split())


# Who sees it


def warm_up(root: Path, rooms: Iterable[Room]) -> None:
    """Import what each fork needs but nothing of ours; have hypothesis draw the same each time, and keep nothing."""
    os.environ.pop("PYTEST_ADDOPTS", None)
    sys.path.insert(0, str(root))
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutants", database=None, derandomize=True, phases=phases)
    hypothesis.settings.load_profile("mutants")
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*PYTEST, "--collect-only", *(path for room in rooms for path in room.tests)])
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name != "__main__" and file.startswith((f"{root}/{PACKAGE}/", f"{root}/tests/")):
            del sys.modules[name]


def survivors_of(mutants: Sequence[Mutant], room: Room) -> list[Mutant]:
    """Return the mutants that the room's own tests pass."""
    before = os.times()
    if not _passed([compile(room.path.read_bytes(), str(room.path), "exec", dont_inherit=True)], room, seconds=600):
        raise click.ClickException(f"the tests of {room.name} fail, or it has none")
    after = os.times()
    seconds = int(2 * (after.children_user - before.children_user)) + SECONDS_BEYOND
    passed = _passed([one.code for one in mutants], room, seconds)
    return [one for index, one in enumerate(mutants) if index in passed]


def _passed(codes: Sequence[CodeType], room: Room, seconds: int) -> set[int]:
    """Return the indices of the codes that pass, each tested in a fork of this process, one to a core."""
    passed: set[int] = set()
    under_way: dict[int, int] = {}
    waiting = list(enumerate(codes))
    while waiting or under_way:
        if waiting and len(under_way) < (os.cpu_count() or 1):
            index, code = waiting.pop()
            child = os.fork()
            if child == 0:
                _test(code, room, seconds)
            under_way[child] = index
        else:
            child, status = os.wait()
            index = under_way.pop(child)
            passed |= {index} if status == 0 else set()
    return passed


def _test(code: CodeType, room: Room, seconds: int) -> NoReturn:
    """Put the code in the module's place, run the room's tests on it, and end this process: with 0 where they pass."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    signal.alarm(20 * seconds)
    ended = 1
    with contextlib.suppress(BaseException):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        package, _, leaf = room.module.rpartition(".")
        module = ModuleType(room.module)
        setattr(importlib.import_module(package), leaf, module)
        sys.modules[room.module] = module
        exec(code, vars(module))  # noqa: S102 - the module's own, but for the break
        ended = pytest.main([*PYTEST, *room.tests], plugins=[sys.modules[__name__]])
    os._exit(ended)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those last that draw hundreds of cases: most breaks are seen without them."""
    items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "hypothesis"))


if __name__ == "__main__":
    main()
