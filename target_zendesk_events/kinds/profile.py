"""A profile: who a customer is, as an event says whose it is, or sent alone; and its limits.

The limits are those of the Profiles API's reference (developer.zendesk.com, "Profiles API").
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

import msgspec

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.look_up import Found, LookUp
from target_zendesk_events.kinds.masking import mask, mask_fields
from target_zendesk_events.kinds.request import Bucket, Request, size_fault
from target_zendesk_events.kinds.shipment import Batch, Claim, CountedName, Missing, ReadBack
from target_zendesk_events.kinds.timeline import identifier_query

PROFILES_PATH: Final = "/api/v2/user_profiles"
MAX_NAME_LENGTH = 40
"""Characters of a source or a type, of events and of profiles."""
MAX_SOURCES = 50
"""Different ones in an account, of events and of profiles."""
MAX_TYPES = 2_500
MAX_IDENTIFIERS = 20
MAX_IDENTIFIER_TYPE_LENGTH = 60
RESERVED_SOURCE = "zendesk"

STANDARD_IDENTIFIERS: Mapping[str, str] = {
    "email": "email",
    "external_id": "external id",
    "phone_number": "phone number",
    "twitter": "Twitter handle",
    "facebook": "Facebook id",
    "sdk": "SDK id",
}
"""Identifier types that Zendesk writes onto the user it finds or makes, with the name of the field it writes."""


KNOWN_BY: Final = ("external_id", "email")
"""Identifier types by which Zendesk's users can be asked for (the Users API's show_many and search)."""


class Identifier(msgspec.Struct, frozen=True, order=True):
    """One way to find a customer: a type and a value, both as they are sent."""

    type: str
    value: str


class Profile(msgspec.Struct, frozen=True):
    """Who a customer is."""

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

    def identity(self) -> Sequence[str]:
        """Return what it is in Zendesk: source, type and the first identifier, which is the one that stays."""
        first = self.identifiers[0]
        return ["profile", self.source, self.type, first.type, first.value]

    @property
    def query(self) -> str | None:
        """By what Zendesk is asked for it: its first identifier; None where that cannot be written."""
        first = self.identifiers[0]
        return identifier_query(self.source, self.type, [(first.type, first.value)])

    def customer(self) -> Sequence[Any]:
        """Return source, type and identifiers, in an order of their own."""
        return [self.source, self.type, *sorted([one.type, one.value] for one in self.identifiers)]

    def identifier_types(self) -> Iterable[str]:
        """Return the types of the identifiers."""
        return (one.type for one in self.identifiers)

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the identifiers, and the user's id."""
        keys: list[Hashable] = [(one.type, one.value) for one in self.identifiers]
        return keys if self.user_id is None else [*keys, self.user_id]

    def names(self) -> Sequence[CountedName]:
        """Return source and type."""
        return (
            CountedName("profile source", self.source, MAX_SOURCES),
            CountedName("profile type", self.type, MAX_TYPES),
        )

    def known_by(self) -> Sequence[LookUp]:
        """Return the identifiers by which Zendesk's users can be asked for."""
        return [LookUp("user", one.type, one.value) for one in self.identifiers if one.type in KNOWN_BY]

    def masked(self) -> dict[str, Any]:
        """Return the `profile` object in which only names, types and the source can be read."""
        profile = self.as_object()
        profile["identifiers"] = [{"type": one.type, "value": mask(one.value)} for one in self.identifiers]
        for field in ("name", "user_id", "attributes"):
            if field in profile:
                profile[field] = mask_fields(profile[field]) if field == "attributes" else mask(profile[field])
        return profile

    def limit_faults(self) -> list[str]:
        """Return what documented limits it is beyond, each as a sentence that names no value."""
        faults = origin_faults("profile", self.source, self.type)
        count = len(self.identifiers)
        if not 1 <= count <= MAX_IDENTIFIERS:
            faults.append(f"profile.identifiers has {count} entries; Zendesk takes 1 to {MAX_IDENTIFIERS}")
        faults += [
            f"profile.identifiers has a type of {len(one.type)} characters; Zendesk takes {MAX_IDENTIFIER_TYPE_LENGTH}"
            for one in self.identifiers
            if len(one.type) > MAX_IDENTIFIER_TYPE_LENGTH
        ]
        return faults


class Method(str, enum.Enum):
    """What becomes of what a profile holds already."""

    MERGE = "merge"
    """What is given is added to it, and what is not stays."""
    REPLACE = "replace"
    """What is not given is lost."""


class ProfileUpsert(msgspec.Struct, frozen=True):
    """A profile sent alone, which makes or changes the one of its first identifier: a `Shipment`."""

    kind: ClassVar[str] = "profile"
    bucket: ClassVar[Bucket] = Bucket.EVENTS
    tells_time: ClassVar[bool] = False
    names_itself: ClassVar[bool] = True
    absence: ClassVar[str] = ""

    profile: Profile
    method: Method = Method.MERGE

    @property
    def origin(self) -> tuple[str, str]:
        """Its source and type."""
        return self.profile.source, self.profile.type

    def identity(self) -> Sequence[str]:
        """Return source, type and the first identifier: the one that stays."""
        return self.profile.identity()

    def content(self) -> Mapping[str, Any]:
        """Return the `profile` object, and how it is put into Zendesk."""
        return {"method": self.method.value, "profile": self.profile.as_object()}

    def customer(self) -> Sequence[Any]:
        """Return the profile's source, type and identifiers, in an order of their own."""
        return self.profile.customer()

    def identifier_types(self) -> Iterable[str]:
        """Return the types of the profile's identifiers."""
        return self.profile.identifier_types()

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the customer's identifiers, and the user's id: it keeps its place among the customer's events."""
        return self.profile.lane_keys()

    def persons(self) -> Sequence[Hashable]:
        """Return what names the customer."""
        return self.profile.lane_keys()

    def names(self) -> Sequence[CountedName]:
        """Return the profile's source and type."""
        return self.profile.names()

    def limit_fault(self) -> str:
        """Return what limits the profile is beyond, in one sentence that names no value, or nothing."""
        if faults := self.profile.limit_faults():
            return f"{'; '.join(faults)} [ZE730]"
        return unanswerable(self.profile) or size_fault("profile", self.item({}))

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return all that is sent."""
        return canonical(self.content())

    def look_ups(self) -> Sequence[LookUp]:
        """Return nothing: Zendesk finds the customer, or makes one."""
        return ()

    def when_not_found(self) -> Missing:
        """Return that it is refused: it has no look-ups."""
        return Missing.REFUSED

    def known_by(self) -> Sequence[LookUp]:
        """Return the customer's identifiers by which Zendesk's users can be asked for."""
        return self.profile.known_by()

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:  # noqa: ARG002 - it is ever the same
        """Return `retry`: to send it again does no harm."""
        return "retry"

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - nothing is looked up
        """Return the request that changes the profile, or puts it in the place of what is there."""
        return self._put() if self.method is Method.REPLACE else self._request("PATCH")

    def when_missing(self, claim: Claim, found: Found) -> Request | Missing:  # noqa: ARG002 - nothing is looked up
        """Return the request that makes it, where there was none to be changed."""
        return Missing.ASTRAY if self.method is Method.REPLACE else self._put()

    def read_back(self, claim: Claim) -> ReadBack | None:  # noqa: ARG002 - nobody asks
        """Return nothing: to send it again does no harm."""
        return None

    def batch(self) -> Batch | None:
        """Return nothing: the Profiles API takes one a request."""
        return None

    def item(self, found: Found) -> Any:  # noqa: ANN401, ARG002 - JSON
        """Return its body, which no request shares."""
        return {"profile": self.profile.as_object()}

    def masked(self) -> Mapping[str, Any]:
        """Return the body in which only names, types and the source can be read, with the method."""
        return {"profile": {**self.profile.masked(), "method": self.method.value}}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return the body as it will be sent, with the method."""
        return {"profile": {**self.profile.as_object(), "method": self.method.value}}

    def _put(self) -> Request:
        return self._request("PUT")

    def _request(self, method: str) -> Request:
        query = urlencode({"identifier": self.profile.query or ""}, quote_via=quote, safe="")
        return Request(method, f"{PROFILES_PATH}?{query}", msgspec.json.encode(self.item({})))


def unanswerable(profile: Profile) -> str:
    """Return why a profile cannot be asked for, in one sentence that names no value, or nothing."""
    if profile.query is not None:
        return ""
    return (
        "profile.source, profile.type or the first of profile.identifiers holds a colon, with which no profile can be "
        "asked for: put another identifier first [ZE731]"
    )


def origin_faults(whose: str, source: str, kind: str) -> list[str]:
    """Return what is wrong with a source and a type, an event's or a profile's, each as a sentence."""
    faults = name_faults(f"{whose}.source", source) + name_faults(f"{whose}.type", kind)
    if source.lower() == RESERVED_SOURCE:
        faults.append(f"{whose}.source is '{RESERVED_SOURCE}', which Zendesk keeps for itself")
    return faults


def name_faults(place: str, name: str) -> list[str]:
    """Return what is wrong with a source or a type, as a list of at most one sentence."""
    if not name:
        return [f"{place} is empty"]
    if len(name) > MAX_NAME_LENGTH:
        return [f"{place} has {len(name)} characters; Zendesk takes {MAX_NAME_LENGTH}"]
    return []
