"""A number that no double holds: it counts as the nearest one, and is written with its own digits. Pure."""

from __future__ import annotations

import re
from typing import Final

from typing_extensions import Self

_PARTS: Final = re.compile(r"-?(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?", re.ASCII)
_MAX_EXPONENT_DIGITS: Final = 18
"""An exponent of more digits decides alone, whatever stands before it."""


class Digits(float):
    """A float to whoever compares, checks or computes, beyond all doubles an infinite one; in text it is its digits."""

    __slots__ = ("text",)

    def __new__(cls, text: str | float) -> Self:
        """Take a number as JSON writes it, of any size and exponent; `.0` behind a whole number is no digit."""
        number = super().__new__(cls, text)
        number.text = re.sub(r"^(-?\d+)\.0+$", r"\1", str(text))
        return number

    text: str

    def __repr__(self) -> str:
        """Return the digits: they are a number in Python too, as the schema's compiled check needs it."""
        return self.text

    __str__ = __repr__

    def is_integer(self) -> bool:
        """Tell whether it is a whole number, by its digits: the nearest double of a large one always is."""
        found = _PARTS.fullmatch(self.text)
        if found is None:
            return False
        whole, fraction, exponent = found[1], (found[2] or "").rstrip("0"), found[3] or "0"
        if len(exponent) > _MAX_EXPONENT_DIGITS:
            return not exponent.startswith("-")
        ends_with = len(whole) - len(whole.rstrip("0")) if not fraction else -len(fraction)
        return int(exponent) + ends_with >= 0
