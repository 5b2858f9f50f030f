"""What a rule's template makes of records, by their stream's schema, and which of Zendesk's field types that is.

Facts: Zendesk's API reference, "Custom object fields": a field takes values of its type alone, and keeps its type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

USER: Final = "zen:user"
OBJECT: Final = "zen:custom_object:"
"""Before an object's key: what a lookup refers to."""


class Shape(NamedTuple):
    """What a field's values are: its sort, what a reference refers to, and why no field can be made for it, if so."""

    sort: str
    target: str = ""
    why: str = ""

    @property
    def type(self) -> str:
        """The type of field that is made for it; empty where none is."""
        return MADE_AS.get(self.sort, "")

    def fits(self, kind: str, target: str) -> bool:
        """Tell whether a field that is there takes it; what is not known is not ruled out."""
        if self.sort not in FITS:
            return True
        return kind in FITS[self.sort] and (not self.target or self.target == target)


MADE_AS: Final[Mapping[str, str]] = {
    "text": "text",
    "date": "date",
    "date-time": "text",
    "integer": "integer",
    "number": "decimal",
    "boolean": "checkbox",
    "reference": "lookup",
}
"""Lists and objects are not here: a multiselect takes the options that somebody chose for it."""
FITS: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"text", "textarea", "regexp", "dropdown", "date", "lookup"}),
    "date": frozenset({"date", "text", "textarea"}),
    "date-time": frozenset({"text", "textarea"}),
    "integer": frozenset({"integer", "decimal"}),
    "number": frozenset({"decimal"}),
    "boolean": frozenset({"checkbox"}),
    "list": frozenset({"multiselect"}),
    "object": frozenset(),
    "reference": frozenset({"lookup"}),
}

NO_SCHEMA: Final = Shape("", why="its type is not known: give the stream's schema with --input FILE")
_EXPRESSION: Final = Shape("", why="its type cannot be told from an expression: make the field in Zendesk")
_LIST: Final = Shape(
    "list", why="a list: write {{ NAME | join(', ') }}, or make a multiselect with its options in Zendesk"
)
_OBJECT: Final = Shape("object", why="an object, which no field takes: name what is within it")
_DIFFERS: Final = Shape("", why="its values are of more than one type: write {{ NAME | string }}")
_UNTYPED: Final = Shape("", why="the schema does not say its type: make the field in Zendesk")
_BY_TYPE: Final[Mapping[frozenset[str], Shape]] = {
    frozenset({"string"}): Shape("text"),
    frozenset({"integer"}): Shape("integer"),
    frozenset({"number"}): Shape("number"),
    frozenset({"integer", "number"}): Shape("number"),
    frozenset({"boolean"}): Shape("boolean"),
    frozenset({"array"}): _LIST,
    frozenset({"object"}): _OBJECT,
    frozenset(): _UNTYPED,
}
_TEXTS: Final = frozenset({"text", "date", "date-time"})

_ONE_EXPRESSION: Final = re.compile(r"\s*\{\{(?P<inner>(?:(?!\}\}).)*)\}\}\s*", re.DOTALL)
_PATH: Final = re.compile(
    r"\s*(?:record\.)?(?P<path>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*|\s*record\[(['\"])(?P<name>.+)\2\]\s*"
)
_LAST_FILTER: Final = re.compile(r".*\|\s*(?P<name>\w+)\s*(?:\((?P<arguments>[^|]*)\))?\s*", re.DOTALL)
_DAY: Final = re.compile(r"""\s*(['"])%Y-%m-%d\1.*""", re.DOTALL)
_FILTERS: Final[Mapping[str, Shape]] = {
    **dict.fromkeys(("string", "join", "lower", "upper", "title", "capitalize", "trim", "replace"), Shape("text")),
    **dict.fromkeys(("strftime", "truncate", "tojson", "format"), Shape("text")),
    **dict.fromkeys(("int", "length", "count"), Shape("integer")),
    "float": Shape("number"),
    "datetime": Shape("date-time"),
}
"""What the last filter of an expression yields."""


def shape_of(raw: Any, schema: Mapping[str, Any] | None) -> Shape:  # noqa: ANN401 - any YAML value
    """Return what a field of a rule, as it is written, makes of a stream with this schema; None: not known."""
    if isinstance(raw, Mapping):
        return _of_reference(raw)
    if isinstance(raw, list):
        return _LIST
    if not isinstance(raw, str):
        return _BY_TYPE.get(_json_type(raw), _UNTYPED)
    expression = _ONE_EXPRESSION.fullmatch(raw)
    return Shape("text") if expression is None else _of_expression(expression["inner"], schema)


def joined(shapes: Iterable[Shape]) -> Shape:
    """Return what several rules, or streams, make of one field; what is not known is as the others."""
    found = list(dict.fromkeys(shapes))
    known = [one for one in found if one.sort] or found
    if len(known) == 1:
        return known[0]
    sorts = {one.sort for one in known}
    if sorts == {"integer", "number"}:
        return Shape("number")
    return Shape("text") if sorts <= _TEXTS else Shape("", why="its rules make values of different types of it")


def _of_reference(raw: Mapping[Any, Any]) -> Shape:
    if set(raw) == {"user"}:
        return Shape("reference", USER)
    return Shape("reference", f"{OBJECT}{raw['object']}") if "object" in raw else _OBJECT


def _of_expression(text: str, schema: Mapping[str, Any] | None) -> Shape:
    path = _PATH.fullmatch(text)
    if path is not None:
        return NO_SCHEMA if schema is None else _of_path(path["name"] or path["path"], schema, text.strip())
    last = _LAST_FILTER.fullmatch(text)
    if last is None or last["name"] not in _FILTERS:
        return _EXPRESSION
    is_day = last["name"] == "strftime" and _DAY.fullmatch(last["arguments"] or "")
    return Shape("date") if is_day else _FILTERS[last["name"]]


def _of_path(path: str, schema: Mapping[str, Any], shown: str) -> Shape:
    """Return the shape of a column, or of what stands within one."""
    column: Any = schema
    names = [path] if path in (schema.get("properties") or {}) else path.split(".")
    for name in names:
        column = _properties(column).get(name)
    found = _of_column(column)
    return found._replace(why=found.why.replace("NAME", shown))


def _properties(column: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON value
    within = (one for one in _ways(column) if isinstance(one.get("properties"), Mapping))
    found: Mapping[str, Any] = next(within, {}).get("properties", {})
    return found


def _of_column(column: Any) -> Shape:  # noqa: ANN401 - any JSON value
    ways = list(_ways(column))
    types = frozenset().union(*map(_types, ways)) - {"null"}
    shape = _BY_TYPE.get(types, _DIFFERS)
    formats = {one.get("format") for one in ways if "string" in _types(one)}
    return Shape(formats.pop()) if shape.sort == "text" and formats in ({"date"}, {"date-time"}) else shape


def _ways(column: Any) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - any JSON value
    """Yield the schemas of which a value fits one."""
    if isinstance(column, Mapping):
        yield column
        for key in ("anyOf", "oneOf"):
            for one in column.get(key) or ():
                yield from _ways(one)


def _types(column: Mapping[str, Any]) -> frozenset[str]:
    given = column.get("type")
    return frozenset([given] if isinstance(given, str) else given or ())


def _json_type(value: object) -> frozenset[str]:
    """Return the type of a constant, as JSON Schema calls it."""
    types = {bool: "boolean", int: "integer", float: "number"}
    return frozenset({types[type(value)]}) if type(value) in types else frozenset()
