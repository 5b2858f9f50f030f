"""Why a PostgreSQL server gives no connection: by what the network, TLS and the server's codes say.

A server's words are in its own language, and of the code beside them libpq tells in its trace alone. So a connection
that failed is tried once more, a step at a time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import psycopg
from psycopg import conninfo, errors, pq

STEP_SECONDS: Final = 1.0
SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""What a client asks first ("SSLRequest" in PostgreSQL's "Message Formats"): `S` is yes, `N` is no, `E` an error."""
DEFAULT_PORT: Final = 5432
TLS_MODES: Final = frozenset({"require", "verify-ca", "verify-full"})
ROOTS: Final = Path("~/.postgresql/root.crt")
"""Where libpq looks for the authorities that it trusts, unless `sslrootcert` says otherwise."""

_CODE = re.compile(r'\tErrorResponse\t S "[^"]*"(?: V "[^"]*")? C "([0-9A-Z]{5})"')
_REFUSALS: Final[Mapping[str, str]] = {
    "28P01": "it refuses the connection (28P01): check user and password in ledger_url",
    "28": "it refuses the connection ({}): check user and password in ledger_url, and the server's pg_hba.conf",
    "3D": "it has no database of this name ({}): check ledger_url, or make it",
    "42501": "the user may not connect to this database ({}): GRANT CONNECT ON DATABASE ... TO the user",
    "42": "it refuses the options in ledger_url ({})",
    "22": "it refuses the options in ledger_url ({})",
}
"""What waiting does not mend, by the code or its class (PostgreSQL's appendix "Error Codes")."""
_OF_POOLERS: Final = "08P01"
"""A protocol violation: with it a pooler refuses what a server would not."""
_PASSING: Final[Mapping[str, str]] = {
    "53300": "all its connections are taken (53300)",
    "57P03": "it is starting, or going down (57P03)",
    _OF_POOLERS: "a pooler before it refuses the connection (08P01): its log says why",
}
_OPTIONS_REFUSED: Final = (
    "a pooler before it refuses `options` (08P01): take them out of ledger_url, and have the server set what they set, "
    "as ALTER ROLE ... SET search_path = ... does"
)
_DOUBTS: Final[Mapping[int, str]] = {
    10: "its certificate has expired, or this machine's clock is wrong",
    62: "its certificate is for another name than {}: ledger_url takes the one that stands in it",
    64: "its certificate is for another address than {}: ledger_url takes the one that stands in it",
}
"""By OpenSSL's numbers (X509_V_ERR_... in its x509_vfy.h)."""
_UNTRUSTED: Final = "its certificate is signed by no trusted authority: sslrootcert=PATH names the file of yours"
_NO_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no connection, in words of ours, and whether waiting does not mend it."""

    words: str
    is_lasting: bool = False
    code: str = "ZE612"


class _FoundError(Exception):
    """The reason is found."""

    def __init__(self, words: str, *, is_lasting: bool = False, code: str = "ZE612") -> None:
        super().__init__(words)
        self.reason = Reason(words, is_lasting, code)


def why_unreachable(url: str, fault: psycopg.Error) -> Reason:
    """Return why a connection to `url` failed with `fault`; of several hosts, of all: one may come back."""
    if isinstance(fault, errors.ConnectionTimeout):
        return Reason("it did not answer in time")
    given = {one.keyword.decode(): (one.val or b"").decode() for one in pq.Conninfo.get_defaults()}
    given |= {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items() if value is not None}
    reasons = [_look(url, {**given, **one}) for one in _each_host(given)]
    words = "; ".join(dict.fromkeys(reason.words for reason in reasons))
    return Reason(words, all(reason.is_lasting for reason in reasons), reasons[-1].code)


def _each_host(given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield host, address and port of each of the hosts, as `host`, `hostaddr` and `port` list them."""
    lists = {name: given.get(name, "").split(",") for name in ("host", "hostaddr", "port")}
    for place in range(max(map(len, lists.values()))):
        yield {name: values[min(place, len(values) - 1)] for name, values in lists.items()}


def _look(url: str, given: Mapping[str, str]) -> Reason:
    """Go to one host a step at a time, until one tells the reason."""
    host, port = given["hostaddr"] or given["host"] or _usual_host(), given["port"] or DEFAULT_PORT
    try:
        with contextlib.closing(_connected(host, int(port))) as reached:
            if reached.family != socket.AF_UNIX:
                _ask_for_tls(reached, given, f"{host}, port {port}")
        _log_in(url, given)
    except _FoundError as found:
        return found.reason
    if given.get("target_session_attrs", "any") != "any":
        return Reason(f"it is none that target_session_attrs={given['target_session_attrs']} in ledger_url wants")
    return Reason("it broke off")


def _connected(host: str, port: int) -> socket.socket:
    where = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}, port {port}"
    try:
        return _at_path(where) if host.startswith("/") else socket.create_connection((host, port), STEP_SECONDS)
    except (socket.gaierror, UnicodeError) as fault:
        is_unknown = isinstance(fault, UnicodeError) or fault.errno in _NO_NAME
        words = f"there is no host of the name {host}" if is_unknown else f"the name {host} cannot be looked up now"
    except (ConnectionRefusedError, FileNotFoundError):
        words = f"nobody listens at {where}"
    except TimeoutError:
        words = f"{where} did not answer in time"
    except OSError as fault:
        words = f"there is no way to {where} ({os.strerror(fault.errno or 0)})"
    raise _FoundError(words)


def _at_path(path: str) -> socket.socket:
    reached = socket.socket(socket.AF_UNIX)
    try:
        reached.connect(path)
    except OSError:
        reached.close()
        raise
    return reached


def _usual_host() -> str:
    """Return where libpq goes when no host is named: a folder of sockets."""
    connection = pq.PGconn.connect_start(b"")
    host = connection.host.decode()
    connection.finish()
    return host


def _ask_for_tls(reached: socket.socket, given: Mapping[str, str], where: str) -> None:
    mode = given.get("sslmode", "")
    try:
        reached.sendall(SSL_REQUEST)
        answer = reached.recv(1)
    except OSError:
        answer = b""
    if not answer:
        message = f"what listens at {where} takes connections and does not answer"
        raise _FoundError(message)
    if answer not in {b"S", b"N", b"E"}:
        message = f"what listens at {where} is no PostgreSQL server: check the port in ledger_url"
        raise _FoundError(message, is_lasting=True)
    if answer == b"N" and mode in TLS_MODES:
        message = f"it has no TLS, and sslmode={mode} in ledger_url wants it: have the server's `ssl` set to on"
        raise _FoundError(message, is_lasting=True)
    if answer == b"S" and mode in TLS_MODES:
        _verify(reached, given)


def _verify(reached: socket.socket, given: Mapping[str, str]) -> None:
    """Hold the server's certificate against what libpq would hold it against."""
    mode, roots, host = given["sslmode"], given.get("sslrootcert", ""), given["host"] or given["hostaddr"]
    path = Path(roots) if roots else ROOTS.expanduser()
    if roots != "system" and not path.exists():
        if mode == "require":
            return
        message = (
            f"sslmode={mode} needs the certificate of an authority to trust, and there is no {path}: "
            "name its file in ledger_url, sslrootcert=PATH, or take the system's, sslrootcert=system"
        )
        raise _FoundError(message, is_lasting=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    try:
        context.load_default_certs() if roots == "system" else context.load_verify_locations(path)
    except OSError:
        message = f"{path}, which sslrootcert names, cannot be read as a file of certificates"
        raise _FoundError(message, is_lasting=True) from None
    try:
        context.wrap_socket(reached, server_hostname=host, suppress_ragged_eofs=True).close()
    except ssl.SSLCertVerificationError as fault:
        message = _DOUBTS.get(fault.verify_code, _UNTRUSTED).format(host)
        raise _FoundError(message, is_lasting=True) from None
    except OSError as fault:
        message = f"TLS cannot be agreed on ({getattr(fault, 'reason', '') or type(fault).__name__})"
        raise _FoundError(message) from None


def _log_in(url: str, given: Mapping[str, str]) -> None:
    """Connect as libpq does, and tell what the server refuses; of a pooler also, whether without `options` it does."""
    one = {name: given[name] or None for name in ("host", "hostaddr", "port")}
    code = _refusal(conninfo.make_conninfo(url, **one))
    if code == _OF_POOLERS and given["options"] and _refusal(conninfo.make_conninfo(url, **one, options="")) is None:
        raise _FoundError(_OPTIONS_REFUSED, is_lasting=True, code="ZE435")
    if code:
        refusal = _REFUSALS.get(code) or _REFUSALS.get(code[:2])
        words = refusal or _PASSING.get(code) or f"it refuses the connection ({code})"
        raise _FoundError(words.format(code), is_lasting=refusal is not None)


def _refusal(address: str) -> str | None:
    """Return the code with which the server refuses, read from libpq's trace; empty for none, None for a connection."""
    code = ""
    with _traced() as trace:
        connection = pq.PGconn.connect_start(address.encode())
        if connection.status == pq.ConnStatus.BAD:
            message = "PostgreSQL's library refuses a value after the ? in ledger_url, or a file that one names"
            raise _FoundError(message, is_lasting=True)
        if trace is not None:
            connection.trace(trace)
        _wait_for(connection)
        if trace is not None:
            connection.untrace()
            code = _code_in(os.pread(trace, 1 << 20, 0).decode(errors="replace"))
        needs_password, is_made = connection.needs_password, connection.status == pq.ConnStatus.OK
        connection.finish()
    if needs_password:
        message = "it asks for a password, and ledger_url holds none"
        raise _FoundError(message, is_lasting=True)
    return None if is_made else code


@contextlib.contextmanager
def _traced() -> Iterator[int | None]:
    """Give a file in memory to trace to; None where libpq cannot (psycopg: on Linux alone)."""
    if not hasattr(os, "memfd_create"):
        yield None
        return
    trace = os.memfd_create("trace")
    try:
        yield trace
    finally:
        os.close(trace)


def _wait_for(connection: pq.abc.PGconn) -> None:
    ends_at = time.monotonic() + STEP_SECONDS
    wanted = pq.PollingStatus.WRITING
    while wanted not in {pq.PollingStatus.OK, pq.PollingStatus.FAILED} and time.monotonic() < ends_at:
        read = [connection.socket] if wanted == pq.PollingStatus.READING else []
        write = [connection.socket] if wanted == pq.PollingStatus.WRITING else []
        select.select(read, write, [], max(0.0, ends_at - time.monotonic()))
        wanted = pq.PollingStatus(connection.connect_poll())


def _code_in(trace: str) -> str:
    """Return the code of the last refusal: libpq may have tried twice, with TLS and without."""
    codes = _CODE.findall(trace)
    return codes[-1] if codes else ""
