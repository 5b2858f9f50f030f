"""A value of a rule, compiled: a constant, a field, an expression that keeps its type, or text around them.

Jinja does the parsing, in its sandbox. Its NativeEnvironment would not do: it guesses literals, and makes the
identifier `"0987654321"` a number.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from jinja2 import Template, TemplateError, nodes

from target_zendesk_events.mapping.sandbox import NullInText, Sandbox, Variables
from target_zendesk_events.mapping.syntax import BadTemplateError, NullSafe, fields_read, meant, refuse
from target_zendesk_events.mapping.values import text_of

if TYPE_CHECKING:
    import datetime as dt

_PLAIN = frozenset({str, int, float, bool, dict, list, type(None)})
"""What a record holds: looked at first, since asking an abstract class is slow."""


class Value(Protocol):
    """What a rule puts in one place."""

    is_expression: ClassVar[bool]
    """Whether it is one expression and nothing beside it, which keeps its type."""

    @property
    def fields(self) -> frozenset[str]:
        """The record's fields that it names."""

    @property
    def built_ins(self) -> frozenset[str]:
        """Which of `record` and `stream` it uses."""

    def of(self, scope: Scope) -> Any:  # noqa: ANN401 - any value
        """Return the value for one record. Raises whatever the expression raises."""


class Scope:
    """One record as templates see it: its fields as variables."""

    __slots__ = ("record", "variables")

    def __init__(self, record: Mapping[str, Any], built_in: Mapping[str, Any] | None = None) -> None:
        """Open a record to templates; it is read, never changed. `built_in` holds `record` and `stream`, if used."""
        self.record = record
        self.variables = {**record, **built_in} if built_in else record


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """A value without braces: itself."""

    is_expression: ClassVar[bool] = False
    fields: ClassVar[frozenset[str]] = frozenset()
    built_ins: ClassVar[frozenset[str]] = frozenset()
    value: Any

    def of(self, scope: Scope) -> Any:  # noqa: ANN401, ARG002 - any value, whatever the record
        """Return the constant."""
        return self.value


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """A value that is one `{{ name }}` or `{{ name.below }}`, as most are: read without Jinja's detour."""

    is_expression: ClassVar[bool] = True
    built_ins: ClassVar[frozenset[str]] = frozenset()
    name: str
    below: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """The field."""
        return frozenset({self.name})

    def of(self, scope: Scope) -> Any:  # noqa: ANN401 - any value
        """Return the field, or null."""
        value = scope.record.get(self.name)
        for name in self.below:
            value = value.get(name) if type(value) is dict or isinstance(value, Mapping) else None
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Joined:
    """Text around fields, without Jinja's detour; null where a null is written in a strict place."""

    is_expression: ClassVar[bool] = False
    built_ins: ClassVar[frozenset[str]] = frozenset()
    pieces: tuple[str | Field, ...]
    null_is_nothing: bool

    @property
    def fields(self) -> frozenset[str]:
        """The fields."""
        return frozenset(piece.name for piece in self.pieces if isinstance(piece, Field))

    def of(self, scope: Scope) -> str | None:
        """Return the text, or null."""
        texts: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                texts.append(piece)
            elif (value := piece.of(scope)) is not None:
                texts.append(text_of(value))
            elif not self.null_is_nothing:
                return None
        return "".join(texts)


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """A value that is one `{{ expression }}` and no mere field: it keeps its type."""

    is_expression: ClassVar[bool] = True
    template: Template
    sandbox: Sandbox
    fields: frozenset[str]
    built_ins: frozenset[str]

    def of(self, scope: Scope) -> Any:  # noqa: ANN401 - any value
        """Return what the expression yields; generators as lists."""
        value: Any = self.template.root_render_func(self.sandbox.reading(scope.variables))
        return value if type(value) in _PLAIN or not isinstance(value, Iterator) else list(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A value with text around its expressions, or with statements: always text, or null."""

    is_expression: ClassVar[bool] = False
    template: Template
    sandbox: Sandbox
    fields: frozenset[str]
    built_ins: frozenset[str]

    def of(self, scope: Scope) -> str | None:
        """Return the text; null where a null is written in a strict place."""
        try:
            return "".join(self.template.root_render_func(Variables(self.sandbox, scope.variables)))
        except NullInText:
            return None


MOST_KEPT = 2_000


@functools.lru_cache(maxsize=8)
def templates_in(zone: dt.tzinfo) -> Templates:
    """Return what compiles the values of rules whose times without an offset are in this zone."""
    return Templates(zone)


class Templates:
    """Compiles the values of rules; what many rules say alike is compiled once.

    `zone` is for times without an offset.
    """

    def __init__(self, zone: dt.tzinfo) -> None:
        """Build the sandboxes: one for strict places, one for those where a null is written as nothing."""
        self._strict = Sandbox(zone, null_is_nothing=False)
        self._lenient = Sandbox(zone, null_is_nothing=True)
        self._compiled = functools.lru_cache(maxsize=MOST_KEPT)(self._compile)

    def compile(self, source: Any, *, lenient: bool = False) -> Value:  # noqa: ANN401 - any value of a rule
        """Return a value of a rule, compiled; what is no text is a constant. Raises BadTemplateError."""
        if not isinstance(source, str) or not any(mark in source for mark in ("{{", "{%", "{#")):
            return Constant(source)
        bare = source.strip()
        value = self._compiled(bare, lenient=lenient)
        return value if bare == source or value.is_expression else self._compiled(source, lenient=lenient)

    def compile_expression(self, source: str) -> Value:
        """Return one expression, compiled; braces around it are accepted. Raises BadTemplateError."""
        bare = source.strip()
        value = self._compiled(bare if bare.startswith(("{{", "{%", "{#")) else f"{{{{ {bare} }}}}", lenient=False)
        if value.is_expression:
            return value
        message = "takes one expression, without text around it [ZE215]"
        raise BadTemplateError(message)

    def _compile(self, source: str, *, lenient: bool) -> Value:
        sandbox = self._lenient if lenient else self._strict
        try:
            tree = sandbox.parse(source)
            refuse(tree)
            tree = NullSafe().visit(tree).set_environment(sandbox)
            fields, built_ins = fields_read(tree)
            written = _written(tree)
            plain = () if built_ins else tuple(piece for node in written if (piece := _plain(node)) is not None)
            if plain and len(plain) == len(written):
                alone = plain[0] if len(plain) == 1 else None
                return alone if isinstance(alone, Field) else Joined(plain, sandbox.null_is_nothing)
            is_expression = len(written) == 1 and not isinstance(written[0], nodes.TemplateData)
            kind = Expression if is_expression else Text
            return kind(sandbox.compiled(tree, is_expression=is_expression), sandbox, fields, built_ins)
        except (TemplateError, SyntaxError, RecursionError) as error:
            why = getattr(error, "message", None) or type(error).__name__
            message = f"does not parse: {why}{meant(source, why)} [ZE218]"
            raise BadTemplateError(message) from error


def _written(tree: nodes.Template) -> list[nodes.Expr]:
    """Return what a template writes, text and expressions, where it does nothing else."""
    return tree.body[0].nodes if len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output) else []


def _plain(node: nodes.Expr) -> str | Field | None:
    """Return text, or a field of the record, as Joined has it; None for what is Jinja's to work out."""
    if isinstance(node, nodes.TemplateData):
        return node.data
    below: list[str] = []
    while isinstance(node, nodes.Getattr):
        below.insert(0, node.attr)
        node = node.node
    return Field(node.name, tuple(below)) if isinstance(node, nodes.Name) else None
