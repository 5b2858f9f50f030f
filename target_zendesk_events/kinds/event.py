"""What an event is: the body of one request to Zendesk's Events API, its limits and its canonical form.

The limits are those of the Events API's reference (developer.zendesk.com, "Events API" and "Profiles API").
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import msgspec

MAX_NAME_LENGTH = 40
"""Characters of a source or a type, of events and of profiles."""
MAX_IDENTIFIERS = 20
MAX_IDENTIFIER_TYPE_LENGTH = 60
RESERVED_SOURCE = "zendesk"
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""

STANDARD_IDENTIFIERS: Mapping[str, str] = {
    "email": "email",
    "external_id": "external id",
    "phone_number": "phone number",
    "twitter": "Twitter handle",
    "facebook": "Facebook id",
    "sdk": "SDK id",
}
"""Identifier types that Zendesk writes onto the user it finds or makes, with the name of the field it writes."""


class Identifier(msgspec.Struct, frozen=True, order=True):
    """One way to find a customer: a type and a value, both as they are sent."""

    type: str
    value: str


class Profile(msgspec.Struct, frozen=True):
    """Who the event is about."""

    source: str
    type: str
    identifiers: tuple[Identifier, ...]
    name: str | None = None
    user_id: str | None = None
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        """Return the request's `profile` object."""
        profile: dict[str, Any] = {
            "source": self.source,
            "type": self.type,
            "identifiers": [{"type": one.type, "value": one.value} for one in self.identifiers],
        }
        if self.name is not None:
            profile["name"] = self.name
        if self.user_id is not None:
            profile["user_id"] = self.user_id
        if self.attributes:
            profile["attributes"] = dict(self.attributes)
        return profile


class Event(msgspec.Struct, frozen=True):
    """What happened, and to whom. `created_at` is an ISO-8601 time in UTC."""

    profile: Profile
    source: str
    type: str
    properties: Mapping[str, Any]
    description: str | None = None
    created_at: str | None = None

    def as_object(self) -> dict[str, Any]:
        """Return the request's `event` object."""
        event: dict[str, Any] = {"source": self.source, "type": self.type, "properties": self.properties}
        if self.description is not None:
            event["description"] = self.description
        if self.created_at is not None:
            event["created_at"] = self.created_at
        return event

    def at(self, seconds: float) -> Event:
        """Return this event as one that happened at a time in epoch seconds, cut to milliseconds."""
        second, millisecond = divmod(math.floor(seconds * 1000), 1000)
        text = dt.datetime.fromtimestamp(second, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        return msgspec.structs.replace(self, created_at=f"{text}.{millisecond:03}Z")

    def body(self) -> dict[str, Any]:
        """Return the body of `POST /api/v2/user_profiles/events`."""
        return {"profile": self.profile.as_object(), "event": self.as_object()}

    def limit_faults(self) -> list[str]:
        """Return a sentence for each documented limit that this event is beyond; values are not named."""
        faults: list[str] = []
        for whose, source, kind in (
            ("event", self.source, self.type),
            ("profile", self.profile.source, self.profile.type),
        ):
            faults += name_faults(f"{whose}.source", source) + name_faults(f"{whose}.type", kind)
            if source.lower() == RESERVED_SOURCE:
                faults.append(f"{whose}.source is '{RESERVED_SOURCE}', which Zendesk keeps for itself")
        count = len(self.profile.identifiers)
        if not 1 <= count <= MAX_IDENTIFIERS:
            faults.append(f"profile.identifiers has {count} entries; Zendesk takes 1 to {MAX_IDENTIFIERS}")
        faults += [
            f"profile.identifiers has a type of {len(one.type)} characters; Zendesk takes {MAX_IDENTIFIER_TYPE_LENGTH}"
            for one in self.profile.identifiers
            if len(one.type) > MAX_IDENTIFIER_TYPE_LENGTH
        ]
        return faults


def name_faults(place: str, name: str) -> list[str]:
    """Return what is wrong with a source or a type, as a list of at most one sentence."""
    if not name:
        return [f"{place} is empty"]
    if len(name) > MAX_NAME_LENGTH:
        return [f"{place} has {len(name)} characters; Zendesk takes {MAX_NAME_LENGTH}"]
    return []


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return one JSON text for all values that mean the same: keys sorted, 1.0 as 1, nulls left out of objects.

    Raises UnicodeEncodeError for half of a surrogate pair, which has no bytes.
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
