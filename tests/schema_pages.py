"""The reference pages that schemas make: the keys of a rule, and the fields of `last-run.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "target_zendesk_events"
PARTS = {
    "rule": "A rule",
    "profile": "`profile`",
    "event": "`event`",
    "object": "`object`",
    "ticket": "`ticket`",
    "deletion": "`delete`",
    "test": "An entry of `tests`",
    "expectation": "`expect`",
}
"""The definitions of the schema that have keys of their own."""


def rules_page(written: str) -> str:
    """Return the page of all that a rule may hold, from its schema; `written` says who wrote it."""
    schema = json.loads((PACKAGE / "rules.schema.json").read_text(encoding="utf-8"))
    parts = [f"## {title}\n\n{_keys(schema['definitions'][name])}" for name, title in PARTS.items()]
    return f"""# Keys of a rule

Everything that a rules file may hold, from the schema that editors check it by.
{written}

How rules work is in [Rules](../rules.md); rules to copy are in the [cookbook](../cookbook/README.md).

## The file

{_keys(schema)}
{chr(10).join(parts)}"""


def _keys(definition: Mapping[str, Any]) -> str:
    required = set(definition.get("required", ()))
    rows = [
        f"| `{name}` | {'yes' if name in required else ''} | {_kinds(of)} | {of.get('description', '')} |"
        for name, of in definition["properties"].items()
    ]
    return "\n".join(["| Key | Required | Takes | Meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _kinds(of: Mapping[str, Any]) -> str:
    """Return what a key takes, in words."""
    if "enum" in of:
        return ", ".join(f"`{one}`" for one in of["enum"] if one is not None)
    kinds = of.get("type", "object" if "allOf" in of else "anything")
    return ", ".join([kinds] if isinstance(kinds, str) else [one for one in kinds if one != "null"])


def report_page(written: str) -> str:
    """Return the page of `last-run.json`, from its schema; `written` says who wrote it."""
    schema = json.loads((PACKAGE / "last-run.schema.json").read_text(encoding="utf-8"))
    rows = [f"| `{path}` | {kinds} | {words} |" for path, kinds, words in _fields(schema)]
    table = "\n".join(rows)
    return f"""# last-run.json

Every field of the report that a run leaves in `data_dir`, from its schema.
{written}

`NAME` stands for a stream's, a rule's, a kind's or a type's name. The numbers add up as
[What a run reports](../run-report.md#numbers) says.
`schema_version` is {schema["properties"]["schema_version"]["const"]},
and is raised when a field goes or means something else; fields may be added at any time.

| Field | Type | Meaning |
| --- | --- | --- |
{table}
"""


def _fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each field's path, type and meaning, at every depth."""
    below = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        below["NAME"] = schema["additionalProperties"]
    for name, of in below.items():
        here = f"{path}.{name}" if path else name
        if "description" in of or not (of.get("properties") or of.get("additionalProperties")):
            yield here, _type(of), of.get("description", "")
        yield from _fields(of, here)


def _type(of: Mapping[str, Any]) -> str:
    if "const" in of:
        return f"`{of['const']}`"
    if "enum" in of:
        return ", ".join(f"`{one}`" for one in of["enum"])
    kinds = of.get("type", "")
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join([*words, *([of["format"]] if "format" in of else [])]) if words != [""] else ""
