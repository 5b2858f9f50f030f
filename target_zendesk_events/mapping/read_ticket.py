"""The `ticket` of a rule as it is written, read into its parts."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.mapping.parts import Part
from target_zendesk_events.mapping.properties import ObjectOf
from target_zendesk_events.mapping.read_object import read_external_id
from target_zendesk_events.mapping.read_properties import read_object_of, read_value
from target_zendesk_events.mapping.reading import NOWHERE, Raw, Reading, is_unquoted
from target_zendesk_events.mapping.ticket import (
    COMMENT,
    CustomFields,
    RequesterParts,
    TicketFields,
    TicketParts,
    UpdateParts,
)

OWN = ("id", "external_id", "requester", "requester_id", "comment", "custom_fields")
"""Fields that are read in a way of their own; any other is passed on as it is written."""
BODIES = ("body", "html_body")
REQUESTER, CUSTOM_FIELDS = "ticket.requester", "ticket.custom_fields"


def read_ticket(reading: Reading, raw: Mapping[str, Raw]) -> TicketParts | UpdateParts:
    """Return the templates of a ticket, one that is there where its `id` is told; what is wrong is noted."""
    reading.plain_names("ticket", raw)
    if "requester" in raw and "requester_id" in raw:
        reading.fault("ticket", "has both `requester` and `requester_id`: remove one [ZE253]")
    comment = _comment(reading, raw["comment"]) if "comment" in raw else None
    fields = _fields(reading, raw)
    if "id" not in raw:
        if comment is None:
            reading.missing(COMMENT, ": a ticket begins with one")
        return TicketParts(fields, comment or ObjectOf(()))
    if raw.keys() == {"id"}:
        reading.fault("ticket", "changes nothing: give it a field, or a `comment` [ZE248]")
    return UpdateParts(read_id(reading, "ticket.id", raw["id"]), fields, comment)


def read_id(reading: Reading, place: str, raw: Raw) -> Part:
    """Return the template of a ticket's number."""
    return _required(reading, place, raw, ": the number that Zendesk gave to the ticket")


def _fields(reading: Reading, raw: Mapping[str, Raw]) -> TicketFields:
    given = {name: raw[name] for name in OWN if name in raw}
    others = {str(name): value for name, value in raw.items() if name not in OWN}
    custom_fields = None
    if isinstance(given.get("custom_fields"), Mapping) and not is_unquoted(given["custom_fields"]):
        custom_fields = _custom_fields(reading, given["custom_fields"])
    elif given.get("custom_fields") is not None:
        others["custom_fields"] = given["custom_fields"]
    return TicketFields(
        external_id=_external_id(reading, given["external_id"]) if "external_id" in given else None,
        requester=_requester(reading, given["requester"]) if "requester" in given else None,
        requester_id=_requester_id(reading, given["requester_id"]) if "requester_id" in given else None,
        custom_fields=custom_fields,
        others=tuple((name, read_value(reading, f"ticket.{name}", value)) for name, value in others.items()),
    )


def _external_id(reading: Reading, raw: Raw) -> Part:
    return read_external_id(reading, "ticket.external_id", raw)


def _requester(reading: Reading, raw: Raw) -> RequesterParts | None:
    if not reading.is_object(REQUESTER, raw):
        return None
    email = _required(reading, f"{REQUESTER}.email", raw.get("email"), ": without one nobody can be answered")
    return RequesterParts(email, read_object_of(reading, REQUESTER, {key: raw[key] for key in raw if key != "email"}))


def _requester_id(reading: Reading, raw: Raw) -> Part:
    return _required(reading, "ticket.requester_id", raw, ": the number that Zendesk gave to the user")


def _comment(reading: Reading, raw: Raw) -> ObjectOf:
    comment = read_object_of(reading, COMMENT, raw)
    if isinstance(raw, Mapping) and not any(raw.get(name) not in (None, "") for name in BODIES):
        reading.missing(f"{COMMENT}.body", ": what the comment says")
    return comment


def _custom_fields(reading: Reading, raw: Mapping[Raw, Raw]) -> CustomFields:
    items = []
    for name, value in raw.items():
        number = str(name)
        if number.isascii() and number.isdecimal():
            items.append((int(number), read_value(reading, f"{CUSTOM_FIELDS}.{name}", value)))
        else:
            reading.fault(CUSTOM_FIELDS, f"'{name}' is no field's number, which Zendesk shows beside its name [ZE249]")
    return CustomFields(tuple(items))


def _required(reading: Reading, place: str, raw: Raw, hint: str) -> Part:
    if raw is None or raw == "":
        return reading.missing(place, hint)
    return reading.text(place, raw) or Part(place, NOWHERE)
