"""What a page of a list holds, and where the next begins."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from target_zendesk_events.zendesk.answers import Answer


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Things as Zendesk gives them back, and the cursor of the next page (empty on the last)."""

    items: tuple[Mapping[str, Any], ...]
    next: str


def page_of(answer: Answer, name: str) -> Page:
    """Return the page that an accepted answer to a read lists under this name."""
    payload: Mapping[str, Any] = answer.payload
    listed = payload.get(name)
    items = tuple(one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    return Page(items=items, next=_cursor(payload))


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
