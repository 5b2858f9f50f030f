"""One JSON text for all values that mean the same: what keys and comparisons are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from target_zendesk_events.digits import Digits


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return one JSON text for all values that mean the same: keys sorted, 1.0 as 1, nulls left out of objects.

    Digits are their text, as in a body. Raises UnicodeEncodeError for half of a surrogate pair, which has no bytes.
    """
    return _ENCODER.encode(_plain(value))


_ENCODER = msgspec.json.Encoder(order="sorted")


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value in which only what means something else differs; the types that JSON gives come first."""
    kind = type(value)
    if kind is str or kind is int:
        return value
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is Digits:
        return value.text
    if kind is list:
        return [item if type(item) is str else _plain(item) for item in value]
    if kind is dict or isinstance(value, Mapping):
        plain = {}
        for key, item in value.items():
            kind = type(item)
            if kind is str or kind is int:
                plain[key] = item
            elif item is not None:
                plain[key] = _plain(item)
        return plain
    return _plain(list(value)) if isinstance(value, list | tuple) else value
