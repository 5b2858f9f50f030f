"""An event, and whose it is: one request to Zendesk's Events API, and its limits.

The limits are those of the Events API's reference (developer.zendesk.com, "Events API").
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.look_up import Found, LookUp
from target_zendesk_events.kinds.masking import mask, mask_fields
from target_zendesk_events.kinds.profile import MAX_SOURCES, MAX_TYPES, Profile, origin_faults
from target_zendesk_events.kinds.request import Bucket, Request, size_fault
from target_zendesk_events.kinds.shipment import Batch, Claim, CountedName, Missing, ReadBack
from target_zendesk_events.kinds.timeline import EVENTS_PATH, OnTimeline, identifier_query

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""


class Event(msgspec.Struct, frozen=True):
    """What happened, and to whom: a `Shipment`. `created_at` is an ISO-8601 time in UTC."""

    kind: ClassVar[str] = "event"
    bucket: ClassVar[Bucket] = Bucket.EVENTS
    names_itself: ClassVar[bool] = False
    absence: ClassVar[str] = ""

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

    @property
    def origin(self) -> tuple[str, str]:
        """Its source and type."""
        return self.source, self.type

    @property
    def tells_time(self) -> bool:
        """Whether its rule says when it happened."""
        return self.created_at is not None

    def identity(self) -> Mapping[str, Any]:
        """Return the `event` object, without a stamp."""
        return self.as_object()

    def content(self) -> None:
        """Return nothing: what happened, happened."""

    def customer(self) -> Sequence[Any]:
        """Return the profile's source, type and identifiers, in an order of their own."""
        return self.profile.customer()

    def identifier_types(self) -> Iterable[str]:
        """Return the types of the profile's identifiers."""
        return self.profile.identifier_types()

    def lane_keys(self) -> Sequence[Hashable]:
        """Return its customer's identifiers, and the user's id."""
        return self.profile.lane_keys()

    def persons(self) -> Sequence[Hashable]:
        """Return what names the customer."""
        return self.lane_keys()

    def names(self) -> Sequence[CountedName]:
        """Return sources and types, the event's and the profile's."""
        return (
            CountedName("event source", self.source, MAX_SOURCES),
            CountedName("event type", self.type, MAX_TYPES),
            *self.profile.names(),
        )

    def appearance(self, claim: Claim) -> Hashable:
        """Return the customer, and all that is compared when it is read back."""
        profile = self.profile
        return frozenset(profile.identifiers), profile.user_id, canonical(self.stamped(claim).as_object())

    def look_ups(self) -> Sequence[LookUp]:
        """Return nothing: Zendesk finds the customer, or makes one."""
        return ()

    def when_not_found(self) -> Missing:
        """Return that it is refused: it has no look-ups."""
        return Missing.REFUSED

    def known_by(self) -> Sequence[LookUp]:
        """Return the customer's identifiers by which Zendesk's users can be asked for."""
        return self.profile.known_by()

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - nothing is looked up
        """Return the request that puts it onto the timeline."""
        return Request("POST", EVENTS_PATH, msgspec.json.encode(self.stamped(claim).body()))

    def when_missing(self, claim: Claim, found: Found) -> Missing:  # noqa: ARG002 - there is no other way
        """Return that nothing need be there for an event."""
        return Missing.ASTRAY

    def read_back(self, claim: Claim) -> ReadBack | None:
        """Return how it is found on the timeline; None where no identifier can be written as a query."""
        profile = self.profile
        pairs = ((one.type, one.value) for one in profile.identifiers)
        query = identifier_query(profile.source, profile.type, pairs)
        return None if query is None else OnTimeline(self.stamped(claim).as_object(), query)

    def batch(self) -> Batch | None:
        """Return nothing: the Events API takes one a request."""
        return None

    def item(self, found: Found) -> Any:  # noqa: ANN401, ARG002 - JSON
        """Return its body, which no request shares."""
        return self.body()

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:  # noqa: ARG002 - it shows twice at any time
        """Return the policy; where reading back cannot tell, `verify` acts as `retry`."""
        return "retry" if policy == "verify" and not is_readable else policy

    def stamped(self, claim: Claim) -> Event:
        """Return the event as it is sent: one that bears no time happened when it was claimed."""
        return self if self.tells_time else self.at(claim.time)

    def shown(self, claim: Claim) -> Mapping[str, Any]:
        """Return the body as it will be sent."""
        return self.stamped(claim).body()

    def masked(self) -> Mapping[str, Any]:
        """Return the body in which only names, types, sources and the time can be read."""
        event = self.as_object()
        event["properties"] = mask_fields(event["properties"])
        if "description" in event:
            event["description"] = mask(event["description"])
        return {"profile": self.profile.masked(), "event": event}

    def limit_fault(self) -> str:
        """Return what limits this event is beyond, in one sentence that names no value, or nothing."""
        faults = [*origin_faults("event", self.source, self.type), *self.profile.limit_faults()]
        return f"{'; '.join(faults)} [ZE730]" if faults else size_fault("event", self.body())
