"""Tickets: made once, changed, commented on and deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .checks import instant
from .refusals import RecordInvalid, Refusal, no_record
from .store import wall_clock
from .ticket_checks import KEPT, Requester, faults_of, requester_of

if TYPE_CHECKING:
    from sqlite3 import Row

    from .customers import Customers
    from .store import Store

AGENT = 1
"""The user who makes a ticket in which nobody is said to ask."""
FRESH: dict[str, Any] = {"status": "new", "tags": [], "custom_fields": []}
LONGEST_ID = 15


class Tickets:
    """Every ticket of the account."""

    def __init__(self, store: Store, customers: Customers) -> None:
        """Keep tickets in `store`; who asks is one of `customers`, or becomes one."""
        self._store = store
        self._customers = customers

    def find(self, ticket_id: str) -> Row:
        """Return the ticket of that id; refuses where there is none, or none any more."""
        row = None
        if ticket_id.isascii() and ticket_id.isdigit() and len(ticket_id) <= LONGEST_ID:
            row = self._store.row("SELECT * FROM tickets WHERE id = ? AND NOT deleted", int(ticket_id))
        if row is None:
            raise no_record()
        return row

    def all(self, external_id: str | None, page: int, size: int) -> tuple[list[dict[str, Any]], int]:
        """Return one page of the tickets, or of those with `external_id`, oldest first, and how many there are."""
        where, values = (
            ("NOT deleted", []) if external_id is None else ("NOT deleted AND external_id = ?", [external_id])
        )
        sql = f"SELECT *, count(*) OVER () AS found FROM tickets WHERE {where} ORDER BY id LIMIT ? OFFSET ?"  # noqa: S608
        rows = self._store.rows(sql, *values, size, (page - 1) * size)
        return [self.shown(row) for row in rows], rows[0]["found"] if rows else 0

    def comments(self, ticket_id: int) -> list[dict[str, Any]]:
        """Every comment of a ticket, oldest first."""
        rows = self._store.rows("SELECT * FROM comments WHERE ticket = ? ORDER BY number", ticket_id)
        names = ("author_id", "body", "created_at")
        return [
            {"id": row["number"], "type": "Comment", **{one: row[one] for one in names}, "public": bool(row["public"])}
            for row in rows
        ]

    def create(self, sent: dict[str, Any]) -> int:
        """Make a ticket; returns its id."""
        _check(faults_of(sent, self._knows, is_new=True))
        requester, now = self._user(requester_of(sent)) or AGENT, wall_clock()
        content = {**FRESH, **{name: sent[name] for name in KEPT if sent.get(name) is not None}}
        ticket_id = self._store.run(
            "INSERT INTO tickets (external_id, requester_id, content, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
            *(sent.get("external_id"), requester, json.dumps(content), now, now),
        )
        self._comment(ticket_id, sent["comment"], now)
        return ticket_id

    def update(self, row: Row, sent: dict[str, Any]) -> None:
        """Change what is given of a ticket, and add its comment; refuses what came after another's change."""
        content = json.loads(row["content"])
        _check(faults_of(sent, self._knows, is_new=False))
        _check_stamp(sent, row["updated_at"])
        if content["status"] == "closed":
            raise RecordInvalid({"status": "Status: closed prevents ticket update"})
        content |= {name: sent[name] for name in KEPT if name in sent}
        content = {**FRESH, **{name: value for name, value in content.items() if value is not None}}
        requester, now = self._user(requester_of(sent)) or row["requester_id"], wall_clock()
        self._store.run(
            "UPDATE tickets SET external_id = ?, requester_id = ?, content = ?, updated_at = ? WHERE id = ?",
            *(sent.get("external_id", row["external_id"]), requester, json.dumps(content), now, row["id"]),
        )
        if "comment" in sent:
            self._comment(row["id"], sent["comment"], now)

    def delete(self, ticket_id: str) -> None:
        """Take a ticket away; refuses where there is none."""
        self._store.run("UPDATE tickets SET deleted = 1 WHERE id = ?", self.find(ticket_id)["id"])

    def shown(self, row: Row) -> dict[str, Any]:
        """Return a ticket as Zendesk shows it."""
        content = json.loads(row["content"])
        first = self._store.value("SELECT body FROM comments WHERE ticket = ? ORDER BY number LIMIT 1", row["id"])
        own = {name: row[name] for name in ("id", "external_id", "requester_id", "created_at", "updated_at")}
        return {**dict.fromkeys(KEPT), "submitter_id": AGENT, **content, **own, "description": first}

    def _knows(self, user_id: str) -> bool:
        return user_id == str(AGENT) or self._customers.knows(user_id)

    def _user(self, who: Requester | None) -> int | None:
        """Return who asks; a new user is made where nobody has that address, and needs a name."""
        if who is None or who.email is None:
            return who.user_id if who else None
        known = self._customers.of_address(who.email)
        if known is None and who.name is None:
            raise RecordInvalid({"requester": "Requester: Name: is too short (minimum one character)"})
        return known or self._customers.admit(who.email, str(who.name))

    def _comment(self, ticket_id: int, sent: dict[str, Any], now: str) -> None:
        body, public = sent.get("html_body", sent.get("body")), sent.get("public", True)
        sql = "INSERT INTO comments (ticket, author_id, body, public, created_at) VALUES (?, ?, ?, ?, ?)"
        self._store.run(sql, ticket_id, sent.get("author_id") or AGENT, body, public, now)


def _check(faults: dict[str, str]) -> None:
    if faults:
        raise RecordInvalid(faults)


def _check_stamp(sent: dict[str, Any], updated_at: str) -> None:
    """Refuse a safe update of a ticket that was changed since the stamp."""
    if not sent.get("safe_update"):
        return
    stamp = sent.get("updated_stamp")
    moment = instant(stamp) if isinstance(stamp, str) else None
    if moment is None:
        raise RecordInvalid({"updated_stamp": "Updated stamp: is required for a safe update, and must be a date-time"})
    if moment != instant(updated_at):
        raise Refusal(409, "UpdateConflict", "Safe update prevented the update: the ticket has changed", "error_text")
