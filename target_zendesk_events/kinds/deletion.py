"""What is taken away: a profile with its events, a record of a custom object, a ticket.

Facts: Zendesk's API reference, "Profiles API", "Custom object records" and "Tickets".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import msgspec

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.look_up import Found, LookUp
from target_zendesk_events.kinds.masking import mask
from target_zendesk_events.kinds.object_record import ObjectJob, object_path
from target_zendesk_events.kinds.profile import PROFILES_PATH, Profile, unanswerable
from target_zendesk_events.kinds.request import Bucket, Request
from target_zendesk_events.kinds.shipment import Batch, Claim, CountedName, Missing, ReadBack
from target_zendesk_events.kinds.ticket import ticket_path


class _Deletion(msgspec.Struct, frozen=True):
    """What all deletions have in common: what is not there is gone, and to delete it again does no harm."""

    kind: ClassVar[str] = "deletion"
    bucket: ClassVar[Bucket] = Bucket.SUPPORT
    tells_time: ClassVar[bool] = False
    names_itself: ClassVar[bool] = True
    absence: ClassVar[str] = ""

    @property
    def origin(self) -> tuple[str, ...]:
        """Nothing that counts."""
        return ()

    def content(self) -> Mapping[str, Any]:
        """Return that it is gone: so what is there, then deleted, then there again, is sent three times."""
        return {"deleted": True}

    def identifier_types(self) -> Iterable[str]:
        """Return nothing: it writes nothing onto users."""
        return ()

    def persons(self) -> Sequence[Hashable]:
        """Return nobody."""
        return ()

    def names(self) -> Sequence[CountedName]:
        """Return nothing: it makes no names."""
        return ()

    def limit_fault(self) -> str:
        """Return nothing."""
        return ""

    def look_ups(self) -> Sequence[LookUp]:
        """Return nothing: it is named as Zendesk knows it."""
        return ()

    def when_not_found(self) -> Missing:
        """Return that it is done: what was to be taken away is not there."""
        return Missing.DONE

    def known_by(self) -> Sequence[LookUp] | None:
        """Return nothing: it makes no customer."""
        return None

    def when_missing(self, claim: Claim, found: Found) -> Missing:  # noqa: ARG002 - there is nothing to be done
        """Return that it is done: what was to be taken away is not there."""
        return Missing.DONE

    def read_back(self, claim: Claim) -> ReadBack | None:  # noqa: ARG002 - nobody asks
        """Return nothing: to send it again does no harm."""
        return None

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:  # noqa: ARG002 - at any time
        """Return that it is sent again, whatever the policy: it does no harm."""
        return "retry"

    def batch(self) -> Batch | None:
        """Return nothing: it goes alone."""
        return None

    def item(self, found: Found) -> Any:  # noqa: ANN401, ARG002 - JSON
        """Return nothing: it has no body."""
        return None


class ProfileDeletion(_Deletion, frozen=True):
    """The deletion of a profile, and of its events with it: a `Shipment`."""

    bucket: ClassVar[Bucket] = Bucket.EVENTS

    profile: Profile

    def identity(self) -> Sequence[str]:
        """Return what the profile is in Zendesk: source, type and the first identifier."""
        return self.profile.identity()

    def customer(self) -> Sequence[Any]:
        """Return the profile's source, type and identifiers, in an order of their own."""
        return self.profile.customer()

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the customer's identifiers: it keeps its place among the customer's events."""
        return self.profile.lane_keys()

    def persons(self) -> Sequence[Hashable]:
        """Return what names the customer."""
        return self.profile.lane_keys()

    def limit_fault(self) -> str:
        """Return why the profile cannot be asked for, in one sentence that names no value, or nothing."""
        return unanswerable(self.profile)

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return what is deleted."""
        return canonical(self.identity())

    def look_ups(self) -> Sequence[LookUp]:
        """Return the profile's id, by its first identifier."""
        first = self.profile.identifiers[0]
        return [LookUp("profile", f"{self.profile.source}:{self.profile.type}:{first.type}", first.value)]

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - it bears no time
        """Return the request that deletes the profile of the id that was found."""
        (look_up,) = self.look_ups()
        return Request("DELETE", f"{PROFILES_PATH}/{quote(found[look_up], safe='')}")

    def masked(self) -> Mapping[str, Any]:
        """Return it in a rule's words, in which only names, types and the source can be read."""
        return {"delete": {"profile": self.profile.masked()}}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return it in a rule's words."""
        return {"delete": {"profile": self.profile.as_object()}}


class RecordDeletion(_Deletion, frozen=True):
    """The deletion of a custom object's record, alone or in a job: a `Shipment`."""

    key: str
    external_id: str

    @property
    def origin(self) -> tuple[str, ...]:
        """The object's key."""
        return (self.key,)

    def identity(self) -> Sequence[str]:
        """Return what the record is in Zendesk: the object's key and the external id."""
        return ["object", self.key, self.external_id]

    def customer(self) -> Sequence[Any]:
        """Return the record itself."""
        return [self.key, self.external_id]

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the record itself: what is sent of it goes in order."""
        return (("object", self.key, self.external_id),)

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return what is deleted."""
        return canonical(self.identity())

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - nothing is looked up
        """Return the request that deletes this one record."""
        query = urlencode({"external_id": self.external_id}, quote_via=quote, safe="")
        return Request("DELETE", f"{object_path(self.key)}/records?{query}")

    def batch(self) -> Batch | None:
        """Return the job of other deletions of this object."""
        return ObjectJob(self.key, "delete_by_external_id")

    def item(self, found: Found) -> str:  # noqa: ARG002 - nothing is looked up
        """Return the external id, which is all that such a job takes of it."""
        return self.external_id

    def masked(self) -> Mapping[str, Any]:
        """Return it in a rule's words, in which only the object's key can be read."""
        return {"delete": {"object": self.key, "external_id": mask(self.external_id)}}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return it in a rule's words."""
        return {"delete": {"object": self.key, "external_id": self.external_id}}


class TicketDeletion(_Deletion, frozen=True):
    """The deletion of a ticket: a `Shipment`."""

    id: str

    def identity(self) -> Sequence[str]:
        """Return the ticket's number."""
        return ["ticket", self.id]

    def customer(self) -> Sequence[Any]:
        """Return the ticket."""
        return [self.id]

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the ticket: what is sent of it goes in order."""
        return (("ticket", self.id),)

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return what is deleted."""
        return canonical(self.identity())

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - nothing is looked up
        """Return the request that deletes it."""
        return Request("DELETE", ticket_path(self.id))

    def masked(self) -> Mapping[str, Any]:
        """Return it in a rule's words, its number masked."""
        return {"delete": {"ticket": mask(self.id)}}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return it in a rule's words."""
        return {"delete": {"ticket": self.id}}
