"""Slow and broken servers against the real command line: what a run does, its exit code, and its line in the log.

Each case has its row in the docs, under the same name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.server
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import support

DOCS = Path(__file__).parents[2] / "docs" / "answers.md"
MESSAGES = support.lines([support.schema("orders"), support.record("orders", 1), support.state({"upto": 1})])
OUTSIDE = "https://acme.invalid"
PRIVATE = "customer-1@example.com"

Handler = http.server.BaseHTTPRequestHandler
Script = Callable[[Handler], None]


class Server(http.server.ThreadingHTTPServer):
    """Does the same with each request, and keeps their headers."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        """Serve on a free port."""
        self.script = script
        self.asked: list[tuple[str, str]] = []
        self.cookies: list[str] = []
        super().__init__(("127.0.0.1", 0), _Scripted)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: broken connections are what these tests are about."""


class _Scripted(Handler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        self.server.cookies += self.headers.get_all("Cookie", [])
        self.server.script(self)

    do_GET = do_POST = do_CONNECT = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Serve meanwhile."""
    server = Server(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(status: int, body: bytes = b"{}", **headers: str) -> Script:
    """Answer so; `_` in a header's name stands for `-`."""

    def script(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return script


def trickles(handler: Handler) -> None:
    """Take the event, and say so slowly: no byte is late, all of them are."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 2")
    for byte in (b"\r", b"\n", b"\r", b"\n", b"{", b"}"):
        time.sleep(0.5)
        handler.wfile.write(byte)


def never_answers(handler: Handler) -> None:
    """Take the request, and keep the connection."""
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.connection.recv(1)


def hangs_up(handler: Handler) -> None:
    """Close the connection in place of an answer."""
    handler.close_connection = True


def bakes(handler: Handler) -> None:
    """Take the event, with cookies that nobody else got."""
    handler.send_response(202)
    for number in range(90):
        handler.send_header("Set-Cookie", f"c{number}-{time.monotonic_ns()}=v; Path=/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def bakes_a_thousand(handler: Handler) -> None:
    """Take the event, with a thousand cookies at once."""
    handler.close_connection = True
    cookies = b"".join(b"Set-Cookie: c%d=v\r\n" % number for number in range(1_000))
    handler.wfile.write(b"HTTP/1.1 202 Accepted\r\n" + cookies + b"Content-Length: 0\r\n\r\n")


@functools.cache
def packed_gigabyte() -> bytes:
    """Return a gigabyte of nothing, packed into a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 10)) + packer.flush()


def refuses_at_length(handler: Handler) -> None:
    """Refuse the event, in a gigabyte."""
    says(400, packed_gigabyte(), Content_Encoding="gzip")(handler)


def fails_at_length(handler: Handler) -> None:
    """Fail, in a gigabyte."""
    says(500, packed_gigabyte(), Content_Encoding="gzip")(handler)


@dataclasses.dataclass(frozen=True)
class Case:
    """A fault of a server, or of the way to it, and what comes of it."""

    script: Script
    exit_code: int
    said: str
    """What the log says of it, in a line of its own or at the run's end."""
    way: str = "direct"
    outcome: str = "undelivered"
    code: str | None = None


PAGE = says(200, b"<html><title>Sign in to the network</title>", Content_Type="text/html")
CASES: dict[str, Case] = {
    "an answer that trickles": Case(trickles, 0, "", outcome="delivered"),
    "a connection that is accepted and never answered": Case(
        never_answers, 1, "no answer ReadTimeoutError, no answer in time", code="ZE501"
    ),
    "a connection that is closed in place of an answer": Case(
        hangs_up, 1, "no answer RemoteDisconnected, the connection was lost", code="ZE501"
    ),
    "a TLS handshake that breaks": Case(hangs_up, 1, "no answer SSLError, TLS broke off", way="TLS", code="ZE501"),
    "a proxy that refuses": Case(
        says(403), 2, "the proxy on the way to Zendesk does not let this machine through", way="proxy", code="ZE307"
    ),
    "a proxy that asks for a password": Case(
        says(407), 2, "the proxy on the way to Zendesk asks for a user and a password", way="proxy", code="ZE306"
    ),
    "a proxy that fails": Case(says(502), 1, "no answer ProxyRefusal 502", way="proxy", code="ZE501"),
    "a proxy where nobody listens": Case(
        says(500), 1, "no answer NewConnectionError, connection refused", way="no proxy there", code="ZE501"
    ),
    "a name that DNS does not know": Case(
        says(500), 1, "no answer NameResolutionError, no such host, or no name server", way="DNS", code="ZE501"
    ),
    "a redirect": Case(says(302, Location="https://other.invalid/"), 2, "(HTTP 302)", code="ZE309"),
    "a web page with status 200": Case(PAGE, 1, "Zendesk takes nothing (HTTP 200)", code="ZE501"),
    "a web page with status 202": Case(says(202, b"<html>", Content_Type="text/html"), 0, "", outcome="delivered"),
    "a packed gigabyte in a refusal": Case(refuses_at_length, 0, "", outcome="rejected"),
    "a packed gigabyte in an error of the server's": Case(
        fails_at_length, 1, "Zendesk takes nothing (HTTP 500)", code="ZE501"
    ),
    "a thousand cookies in a dozen answers": Case(bakes, 0, "", outcome="delivered"),
    "a thousand cookies in one answer": Case(bakes_a_thousand, 1, "no answer HTTPException", code="ZE501"),
}
BOUNDED = ("bash", "-c", 'ulimit -v 1000000; exec "$@"', "bash")
"""A gigabyte at most for the whole process, its libraries and threads included."""


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_broken_server_ends_a_run_in_its_stated_way(name: str, tmp_path: Path) -> None:
    """Exit code, outcome and the line in the log are as documented; STATE goes out for what is settled alone."""
    case = CASES[name]
    messages = MESSAGES
    packed_gigabyte()  # made before anybody waits for it
    if case.script is bakes:
        messages = support.lines(
            [support.schema("orders"), *(support.record("orders", number) for number in range(12))]
        )
        messages += support.lines([support.state({"upto": 1})])
    with serving(case.script) as server:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            proxies = {"proxy": server.url, "no proxy there": f"http://127.0.0.1:{taken.getsockname()[1]}"}
        urls = {"direct": server.url, "TLS": server.url.replace("http:", "https:")}
        environment = {"HTTPS_PROXY": proxies.get(case.way, ""), "NO_PROXY": "", "no_proxy": ""}
        settings = settings_for(urls.get(case.way, OUTSIDE), tmp_path)
        started = time.monotonic()
        done = support.command(settings, tmp_path, given=messages, environment=environment, wrapper=BOUNDED)
        took = time.monotonic() - started
    log = done.stderr.decode()
    report = support.report_in(tmp_path / "data")
    assert done.returncode == case.exit_code, log
    assert took < 15
    assert case.said in log
    assert report["codes"] == ([case.code] if case.code else [])
    count = 12 if case.script is bakes else 1
    assert (report["totals"]["events"], report["totals"][case.outcome]) == (count, count)
    assert done.stdout == (b"" if case.outcome == "undelivered" else b'{"upto": 1}\n')
    assert PRIVATE not in log
    assert "Traceback" not in log
    assert not server.cookies


def settings_for(url: str, folder: Path) -> dict[str, Any]:
    """Return a configuration of short waits."""
    return support.config(url, folder, request_timeout_seconds=1, max_outage_seconds=2, access_token="t")


def test_every_broken_server_has_its_row() -> None:
    """The table in the docs names each case, with its exit code and what the log says of it."""
    section = DOCS.read_text().partition("## Slow and broken servers")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split(" | ")] for line in section.splitlines() if line.startswith("| ")]
    told = {cells[0].removeprefix("| "): cells for cells in rows}
    for name, case in CASES.items():
        assert name in told, name
        _, _, exit_code, said = told[name]
        assert exit_code == str(case.exit_code), name
        assert not case.said or case.said in said, name
        assert not case.code or re.search(rf"\b{case.code}\b", said), name
