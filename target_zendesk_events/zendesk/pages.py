"""Reading a customer's events back: how to ask for a page of them, and what a page holds.

Facts: the Events API's reference and Zendesk's "Accessing events" and "Using identifier queries with profiles".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from target_zendesk_events.kinds.event import Identifier, Profile
from target_zendesk_events.zendesk.answers import Answer


@dataclasses.dataclass(frozen=True, slots=True)
class EventPage:
    """Events as Zendesk gives them back, and the cursor of the next page (empty on the last)."""

    events: tuple[Mapping[str, Any], ...]
    next: str


def can_query(profile: Profile, identifier: Identifier) -> bool:
    """Say whether Zendesk can be asked about this customer: what a `:` inside a part means is not documented."""
    return not any(":" in part for part in _parts(profile, identifier))


def event_query(  # noqa: PLR0913, PLR0917 - Zendesk's own filters
    profile: Profile,
    identifier: Identifier,
    source: str,
    type: str,  # noqa: A002 - Zendesk's word
    start_time: str | None,
    end_time: str | None,
    after: str,
) -> str:
    """Return the query of a request for a page, encoded; the identifier goes with the profile's source and type."""
    fields = {
        "identifier": ":".join(_parts(profile, identifier)),
        "filter[source]": source,
        "filter[type]": type,
        "filter[start_time]": start_time,
        "filter[end_time]": end_time,
        "page[after]": after or None,
    }
    return urlencode({name: value for name, value in fields.items() if value is not None}, quote_via=quote, safe="")


def page_of(answer: Answer) -> EventPage:
    """Return the page that an accepted answer to a read holds."""
    payload: Mapping[str, Any] = answer.payload
    events = tuple(event for event in payload["events"] if isinstance(event, dict))
    return EventPage(events=events, next=_cursor(payload))


def _parts(profile: Profile, identifier: Identifier) -> tuple[str, str, str, str]:
    return profile.source, profile.type, identifier.type, identifier.value


def _cursor(payload: Mapping[str, Any]) -> str:
    """Return the next page's cursor: `meta` says it, or, where that is missing, the link to the next page."""
    meta = payload.get("meta")
    if isinstance(meta, dict) and "has_more" in meta:
        return str(meta.get("after_cursor") or "") if meta["has_more"] else ""
    links = payload.get("links")
    link = links[0] if isinstance(links, list) and links else links
    address = link.get("next") if isinstance(link, dict) else None
    query = str(address or "").partition("?")[2].partition("#")[0]
    return parse_qs(query).get("page[after]", [""])[0]
