"""The client against a real server on loopback that does as each test says."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import http.server
import io
import json
import logging
import socket
import ssl
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import support

from target_zendesk_events.errors import AddressError, ConfigurationError
from target_zendesk_events.kinds.request import Request
from target_zendesk_events.kinds.timeline import EVENTS
from target_zendesk_events.zendesk import transport
from target_zendesk_events.zendesk.answers import Answer, Kind
from target_zendesk_events.zendesk.auth import (
    ApiToken,
    Auth,
    BearerToken,
    ClientCredentials,
    NoCredentials,
    Password,
)
from target_zendesk_events.zendesk.client import Client
from target_zendesk_events.zendesk.pages import Page, page_of
from target_zendesk_events.zendesk.rights import EVENTS as EVENTS_RIGHT
from target_zendesk_events.zendesk.rights import TICKETS as TICKETS_RIGHT

PATH = "/api/v2/user_profiles/events"
EVENT = b'{"profile":{},"event":{}}'
POST = Request("POST", PATH, EVENT)
RECEIVED = b'{"status":"received"}'

SCOPE = "users:write"

Handler = http.server.BaseHTTPRequestHandler
Script = Callable[[Handler], None]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine's own proxies and CA bundles out of it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@dataclasses.dataclass
class Asked:
    """A request as the server saw it, and from which port of ours."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


class Server(http.server.ThreadingHTTPServer):
    """A server that hands each request to the next of its scripts; the last one stays."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *scripts: Script) -> None:
        """Serve these scripts on a free port."""
        self.scripts = list(scripts)
        self.asked: list[Asked] = []
        super().__init__(("127.0.0.1", 0), _Scripted)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: broken connections are what these tests are about."""


class _Scripted(Handler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, self.path, headers, body, self.client_address[1]))
        scripts = self.server.scripts
        (scripts.pop(0) if len(scripts) > 1 else scripts[0])(self)

    do_GET = do_POST = do_CONNECT = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def says(status: int, body: bytes = RECEIVED, **headers: str) -> Script:
    """Answer so; `_` in a header's name stands for `-`."""

    def script(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Type": "application/json"} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return script


def writes(*parts: bytes, pause: float = 0.0, reset: bool = False) -> Script:
    """Write these bytes, a pause after each, then close the connection, by a reset if told so."""

    def script(handler: Handler) -> None:
        handler.close_connection = True
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(pause)
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()

    return script


@contextlib.contextmanager
def serving(*scripts: Script) -> Iterator[Server]:
    """Run a server meanwhile."""
    server = Server(*scripts)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def client_of(url: str, auth: Auth | None = None, **values: Any) -> Iterator[Client]:
    """Make a client, and close it."""
    given: dict[str, Any] = {"timeout_seconds": 5.0, "user_agent": "tests", "auth": auth or NoCredentials()} | values
    client = Client(base_url=url, **given)
    try:
        yield client
    finally:
        client.close()


def post(*scripts: Script, **values: Any) -> Answer:
    """Post one event to a server with these scripts."""
    with serving(*scripts) as server, client_of(server.url, **values) as client:
        return client.send(POST)


@functools.cache
def packed_gigabyte() -> bytes:
    """Return a gigabyte of nothing, packed into a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 10)) + packer.flush()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class TestPosting:
    """One event, one request."""

    def test_an_event_is_one_request(self) -> None:
        """The body goes as it is, with a length, our name, and the events endpoint below the base URL."""
        with serving(says(202)) as server, client_of(server.url + "/zendesk/") as client:
            answer = client.send(POST)
            assert (answer.kind, answer.status) == (Kind.ACCEPTED, 202)
            assert 0 < answer.seconds < 5
            (asked,) = server.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/zendesk" + PATH, EVENT)
        assert asked.headers["content-type"] == "application/json"
        assert asked.headers["user-agent"] == "tests"
        assert asked.headers["content-length"] == str(len(EVENT))
        assert "authorization" not in asked.headers
        assert "transfer-encoding" not in asked.headers

    @pytest.mark.parametrize(
        ("auth", "header"),
        [
            (BearerToken("token-1"), "Bearer token-1"),
            (ApiToken("a@example.com", "key"), "Basic YUBleGFtcGxlLmNvbS90b2tlbjprZXk="),
            (Password("a@example.com", "é"), "Basic YUBleGFtcGxlLmNvbTrDqQ=="),
        ],
    )
    def test_credentials_go_in_the_header(
        self, auth: Auth, header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each way to authenticate writes its Authorization header, and a .netrc replaces none."""
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login other password other\n")
        monkeypatch.setenv("NETRC", str(netrc))
        with serving(says(202)) as server, client_of(server.url, auth) as client:
            client.send(POST)
            assert server.asked[0].headers["authorization"] == header

    def test_connections_serve_again(self) -> None:
        """Answers of every kind are read to their end, so that one connection serves many requests."""
        scripts = [says(202), says(429, b"slow down", Retry_After="1"), says(500, b"x" * 100_000), says(202)]
        with serving(*scripts) as server, client_of(server.url) as client:
            kinds = [client.send(POST).kind for _ in range(4)]
            assert len({asked.port for asked in server.asked}) == 1
        assert kinds == [Kind.ACCEPTED, Kind.LIMITED, Kind.UNKNOWN, Kind.ACCEPTED]

    def test_threads_share_a_client(self) -> None:
        """Many threads post at once, each over a connection of its own."""
        with serving(says(202)) as server, client_of(server.url, max_connections=8) as client:
            with ThreadPoolExecutor(8) as threads:
                answers = list(threads.map(lambda _: client.send(POST), range(80)))
            assert {answer.kind for answer in answers} == {Kind.ACCEPTED}
            assert len({asked.port for asked in server.asked}) <= 8

    def test_an_idle_connection_is_not_trusted(self) -> None:
        """A connection idle for longer than servers keep one is replaced, for its closing could swallow a request."""
        now = [0.0]
        with serving(says(202)) as server, client_of(server.url, monotonic=lambda: now[0]) as client:
            for seconds in (0.0, transport.MAX_IDLE_SECONDS, transport.MAX_IDLE_SECONDS + 0.1):
                now[0] += seconds
                assert client.send(POST).kind is Kind.ACCEPTED
            first, second, third = (asked.port for asked in server.asked)
        assert first == second != third

    def test_a_connection_that_the_server_closed_is_replaced(self) -> None:
        """A connection that the server has closed meanwhile is seen before anything is sent."""

        def accept_and_close(handler: Handler) -> None:
            says(202)(handler)
            handler.close_connection = True

        with serving(accept_and_close) as server, client_of(server.url) as client:
            for _ in range(3):
                assert client.send(POST).kind is Kind.ACCEPTED
                time.sleep(0.05)

    @pytest.mark.parametrize("status", [102, 103])
    def test_what_follows_an_interim_answer_is_nobody_elses(self, status: int) -> None:
        """The outcome is unknown then, and the answer that comes later is not taken for the next request's."""

        def late(handler: Handler) -> None:
            handler.wfile.write(f"HTTP/1.1 {status} Soon\r\nLink: </>\r\n\r\n".encode())
            handler.wfile.flush()
            time.sleep(0.2)
            says(400)(handler)

        with serving(late, says(202)) as server, client_of(server.url) as client:
            kinds = [client.send(POST).kind for _ in range(2)]
        assert kinds == [Kind.UNKNOWN, Kind.ACCEPTED]


class TestTrouble:
    """What is known when a request fails."""

    @pytest.mark.parametrize(
        "script",
        [
            writes(),
            writes(reset=True),
            writes(b"HTTP/1.1 20", reset=True),
            writes(b"nonsense\r\n\r\n"),
            writes(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000),
        ],
        ids=["closed", "reset", "half a status", "no HTTP", "endless header"],
    )
    def test_a_lost_answer_is_unknown(self, script: Script) -> None:
        """When the request has left and no status came back, nobody knows what became of the event."""
        answer = post(script)
        assert (answer.kind, answer.status) == (Kind.UNKNOWN, None)
        assert answer.code
        assert answer.is_temporary

    def test_a_timeout_is_unknown(self) -> None:
        """An answer that does not come in time is an unknown outcome, and the wait is as long as was said."""
        answer = post(writes(b"", pause=0.5), timeout_seconds=0.1)
        assert (answer.kind, answer.status) == (Kind.UNKNOWN, None)
        assert 0.1 <= answer.seconds < 0.5

    @pytest.mark.parametrize("code", [202, 200])
    @pytest.mark.parametrize("reset", [True, False])
    def test_a_status_is_enough(self, code: int, reset: bool) -> None:
        """A success whose body is lost is a success."""
        head = f"HTTP/1.1 {code} Fine\r\nContent-Length: 100\r\n\r\n".encode()
        assert post(writes(head, b"{", reset=reset)).kind is Kind.ACCEPTED

    def test_a_slow_body_is_cut_short(self) -> None:
        """A body that comes byte by byte is read until the time for all is over; the status counts."""
        head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n"
        answer = post(writes(head, *[b"x"] * 20, pause=0.02), total_seconds=0.1)
        assert answer.kind is Kind.ACCEPTED
        assert 0.1 <= answer.seconds < 0.35

    def test_a_slow_head_is_given_up_on(self) -> None:
        """A status line that comes byte by byte is waited for until the time for all is over, and no longer."""
        head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        answer = post(writes(*[head[place : place + 1] for place in range(20)], pause=0.05), total_seconds=0.3)
        assert (answer.kind, answer.status, answer.code) == (Kind.UNKNOWN, None, "ReadTimeoutError")
        assert 0.3 <= answer.seconds < 0.8

    def test_a_slow_tunnel_is_given_up_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy whose answer comes byte by byte has no more time either, and nothing was sent."""
        with serving(writes(*[b"H"] * 20, pause=0.05)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with client_of("https://acme.invalid", total_seconds=0.3) as client:
                answer = client.send(POST)
        assert answer.kind is Kind.NOT_SENT
        assert 0.3 <= answer.seconds < 0.8

    def test_a_slow_answer_leaves_the_next_its_time(self) -> None:
        """The little time that was left for one answer is not the next one's."""

        def slowly(handler: Handler) -> None:
            time.sleep(0.35)
            says(202)(handler)

        with serving(slowly) as server, client_of(server.url, total_seconds=0.5) as client:
            assert [client.send(POST).kind for _ in range(3)] == [Kind.ACCEPTED] * 3
            assert len({asked.port for asked in server.asked}) == 1

    def test_an_endless_body_is_cut_short(self) -> None:
        """A body is looked at up to a mebibyte."""
        head = b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\n\r\n"
        answer = post(writes(head, *[b"x" * 65_536] * 40))
        assert answer.kind is Kind.REFUSED
        assert len(answer.message) == 1000

    @pytest.mark.parametrize("status", [400, 500, 202, 200])
    def test_a_packed_gigabyte_fills_no_memory(self, status: int) -> None:
        """Of a body that unpacks to far more than it is, no more is looked at than of any other."""
        bomb = packed_gigabyte()
        with serving(says(status, bomb, Content_Encoding="gzip")) as server, client_of(server.url) as client:
            client.send(POST)  # what is loaded once is loaded
            tracemalloc.start()
            answer = client.send(POST)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert len({asked.port for asked in server.asked}) <= 2
        assert peak < 24 << 20
        assert answer.status == status
        assert len(answer.message) <= 1000

    @pytest.mark.parametrize(
        ("name", "pack"), [("gzip", gzip.compress), ("X-Gzip", gzip.compress), ("deflate", zlib.compress)]
    )
    def test_a_packed_answer_is_read(self, name: str, pack: Callable[[bytes], bytes]) -> None:
        """What stands between may pack an answer though none was asked for: its words and its content are read."""
        refusal = pack(b'{"error":"RecordInvalid","description":"no such thing"}')
        answer = post(says(422, refusal, Content_Encoding=name))
        assert (answer.code, answer.message) == ("RecordInvalid", "no such thing")
        page = pack(b'{"events":[{"id":"1"}]}')
        with serving(says(200, page, Content_Encoding=name)) as server, client_of(server.url) as client:
            assert page_of(read(client), "events").items == ({"id": "1"},)
            assert server.asked[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize("body", [b"not packed at all", b"\x1f\x8b", b""])
    def test_a_body_that_is_not_packed_as_it_says_breaks_nothing(self, body: bytes) -> None:
        """It is looked at as it came."""
        assert post(says(400, body, Content_Encoding="gzip")).kind is Kind.REFUSED

    def test_cookies_are_nobodys(self) -> None:
        """Whatever an answer wants kept: nothing is, and nothing is sent back."""
        numbers = iter(range(10_000))

        def baking(handler: Handler) -> None:
            handler.send_response(202)
            for _ in range(90):
                handler.send_header("Set-Cookie", f"c{next(numbers)}=v; Path=/")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with serving(baking) as server, client_of(server.url) as client:
            assert [client.send(POST).kind for _ in range(12)] == [Kind.ACCEPTED] * 12
            assert not [asked for asked in server.asked if "cookie" in asked.headers]
            assert len(client._session.cookies) == 0  # noqa: SLF001 - where requests would keep them

    def test_more_headers_than_can_be_read_are_a_lost_answer(self) -> None:
        """Of an answer with a thousand cookies nothing is known, and its connection is not used again."""
        cookies = b"".join(b"Set-Cookie: c%d=v\r\n" % number for number in range(1_000))
        head = b"HTTP/1.1 202 Accepted\r\n" + cookies + b"Content-Length: 0\r\n\r\n"
        with serving(writes(head), says(202)) as server, client_of(server.url) as client:
            answers = [client.send(POST) for _ in range(2)]
        assert [answer.kind for answer in answers] == [Kind.UNKNOWN, Kind.ACCEPTED]
        assert answers[0].code == "HTTPException"

    def test_a_closed_port_is_not_sent(self) -> None:
        """Nothing was sent where nobody listens."""
        with client_of(f"http://127.0.0.1:{free_port()}") as client:
            answer = client.send(POST)
        assert (answer.kind, answer.status, answer.code) == (Kind.NOT_SENT, None, "NewConnectionError")

    def test_an_unknown_name_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing was sent to a host whose name is not found."""
        monkeypatch.setenv("NO_PROXY", "*")
        with client_of("https://acme.invalid") as client:
            answer = client.send(POST)
        assert (answer.kind, answer.code) == (Kind.NOT_SENT, "NameResolutionError")

    @pytest.mark.parametrize("reset", [True, False])
    def test_a_broken_handshake_is_not_sent(self, reset: bool) -> None:
        """Nothing was sent when TLS could not be agreed on, whichever way that ends."""
        listener = socket.create_server(("127.0.0.1", 0))

        def hang_up() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=hang_up)
        thread.start()
        with listener, client_of(f"https://127.0.0.1:{listener.getsockname()[1]}") as client:
            answer = client.send(POST)
            thread.join()
        assert (answer.kind, answer.status) == (Kind.NOT_SENT, None)

    def test_a_slow_handshake_is_not_sent(self) -> None:
        """Nothing was sent to a server that takes the connection and never speaks TLS."""
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            client_of(f"https://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=0.1) as client,
        ):
            assert client.send(POST).kind is Kind.NOT_SENT

    def test_a_server_without_tls_is_not_sent(self) -> None:
        """Nothing was sent to a server that speaks plain HTTP where TLS is asked for."""
        with serving(says(202)) as server, client_of(server.url.replace("http:", "https:")) as client:
            assert client.send(POST).kind is Kind.NOT_SENT
            assert not server.asked

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirects_are_not_followed(self, status: int) -> None:
        """A redirect is an answer: the event and the credentials go nowhere else."""
        with serving(says(202)) as other, serving(says(status, b"", Location=other.url)) as server:
            with client_of(server.url, BearerToken("token-1")) as client:
                assert client.send(POST).kind is Kind.ASTRAY
            assert len(server.asked) == 1
            assert not other.asked

    def test_a_page_of_a_proxy_is_no_success(self) -> None:
        """A 200 that is a web page says nothing of the event; a 202 counts whatever its body."""
        assert post(says(200, b"<html>", Content_Type="text/html")).kind is Kind.UNKNOWN
        assert post(says(202, b"<html>", Content_Type="text/html")).kind is Kind.ACCEPTED

    def test_failures_name_no_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        """No log line and no answer tells a token, an address or a customer."""
        caplog.set_level(logging.DEBUG)
        scripts = [writes(), says(500), writes(b"HTTP/1.1 200 OK\r\n broken\r\n\r\n"), writes(reset=True)]
        with serving(*scripts) as server, client_of(server.url, BearerToken("token-1")) as client:
            answers = [read(client) for _ in range(4)]
        told = caplog.text + repr(answers)
        assert not [word for word in ("token-1", "jo%40", "jo@", "127.0.0.1") if word in told]


class TestRoute:
    """Proxies and CA bundles, as the environment names them."""

    def test_a_proxy_is_honoured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment's proxy is asked for a tunnel; its refusal means that nothing was sent."""
        with serving(says(407, b"")) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with client_of("https://acme.invalid", BearerToken("token-1")) as client:
                answer = client.send(POST)
            (asked,) = proxy.asked
        assert (asked.method, asked.path) == ("CONNECT", "acme.invalid:443")
        assert "authorization" not in asked.headers
        assert (answer.kind, answer.code) == (Kind.BARRED, "ProxyRefusal 407")
        assert "asks for a user and a password" in answer.message

    @pytest.mark.parametrize("answer", [writes(), writes(reset=True), writes(b"HTTP/1.1 200 OK\r\n\r\n")])
    def test_a_broken_tunnel_is_not_sent(self, answer: Script, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing was sent when the way through the proxy breaks before TLS stands."""
        with serving(answer) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with client_of("https://acme.invalid") as client:
                assert client.send(POST).kind is Kind.NOT_SENT
            assert len(proxy.asked) == 1

    def test_no_proxy_is_honoured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host that NO_PROXY names is reached without the proxy."""
        with serving(says(407, b"")) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", "acme.invalid")
            with client_of("https://acme.invalid") as client:
                assert client.send(POST).kind is Kind.NOT_SENT
            assert not proxy.asked

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_loopback_never_goes_through_a_proxy(self, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """An address on this machine is reached directly, whatever the environment says."""
        with serving(says(500)) as proxy, serving(says(202)) as server:
            for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            with client_of(server.url.replace("127.0.0.1", host)) as client:
                assert client.send(POST).kind is Kind.ACCEPTED
            assert not proxy.asked

    @pytest.mark.parametrize("url", ["http://acme.zendesk.com", "http://10.0.0.1", "ftp://acme.zendesk.com", "acme"])
    def test_nothing_but_https_leaves_the_machine(self, url: str) -> None:
        """Plain http is for loopback alone."""
        with pytest.raises(AddressError, match="https"), client_of(url):
            pass

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem"),
            ("CURL_CA_BUNDLE", "/nonexistent/ca.pem"),
            ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
            ("HTTPS_PROXY", "http://"),
            ("HTTPS_PROXY", "socks5://127.0.0.1:1"),
        ],
    )
    def test_a_route_that_cannot_work_is_told_at_once(
        self, name: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy or a CA bundle of the environment that no request could use is a fault of the configuration."""
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigurationError, match=name), client_of("https://acme.invalid"):
            pass


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 and acme.invalid that nobody trusts yet, with its key in the same file."""
    return support.certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1,DNS:acme.invalid")


@contextlib.contextmanager
def serving_tls(certificate: Path, *scripts: Script) -> Iterator[Server]:
    """Run a server that speaks TLS meanwhile."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(*scripts) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.url = server.url.replace("http:", "https:")
        yield server


class TestTLS:
    """Encrypted connections."""

    def test_an_unknown_issuer_is_not_sent(self, certificate: Path) -> None:
        """Certificates are verified: nothing is sent to a server that cannot prove its name."""
        with serving_tls(certificate, says(202)) as server, client_of(server.url) as client:
            answer = client.send(POST)
            assert (answer.kind, answer.code) == (Kind.BARRED, "SSLCertVerificationError")
            assert "REQUESTS_CA_BUNDLE or SSL_CERT_FILE" in answer.message
            assert not server.asked

    def test_verification_cannot_be_switched_off(self, certificate: Path) -> None:
        """A session that was told not to verify is not listened to."""
        session = requests.Session()
        session.verify = False
        with serving_tls(certificate, says(202)) as server, client_of(server.url, session=session) as client:
            assert client.send(POST).kind is Kind.BARRED

    def test_a_certificate_for_another_name_is_not_sent(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever answers must have a certificate for the name that was asked."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with serving_tls(certificate, says(202)) as server:
            with client_of(server.url.replace("127.0.0.1", "localhost")) as client:
                answer = client.send(POST)
            assert (answer.kind, answer.code) == (Kind.BARRED, "SSLCertVerificationError")
            assert "for another name" in answer.message
            assert not server.asked

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_a_ca_bundle_is_honoured(self, name: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment's CA bundle decides whom to trust."""
        for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(other, raising=False)
        monkeypatch.setenv(name, str(certificate))
        with serving_tls(certificate, says(202)) as server, client_of(server.url) as client:
            assert [client.send(POST).kind for _ in range(2)] == [Kind.ACCEPTED] * 2
            assert len({asked.port for asked in server.asked}) == 1

    @pytest.mark.parametrize("script", [writes(), writes(reset=True)])
    def test_tls_that_breaks_after_sending_is_unknown(
        self, script: Script, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A TLS connection that breaks once the request has left leaves the outcome unknown."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with serving_tls(certificate, script) as server, client_of(server.url) as client:
            assert client.send(POST).kind is Kind.UNKNOWN
            assert len(server.asked) == 1

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", Kind.ACCEPTED), (b"", Kind.UNKNOWN)],
    )
    def test_a_tunnel_carries_the_request(
        self, answer: bytes, kind: Kind, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Through a proxy the request goes encrypted to the real host; what breaks after it has left is unknown."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        seen: list[bytes] = []

        def tunnel(handler: Handler) -> None:
            handler.close_connection = True
            handler.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with context.wrap_socket(handler.connection, server_side=True) as inside:
                while not b"".join(seen).endswith(EVENT):
                    seen.append(inside.recv(65_536))
                inside.sendall(answer)

        with serving(tunnel) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with client_of("https://acme.invalid", BearerToken("token-1")) as client:
                assert client.send(POST).kind is kind
            assert [asked.path for asked in proxy.asked] == ["acme.invalid:443"]
        assert b"".join(seen).startswith(f"POST {PATH} HTTP/1.1\r\n".encode())


class FakeAdapter(requests.adapters.BaseAdapter):
    """An adapter of somebody else: it answers, or raises, as told."""

    def __init__(self, outcome: requests.Response | Exception) -> None:
        """Answer, or raise, this."""
        super().__init__()
        self.outcome = outcome

    def send(self, *_: object, **__: object) -> requests.Response:
        """Do as told."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def close(self) -> None:
        """Hold nothing."""


class TestGivenSession:
    """A session that is given in keeps its adapters."""

    def test_its_adapter_answers(self) -> None:
        """A session with an adapter of its own serves as it is."""
        response = requests.Response()
        response.status_code = 202
        response.raw = io.BytesIO(RECEIVED)
        assert self._post(response).kind is Kind.ACCEPTED

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (requests.ConnectTimeout(), Kind.NOT_SENT),
            (requests.exceptions.SSLError(ssl.SSLCertVerificationError()), Kind.BARRED),
            (requests.exceptions.SSLError(ssl.SSLEOFError()), Kind.UNKNOWN),
            (requests.exceptions.ProxyError(), Kind.NOT_SENT),
            (requests.ReadTimeout(), Kind.UNKNOWN),
            (requests.ConnectionError(), Kind.UNKNOWN),
            (requests.exceptions.ChunkedEncodingError(), Kind.UNKNOWN),
            (ConnectionResetError(), Kind.UNKNOWN),
        ],
    )
    def test_its_errors_are_read(self, error: Exception, kind: Kind) -> None:
        """Where a connection cannot say whether the request has left, the error's kind does, and doubt is unknown."""
        answer = self._post(error)
        assert (answer.kind, answer.status, answer.code) == (kind, None, type((*error.args, error)[0]).__name__)

    def _post(self, outcome: requests.Response | Exception) -> Answer:
        session = requests.Session()
        session.mount("https://", FakeAdapter(outcome))
        with client_of("https://acme.invalid", session=session) as client:
            return client.send(POST)


def read(client: Client) -> Answer:
    """Read the first page of one customer's events."""
    return client.send(Request("GET", f"{PATH}?identifier=shop%3Acustomer%3Aemail%3Ajo%40example.com", holds=EVENTS))


class TestReading:
    """Reading events back, and asking who we are."""

    @pytest.mark.parametrize(
        ("rest", "cursor"),
        [
            ({}, ""),
            ({"meta": {"has_more": True, "after_cursor": "c1"}}, "c1"),
            ({"meta": {"has_more": False, "after_cursor": "c1"}}, ""),
            ({"meta": {"has_more": True}}, ""),
            ({"links": [{"next": "https://other.invalid/x?page%5Bafter%5D=c2%3D&page%5Bsize%5D=1"}]}, "c2="),
            ({"links": {"next": "/x?page[after]=c3"}}, "c3"),
            ({"links": [{"next": "http://[x?page[after]=c4#there"}]}, "c4"),
            ({"links": [{"next": "http://[x"}]}, ""),
            ({"links": [{"next": ""}]}, ""),
            ({"links": [{"next": None}]}, ""),
            ({"links": []}, ""),
        ],
    )
    def test_a_page_tells_where_the_next_begins(self, rest: dict[str, object], cursor: str) -> None:
        """The cursor comes from `meta`, or from the next link, of which nothing else is followed."""
        body = json.dumps({"events": [{"id": "1"}, "odd"], **rest}).encode()
        with serving(says(200, body)) as server, client_of(server.url) as client:
            assert page_of(read(client), "events") == Page(({"id": "1"},), cursor)

    def test_a_page_that_breaks_off_is_unknown(self) -> None:
        """Half a page is no page, and reading again is safe."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        with serving(writes(head, b'{"events":[')) as server, client_of(server.url) as client:
            assert read(client).kind is Kind.UNKNOWN

    def test_a_large_page_is_read_whole(self) -> None:
        """A page of events may be longer than any other answer."""
        body = json.dumps({"events": [{"properties": {"x": "y" * 30_000}}] * 100}).encode()
        with serving(says(200, body)) as server, client_of(server.url) as client:
            assert len(page_of(read(client), "events").items) == 100

    def test_credentials_have_an_owner(self) -> None:
        """Who the credentials belong to is in the payload; a 403 means that they may not ask."""
        scripts = [says(200, b'{"user":{"id":7}}'), says(403, b"{}")]
        with serving(*scripts) as server, client_of(server.url, BearerToken("token-1")) as client:
            answer = client.who_am_i()
            assert (answer.kind, answer.payload) == (Kind.ACCEPTED, {"user": {"id": 7}})
            assert client.who_am_i().kind is Kind.DENIED
            assert server.asked[0].path == "/api/v2/users/me.json"
            assert server.asked[0].headers["authorization"] == "Bearer token-1"

    def test_a_denial_says_what_the_request_takes(self) -> None:
        """By its method and path, whatever Zendesk's words are; no other answer says so."""
        scripts = [says(403, b"{}"), says(403, b"{}"), says(400, b"{}")]
        with serving(*scripts) as server, client_of(server.url + "/zendesk") as client:
            assert client.send(POST).right == EVENTS_RIGHT.to_write
            assert client.look_up("/api/v2/tickets/7").right == TICKETS_RIGHT.to_read
            assert client.send(POST).right == ""


class TestRenewing:
    """A new token, and the answers that carry the old one's generation."""

    def test_an_answer_knows_its_token(self) -> None:
        """Answers carry the generation of their token, so that a 401 to an old one is told from one to the newest."""
        scripts = [
            says(200, b'{"access_token":"token-1"}'),
            says(401),
            says(201, b'{"access_token":"token-2"}'),
            says(202),
        ]
        auth = ClientCredentials("client", "secret", SCOPE)
        with serving(*scripts) as server, client_of(server.url, auth) as client:
            answers = [client.renew(), client.send(POST), client.renew(), client.send(POST)]
            headers = [asked.headers.get("authorization") for asked in server.asked]
        assert [answer.token for answer in answers] == [1, 1, 2, 2]
        kinds = [answer.kind for answer in answers]
        assert kinds == [Kind.ACCEPTED, Kind.EXPIRED, Kind.ACCEPTED, Kind.ACCEPTED]
        assert headers == [None, "Bearer token-1", None, "Bearer token-2"]
        assert "token-" not in repr(answers)

    def test_only_one_renews_at_a_time(self) -> None:
        """Threads that want a new token at the same time get one and the same."""

        def slowly(handler: Handler) -> None:
            time.sleep(0.2)
            says(200, b'{"access_token":"token-1"}')(handler)

        auth = ClientCredentials("client", "secret", SCOPE)
        with serving(slowly) as server, client_of(server.url, auth) as client:
            with ThreadPoolExecutor(4) as threads:
                answers = list(threads.map(lambda _: client.renew(), range(4)))
            assert len(server.asked) == 1
        assert {(answer.kind, answer.token) for answer in answers} == {(Kind.ACCEPTED, 1)}

    def test_fixed_credentials_need_no_renewal(self) -> None:
        """Where nothing can be renewed, nothing is asked."""
        with serving(says(500)) as server, client_of(server.url, BearerToken("token-1")) as client:
            assert client.renew().kind is Kind.ACCEPTED
            assert not server.asked
