"""How long something takes, or took, in words. Pure."""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_FEWEST: Final = 2
"""Of a unit; fewer are told in the next smaller one."""


def in_words(seconds: float) -> str:
    """Return a length in the largest unit of which it has two: `44 minutes`, `90 seconds`, `1 second`."""
    for unit, size in _UNITS:
        if seconds / size >= _FEWEST:
            return f"{seconds / size:,.0f} {unit}s"
    count = round(seconds)
    return f"{count} second{'' if count == 1 else 's'}"
