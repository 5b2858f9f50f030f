"""What Zendesk does with a request about tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .idempotency import HEADER
from .refusals import Answer
from .routing import Route, pattern, without_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call
    from .idempotency import IdempotencyKeys
    from .ticket_limits import TicketLimits
    from .tickets import Tickets

PAGE = 100


class TicketDesk:
    """Serves tickets."""

    def __init__(self, tickets: Tickets, keys: IdempotencyKeys, limits: TicketLimits) -> None:
        """Work on `tickets`, each made once for each of `keys`, within `limits`."""
        self._tickets = tickets
        self._keys = keys
        self._limits = limits

    def routes(self) -> list[Route]:
        """Every verb and path."""
        tickets, ticket = "/api/v2/tickets", "/api/v2/tickets/{id}"
        rows: list[tuple[str, str, Callable[[Call], Answer]]] = [
            ("POST", tickets, self.create),
            ("GET", tickets, self.list),
            ("GET", ticket, self.show),
            ("GET", ticket + "/comments", self.comments),
            ("PUT", ticket, self.update),
            ("DELETE", ticket, self.delete),
        ]
        return [
            Route(
                method,
                pattern(path),
                without_token(serve),
                kind="tickets",
                scope="tickets:read" if method == "GET" else "tickets:write",
                bucket="support",
            )
            for method, path, serve in rows
        ]

    def create(self, call: Call) -> Answer:
        """`POST /api/v2/tickets`: once for each Idempotency-Key."""
        sent = call.part("ticket")
        return self._keys.once(call.headers.get(HEADER), call.body, lambda: self._create(call, sent))

    def list(self, call: Call) -> Answer:
        """`GET /api/v2/tickets`, all or those of an `external_id`, which several may have."""
        page = max(1, call.number_of("page", 1, 10_000))
        tickets, count = self._tickets.all(call.query.get("external_id"), page, PAGE)
        query = urlencode({**call.query, "page": page + 1})
        following = f"{call.base_url}{call.path}?{query}" if count > page * PAGE else None
        shown = [_with_url(call, one) for one in tickets]
        return Answer.of_json({"tickets": shown, "count": count, "next_page": following, "previous_page": None})

    def show(self, call: Call) -> Answer:
        """`GET /api/v2/tickets/{id}`."""
        row = self._tickets.find(call.parameters["id"])
        return Answer.of_json({"ticket": _with_url(call, self._tickets.shown(row))})

    def comments(self, call: Call) -> Answer:
        """`GET /api/v2/tickets/{id}/comments`."""
        comments = self._tickets.comments(self._tickets.find(call.parameters["id"])["id"])
        return Answer.of_json({"comments": comments, "count": len(comments)})

    def update(self, call: Call) -> Answer:
        """`PUT /api/v2/tickets/{id}`: what is given replaces, a comment is added."""
        row = self._tickets.find(call.parameters["id"])
        headers = self._limits.update(row["id"], call.arrived)
        sent = call.part("ticket")
        self._tickets.update(row, sent)
        return self._audited(call, row["id"], 200, headers, commented="comment" in sent)

    def delete(self, call: Call) -> Answer:
        """`DELETE /api/v2/tickets/{id}`."""
        headers = self._limits.delete(call.arrived)
        self._tickets.delete(call.parameters["id"])
        return Answer(204, b"", headers)

    def _create(self, call: Call, sent: dict[str, Any]) -> Answer:
        ticket_id = self._tickets.create(sent)
        location = f"{call.base_url}/api/v2/tickets/{ticket_id}.json"
        return self._audited(call, ticket_id, 201, {"location": location}, commented=True)

    def _audited(self, call: Call, ticket_id: int, status: int, headers: dict[str, str], *, commented: bool) -> Answer:
        row = self._tickets.find(str(ticket_id))
        events = self._tickets.comments(ticket_id)[-1:] if commented else []
        audit = {"ticket_id": ticket_id, "created_at": row["updated_at"], "events": events}
        return Answer.of_json({"ticket": _with_url(call, self._tickets.shown(row)), "audit": audit}, status, headers)


def _with_url(call: Call, ticket: dict[str, Any]) -> dict[str, Any]:
    return {**ticket, "url": f"{call.base_url}/api/v2/tickets/{ticket['id']}.json"}
