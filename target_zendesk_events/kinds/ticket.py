"""A ticket: made once, or changed, or commented on.

Facts: Zendesk's API reference, "Tickets" (with "Idempotency" of their creation).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

import msgspec

from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.look_up import Found, LookUp
from target_zendesk_events.kinds.masking import mask_fields
from target_zendesk_events.kinds.request import Bucket, Content, Request, size_fault
from target_zendesk_events.kinds.shipment import Batch, Claim, CountedName, Missing, ReadBack
from target_zendesk_events.kinds.timeline import CLOCK_TOLERANCE_SECONDS, instant_of

TICKETS_PATH: Final = "/api/v2/tickets"
TICKETS: Final = Content("tickets")
"""What the answer to a search by external id holds."""
SAFE_SECONDS: Final = 6_000.0
"""How long the same key is surely the same ticket: Zendesk keeps an `Idempotency-Key` for two hours."""


class _AboutATicket(msgspec.Struct, frozen=True):
    """What all that is sent of tickets has in common: nothing is looked up, and nothing shares a request."""

    bucket: ClassVar[Bucket] = Bucket.SUPPORT
    tells_time: ClassVar[bool] = False
    absence: ClassVar[str] = "Zendesk has no ticket of this number"

    @property
    def origin(self) -> tuple[str, ...]:
        """Nothing: a ticket is filed under nothing."""
        return ()

    def identifier_types(self) -> Iterable[str]:
        """Return nothing: it writes no profile."""
        return ()

    def names(self) -> Sequence[CountedName]:
        """Return nothing that is counted."""
        return ()

    def limit_fault(self) -> str:
        """Return that it is larger than is sent, or nothing: no limits are documented."""
        return size_fault("ticket", self.item({}))

    def item(self, found: Found) -> Any:  # noqa: ANN401 - JSON
        """Return its body."""
        raise NotImplementedError

    def look_ups(self) -> Sequence[LookUp]:
        """Return nothing: the requester is named in the ticket."""
        return ()

    def when_not_found(self) -> Missing:
        """Return that it is refused: it has no look-ups."""
        return Missing.REFUSED

    def known_by(self) -> Sequence[LookUp] | None:
        """Return nothing: whether somebody is known is asked of events and profiles."""
        return None

    def when_missing(self, claim: Claim, found: Found) -> Missing:  # noqa: ARG002 - there is no other way
        """Return that it is refused: there is no such ticket."""
        return Missing.REFUSED

    def batch(self) -> Batch | None:
        """Return nothing: a ticket goes alone."""
        return None


class Ticket(_AboutATicket, frozen=True):
    """A ticket to be made: a `Shipment`. `fields` are those of Zendesk's ticket, the comment and requester too."""

    kind: ClassVar[str] = "ticket"
    absence: ClassVar[str] = ""

    fields: Mapping[str, Any]

    @property
    def external_id(self) -> str | None:
        """What it is called in its own system, where that is told."""
        found = self.fields.get("external_id")
        return None if found is None else str(found)

    @property
    def names_itself(self) -> bool:
        """Whether it has an external id."""
        return self.external_id is not None

    def identity(self) -> Mapping[str, Any]:
        """Return the external id, or else the whole ticket."""
        return self.fields if self.external_id is None else {"external_id": self.external_id}

    def content(self) -> None:
        """Return nothing: it is made once."""

    def customer(self) -> Sequence[Any]:
        """Return whom it is about."""
        return [self.fields.get("requester"), self.fields.get("requester_id")]

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the external id: two of one are made one after the other."""
        return () if self.external_id is None else (("ticket", "external_id", self.external_id),)

    def persons(self) -> Sequence[Hashable]:
        """Return the requester's address and number."""
        return people_in(self.fields)

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return the external id, by which it is looked for, or else all of it."""
        return canonical(self.identity())

    def when_missing(self, claim: Claim, found: Found) -> Missing:  # noqa: ARG002 - there is no other way
        """Return that the address is wrong: nothing need be there for a new ticket."""
        return Missing.ASTRAY

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - nothing is looked up
        """Return the request that makes it: the same key again makes no second one."""
        headers = {} if claim.key is None else {"Idempotency-Key": claim.key.hex()}
        return Request("POST", TICKETS_PATH, msgspec.json.encode(self.item({})), headers)

    def read_back(self, claim: Claim) -> ReadBack | None:  # noqa: ARG002 - it bears no time
        """Return how it is found by its external id; None without one."""
        return None if self.external_id is None else ByExternalId(self.external_id)

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:  # noqa: ARG002 - it is made once
        """Return that it is sent again while its key holds; then looked for, or held: a policy makes no second one."""
        if seconds <= SAFE_SECONDS:
            return "retry"
        return "verify" if is_readable else "hold"

    def item(self, found: Found) -> Any:  # noqa: ANN401, ARG002 - JSON
        """Return its body, which no request shares."""
        return {"ticket": self.fields}

    def masked(self) -> Mapping[str, Any]:
        """Return the body in which only the fields' names can be read."""
        return {"ticket": mask_fields(self.fields)}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return the body as it will be sent."""
        return {"ticket": self.fields}


class TicketUpdate(_AboutATicket, frozen=True):
    """What of a ticket is changed, its comment aside: a `Shipment`. A field that is null clears what was there."""

    kind: ClassVar[str] = "ticket"
    names_itself: ClassVar[bool] = True

    id: str
    fields: Mapping[str, Any]

    def identity(self) -> Sequence[str]:
        """Return the ticket's number."""
        return ["ticket", self.id]

    def content(self) -> Mapping[str, Any]:
        """Return what it is changed to."""
        return self.fields

    def customer(self) -> Sequence[Any]:
        """Return the ticket."""
        return [self.id]

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the ticket: what is sent of it goes in order."""
        return (("ticket", self.id),)

    def persons(self) -> Sequence[Hashable]:
        """Return the requester's address and number, where they are told."""
        return people_in(self.fields)

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return all that is sent."""
        return canonical([self.id, self.fields])

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - nothing is looked up
        """Return the request that changes it."""
        return Request("PUT", ticket_path(self.id), msgspec.json.encode(self.item({})))

    def read_back(self, claim: Claim) -> ReadBack | None:  # noqa: ARG002 - nobody asks
        """Return nothing: to send it again does no harm."""
        return None

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:  # noqa: ARG002 - at any time
        """Return that it is sent again, whatever the policy: it does no harm."""
        return "retry"

    def item(self, found: Found) -> Any:  # noqa: ANN401, ARG002 - JSON
        """Return its body, which no request shares."""
        return {"ticket": self.fields}

    def masked(self) -> Mapping[str, Any]:
        """Return the body in which only the fields' names can be read."""
        return {"ticket": mask_fields({"id": self.id, **self.fields})}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return the body as it will be sent, with the ticket's number."""
        return {"ticket": {"id": self.id, **self.fields}}


class TicketComment(_AboutATicket, frozen=True):
    """A comment on a ticket that is there: a `Shipment` of its own, since it may not be made twice.

    `about` are the persons whom the ticket's update names.
    """

    kind: ClassVar[str] = "comment"
    names_itself: ClassVar[bool] = False

    id: str
    comment: Mapping[str, Any]
    about: tuple[Hashable, ...] = ()

    def identity(self) -> Sequence[Any]:
        """Return the ticket and the comment: another row may say the same again."""
        return ["ticket", self.id, self.comment]

    def content(self) -> None:
        """Return nothing: what was said, was said."""

    def customer(self) -> Sequence[Any]:
        """Return the ticket."""
        return [self.id]

    def lane_keys(self) -> Sequence[Hashable]:
        """Return the ticket: what is sent of it goes in order."""
        return (("ticket", self.id),)

    def persons(self) -> Sequence[Hashable]:
        """Return whom the ticket's update names."""
        return self.about

    def appearance(self, claim: Claim) -> Hashable:  # noqa: ARG002 - it bears no time
        """Return all that is sent."""
        return canonical(self.identity())

    def request(self, claim: Claim, found: Found) -> Request:  # noqa: ARG002 - nothing is looked up
        """Return the request that adds it to its ticket."""
        return Request("PUT", ticket_path(self.id), msgspec.json.encode(self.item({})))

    def read_back(self, claim: Claim) -> ReadBack | None:  # noqa: ARG002 - nothing tells one from another
        """Return nothing: a comment bears no name of ours."""
        return None

    def when_unknown(self, policy: str, seconds: float, *, is_readable: bool) -> str:  # noqa: ARG002 - at any time
        """Return the policy; where `verify` cannot read, it is held: a second one would reach the customer."""
        return "hold" if policy == "verify" else policy

    def item(self, found: Found) -> Any:  # noqa: ANN401, ARG002 - JSON
        """Return its body, which no request shares."""
        return {"ticket": {"comment": self.comment}}

    def masked(self) -> Mapping[str, Any]:
        """Return the body in which only the fields' names can be read."""
        return {"ticket": {**mask_fields({"id": self.id}), "comment": mask_fields(self.comment)}}

    def shown(self, claim: Claim) -> Mapping[str, Any]:  # noqa: ARG002 - it bears no time
        """Return the body as it will be sent, with the ticket's number."""
        return {"ticket": {"id": self.id, "comment": self.comment}}


@dataclasses.dataclass(frozen=True, slots=True)
class ByExternalId:
    """How a ticket is found again by what it is called in its own system, which need not be unique in Zendesk."""

    external_id: str

    def request(self, cursor: str) -> Request:
        """Return the request for one page of the tickets that are called so."""
        fields = {"external_id": self.external_id, **({"page[after]": cursor} if cursor else {})}
        return Request("GET", f"{TICKETS_PATH}?{urlencode(fields, quote_via=quote, safe='')}", holds=TICKETS)

    def is_it(self, stored: Mapping[str, Any], first_sent_at: float | None) -> bool:
        """Tell whether a ticket is the one that was sent: one made before that (less two seconds) is another's."""
        if stored.get("external_id") != self.external_id:
            return False
        made_at = instant_of(stored.get("created_at"))
        if made_at is None or first_sent_at is None:
            return True
        return made_at.timestamp() >= first_sent_at - CLOCK_TOLERANCE_SECONDS


def people_in(fields: Mapping[str, Any]) -> tuple[Hashable, ...]:
    """Return the requester of a ticket: the address as an identifier, and Zendesk's number of the user."""
    requester, number = fields.get("requester"), fields.get("requester_id")
    email = requester.get("email") if isinstance(requester, Mapping) else None
    return (*(() if email is None else (("email", email),)), *(() if number is None else (str(number),)))


def ticket_path(number: str) -> str:
    """Return where a ticket is."""
    return f"{TICKETS_PATH}/{quote(number, safe='')}"
