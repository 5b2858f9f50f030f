"""What an HTTP answer means for the event, the read or the token that it answers.

The status alone decides; a body is read for Zendesk's words only. Facts: the Events API's reference, Zendesk's page
on rate limits and RFC 6749 (developer.zendesk.com, "Events API", "Rate limits", "OAuth tokens for grant types").
"""

from __future__ import annotations

import email.utils
import enum
import functools
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeGuard

import msgspec

from target_zendesk_events.kinds.request import Content
from target_zendesk_events.zendesk.words import document, read_words

Asked = Literal["post", "read", "token", "who"]
"""What the answer answers: an event, a page of events, a token, or one thing, as who the credentials belong to."""

MAX_BODY_LENGTH = 1 << 20
"""Bytes of an answer that are looked at; a page of events may be longer, see `MAX_PAGE_LENGTH`."""
MAX_PAGE_LENGTH = 1 << 25
WRONG_HOST_CODE = "RouteNotFound"
"""Zendesk's code, with a 401, for a host that is no account."""


TOO_MANY_JOBS_CODE = "TooManyJobs"
"""Zendesk's code for a job that is one too many, for the time being; its status is not documented."""
SPENT_KEY_CODE = "IdempotentRequestError"
"""Zendesk's code, with a 400, for an idempotency key that came before with another body."""


class Kind(str, enum.Enum):
    """What an answer means."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """This request will never be taken as it is."""
    LIMITED = "limited"
    """The account's rate limit, or a quota, is used up."""
    UNKNOWN = "unknown"
    """Zendesk may have acted on the request, or not."""
    NOT_SENT = "not_sent"
    """No byte of the request has left."""
    BARRED = "barred"
    """No byte has left, and waiting mends nothing: the message says what does."""
    CONFLICT = "conflict"
    """Somebody else created the same thing at the same time."""
    EXPIRED = "expired"
    """The credentials, or the token, are not valid (any more)."""
    DENIED = "denied"
    """The credentials lack a right; for a token: Zendesk refuses to give one; for a post, see `TURNED_AWAY`."""
    TURNED_AWAY = "turned_away"
    """Refused, and the status does not say whose fault it is: this request's or the account's."""
    ASTRAY = "astray"
    """What answers at this address is no Zendesk account."""


class Answer(msgspec.Struct, frozen=True):
    """One answer, or why there is none (`status` is None then, and `code` names what failed).

    `code` and `request_id` are safe to log. `message` is in Zendesk's words and may quote a customer: it goes to
    dead letters only; without a status it is in ours, and safe.
    `retry_after` is in seconds, `served_at` the server's own clock as seconds since 1970,
    `seconds` the time the answer took, `token` the generation of the token that the request carried, `limit` and
    `remaining` the requests a minute that the headers speak of, `reset` the seconds until there are more of them again,
    `rate_headers` those as they came (not of a post).
    `payload` is the parsed body of a read, a token, a who-am-I, or a post whose body is wanted. `is_page` says that it
    is a web page, and `ray` is the id that Cloudflare gives such a page. `right` says what the credentials need for a
    request that was denied.
    """

    kind: Kind
    status: int | None
    code: str = ""
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None
    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None
    rate_headers: Mapping[str, str] = {}
    served_at: float | None = None
    seconds: float = 0.0
    token: int = 0
    payload: Any = None
    is_page: bool = False
    ray: str = ""
    right: str = ""

    @property
    def is_missing(self) -> bool:
        """Say whether there is nothing at the address asked: before a run's first success, a wrong address."""
        return self.status == 404  # noqa: PLR2004 - this module is where statuses have names

    @property
    def blames_request(self) -> bool:
        """Say whether the status refuses what was asked for; of any other refusal, the account may be at fault."""
        return self.status in _OF_THE_REQUEST

    @property
    def is_key_spent(self) -> bool:
        """Say whether Zendesk has seen the idempotency key with another body: then that one may be stored."""
        return self.code == SPENT_KEY_CODE

    @property
    def is_too_many_jobs(self) -> bool:
        """Say whether the account has as many jobs queued and running as Zendesk takes, whatever the status."""
        return self.code == TOO_MANY_JOBS_CODE

    @property
    def is_wrong_host(self) -> bool:
        """Say whether Zendesk answered that no account has this host name."""
        return self.code == WRONG_HOST_CODE

    @property
    def is_temporary(self) -> bool:
        """Say whether the same request may succeed later."""
        return self.kind in _TEMPORARY

    @property
    def summary(self) -> str:
        """Say what came back in words that are safe to log: status, code and request id, never the message."""
        said = "no answer" if self.status is None else f"HTTP {self.status}"
        said += f" {self.code}" if self.code else ""
        said += f", {self.message}" if self.status is None and self.message else ""
        said += f" (cf-ray {self.ray})" if self.ray else ""
        return said + (f" (request id {self.request_id})" if self.request_id else "")


_TEMPORARY = frozenset({Kind.LIMITED, Kind.UNKNOWN, Kind.NOT_SENT, Kind.CONFLICT})

_KINDS: Mapping[int, Kind] = {
    401: Kind.EXPIRED,
    403: Kind.DENIED,
    408: Kind.UNKNOWN,
    409: Kind.CONFLICT,
    429: Kind.LIMITED,
}
_TOKEN_KINDS: Mapping[int, Kind] = {
    404: Kind.ASTRAY,
    408: Kind.UNKNOWN,
    409: Kind.UNKNOWN,
    429: Kind.LIMITED,
}
_OF_THE_REQUEST = frozenset({400, 404, 413, 422})
"""Refusals of what a request holds; any other may be the account's."""
PROXY_WANTS_LOGIN = 407
PROXY_REFUSALS = frozenset({403, 405, PROXY_WANTS_LOGIN})
"""What a proxy answers to a tunnel that it will not open later either."""
_RECEIVED = 202
"""The documented success of a POST: its body says nothing more."""


_BY_CODE: Mapping[str, Kind] = {SPENT_KEY_CODE: Kind.UNKNOWN, TOO_MANY_JOBS_CODE: Kind.LIMITED}
"""What a code says that a status alone does not."""


def read_answer(  # noqa: PLR0913 - what came, and what was asked
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, asked: Asked, holds: Content | None = None
) -> Answer:
    """Return what an answer means. `now` is the time it came, in seconds since 1970; `body` may be cut short.

    A success that is read, or a post's that `holds` something, is only one if its body has that.
    """
    known = {name.lower(): value for name, value in headers.items()}
    kind = _kind(status, known.get("content-type", ""), asked)
    served_at = _epoch(known.get("date", ""))
    is_page = "html" in known.get("content-type", "").lower()
    code, message, payload = "", "", None
    if kind is not Kind.ACCEPTED:
        code, message = read_words(body, known.get("content-type", ""))
        kind = _BY_CODE.get(code, kind)
    elif asked != "post" or holds:
        payload = document(body)
        if not _is_whole(payload, asked, holds):
            kind = Kind.UNKNOWN
    return Answer(
        kind=kind,
        status=status,
        code=code,
        message=message,
        request_id=_request_id(known.get("x-zendesk-request-id", "")),
        retry_after=_retry_after(known.get("retry-after", ""), served_at or now),
        limit=_first_number(known, "x-rate-limit", "ratelimit-limit"),
        remaining=_first_number(known, "x-rate-limit-remaining", "ratelimit-remaining"),
        reset=_first_number(known, "ratelimit-reset", "x-rate-limit-reset"),
        rate_headers={} if asked == "post" else {name: known[name] for name in known if _RATE_LIMIT.search(name)},
        served_at=served_at,
        payload=payload,
        is_page=is_page,
        ray=_request_id(known.get("cf-ray", "")) if is_page else "",
    )


def no_answer(kind: Kind, code: str, message: str = "") -> Answer:
    """Return the answer to a request that got none; `code` names what failed, both are safe to log."""
    return Answer(kind=kind, status=None, code=code, message=message)


def _kind(status: int, content_type: str, asked: Asked) -> Kind:
    family = status // 100
    if family == 1:
        return Kind.UNKNOWN  # interim: the outcome was still to come
    if family == 2:  # noqa: PLR2004
        return Kind.UNKNOWN if _is_page(status, content_type, asked) else Kind.ACCEPTED
    if family == 3:  # noqa: PLR2004
        return Kind.ASTRAY
    if family == 4:  # noqa: PLR2004
        if asked == "token":
            return _TOKEN_KINDS.get(status, Kind.DENIED)
        is_clear = asked != "post" or status in _OF_THE_REQUEST
        return _KINDS.get(status, Kind.REFUSED if is_clear else Kind.TURNED_AWAY)
    return Kind.UNKNOWN


def _is_page(status: int, content_type: str, asked: Asked) -> bool:
    """Say whether a success is a web page, as proxies and captive portals send; a 202 counts whatever its body."""
    if asked == "post" and status == _RECEIVED:
        return False
    return "html" in content_type.lower()


def _is_whole(payload: Any, asked: Asked, holds: Content | None) -> bool:  # noqa: ANN401 - any JSON value
    """Say whether the body of a success holds what was asked for."""
    if not isinstance(payload, dict):
        return False
    if holds:
        return isinstance(payload.get(holds.name), list if holds.is_list else dict)
    return asked != "token" or is_token(payload.get("access_token"))


def is_token(text: object) -> TypeGuard[str]:
    """Say whether a text can stand in an Authorization header: one word of printable ASCII."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


_TOKEN = re.compile(r"[!-~]+")


# -- headers -----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def _epoch(text: str) -> float | None:
    """Return an HTTP date as seconds since 1970. Cached: all answers of one second carry the same text."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _retry_after(text: str, now: float) -> float | None:
    """Return the seconds to wait, from either of the header's forms; a date is held against the server's clock."""
    if _SECONDS.fullmatch(text.strip()):
        return float(text)
    until = _epoch(text) if text else None
    return None if until is None else max(0.0, until - now)


_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")


_RATE_LIMIT = re.compile("rate-?limit")  # x-rate-limit, ratelimit-reset, zendesk-ratelimit-...


def _first_number(headers: Mapping[str, str], *names: str) -> int | None:
    """Return the whole number that the first of these headers begins with."""
    for name in names:
        number = _NUMBER.match(headers.get(name, ""))
        if number:
            return int(number[0])
    return None


_NUMBER = re.compile(r"[0-9]{1,15}")


def _request_id(text: str) -> str:
    return text if _REQUEST_ID.fullmatch(text) else ""


_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
