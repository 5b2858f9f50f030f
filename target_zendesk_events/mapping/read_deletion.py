"""The `delete` of a rule as it is written, read into its parts."""

from __future__ import annotations

from collections.abc import Mapping

from target_zendesk_events.mapping import read_profile
from target_zendesk_events.mapping.deletion import ProfileDeletionParts, RecordDeletionParts, TicketDeletionParts
from target_zendesk_events.mapping.identifiers import PLACE, Pairs
from target_zendesk_events.mapping.making import Making
from target_zendesk_events.mapping.read_object import read_external_id, read_key
from target_zendesk_events.mapping.reading import Raw, Reading

KEYS = ("profile", "object", "external_id", "ticket")
PROFILE_KEYS = ("source", "type", "identifiers")
"""What tells a profile that is to go."""


def read_deletion(reading: Reading, raw: Mapping[str, Raw]) -> Making | None:
    """Return the templates of what is deleted; None where that is not told, which is noted."""
    given = {key for key in KEYS if key in raw}
    if given == {"profile"}:
        return _profile(reading, raw["profile"])
    if given == {"object", "external_id"}:
        key = read_key(reading, "delete.object", raw["object"])
        return RecordDeletionParts(key, read_external_id(reading, "delete.external_id", raw["external_id"]))
    if given == {"ticket"}:
        return TicketDeletionParts(read_external_id(reading, "delete.ticket", raw["ticket"]))
    reading.fault(
        "delete", "takes {profile: ...}, {object: KEY, external_id: ...} or {ticket: ...}, one of them [ZE251]"
    )
    return None


def _profile(reading: Reading, raw: Raw) -> ProfileDeletionParts | None:
    inner = Reading(reading.surroundings, reading.source)
    if not reading.is_object("delete.profile", raw):
        return None
    inner.known_keys("profile", raw, PROFILE_KEYS, {})
    profile = read_profile.read_profile(inner, raw)
    read_profile.check_query(inner, profile)
    reading.faults += [fault.replace("profile", "delete.profile", 1) for fault in inner.faults]
    identifiers = profile.identifiers
    if isinstance(identifiers, Pairs) and identifiers.entries and identifiers.entries[0][1].fixed:
        place = f"delete.{PLACE}"
        reading.fault(place, "begins with a constant: it would name one profile for all [ZE252]")
    return ProfileDeletionParts(profile)
