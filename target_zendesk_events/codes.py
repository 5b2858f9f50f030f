"""The code at the end of a sentence, as in `rules: takes a list of rules [ZE205]`: the same fault's, for ever.

`docs/errors.md` has an anchor for each. What is said of a fault may become clearer; its code stays, and none is used
again for another.
"""

from __future__ import annotations

import re
from typing import Final

_CODE: Final = re.compile(r" \[(ZE\d{3})\]\Z")


def code_of(sentence: str) -> str | None:
    """Return the code at the end of a sentence; None where there is none."""
    found = _CODE.search(sentence)
    return None if found is None else found[1]


def without_code(sentence: str) -> str:
    """Return a sentence as it stands within another, which has a code of its own."""
    return _CODE.sub("", sentence)


def prolonged(sentence: str, more: str) -> str:
    """Return a sentence that says more, its code still at the end."""
    found = _CODE.search(sentence)
    return f"{sentence}{more}" if found is None else f"{sentence[: found.start()]}{more}{found[0]}"
