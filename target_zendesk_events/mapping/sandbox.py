"""Jinja's sandbox, taught what null is: dot and index read the record and nothing else, and nothing grows huge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, ClassVar

from jinja2 import Template, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Namespace

from target_zendesk_events.mapping import filters
from target_zendesk_events.mapping.sizes import MAX_SIZE
from target_zendesk_events.mapping.values import BadValueError, text_of

MAX_BITS = 4096


class NullInText(Exception):  # noqa: N818 - an answer, caught where the text is put together
    """A null where it makes the whole text null."""


class _Null(Undefined):
    """Whatever Jinja takes for undefined is null here."""

    def __new__(cls, *_: Any, **__: Any) -> None:  # type: ignore[misc]  # noqa: ANN401 - as Undefined is called
        """Return None in place of an Undefined."""


class Variables(Context):
    """A context over the record itself, without the copy that Jinja's own makes."""

    name: ClassVar[None] = None  # type: ignore[misc]  # no template of a rule has one
    globals_keys: ClassVar[AbstractSet[str]] = frozenset()  # type: ignore[misc, assignment]
    blocks: ClassVar[Mapping[str, Any]] = MappingProxyType({})  # type: ignore[misc, assignment]

    def __init__(self, sandbox: Sandbox, variables: Mapping[str, Any]) -> None:
        """Let templates read `variables`; each is null where it is absent."""
        self.environment = sandbox
        self.vars = {}
        self.eval_ctx = sandbox.eval_context
        self.exported_vars = set()
        self.read(variables)

    def read(self, variables: Mapping[str, Any]) -> None:
        """Let templates read these variables, and those before no more."""
        self.parent = variables  # type: ignore[assignment]  # only read
        self.resolve_or_missing = variables.get  # type: ignore[method-assign, assignment]  # an absent field is null


class _ValueGenerator(CodeGenerator):
    """Makes of an expression a function that returns its value, where Jinja's own makes one that yields texts."""

    def write_commons(self) -> None:
        """Begin as Jinja's functions begin, but for what makes a generator of them."""
        self.writeline("resolve = context.resolve_or_missing")
        self.writeline("undefined = environment.undefined")
        self.writeline("cond_expr_undefined = Undefined")

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802 - Jinja's naming
        self.writeline("return ", node)
        self.visit(node.nodes[0], frame)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which dot and index read the record and nothing else."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, zone: dt.tzinfo, *, null_is_nothing: bool) -> None:
        """Take times without an offset in `zone`; write a null in a text as nothing, or raise NullInText."""
        super().__init__(undefined=_Null, finalize=_or_nothing if null_is_nothing else _or_no_text)
        self.null_is_nothing = null_is_nothing
        self.globals.clear()
        self.call_range = safe_range
        self.call_namespace = Namespace
        self.filters.update(filters.filters(self, zone, null_is_nothing=null_is_nothing))
        self.tests.update(filters.tests())
        self.eval_context = EvalContext(self, None)
        self._reading = Variables(self, {})

    def reading(self, variables: Mapping[str, Any]) -> Variables:
        """Return the one context of expressions, over these variables from now on: an expression sets none."""
        self._reading.read(variables)
        return self._reading

    def compiled(self, tree: nodes.Template, *, is_expression: bool) -> Template:
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
        if isinstance(obj, dt.date):
            message = "a time has no fields: write a part of it as `| strftime(...)` does [ZE718]"
            raise BadValueError(message)
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
            message = "makes something too large [ZE720]"
            raise BadValueError(message)
        return super().call_binop(context, operator, left, right)


def _is_huge(operator: str, left: Any, right: Any) -> bool:  # noqa: ANN401 - any value
    if operator == "*":
        return any(
            isinstance(many, str | list | tuple) and isinstance(times, int) and len(many) * times > MAX_SIZE
            for many, times in ((left, right), (right, left))
        )
    return isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_BITS


def _or_nothing(value: Any) -> str:  # noqa: ANN401 - any value
    return "" if value is None else text_of(value)


def _or_no_text(value: Any) -> str:  # noqa: ANN401 - any value
    if value is None:
        raise NullInText
    return text_of(value)
