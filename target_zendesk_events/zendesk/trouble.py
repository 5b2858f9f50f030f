"""Why a request got no answer: what failed, whether anything was sent, and what mends it where waiting does not."""

from __future__ import annotations

import errno
import re
import ssl
from typing import Final

import requests
import urllib3

from target_zendesk_events.errors import StorageError
from target_zendesk_events.open_files import hint, shortage
from target_zendesk_events.zendesk.answers import PROXY_REFUSALS, PROXY_WANTS_LOGIN, Answer, Kind, no_answer
from target_zendesk_events.zendesk.transport import Trip

_BEFORE_SENDING = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    ssl.SSLCertVerificationError,
    urllib3.exceptions.NewConnectionError,
)
"""Errors that come before a request is sent, and never after."""

_WORDS: Final[dict[str, str]] = {
    "NameResolutionError": "no such host, or no name server",
    "ConnectTimeoutError": "nobody took the connection in time",
    "ReadTimeoutError": "no answer in time",
    "ConnectionResetError": "the connection was lost",
    "RemoteDisconnected": "the connection was lost",
    "IncompleteRead": "the connection was lost",
    "SSLError": "TLS broke off",
    "SSLEOFError": "TLS broke off",
    "SSLZeroReturnError": "TLS broke off",
}
_ERRNO_WORDS: Final[dict[int, str]] = {
    errno.ECONNREFUSED: "connection refused",
    errno.ENETUNREACH: "no way there",
    errno.EHOSTUNREACH: "no way there",
    errno.ETIMEDOUT: "nobody took the connection in time",
}

_NOT_YET_VALID, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64
"""OpenSSL's numbers of what is wrong with a certificate (X509_V_ERR_...)."""


def of_error(error: Exception, trip: Trip) -> Answer:
    """Return what a request that failed means. Raises StorageError where this process may open no connection."""
    causes = _causes(error)
    kind, name, words = _kind_of(causes, trip), _name_of(causes), _words_of(causes)
    if kind is Kind.UNKNOWN:
        return no_answer(kind, name, words)
    cure = _cure(causes)
    if cure:
        return no_answer(Kind.BARRED, name, cure)
    lacking = next((one for one in causes if hint(one)), None) or shortage(1)
    if lacking is not None:
        message = "no connection to Zendesk can be opened: too many files are open [ZE619]"
        raise StorageError(message) from lacking
    return no_answer(kind, name, words)


def _kind_of(causes: list[BaseException], trip: Trip) -> Kind:
    """Return whether a request that failed can have reached Zendesk; where no connection tells, its error must."""
    has_left = trip.has_left
    if has_left is None:
        has_left = not any(isinstance(cause, _BEFORE_SENDING) for cause in causes)
    return Kind.UNKNOWN if has_left else Kind.NOT_SENT


def _name_of(causes: list[BaseException]) -> str:
    """Return the name of what failed first: an error's words may hold an address, its name never does."""
    first = causes[-1]
    refusal = _PROXY_REFUSAL.match(str(first))
    return f"ProxyRefusal {refusal[1]}" if refusal else type(first).__name__


_PROXY_REFUSAL = re.compile(r"Tunnel connection failed: ([0-9]{3})")
"""http.client's words for a proxy that does not let us through."""


def _words_of(causes: list[BaseException]) -> str:
    """Say what failed in plain words; nothing where the name of the error must do."""
    first = causes[-1]
    number = getattr(first.__cause__ or first, "errno", None)
    return _WORDS.get(type(first).__name__) or _ERRNO_WORDS.get(number or 0, "")


def _cure(causes: list[BaseException]) -> str:
    """Say what mends a fault that no waiting mends: a certificate, or a proxy that lets nothing through."""
    first = causes[-1]
    if isinstance(first, ssl.SSLCertVerificationError):
        return _cure_of_certificate(getattr(first, "verify_code", 0))
    refusal = _PROXY_REFUSAL.match(str(first))
    status = int(refusal[1]) if refusal else 0
    if status == PROXY_WANTS_LOGIN:
        return (
            "the proxy on the way to Zendesk asks for a user and a password: "
            "give them in HTTPS_PROXY, as in http://user:password@proxy.example.com:3128 [ZE306]"
        )
    if status in PROXY_REFUSALS:
        return (
            f"the proxy on the way to Zendesk does not let this machine through (it answers {status}): "
            "have it allow Zendesk's address, or correct HTTPS_PROXY and NO_PROXY [ZE307]"
        )
    return ""


def _cure_of_certificate(number: int) -> str:
    if number in {_OTHER_NAME, _OTHER_ADDRESS}:
        return (
            "the certificate of what answers in Zendesk's place is for another name: "
            "check subdomain or api_url, and the proxy or name server on the way [ZE304]"
        )
    if number in {_NOT_YET_VALID, _EXPIRED}:
        return (
            "the certificate of what answers at Zendesk's address is expired, or not valid yet: "
            "check this machine's clock, and the proxy on the way [ZE305]"
        )
    return (
        "the certificate of what answers at Zendesk's address is not trusted here, as where a company's proxy reads "
        "along: name a file with its root certificate in REQUESTS_CA_BUNDLE or SSL_CERT_FILE [ZE303]"
    )


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it wraps, in requests' and urllib3's several ways, outermost first."""
    causes = [error]
    while isinstance(inner := _inner(causes[-1]), BaseException) and inner not in causes:
        causes.append(inner)
    return causes


def _inner(error: BaseException) -> object:
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    return next((one for one in reversed(error.args) if isinstance(one, BaseException)), None)
