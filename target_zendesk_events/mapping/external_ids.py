"""What somebody or something is called, in the record's own system or in Zendesk: cleaned as identifiers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_zendesk_events.mapping.parts import Part, UnmappableError

if TYPE_CHECKING:
    from target_zendesk_events.mapping.identifiers import Cleaning
    from target_zendesk_events.mapping.templates import Scope


def external_id(part: Part, scope: Scope, cleaning: Cleaning) -> str:
    """Return what a thing is called. Raises UnmappableError for what names none, null and blank too."""
    text = name_of(part, "external_id", scope, cleaning)
    if text is None:
        raise UnmappableError(part.place, "is null or blank [ZE710]")
    return text


def zendesk_number(part: Part, scope: Scope, cleaning: Cleaning) -> str:
    """Return the number that Zendesk gave to a ticket or a user. Raises UnmappableError for what is none."""
    text = external_id(part, scope, cleaning)
    if not (text.isascii() and text.isdecimal()):
        raise UnmappableError(part.place, "is no id of Zendesk's: a whole number is one [ZE725]")
    return text


def name_of(part: Part, kind: str, scope: Scope, cleaning: Cleaning) -> str | None:
    """Return what somebody or something is called, as an identifier of this type is spelt; None for null and blank.

    Raises UnmappableError for what would join strangers, as the word `unknown` does, or is no name at all.
    """
    text, why = cleaning.clean(kind, part.of(scope))
    if why in ("null", "blank"):
        return None
    if why:
        raise UnmappableError(part.place, f"names nobody and nothing, being {why} [ZE724]")
    return text
