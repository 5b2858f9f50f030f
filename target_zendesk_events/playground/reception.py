"""Where requests arrive: each is noted, judged by limit, faults and credentials, served, and answered or dropped."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .call import Call
from .faults import Asked
from .refusals import Answer, OAuthRefusal, Refusal, code_of
from .routing import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from .faults import Fault, Faults
    from .limits import RateLimit
    from .oauth import OAuth, Token
    from .routing import Bucket, Route
    from .store import Store

TRANSPORT = "playground.transport"
_log = logging.getLogger(__name__)


@dataclass
class Pace:
    """How long every answer takes, in seconds after the request was served."""

    delay: float = 0.0


@dataclass
class _Visit:
    """One request while it is here."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    query: str
    body: bytes
    arrived: float
    fault: int | None = None
    token: Token | None = None
    why: tuple[str, str] | None = None

    def refused(self, refusal: Refusal) -> Answer:
        """Note why it is refused; returns the answer that says so."""
        self.why = (refusal.code, refusal.title)
        return refusal.answer()


class _Dropped(Exception):  # noqa: N818 - a way out, not a mistake
    """The connection is to be closed without an answer."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Reception:
    """The ASGI application in front of the desk."""

    def __init__(  # noqa: PLR0913 - one argument for each thing that has a say
        self,
        *,
        table: list[Route],
        store: Store,
        oauth: OAuth,
        limits: dict[Bucket, RateLimit],
        faults: Faults,
        pace: Pace,
        advance: Callable[[], None],
    ) -> None:
        """Serve the routes of `table`; before each request, what is done in the background comes forward."""
        self._table = table
        self._store = store
        self._oauth = oauth
        self._limits = limits
        self._faults = faults
        self._pace = pace
        self._advance = advance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take in one request and see it out."""
        visit = await self._take_in(scope, receive)
        try:
            answer, dribble = await self._answer(visit)
        except _Dropped as dropped:
            self._see_out(visit, None)
            await _hang_up(scope, receive, reset=dropped.reset)
            return
        self._see_out(visit, answer.status)
        await _send(send, answer, visit.method, dribble)

    def receive(self, method: str, path: str, body: bytes, note: str) -> int:
        """Serve a request that came over no wire: limit, faults and credentials have no say; returns its status."""
        path, _, query = path.partition("?")
        visit = self._noted(method, path, {"content-type": "application/json"}, query, body, time.monotonic())
        try:
            route, parameters = find(self._table, method, path)
            self._advance()
            with self._store.transaction():
                answer = route.serve(_call(visit, parameters), None)
        except Refusal as refusal:
            answer = visit.refused(refusal)
        self._see_out(visit, answer.status)
        if note:
            self._store.noted(visit.number, note)
        return answer.status

    async def _take_in(self, scope: Scope, receive: Receive) -> _Visit:
        arrived = time.monotonic()
        body = await _read(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        return self._noted(scope["method"], scope["path"], headers, query, body, arrived)

    def _noted(  # noqa: PLR0913, PLR0917 - the parts of a request
        self, method: str, path: str, headers: dict[str, str], query: str, body: bytes, arrived: float
    ) -> _Visit:
        number = self._store.arrive(method=method, path=path, query=query, headers=headers, body=body, arrived=arrived)
        return _Visit(number, method, path, headers, query, body, arrived)

    def _see_out(self, visit: _Visit, status: int | None) -> None:
        token_id = visit.token.id if visit.token else None
        self._store.answered(visit.number, status, visit.fault, token_id)
        if visit.why and not 200 <= (status or 0) < 300:  # noqa: PLR2004 - success
            self._store.refused(visit.number, *visit.why)

    async def _answer(self, visit: _Visit) -> tuple[Answer, float]:
        try:
            route, parameters = find(self._table, visit.method, visit.path)
        except Refusal as refusal:
            return _dressed(visit.refused(refusal), {}), 0.0
        verdict = self._limits[route.bucket].admit(visit.arrived) if route.bucket else None
        headers = verdict.headers() if verdict else {}
        if verdict and not verdict.admitted:
            await asyncio.sleep(self._pace.delay)
            turned_away = Refusal(429, "TooManyRequests", "The account's limit of requests a minute is reached")
            return _dressed(visit.refused(turned_away), headers), 0.0
        values = (*parameters.values(), *(value for _, value in parse_qsl(visit.query)))
        met = self._faults.take(Asked(route.kind, visit.method, values, visit.body))
        if met is None:
            answer = self._serve(visit, route, parameters)
            await asyncio.sleep(self._pace.delay)
            return _dressed(answer, headers), 0.0
        visit.fault = met.number
        return _dressed(await self._suffer(met.fault, visit, route, parameters), headers), met.fault.dribble

    async def _suffer(self, fault: Fault, visit: _Visit, route: Route, parameters: dict[str, str]) -> Answer:
        await asyncio.sleep(fault.delay)
        answer = self._serve(visit, route, parameters, fault) if fault.serves else None
        await asyncio.sleep(fault.answer_delay + self._pace.delay)
        if fault.drop is not None:
            visit.why = ("Dropped", f"The connection was cut {fault.drop} the request was served, as a fault asked")
            raise _Dropped(reset=fault.reset)
        if fault.status is None and answer is not None:
            return answer
        visit.why = (code_of(fault.status or 500), f"{fault.message} (a fault)")
        return fault.answer()

    def _serve(self, visit: _Visit, route: Route, parameters: dict[str, str], fault: Fault | None = None) -> Answer:
        call = _call(visit, parameters, fault)
        try:
            self._advance()
            if not route.open:
                shown = visit.headers.get("authorization")
                visit.token = self._oauth.admit(shown, route.scope, admin=route.admin)
            with self._store.transaction():
                return route.serve(call, visit.token)
        except Refusal as refusal:
            return visit.refused(_in_manner_of(route, refusal))
        except Exception:  # noqa: BLE001 - whatever it was, the client gets an answer and the log the reason
            _log.exception("the playground itself failed")
            return visit.refused(Refusal(500, "PlaygroundFault", "The playground itself failed: see its log"))


def _call(visit: _Visit, parameters: dict[str, str], fault: Fault | None = None) -> Call:
    query: dict[str, str] = {}
    for name, value in parse_qsl(visit.query, keep_blank_values=True):
        query.setdefault(name, value)
    return Call(
        number=visit.number,
        path=visit.path,
        base_url=f"http://{visit.headers.get('host', '127.0.0.1')}",
        parameters=parameters,
        query=query,
        content_type=visit.headers.get("content-type"),
        body=visit.body,
        arrived=visit.arrived,
        headers=visit.headers,
        fault=fault,
    )


def _in_manner_of(route: Route, refusal: Refusal) -> Refusal:
    """Word a refusal of the token endpoint as OAuth does."""
    if route.kind == "token" and not isinstance(refusal, OAuthRefusal):
        return OAuthRefusal("invalid_request", refusal.title)
    return refusal


def _dressed(answer: Answer, headers: dict[str, str]) -> Answer:
    """Return the answer with the headers that every answer carries, but for Cloudflare's own; the answer's win."""
    own = {name.lower(): value for name, value in answer.headers.items()}
    if "cf-ray" in own:
        return Answer(answer.status, answer.body, own)
    usual = {"X-Zendesk-Request-Id": secrets.token_hex(16), **headers}
    return Answer(answer.status, answer.body, {**{k: v for k, v in usual.items() if k.lower() not in own}, **own})


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _send(send: Send, answer: Answer, method: str, dribble: float) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.status != 204:  # noqa: PLR2004 - No Content
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if method == "HEAD" else answer.body
    if dribble:
        for index in range(len(body)):
            await send({"type": "http.response.body", "body": body[index : index + 1], "more_body": True})
            await asyncio.sleep(dribble)
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _hang_up(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """Close the connection without an answer: with a reset, or with an orderly end."""
    transport: Any = scope["state"][TRANSPORT]
    if reset:
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
