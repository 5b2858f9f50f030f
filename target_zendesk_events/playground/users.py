"""What Zendesk tells of users: who is known by which id, and who is found by a search."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .customers import LONGEST_USER_ID
from .refusals import Answer, bad_request
from .routing import Route, pattern, without_token
from .store import wall_clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .call import Call
    from .customers import Customers
    from .store import Store

PAGE = 100
ONTO = {"email": "email", "external_id": "external_id", "phone_number": "phone"}
"""What is written onto a user, by the identifier that brings it."""


class UserDesk:
    """Serves users; new ones are found by a search `search_delay` seconds after they were made."""

    def __init__(self, store: Store, customers: Customers, search_delay: float = 0.0) -> None:
        """Tell of the users in `store`."""
        self._store = store
        self._customers = customers
        self._search_delay = search_delay

    def routes(self) -> list[Route]:
        """Every verb and path."""
        rows = [("/api/v2/users/show_many", self.show_many), ("/api/v2/users/search", self.search)]
        return [
            Route("GET", pattern(path), without_token(serve), "users", "users:read", "support") for path, serve in rows
        ]

    def show_many(self, call: Call) -> Answer:
        """`GET /api/v2/users/show_many?external_ids=` or `?ids=`: who is not known is missing."""
        given = [name for name in ("ids", "external_ids") if call.query.get(name)]
        if len(given) != 1:
            raise bad_request("Give ids or external_ids, and never both")
        asked = call.list_of(given[0])
        if given == ["ids"]:
            if not all(one.isascii() and one.isdigit() for one in asked):
                raise bad_request("ids must be numbers")
            found = [int(one) for one in asked if len(one) <= LONGEST_USER_ID and self._customers.knows(one)]
        else:
            found = [user for one in asked for user in self._holders("external_id", one)]
        return self._answer(dict.fromkeys(found))

    def search(self, call: Call) -> Answer:
        """`GET /api/v2/users/search?query=` or `?external_id=`."""
        query, external_id = call.query.get("query"), call.query.get("external_id")
        if bool(query) == bool(external_id):
            raise bad_request("Give query or external_id, and never both")
        kind, _, value = (query or f"external_id:{external_id}").partition(":")
        found = self._holders(kind, value.strip('"')) if kind in ONTO else self._named((query or "").strip('"'))
        shown = [user for user in dict.fromkeys(found) if self._is_indexed(user)]
        page = max(1, call.number_of("page", 1, 100))
        return self._answer(shown[(page - 1) * PAGE : page * PAGE], len(shown))

    def _answer(self, users: Iterable[int], count: int | None = None) -> Answer:
        shown = [self._shown(user) for user in users]
        pages = {"next_page": None, "previous_page": None, "count": len(shown) if count is None else count}
        return Answer.of_json({"users": shown, **pages})

    def _holders(self, kind: str, value: str) -> list[int]:
        """Return the users with an identity; Zendesk compares without case."""
        sql = (  # the planner itself would read every identity of the type
            "SELECT user_id FROM identities INDEXED BY identities_without_case"
            " WHERE type = ? AND value = ? COLLATE NOCASE ORDER BY user_id"
        )
        return [row["user_id"] for row in self._store.rows(sql, kind, value)]

    def _named(self, text: str) -> list[int]:
        sql = (
            "SELECT id FROM users WHERE instr(folded(name), ?)"
            " UNION SELECT user_id FROM identities WHERE instr(folded(value), ?) ORDER BY 1"
        )
        return [row[0] for row in self._store.rows(sql, text.casefold(), text.casefold())]

    def _is_indexed(self, user: int) -> bool:
        latest = wall_clock(datetime.fromtimestamp(time.time() - self._search_delay, timezone.utc))
        return bool(self._store.value("SELECT 1 FROM users WHERE id = ? AND created_at <= ?", user, latest))

    def _shown(self, user_id: int) -> dict[str, Any]:
        """Return a user as Support's API shows it: of several addresses the first."""
        row = self._store.row("SELECT * FROM users WHERE id = ?", user_id)
        user = self._customers.shown(user_id)
        onto = dict.fromkeys(ONTO.values())
        for one in reversed(user.identities):
            if one["type"] in ONTO:
                onto[ONTO[one["type"]]] = one["value"]
        made = row["created_at"] if row else None
        return {
            "id": user_id,
            "name": user.name,
            **onto,
            "role": "end-user",
            "active": True,
            "created_at": made,
            "updated_at": made,
        }
