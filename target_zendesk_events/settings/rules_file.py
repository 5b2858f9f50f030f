"""Rules read from a YAML file, with the line of each, and of each fault.

YAML is read as JSON writes it: a plain scalar is `null`, `true`, `false` or a number only where JSON has it so, and
text otherwise. So dates, `0123`, `12:30`, `yes` and `no` stay the text they are, as rules promise of constants.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.settings.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CORE = "tag:yaml.org,2002:"
_UNQUOTED = re.compile(
    r"(?P<start>\s*(?:-\s+)*(?:[^\s#'\"{}\[\]:][^#'\"{}\[\]:]*:\s+|-\s+))(?P<value>\{[{%].*?)\s*(?:\s#.*)?"
)
_SHOWN_LENGTH = 80
_KEYS = ("rules", "source")
_FREE = "x-"
"""Keys that begin so mean nothing: a place for YAML's anchors, as Compose files have it."""
_ACCEPTED = "a list of rules, or a mapping with rules and source"


@dataclasses.dataclass(frozen=True, slots=True)
class RulesFile:
    """What a rules file holds; `lines` has for each rule the line of each of its places, counted from 1.

    A place is written as in `event.properties.tags[0]`; the rule itself is the place `""`.
    """

    path: Path
    rules: list[dict[str, Any]]
    lines: list[dict[str, int]]
    source: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class TestsFile:
    """What a file of tests holds; `lines` as those of a rules file."""

    __test__ = False  # to pytest
    path: Path
    tests: list[Any]
    lines: list[dict[str, int]]


def read_rules_file(path: Path) -> RulesFile:
    """Return what a rules file holds; raise a ConfigurationError with a sentence, and its line, for each fault."""
    return _rules_of(*_read(path, f"rules_file {path}"))


def read_tests_file(rules_path: Path) -> TestsFile | None:
    """Return what the file of tests beside a rules file holds (`rules.test.yml`), None where there is none.

    Raises ConfigurationError as `read_rules_file` does.
    """
    path = rules_path.with_suffix(f".test{rules_path.suffix}")
    if not path.exists():
        return None
    reading, root, value = _read(path, str(path))
    nodes = {"tests": root}
    if isinstance(root, yaml.MappingNode):
        nodes = {"tests": None, **_known_keys(reading, root, ("tests",), "a file of tests")}
        value = value.get("tests")
    if not isinstance(value, list) or not value:
        reading.fault(
            _line(nodes["tests"]), "holds no tests; accepted: a list of tests, or a mapping with tests [ZE240]"
        )
    if reading.faults:
        raise ConfigurationError(reading.faults)
    return TestsFile(path, value, list(_lines_of(nodes["tests"])))


def _read(path: Path, name: str) -> tuple[_Reading, yaml.Node | None, Any]:
    """Return a file's reading, its root and its value; `name` begins each fault. Raises ConfigurationError."""
    text = _text_of(path, name)
    loader = _Loader(text)
    reading = _Reading(path, name, text.splitlines(), loader)
    try:
        root = loader.get_single_node()
        value = None if root is None else reading.value_of(root)
    except yaml.YAMLError as error:
        raise ConfigurationError([*reading.faults, reading.no_yaml(error)]) from None
    except RecursionError:
        raise ConfigurationError([f"{name} is nested too deeply [ZE202]"]) from None
    finally:
        loader.dispose()
    if reading.faults:
        raise ConfigurationError(reading.faults)
    return reading, root, value


def _known_keys(reading: _Reading, root: yaml.MappingNode, known: tuple[str, ...], whose: str) -> dict[str, yaml.Node]:
    """Return a file's nodes by their keys; a key that means nothing is noted."""
    for key, _ in root.value:
        if key.value not in known and not key.value.startswith(_FREE):
            reading.fault(_line(key), f"{key.value!r} is no key of {whose}{did_you_mean(key.value, known)} [ZE205]")
    return {key.value: node for key, node in root.value}


class _Loader(yaml.SafeLoader):
    """Reads plain scalars as JSON does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml's own shape


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", "-0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_CORE + _tag, re.compile(f"(?:{_pattern})\\Z"), list(_first))


class _Reading:
    """One reading of a file: turns its nodes into values and gathers the faults on the way."""

    def __init__(self, path: Path, name: str, lines: list[str], loader: _Loader) -> None:
        self.faults: list[str] = []
        self.path = path
        self._name = name
        self._lines = lines
        self._loader = loader
        self._open: set[int] = set()
        self._merged: set[int] = set()

    def fault(self, line: int, sentence: str) -> None:
        """Note a fault at a line, counted from 1."""
        self.faults.append(self._at(line, sentence))

    def no_yaml(self, error: yaml.YAMLError) -> str:
        """Return the sentence for a file that YAML cannot read; often braces without quotes are the cause."""
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if mark is None:
            return f"{self._name} is no YAML: {error} [ZE202]"
        context = getattr(error, "context_mark", None) or mark
        for number in (mark.line + 1, context.line + 1):
            braces = self._unquoted(number)
            if braces:
                return self._at(number, braces)
        return self._at(mark.line + 1, f"is no YAML: {getattr(error, 'problem', None) or 'it ends too early'} [ZE202]")

    def value_of(self, node: yaml.Node) -> Any:  # noqa: ANN401 - any JSON value
        """Return a node's value; what cannot be one is noted as a fault."""
        if not node.tag.startswith(_CORE) or node.tag.removeprefix(_CORE) not in _TAGS:
            self.fault(_line(node), f"the tag {node.tag.replace(_CORE, '!!')} is not for rules: leave it away [ZE204]")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self.fault(_line(node), "an alias holds itself [ZE204]")
            return None
        self._open.add(id(node))
        try:
            return (
                self._mapping(node)
                if isinstance(node, yaml.MappingNode)
                else [self.value_of(one) for one in node.value]
            )
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        if id(node) not in self._merged:  # an alias brings the same node again, what it merges already in it
            self._check_keys(node)
            self._loader.flatten_mapping(node)
            self._merged.add(id(node))
        return {key.value: self.value_of(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = _line(key)
            if not isinstance(key, yaml.ScalarNode):
                self.fault(line, self._unquoted(line) or _BRACES)
            elif key.value in seen:
                self.fault(
                    line, f"the key {key.value!r} stands twice, first in line {seen[key.value]}: keep one [ZE203]"
                )
            else:
                seen[key.value] = line

    def _scalar(self, node: yaml.ScalarNode) -> Any:  # noqa: ANN401 - any JSON scalar
        text: str = node.value
        kind = node.tag.removeprefix(_CORE)
        try:
            if kind == "int":
                return int(text)
            if kind == "float" and math.isfinite(float(text)):
                return float(text)
        except ValueError:
            pass  # a number only by its tag
        if kind in {"int", "float"}:
            self.fault(_line(node), "a number that JSON does not have [ZE204]")
        return {"bool": text.lower() == "true", "null": None}.get(kind, text)

    def _unquoted(self, number: int) -> str:
        """Return the sentence for a line whose value starts with braces and no quotes, empty where it does not."""
        line = self._lines[number - 1] if number <= len(self._lines) else ""
        match = _UNQUOTED.fullmatch(line)
        if not match:
            return ""
        value = match["value"]
        quote = "'" if '"' in value else '"'
        mended = match["start"].strip() + f" {quote}{value}{quote}"
        if quote in value or len(mended) > _SHOWN_LENGTH:
            return _BRACES
        return f"{_BRACES.partition(', as in')[0]}: {mended} [ZE202]"

    def _at(self, line: int, sentence: str) -> str:
        return f"{self._name}, line {line}: {sentence}"


_TAGS = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "merge"})
_BRACES = (
    "{{ }} without quotes, which YAML reads as a mapping; put the whole value in quotes, "
    'as in total: "{{ total }}" [ZE202]'
)


def _text_of(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = f"rules_file is {path}, where no file is [ZE201]"
    except UnicodeDecodeError:
        message = f"{name} is no UTF-8 text [ZE201]"
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror} [ZE201]"
    raise ConfigurationError(message)


def _rules_of(reading: _Reading, root: yaml.Node | None, value: Any) -> RulesFile:  # noqa: ANN401 - any JSON value
    nodes = {"rules": root}
    if isinstance(root, yaml.MappingNode):
        nodes |= _known_keys(reading, root, _KEYS, "a rules file")
    else:
        value = {"rules": value}
    rules, source = value.get("rules"), value.get("source")
    if source is not None and not isinstance(source, str):
        reading.fault(_line(nodes["source"]), "source is no text; accepted: text [ZE205]")
    if not isinstance(rules, list) or not rules:
        reading.fault(_line(nodes["rules"]), f"holds no rules; accepted: {_ACCEPTED} [ZE205]")
        raise ConfigurationError(reading.faults)
    lines = list(_lines_of(nodes["rules"]))
    for places, rule in zip(lines, rules, strict=True):
        if not isinstance(rule, dict):
            reading.fault(places[""], "a rule is a mapping, with its stream and what it sends [ZE205]")
    if reading.faults:
        raise ConfigurationError(reading.faults)
    return RulesFile(reading.path, rules, lines, source)


def _lines_of(node: yaml.Node | None) -> Iterator[dict[str, int]]:
    for rule in node.value if isinstance(node, yaml.SequenceNode) else []:
        yield {"": _line(rule), **dict(_places(rule))}


def _places(node: yaml.Node, above: str = "") -> Iterator[tuple[str, int]]:
    """Yield each place below a node, and its line: a key's own, or an entry's."""
    entries: list[tuple[str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        start = f"{above}." if above else ""
        entries = [(f"{start}{key.value}", key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        entries = [(f"{above}[{index}]", entry, entry) for index, entry in enumerate(node.value)]
    for place, mark, value in entries:
        yield place, _line(mark)
        yield from _places(value, place)


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else node.start_mark.line + 1
