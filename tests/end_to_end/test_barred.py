"""What no waiting mends on the way to Zendesk ends a run at once, with its cure."""

from __future__ import annotations

import contextlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import support

MESSAGES = support.lines([support.schema("orders"), support.record("orders", 1), support.state({"upto": 1})])
CREDENTIALS: dict[str, dict[str, str]] = {
    "an event": {"access_token": "token-1"},
    "a token": {"client_id": "me", "client_secret": "secret-1"},
}

pytestmark = pytest.mark.slow


class Zendesk(http.server.BaseHTTPRequestHandler):
    """Takes everything; as a proxy, it asks for a password."""

    proxy_status = 407

    def do_POST(self) -> None:
        """Take an event, or give a token."""
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"access_token": "token-1", "token_type": "bearer"}).encode()
        self.send_response(202)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        """Refuse a tunnel."""
        self.send_response(self.proxy_status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(cert: Path | None = None, status: int = 407) -> Iterator[int]:
    """Serve, with TLS where there is a certificate; give the port."""
    handler = type("Handler", (Zendesk,), {"proxy_status": status})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if cert is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def run(
    url: str, folder: Path, asked: str, environment: Mapping[str, str]
) -> tuple[int, bytes, list[str], dict[str, Any]]:
    """Run the real command line; return exit code, output, the lines of errors and the report."""
    settings = support.config(url, folder, **CREDENTIALS[asked])
    unset = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"), "")
    done = support.command(settings, folder, given=MESSAGES, environment={**unset, **environment})
    faults = [line for line in done.stderr.decode().splitlines() if "| ERROR" in line and "run finished" not in line]
    return done.returncode, done.stdout, faults, json.loads((folder / "data" / "last-run.json").read_bytes())


@pytest.mark.parametrize("asked", CREDENTIALS)
@pytest.mark.parametrize(
    ("name", "is_trusted", "cure"),
    [
        ("localhost", False, "not trusted here"),
        ("other.example", True, "is for another name: check subdomain or api_url"),
    ],
)
def test_a_certificate_that_does_not_verify(name: str, is_trusted: bool, cure: str, asked: str, tmp_path: Path) -> None:
    """Exit 2 within seconds, in one line that says what mends it; nothing is settled."""
    cert = support.certificate(tmp_path, f"DNS:{name}")
    started = time.monotonic()
    with serving(cert) as port:
        trusted = {"SSL_CERT_FILE": str(cert)} if is_trusted else {}
        code, output, faults, report = run(f"https://localhost:{port}", tmp_path, asked, trusted)
    assert time.monotonic() - started < 6
    assert (code, output, report["totals"]["undelivered"]) == (2, b"", 1)
    assert len(faults) == 1
    assert cure in faults[0]


@pytest.mark.parametrize("asked", CREDENTIALS)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_root_of_one_s_own_is_trusted(variable: str, asked: str, tmp_path: Path) -> None:
    """Both variables are honoured, by the token endpoint too."""
    cert = support.certificate(tmp_path, "DNS:localhost")
    with serving(cert) as port:
        code, output, faults, _ = run(f"https://localhost:{port}", tmp_path, asked, {variable: str(cert)})
    assert (code, output, faults) == (0, b'{"upto": 1}\n', [])


@pytest.mark.parametrize("asked", CREDENTIALS)
@pytest.mark.parametrize(
    ("status", "cure"),
    [(407, "asks for a user and a password: give them in HTTPS_PROXY"), (403, "does not let this machine through")],
)
def test_a_proxy_that_lets_nothing_through(status: int, cure: str, asked: str, tmp_path: Path) -> None:
    """Exit 2 within seconds, and no word of the proxy's own password."""
    started = time.monotonic()
    with serving(status=status) as port:
        proxy = {"HTTPS_PROXY": f"http://me:pass-1@127.0.0.1:{port}", "NO_PROXY": "", "no_proxy": ""}
        code, output, faults, report = run("https://acme.invalid", tmp_path, asked, proxy)
    assert time.monotonic() - started < 6
    assert (code, output, report["stopped_by"]) == (2, b"", "ConfigurationError")
    assert len(faults) == 1
    assert cure in faults[0]
    assert "pass-1" not in faults[0]
