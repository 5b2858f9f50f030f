"""What Zendesk's Events API refuses in a body or a query, as its reference has it. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

MAX_NAME = 40
MAX_IDENTIFIER_TYPE = 60
MAX_IDENTIFIERS = 20
RESERVED = "zendesk"
_EVENT: Mapping[str, type] = {"source": str, "type": str, "properties": dict, "description": str, "created_at": str}
_PROFILE: Mapping[str, type] = {
    "source": str,
    "type": str,
    "identifiers": list,
    "name": str,
    "user_id": str,
    "attributes": dict,
}
_FILTERS = {"filter[source]", "filter[type]", "filter[start_time]", "filter[end_time]", "page[size]", "page[after]"}
PARTS_OF_A_QUERY = 4


def faults_of_body(sent: Any) -> list[str]:  # noqa: ANN401 - whatever came
    """Return what is wrong with the body of `POST /api/v2/user_profiles/events`; nothing where it is taken."""
    if not isinstance(sent, dict) or set(sent) != {"profile", "event"}:
        return ["a body holds a profile and an event, and nothing else"]
    event, profile = sent["event"], sent["profile"]
    if not isinstance(event, dict) or not isinstance(profile, dict):
        return ["profile and event are objects"]
    faults = _of_fields("event", event, _EVENT, {"source", "type", "properties"})
    faults += _of_fields("profile", profile, _PROFILE, {"source", "type", "identifiers"})
    if "created_at" in event and instant(event["created_at"]) is None:
        faults.append("event.created_at is no time")
    return faults or _of_identifiers(profile["identifiers"])


def _of_fields(of: str, given: dict[str, Any], known: Mapping[str, type], needed: set[str]) -> list[str]:
    faults = [f"{of}.{name} is not known" for name in given.keys() - known.keys()]
    faults += [f"{of}.{name} is missing" for name in needed - given.keys()]
    faults += [
        f"{of}.{name} is of the wrong type" for name in given.keys() & known.keys() if not _is(given, name, known)
    ]
    for name in ("source", "type"):
        text = given.get(name)
        if isinstance(text, str) and not 0 < len(text) <= MAX_NAME:
            faults.append(f"{of}.{name} has more than {MAX_NAME} characters, or none")
    if str(given.get("source")).lower() == RESERVED:
        faults.append(f"{of}.source is reserved")
    return faults


def _is(given: dict[str, Any], name: str, known: Mapping[str, type]) -> bool:
    return isinstance(given[name], known[name])


def _of_identifiers(identifiers: list[Any]) -> list[str]:
    if not 0 < len(identifiers) <= MAX_IDENTIFIERS:
        return [f"1 to {MAX_IDENTIFIERS} identifiers are taken"]
    if any(not isinstance(one, dict) or set(one) != {"type", "value"} for one in identifiers):
        return ["an identifier has a type and a value"]
    if any(not isinstance(text, str) or not text for one in identifiers for text in one.values()):
        return ["an identifier's type and value are texts"]
    if any(len(one["type"]) > MAX_IDENTIFIER_TYPE for one in identifiers):
        return [f"an identifier's type has more than {MAX_IDENTIFIER_TYPE} characters"]
    values = [one["value"] for one in identifiers]
    return [] if len(set(values)) == len(values) else ["an identifier's value stands twice"]


def faults_of_query(query: dict[str, str]) -> list[str]:
    """Return what is wrong with the query of `GET /api/v2/user_profiles/events`."""
    faults = [f"{name} is not known" for name in query.keys() - _FILTERS - {"identifier"}]
    if len(query.get("identifier", "").split(":")) != PARTS_OF_A_QUERY:
        faults.append("identifier has four parts")
    if "filter[type]" in query and "filter[source]" not in query:
        faults.append("filter[type] needs filter[source]")
    faults += [
        f"{name} is no time"
        for name in ("filter[start_time]", "filter[end_time]")
        if name in query and instant(query[name]) is None
    ]
    return faults


def instant(text: str) -> dt.datetime | None:
    """Return the instant that an ISO-8601 text with an offset names."""
    try:
        read = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return read if read.tzinfo else None
