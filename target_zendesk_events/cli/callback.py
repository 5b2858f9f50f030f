"""Where the browser comes back to after a login: a page on this machine, or its address pasted by hand."""

from __future__ import annotations

import html
import http.server
import os
import queue
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from typing_extensions import Self

from target_zendesk_events.errors import ConfigurationError, RunStopped
from target_zendesk_events.escaping import say

PATH: Final = "/callback"
PATIENCE_SECONDS: Final = 300.0
HOSTS: Final = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
"""What `localhost` may be to a browser."""
SECONDS_TO_SAY: Final = 10.0
"""How long one connection may take to say what it wants: browsers open some in advance, and say nothing on them."""


HEAD: Final = '<!DOCTYPE html><html lang="en"><title>zendesk-events login</title><body>'


class Callback:
    """Takes one answer of the authorisation page, by the state that it must bear. To be used as a context."""

    def __init__(self, state: str, port: int) -> None:
        """Listen on no port yet."""
        self._state = state
        self._port = port
        self._answers: queue.Queue[Mapping[str, str]] = queue.Queue()
        self._servers: list[http.server.ThreadingHTTPServer] = []
        self.is_over = False

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def listen(self) -> None:
        """Serve the page on this machine alone. Raises ConfigurationError where the port is taken."""
        for host, family in HOSTS:
            try:
                server = _Server(host, family, self._port, self)
            except OSError as fault:
                if family == socket.AF_INET6 and self._servers:
                    continue  # a machine may have no IPv6
                message = (
                    f"port {self._port} of this machine cannot be listened on ({fault.strerror}): end what holds it, "
                    "or give --port another, whose address stands among the OAuth client's redirect URLs too [ZE324]"
                )
                raise ConfigurationError(message) from fault
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()

    def take_pasted(self) -> None:
        """Take the address from standard input too."""
        threading.Thread(target=self._read_pasted, daemon=True).start()

    def wait(self) -> Mapping[str, str]:
        """Return what came back. Raises RunStopped where nobody answers in time."""
        try:
            return self._answers.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            message = (
                f"nobody answered on Zendesk's page within {PATIENCE_SECONDS / 60:.0f} minutes: run it again [ZE325]"
            )
            raise RunStopped(message) from None

    def came(self, address: str) -> str:
        """Take an address that came back; return what is wrong with it, nothing where it is the answer."""
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != PATH or not {"code", "error"} & set(query):
            return "this is not the address of an answer"
        if query.get("state") != self._state:
            return "this answer is to another login"
        if self.is_over:
            return "this login is over"
        self.is_over = True
        self._answers.put(query)
        return ""

    def _read_pasted(self) -> None:
        """Read line by line, past Python's own buffer: a thread that waits there keeps the process from ending."""
        rest = b""
        while not self.is_over and (more := os.read(sys.stdin.fileno(), 1 << 16)):
            *lines, rest = (rest + more).split(b"\n")
            for line in filter(None, (one.decode(errors="replace").strip() for one in lines)):
                wrong = self.came(line)
                if wrong:
                    say(f"{wrong}: paste the whole address that the browser was sent to", err=True)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, family: socket.AddressFamily, port: int, callback: Callback) -> None:
        self.address_family = family
        self.callback = callback
        super().__init__((host, port), _Page)

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no matter."""


class _Page(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = SECONDS_TO_SAY

    def do_GET(self) -> None:
        """Take the answer, and say so to the person before the browser."""
        wrong = self.server.callback.came(self.path)
        said = wrong or "Zendesk's answer is here: go back to the terminal, and close this page."
        body = f"{HEAD}<p>{html.escape(said)}</p></body></html>".encode()
        self.send_response(http.HTTPStatus.BAD_REQUEST if wrong else http.HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's signature
        """Log nothing: the address holds the code."""
