"""The records of custom objects: checked, kept, changed and taken away, one at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .customers import new_id
from .field_types import OBJECT
from .refusals import RecordInvalid, no_record
from .store import wall_clock

if TYPE_CHECKING:
    from sqlite3 import Row

    from .custom_objects import CustomObject, CustomObjects
    from .customers import Customers
    from .store import Store

LARGEST = 32 * 1024
LONGEST_NAME = LONGEST_EXTERNAL_ID = 255
SENT = ("name", "external_id", "custom_object_fields")


class ObjectRecords:
    """Every record of every custom object."""

    def __init__(self, store: Store, objects: CustomObjects, customers: Customers) -> None:
        """Keep records of `objects` in `store`; they may refer to `customers`."""
        self._store = store
        self._objects = objects
        self._customers = customers

    def find(self, kind: CustomObject, column: str, value: str) -> str | None:
        """Return the id of the record whose `column` (id, external_id or name) holds `value`, if there is one."""
        sql = f"SELECT id FROM records WHERE object = ? AND {column} = ?"  # noqa: S608 - the names are ours
        found = self._store.value(sql, kind.key, value)
        return str(found) if found else None

    def shown(self, kind: CustomObject, record_id: str) -> dict[str, Any]:
        """Return a record as Zendesk shows it; refuses an id that none has."""
        row = self._store.row("SELECT * FROM records WHERE id = ? AND object = ?", record_id, kind.key)
        if row is None:
            raise no_record()
        return shown(kind, row)

    def page(self, kind: CustomObject, external_ids: list[str] | None, after: int, size: int) -> list[Row]:
        """Return the records, or those of `external_ids`, beyond the one numbered `after`, one more than `size`."""
        where, values = "object = ? AND number > ?", [kind.key, after]
        if external_ids is not None:
            where += f" AND external_id IN ({', '.join('?' * len(external_ids))})"
            values += external_ids
        sql = f"SELECT * FROM records WHERE {where} ORDER BY number LIMIT ?"  # noqa: S608 - the names are ours
        return self._store.rows(sql, *values, size + 1)

    def everything(self) -> list[dict[str, Any]]:
        """Every record of every object, in the order of making."""
        kinds = {one["key"]: self._objects.find(one["key"]) for one in self._objects.all()}
        return [shown(kinds[row["object"]], row) for row in self._store.rows("SELECT * FROM records ORDER BY number")]

    def count(self, kind: CustomObject) -> int:
        """Return how many records an object has."""
        return int(self._store.value("SELECT count(*) FROM records WHERE object = ?", kind.key))

    def create(self, kind: CustomObject, sent: dict[str, Any]) -> str:
        """Make a record; returns its id. Refuses one that does not fit its object, or is there already."""
        name, external_id = sent.get("name"), sent.get("external_id")
        faults = self._faults(kind, sent, None)
        naming = self._objects.find(kind.key).naming if kind.naming.autonumbering_enabled else kind.naming
        if naming.autonumbering_enabled and not faults:
            name = naming.next_name
        fields = {key: value for key, value in _fields(sent).items() if value is not None}
        _check(faults or _size_fault(name, external_id, fields))
        if naming.autonumbering_enabled:
            following = naming.autonumbering_next_sequence + 1
            self._objects.keep_naming(kind.key, replace(naming, autonumbering_next_sequence=following))
        record_id, now = new_id(), wall_clock()
        self._store.run(
            "INSERT INTO records (id, object, external_id, name, fields, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(record_id, kind.key, external_id, name, json.dumps(fields, ensure_ascii=False), now, now),
        )
        self._link(kind, record_id, fields)
        return record_id

    def update(self, kind: CustomObject, record_id: str, sent: dict[str, Any]) -> str:
        """Change what is given of a record, and leave the rest; returns its id."""
        before = self._store.row("SELECT * FROM records WHERE id = ? AND object = ?", record_id, kind.key)
        if before is None:
            raise no_record()
        faults = self._faults(kind, sent, before)
        name, external_id = (sent.get(column, before[column]) for column in ("name", "external_id"))
        merged = {**json.loads(before["fields"]), **_fields(sent)}
        fields = {key: value for key, value in merged.items() if value is not None}
        _check(faults or _size_fault(name, external_id, fields))
        self._store.run(
            "UPDATE records SET external_id = ?, name = ?, fields = ?, updated_at = ? WHERE id = ?",
            *(external_id, name, json.dumps(fields, ensure_ascii=False), wall_clock(), record_id),
        )
        self._link(kind, record_id, fields)
        return record_id

    def create_or_update(
        self, kind: CustomObject, column: str, value: object, sent: dict[str, Any]
    ) -> tuple[str, bool]:
        """Change the record whose `column` holds `value`, or make it; returns its id and whether it is new."""
        if column == "name" and not kind.naming.is_unique:
            raise RecordInvalid({"name": "Name: is not unique in this object, and so finds no record"})
        if not isinstance(value, str) or not value:
            raise RecordInvalid({column: f"{_title(column)}: cannot be blank"})
        if sent.get(column, value) != value:
            raise RecordInvalid({column: f"{_title(column)}: is another one than that of the record"})
        found = self.find(kind, column, value)
        if found is None:
            return self.create(kind, {**sent, column: value}), True
        return self.update(kind, found, sent), False

    def delete(self, kind: CustomObject, column: str, value: object) -> str:
        """Take a record away; refuses where there is none. Returns the id that it had."""
        found = self.find(kind, column, value) if isinstance(value, str) else None
        if found is None:
            raise no_record()
        self._store.run("DELETE FROM record_links WHERE record = ?", found)
        self._store.run("DELETE FROM records WHERE id = ?", found)
        return found

    def _faults(self, kind: CustomObject, sent: dict[str, Any], before: Row | None) -> dict[str, str]:
        """Return what is wrong with a record that was sent, a sentence for each field."""
        faults = {name: f"{name}: is no part of a record" for name in sent if name not in SENT}
        fields = sent.get("custom_object_fields", {})
        if not isinstance(fields, dict):
            return {**faults, "custom_object_fields": "Custom object fields: must be an object"}
        for key, value in fields.items():
            field = kind.fields.get(key)
            fault = field.fault_of(value, self._exists) if field else f"{key}: the object has no such field"
            faults |= {key: fault} if fault else {}
        for column in ("name", "external_id"):
            if column in sent and (fault := self._text_fault(kind, column, sent[column], before)):
                faults[column] = fault
        if kind.naming.autonumbering_enabled and "name" in sent:
            faults["name"] = "Name: is numbered by Zendesk, and may not be sent"
        return faults

    def _text_fault(self, kind: CustomObject, column: str, value: object, before: Row | None) -> str | None:
        title = _title(column)
        if value is None and column == "external_id":
            return None
        if not isinstance(value, str) or not value.strip():
            return f"{title}: must be text, and not blank"
        if len(value) > LONGEST_NAME:
            return f"{title}: is longer than {LONGEST_NAME} characters"
        if (column == "external_id" or kind.naming.is_unique) and (before is None or value != before[column]):
            return f"{title}: has already been taken" if self.find(kind, column, value) else None
        return None

    def _exists(self, target: str, target_id: str) -> bool:
        """Whether what a lookup refers to is there; of organisations the playground has none."""
        if target == "zen:user":
            return self._customers.knows(target_id)
        if target == "zen:ticket":
            is_id = target_id.isascii() and target_id.isdigit() and len(target_id) < len(str(2**63))
            sql = "SELECT 1 FROM tickets WHERE id = ? AND NOT deleted"
            return is_id and bool(self._store.value(sql, int(target_id)))
        sql = "SELECT 1 FROM records WHERE id = ? AND object = ?"
        return bool(self._store.value(sql, target_id, target.removeprefix(OBJECT)))

    def _link(self, kind: CustomObject, record_id: str, fields: dict[str, Any]) -> None:
        """Note what a record refers to, so that it is found from there."""
        self._store.run("DELETE FROM record_links WHERE record = ?", record_id)
        for key, value in fields.items():
            target = kind.fields[key].target
            if target is not None:
                sql = "INSERT INTO record_links (record, field, target, target_id) VALUES (?, ?, ?, ?)"
                self._store.run(sql, record_id, key, target, value)


def shown(kind: CustomObject, row: Row) -> dict[str, Any]:
    """Return a record of the store as Zendesk shows it: every field, null where it holds nothing."""
    names = ("id", "name", "external_id", "created_at", "updated_at")
    held = json.loads(row["fields"])
    fields = {key: held.get(key) for key in kind.fields}
    return {**{name: row[name] for name in names}, "custom_object_key": kind.key, "custom_object_fields": fields}


def _fields(sent: dict[str, Any]) -> dict[str, Any]:
    fields = sent.get("custom_object_fields")
    return fields if isinstance(fields, dict) else {}


def _size_fault(name: object, external_id: object, fields: dict[str, Any]) -> dict[str, str]:
    content = {"name": name, "external_id": external_id, "custom_object_fields": fields}
    size = len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    return {"base": f"The record is larger than {LARGEST // 1024} KB"} if size > LARGEST else {}


def _check(faults: dict[str, str]) -> None:
    if faults:
        raise RecordInvalid(faults)


def _title(column: str) -> str:
    return column.capitalize().replace("_", " ")
