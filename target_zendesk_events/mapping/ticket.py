"""The `ticket` of a rule, compiled: one to be made, or one to be changed and commented on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from target_zendesk_events.kinds.ticket import Ticket, TicketComment, TicketUpdate, people_in
from target_zendesk_events.mapping.external_ids import name_of, zendesk_number
from target_zendesk_events.mapping.making import Made
from target_zendesk_events.mapping.parts import Part, UnmappableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_zendesk_events.kinds.shipment import Shipment
    from target_zendesk_events.mapping.identifiers import Cleaning
    from target_zendesk_events.mapping.making import Surroundings
    from target_zendesk_events.mapping.profile import ProfileParts
    from target_zendesk_events.mapping.properties import ListOf, ObjectOf
    from target_zendesk_events.mapping.templates import Scope

COMMENT = "ticket.comment"
BODY = f"{COMMENT}.body"


@dataclasses.dataclass(frozen=True, slots=True)
class RequesterParts:
    """The templates of who asks: an address, and more about whoever has it."""

    email: Part
    others: ObjectOf

    def of(self, scope: Scope, cleaning: Cleaning) -> dict[str, Any]:
        """Return who asks. Raises UnmappableError where there is no address: the ticket would be the sender's own."""
        email = name_of(self.email, "email", scope, cleaning)
        if email is None:
            raise UnmappableError(self.email.place, "is null or blank [ZE710]")
        return {"email": email, **self.others.json(scope)}

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield self.email
        yield from self.others.parts()


@dataclasses.dataclass(frozen=True, slots=True)
class CustomFields:
    """The templates of a ticket's own fields, by Zendesk's number of each."""

    items: tuple[tuple[int, ObjectOf | ListOf | Part], ...]

    def of(self, scope: Scope, *, keeps_nulls: bool) -> list[dict[str, Any]] | None:
        """Return them as Zendesk has them; None where none is left."""
        found = [{"id": number, "value": item.json(scope)} for number, item in self.items]
        return [one for one in found if keeps_nulls or one["value"] is not None] or None

    def parts(self) -> Iterator[Part]:
        """Yield every template."""
        for _, item in self.items:
            yield from item.parts()


@dataclasses.dataclass(frozen=True, slots=True)
class TicketFields:
    """The templates of a ticket's fields, but for its comment."""

    external_id: Part | None
    requester: RequesterParts | None
    requester_id: Part | None
    custom_fields: CustomFields | None
    others: tuple[tuple[str, ObjectOf | ListOf | Part], ...]

    def of(self, scope: Scope, cleaning: Cleaning, *, keeps_nulls: bool) -> dict[str, Any]:
        """Return the fields of one record. Raises UnmappableError."""
        fields: dict[str, Any] = {}
        if self.external_id is not None:
            fields["external_id"] = name_of(self.external_id, "external_id", scope, cleaning)
        if self.requester is not None:
            fields["requester"] = self.requester.of(scope, cleaning)
        if self.requester_id is not None:
            fields["requester_id"] = int(zendesk_number(self.requester_id, scope, cleaning))
        fields |= {name: item.json(scope) for name, item in self.others}
        if self.custom_fields is not None:
            fields["custom_fields"] = self.custom_fields.of(scope, keeps_nulls=keeps_nulls)
        return fields if keeps_nulls else {name: value for name, value in fields.items() if value is not None}

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield from (one for one in (self.external_id, self.requester_id) if one is not None)
        for some in (self.requester, self.custom_fields):
            if some is not None:
                yield from some.parts()
        for _, item in self.others:
            yield from item.parts()


@dataclasses.dataclass(frozen=True, slots=True)
class TicketParts:
    """The templates of a ticket that is made."""

    fields: TicketFields
    comment: ObjectOf

    @property
    def profile(self) -> ProfileParts | None:
        """It writes none."""
        return None

    @property
    def tells_apart(self) -> bool:
        """A ticket is told by its external id."""
        return self.fields.external_id is not None

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield from self.fields.parts()
        yield from self.comment.parts()

    def make(self, scope: Scope, surroundings: Surroundings) -> Made:
        """Return the ticket of one record: what is null is left out. Raises UnmappableError."""
        fields = self.fields.of(scope, surroundings.cleaning, keeps_nulls=False)
        comment = _comment(self.comment, scope)
        if comment is None:
            raise UnmappableError(BODY, "is null or blank [ZE710]")
        return Made((Ticket({**fields, "comment": comment}),))


@dataclasses.dataclass(frozen=True, slots=True)
class UpdateParts:
    """The templates of a ticket that is there: what is changed of it, and a comment on it."""

    id: Part
    fields: TicketFields
    comment: ObjectOf | None

    @property
    def profile(self) -> ProfileParts | None:
        """It writes none."""
        return None

    @property
    def tells_apart(self) -> bool:
        """A ticket is told by its number; two comments that say the same are told by the rows that they come of."""
        return self.comment is None

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield self.id
        yield from self.fields.parts()
        if self.comment is not None:
            yield from self.comment.parts()

    def make(self, scope: Scope, surroundings: Surroundings) -> Made:
        """Return what of one record changes the ticket, before what comments on it. Raises UnmappableError."""
        number = zendesk_number(self.id, scope, surroundings.cleaning)
        fields = self.fields.of(scope, surroundings.cleaning, keeps_nulls=True)
        comment = None if self.comment is None else _comment(self.comment, scope)
        made: list[Shipment] = []
        if fields:
            made.append(TicketUpdate(number, fields))
        if comment is not None:
            made.append(TicketComment(number, comment, people_in(fields)))
        if not made:
            raise UnmappableError(BODY, "is null or blank [ZE710]")
        return Made(tuple(made))


def _comment(parts: ObjectOf, scope: Scope) -> dict[str, Any] | None:
    """Return a comment; None where it says nothing."""
    comment = parts.json(scope)
    said = [comment[name] for name in ("body", "html_body") if name in comment]
    return comment if any(str(one).strip() for one in said) else None
