"""A record of a custom object, made or changed by its external id, alone or in a job; and its limits.

Facts: Zendesk's API reference, "Custom object records" and "Custom object record bulk jobs".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import msgspec

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.job import JOB
from target_zendesk_events.kinds.look_up import Found, LookUp
from target_zendesk_events.kinds.masking import mask, mask_fields
from target_zendesk_events.kinds.request import Bucket, Request
from target_zendesk_events.kinds.shipment import Claim, CountedName, Missing, ReadBack

MAX_NAME_LENGTH = 255
MAX_RECORD_BYTES = 32 * 1024
MAX_JOB_ITEMS = 100


class Reference(msgspec.Struct, frozen=True):
    """A field's value that is the id of somebody or something else in Zendesk, which is yet to be looked up."""

    look_up: LookUp

    def as_written(self) -> dict[str, Any]:
        """Return it as a rule has it, filled in."""
        sort, by, value = self.look_up
        return {"user": {by: value}} if sort == "user" else {"object": by, "external_id": value}


class ObjectJob(msgspec.Struct, frozen=True):
    """A job that does the same with many records of one object: a `Batch`."""

    key: str
    action: str
    max_items: int = MAX_JOB_ITEMS

    def request(self, items: Sequence[Any]) -> Request:
        """Return the request that starts the job."""
        body = msgspec.json.encode({"job": {"action": self.action, "items": items}})
        return Request("POST", f"{object_path(self.key)}/jobs", body, holds=JOB)


class ObjectRecord(msgspec.Struct, frozen=True):
    """A record of the custom object `key`: a `Shipment`. A field that is null clears what was there."""

    kind: ClassVar[str] = "object"
    bucket: ClassVar[Bucket] = Bucket.SUPPORT
    tells_time: ClassVar[bool] = False
    names_itself: ClassVar[bool] = True
    absence: ClassVar[str] = "the account has no such custom object: zendesk-events objects --apply makes it"

    key: str
    external_id: str
    fields: Mapping[str, Any]
    name: str | None = None

    @property
    def origin(self) -> tuple[str]:
        """The object's key."""
        return (self.key,)

    def identity(self) -> Sequence[str]:
        """Return the object's key and the external id."""
        return ["object", self.key, self.external_id]

    def content(self) -> Mapping[str, Any]:
        """Return name and fields, references as the rule has them: their ids are Zendesk's."""
        return {"name": self.name, "fields": self._written()}

    def customer(self) -> Sequence[Any]:
        """Return the record itself."""
        return [self.key, self.external_id]

    def identifier_types(self) -> Iterable[str]:
        """Return nothing: it writes nothing onto users."""
        return ()

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the record itself: what is sent of it goes in order."""
        return (("object", self.key, self.external_id),)

    def persons(self) -> Sequence[Hashable]:
        """Return the users that it refers to, as their identifiers."""
        return [(one.by, one.value) for one in self.look_ups() if one.sort == "user"]

    def names(self) -> Sequence[CountedName]:
        """Return nothing: rules name their objects."""
        return ()

    def limit_fault(self) -> str:
        """Return what documented limits it is beyond, in one sentence that names no value, or nothing."""
        faults = []
        if self.name is not None and len(self.name) > MAX_NAME_LENGTH:
            faults.append(f"object.name has {len(self.name)} characters; Zendesk takes {MAX_NAME_LENGTH}")
        size = len(msgspec.json.encode(self._written()))
        if size > MAX_RECORD_BYTES:
            faults.append(f"object.fields has {size:,} bytes; Zendesk takes {MAX_RECORD_BYTES:,} a record")
        return f"{'; '.join(faults)} [ZE732]" if faults else ""

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return all that is sent."""
        return canonical([self.identity(), self.content()])

    def look_ups(self) -> Sequence[LookUp]:
        """Return whom and what its fields refer to, each once."""
        found = (one.look_up for one in self.fields.values() if isinstance(one, Reference))
        return list(dict.fromkeys(found))

    def when_not_found(self) -> Missing:
        """Return that it is refused: it refers to somebody or something that is not there."""
        return Missing.REFUSED

    def known_by(self) -> Sequence[LookUp] | None:
        """Return nothing: it makes no customer."""
        return None

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - it bears no time
        """Return the request that makes or changes this one record."""
        query = urlencode({"external_id": self.external_id}, quote_via=quote, safe="")
        body = msgspec.json.encode({"custom_object_record": self.item(found)})
        return Request("PATCH", f"{object_path(self.key)}/records?{query}", body)

    def when_missing(self, claim: Claim, found: Found) -> Missing:  # noqa: ARG002 - there is no other way
        """Return that it is refused: the object itself is not there."""
        return Missing.REFUSED

    def read_back(self, claim: Claim) -> ReadBack | None:  # noqa: ARG002 - nobody asks
        """Return nothing: to send it again does no harm."""
        return None

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:  # noqa: ARG002 - at any time
        """Return that it is sent again, whatever the policy: it does no harm."""
        return "retry"

    def batch(self) -> ObjectJob:
        """Return the job of others of this object."""
        return ObjectJob(self.key, "create_or_update_by_external_id")

    def item(self, found: Found) -> dict[str, Any]:
        """Return its body, each reference as the id that was found."""
        name = {} if self.name is None else {"name": self.name}
        fields = {
            field: found[value.look_up] if isinstance(value, Reference) else value
            for field, value in self.fields.items()
        }
        return {"external_id": self.external_id, **name, "custom_object_fields": fields}

    def masked(self) -> Mapping[str, Any]:
        """Return it in a rule's words, in which only the object's key and the fields' names can be read."""
        name = {} if self.name is None else {"name": mask(self.name)}
        fields = mask_fields(self._written())
        return {"object": {"key": self.key, "external_id": mask(self.external_id), **name, "fields": fields}}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return it in a rule's words, references as the rule has them."""
        name = {} if self.name is None else {"name": self.name}
        return {"object": {"key": self.key, "external_id": self.external_id, **name, "fields": self._written()}}

    def _written(self) -> dict[str, Any]:
        return {
            name: value.as_written() if isinstance(value, Reference) else value for name, value in self.fields.items()
        }


def object_path(key: str) -> str:
    """Return where a custom object is."""
    return f"/api/v2/custom_objects/{quote(key, safe='')}"
