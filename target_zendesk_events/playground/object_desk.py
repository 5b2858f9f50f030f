"""What Zendesk does with a request about custom objects, their fields and their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .custom_objects import STANDARD_NAME
from .object_records import shown
from .refusals import Answer, bad_request, no_record
from .routing import Route, pattern, without_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call
    from .custom_objects import CustomObject, CustomObjects
    from .object_records import ObjectRecords

PAGE = 100


class ObjectDesk:
    """Serves custom objects and single records."""

    def __init__(self, objects: CustomObjects, records: ObjectRecords) -> None:
        """Work on `objects` and their `records`."""
        self._objects = objects
        self._records = records

    def routes(self) -> list[Route]:
        """Every verb and path; what an object is, only an admin may say."""
        objects = "/api/v2/custom_objects"
        records = objects + "/{key}/records"
        rows: list[tuple[str, str, Callable[[Call], Answer], bool]] = [
            ("GET", objects, self.list_objects, False),
            ("POST", objects, self.create_object, True),
            ("GET", objects + "/{key}", self.show_object, False),
            ("GET", objects + "/{key}/fields", self.list_fields, False),
            ("POST", objects + "/{key}/fields", self.create_field, True),
            ("PATCH", objects + "/{key}/fields/{field}", self.change_naming, True),
            ("GET", records, self.list_records, False),
            ("POST", records, self.create_record, False),
            ("PATCH", records, self.create_or_update_record, False),
            ("DELETE", records, self.delete_record, False),
            ("GET", records + "/{id}", self.show_record, False),
            ("PATCH", records + "/{id}", self.update_record, False),
            ("DELETE", records + "/{id}", self.delete_record_of_id, False),
        ]
        return [
            Route(
                method,
                pattern(path),
                without_token(serve),
                kind="objects",
                scope="read" if method == "GET" else "write",
                bucket="support",
                admin=admin,
            )
            for method, path, serve, admin in rows
        ]

    def list_objects(self, _call: Call) -> Answer:
        """`GET /api/v2/custom_objects`."""
        return Answer.of_json({"custom_objects": self._objects.all()})

    def create_object(self, call: Call) -> Answer:
        """`POST /api/v2/custom_objects`."""
        return Answer.of_json({"custom_object": self._objects.create(call.part("custom_object"))}, 201)

    def show_object(self, call: Call) -> Answer:
        """`GET /api/v2/custom_objects/{key}`."""
        return Answer.of_json({"custom_object": self._objects.shown(call.parameters["key"])})

    def list_fields(self, call: Call) -> Answer:
        """`GET /api/v2/custom_objects/{key}/fields`."""
        fields = self._kind(call).fields.values()
        return Answer.of_json({"custom_object_fields": [one.shown() for one in fields], "count": len(fields)})

    def create_field(self, call: Call) -> Answer:
        """`POST /api/v2/custom_objects/{key}/fields`."""
        field = self._objects.add_field(call.parameters["key"], call.part("custom_object_field"))
        return Answer.of_json({"custom_object_field": field.shown()}, 201)

    def change_naming(self, call: Call) -> Answer:
        """`PATCH /api/v2/custom_objects/{key}/fields/standard::name`: of the others none can be changed here."""
        key = self._kind(call).key
        if call.parameters["field"] != STANDARD_NAME:
            raise no_record()
        properties = call.part("custom_object_field").get("properties")
        if not isinstance(properties, dict):
            raise bad_request("properties must be an object")
        naming = self._objects.name_by(key, properties)
        return Answer.of_json({"custom_object_field": {"key": STANDARD_NAME, "properties": naming.__dict__}})

    def list_records(self, call: Call) -> Answer:
        """`GET /api/v2/custom_objects/{key}/records`, all or those of `filter[external_ids]`."""
        kind, after, asked = self._kind(call), call.query.get("page[after]"), "filter[external_ids]"
        external_ids = call.list_of(asked) if asked in call.query else None
        size = max(1, call.number_of("page[size]", PAGE, PAGE))
        rows = self._records.page(kind, external_ids, call.number_of("page[after]", 0, 2**53), size)
        cursor = str(rows[size - 1]["number"]) if len(rows) > size else None
        query = urlencode({**call.query, "page[after]": cursor or after or ""})
        page: dict[str, Any] = {
            "custom_object_records": [shown(kind, row) for row in rows[:size]],
            "count": len(rows[:size]) if external_ids is not None else self._records.count(kind),
            "links": {"next": f"{call.base_url}{call.path}?{query}" if cursor else None, "prev": None},
            "meta": {"has_more": cursor is not None, "after_cursor": cursor, "before_cursor": None},
        }
        return Answer.of_json(page)

    def create_record(self, call: Call) -> Answer:
        """`POST /api/v2/custom_objects/{key}/records`."""
        kind = self._kind(call)
        return self._answer(kind, self._records.create(kind, call.part("custom_object_record")), 201)

    def create_or_update_record(self, call: Call) -> Answer:
        """`PATCH /api/v2/custom_objects/{key}/records?external_id=` or `?name=`: only what is given changes."""
        kind, column = self._kind(call), _column(call)
        sent = call.part("custom_object_record")
        record_id, is_new = self._records.create_or_update(kind, column, call.query[column], sent)
        return self._answer(kind, record_id, 201 if is_new else 200)

    def delete_record(self, call: Call) -> Answer:
        """`DELETE /api/v2/custom_objects/{key}/records?external_id=` or `?name=`."""
        kind, column = self._kind(call), _column(call)
        if column == "name" and not kind.naming.is_unique:
            raise bad_request("name is not unique in this object, and so finds no record")
        self._records.delete(kind, column, call.query[column])
        return Answer(204)

    def show_record(self, call: Call) -> Answer:
        """`GET /api/v2/custom_objects/{key}/records/{id}`."""
        return self._answer(self._kind(call), call.parameters["id"], 200)

    def update_record(self, call: Call) -> Answer:
        """`PATCH /api/v2/custom_objects/{key}/records/{id}`: only what is given changes."""
        kind, record_id = self._kind(call), call.parameters["id"]
        return self._answer(kind, self._records.update(kind, record_id, call.part("custom_object_record")), 200)

    def delete_record_of_id(self, call: Call) -> Answer:
        """`DELETE /api/v2/custom_objects/{key}/records/{id}`."""
        self._records.delete(self._kind(call), "id", call.parameters["id"])
        return Answer(204)

    def _kind(self, call: Call) -> CustomObject:
        return self._objects.find(call.parameters["key"])

    def _answer(self, kind: CustomObject, record_id: str, status: int) -> Answer:
        return Answer.of_json({"custom_object_record": self._records.shown(kind, record_id)}, status)


def _column(call: Call) -> str:
    """Return by what a record is named: exactly one of external_id and name."""
    given = [name for name in ("external_id", "name") if call.query.get(name)]
    if len(given) != 1:
        raise bad_request("Give external_id or name, and never both")
    return given[0]
