"""Jobs: up to a hundred changes to the records of one object, done in the background, and told of for a while."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal, get_args

from .job_results import Entry, ResultsShape, results
from .refusals import Answer, RecordInvalid, Refusal
from .store import wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Row

    from .custom_objects import CustomObject, CustomObjects
    from .object_records import ObjectRecords
    from .store import Store

MOST_UNDER_WAY = 30
KEPT_SECONDS = 86_400
MOST_KEPT = 100
QUEUED_SHARE = 0.2
"""The share of its time that a job stands in the queue."""
NEVER = 1e18
Fate = Literal["failed", "killed", "aborted", "forgotten", "stuck"]
FATES: tuple[str, ...] = get_args(Fate)


@dataclass(frozen=True)
class Orders:
    """What goes wrong with a job on purpose.

    `fate`: it fails with nothing done, is killed or aborted with half of it done, is done but forgotten at once, or
    never ends. `failed_items` fail, by their place, or by a text that they hold. `results` are told in that shape.
    """

    fate: Fate | None = None
    failed_items: tuple[int | str, ...] = ()
    results: ResultsShape = "entries"
    message: str = ""

    def fail(self, index: int, item: object) -> bool:
        """Whether an item is to fail."""
        texts = [one for one in self.failed_items if isinstance(one, str)]
        return index in self.failed_items or (bool(texts) and any(text in json.dumps(item) for text in texts))


class Jobs:
    """Every job of the account; each takes `seconds`, and does its work when they are over."""

    def __init__(
        self, store: Store, objects: CustomObjects, records: ObjectRecords, clock: Callable[[], float] = time.time
    ) -> None:
        """Change `records` of `objects`."""
        self.seconds = 1.0
        self._store = store
        self._objects = objects
        self._records = records
        self._clock = clock

    def start(self, kind: CustomObject, action: str, items: list[Any], orders: Orders) -> dict[str, Any]:
        """Take a job in; refuses one too many."""
        under_way = self._store.rows("SELECT id FROM jobs WHERE ended IS NULL")
        if len(under_way) >= MOST_UNDER_WAY:
            raise TooManyJobs([row["id"] for row in under_way])
        job_id, now = secrets.token_hex(16), self._clock()
        due = NEVER if orders.fate == "stuck" else now + self.seconds
        self._store.run(
            "INSERT INTO jobs (id, object, action, items, orders, began, due) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(job_id, kind.key, action, json.dumps(items), json.dumps(asdict(orders)), now, due),
        )
        row = self._store.row("SELECT * FROM jobs WHERE id = ?", job_id)
        return self._shown(row, now) if row else {}

    def under_way(self) -> int:
        """Return how many are queued or working."""
        return int(self._store.value("SELECT count(*) FROM jobs WHERE ended IS NULL"))

    def advance(self) -> None:
        """Do what is due, a job in one transaction."""
        now = self._clock()
        sql = "SELECT * FROM jobs WHERE ended IS NULL AND due <= ? ORDER BY due, number"
        with self._store.lock:
            for row in self._store.rows(sql, now):
                with self._store.transaction():
                    self._finish(row, now)

    def everything(self) -> list[dict[str, Any]]:
        """Every job, in the order of starting, with its object, its action and its items."""
        now, parts = self._clock(), ("object", "action")
        return [
            {**self._shown(row, now), **{name: row[name] for name in parts}, "items": json.loads(row["items"])}
            for row in self._store.rows("SELECT * FROM jobs ORDER BY number")
        ]

    def find(self, job_id: str) -> dict[str, Any] | None:
        """Return a job's status; none for one that is not known any more."""
        now = self._clock()
        row = self._store.row(
            "SELECT * FROM jobs WHERE id = ? AND began > ? AND number > (SELECT max(number) FROM jobs) - ?"
            " AND coalesce(status, '') <> 'forgotten'",
            *(job_id, now - KEPT_SECONDS, MOST_KEPT),
        )
        return None if row is None else self._shown(row, now)

    def _finish(self, row: Row, now: float) -> None:
        orders, items = _orders(row), json.loads(row["items"])
        fate = orders.fate
        share = {"failed": 0, "killed": len(items) // 2, "aborted": len(items) // 2}.get(fate or "", len(items))
        entries = self._apply(row["object"], row["action"], items[:share], orders)
        told = (
            None if share < len(items) or fate == "failed" else results(entries, orders.results, self._record_of(row))
        )
        usual = f"Completed at {wall_clock(datetime.fromtimestamp(now, timezone.utc))}"
        self._store.run(
            "UPDATE jobs SET ended = ?, status = ?, message = ?, results = ? WHERE number = ?",
            *(now, fate or "completed", orders.message if fate else usual, json.dumps(told), row["number"]),
        )

    def _record_of(self, row: Row) -> Callable[[str], dict[str, Any]]:
        kind = self._objects.find(row["object"])
        return lambda record_id: self._records.shown(kind, record_id)

    def _apply(self, key: str, action: str, items: list[Any], orders: Orders) -> list[Entry]:
        kind, seen, entries = self._objects.find(key), set[str](), list[Entry]()
        for index, item in enumerate(items):
            external_id = _external_id(action, item)
            identity = _identity(action, item)
            try:
                if orders.fail(index, item):
                    raise RecordInvalid({"base": orders.message})
                if identity in seen:
                    raise RecordInvalid({"base": "The job has this record already"})
                record, done = self._do(kind, action, item)
            except Refusal as refusal:
                entries.append(Entry(index, external_id, error=refusal.code, details=refusal.title))
            else:
                entries.append(Entry(index, external_id, record, done))
            seen |= {identity} if identity is not None else set()
        return entries

    def _do(self, kind: CustomObject, action: str, item: Any) -> tuple[str, str]:  # noqa: ANN401 - any JSON
        """Do one item; returns the record's id, and what was done."""
        if action == "create":
            return self._records.create(kind, item), "Created"
        if action == "update":
            sent = {name: value for name, value in item.items() if name != "id"}
            return self._records.update(kind, str(item.get("id")), sent), "Updated"
        if action in {"delete", "delete_by_external_id"}:
            return self._records.delete(kind, "id" if action == "delete" else "external_id", item), "Deleted"
        column = action.removeprefix("create_or_update_by_")
        record, is_new = self._records.create_or_update(kind, column, item.get(column), item)
        return record, "Created" if is_new else "Updated"

    def _shown(self, row: Row, now: float) -> dict[str, Any]:
        """Return a job's status as Zendesk tells it: what is not known yet is null."""
        total, share = len(json.loads(row["items"])), (now - row["began"]) / (self.seconds or 1)
        is_stuck = row["due"] == NEVER
        is_queued = row["ended"] is None and share < QUEUED_SHARE
        worked = total if row["status"] == "completed" else int(total * min(share, 0.5 if is_stuck else 0.99))
        return {
            "id": row["id"],
            "job_type": f"Custom object records: {row['action']}",
            "total": None if is_queued else total,
            "progress": None if is_queued else worked,
            "status": row["status"] or ("queued" if is_queued else "working"),
            "message": row["message"],
            "results": json.loads(row["results"]) if row["results"] else None,
        }


class TooManyJobs(Refusal):
    """A refusal of one job too many, which names those under way."""

    def __init__(self, job_ids: list[str]) -> None:
        """Name the jobs that are under way."""
        super().__init__(429, "TooManyJobs", f"At most {MOST_UNDER_WAY} jobs are queued or working")
        self._job_ids = job_ids

    def answer(self) -> Answer:
        """Return the answer that carries this refusal."""
        content = {"error": self.code, "description": self.title, "current_job_ids": self._job_ids}
        in_flight = f"total={MOST_UNDER_WAY}; remaining=0; resets=60"
        return Answer.of_json(content, self.status, {"zendesk-ratelimit-inflight-jobs": in_flight})


def _orders(row: Row) -> Orders:
    content = json.loads(row["orders"])
    return Orders(**{**content, "failed_items": tuple(content["failed_items"])})


def _identity(action: str, item: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Return what names the item's record in this job, where something does."""
    if isinstance(item, str):
        return item
    column = {"update": "id", "create_or_update_by_name": "name"}.get(action, "external_id")
    value = item.get(column)
    return value if isinstance(value, str) else None


def _external_id(action: str, item: Any) -> str | None:  # noqa: ANN401 - any JSON
    found = item if action == "delete_by_external_id" else item.get("external_id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else None
