"""The filters and tests of a template: those beside Jinja's own, and Jinja's own taught what null is."""

from __future__ import annotations

import datetime as dt
import fnmatch
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jinja2.filters import FILTERS, make_attrgetter

from target_zendesk_events import lenient
from target_zendesk_events.mapping.sizes import length_of, refuse_beyond, widths_in
from target_zendesk_events.mapping.times import moment, time_zone
from target_zendesk_events.mapping.values import BadValueError, json_text, text_of
from target_zendesk_events.moments import is_date

if TYPE_CHECKING:
    from jinja2 import Environment

Filter = Callable[..., Any]

_TEXT_FILTERS = (
    "capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "replace", "safe", "string", "striptags",
    "title", "trim", "truncate", "upper", "urlencode", "urlize", "wordcount", "wordwrap",
)  # fmt: skip
"""Jinja's filters that write what they are given as text first: null would become the word `None`."""


def filters(environment: Environment, zone: dt.tzinfo, *, null_is_nothing: bool) -> dict[str, Filter]:
    """Return the filters that Jinja lacks, or has otherwise, by name.

    `null_is_nothing` says how those that join texts write a null; else it makes the whole text null.
    """
    joined = functools.partial(_join, environment, null_is_nothing)
    return {
        **{name: _on_text(FILTERS[name]) for name in _TEXT_FILTERS},
        "attr": environment.getattr,
        "batch": _in_groups(FILTERS["batch"]),
        "d": _default,
        "datetime": functools.partial(_datetime, zone),
        "default": _default,
        "float": functools.partial(_number, FILTERS["float"]),
        "format": functools.partial(percent_format, null_is_nothing=null_is_nothing),
        "fromjson": _from_json,
        "int": functools.partial(_number, FILTERS["int"]),
        "join": joined,
        "_part": _part,
        "slice": _in_groups(FILTERS["slice"]),
        "strftime": functools.partial(_strftime, zone),
        "tojson": _to_json,
        "without": _without,
    }


def tests() -> dict[str, Filter]:
    """Return the tests that differ from Jinja's: a null counts as not defined, as an absent field does."""
    return {"defined": lambda value: value is not None, "undefined": lambda value: value is None}


def percent_format(pattern: Any, *values: Any, null_is_nothing: bool, **named: Any) -> str | None:  # noqa: ANN401
    """Return the pattern filled as `%` fills it; with a null among the values, null or nothing in its place."""
    if pattern is None:
        return None
    if not null_is_nothing and (None in values or None in named.values()):
        return None
    refuse_beyond(widths_in(text_of(pattern), values))
    if named:
        return text_of(pattern) % {name: _fitting(value) for name, value in named.items()}
    return text_of(pattern) % tuple(map(_fitting, values))


def _fitting(value: Any) -> Any:  # noqa: ANN401 - any value
    """Leave numbers to `%d`; write the rest as text is written here."""
    if value is None:
        return ""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text_of(value)


def _on_text(jinjas: Filter) -> Filter:
    """Return Jinja's filter, given null for null, and text as it is written here."""
    place = 1 if hasattr(jinjas, "jinja_pass_arg") else 0

    @functools.wraps(jinjas)
    def filtered(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as Jinja's own
        if arguments[place] is None:
            return None
        text, others = text_of(arguments[place]), arguments[place + 1 :]
        if jinjas.__name__ in _GROWTH:
            refuse_beyond(_GROWTH[jinjas.__name__](text, *others, **named))
        return jinjas(*arguments[:place], text, *others, **named)

    return filtered


def _indented(text: str, width: Any = 4, *_: Any, **__: Any) -> int:  # noqa: ANN401 - Jinja's own
    return (text.count("\n") + 1) * length_of(width)


def _replaced(text: str, old: Any, new: Any, *_: Any, **__: Any) -> int:  # noqa: ANN401 - Jinja's own
    return text.count(text_of(old)) * len(text_of(new))


_GROWTH: Mapping[str, Callable[..., int]] = {
    "do_center": lambda _, width=80: length_of(width),
    "do_indent": _indented,
    "do_replace": _replaced,
}
"""What Jinja's filters add to a text, by their functions' names, for those that may add much."""


def _in_groups(jinjas: Filter) -> Filter:
    """Return Jinja's filter, for as many groups, or as large ones, as there may be."""

    @functools.wraps(jinjas)
    def filtered(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as Jinja's own, which gives some a context first
        refuse_beyond(max(one for one in (0, *given, *named.values()) if isinstance(one, int)))
        return jinjas(*given, **named)

    return filtered


def _default(value: Any, default: Any = "", boolean: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - Jinja's
    return default if value is None or (boolean and not value) else value


def _number(jinjas: Filter, value: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as Jinja's own
    """Convert as Jinja does; null stays null unless the template gives a default, else all nulls were one 0."""
    return None if value is None and not arguments and "default" not in named else jinjas(value, *arguments, **named)


def _join(
    environment: Environment,
    null_is_nothing: bool,  # noqa: FBT001 - given by partial
    values: Iterable[Any] | None,
    d: str = "",
    attribute: str | int | None = None,
) -> str | None:
    if values is None:
        return None
    items = list(values if attribute is None else map(make_attrgetter(environment, attribute), values))
    if None in items and not null_is_nothing:
        return None
    refuse_beyond(len(items) * length_of(d))
    return d.join("" if item is None else text_of(item) for item in items)


def _part(value: Any, start: int | None, stop: int | None, step: int | None) -> Any:  # noqa: ANN401 - text or list
    """Return a slice; what is below null is null."""
    return None if value is None else value[start:stop:step]


_MOST_LINES = 10_000
"""Lines that a record written as JSON may well have: each is indented."""


def _to_json(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any value
    refuse_beyond(length_of(indent) * _MOST_LINES)
    return json_text(value, indent)


def _from_json(text: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Read JSON text; what a tap has read already passes as it is."""
    if not isinstance(text, str | bytes):
        return text
    try:
        return lenient.decode(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    except lenient.TooDeepError as error:
        message = f"`fromjson` is given a text that is nested deeper than {lenient.MAX_DEPTH} [ZE718]"
        raise BadValueError(message) from error
    except ValueError as error:
        message = "`fromjson` is given a text that is no JSON [ZE718]"
        raise BadValueError(message) from error


def _datetime(
    default_zone: dt.tzinfo,
    value: Any,  # noqa: ANN401 - whatever a record holds
    format: str | None = None,  # noqa: A002 - the filter's documented argument
    timezone: str | None = None,
) -> dt.datetime | None:
    """Return the time that a value says, read by `strptime` codes where given; `timezone` is for times without."""
    if value is None:
        return None
    zone = default_zone if timezone is None else _zone(timezone)
    if format is None or isinstance(value, dt.date):
        return moment(value, zone).as_datetime
    try:
        read = dt.datetime.strptime(text_of(value).strip(), format)  # noqa: DTZ007 - the next line gives it a zone
    except ValueError as error:
        message = "`datetime` is given a text that does not fit its format [ZE718]"
        raise BadValueError(message) from error
    return moment(read, zone).as_datetime


def _strftime(
    default_zone: dt.tzinfo,
    value: Any,  # noqa: ANN401 - whatever a record holds
    format: str,  # noqa: A002 - the filter's documented argument
    timezone: str | None = None,
) -> str | None:
    """Return a time as `strftime` codes write it, told in `timezone`; a date without a time is that day in any zone."""
    if value is None:
        return None
    zone = default_zone if timezone is None else _zone(timezone)
    shown = moment(value, zone if is_date(value) else default_zone).as_datetime.astimezone(zone)
    try:
        return shown.strftime(text_of(format))
    except ValueError as error:
        message = "`strftime` is given a format that is none [ZE718]"
        raise BadValueError(message) from error


def _zone(name: str) -> dt.tzinfo:
    """Return a time zone; its name may have come from the record, so that what is none is not quoted."""
    try:
        return time_zone(name)
    except BadValueError:
        message = "`datetime` or `strftime` is given a time zone that is not known here [ZE718]"
        raise BadValueError(message) from None


def _without(value: Mapping[str, Any] | None, *patterns: str) -> dict[str, Any] | None:
    """Return an object without the fields whose names match a pattern."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        message = "`without` is given something other than an object [ZE718]"
        raise BadValueError(message)
    return {
        name: item
        for name, item in value.items()
        if not any(fnmatch.fnmatchcase(str(name), pattern) for pattern in patterns)
    }
