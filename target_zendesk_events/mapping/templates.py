"""A value of a rule, compiled: a constant, one expression that keeps its type, or text around expressions.

Jinja does the parsing, in its sandbox. Its NativeEnvironment would not do: it guesses literals, and makes the
identifier `"0987654321"` a number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from jinja2 import Template, TemplateError, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Namespace

from target_zendesk_events.mapping import filters
from target_zendesk_events.mapping.syntax import BadTemplateError, NullSafe, fields_read, refuse
from target_zendesk_events.mapping.values import BadValueError, text_of

if TYPE_CHECKING:
    import datetime as dt

MAX_TEXT = 1_000_000
"""Characters or entries that `*` may make: a template is no place to fill the memory."""
MAX_BITS = 4096
_PLAIN = frozenset({str, int, float, bool, dict, list, type(None)})
"""What a record holds: looked at first, since asking an abstract class is slow."""


class Value(Protocol):
    """What a rule puts in one place."""

    @property
    def fields(self) -> frozenset[str]:
        """The record's fields that it names."""

    @property
    def built_ins(self) -> frozenset[str]:
        """Which of `record` and `stream` it uses."""

    def of(self, scope: Scope) -> Any:  # noqa: ANN401 - any value
        """Return the value for one record. Raises whatever the expression raises."""


class Scope:
    """One record as templates see it: its fields as variables; strict where a null makes a whole text null."""

    __slots__ = ("_contexts", "_templates", "_variables", "record")

    def __init__(self, templates: Templates, record: Mapping[str, Any], built_in: Mapping[str, Any] | None) -> None:
        """Open a record to templates; it is read, never changed. `built_in` holds `record` and `stream`, if used."""
        self.record = record
        self._templates = templates
        self._variables = {**record, **built_in} if built_in else record
        self._contexts: list[_Variables | None] = [None, None]

    def context(self, *, lenient: bool) -> Context:
        """Return the record as Jinja reads it; made at first use, since fields do without."""
        context = self._contexts[lenient]
        if context is None:
            sandbox = self._templates.lenient if lenient else self._templates.strict
            context = self._contexts[lenient] = _Variables(sandbox, self._variables)
        return context


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """A value without braces: itself."""

    value: Any
    fields: frozenset[str] = frozenset()
    built_ins: frozenset[str] = frozenset()

    def of(self, scope: Scope) -> Any:  # noqa: ANN401, ARG002 - any value, whatever the record
        """Return the constant."""
        return self.value


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """A field of the record: a value that is one `{{ name }}`, without Jinja's detour, since most values are."""

    name: str
    built_ins: frozenset[str] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        """The field."""
        return frozenset({self.name})

    def of(self, scope: Scope) -> Any:  # noqa: ANN401 - any value
        """Return the field, or null."""
        return scope.record.get(self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """A value that is one `{{ expression }}` and no mere field: it keeps its type."""

    template: Template
    is_lenient: bool
    fields: frozenset[str]
    built_ins: frozenset[str]

    def of(self, scope: Scope) -> Any:  # noqa: ANN401 - any value
        """Return what the expression yields; generators as lists."""
        value: Any = next(iter(self.template.root_render_func(scope.context(lenient=self.is_lenient))))
        return value if type(value) in _PLAIN or not isinstance(value, Iterator) else list(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A value with text around its expressions, or with statements: always text, or null."""

    template: Template
    is_lenient: bool
    fields: frozenset[str]
    built_ins: frozenset[str]

    def of(self, scope: Scope) -> str | None:
        """Return the text; null where a null is written in a strict place."""
        try:
            return "".join(self.template.root_render_func(scope.context(lenient=self.is_lenient)))
        except _NullInText:
            return None


class Templates:
    """Compiles the values of rules. One for a set of rules; `zone` is for times without an offset."""

    def __init__(self, zone: dt.tzinfo) -> None:
        """Build the sandboxes: one for strict places, one for those where a null is written as nothing."""
        self.strict = _Sandbox(zone, null_is_nothing=False)
        self.lenient = _Sandbox(zone, null_is_nothing=True)

    def compile(self, source: Any, *, lenient: bool = False) -> Value:  # noqa: ANN401 - any value of a rule
        """Return a value of a rule, compiled; what is no text is a constant. Raises BadTemplateError."""
        if not isinstance(source, str) or not any(mark in source for mark in ("{{", "{%", "{#")):
            return Constant(source)
        bare = source.strip()
        value = self._compiled(bare, lenient=lenient)
        if bare == source or not isinstance(value, Text):
            return value
        return self._compiled(source, lenient=lenient)

    def compile_expression(self, source: str) -> Value:
        """Return one expression, compiled; braces around it are accepted. Raises BadTemplateError."""
        bare = source.strip()
        value = self._compiled(bare if bare.startswith(("{{", "{%", "{#")) else f"{{{{ {bare} }}}}", lenient=False)
        if not isinstance(value, Text):
            return value
        message = "takes one expression, without text around it"
        raise BadTemplateError(message)

    def _compiled(self, source: str, *, lenient: bool) -> Value:
        sandbox = self.lenient if lenient else self.strict
        try:
            tree = sandbox.parse(source)
            refuse(tree)
            tree = NullSafe().visit(tree).set_environment(sandbox)
            expression = _only_expression(tree)
            fields, built_ins = fields_read(tree)
            if isinstance(expression, nodes.Name) and not built_ins:
                return Field(expression.name)
            kind = Text if expression is None else Expression
            return kind(sandbox.compiled(tree, kind is Expression), lenient, fields, built_ins)
        except (TemplateError, SyntaxError, RecursionError) as error:
            message = f"does not parse: {getattr(error, 'message', None) or type(error).__name__}"
            raise BadTemplateError(message) from error


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    pieces = tree.body[0].nodes
    return pieces[0] if len(pieces) == 1 and not isinstance(pieces[0], nodes.TemplateData) else None


class _NullInText(Exception):  # noqa: N818 - an answer, caught where the text is put together
    """A null where it makes the whole text null."""


class _Null(Undefined):
    """Whatever Jinja takes for undefined is null here."""

    def __new__(cls, *_: Any, **__: Any) -> None:  # type: ignore[misc]  # noqa: ANN401 - as Undefined is called
        """Return None in place of an Undefined."""


class _Variables(Context):
    """A context over the record itself, without the copy that Jinja's own makes."""

    def __init__(self, sandbox: _Sandbox, variables: Mapping[str, Any]) -> None:
        self.environment = sandbox
        self.parent = variables  # type: ignore[assignment]  # only read
        self.vars = {}
        self.eval_ctx = sandbox.eval_context
        self.exported_vars = set()
        self.name = None
        self.globals_keys = set()
        self.blocks = {}
        self.resolve_or_missing = variables.get  # type: ignore[method-assign, assignment]  # an absent field is null


class _ValueGenerator(CodeGenerator):
    """Yields the value of an expression as it is, where Jinja's own generator writes it as text."""

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802 - Jinja's naming
        self.writeline("yield ", node)
        self.visit(node.nodes[0], frame)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which dot and index read the record and nothing else."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, zone: dt.tzinfo, *, null_is_nothing: bool) -> None:
        super().__init__(undefined=_Null, finalize=_or_nothing if null_is_nothing else _or_no_text)
        self.null_is_nothing = null_is_nothing
        self.globals.clear()
        self.call_range = safe_range
        self.call_namespace = Namespace
        self.filters.update(filters.filters(self, zone, null_is_nothing=null_is_nothing))
        self.tests.update(filters.tests())
        self.eval_context = EvalContext(self, None)

    def compiled(self, tree: nodes.Template, is_expression: bool) -> Template:  # noqa: FBT001 - private
        """Return a syntax tree as a template that can be rendered, or asked for its value."""
        generator = (_ValueGenerator if is_expression else CodeGenerator)(self, None, None)
        generator.visit(tree)
        code = compile(generator.stream.getvalue(), "<rule>", "exec")  # type: ignore[attr-defined]
        return Template.from_code(self, code, {})

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - any value
        """Return the field, or null: never a Python method."""
        if type(obj) is dict or isinstance(obj, Mapping):
            return obj.get(attribute)
        if isinstance(obj, LoopContext | Namespace) or attribute in getattr(obj, "_fields", ()):
            return super().getattr(obj, attribute)
        return None

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401 - any value
        """Return the field or the entry, or null."""
        if isinstance(obj, list | tuple | str) and isinstance(argument, int):
            try:
                return obj[argument]
            except IndexError:
                return None
        return obj.get(argument) if isinstance(obj, Mapping) else self.getattr(obj, str(argument))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - any value
        """Guard `*` and `**` against results that fill the memory; let `%` write text as texts are written here."""
        if operator == "%" and isinstance(left, str):
            values = right if isinstance(right, tuple) else (right,)
            return filters.percent_format(left, *values, null_is_nothing=self.null_is_nothing)
        if operator != "%" and _is_huge(operator, left, right):
            message = "makes something too large"
            raise BadValueError(message)
        return super().call_binop(context, operator, left, right)


def _is_huge(operator: str, left: Any, right: Any) -> bool:  # noqa: ANN401 - any value
    if operator == "*":
        return any(
            isinstance(many, str | list | tuple) and isinstance(times, int) and len(many) * times > MAX_TEXT
            for many, times in ((left, right), (right, left))
        )
    return isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_BITS


def _or_nothing(value: Any) -> str:  # noqa: ANN401 - any value
    return "" if value is None else text_of(value)


def _or_no_text(value: Any) -> str:  # noqa: ANN401 - any value
    if value is None:
        raise _NullInText
    return text_of(value)
