"""Whether a request body is one that Zendesk accepts: every documented rule, one function each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NoReturn

from .refusals import Refusal

LONGEST_SOURCE = LONGEST_TYPE = 40
LONGEST_IDENTIFIER_TYPE = 60
MOST_IDENTIFIERS = 20
STANDARD = ("email", "external_id", "phone_number", "twitter", "facebook", "sdk")
LOWER_CASED = ("email", "twitter")

_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_READ_ONLY = ("id", "received_at")


@dataclass(frozen=True)
class Identifier:
    """One way to recognise a customer."""

    type: str
    value: str

    @property
    def is_standard(self) -> bool:
        """Zendesk writes the value of a standard identifier onto the user."""
        return self.type in STANDARD


@dataclass(frozen=True)
class Profile:
    """A profile as it was sent; what was left out is none."""

    source: str
    type: str
    identifiers: tuple[Identifier, ...]
    name: str | None
    user_id: str | None
    attributes: dict[str, str] | None


@dataclass(frozen=True)
class Event:
    """An event as it was sent."""

    source: str
    type: str
    properties: dict[str, Any]
    description: str | None
    created_at: str | None


@dataclass(frozen=True)
class Query:
    """An identifier query: which profile is meant."""

    source: str
    type: str
    identifier: Identifier


def json_object(content_type: str | None, body: bytes) -> dict[str, Any]:
    """Read a request's body, which must be a JSON object and say so."""
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "UnsupportedMediaType", "Content-Type must be application/json")
    try:
        content = read_json(body)
    except ValueError:
        raise Refusal(400, "InvalidJSON", "The body is not JSON") from None
    if not isinstance(content, dict):
        _invalid("InvalidBody", "The body must be a JSON object")
    return content


def read_json(body: bytes) -> object:
    """Read JSON; raises `ValueError` for what is none, NaN and half a surrogate pair among it."""
    try:
        content: object = json.loads(body.decode(), parse_constant=_not_a_number)
        if b"\\ud" in body.lower():
            json.dumps(content, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError(str(error)) from error
    return content


def event(body: dict[str, Any]) -> Event:
    """Check the body's `event`."""
    content = _object(body, "event", "InvalidEvent")
    for name in _READ_ONLY:
        if name in content:
            _invalid("InvalidEventReadOnlyField", f"event.{name} is read-only")
    return Event(
        source=_source(content, "event", "InvalidEventSource"),
        type=_name(content, "event", "type", LONGEST_TYPE, "InvalidEventType"),
        properties=_object(content, "properties", "InvalidEventProperties", "event.properties"),
        description=_optional_text(content, "event", "description", "InvalidEventDescription"),
        created_at=_created_at(content),
    )


def profile(body: dict[str, Any]) -> Profile:
    """Check the body's `profile` as one that names a customer: source, type and identifiers are required."""
    content = _object(body, "profile", "InvalidProfile")
    return Profile(
        source=_source(content, "profile", "InvalidProfileSource"),
        type=_name(content, "profile", "type", LONGEST_TYPE, "InvalidProfileType"),
        identifiers=_identifiers(content),
        name=_optional_text(content, "profile", "name", "InvalidProfileName"),
        user_id=_optional_text(content, "profile", "user_id", "InvalidProfileUserId"),
        attributes=_attributes(content),
    )


def profile_change(body: dict[str, Any], source: str, kind: str) -> Profile:
    """Check the body's `profile` as a change to one of `source` and type `kind`: all of it may be left out."""
    content = _object(body, "profile", "InvalidProfile")
    for name, known in (("source", source), ("type", kind)):
        if content.get(name, known) != known:
            _invalid(
                "InvalidProfile" + name.capitalize(), f"profile.{name} differs from the profile's and cannot be changed"
            )
    return Profile(
        source=source,
        type=kind,
        identifiers=_identifiers(content) if "identifiers" in content else (),
        name=_optional_text(content, "profile", "name", "InvalidProfileName"),
        user_id=_optional_text(content, "profile", "user_id", "InvalidProfileUserId"),
        attributes=_attributes(content),
    )


def identifier_query(text: str | None) -> Query:
    """Read `source:type:identifier_type:identifier_value`; a colon in the value is taken as part of it."""
    parts = (text or "").split(":", 3)
    if len(parts) != len(("source", "type", "identifier_type", "identifier_value")) or not all(parts):
        _invalid("InvalidIdentifierQuery", "identifier must be source:type:identifier_type:identifier_value")
    source, kind, identifier_type, value = parts
    return Query(source, kind, _identifier(identifier_type, value))


def instant(text: str) -> datetime | None:
    """Return the moment that an ISO-8601 date-time with an offset names, in UTC; none if it is no such text."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, offset = match.groups()
    digits = (fraction or "")[:6].ljust(6, "0")
    try:
        moment = datetime.fromisoformat(f"{date}T{time}.{digits}{'+00:00' if offset in 'Zz' else offset}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _source(content: dict[str, Any], where: str, code: str) -> str:
    source = _name(content, where, "source", LONGEST_SOURCE, code)
    if source.strip().lower() == "zendesk":
        _invalid(code + "Reserved", f"{where}.source 'zendesk' is reserved")
    return source


def _name(content: dict[str, Any], where: str, name: str, longest: int, code: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value.strip():
        _invalid(code, f"{where}.{name} is required and must be a string")
    if len(value) > longest:
        _invalid(code + "Length", f"{where}.{name} is longer than {longest} characters")
    return value


def _optional_text(content: dict[str, Any], where: str, name: str, code: str) -> str | None:
    if name not in content:
        return None
    value = content[name]
    if not isinstance(value, str):
        _invalid(code, f"{where}.{name} must be a string")
    return value


def _object(content: dict[str, Any], name: str, code: str, where: str | None = None) -> dict[str, Any]:
    value = content.get(name)
    if not isinstance(value, dict):
        _invalid(code, f"{where or name} is required and must be an object")
    return value


def _created_at(content: dict[str, Any]) -> str | None:
    text = _optional_text(content, "event", "created_at", "InvalidEventCreatedAt")
    if text is not None and instant(text) is None:
        _invalid("InvalidEventCreatedAt", "event.created_at must be an ISO-8601 date-time")
    return text


def _identifiers(content: dict[str, Any]) -> tuple[Identifier, ...]:
    entries = content.get("identifiers")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_IDENTIFIERS:
        _invalid(
            "InvalidProfileIdentifiers", f"profile.identifiers must be an array of 1 to {MOST_IDENTIFIERS} identifiers"
        )
    identifiers = tuple(_entry(entry) for entry in entries)
    if len(set(identifiers)) != len(identifiers):
        _invalid("DuplicateProfileIdentifiers", "profile.identifiers must be unique")
    return identifiers


def _entry(entry: object) -> Identifier:
    if not isinstance(entry, dict):
        _invalid("InvalidProfileIdentifiers", "each identifier must be an object with type and value")
    kind, value = entry.get("type"), entry.get("value")
    if not isinstance(kind, str) or not kind.strip():
        _invalid("InvalidIdentifierType", "identifier.type is required and must be a string")
    if not isinstance(value, str) or not value.strip():
        _invalid("InvalidIdentifierValue", "identifier.value is required and must be a string")
    if len(kind) > LONGEST_IDENTIFIER_TYPE:
        _invalid("InvalidIdentifierTypeLength", f"identifier.type is longer than {LONGEST_IDENTIFIER_TYPE} characters")
    return _identifier(kind, value)


def _identifier(kind: str, value: str) -> Identifier:
    return Identifier(kind, value.lower() if kind in LOWER_CASED else value)


def _attributes(content: dict[str, Any]) -> dict[str, str] | None:
    if "attributes" not in content:
        return None
    attributes = _object(content, "attributes", "InvalidProfileAttributes", "profile.attributes")
    if not all(isinstance(value, str) for value in attributes.values()):
        _invalid("InvalidProfileAttributes", "profile.attributes must be strings")
    return attributes


def _not_a_number(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _invalid(code: str, title: str) -> NoReturn:
    raise Refusal(400, code, title)
