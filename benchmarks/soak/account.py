"""The account: the playground as served Zendesk, on the shared clock, with what the shop's rules need in it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any, Final

from benchmarks.soak import shop
from benchmarks.soak.clock import A_SECOND, NEVER, Clock
from target_zendesk_events.playground.oauth import EVERYTHING, REFRESH_SECONDS, Credentials, Token
from target_zendesk_events.playground.server import Playground

CLIENT: Final = {"client_id": "pipeline", "client_secret": "of-the-soak"}
OWN_PAUSE_SECONDS: Final = 0.1
"""A server's own pauses are no longer than this; what an answer waits for on purpose is."""
_real_sleep = asyncio.sleep


def serve_by(clock: Clock) -> None:
    """Have a server in this process wait on the clock, tell until when, and bear its date."""
    due: list[int] = []

    def tell() -> None:
        clock.server_waits(min(due, default=NEVER), len(due))

    async def sleep(seconds: float, result: Any = None) -> Any:  # noqa: ANN401 - asyncio's own
        if seconds <= OWN_PAUSE_SECONDS:
            return await _real_sleep(seconds, result)
        until = clock.monotonic_ns() + round(seconds * A_SECOND)
        due.append(until)
        tell()
        try:
            while clock.monotonic_ns() < until:
                await _real_sleep(0.001)
        finally:
            due.remove(until)
            tell()
        return result

    asyncio.sleep = sleep  # type: ignore[assignment]

    from uvicorn.server import ServerState  # noqa: PLC0415 - for here alone

    ServerState.default_headers = property(lambda _: _Dated(clock), lambda *_: None)  # type: ignore[assignment]


class _Dated:
    """The headers that a server adds, as they are when its answer begins."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __add__(self, others: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        return [(b"date", formatdate(self._clock.time(), usegmt=True).encode()), *others]


class Account(Playground):
    """An account of the smallest plan, whose access tokens live `token_seconds`."""

    def __init__(self, token_seconds: float) -> None:
        """Know one client."""
        super().__init__(plan="team", credentials=Credentials(**CLIENT), token_seconds=token_seconds)

    def log_in(self) -> str:
        """Have somebody log in: return a refresh token, which is good for a month, as are those that grow from it."""
        now, refresh = self._oauth.clock(), secrets.token_hex(16)
        access, number = secrets.token_hex(16), len(self._oauth.tokens) + 1
        until = now + REFRESH_SECONDS
        self._oauth.tokens.append(Token(number, access, refresh, CLIENT["client_id"], EVERYTHING, now, now, until))
        return refresh

    @property
    def arrivals(self) -> int:
        """How many requests arrived so far, those for tokens aside."""
        return int(self._store.value("SELECT COUNT(*) FROM requests WHERE path NOT LIKE '/oauth/%'"))


def furnish(playground: Playground) -> None:
    """Make the customers, and the custom object that the rules name."""
    for path, body in _asked():
        status = playground.receive("POST", f"/api/v2/{path}", json.dumps(body).encode())
        if status // 100 != 2:  # noqa: PLR2004 - success
            message = f"the playground answers {status} to {path}"
            raise RuntimeError(message)


def _asked() -> Sequence[tuple[str, dict[str, Any]]]:
    options = [{"name": one, "value": one} for one in shop.PLANS]
    fields: list[dict[str, Any]] = [
        {"key": "plan", "type": "dropdown", "title": "Plan", "custom_field_options": options},
        {"key": "version", "type": "integer", "title": "Version"},
        {"key": "customer", "type": "lookup", "title": "Customer", "relationship_target_type": "zen:user"},
    ]
    made = {"custom_object": {"key": "subscription", "title": "Subscription", "title_pluralized": "Subscriptions"}}
    return [
        ("custom_objects", made),
        *(("custom_objects/subscription/fields", {"custom_object_field": one}) for one in fields),
        *(("user_profiles/events", _welcome(shop.customer_of(number))) for number in range(shop.CUSTOMERS)),
    ]


def _welcome(customer: str) -> dict[str, Any]:
    identifiers = [{"type": "external_id", "value": customer}, {"type": "email", "value": f"{customer}@example.com"}]
    profile = {"source": "shop", "type": "customer", "identifiers": identifiers}
    return {"profile": profile, "event": {"source": "shop", "type": "welcome", "properties": {}}}
