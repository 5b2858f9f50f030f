"""A body that may be shown to anybody: every value masked but names, types, sources and times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def mask_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Mask an object's values, and such keys as no field is named by: they may be values too."""
    return {
        name if _FIELD_NAME.fullmatch(name) else f"<{len(name)} characters>": mask(value)
        for name, value in fields.items()
    }


_FIELD_NAME = re.compile(r"[A-Za-z_][\w .-]{0,62}", re.ASCII)


def mask(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return of a value its type and size; nulls and booleans as they are."""
    if isinstance(value, Mapping):
        return f"<object of {len(value)}>"
    if isinstance(value, list | tuple):
        return f"<list of {len(value)}>"
    if isinstance(value, str):
        return f"<{len(value)} characters>"
    return "<number>" if isinstance(value, int | float) and not isinstance(value, bool) else value
