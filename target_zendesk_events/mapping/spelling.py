"""One spelling for each identifier: nothing around it that nobody sees, and Unicode's NFC. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_UNSEEN: Final = (
    r"\x00-\x1f\x7f-\x9f\u2028\u2029"  # controls, and Unicode's ends of lines
    r"\u00a0\u2007\u202f"  # no-break spaces
    r"\u00ad\u180e\u200b-\u200d\u2060-\u2065\ufeff"  # soft hyphen, zero-width characters, byte order mark
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction
)
"""None of them counts as printable to Python, which is looked at first."""
_ANY: Final = re.compile(f"[{_UNSEEN}]")
_AROUND: Final = re.compile(rf"\A[\s{_UNSEEN}]+|[\s{_UNSEEN}]+\Z")


def spelt(text: str) -> str:
    """Return a text in NFC, without the white space and the characters around it that nobody sees."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return unicodedata.normalize("NFC", _AROUND.sub("", text))


def has_unseen(text: str) -> bool:
    """Return whether a text holds a character that nobody sees, or a space that nobody tells from others."""
    return not text.isprintable() and _ANY.search(text) is not None
