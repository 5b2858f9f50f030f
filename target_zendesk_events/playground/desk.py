"""What Zendesk does with a request that it lets in: one function for each documented verb and path."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from . import checks
from .call import Call
from .customers import Customers, check_room, new_id
from .refusals import Answer, Refusal
from .store import Store, wall_clock

MOST = 2**53 - 1
"""The greatest number that JSON is sure to carry; SQLite's are greater."""


@dataclass(frozen=True)
class Habits:
    """What the documents leave open, and a client must cope with either way.

    `page_size` is the largest page; `newest_first` the order of a read; `read_delay` the seconds until a stored event
    can be read; `with_meta` whether pages say `meta`; `search_delay` the seconds until a search finds a new user.
    """

    page_size: int = 100
    newest_first: bool = True
    read_delay: float = 0.0
    with_meta: bool = True
    search_delay: float = 0.0


class Desk:
    """Serves events and profiles from a store."""

    def __init__(self, store: Store, customers: Customers, habits: Habits) -> None:
        """Work on `store`, with these `habits`."""
        self._store = store
        self._customers = customers
        self._habits = habits

    def post_event(self, call: Call) -> Answer:
        """`POST /api/v2/user_profiles/events`."""
        body = call.content()
        sent, event = checks.profile(body), checks.event(body)
        return self._keep(call, self._customers.recognise(sent), event)

    def post_event_of_profile(self, call: Call) -> Answer:
        """`POST /api/v2/user_profiles/{profile_id}/events`."""
        profile = self._profile(call)
        return self._keep(call, profile["id"], checks.event(call.content()))

    def post_event_of_user(self, call: Call) -> Answer:
        """`POST /api/v2/users/{user_id}/events`."""
        user = self._customers.user(call.parameters["user_id"])
        if user is None:
            raise Refusal(404, "UserNotFound", "No such user")
        body = call.content()
        sent, event = checks.profile(body), checks.event(body)
        return self._keep(call, self._customers.recognise(sent, user), event)

    def read_events_by_query(self, call: Call) -> Answer:
        """`GET /api/v2/user_profiles/events?identifier=`."""
        return self._page(call, [self._queried(call)])

    def read_events_of_profile(self, call: Call) -> Answer:
        """`GET /api/v2/user_profiles/{profile_id}/events`."""
        return self._page(call, [self._profile(call)["id"]])

    def read_events_of_user(self, call: Call) -> Answer:
        """`GET /api/v2/users/{user_id}/events`."""
        user = self._customers.user(call.parameters["user_id"])
        if user is None:
            raise Refusal(400, "InvalidUserId", "user_id names no user")
        return self._page(call, [profile["id"] for profile in self._customers.profiles_of(user)])

    def read_profile_by_query(self, call: Call) -> Answer:
        """`GET /api/v2/user_profiles?identifier=`."""
        return self._show(self._queried(call))

    def read_profile(self, call: Call) -> Answer:
        """`GET /api/v2/user_profiles/{profile_id}`."""
        return Answer.of_json({"profile": self._profile(call)})

    def read_profiles_of_user(self, call: Call) -> Answer:
        """`GET /api/v2/users/{user_id}/profiles`."""
        user = self._customers.user(call.parameters["user_id"])
        if user is None:
            raise Refusal(404, "UserNotFound", "No such user")
        return Answer.of_json({"profiles": self._customers.profiles_of(user)})

    def put_profile(self, call: Call) -> Answer:
        """`PUT /api/v2/user_profiles?identifier=`."""
        query = checks.identifier_query(call.query.get("identifier"))
        sent = checks.profile(call.content())
        if (sent.source, sent.type) != (query.source, query.type):
            raise Refusal(400, "InvalidProfile", "profile.source and type must be those of the query")
        profile_id, is_new = self._customers.put(sent, query)
        return self._show(profile_id, 201 if is_new else 200)

    def patch_profile_by_query(self, call: Call) -> Answer:
        """`PATCH /api/v2/user_profiles?identifier=`."""
        return self._patch(call, self._queried(call))

    def patch_profile(self, call: Call) -> Answer:
        """`PATCH /api/v2/user_profiles/{profile_id}`."""
        return self._patch(call, self._profile(call)["id"])

    def delete_profile(self, call: Call) -> Answer:
        """`DELETE /api/v2/user_profiles/{profile_id}`: its events go with it."""
        if not self._customers.delete(call.parameters["profile_id"]):
            raise _no_profile()
        return Answer(204)

    def _profile(self, call: Call) -> dict[str, Any]:
        profile = self._customers.profile(call.parameters["profile_id"])
        if profile is None:
            raise _no_profile()
        return profile

    def _queried(self, call: Call) -> str:
        profile_id = self._customers.find(checks.identifier_query(call.query.get("identifier")))
        if profile_id is None:
            raise _no_profile()
        return profile_id

    def _show(self, profile_id: str, status: int = 200) -> Answer:
        return Answer.of_json({"profile": self._customers.profile(profile_id)}, status)

    def _patch(self, call: Call, profile_id: str) -> Answer:
        profile = self._customers.profile(profile_id) or {}
        sent = checks.profile_change(call.content(), profile["source"], profile["type"])
        self._customers.merge(profile_id, sent)
        return self._show(profile_id)

    def _keep(self, call: Call, profile_id: str, event: checks.Event) -> Answer:
        check_room(self._store, "events", event.source, event.type)
        now = wall_clock()
        created_at = event.created_at or now
        moment = checks.instant(created_at)
        self._store.run(
            "INSERT INTO events (id, profile_id, request, source, type, description, properties, created_at,"
            " received_at, moment, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(new_id(), profile_id, call.number, event.source, event.type, event.description),
            *(json.dumps(event.properties, ensure_ascii=False), wall_clock(moment), now),
            *(moment.timestamp() if moment else 0.0, call.arrived),
        )
        self._store.run("UPDATE requests SET profile_id = ? WHERE number = ?", profile_id, call.number)
        user_id = str(self._customers.user_of(profile_id))
        return Answer.of_json({"profile_id": profile_id, "status": "received", "user_id": user_id}, 202)

    def _page(self, call: Call, profile_ids: list[str]) -> Answer:
        size = _number(call.query.get("page[size]"), self._habits.page_size, self._habits.page_size)
        after = _cursor(call.query.get("page[after]"))
        where, values = _filters(call.query)
        order, beyond = ("DESC", "<") if self._habits.newest_first else ("ASC", ">")
        if after is not None:
            where.append(f"(moment, number) {beyond} (?, ?)")
            values += after
        where.append(f"profile_id IN ({', '.join('?' * len(profile_ids))})")
        values += profile_ids
        if self._habits.read_delay:
            where.append("received <= ?")
            values.append(call.arrived - self._habits.read_delay)
        sql = f"SELECT * FROM events WHERE {' AND '.join(where)} ORDER BY moment {order}, number {order} LIMIT ?"  # noqa: S608
        rows = self._store.rows(sql, *values, size + 1)
        cursor = f"{rows[size - 1]['moment']!r}:{rows[size - 1]['number']}" if len(rows) > size else ""
        link = f"{call.base_url}{call.path}?{urlencode({**call.query, 'page[after]': cursor})}" if cursor else ""
        page: dict[str, Any] = {"events": [_shown(row) for row in rows[:size]], "links": [{"next": link}]}
        if self._habits.with_meta:
            page["meta"] = {"after_cursor": cursor, "has_more": bool(cursor)}
        return Answer.of_json(page)


def _shown(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of SQLite
    """Return an event as a read shows it."""
    names = ("id", "source", "type", "description", "created_at", "received_at")
    shown = {name: row[name] for name in names if row[name] is not None}
    return {**shown, "properties": json.loads(row["properties"])}


def _filters(query: dict[str, str]) -> tuple[list[str], list[Any]]:
    if "filter[type]" in query and "filter[source]" not in query:
        raise Refusal(400, "InvalidFilter", "filter[type] needs filter[source]")
    where: list[str] = []
    values: list[Any] = []
    for name in ("source", "type"):
        if f"filter[{name}]" in query:
            where.append(f"{name} = ?")
            values.append(query[f"filter[{name}]"])
    for name, relation in (("start_time", ">="), ("end_time", "<=")):
        if f"filter[{name}]" in query:
            where.append(f"moment {relation} ?")
            values.append(_time(query[f"filter[{name}]"], name))
    return where, values


def _time(text: str, name: str) -> float:
    moment = checks.instant(text)
    if moment is None:
        raise Refusal(400, "InvalidFilter", f"filter[{name}] must be an ISO-8601 date-time")
    return moment.timestamp()


def _number(text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST)) or int(text) < 1:
        raise Refusal(400, "InvalidPaginationParameter", f"page[size] must be a number from 1 to {MOST}")
    return min(int(text), most)


def _cursor(text: str | None) -> list[float] | None:
    if not text:
        return None
    moment, _, number = text.partition(":")
    with suppress(ValueError):
        after = [float(moment), int(number)]
        if all(abs(one) <= MOST for one in after):
            return after
    raise Refusal(400, "InvalidPaginationParameter", "page[after] is no cursor of ours")


def _no_profile() -> Refusal:
    return Refusal(404, "ProfileNotFound", "No such profile")
