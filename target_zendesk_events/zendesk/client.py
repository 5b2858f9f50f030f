"""Speaks HTTP with one Zendesk account: sends what it is given, asks who we are, renews the token."""

from __future__ import annotations

import contextlib
import http
import ipaddress
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from target_zendesk_events.errors import AddressError, ConfigurationError
from target_zendesk_events.kinds.request import Content, Request
from target_zendesk_events.zendesk.answers import (
    MAX_BODY_LENGTH,
    MAX_PAGE_LENGTH,
    Answer,
    Asked,
    Kind,
    read_answer,
)
from target_zendesk_events.zendesk.auth import Auth
from target_zendesk_events.zendesk.packing import unpacked
from target_zendesk_events.zendesk.rights import right_to
from target_zendesk_events.zendesk.transport import Clock, Trip, WatchingAdapter, set_out
from target_zendesk_events.zendesk.trouble import of_error

WHO_AM_I_PATH = "/api/v2/users/me.json"
TOKEN_PATH = "/oauth/tokens"  # noqa: S105 - a path
CHUNK_LENGTH = 1 << 16

_TROUBLE = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, UnicodeError)
"""All that sending and reading raise when the network, a proxy or a server is at fault."""


class Client:
    """One account, its credentials, and the connections to it. Threads may share it."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        *,
        base_url: str,
        auth: Auth,
        timeout_seconds: float,
        user_agent: str,
        total_seconds: float = 60.0,
        max_connections: int = 32,
        session: requests.Session | None = None,
        monotonic: Clock = time.monotonic,
        wall: Clock = time.time,
    ) -> None:
        """Connect to nothing yet.

        `timeout_seconds` is to connect and between bytes of an answer, `total_seconds` for all of it. A session that
        is given keeps its own adapters. Raises AddressError for http beyond this machine, and ConfigurationError for
        a proxy or a CA bundle of the environment that cannot be used.
        """
        self.auth = auth
        self._base_url = base_url.rstrip("/")
        self._timeouts = (timeout_seconds, timeout_seconds)
        self._total_seconds = total_seconds
        self._session = session or _session(max_connections)
        self._monotonic = monotonic
        self._wall = wall
        self._renewing = threading.Lock()
        self._headers = {"User-Agent": user_agent, "Accept": "application/json", "Content-Type": "application/json"}
        self._route = _route(self._session, self._base_url)
        self._adapter = self._session.get_adapter(self._base_url + "/")
        _check_route(self._adapter, self._prepared("GET", WHO_AM_I_PATH), self._route)
        _keep_urls_out_of_the_log()

    def send(self, request: Request) -> Answer:
        """Send one request; what it holds is in the payload, a list to be read by `pages.page_of`."""
        asked: Asked = "read" if request.method == "GET" else "post"
        prepared = self._prepared(request.method, request.path, request.body)
        prepared.headers.update(request.headers)
        return self._ask(prepared, asked, holds=request.holds)

    def who_am_i(self) -> Answer:
        """Ask who the credentials belong to; the user is in the payload."""
        return self._ask(self._prepared("GET", WHO_AM_I_PATH), "who")

    def look_up(self, path: str) -> Answer:
        """Ask for one thing, such as a profile; it is in the payload."""
        return self._ask(self._prepared("GET", path), "who")

    def server_time(self) -> float | None:
        """Ask the address what time it is, in epoch seconds: any answer's `Date` tells, so no credentials are sent."""
        return self._ask(self._prepared("GET", WHO_AM_I_PATH), "who", is_open=True).served_at

    def renew(self) -> Answer:
        """Get a new token and use it from now on.

        A thread that finds another renewing waits, and is content with that token. The answer's `token` is the
        generation in use afterwards. Raises StorageError when a rotated token cannot be stored.
        """
        generation = self.auth.generation
        with self._renewing:
            answer = self._renew() if self.auth.generation == generation else Answer(Kind.ACCEPTED, None)
        return msgspec.structs.replace(answer, token=self.auth.generation)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _renew(self) -> Answer:
        now = self._wall()
        with self.auth.grant(now) as grant:
            if grant is None:
                return Answer(Kind.ACCEPTED, None)
            request = self._prepared("POST", TOKEN_PATH, json.dumps(grant).encode())
            answer = self._ask(request, "token")
            if answer.kind is Kind.ACCEPTED:
                self.auth.accept(answer.payload, now)
        return msgspec.structs.replace(answer, payload=None)

    def _prepared(self, method: str, path: str, body: bytes | None = None) -> requests.PreparedRequest:
        """Return a request with plain headers: requests' own preparing was measured to cost more than sending."""
        request = requests.PreparedRequest()
        request.method = method
        request.url = self._base_url + path
        request.headers = self._headers.copy()  # type: ignore[assignment]  # nobody asks for them in another case
        request.body = body
        if body is not None:
            request.headers["Content-Length"] = str(len(body))
        return request

    def _ask(
        self, request: requests.PreparedRequest, asked: Asked, *, is_open: bool = False, holds: Content | None = None
    ) -> Answer:
        """Send once and return what came of it; a token request carries no credentials but its body, `is_open` none."""
        generation = self.auth.generation
        if asked != "token" and not is_open:
            self.auth(request)
        started = self._monotonic()
        trip = set_out(self._monotonic, started + self._total_seconds)
        try:
            response = self._adapter.send(request, stream=True, timeout=self._timeouts, **self._route)
        except _TROUBLE as error:
            answer = of_error(error, trip)
        else:
            body = self._body(response, trip, asked)
            answer = read_answer(
                response.status_code, response.headers, body, now=self._wall(), asked=asked, holds=holds
            )
        is_denied = answer.kind in {Kind.DENIED, Kind.TURNED_AWAY} and asked != "token"
        right = right_to(str(request.method), str(request.url).removeprefix(self._base_url)) if is_denied else ""
        return msgspec.structs.replace(answer, seconds=self._monotonic() - started, token=generation, right=right)

    def _body(self, response: requests.Response, trip: Trip, asked: Asked) -> bytes:
        """Return the body as far as it comes: to its end the connection serves again, cut short it is closed."""
        most = room = MAX_PAGE_LENGTH if asked == "read" else MAX_BODY_LENGTH
        read = getattr(response.raw, "read1", response.raw.read)
        chunks: list[bytes] = []
        with contextlib.suppress(*_TROUBLE):
            while chunk := read(CHUNK_LENGTH):
                chunks.append(chunk)
                room -= len(chunk)
                if room < 0 or self._monotonic() > trip.deadline:
                    break
            else:
                return unpacked(b"".join(chunks), response.headers, most)
        response.raw.close()
        return unpacked(b"".join(chunks), response.headers, most)


def _session(max_connections: int) -> requests.Session:
    session = requests.Session()
    adapter = WatchingAdapter(max_connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _route(session: requests.Session, base_url: str) -> Mapping[str, Any]:
    """Return how to get there: the environment's proxies and CA bundle, asked for once, for an adapter does not ask.

    A loopback address never goes through a proxy, whatever the environment says.
    """
    merged = session.merge_environment_settings(base_url, {}, True, None, None)  # noqa: FBT003 - requests' own signature
    here = _is_loopback(base_url)
    if not here and urlsplit(base_url).scheme != "https":
        message = "the address must begin with https: nothing else leaves this machine [ZE120]"
        raise AddressError(message)
    return {
        "proxies": {} if here else dict(merged["proxies"]),
        "verify": _bundle(session, merged["verify"]),
        "cert": merged["cert"],
    }


def _bundle(session: requests.Session, verify: Any) -> Any:  # noqa: ANN401 - requests' own types
    """Return whom to trust: requests reads its own variables, and not OpenSSL's."""
    if isinstance(verify, str) or not session.trust_env:
        return verify or True
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or True


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _check_route(adapter: BaseAdapter, request: requests.PreparedRequest, route: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a proxy or a CA bundle that no request could use; connects to nothing."""
    if not isinstance(adapter, HTTPAdapter):
        return
    try:
        pool = adapter.get_connection_with_tls_context(request, route["verify"], proxies=route["proxies"])
        adapter.cert_verify(pool, request.url or "", route["verify"], route["cert"])  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:  # requests' and urllib3's own errors among them
        message = (
            f"the connection to Zendesk cannot be set up ({type(error).__name__}): check the environment's "
            "HTTPS_PROXY, ALL_PROXY, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and SSL_CERT_FILE, and the address [ZE118]"
        )
        raise ConfigurationError(message) from None


def _keep_urls_out_of_the_log() -> None:
    """Silence the loggers of urllib3 that write whole URLs: the one of a read names a customer."""
    for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_is_no_matter)


def _is_no_matter(record: logging.LogRecord) -> bool:  # noqa: ARG001 - a filter's signature
    return False
