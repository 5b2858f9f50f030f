"""A rule proposed from a stream's schema: text to paste, to read and to correct."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from target_zendesk_events.kinds.profile import MAX_IDENTIFIER_TYPE_LENGTH, MAX_NAME_LENGTH, STANDARD_IDENTIFIERS
from target_zendesk_events.mapping.columns import (
    change_columns,
    is_nullable,
    is_plain,
    is_scalar,
    is_time,
    is_wanted,
    snake,
)
from target_zendesk_events.mapping.quoting import WORD, braced, quoted, variable

_CUSTOMER = re.compile(
    r"(?:.*_)?(?:customer|user|contact|client|subscriber|member|person|visitor|shopper|buyer|patient|guest|account)"
    r"_?(?:id|uuid|guid|key)|(?:.*_)?external_id|(?:.*_)?(?:customer|client|subscriber|member|patient)_?(?:no|nr|number)",
)
_CUSTOMER_STREAM = re.compile(
    r"(?:.*[_\-.])?(customer|user|contact|client|subscriber|member|person|visitor)s?|(?:.*[_\-.])?people"
)
_PROFILE_STREAM = re.compile(
    r"(?:.*[_\-.])?(customer|user|contact|client|subscriber|member|person|visitor|account|lead|shopper|buyer|patient"
    r"|guest)s?|(?:.*[_\-.])?people"
)
_NAMES = (
    ("name",),
    ("full_name",),
    ("fullname",),
    ("display_name",),
    ("first_name", "last_name"),
    ("firstname", "lastname"),
)
_TITLES = ("name", "title", "label")
_ENDINGS = (
    ("ies", "y"), ("sses", "ss"), ("tuses", "tus"), ("xes", "x"), ("ches", "ch"), ("ss", "ss"), ("us", "us"), ("s", ""),
)  # fmt: skip
"""Of several things, and of one."""
NOBODYS = "looks like nobody's events: no column says which customer. Name one, and take the # away."
_NO_TIME = "no column looks like the time of a change: Zendesk takes that of arrival, where created_at names no column"
NO_OBJECT = "would be records of a custom object: take the # away, and make it with zendesk-events objects --apply."
_USUAL_SCHEMA = re.compile(r"^(?:public|dbo)[_\-.](?=.)")
"""What databases' taps write before a table's name, and says nothing to an agent."""
_CUSTOMER_OBJECT = re.compile(r"customer|user|contact|client|subscriber|member|person|visitor|shopper|buyer|patient")
_IDS = ("id", "uuid", "guid", "key")
_WRITTEN = "Zendesk writes the address onto the user"
_EMAIL = re.compile(
    r"(?:.*_)?e_?mail(?:_address)?"
    r"|(?:(?:.*_)?(?:customer|user|contact|client|subscriber|member|person|visitor|shopper|buyer|patient|guest)_)?"
    r"mail(?:_address)?"
)
"""`mail` without the `e` stands alone, or after a word for a person: `voice_mail` holds no address."""


def propose(stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> str:
    """Return a rule for a stream as YAML, a list of one; it compiles (given a `source`) and fits the schema.

    Comments stand where a person must choose, and say why it sends what it sends.
    """
    columns: Mapping[str, Any] = schema.get("properties") or {}
    if _is_of_customers(stream, columns, key_properties):
        lines = _profile(stream, columns, key_properties[0])
    elif _is_of_things(columns, key_properties):
        lines = _object(stream, columns, key_properties)
    else:
        lines = _event(stream, columns, key_properties)
    return "\n".join([f"- stream: {quoted(stream)}", *lines]) + "\n"


def to_choose(stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> str:
    """Return what a person must do before the proposal can stand; nothing where it can."""
    columns: Mapping[str, Any] = schema.get("properties") or {}
    if _is_of_customers(stream, columns, key_properties):
        return ""
    if _is_of_things(columns, key_properties):
        return NO_OBJECT
    note = _customer(stream, columns, key_properties).note
    return NOBODYS if any(line.startswith("CHOOSE") for line in note) else ""


def _is_of_customers(stream: str, columns: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Tell whether a row is a customer: a stream that is called so, with one key, and an address beside it."""
    emails = _emails(columns)
    return (
        _PROFILE_STREAM.fullmatch(stream.lower()) is not None
        and len(keys) == 1
        and keys[0] in columns
        and is_scalar(columns[keys[0]])
        and bool(emails)
        and keys[0] not in emails
    )


def _is_of_things(columns: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Tell whether a row is a thing as it is now: it has a key, and nothing says when it changed."""
    return (
        bool(keys)
        and all(name in columns and is_scalar(columns[name]) for name in keys)
        and not change_columns(columns)
    )


def _profile(stream: str, columns: Mapping[str, Any], key: str) -> list[str]:
    table = _PROFILE_STREAM.fullmatch(stream.lower())
    email = _emails(columns)[0]
    used = {key, email, *_names(columns)}
    kept = [name for name, one in columns.items() if name not in used and is_wanted(name) and is_plain(one)]
    attributes = [name for name in kept if not is_time(name, columns[name])]
    return [
        "  # a row is a customer: a profile keeps the newest one",
        "  profile:",
        "    identifiers:",
        "      # the first one is the one that stays",
        f"      {quoted(_identifier_type((table and table[1]) or 'person', key))}: {quoted(braced(key))}",
        f"      # {_WRITTEN}",
        f"      email: {quoted(braced(email))}",
        *([f"    name: {quoted(_name_of(columns))}"] if _names(columns) else []),
        *(["    attributes:"] if attributes else []),
        *(f"      {quoted(name)}: {quoted(braced(name))}" for name in attributes),
    ]


def _object(stream: str, columns: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    titles = [name for name in columns if snake(name) in _TITLES and is_scalar(columns[name])][:1]
    used = {*keys, *titles}
    kept = [name for name, one in columns.items() if name not in used and is_wanted(name) and is_plain(one)]
    fields = {snake(name): name for name in reversed(kept) if snake(name)}
    customer = next((name for name in kept if _CUSTOMER.fullmatch(snake(name))), None)
    reference = "a reference, where Zendesk's users have this external id: {user: {external_id: ...}}"
    lines = [
        "  # no column says when a row changed: a record of a custom object keeps the newest one",
        "  # zendesk-events objects --apply makes the object, where the account lacks it",
        "  object:",
        f"    key: {quoted(_singular(_USUAL_SCHEMA.sub('', stream)))}",
        f"    external_id: {quoted(':'.join(map(braced, keys)))}",
        f"    name: {quoted(':'.join(map(braced, titles or keys)))}",
        *(["    fields:"] if fields else []),
    ]
    for field in reversed(fields):
        note = f"  # {reference}" if fields[field] == customer else ""
        lines.append(f"      {quoted(field)}: {quoted(braced(fields[field]))}{note}")
    return lines


def _event(stream: str, columns: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    customer = _customer(stream, columns, keys)
    changed = change_columns(columns)
    lines = [
        f"  # {_why_event(keys, changed)}",
        *([f"  when: {quoted(customer.value)}  # without it a record is nobody's"] if customer.may_be_missing else []),
        "  profile:",
        "    identifiers:",
        *(f"      # {line}" for line in customer.note),
        f"      {quoted(customer.kind)}: {quoted('{{ ' + customer.value + ' }}')}",
        "  event:",
        f"    type: {quoted(_name(_USUAL_SCHEMA.sub('', stream)))}",
    ]
    if changed:
        lines.append(f"    created_at: {quoted(braced(*changed))}")
    else:
        lines.append(f"    # {_NO_TIME}")
    lines += _properties(columns, {customer.column, *changed})
    return lines + _dedupe_key(keys, changed, columns)


def _why_event(keys: Sequence[str], changed: Sequence[str]) -> str:
    if changed:
        return "a row tells when it changed: each change is an event"
    return (
        "the schema does not tell what a row is: each is an event"
        if keys
        else "the stream has no key: each row is an event"
    )


def _emails(columns: Mapping[str, Any]) -> list[str]:
    return [name for name, schema in columns.items() if is_scalar(schema) and _EMAIL.fullmatch(snake(name))]


def _names(columns: Mapping[str, Any]) -> list[str]:
    """Return the columns that make a person's name: one, or the first and the last."""
    scalars = {snake(name): name for name, schema in columns.items() if is_scalar(schema)}
    for names in _NAMES:
        if all(name in scalars for name in names):
            return [scalars[name] for name in names]
    return []


def _name_of(columns: Mapping[str, Any]) -> str:
    names = _names(columns)
    if len(names) == 1:
        return braced(names[0])
    return "{{ [" + ", ".join(map(variable, names)) + "] | select | join(' ') }}"


def _singular(stream: str) -> str:
    """Return a custom object's key made of a stream's name."""
    key = snake(stream)
    for ending, one in _ENDINGS:
        if key.endswith(ending) and len(key) > len(ending):
            return key.removesuffix(ending) + one
    return key or "record"


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
        return _Customer(name, variable(name), kind, name in columns and is_nullable(columns[name]), note)

    scalars = [name for name, schema in columns.items() if is_scalar(schema)]
    ids = [name for name in scalars if _CUSTOMER.fullmatch(snake(name))]
    for name in _emails(columns)[:1]:
        others = [_another(stream, name, other) for other in ids[:1] if is_nullable(columns[name])]
        return of(name, "email", _WRITTEN, *others)
    if ids:
        return of(ids[0], _identifier_type(stream, ids[0]))
    keys = [name for name in key_properties if name in scalars]
    table = _CUSTOMER_STREAM.fullmatch(stream.lower())
    if keys and table is not None:
        return of(keys[0], _identifier_type(table[1] or "person", keys[0]))
    for outer, schema in columns.items():
        within = _within(outer, schema) if _CUSTOMER_OBJECT.fullmatch(snake(outer)) else None
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
    scalars = [name for name, one in fields.items() if is_scalar(one) and WORD.fullmatch(name)]
    emails = [name for name in scalars if _EMAIL.fullmatch(snake(name))]
    ids = [name for name in scalars if snake(name) in _IDS or _CUSTOMER.fullmatch(snake(name))]
    name = next(iter([*emails, *ids]), None)
    if name is None:
        return None
    kind, note = ("email", (_WRITTEN,)) if emails else (_identifier_type(outer, name), ())
    may_be_missing = is_nullable(schema) or is_nullable(fields[name])
    return _Customer(outer, f"{variable(outer)}.{name}", kind, may_be_missing, note)


def _another(stream: str, email: str, other: str) -> str:
    """Return what to write where records without an address are somebody's too."""
    entry = f"{quoted(_identifier_type(stream, other))}: {quoted(braced(other))}"
    return f"another way to find the customer, with `when: {variable(email)} or {variable(other)}`: {entry}"


def _identifier_type(stream: str, column: str) -> str:
    """Return a type of the user's own: a standard one would be written onto the Zendesk user."""
    own = snake(column)
    if own in STANDARD_IDENTIFIERS or own in (*_IDS, ""):
        own = f"{snake(stream)}_{own or 'id'}"
    return own[-MAX_IDENTIFIER_TYPE_LENGTH:].strip("_") or "customer_id"


def _properties(columns: Mapping[str, Any], used: set[str]) -> list[str]:
    kept = [name for name in columns if name not in used and is_wanted(name)]
    return ["    properties:", *(f"    - {quoted(name)}" for name in kept)] if kept else []


def _dedupe_key(keys: Sequence[str], changed: list[str], columns: Mapping[str, Any]) -> list[str]:
    keys = [name for name in keys if name in columns or not columns]
    if keys:
        parts = [braced(name) for name in keys] + ([braced(*changed)] if changed else [])
        note = [] if changed else ["  # one event a row: add what changes, if a change is an event too"]
        return [*note, f"  dedupe_key: {quoted(':'.join(parts))}"]
    whole = "{{ record | without('_sdc_*') | tojson }}"
    return ["  # the stream has no key: rows that are equal are one event", f"  dedupe_key: {quoted(whole)}"]


def _name(stream: str) -> str:
    """Return an event type made of a stream's name."""
    return re.sub(r"[^A-Za-z0-9_.:\-]+", "_", stream)[:MAX_NAME_LENGTH].strip("_") or "record"
