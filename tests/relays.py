"""What stands between a run and its PostgreSQL server: a relay that passes all on, breaks, falls silent or is gone."""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

COMMIT = b"COMMIT\0"
"""As libpq sends it."""


class Fate(enum.Enum):
    """What becomes of a commit, and of the link that it came over."""

    ANSWER_LOST = enum.auto()
    """The server commits, and the link breaks."""
    ANSWER_AWAITED = enum.auto()
    """The server commits, and nothing more is heard of it."""
    LOST = enum.auto()
    """The link breaks before the server hears of it."""
    AWAITED = enum.auto()
    """The server never hears of it, nor of the end of the link."""


class Link:
    """One connection through the relay, and the other one that it leads to."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what comes from either."""
        self.client = client
        self.server = server
        self.is_silent = False

    def cut(self) -> None:
        """Break it."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Relay:
    """Listens on a port of its own, and leads to the server of a URL."""

    def __init__(self, server: str) -> None:
        """Pass all on."""
        parts = urlsplit(server)
        self._server = (parts.hostname or "localhost", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        query = f"?{parts.query}" if parts.query else ""
        self.url = f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}{query}"
        self._links: list[Link] = []
        self._passes = threading.Event()
        self._passes.set()
        self._is_gone = False
        self._fates: list[Fate] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection; new ones pass."""
        for link in self._take_links():
            link.cut()

    def freeze(self) -> None:
        """Take everything that comes over the connections of now, and pass nothing on; new ones pass."""
        for link in list(self._links):
            link.is_silent = True

    def fall_silent(self) -> None:
        """Take everything, and answer nothing."""
        self._passes.clear()

    def meet_commits(self, *fates: Fate) -> None:
        """Have the next commits meet with these fates, one after another."""
        self._fates += fates

    def go(self) -> None:
        """Break every connection, and take no other."""
        self._is_gone = True
        self._passes.set()
        self._listener.close()
        self.cut()

    def _take_links(self) -> list[Link]:
        links, self._links = self._links, []
        return links

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            if self._is_gone:
                inner.close()
                return
            try:
                outer = socket.create_connection(self._server)
            except OSError:
                inner.close()
                continue
            link = Link(inner, outer)
            self._links.append(link)
            for source, take in ((inner, self._to_server), (outer, self._to_client)):
                threading.Thread(target=self._pump, args=(link, source, take), daemon=True).start()

    def _pump(self, link: Link, source: socket.socket, take: Callable[[Link, bytes], None]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._passes.wait()
                take(link, data)
        if not link.is_silent:
            link.cut()

    def _to_server(self, link: Link, data: bytes) -> None:
        fate = self._fates.pop(0) if COMMIT in data and self._fates else None
        if fate in {Fate.ANSWER_LOST, Fate.ANSWER_AWAITED}:
            link.is_silent = True
            link.server.sendall(data)
            time.sleep(0.1)  # until it has committed
        if fate in {Fate.ANSWER_LOST, Fate.LOST}:
            link.cut()
        link.is_silent |= fate is not None
        if not link.is_silent:
            link.server.sendall(data)

    def _to_client(self, link: Link, data: bytes) -> None:
        if not link.is_silent:
            link.client.sendall(data)
