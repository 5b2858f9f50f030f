"""What a stream's counts hang on: its rules, its schema, and the settings that say what is made of a record. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from target_zendesk_events.kinds.canonical import canonical

if TYPE_CHECKING:
    from target_zendesk_events.mapping.rules import RuleBook

DIGEST_LENGTH: Final = 16
"""Hexadecimal digits."""


class Digests:
    """Tells a stream's footing from another: once it changed, what was counted before counts no more."""

    def __init__(self, raw: Sequence[Mapping[str, Any]], rule_book: RuleBook, settings: Mapping[str, Any]) -> None:
        """Take the rules as text and compiled, in one order, and the settings that matter; schemas come later."""
        self._raw = raw
        self._rule_book = rule_book
        self._settings = canonical(settings)
        self._schemas: dict[str, bytes] = {}

    def note_schema(self, stream: str, schema: Mapping[str, Any]) -> None:
        """Take the schema of a stream, as its rules see it."""
        self._schemas[stream] = canonical(schema)

    def of(self, stream: str) -> str:
        """Return a hash that differs once the stream's rules, its schema or a setting differ."""
        chosen = self._rule_book.for_stream(stream)
        rules = [
            canonical(_as_json({key: value for key, value in one.items() if key != "tests"}))
            for one, rule in zip(self._raw, self._rule_book.rules, strict=True)
            if rule in chosen
        ]
        text = b"\n".join([self._settings, self._schemas.get(stream, b""), *rules])
        return hashlib.sha256(text).hexdigest()[:DIGEST_LENGTH]


def _as_json(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return a rule as JSON has it: YAML has other names than text, as the numbers of a ticket's fields, and `on`."""
    if isinstance(value, Mapping):
        return {str(name): _as_json(item) for name, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list) else value
