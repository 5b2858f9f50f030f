"""What an agent sees: the list of customers, and one customer's timeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.templating import Jinja2Templates

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .customers import Customers
    from .store import Store

TEMPLATES = Path(__file__).with_name("templates")


class Timeline:
    """The pages for people."""

    def __init__(self, store: Store, customers: Customers) -> None:
        """Show what is in `store`."""
        self._store = store
        self._customers = customers
        self._templates = Jinja2Templates(directory=TEMPLATES)
        self._templates.env.tests["link"] = is_link
        self._templates.env.filters["moment"] = lambda text: text[:19].replace("T", " ")

    def routes(self) -> list[Route]:
        """Return the pages, with what each shows."""
        return [Route("/", self.customers), Route("/agent/users/{user_id:int}", self.customer)]

    async def customers(self, request: Request) -> Response:
        """Show the list of customers, with the number of their events and the time of the last."""
        rows = self._store.rows(
            "SELECT p.user_id, count(*) AS number, max(e.created_at) AS last FROM events e"
            " JOIN profiles p ON p.id = e.profile_id GROUP BY p.user_id"
        )
        counts = {str(row["user_id"]): row for row in rows}
        users = [(user, counts.get(user.id)) for user in self._customers.everyone()]
        requests = self._store.value("SELECT count(*) FROM requests")
        events = sum(row["number"] for row in rows)
        return self._templates.TemplateResponse(
            request, "customers.html", {"users": users, "requests": requests, "events": events}
        )

    async def customer(self, request: Request) -> Response:
        """One customer's timeline, newest first."""
        user_id = request.path_params["user_id"]
        if user_id >= 2**63 or not self._store.value("SELECT 1 FROM users WHERE id = ?", user_id):
            raise HTTPException(404)
        rows = self._store.rows(
            "SELECT e.* FROM events e JOIN profiles p ON p.id = e.profile_id WHERE p.user_id = ?"
            " ORDER BY e.moment DESC, e.number DESC",
            user_id,
        )
        events = [{**dict(row), "properties": json.loads(row["properties"])} for row in rows]
        context = {"user": self._customers.shown(user_id), "events": events}
        return self._templates.TemplateResponse(request, "customer.html", context)


def is_link(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether Zendesk shows a nested object as a link: it has a display name and an address of the web."""
    if not isinstance(value, dict) or not isinstance(value.get("url"), str):
        return False
    return isinstance(value.get("display_name"), str) and value["url"].startswith(("https://", "http://"))
