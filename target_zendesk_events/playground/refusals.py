"""What a refusal looks like: a status, a code, a sentence, and the shapes that Zendesk wraps them in."""

from __future__ import annotations

import html
import json
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, get_args

Shape = Literal[
    "errors",
    "error_list",
    "error_object",
    "error_text",
    "html",
    "firewall",
    "text",
    "empty",
    "received",
    "too_many_jobs",
]
SHAPES: tuple[str, ...] = get_args(Shape)

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, content: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        """Answer with `content` as JSON."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, body, {"content-type": JSON, **(headers or {})})


class Refusal(Exception):  # noqa: N818 - Zendesk refuses: that is no fault of the playground's
    """A request that Zendesk does not accept, and why."""

    def __init__(self, status: int, code: str, title: str, shape: Shape = "errors") -> None:
        """Say with `code` and `title` what was wrong; `shape` is the envelope they travel in."""
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
        self.shape: Shape = shape

    def answer(self) -> Answer:
        """Return the answer that carries this refusal."""
        return shaped(self.status, self.code, self.title, self.shape)


class RecordInvalid(Refusal):
    """A refusal in Support's manner: what is wrong with which field."""

    def __init__(self, faults: dict[str, str], code: str = "InvalidValue") -> None:
        """Say what is wrong, a sentence for each field."""
        super().__init__(422, "RecordInvalid", "; ".join(faults.values()))
        self._faults = faults
        self._code = code

    def answer(self) -> Answer:
        """Return the answer that carries this refusal."""
        details = {name: [{"description": text, "error": self._code}] for name, text in self._faults.items()}
        content = {"error": self.code, "description": "Record validation errors", "details": details}
        return Answer.of_json(content, self.status)


class OAuthRefusal(Refusal):
    """A refusal of the token endpoint, in the words of RFC 6749, section 5.2."""

    def __init__(self, code: str, title: str, status: int = 400) -> None:
        """Refuse with one of RFC 6749's error codes."""
        super().__init__(status, code, title)

    def answer(self) -> Answer:
        """Return the answer, never to be cached, as RFC 6749 asks."""
        content = {"error": self.code, "error_description": self.title}
        return Answer.of_json(content, self.status, {"cache-control": "no-store"})


def no_record() -> Refusal:
    """Return Support's refusal of what is not there."""
    return Refusal(404, "RecordNotFound", "Not found", "error_text")


def bad_request(title: str) -> Refusal:
    """Return Support's refusal of a request that makes no sense."""
    return Refusal(400, "BadRequest", title, "error_text")


def shaped(status: int, code: str, title: str, shape: Shape) -> Answer:
    """Return an answer with `code` and `title` in one of the envelopes that were seen in the wild."""
    if shape == "empty":
        return Answer(status)
    if shape == "html":
        page = f"<!DOCTYPE html><html><title>{status}</title><body><h1>{html.escape(title)}</h1></body></html>"
        return Answer(status, page.encode(), {"content-type": HTML})
    if shape == "firewall":
        return _of_firewall(status, title)
    if shape == "text":
        return Answer(status, title.encode(), {"content-type": "text/plain; charset=utf-8"})
    return Answer.of_json(_envelope(code, title, shape), status)


def _of_firewall(status: int, title: str) -> Answer:
    """Return Cloudflare's page: what its firewall dislikes never reaches Zendesk, whose headers it lacks."""
    page = (
        "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>"
        f"<h1>Sorry, you have been blocked</h1><p>{html.escape(title)}</p></body></html>"
    )
    ray = f"{secrets.token_hex(8)}-FRA"
    return Answer(status, page.encode(), {"content-type": HTML, "server": "cloudflare", "cf-ray": ray})


def code_of(status: int) -> str:
    """Return a code for a status, in the manner of Zendesk: `TooManyRequests` for 429."""
    known = {401: "MissingOrInvalidAuthentication", 403: "PermissionDenied"}
    try:
        return known.get(status) or "".join(word.capitalize() for word in HTTPStatus(status).phrase.split())
    except ValueError:
        return f"Status{status}"


def _envelope(code: str, title: str, shape: Shape) -> object:
    return {
        "errors": {"errors": [{"code": code, "id": code, "title": title}]},
        "error_list": {"error": [{"code": code, "title": title}]},
        "error_object": {"error": {"title": code, "message": title}},
        "error_text": {"error": code, "description": title},
        "received": {"status": "received"},
        "too_many_jobs": {"error": "TooManyJobs", "description": title, "current_job_ids": []},
    }[shape]
