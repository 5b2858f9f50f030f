"""Where a file lies that a message or a setting names: by its path, or by a `file://` address."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

_ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?(.*)", re.DOTALL)
_LOCAL: Final = frozenset({"file", "local"})


def local_paths(text: str) -> list[str]:
    """Return the path that a text stands for; none where it lies on another machine.

    Of a `file://` address with a `%` there are two, for some writers escape what is in a path, and others do not.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return [text]
    scheme, slashes, rest = found.groups()
    if scheme.lower() not in _LOCAL:
        return [] if slashes else [text]  # a colon may stand in the name of a file
    rest = rest.removeprefix("localhost") if slashes and rest.startswith("localhost/") else rest
    return list(dict.fromkeys((unquote(rest), rest)))
