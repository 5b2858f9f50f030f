"""Which custom objects and fields the rules name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from target_zendesk_events.cli.field_shapes import OBJECT, Shape, joined, shape_of

Rules = Iterable[Mapping[str, Any]]
Schemas = Mapping[str, Mapping[str, Any]]
"""The schemas that are known, by stream."""


@dataclasses.dataclass(slots=True)
class NamedObject:
    """A custom object, and what rules make of its fields."""

    key: str
    fields: dict[str, Shape] = dataclasses.field(default_factory=dict)
    is_open: bool = False
    """Whether records decide its fields: then there may be more."""


def named_objects(rules: Rules, schemas: Schemas) -> list[NamedObject]:
    """Return the objects that rules, as they are written, send, take away or refer to, in their order.

    Rules that are at fault count as far as they can be read.
    """
    found: dict[str, NamedObject] = {}
    shapes: dict[tuple[str, str], list[Shape]] = {}
    for rule in rules:
        sent: Any = rule.get("object")
        for key in filter(None, _keys(rule)):
            found.setdefault(key, NamedObject(key))
        key = _key(sent.get("key")) if isinstance(sent, Mapping) else ""
        if key:
            fields = _fields(sent.get("fields"))
            found[key].is_open |= fields is None
            for name, raw in (fields or {}).items():
                shapes.setdefault((key, name), []).extend(_shapes(raw, str(rule.get("stream")), schemas))
    for (key, name), several in shapes.items():
        found[key].fields[name] = joined(several)
    return list(found.values())


def _keys(rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the objects that a rule names."""
    sent, taken = rule.get("object"), rule.get("delete")
    if isinstance(sent, Mapping):
        yield _key(sent.get("key"))
        yield from _referred(sent.get("fields"))
    if isinstance(taken, Mapping) and "object" in taken:
        yield _key(taken["object"])


def _referred(fields: Any) -> Iterator[str]:  # noqa: ANN401 - any YAML value
    """Yield the keys of the objects that fields refer to."""
    for raw in fields.values() if isinstance(fields, Mapping) else ():
        target = shape_of(raw, None).target
        if target.startswith(OBJECT):
            yield target.removeprefix(OBJECT)


def _fields(raw: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - any YAML value
    """Return the fields of an object as they are written; None where one expression yields them."""
    if isinstance(raw, Mapping):
        return {str(name): value for name, value in raw.items()}
    if isinstance(raw, list):
        return {str(name): f"{{{{ record['{name}'] }}}}" for name in raw}
    return {} if raw is None else None


def _shapes(raw: Any, pattern: str, schemas: Schemas) -> list[Shape]:  # noqa: ANN401 - any YAML value
    """Return what a field's template makes of each stream that its rule is for."""
    streams = [schema for name, schema in schemas.items() if fnmatchcase(name, pattern)]
    return [shape_of(raw, schema) for schema in streams] or [shape_of(raw, None)]


def _key(raw: object) -> str:
    return raw.strip() if isinstance(raw, str) else ""
