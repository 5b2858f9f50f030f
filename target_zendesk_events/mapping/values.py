"""How a value of a record is written: as JSON in a body, and as text inside text."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from target_zendesk_events.digits import Digits
from target_zendesk_events.kinds.event import MAX_SAFE_INTEGER
from target_zendesk_events.lenient import MAX_DEPTH

_PLAIN_NUMBERS = (int, float)
_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} [ZE719]"


class BadValueError(ValueError):
    """A value that cannot be sent or understood; the message tells why and never quotes the value."""


def json_value(value: Any, room: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - any value in, its JSON out
    """Return what JSON keeps exactly of a value: nulls left out of objects, large whole numbers as strings.

    Raises BadValueError for NaN, an infinity, what is nested deeper than `room`, and what is no JSON, such as a
    function.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _whole(value)
    if kind is bool or value is None:
        return value
    if kind is dict:
        return _json_object(value, room)
    if kind is int or kind is float or isinstance(value, int | float | Decimal):
        return _json_number(value)
    if isinstance(value, list | tuple | set | frozenset | Iterator):
        if not room:
            raise BadValueError(_TOO_DEEP)
        return [json_value(item, room - 1) for item in value]
    if isinstance(value, Mapping):
        return _json_object(value, room)
    return _iso_text(value)


def _json_object(value: Mapping[Any, Any], room: int) -> dict[str, Any]:
    if not room:
        raise BadValueError(_TOO_DEEP)
    found = {}
    for key, item in value.items():
        if item is not None:
            is_plain = type(item) is str and item.isascii()  # as most are
            found[key if type(key) is str and key.isascii() else _key(key)] = (
                item if is_plain else json_value(item, room - 1)
            )
    return found


def text_of(value: Any) -> str:  # noqa: ANN401 - any value but null
    """Return a value as it is written inside text: `true`, whole numbers without `.0`, objects as JSON.

    Raises BadValueError for NaN, an infinity and what is no JSON.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _whole(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return repr(value)
    if isinstance(value, int | float | Decimal):
        return _number_text(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset | Iterator):
        return json_text(value)
    return _iso_text(value)


def json_text(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any value
    """Return a value as `json.dumps` writes it. Raises BadValueError for NaN, an infinity and what is no JSON."""
    try:
        return json.dumps(_plain(value), indent=indent, allow_nan=False)
    except ValueError as error:
        message = "holds NaN, an infinity or an endless object, which JSON has no word for [ZE719]"
        raise BadValueError(message) from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a value in the types that `json.dumps` knows, nulls and all."""
    if isinstance(value, Digits):
        return value.text
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | Iterator):
        return [_plain(item) for item in value]
    return _json_number(value) if isinstance(value, Decimal) else _iso_text(value)


def _whole(text: str) -> str:
    """Return a text as it is. Raises BadValueError for half of a surrogate pair, which UTF-8 cannot write."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = "holds half of a surrogate pair, which is no character [ZE719]"
        raise BadValueError(message) from error
    return text


def _key(key: Any) -> str:  # noqa: ANN401 - a template's own object may have any key
    return "null" if key is None else text_of(key)


def _json_number(number: float | Decimal) -> int | float | str:
    if type(number) in _PLAIN_NUMBERS and -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        return number  # type: ignore[return-value]  # no Decimal
    if isinstance(number, Digits):
        return number.text
    if not isinstance(number, int) and not math.isfinite(number):
        message = "holds NaN or an infinity, which JSON has no word for [ZE719]"
        raise BadValueError(message)
    if isinstance(number, Decimal):
        number = int(number) if number == number.to_integral_value() else float(number)
    if -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        return number
    return str(int(number))


def _number_text(number: float | Decimal) -> str:
    if isinstance(number, Digits):
        return number.text
    if not isinstance(number, int) and not math.isfinite(number):
        message = "holds NaN or an infinity [ZE719]"
        raise BadValueError(message)
    if isinstance(number, float):
        return str(int(number)) if number.is_integer() else repr(number)
    if isinstance(number, Decimal):
        return str(int(number)) if number == number.to_integral_value() else format(number, "f")
    return str(int(number))


def _iso_text(value: Any) -> str:  # noqa: ANN401 - what is left when all else is ruled out
    if isinstance(value, str):
        return _whole(str(value))
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    message = f"yields a {type(value).__name__}, which is no JSON value [ZE719]"
    raise BadValueError(message)
