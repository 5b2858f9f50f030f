"""What a template says, as a tree: what it may not do, what it reads, and null made safe in it."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, meta, nodes
from jinja2.visitor import NodeTransformer

from target_zendesk_events.mapping.times import time_zone
from target_zendesk_events.mapping.values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

CALLABLE = ("range", "namespace")
"""Jinja's functions that a template may call. Uncalled, the words are fields."""
BUILT_IN = frozenset({"record", "stream"})

_NO_PLACE: dict[type[nodes.Node], str] = {
    nodes.Block: "block",
    nodes.Extends: "extends",
    nodes.FromImport: "import",
    nodes.Import: "import",
    nodes.Include: "include",
    nodes.ScopedEvalContextModifier: "autoescape",
}


TIME_FILTERS = ("datetime", "strftime")
_PARTS_OF_A_TIME = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S"}


class BadTemplateError(ValueError):
    """A template that cannot work; the message tells why and what to write."""


def refuse(tree: nodes.Template) -> None:
    """Raise BadTemplateError for what has no place in a rule: other templates, Python methods, unknown filters."""
    for node in tree.find_all(tuple(_NO_PLACE)):
        message = f"`{{% {_NO_PLACE[type(node)]} %}}` has no place in a rule [ZE222]"
        raise BadTemplateError(message)
    declared = {*CALLABLE, "loop", "caller", *_declared(tree)}
    for call in tree.find_all(nodes.Call):
        _refuse_call(call, declared)
    for node in tree.find_all(nodes.Filter):
        _refuse_filter(node)
    for dot in tree.find_all(nodes.Getattr):
        _refuse_part(dot.node, dot.attr)
    for index in tree.find_all(nodes.Getitem):
        _refuse_part(index.node, str(getattr(index.arg, "value", "")))
    for test in tree.find_all(nodes.Test):
        if test.name not in _environment(test).tests:
            near = "; write `is none`" if test.name == "null" else did_you_mean(test.name, _environment(test).tests)
            message = f"there is no test '{test.name}'{near} [ZE219]"
            raise BadTemplateError(message)


def _declared(tree: nodes.Template) -> Iterable[str]:
    """Yield the names that the template itself gives a value."""
    for name in tree.find_all(nodes.Name):
        if name.ctx != "load":
            yield name.name
    for macro in tree.find_all(nodes.Macro):
        yield macro.name


def _refuse_call(call: nodes.Call, declared: set[str]) -> None:
    called = call.node
    if isinstance(called, nodes.Name):
        if called.name in declared:
            return
        message = f"`{called.name}(...)` calls a field; a filter is written `value | {called.name}` [ZE220]"
        raise BadTemplateError(message)
    if isinstance(called, nodes.Getattr):
        _refuse_part(called.node, called.attr)
        if isinstance(called.node, nodes.Name) and called.node.name in declared:
            return
        known = called.attr in _environment(call).filters
        instead = f"write `| {called.attr}`" if known else "use a filter"
        message = f"`.{called.attr}(...)` is a Python method, and a dot reads a field: {instead} [ZE220]"
        raise BadTemplateError(message)
    message = "only `range(...)`, `namespace(...)` and the template's own macros can be called [ZE220]"
    raise BadTemplateError(message)


def _refuse_filter(node: nodes.Filter) -> None:
    known = _environment(node).filters
    if node.name not in known:
        message = f"there is no filter '{node.name}'{did_you_mean(node.name, known)} [ZE219]"
        raise BadTemplateError(message)
    if node.name == "strftime" and not node.args and all(pair.key != "format" for pair in node.kwargs):
        message = "`strftime` lacks a format: write `| strftime('%d %B %Y')` [ZE221]"
        raise BadTemplateError(message)
    if node.name in TIME_FILTERS:
        zones = [*node.args[1:2], *(pair.value for pair in node.kwargs if pair.key == "timezone")]
        for zone in zones:
            if isinstance(zone, nodes.Const) and zone.value is not None:
                _refuse_zone(str(zone.value))


def _refuse_part(whole: nodes.Node, part: str) -> None:
    """Raise BadTemplateError for a part of a time."""
    if not isinstance(whole, nodes.Filter) or whole.name != "datetime":
        return
    code = _PARTS_OF_A_TIME.get(part)
    instead = f"`| strftime('{code}')`" if code else "a part of it as `| strftime(...)` does"
    message = f"a time has no fields: write {instead} [ZE221]"
    raise BadTemplateError(message)


def _refuse_zone(name: str) -> None:
    try:
        time_zone(name)
    except BadValueError as fault:
        raise BadTemplateError(str(fault)) from fault


def fields_read(tree: nodes.Template) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields that a template names (`name`, `record['name']`), and which of `record`, `stream` it uses."""
    names = meta.find_undeclared_variables(tree)
    fields = names - BUILT_IN
    if "record" in names:
        fields |= {
            item.arg.value
            for item in tree.find_all(nodes.Getitem)
            if isinstance(item.node, nodes.Name)
            and item.node.name == "record"
            and isinstance(item.arg, nodes.Const)
            and isinstance(item.arg.value, str)
        }
    return frozenset(fields), frozenset(names & BUILT_IN)


class NullSafe(NodeTransformer):
    """Rewrites what Jinja would do with null in Python's way, and frees the words that Jinja keeps for itself."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's naming
        """Join `a ~ b` as the `join` filter does: Jinja would write the word None."""
        self.generic_visit(node)
        return _filter(node, nodes.List(node.nodes, lineno=node.lineno), "join", [])

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802 - Jinja's naming
        """Let a slice of null be null: Jinja slices in Python."""
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        ends = [end or nodes.Const(None) for end in (node.arg.start, node.arg.stop, node.arg.step)]
        return _filter(node, node.node, "_part", ends)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802 - Jinja's naming
        """Let `a if b` be null where b is not true."""
        self.generic_visit(node)
        node.expr2 = node.expr2 or nodes.Const(None)
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja's naming
        """Call Jinja's own `range(...)`, also where the record has a field of that name."""
        self.generic_visit(node)
        if isinstance(node.node, nodes.Name) and node.node.name in CALLABLE:
            node.node = nodes.EnvironmentAttribute(f"call_{node.node.name}")
        return node

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 - Jinja's naming
        """Read `self` as a field, not as Jinja's template."""
        if node.name == "self" and node.ctx == "load":
            return nodes.Getitem(nodes.Name("record", "load"), nodes.Const("self"), "load")
        return node


def _filter(node: nodes.Node, value: nodes.Expr, name: str, arguments: list[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(value, name, arguments, [], None, None, lineno=node.lineno)


def _environment(node: nodes.Node) -> Environment:
    if node.environment is None:  # a parsed tree always has one
        raise TypeError
    return node.environment


def meant(source: str, error: str) -> str:
    """Return what to write for an operator of another language in a template that does not parse, or nothing."""
    for expression in _EXPRESSION.findall(source):
        found = _FOREIGN.search(_QUOTED.sub("''", expression))
        if found is not None and (found[0] != "=" or "'='" in error):  # `name=value` is Jinja's, among arguments
            return f"; write {_IN_JINJA.get(found[0], found[0].lower())}"
    return ""


_EXPRESSION = re.compile(r"\{\{(.*?)(?:\}\}|$)", re.DOTALL)
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_FOREIGN = re.compile(r"[!=]==|<>|=~|=>|&&|\|\||(?<![=!<>])=(?!=)|!(?!=)|\?|\b(?:AND|OR|NOT|IS|IN)\b")
_IN_JINJA = {
    "===": "==", "!==": "!=", "<>": "!=", "=>": ">=", "=~": "`'part' in text`", "&&": "and", "||": "or", "!": "not",
    "=": "== to compare", "?": "`a if b else c`",
}  # fmt: skip


def did_you_mean(word: str, known: Iterable[Any]) -> str:
    """Return `; did you mean 'x'?` where a known word is near, else nothing."""
    near = difflib.get_close_matches(word.lower(), [str(one) for one in known], n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
