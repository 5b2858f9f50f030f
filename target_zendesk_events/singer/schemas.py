"""A stream's schema as the taps that write it mean it: what records are held against. Pure.

- `multipleOf` with a fraction is left out: taps declare a column's decimals with it, and a binary float fails it.
- So is a bound that is null: a tap that is written in Python writes NaN for one that it does not know.
- An exclusive bound may be told as in Draft 4, which was JSON Schema when Singer began: `exclusiveMaximum: true` beside
  `maximum`. Later drafts would take `true` for the number 1.
- A list's entries may be null: a database's arrays hold nulls, and taps declare the type of the rest alone.
- Nothing is held of the columns `_sdc_*`: they are the pipeline's own, and the SDK's targets take them off unchecked.
"""

from __future__ import annotations

from typing import Any, Final

_BOUNDS: Final = frozenset({"maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf"})
_DRAFT_4: Final = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
_BY_NAME: Final = frozenset({"properties", "patternProperties", "definitions", "$defs", "dependentSchemas"})
"""What holds schemas by names, which may be those of keywords."""
_VALUES: Final = frozenset({"enum", "const", "default", "examples"})
_METADATA: Final = "_sdc_"


def as_meant(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a stream's records, without the name of its draft: it is of all of them."""
    meant: dict[str, Any] = {key: value for key, value in _meant(schema).items() if key != "$schema"}
    columns, required = meant.get("properties"), meant.get("required")
    if isinstance(columns, dict):
        meant["properties"] = {name: {} if name.startswith(_METADATA) else one for name, one in columns.items()}
    if isinstance(required, list):
        meant["required"] = [name for name in required if not str(name).startswith(_METADATA)]
    return meant


def _meant(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(schema, list):
        return [_meant(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    meant = {key: _part(key, value) for key, value in schema.items() if not _is_left_out(key, value)}
    for exclusive, bound in _DRAFT_4:
        if isinstance(meant.get(exclusive), bool) and isinstance(meant.get(bound, 0), int | float):
            _move_bound(meant, exclusive, bound)
    return meant


def _part(keyword: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if keyword in _VALUES:
        return value
    if keyword in _BY_NAME and isinstance(value, dict):
        return {name: _meant(one) for name, one in value.items()}
    meant = _meant(value)
    return _or_null(meant) if keyword == "items" and isinstance(meant, dict) else meant


def _is_left_out(keyword: str, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if keyword == "multipleOf" and isinstance(value, float):
        return not value.is_integer()
    return keyword in _BOUNDS and value is None


def _move_bound(schema: dict[str, Any], exclusive: str, bound: str) -> None:
    """Tell an exclusive bound by its own number."""
    if schema.pop(exclusive) and bound in schema:
        schema[exclusive] = schema.pop(bound)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list's entries that takes null too."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        kinds = [kinds]
    if not isinstance(kinds, list) or "null" in kinds:
        return schema
    return {**schema, "type": [*kinds, "null"]}
