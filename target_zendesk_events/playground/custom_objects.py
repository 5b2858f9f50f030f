"""Which custom objects the account has, their fields, and how their records are named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .field_types import KEY, ObjectField, field_from, restored, stored
from .refusals import RecordInvalid, no_record
from .store import wall_clock

if TYPE_CHECKING:
    from .store import Store

MOST_FIELDS = 100
MOST_OBJECTS = {"team": 3, "growth": 5, "professional": 30, "enterprise": 50, "enterprise_plus": 50}
STANDARD_NAME = "standard::name"


@dataclass(frozen=True)
class Naming:
    """How an object's records are named: each name once, or by a number that Zendesk counts up."""

    is_unique: bool = False
    autonumbering_enabled: bool = False
    autonumbering_prefix: str = ""
    autonumbering_padding: int = 0
    autonumbering_next_sequence: int = 1

    @property
    def next_name(self) -> str:
        """The name that the next record gets."""
        return f"{self.autonumbering_prefix}{self.autonumbering_next_sequence:0{self.autonumbering_padding}}"


@dataclass(frozen=True)
class CustomObject:
    """A custom object, as its records need it."""

    key: str
    fields: dict[str, ObjectField]
    naming: Naming


class CustomObjects:
    """Every custom object of the account."""

    def __init__(self, store: Store, plan: str | None = None) -> None:
        """Allow as many as the plan does; without one, as many as the greatest."""
        self._store = store
        self.most = MOST_OBJECTS[plan or "enterprise_plus"]

    def all(self) -> list[dict[str, Any]]:
        """Every object, oldest first, as Zendesk shows it."""
        return [_shown(dict(row)) for row in self._store.rows("SELECT * FROM objects ORDER BY number")]

    def shown(self, key: str) -> dict[str, Any]:
        """Return an object as Zendesk shows it; refuses a key that none has."""
        row = self._store.row("SELECT * FROM objects WHERE key = ?", key)
        if row is None:
            raise no_record()
        return _shown(dict(row))

    def find(self, key: str) -> CustomObject:
        """Return the object of that key; refuses a key that none has."""
        naming = self._store.value("SELECT naming FROM objects WHERE key = ?", key)
        if naming is None:
            raise no_record()
        return CustomObject(key, {one.key: one for one in self.fields(key)}, Naming(**json.loads(naming)))

    def fields(self, key: str) -> list[ObjectField]:
        """Every field of an object, oldest first."""
        rows = self._store.rows("SELECT definition FROM object_fields WHERE object = ? ORDER BY number", key)
        return [restored(row["definition"]) for row in rows]

    def create(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Make an object; refuses one whose key is taken, or one too many."""
        faults = {
            name: f"{name.capitalize().replace('_', ' ')}: cannot be blank"
            for name in ("key", "title", "title_pluralized")
            if not isinstance(sent.get(name), str) or not sent[name].strip()
        }
        if "key" not in faults and not KEY.fullmatch(sent["key"]):
            faults["key"] = "Key: must be letters, digits, underscores and hyphens"
        elif "key" not in faults and self._store.value("SELECT 1 FROM objects WHERE key = ?", sent["key"]):
            faults["key"] = "Key: has already been taken"
        if not faults and self._store.value("SELECT count(*) FROM objects") >= self.most:
            faults["base"] = f"The account has at most {self.most} custom objects"
        if faults:
            raise RecordInvalid(faults)
        now = wall_clock()
        self._store.run(
            "INSERT INTO objects (key, title, title_pluralized, description, naming, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(sent["key"], sent["title"], sent["title_pluralized"], str(sent.get("description") or "")),
            *(json.dumps(Naming().__dict__), now, now),
        )
        return self.shown(sent["key"])

    def add_field(self, key: str, sent: dict[str, Any]) -> ObjectField:
        """Give an object one more field; refuses one that is none, is there already, or is one too many."""
        known = self.find(key).fields
        field = field_from(sent, lambda target: bool(self._store.value("SELECT 1 FROM objects WHERE key = ?", target)))
        if field.key in known:
            raise RecordInvalid({"key": "Key: has already been taken"})
        if len(known) >= MOST_FIELDS:
            raise RecordInvalid({"base": f"An object has at most {MOST_FIELDS} fields"})
        sql = "INSERT INTO object_fields (object, key, definition, created_at) VALUES (?, ?, ?, ?)"
        self._store.run(sql, key, field.key, stored(field), wall_clock())
        return field

    def name_by(self, key: str, properties: dict[str, Any]) -> Naming:
        """Change how an object's records are named."""
        before = self.find(key).naming.__dict__
        faults = {
            name: f"{name}: is unknown or of the wrong kind"
            for name, value in properties.items()
            if name not in before or type(value) is not type(before[name])
        }
        if faults:
            raise RecordInvalid(faults)
        naming = Naming(**{**before, **properties})
        self.keep_naming(key, naming)
        return naming

    def keep_naming(self, key: str, naming: Naming) -> None:
        """Keep how an object's records are named from now on."""
        self._store.run("UPDATE objects SET naming = ? WHERE key = ?", json.dumps(naming.__dict__), key)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    names = ("key", "title", "title_pluralized", "description", "created_at", "updated_at")
    titles = {"raw_title": row["title"], "raw_title_pluralized": row["title_pluralized"]}
    return {**{name: row[name] for name in names}, **titles, "raw_description": row["description"]}
