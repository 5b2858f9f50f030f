"""How large a text or a list may get in a template, told before it is made, so that none fills the memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from target_zendesk_events.mapping.values import BadValueError

MAX_SIZE = 1_000_000
"""Characters or entries that one step of a template may make."""


def refuse_beyond(size: int) -> None:
    """Raise BadValueError for what would be larger than a template may make."""
    if size > MAX_SIZE:
        message = "makes something too large [ZE720]"
        raise BadValueError(message)


def length_of(value: Any) -> int:  # noqa: ANN401 - any value
    """Return how much an argument adds: a number so many characters, a text itself."""
    return value if isinstance(value, int) else len(value) if isinstance(value, str) else 0


def widths_in(pattern: str, values: Iterable[Any]) -> int:
    """Return how wide the fields of a `%` pattern are together; `*` takes its width from the values."""
    widest = max((value for value in values if isinstance(value, int)), default=0)
    texts = [text for one in _FIELD.finditer(pattern) for text in one.groups() if text]
    return sum(widest if text == "*" else int(text[:18]) for text in texts)


_FIELD = re.compile(r"%(?:\([^)]*\))?[-+ #0]*(\*|[0-9]+)?(?:\.(\*|[0-9]+))?")
