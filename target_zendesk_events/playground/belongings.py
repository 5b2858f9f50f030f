"""What stands beside a customer's timeline: records of custom objects that refer to the customer, and its tickets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .words import When, when

if TYPE_CHECKING:
    from sqlite3 import Row

    from .custom_objects import CustomObject, CustomObjects
    from .store import Store

MOST = 50
RECORDS = (
    "SELECT r.*, o.title, l.field AS by, count(*) OVER () AS found FROM record_links l"
    " JOIN records r ON r.id = l.record JOIN objects o ON o.key = r.object"
    " WHERE l.target = 'zen:user' AND l.target_id = ?"
    " GROUP BY r.id ORDER BY r.updated_at DESC, r.number DESC LIMIT ?"
)
TICKETS = (
    "SELECT t.*, (SELECT count(*) FROM comments c WHERE c.ticket = t.id) AS comments, count(*) OVER () AS found"
    " FROM tickets t WHERE t.requester_id = ? AND NOT t.deleted ORDER BY t.updated_at DESC, t.id DESC LIMIT ?"
)


@dataclass(frozen=True)
class Shown:
    """A record or a ticket as the page shows it: a heading, what it is, its fields by their titles, its last change."""

    id: str
    title: str
    kind: str
    fields: list[tuple[str, Any]]
    at: When


class Belongings:
    """What belongs to customers."""

    def __init__(self, store: Store, objects: CustomObjects) -> None:
        """Look in `store`, at records of `objects`."""
        self._store = store
        self._objects = objects

    def of(self, user_id: int) -> dict[str, Any]:
        """Return a customer's records and tickets, those that changed last first, and how many there are of each."""
        records = self._store.rows(RECORDS, str(user_id), MOST)
        tickets = self._store.rows(TICKETS, user_id, MOST)
        kinds = {key: self._objects.find(key) for key in {row["object"] for row in records}}
        return {
            "records": [_record(row, kinds[row["object"]]) for row in records],
            "records_found": records[0]["found"] if records else 0,
            "tickets": [_ticket(row) for row in tickets],
            "tickets_found": tickets[0]["found"] if tickets else 0,
        }


def _record(row: Row, kind: CustomObject) -> Shown:
    held = json.loads(row["fields"])
    fields = [(field.title, held[key]) for key, field in kind.fields.items() if key in held and key != row["by"]]
    own = [("External id", row["external_id"])] if row["external_id"] is not None and row["name"] is not None else []
    name = row["name"] if row["name"] is not None else row["external_id"]
    return Shown(row["id"], name or row["id"], row["title"], [*own, *fields], when(row["updated_at"]))


def _ticket(row: Row) -> Shown:
    content = json.loads(row["content"])
    names = ("priority", "type", "tags", "custom_fields")
    fields = [(name.capitalize().replace("_", " "), content[name]) for name in names if content.get(name)]
    own = [("External id", row["external_id"])] if row["external_id"] is not None else []
    title = content.get("subject") or f"Ticket {row['id']}"
    return Shown(str(row["id"]), title, content["status"], [*own, *fields, *_comments(row)], when(row["updated_at"]))


def _comments(row: Row) -> list[tuple[str, Any]]:
    return [("Comments", row["comments"])] if row["comments"] > 1 else []
