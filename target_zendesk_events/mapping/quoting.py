"""A field as Jinja reads it, and a text as YAML reads it, in a rule that is proposed."""

from __future__ import annotations

import re

import yaml

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_JINJA_WORDS = frozenset(
    {"and", "or", "not", "in", "is", "if", "else", "elif", "true", "false", "none", "True", "False", "None"}
    | {"record", "stream", "loop", "import", "recursive"}
)


def braced(name: str, *fallbacks: str) -> str:
    """Return a field in braces, and those that stand in for a null."""
    return "{{ " + variable(name) + "".join(f" | default({variable(other)})" for other in fallbacks) + " }}"


def variable(name: str) -> str:
    """Return a field as Jinja reads it."""
    if WORD.fullmatch(name) and name not in _JINJA_WORDS:
        return name
    escaped = "".join(one if one.isprintable() and one not in "\\'" else _escaped(one) for one in name)
    return f"record['{escaped}']"


def _escaped(character: str) -> str:
    return f"\\{character}" if character in "\\'" else f"\\U{ord(character):08x}"


def quoted(text: str) -> str:
    """Return a text as YAML: bare where nothing in it can be misread."""
    if re.fullmatch(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", text) and yaml.safe_load(text) == text:
        return text
    return str(yaml.safe_dump(text, default_style='"', width=float("inf"))).strip()
