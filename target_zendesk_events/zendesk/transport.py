"""Connections that know whether a request has begun to leave, and when its answer must be there.

requests and urllib3 raise the same error for a TLS handshake that breaks, when nothing was sent, and for an answer
that breaks, when Zendesk may have acted. Only the connection can tell the two apart, so these connections say. Their
timeouts are for the next byte alone: an answer that trickles would never end, its head least of all.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool

MAX_IDLE_SECONDS = 4.0
"""An idle connection is not used again after this. Servers close them unasked (uvicorn, Node and Apache after 5 s by
default), and a request that meets the closing is lost without anybody knowing whether it was read."""

Clock = Callable[[], float]


class Trip:
    """What is known of one request while it is under way."""

    __slots__ = ("deadline", "has_left", "monotonic")

    def __init__(self, monotonic: Clock, deadline: float = math.inf) -> None:
        """Know nothing yet: `has_left` is None until a watched connection says otherwise (others never do).

        `deadline`, by that clock, is when the answer must be there.
        """
        self.has_left: bool | None = None
        self.monotonic = monotonic
        self.deadline = deadline

    def seconds_left(self) -> float:
        """Return how long the answer may still take. Raises TimeoutError when that time is over."""
        left = self.deadline - self.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _ThisThread(threading.local):
    """The trip that this thread is on: a connection serves one thread at a time."""

    trip = Trip(time.monotonic)


_this_thread = _ThisThread()


def set_out(monotonic: Clock, deadline: float) -> Trip:
    """Watch the next request that this thread sends."""
    _this_thread.trip = trip = Trip(monotonic, deadline)
    return trip


class _InTime(io.RawIOBase):
    """What comes over a connection, as long as the trip has time for it."""

    def __init__(self, connection: socket.socket, trip: Trip) -> None:
        """Read from this connection."""
        self._connection = connection
        self._raw: io.RawIOBase = connection.makefile("rb", buffering=0)
        self._trip = trip

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any buffer
        """Read what comes next. Raises TimeoutError where it does not come in time."""
        left, usual = self._trip.seconds_left(), self._connection.gettimeout()
        if usual is not None and usual <= left:
            return self._raw.readinto(buffer)
        self._connection.settimeout(left if left < threading.TIMEOUT_MAX else None)
        try:
            return self._raw.readinto(buffer)
        finally:
            self._connection.settimeout(usual)

    def close(self) -> None:
        """Let go of the connection."""
        self._raw.close()
        super().close()


class _AnswerInTime(http.client.HTTPResponse):
    """An answer, a proxy's too, whose head and body must be there before the trip's deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **values: Any) -> None:  # noqa: ANN401 - http.client's signature
        """Read from this connection."""
        super().__init__(sock, *args, **values)
        unhurried, self.fp = self.fp, io.BufferedReader(_InTime(sock, _this_thread.trip))
        unhurried.close()


class _Watched(HTTPConnection):
    """A connection that tells the trip when bytes of the request leave, heeds its deadline, and grows old when idle."""

    answered_at: float | None = None
    response_class = _AnswerInTime

    def connect(self) -> None:
        """Connect; what a proxy or a handshake is sent on the way is no part of the request."""
        try:
            super().connect()
        finally:
            _this_thread.trip.has_left = False

    def send(self, data: Any) -> None:  # noqa: ANN401 - whatever http.client sends
        """Send bytes, connected first."""
        if self.sock is None:
            self.connect()
        _this_thread.trip.has_left = True
        super().send(data)

    def getresponse(self) -> Any:  # noqa: ANN401 - urllib3's own response
        """Take the answer's head; an interim one is not waited out: the next request must not take what follows it."""
        response = super().getresponse()
        if response.status < http.HTTPStatus.OK:
            self.close()
        self.answered_at = _this_thread.trip.monotonic()
        return response

    @property
    def is_connected(self) -> bool:
        """Say whether this connection may be used again; urllib3 asks before it does."""
        if self.answered_at is not None and _this_thread.trip.monotonic() - self.answered_at > MAX_IDLE_SECONDS:
            return False
        return super().is_connected

    def close(self) -> None:
        """Close; the next connection of this object is a new one."""
        self.answered_at = None
        super().close()


class _WatchedTLS(_Watched, HTTPSConnection):
    """The same over TLS: the method order puts the watching around urllib3's own handshake."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TLSPool}


class WatchingAdapter(HTTPAdapter):
    """Sends to one address, once, and never again by itself: whether to is decided where the answer is understood.

    The way there is found once, and of an answer only what is read is kept: requests does all of it anew for each
    request, which was measured to take a fifth of its time.
    """

    _pool: ConnectionPool | None = None
    _is_verifying = False

    def __init__(self, max_connections: int) -> None:
        """Keep up to this many connections open."""
        super().__init__(pool_maxsize=max_connections, max_retries=Retry(0, read=False))

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001 - requests' own signature
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> ConnectionPool:
        """Return the pool of connections to the address, the same for each request."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401 - requests' own signature
        """Have the pool check the server's certificate."""
        if not self._is_verifying:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
            self._is_verifying = True

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:  # noqa: ANN401, ARG002 - as above
        """Return the path: a proxy is only ever tunnelled through, so none is told the whole address."""
        return str(request.path_url)

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:  # noqa: ANN401, ARG002 - requests' own signature
        """Return the answer with its status, its headers and its body to be read."""
        response = Response()
        response.status_code = resp.status
        response.headers.update(resp.headers)
        response.raw = resp
        return response

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:  # noqa: ANN401, FBT001, FBT002 - requests' own signature
        """Have the pools make watched connections."""
        super().init_poolmanager(connections, maxsize, block=block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> PoolManager:  # noqa: ANN401 - requests' own signature
        """Have the pools that lead through a proxy make watched connections too."""
        manager: PoolManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager
