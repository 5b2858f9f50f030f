"""What the one who runs a pipeline sees: the account's limits and their use, its requests, and what was refused."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from .chart import MINUTES, chart
from .jobs import MOST_UNDER_WAY
from .limits import PROFILES_A_PERSON, SOURCES, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from .chart import Chart
    from .limits import RateLimit
    from .pages import Pages
    from .rooms import Rooms
    from .routing import Bucket
    from .store import Store

LATEST = 50
NAMES_SHOWN = 100
TIGHT = 0.8
EVENTS = "(path GLOB '/api/v2/user_profiles*' OR path GLOB '/api/v2/users/*/*')"
COUNTED: dict[Bucket, str] = {
    "events": EVENTS,
    "support": f"(path GLOB '/api/v2/*' AND NOT path GLOB '/api/v2/oauth/*' AND NOT {EVENTS})",
}
"""Requests that draw on each minute."""
WORDS: dict[Bucket, str] = {"events": "Events and profiles", "support": "Tickets, objects, users and jobs"}
IS_REFUSED = "(dropped OR status >= 400)"


@dataclass(frozen=True)
class Use:
    """How much of a limit is used: `most` 0 for none; `names` with their numbers, where it is one of names."""

    what: str
    used: int
    most: int
    names: list[tuple[str, int]]

    @property
    def percent(self) -> float:
        """The share of the limit, 100 at the most."""
        return min(100.0, self.used * 100 / self.most) if self.most else 0.0

    @property
    def is_tight(self) -> bool:
        """Whether it is nearly used up."""
        return bool(self.most) and self.used >= self.most * TIGHT


@dataclass(frozen=True)
class Minutes:
    """One of the account's two limits on requests: whose it is, how much of it is used now, and its last hour."""

    name: Bucket
    what: str
    now: Use
    chart: Chart


class Account:
    """The operator's page."""

    def __init__(self, store: Store, limits: dict[Bucket, RateLimit], rooms: Rooms, pages: Pages) -> None:
        """Show what `store` and `rooms` hold against the limits."""
        self._store = store
        self._limits = limits
        self._rooms = rooms
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the page."""
        return [Route("/account", self.account)]

    async def account(self, request: Request) -> Response:
        """Show limits, requests a minute, and what was refused and why."""
        if self._pages.has(request):
            return self._pages.unchanged(request)
        context = {
            "buckets": [self._minutes(bucket) for bucket in self._limits],
            "uses": list(self._uses()),
            "reasons": self._reasons(),
            "latest": self._latest(),
            "refused": self._store.value("SELECT count(*) FROM refusals"),
        }
        return self._pages.filled(request, "account.html", context)

    def _minutes(self, bucket: Bucket) -> Minutes:
        limit = self._limits[bucket]
        now = Use("Requests in the last minute", limit.used(time.monotonic()), limit.limit, [])
        return Minutes(bucket, WORDS[bucket], now, self._chart(COUNTED[bucket], limit.limit))

    def _uses(self) -> Iterable[Use]:
        for table in ("events", "profiles"):
            for column, most in (("source", SOURCES), ("type", TYPES)):
                rows = self._store.rows(
                    f"SELECT {column} AS name, count(*) AS number, count(*) OVER () AS names FROM {table}"  # noqa: S608 - the names are ours
                    f" GROUP BY {column} ORDER BY number DESC, name LIMIT ?",
                    NAMES_SHOWN,
                )
                names = [(row["name"], row["number"]) for row in rows]
                yield Use(f"{column.capitalize()}s of {table}", rows[0]["names"] if rows else 0, most, names)
        sql = "SELECT max(number) FROM (SELECT count(*) AS number FROM profiles GROUP BY user_id)"
        yield Use("Profiles of one customer", self._store.value(sql) or 0, PROFILES_A_PERSON, [])
        if objects := self._rooms.objects.all():
            sql = "SELECT count(*) FROM records WHERE object = ?"
            names = [(one["title_pluralized"], self._store.value(sql, one["key"])) for one in objects]
            yield Use("Custom objects", len(objects), self._rooms.objects.most, names)
            yield Use("Jobs queued or working", self._rooms.jobs.under_way(), MOST_UNDER_WAY, [])

    def _chart(self, counted: str, limit: int) -> Chart:
        """Return the hour that ends now, or, where nothing came in it, with the last request."""
        newest = self._store.value(f"SELECT max(arrived_at) FROM requests WHERE {counted}")  # noqa: S608 - constants
        now = datetime.now(timezone.utc)
        last = now if newest is None else _minute(newest) + timedelta(seconds=59)
        end = now if now - last < timedelta(minutes=MINUTES) else last
        rows = self._store.rows(
            f"SELECT substr(arrived_at, 1, 16) AS minute, count(*) AS number, sum({IS_REFUSED}) AS refused"  # noqa: S608 - constants
            f" FROM requests WHERE {counted} AND arrived_at >= ? GROUP BY minute",
            f"{end - timedelta(minutes=MINUTES):%Y-%m-%dT%H:%M}",
        )
        counts = {_minute(row["minute"]): (row["number"] - (row["refused"] or 0), row["refused"] or 0) for row in rows}
        return chart(counts, end, limit)

    def _reasons(self) -> list[dict[str, Any]]:
        rows = self._store.rows(
            "SELECT r.status, f.code, f.title, count(*) AS number, max(r.arrived_at) AS last"
            " FROM refusals f JOIN requests r ON r.number = f.request GROUP BY r.status, f.code, f.title"
            " ORDER BY number DESC, last DESC LIMIT ?",
            LATEST,
        )
        return [dict(row) for row in rows]

    def _latest(self) -> list[dict[str, Any]]:
        rows = self._store.rows(
            "SELECT r.number, r.method, r.path, r.body, r.arrived_at, r.status, r.profile_id, f.code, f.title"
            " FROM refusals f JOIN requests r ON r.number = f.request ORDER BY r.number DESC LIMIT ?",
            LATEST,
        )
        return [{**dict(row), "about": _about(row["body"])} for row in rows]


def _minute(text: str) -> datetime:
    return datetime.fromisoformat(text[:16]).replace(tzinfo=timezone.utc)


def _about(body: bytes) -> str:
    """Return which event of whom a request was about, as far as its body tells."""
    try:
        content = json.loads(body)
        kind = content["event"]["type"]
        whose = content["profile"]["identifiers"][0]["value"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return ""
    return f"{kind} of {whose}" if isinstance(kind, str) and isinstance(whose, str) else ""
