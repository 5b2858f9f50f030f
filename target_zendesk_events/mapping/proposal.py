"""A rule proposed from a stream's schema: text to paste, to read and to correct."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from target_zendesk_events.kinds.profile import MAX_IDENTIFIER_TYPE_LENGTH, MAX_NAME_LENGTH, STANDARD_IDENTIFIERS

_CHANGED = (
    "updatedat", "modifiedat", "changedat", "lastmodified", "lastmodifiedat", "lastmodifieddate", "lastmodifiedtime",
    "lastupdated", "lastupdatedat", "lastchanged", "updatedon", "modifiedon", "updated", "modified", "dateupdated",
    "datemodified", "updatedate", "updatetime", "modifieddate", "modifiedtime", "updateddate", "updatedtime",
    "systemmodstamp", "mtime",
)  # fmt: skip
"""Columns that say when a row changed, likeliest first, spelled without separators and in lower case."""
_CREATED = (
    "occurredat", "happenedat", "eventtime", "eventtimestamp", "timestamp", "createdat", "created", "createdon",
    "creationdate", "createddate", "datecreated", "createdtime", "createtime", "insertedat", "date", "time",
)  # fmt: skip
_CUSTOMER = re.compile(
    r"(?:.*_)?(?:customer|user|contact|client|subscriber|member|person|visitor|shopper|buyer|patient|guest|account)"
    r"_?(?:id|uuid|guid|key)|(?:.*_)?external_id",
)
_CUSTOMER_STREAM = re.compile(
    r"(?:.*[_\-.])?(customer|user|contact|client|subscriber|member|person|visitor)s?|(?:.*[_\-.])?people"
)
_USUAL_SCHEMA = re.compile(r"^(?:public|dbo)[_\-.](?=.)")
"""What databases' taps write before a table's name, and says nothing to an agent."""
_CUSTOMER_OBJECT = re.compile(r"customer|user|contact|client|subscriber|member|person|visitor|shopper|buyer|patient")
_IDS = ("id", "uuid", "guid", "key")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WRITTEN = "Zendesk writes the address onto the user"
_EMAIL = re.compile(r"(?:.*_)?e_?mail(?:_address)?")
_SECRET = re.compile(
    r"(?:.*_)?(?:pass|password|passwd|passphrase|passcode|pwd|secret|token|hash|hashed|digest|salt|key|apikey|ssn"
    r"|sin|card|cardnumber|cvv|cvc|pin|iban|bic|otp|credential|credentials|auth|authorization|signature|private"
    r"|cookie|session|passport)s?(?:_.*)?",
)
_REPLICATION = re.compile(
    r"_.*|xmin|ctid|lsn|row_?version|etag|(?:.*_)?(?:bookmark|cursor|replication_key|replication_value)"
    r"|(?:.*_)?(?:synced|extracted|loaded|ingested|batched|replicated)(?:_at|_on)?",
)
_JINJA_WORDS = frozenset(
    {"and", "or", "not", "in", "is", "if", "else", "elif", "true", "false", "none", "True", "False", "None"}
    | {"record", "stream", "loop", "import", "recursive"}
)


def propose(stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> str:
    """Return a rule for a stream as YAML, a list of one; it compiles (given a `source`) and fits the schema.

    Comments stand where a person must choose.
    """
    columns: Mapping[str, Any] = schema.get("properties") or {}
    customer = _customer(stream, columns, key_properties)
    changed = _change_columns(columns)
    lines = [
        f"- stream: {_quoted(stream)}",
        *([f"  when: {_quoted(customer.value)}  # without it a record is nobody's"] if customer.may_be_missing else []),
        "  profile:",
        "    identifiers:",
        *(f"      # {line}" for line in customer.note),
        f"      {_quoted(customer.kind)}: {_quoted('{{ ' + customer.value + ' }}')}",
        "  event:",
        f"    type: {_quoted(_name(_USUAL_SCHEMA.sub('', stream)))}",
    ]
    if changed:
        lines.append(f"    created_at: {_quoted(_braced(*changed))}")
    else:
        lines.append("    # no column says when the row changed: Zendesk takes the time of arrival")
    lines += _properties(columns, {customer.column, *changed})
    lines += _dedupe_key(key_properties, changed, columns)
    return "\n".join(lines) + "\n"


def names_a_customer(stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> bool:
    """Tell whether a column looks like the customer; else the proposal says CHOOSE."""
    note = _customer(stream, schema.get("properties") or {}, key_properties).note
    return not any(line.startswith("CHOOSE") for line in note)


@dataclasses.dataclass(frozen=True, slots=True)
class _Customer:
    """Who it was: the column that says so, the expression that reads it, and the identifier's type."""

    column: str
    value: str
    kind: str
    may_be_missing: bool
    note: tuple[str, ...] = ()


def _customer(stream: str, columns: Mapping[str, Any], key_properties: Sequence[str]) -> _Customer:
    """Return the likeliest column, with what is to be told of the choice."""

    def of(name: str, kind: str, *note: str) -> _Customer:
        return _Customer(name, _variable(name), kind, name in columns and _is_nullable(columns[name]), note)

    scalars = [name for name, schema in columns.items() if _is_scalar(schema)]
    ids = [name for name in scalars if _CUSTOMER.fullmatch(_snake(name))]
    for name in scalars:
        if _EMAIL.fullmatch(_snake(name)):
            others = [_another(stream, name, other) for other in ids[:1] if _is_nullable(columns[name])]
            return of(name, "email", _WRITTEN, *others)
    if ids:
        return of(ids[0], _identifier_type(stream, ids[0]))
    keys = [name for name in key_properties if name in scalars]
    table = _CUSTOMER_STREAM.fullmatch(stream.lower())
    if keys and table is not None:
        return of(keys[0], _identifier_type(table[1] or "person", keys[0]))
    for outer, schema in columns.items():
        within = _within(outer, schema) if _CUSTOMER_OBJECT.fullmatch(_snake(outer)) else None
        if within is not None:
            return within
    note = "CHOOSE: no column looks like the customer. As it stands, every value of this one is a customer"
    name = next(iter([*keys, *scalars, *columns]), "customer_id")
    return of(name, _identifier_type(stream, name), note)


def _within(outer: str, schema: Any) -> _Customer | None:  # noqa: ANN401 - any JSON schema
    """Return the field of a customer's object that says who it was, None where none looks so."""
    fields = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(fields, Mapping):
        return None
    scalars = [name for name, one in fields.items() if _is_scalar(one) and _WORD.fullmatch(name)]
    emails = [name for name in scalars if _EMAIL.fullmatch(_snake(name))]
    ids = [name for name in scalars if _snake(name) in _IDS or _CUSTOMER.fullmatch(_snake(name))]
    name = next(iter([*emails, *ids]), None)
    if name is None:
        return None
    kind, note = ("email", (_WRITTEN,)) if emails else (_identifier_type(outer, name), ())
    may_be_missing = _is_nullable(schema) or _is_nullable(fields[name])
    return _Customer(outer, f"{_variable(outer)}.{name}", kind, may_be_missing, note)


def _another(stream: str, email: str, other: str) -> str:
    """Return what to write where records without an address are somebody's too."""
    entry = f"{_quoted(_identifier_type(stream, other))}: {_quoted(_braced(other))}"
    return f"another way to find the customer, with `when: {_variable(email)} or {_variable(other)}`: {entry}"


def _identifier_type(stream: str, column: str) -> str:
    """Return a type of the user's own: a standard one would be written onto the Zendesk user."""
    own = _snake(column)
    if own in STANDARD_IDENTIFIERS or own in (*_IDS, ""):
        own = f"{_snake(stream)}_{own or 'id'}"
    return own[-MAX_IDENTIFIER_TYPE_LENGTH:].strip("_") or "customer_id"


def _change_columns(columns: Mapping[str, Any]) -> list[str]:
    """Return the column that says when the row changed, and one to fall back on where that can be null."""
    times = [name for name, schema in columns.items() if _may_be_time(schema)]
    ranked = sorted(times, key=lambda name: (_rank(name), not _is_date_time(columns[name])))
    ranked = [name for name in ranked if _rank(name) < len(_CHANGED + _CREATED) or _is_date_time(columns[name])]
    if not ranked:
        return []
    first = ranked[0]
    others = [name for name in ranked[1:] if _plain(name) in _CREATED]
    return [first, *others[:1]] if _is_nullable(columns[first]) else [first]


def _rank(name: str) -> int:
    order = _CHANGED + _CREATED
    plain = _plain(name)
    return order.index(plain) if plain in order else len(order)


def _properties(columns: Mapping[str, Any], used: set[str]) -> list[str]:
    kept = [name for name in columns if name not in used and _is_wanted(name)]
    return ["    properties:", *(f"    - {_quoted(name)}" for name in kept)] if kept else []


def _is_wanted(name: str) -> bool:
    snake = _snake(name)
    is_template = any(mark in name for mark in ("{{", "{%", "{#"))
    return not (name.startswith("_") or is_template or _SECRET.fullmatch(snake) or _REPLICATION.fullmatch(snake))


def _dedupe_key(keys: Sequence[str], changed: list[str], columns: Mapping[str, Any]) -> list[str]:
    keys = [name for name in keys if name in columns or not columns]
    if keys:
        parts = [_braced(name) for name in keys] + ([_braced(*changed)] if changed else [])
        note = [] if changed else ["  # one event a row: add what changes, if a change is an event too"]
        return [*note, f"  dedupe_key: {_quoted(':'.join(parts))}"]
    whole = "{{ record | without('_sdc_*') | tojson }}"
    return ["  # the stream has no key: rows that are equal are one event", f"  dedupe_key: {_quoted(whole)}"]


def _braced(name: str, *fallbacks: str) -> str:
    return "{{ " + _variable(name) + "".join(f" | default({_variable(other)})" for other in fallbacks) + " }}"


def _variable(name: str) -> str:
    """Return a field as Jinja reads it."""
    if _WORD.fullmatch(name) and name not in _JINJA_WORDS:
        return name
    escaped = "".join(one if one.isprintable() and one not in "\\'" else _escaped(one) for one in name)
    return f"record['{escaped}']"


def _escaped(character: str) -> str:
    return f"\\{character}" if character in "\\'" else f"\\U{ord(character):08x}"


def _quoted(text: str) -> str:
    """Return a text as YAML: bare where nothing in it can be misread."""
    if re.fullmatch(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", text) and yaml.safe_load(text) == text:
        return text
    return str(yaml.safe_dump(text, default_style='"', width=float("inf"))).strip()


def _name(stream: str) -> str:
    """Return an event type made of a stream's name."""
    return re.sub(r"[^A-Za-z0-9_.:\-]+", "_", stream)[:MAX_NAME_LENGTH].strip("_") or "record"


def _snake(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _types(schema: Any) -> set[str]:  # noqa: ANN401 - any JSON schema
    """Return the JSON types that a schema allows; an empty set where it does not say."""
    if not isinstance(schema, Mapping):
        return set()
    found: set[str] = set()
    given = schema.get("type", ())
    found |= {given} if isinstance(given, str) else set(given)
    for branch in _branches(schema):
        found |= _types(branch)
    return found


def _branches(schema: Mapping[str, Any]) -> Iterable[Any]:
    return [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]


def _is_nullable(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    return not _types(schema) or "null" in _types(schema)


def _is_scalar(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    types = _types(schema) - {"null"}
    return (not types or bool(types & {"string", "integer", "number"})) and not _is_date_time(schema)


def _may_be_time(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    types = _types(schema) - {"null"}
    is_clock = isinstance(schema, Mapping) and schema.get("format") == "time"
    return not is_clock and (not types or bool(types & {"string", "integer", "number"}))


def _is_date_time(schema: Any) -> bool:  # noqa: ANN401 - any JSON schema
    if not isinstance(schema, Mapping):
        return False
    return schema.get("format") in ("date-time", "date") or any(_is_date_time(one) for one in _branches(schema))
