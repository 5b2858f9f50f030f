"""What the one who runs a pipeline sees: the account's limits and their use, its requests, and what was refused."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from .chart import MINUTES, chart
from .limits import PROFILES_A_PERSON, SOURCES, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from .chart import Chart
    from .limits import RateLimit
    from .pages import Pages
    from .store import Store

LATEST = 50
NAMES_SHOWN = 100
TIGHT = 0.8
COUNTED = "(path GLOB '/api/v2/user_profiles*' OR path GLOB '/api/v2/users/*/*')"
"""Requests that draw on the minute of events and profiles."""
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


class Account:
    """The operator's page."""

    def __init__(self, store: Store, limit: RateLimit, pages: Pages) -> None:
        """Show what `store` holds against the limits."""
        self._store = store
        self._limit = limit
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the page."""
        return [Route("/account", self.account)]

    async def account(self, request: Request) -> Response:
        """Show limits, requests a minute, and what was refused and why."""
        if self._pages.has(request):
            return self._pages.unchanged(request)
        context = {
            "minute": Use("Requests in the last minute", self._limit.used(time.monotonic()), self._limit.limit, []),
            "uses": list(self._uses()),
            "chart": self._chart(),
            "reasons": self._reasons(),
            "latest": self._latest(),
            "refused": self._store.value("SELECT count(*) FROM refusals"),
        }
        return self._pages.filled(request, "account.html", context)

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

    def _chart(self) -> Chart:
        """Return the hour that ends now, or, where nothing came in it, with the last request."""
        newest = self._store.value(f"SELECT max(arrived_at) FROM requests WHERE {COUNTED}")  # noqa: S608 - constants
        now = datetime.now(timezone.utc)
        last = now if newest is None else _minute(newest) + timedelta(seconds=59)
        end = now if now - last < timedelta(minutes=MINUTES) else last
        rows = self._store.rows(
            f"SELECT substr(arrived_at, 1, 16) AS minute, count(*) AS number, sum({IS_REFUSED}) AS refused"  # noqa: S608 - constants
            f" FROM requests WHERE {COUNTED} AND arrived_at >= ? GROUP BY minute",
            f"{end - timedelta(minutes=MINUTES):%Y-%m-%dT%H:%M}",
        )
        counts = {_minute(row["minute"]): (row["number"] - (row["refused"] or 0), row["refused"] or 0) for row in rows}
        return chart(counts, end, self._limit.limit)

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
