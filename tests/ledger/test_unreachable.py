"""Why a PostgreSQL server gives no connection, told by facts: its own words are in its own language."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import support
from hypothesis import given, settings
from hypothesis import strategies as st

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.transactions import Busy

pytestmark = pytest.mark.slow

GERMAN = 'die Verbindung wurde abgelehnt (sslmode?), C "00000"\n\tC "57P03"'


class Server:
    """Begins to speak as a PostgreSQL server does, and then refuses."""

    def __init__(self, code: str = "", *, answer: bytes = b"N", asks: int = 0, certificate: Path | None = None) -> None:
        """Answer to the wish for TLS; then refuse with `code`, or ask for a password in the way `asks`, or hang up."""
        self._code, self._answer, self._asks = code, answer, asks
        self._certificate = certificate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no other connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # the thread that waits there keeps it open
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.settimeout(10)
            if not self._answer:
                connection.recv(1)
                time.sleep(5)
            connection.recv(8)
            connection.sendall(self._answer)
            if self._answer != b"S" or self._certificate is None:
                self._refuse(connection)
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            with context.wrap_socket(connection, server_side=True) as private:
                self._refuse(private)

    def _refuse(self, connection: socket.socket) -> None:
        connection.recv(1 << 12)
        if self._asks:
            connection.sendall(b"R" + struct.pack("!ii", 8, self._asks))
            connection.recv(1 << 12)
        if self._code:
            fields = f"SFATALFEHLER\0VFATAL\0C{self._code}\0M{GERMAN}\0\0".encode()
            connection.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
        connection.recv(1)


@contextlib.contextmanager
def served(code: str = "", *, answer: bytes = b"N", asks: int = 0, certificate: Path | None = None) -> Iterator[Server]:
    server = Server(code, answer=answer, asks=asks, certificate=certificate)
    try:
        yield server
    finally:
        server.close()


def refusal(url: str) -> tuple[type[Exception], str]:
    """Connect once; return the class of the error, and its words."""
    database = database_of(url, time.time)
    with pytest.raises((Busy, ConfigurationError)) as caught:
        database.begin()
    assert caught.value.__cause__ is None
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("28P01", ConfigurationError, "refuses the connection (28P01): check user and password in ledger_url"),
        ("28000", ConfigurationError, "refuses the connection (28000): check user and password in ledger_url, and the"),
        ("3D000", ConfigurationError, "has no database of this name (3D000)"),
        ("42501", ConfigurationError, "GRANT CONNECT ON DATABASE"),
        ("42704", ConfigurationError, "refuses the options in ledger_url (42704)"),
        ("53300", Busy, "all its connections are taken"),
        ("57P03", Busy, "it is starting, or going down"),
        ("XX000", Busy, "it refuses the connection (XX000)"),
    ],
)
def test_a_refusal_is_told_by_its_code(code: str, error: type[Exception], words: str) -> None:
    """What waiting does not mend is the configuration's fault, whatever language the server speaks."""
    with served(code) as server:
        found, message = refusal(f"postgresql://etl:QXZ@127.0.0.1:{server.port}/ledger")
    assert found is error
    assert words in message
    assert "QXZ" not in message
    assert "abgelehnt" not in message


def test_a_password_that_is_not_given_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that asks for a password, and an address that holds none."""
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    with served(asks=3) as server:
        found, message = refusal(f"postgresql://etl@127.0.0.1:{server.port}/ledger")
    assert found is ConfigurationError
    assert message.endswith("it asks for a password, and ledger_url holds none [ZE612]")


def test_what_the_network_says_may_pass() -> None:
    """A host that is not there (yet), and a port where nobody listens (yet): in words of their own, all of several."""
    with served() as gone:
        pass
    found, message = refusal(f"postgresql://127.0.0.1:{gone.port},nowhere.invalid/ledger")
    assert found is Busy
    assert f"nobody listens at 127.0.0.1, port {gone.port}; there is no host of the name nowhere.invalid" in message
    found, message = refusal("postgresql:///ledger?host=/nowhere")
    assert found is Busy
    assert "nobody listens at /nowhere/.s.PGSQL.5432" in message


def test_a_silent_server_may_pass() -> None:
    """What takes a connection and says nothing is given up on in time, without another look."""
    since = time.monotonic()
    with served(answer=b"") as server:
        found, message = refusal(f"postgresql://127.0.0.1:{server.port}/ledger")
    assert found is Busy
    assert "it did not answer in time" in message
    assert time.monotonic() - since < 4


def test_another_kind_of_server_is_told() -> None:
    """What speaks another protocol at this port will never be a ledger."""
    with served(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        found, message = refusal(f"postgresql://127.0.0.1:{server.port}/ledger")
    assert found is ConfigurationError
    assert f"what listens at 127.0.0.1, port {server.port} is no PostgreSQL server" in message


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_without_tls_is_told(mode: str) -> None:
    """Where `sslmode` wants TLS, a server that has none is told at once."""
    with served() as server:
        found, message = refusal(f"postgresql://127.0.0.1:{server.port}/ledger?sslmode={mode}")
    assert found is ConfigurationError
    assert f"it has no TLS, and sslmode={mode} in ledger_url wants it" in message


def test_a_value_that_the_library_refuses_is_told() -> None:
    """A word that is none of `sslmode`'s."""
    with served() as server:
        found, message = refusal(f"postgresql://127.0.0.1:{server.port}/ledger?sslmode=always")
    assert found is ConfigurationError
    assert "refuses a value after the ? in ledger_url" in message


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make certificates that are their own authority: one for 127.0.0.1, one for another host."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    made = {}
    for name, subject in (("right", "IP:127.0.0.1"), ("wrong", "DNS:db.example.com")):
        made[name] = tmp_path_factory.mktemp("certificates") / f"{name}.pem"
        subprocess.run(
            [
                *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-addext", f"subjectAltName={subject}", "-keyout", made[name], "-out", made[name]),
            ],
            check=True,
            capture_output=True,
        )
    return made


@pytest.mark.parametrize(
    ("has", "trusts", "mode", "words"),
    [
        ("right", "wrong", "verify-ca", "its certificate is signed by no trusted authority: sslrootcert=PATH"),
        ("right", "wrong", "require", "its certificate is signed by no trusted authority: sslrootcert=PATH"),
        ("wrong", "wrong", "verify-full", "its certificate is for another address than 127.0.0.1"),
        ("right", "right", "verify-ca", "it refuses the connection (28P01)"),
        ("right", None, "verify-full", "needs the certificate of an authority to trust, and there is no"),
        ("right", "right", "verify-full", "it refuses the connection (28P01)"),
    ],
)
def test_a_certificate_that_does_not_verify_is_told(
    has: str, trusts: str | None, mode: str, words: str, certificates: dict[str, Path]
) -> None:
    """Why it does not, and what to name: waiting makes no certificate right. One that verifies is no matter."""
    with served("28P01", answer=b"S", certificate=certificates[has]) as server:
        root = certificates[trusts] if trusts else "/nowhere/root.crt"
        found, message = refusal(f"postgresql://127.0.0.1:{server.port}/l?sslmode={mode}&sslrootcert={root}")
    assert found is ConfigurationError
    assert words in message


@settings(max_examples=25, deadline=None)
@given(
    word=st.text("QXZJ", min_size=3, max_size=12),
    code=st.sampled_from(["28P01", "28000", "3D000", "53300", "57P03", "08P01", "42704"]),
    tail=st.sampled_from(["", "?sslmode=require", "?sslmode=verify-full", "?sslmode=nonsense", "?options=-c%20a%3Db"]),
    asks=st.sampled_from([0, 3]),
)
def test_no_three_letters_of_a_password_are_told(word: str, code: str, tail: str, asks: int) -> None:
    """Whatever the server answers: the words are ours, and hang on nothing that may hold more."""
    with served(code, asks=asks) as server:
        for place in (f"etl:{word}@127.0.0.1:{server.port}/ledger", f"etl:{word}@127.0.0.1:1/ledger"):
            _, message = refusal(f"postgresql://{place}{tail}")
            assert [word[at : at + 3] for at in range(len(word) - 2) if word[at : at + 3] in message] == []


@pytest.mark.parametrize(("code", "seconds"), [("28P01", 5), ("", 60)])
def test_a_run_ends_at_once_where_waiting_mends_nothing(code: str, seconds: int, tmp_path: Path) -> None:
    """Exit 2 at once for a wrong password; for a server that may come back exit 1 after half a minute, told in time."""
    with served(code) as server:
        url = f"postgresql://etl:QXZ@127.0.0.1:{server.port}/ledger"
        if not code:
            server.close()
        since = time.monotonic()
        done = support.command(
            support.config("http://127.0.0.1:9", tmp_path, ledger_url=url),
            tmp_path,
            given=support.lines([support.schema("orders")]),
        )
    error = done.stderr.decode()
    assert time.monotonic() - since < seconds
    assert "QXZ" not in error
    if code:
        assert done.returncode == 2
        assert "gives no connection: it refuses the connection (28P01)" in error
    else:
        assert done.returncode == 1
        assert "| WARNING" in error
        assert f"does not answer (nobody listens at 127.0.0.1, port {server.port}): it is tried again for" in error
        assert "for longer than 30 s: the run stops, STATE is safe" in error
