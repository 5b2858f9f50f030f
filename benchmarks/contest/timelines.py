"""Customers' timelines, as the Events API keeps them: each event behind the last, nothing is told from anything."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from benchmarks.contest.strictness import instant

PAGE = 100
Identity = tuple[str, str, str, str]
"""A profile's source and type, an identifier's type and value."""


class ConflictError(Exception):
    """Identifiers of one event belong to two profiles."""


@dataclasses.dataclass(slots=True)
class Timelines:
    """All timelines, each with its events in the order in which they were stored."""

    count: int = 0
    _of: dict[Identity, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)

    def store(self, sent: dict[str, Any], now: float) -> None:
        """Put an event on its customer's timeline. Raises ConflictError."""
        profile = sent["profile"]
        identities = [
            (profile["source"], profile["type"], one["type"], _written(one["type"], one["value"]))
            for one in profile["identifiers"]
        ]
        known = {id(self._of[identity]): self._of[identity] for identity in identities if identity in self._of}
        if len(known) > 1:
            raise ConflictError
        timeline: list[dict[str, Any]] = next(iter(known.values()), [])
        for identity in identities:
            self._of[identity] = timeline
        received = dt.datetime.fromtimestamp(now, tz=dt.timezone.utc).isoformat(timespec="milliseconds")
        received = received.replace("+00:00", "Z")
        self.count += 1
        timeline.append({"created_at": received, **sent["event"], "id": f"e-{self.count}", "received_at": received})

    def page(self, query: dict[str, str]) -> dict[str, Any] | None:
        """Return one page of a timeline; None where the profile is not known."""
        source, type_, kind, value = query["identifier"].split(":")
        timeline = self._of.get((source, type_, kind, _written(kind, value)))
        if timeline is None:
            return None
        found = [event for event in timeline if _passes(event, query)]
        size = min(PAGE, int(query.get("page[size]", PAGE)))
        start = int(query.get("page[after]") or 0)
        upto = start + size
        more = upto < len(found)
        return {
            "events": found[start:upto],
            "links": [{"next": f"?page[after]={upto}" if more else ""}],
            "meta": {"has_more": more, "after_cursor": str(upto) if more else ""},
        }


def _written(kind: str, value: str) -> str:
    return value.lower() if kind in {"email", "twitter"} else value


def _passes(event: dict[str, Any], query: dict[str, str]) -> bool:
    for name in ("source", "type"):
        if query.get(f"filter[{name}]", event[name]) != event[name]:
            return False
    at = instant(event["created_at"])
    start, end = (instant(query[name]) if name in query else at for name in ("filter[start_time]", "filter[end_time]"))
    return at is not None and start is not None and end is not None and start <= at <= end
