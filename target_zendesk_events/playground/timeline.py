"""What an agent sees: the list of customers, and one customer's timeline."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route

from .words import when

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Row

    from starlette.requests import Request
    from starlette.responses import Response

    from .belongings import Belongings
    from .customers import Customers
    from .pages import Pages
    from .store import Store

PER_PAGE = 100
OF_USER = "FROM events e JOIN profiles p ON p.id = e.profile_id WHERE p.user_id = u.id"
FOUND = (
    "WITH sought (text) AS (VALUES (?))"  # noqa: S608 - put together of constants
    f" SELECT u.id, (SELECT count(*) {OF_USER}) AS number,"
    f" (SELECT e.created_at {OF_USER} ORDER BY e.moment DESC, e.number DESC LIMIT 1) AS last, count(*) OVER () AS found"
    " FROM users u, sought WHERE text = '' OR CAST(u.id AS TEXT) = text OR instr(folded(u.name), text)"
    " OR EXISTS (SELECT 1 FROM profiles p WHERE p.user_id = u.id AND instr(folded(p.name), text))"
    " OR EXISTS (SELECT 1 FROM profiles p JOIN identifiers i ON i.profile_id = p.id"
    " WHERE p.user_id = u.id AND instr(folded(i.value), text))"
    " OR EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id AND instr(folded(i.value), text))"
    " ORDER BY last DESC, u.id LIMIT ? OFFSET ?"
)
"""Customers whose name or identifier holds a text, or whose id it is: those of the newest events first."""
EVENTS = (
    "SELECT e.*, n.note, count(*) OVER () AS found FROM events e JOIN profiles p ON p.id = e.profile_id"
    " LEFT JOIN notes n ON n.request = e.request WHERE p.user_id = ?"
    " ORDER BY e.moment DESC, e.number DESC LIMIT ? OFFSET ?"
)


class Timeline:
    """The pages for people."""

    def __init__(self, store: Store, customers: Customers, belongings: Belongings, pages: Pages) -> None:
        """Show what is in `store`."""
        self._belongings = belongings
        self._store = store
        self._customers = customers
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the pages, with what each shows."""
        return [Route("/", self.customers), Route("/agent/users/{user_id:int}", self.customer)]

    async def customers(self, request: Request) -> Response:
        """Show the customers, or those that were searched for, with the number of their events and the last."""
        if self._pages.has(request):
            return self._pages.unchanged(request)
        sought, page = request.query_params.get("q", "").strip(), _page(request)
        rows = self._store.rows(FOUND, sought.casefold(), PER_PAGE, (page - 1) * PER_PAGE)
        context = {
            "users": [(self._customers.shown(row["id"]), row) for row in rows],
            "sought": sought,
            "customers": self._store.value("SELECT count(*) FROM users"),
            "events": self._store.value("SELECT count(*) FROM events"),
            **_around(page, rows),
        }
        return self._pages.filled(request, "customers.html", context)

    async def customer(self, request: Request) -> Response:
        """Show one customer's timeline, newest first, day by day."""
        user_id = request.path_params["user_id"]
        if user_id >= 2**63 or not self._store.value("SELECT 1 FROM users WHERE id = ?", user_id):
            raise HTTPException(404)
        if self._pages.has(request):
            return self._pages.unchanged(request)
        page = _page(request)
        rows = self._store.rows(EVENTS, user_id, PER_PAGE, (page - 1) * PER_PAGE)
        user, beside = self._customers.shown(user_id), self._belongings.of(user_id)
        context = {"user": user, "days": _by_day(rows), **beside, **_around(page, rows)}
        return self._pages.filled(request, "customer.html", context)


def _by_day(rows: Iterable[Row]) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Return events by their days, both in the order of `rows`."""
    events = [{**dict(row), "properties": json.loads(row["properties"]), "at": when(row["created_at"])} for row in rows]
    return [(day, list(group)) for day, group in itertools.groupby(events, lambda event: event["at"].day)]


def _page(request: Request) -> int:
    """Return which page of many is asked for."""
    text = request.query_params.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1  # noqa: PLR2004 - digits


def _around(page: int, rows: list[Row]) -> dict[str, int]:
    """Return how many there are in all, and which pages come before and after; 0 for none."""
    found = rows[0]["found"] if rows else 0
    return {"found": found, "previous": page - 1, "next": page + 1 if page * PER_PAGE < found else 0}
