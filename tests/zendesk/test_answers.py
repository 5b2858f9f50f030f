"""What an HTTP answer means, as tables of cases."""

from __future__ import annotations

import json

import pytest

from target_zendesk_events.kinds.timeline import EVENTS
from target_zendesk_events.zendesk.answers import (
    Asked,
    Kind,
    no_answer,
    read_answer,
)
from target_zendesk_events.zendesk.words import MAX_MESSAGE_LENGTH

NOON = 1_795_435_200.0
"""Mon, 23 Nov 2026 12:00:00 GMT."""
JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (102, {}, Kind.UNKNOWN),
        (103, {}, Kind.UNKNOWN),
        (202, JSON, Kind.ACCEPTED),
        (202, HTML, Kind.ACCEPTED),
        (202, {}, Kind.ACCEPTED),
        (200, JSON, Kind.ACCEPTED),
        (200, {}, Kind.ACCEPTED),
        (201, {"Content-Type": "text/plain"}, Kind.ACCEPTED),
        (204, {}, Kind.ACCEPTED),
        (200, HTML, Kind.UNKNOWN),
        (201, {"content-type": "application/xhtml+xml"}, Kind.UNKNOWN),
        (301, HTML, Kind.ASTRAY),
        (302, {}, Kind.ASTRAY),
        (308, JSON, Kind.ASTRAY),
        (400, JSON, Kind.REFUSED),
        (401, JSON, Kind.EXPIRED),
        (402, JSON, Kind.TURNED_AWAY),
        (403, HTML, Kind.DENIED),
        (403, JSON, Kind.DENIED),
        (404, HTML, Kind.REFUSED),
        (405, {}, Kind.TURNED_AWAY),
        (406, HTML, Kind.TURNED_AWAY),
        (408, {}, Kind.UNKNOWN),
        (409, JSON, Kind.CONFLICT),
        (410, {}, Kind.TURNED_AWAY),
        (413, HTML, Kind.REFUSED),
        (415, JSON, Kind.TURNED_AWAY),
        (422, JSON, Kind.REFUSED),
        (429, HTML, Kind.LIMITED),
        (451, {}, Kind.TURNED_AWAY),
        (500, HTML, Kind.UNKNOWN),
        (502, {}, Kind.UNKNOWN),
        (503, JSON, Kind.UNKNOWN),
        (504, HTML, Kind.UNKNOWN),
        (520, HTML, Kind.UNKNOWN),
    ],
)
@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"error":"RouteNotFound"}', b"\xff\x00", b"[" * 100_000])
def test_the_status_decides(status: int, headers: dict[str, str], kind: Kind, body: bytes) -> None:
    """The status alone, and for a 2xx the content type, say what became of an event; the body never does."""
    assert read_answer(status, headers, body, now=NOON, asked="post").kind is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (103, Kind.UNKNOWN),
        (301, Kind.ASTRAY),
        (400, Kind.DENIED),
        (401, Kind.DENIED),
        (403, Kind.DENIED),
        (404, Kind.ASTRAY),
        (408, Kind.UNKNOWN),
        (409, Kind.UNKNOWN),
        (422, Kind.DENIED),
        (429, Kind.LIMITED),
        (500, Kind.UNKNOWN),
        (503, Kind.UNKNOWN),
    ],
)
def test_the_token_endpoint_refuses_or_is_out_of_order(status: int, kind: Kind) -> None:
    """A refusal of a token is final; a limit and a server's fault are temporary."""
    answer = read_answer(status, JSON, b'{"error":"invalid_client"}', now=NOON, asked="token")
    assert answer.kind is kind
    assert answer.is_temporary is (kind in {Kind.UNKNOWN, Kind.LIMITED})


@pytest.mark.parametrize(
    ("asked", "body", "kind"),
    [
        ("read", b'{"events":[]}', Kind.ACCEPTED),
        ("read", b'{"events":[{"id":"1"}],"links":[{"next":""}]}', Kind.ACCEPTED),
        ("read", b'{"events":{}}', Kind.UNKNOWN),
        ("read", b'{"events":[', Kind.UNKNOWN),
        ("read", b"", Kind.UNKNOWN),
        ("who", b'{"user":{"id":1}}', Kind.ACCEPTED),
        ("who", b"Hello", Kind.UNKNOWN),
        ("token", b'{"access_token":"token-1"}', Kind.ACCEPTED),
        ("token", b'{"access_token":""}', Kind.UNKNOWN),
        ("token", b'{"access_token":"two words"}', Kind.UNKNOWN),
        ("token", b'{"access_token":"a\\r\\nb"}', Kind.UNKNOWN),
        ("token", b'{"access_token":7}', Kind.UNKNOWN),
        ("token", b"{}", Kind.UNKNOWN),
        ("token", b"[]", Kind.UNKNOWN),
    ],
)
def test_a_success_without_what_was_asked_for_is_none(asked: Asked, body: bytes, kind: Kind) -> None:
    """Where the body is the point, a success counts only with a whole body, and then the payload is there."""
    answer = read_answer(200, JSON, body, now=NOON, asked=asked, holds=EVENTS if asked == "read" else None)
    assert answer.kind is kind
    if kind is Kind.ACCEPTED:
        assert answer.payload == json.loads(body)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "93"}, 93.0),
        ({"retry-after": " 2 "}, 2.0),
        ({"RETRY-AFTER": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "99999999999"}, 99_999_999_999.0),
        ({"Retry-After": "9" * 20}, 1e20),
        ({"Retry-After": "Mon, 23 Nov 2026 12:01:30 GMT"}, 90.0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 12:01:30 GMT", "Date": "Mon, 23 Nov 2026 12:01:00 GMT"}, 30.0),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "Mon, 99 Foo 2026"}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None, status: int) -> None:
    """`Retry-After` is read in both forms, a date against the server's own clock; anything else counts as missing."""
    assert read_answer(status, headers, b"", now=NOON, asked="post").retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "limit", "remaining"),
    [
        ({"X-Rate-Limit": "250", "X-Rate-Limit-Remaining": "249"}, 250, 249),
        ({"x-rate-limit": "250"}, 250, None),
        ({"ratelimit-limit": "100, 100;w=60", "Ratelimit-Remaining": "0"}, 100, 0),
        ({"X-Rate-Limit": "700", "ratelimit-limit": "100"}, 700, None),
        ({"X-Rate-Limit": "lots", "ratelimit-limit": "100"}, 100, None),
        ({}, None, None),
    ],
)
def test_the_limit_is_seen_in_headers(headers: dict[str, str], limit: int | None, remaining: int | None) -> None:
    """The account's limit is read from either family of headers, in any case, and may be missing."""
    answer = read_answer(202, headers, b"", now=NOON, asked="post")
    assert (answer.limit, answer.remaining) == (limit, remaining)


@pytest.mark.parametrize(
    ("headers", "reset"),
    [
        ({"RateLimit-Reset": "41"}, 41),
        ({"X-Rate-Limit-Reset": "0"}, 0),
        ({"ratelimit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_the_reset_is_seen_in_headers(headers: dict[str, str], reset: int | None) -> None:
    """The seconds until there is room again are read where they are told."""
    assert read_answer(202, headers, b"", now=NOON, asked="post").reset == reset


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"errors": [{"code": "InvalidSource", "id": "1", "title": "Too long"}]}, "InvalidSource", "Too long"),
        ({"errors": [{"code": "no user x@example.com", "title": "Gone"}]}, "", "Gone"),
        (
            {"errors": [{"code": "One", "title": "First"}, {"code": "Two", "title": "Second"}]},
            "One",
            "First; Second",
        ),
        ({"error": [{"code": "TooManyRequests", "title": "Slow down"}]}, "TooManyRequests", "Slow down"),
        ({"error": {"title": "Forbidden", "message": "No access"}}, "", "Forbidden: No access"),
        ({"error": "RecordInvalid", "description": "Not\n valid"}, "RecordInvalid", "Not valid"),
        (
            {
                "error": "RecordInvalid",
                "description": "Record validation errors",
                "details": {
                    "priority": [{"description": "Priority: x is not valid", "error": "InvalidValue"}, "odd", {}],
                    "subject": [{"description": "Subject: too long"}, {"description": "Subject: odd"}],
                    "base": "odd",
                },
            },
            "RecordInvalid",
            (
                "Record validation errors; priority: Priority: x is not valid; subject: Subject: too long; "
                "subject: Subject: odd"
            ),
        ),
        ({"error": "RecordInvalid", "details": "a sentence"}, "RecordInvalid", ""),
        ({"error": "invalid_grant", "error_description": "Used up"}, "invalid_grant", "Used up"),
        ({"error": "no user x@example.com"}, "", "no user x@example.com"),
        ({"errors": ["plain", 7, None]}, "", "plain"),
        ({"errors": []}, "", ""),
        ({"code": "Odd", "message": "said so"}, "Odd", "said so"),
        ({"unexpected": True}, "", ""),
        ([1, 2], "", "[1, 2]"),
    ],
)
def test_every_error_shape_is_read(body: object, code: str, message: str) -> None:
    """Code and message come from any shape that Zendesk was seen to use; a sentence is never taken for a code."""
    answer = read_answer(400, JSON, json.dumps(body).encode(), now=NOON, asked="post")
    assert (answer.code, answer.message) == (code, message)


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (HTML, b"<html><title>Just a moment</title><p>x</p>", "a web page: Just a moment"),
        (HTML, b"<p>", "a web page"),
        ({"Content-Type": "text/plain"}, b"Number of allowed API requests exceeded", None),
        ({}, b"", ""),
    ],
)
def test_a_body_that_is_no_json_is_told_in_brief(headers: dict[str, str], body: bytes, message: str | None) -> None:
    """HTML is named by its title, plain text as it is, and nothing is nothing."""
    answer = read_answer(429, headers, body, now=NOON, asked="post")
    assert answer.message == (body.decode() if message is None else message)


def test_a_message_is_capped() -> None:
    """Zendesk's words are kept up to a length, however long they are."""
    body = json.dumps({"error": "x " * 10_000}).encode()
    assert len(read_answer(400, JSON, body, now=NOON, asked="post").message) == MAX_MESSAGE_LENGTH


def test_a_message_can_be_written_whatever_it_quotes() -> None:
    """Half an emoji, as JSON can escape it, is replaced: a dead letter must be able to hold Zendesk's words."""
    body = rb'{"error": {"title": "no such name: \ud83d"}}'
    assert read_answer(400, JSON, body, now=NOON, asked="post").message == "no such name: ?"


@pytest.mark.parametrize(("given", "kept"), [("fe1b-0c", "fe1b-0c"), ("", ""), ("a b", ""), ("x" * 101, "")])
def test_a_request_id_is_kept_if_it_can_be_one(given: str, kept: str) -> None:
    """The request id is kept with every answer; what can be none never gets into a log."""
    headers = {"x-zendesk-request-id": given}
    assert read_answer(202, headers, b"", now=NOON, asked="post").request_id == kept


def test_the_servers_clock_is_kept() -> None:
    """The Date header is kept as seconds since 1970, for comparison with Zendesk's own times."""
    answer = read_answer(202, {"Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, b"", now=0.0, asked="post")
    assert answer.served_at == NOON
    assert read_answer(202, {"Date": "today"}, b"", now=0.0, asked="post").served_at is None


def test_a_wrong_host_and_a_missing_page_are_told_apart() -> None:
    """A host that is no account answers 401 with a code of its own; a wrong path is missing."""
    body = b'{"errors":[{"code":"RouteNotFound","title":"No route found for host"}]}'
    lost = read_answer(401, JSON, body, now=NOON, asked="post")
    assert (lost.kind, lost.is_wrong_host, lost.is_missing) == (Kind.EXPIRED, True, False)
    missing = read_answer(404, JSON, b"", now=NOON, asked="post")
    assert (missing.is_wrong_host, missing.is_missing) == (False, True)


def test_a_summary_never_quotes() -> None:
    """What may be logged of an answer is status, code and request id; the message may quote a customer."""
    headers = JSON | {"X-Zendesk-Request-Id": "r-1"}
    answer = read_answer(400, headers, b'{"error":"Bad","description":"x@example.com"}', now=NOON, asked="post")
    assert answer.message == "x@example.com"
    assert answer.summary == "HTTP 400 Bad (request id r-1)"
    assert no_answer(Kind.NOT_SENT, "NewConnectionError").summary == "no answer NewConnectionError"
