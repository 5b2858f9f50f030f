"""What a schema's columns look like: when a row changed, what is a secret or the tap's own, of which type. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_CHANGED = (
    *(
        form.format(word)
        for form in (
            "{}at", "last{}", "last{}at", "last{}on", "last{}date", "last{}time",
            "{}on", "{}", "date{}", "{}date", "{}time",
        )
        for word in ("updated", "modified", "changed")
    ),
    "updatedate", "updatetime", "changedate", "changetime", "systemmodstamp", "mtime",
)  # fmt: skip
"""Columns that say when a row changed, likeliest first, spelled without separators and in lower case."""
_CREATED = (
    "occurredat", "occurredon", "happenedat", "happenedon", "eventtime", "eventtimestamp", "eventdate", "timestamp",
    "createdat", "created", "createdon", "creationdate", "createddate", "datecreated", "createdtime", "createtime",
    "insertedat", "datetime", "date", "time",
)  # fmt: skip
_SECRET = re.compile(
    r"(?:.*_)?(?:pass|password|passwd|passphrase|passcode|pwd|secret|token|hash|hashed|digest|salt|key|apikey|ssn"
    r"|sin|card|cardnumber|cvv|cvc|pin|iban|bic|otp|credential|credentials|auth|authorization|signature|private"
    r"|cookie|session|passport)s?(?:_.*)?",
)
_REPLICATION = re.compile(
    r"_.*|xmin|ctid|lsn|row_?version|etag|(?:.*_)?(?:bookmark|cursor|replication_key|replication_value)"
    r"|(?:.*_)?(?:synced|extracted|loaded|ingested|batched|replicated)(?:_at|_on)?",
)


def change_columns(columns: Mapping[str, Any]) -> list[str]:
    """Return the column that says when the row changed, and one to fall back on where that can be null."""
    times = [name for name, schema in columns.items() if _may_be_time(schema)]
    ranked = sorted(times, key=lambda name: (_rank(name), not _is_date_time(columns[name])))
    ranked = [name for name in ranked if _rank(name) < len(_CHANGED + _CREATED) or _is_date_time(columns[name])]
    if not ranked:
        return []
    first = ranked[0]
    others = [name for name in ranked[1:] if _plain(name) in _CREATED]
    return [first, *others[:1]] if is_nullable(columns[first]) else [first]


def _rank(name: str) -> int:
    order = _CHANGED + _CREATED
    plain = _plain(name)
    return order.index(plain) if plain in order else len(order)


def is_wanted(name: str) -> bool:
    """Tell whether a column may be sent: none of replication's own, and none that looks like a secret."""
    word = snake(name)
    is_template = any(mark in name for mark in ("{{", "{%", "{#"))
    return not (name.startswith("_") or is_template or _SECRET.fullmatch(word) or _REPLICATION.fullmatch(word))


def snake(name: str) -> str:
    """Return a name in lower case, its words joined with underscores."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def types_of(schema: Any) -> set[str]:  # noqa: ANN401 - any JSON schema
    """Return the JSON types that a schema allows; an empty set where it does not say."""
    if not isinstance(schema, Mapping):
        return set()
    found: set[str] = set()
    given = schema.get("type", ())
    found |= {given} if isinstance(given, str) else set(given)
    for branch in _branches(schema):
        found |= types_of(branch)
    return found


def _branches(schema: Mapping[str, Any]) -> Iterable[Any]:
    return [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]


def is_nullable(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    """Tell whether a column may be null, as far as is known."""
    return not types_of(schema) or "null" in types_of(schema)


def is_scalar(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    """Tell whether a column may hold what names something: text or a number, and no time."""
    types = types_of(schema) - {"null"}
    return (not types or bool(types & {"string", "integer", "number"})) and not _is_date_time(schema)


def is_plain(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    """Tell whether a column is known to hold text, numbers, or true and false."""
    types = types_of(schema) - {"null"}
    return bool(types) and types <= {"string", "integer", "number", "boolean"}


def is_time(name: str, schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    """Tell whether a column holds a time, or is called as one that says when a row changed or was made."""
    return _is_date_time(schema) or _plain(name) in _CHANGED + _CREATED


def _may_be_time(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    types = types_of(schema) - {"null"}
    is_clock = isinstance(schema, Mapping) and schema.get("format") == "time"
    return not is_clock and (not types or bool(types & {"string", "integer", "number"}))


def _is_date_time(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    if not isinstance(schema, Mapping):
        return False
    return schema.get("format") in ("date-time", "date") or any(_is_date_time(one) for one in _branches(schema))
