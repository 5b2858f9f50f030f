"""The page on which a user lets an OAuth client in, and its codes, each good for one pair of tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from .refusals import HTML, Answer, OAuthRefusal, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

CODE_SECONDS = 120
SCOPE = re.compile(r"(?:[a-z_]+:)?(?:read|write)|impersonate")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LOOPBACK = ("localhost", "127.0.0.1")
ASKED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)
"""What the page is asked with, and its form hands on."""


@dataclass(frozen=True)
class Code:
    """What a code stands for: who may exchange it, where it went, for which scope; and until when."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str
    ends: float


@dataclass
class Authorizations:
    """The page, and its codes. Without a `client_id` any client may ask, without a `redirect_uri` at any address."""

    client_id: str | None = None
    redirect_uri: str | None = None
    is_confidential: bool = False
    clock: Callable[[], float] = time.monotonic
    codes: dict[str, Code] = field(default_factory=dict)

    def page(self, asked: dict[str, str]) -> Answer:
        """Show who asks for what, with Allow and Deny; what cannot be granted goes back to where it came from."""
        refused = self._refused(asked)
        if refused is not None:
            return refused
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">' for name in ASKED if name in asked
        )
        client, scope = html.escape(asked["client_id"]), html.escape(asked.get("scope") or "read write")
        return _page(
            200,
            "Allow access?",
            f"<p><b>{client}</b> asks for: <b>{scope}</b></p>"
            f'<form method="post" action="/oauth/authorizations">{fields}'
            '<button name="decision" value="allow">Allow</button> '
            '<button name="decision" value="deny">Deny</button></form>',
        )

    def decide(self, body: bytes) -> Answer:
        """Take the user's decision, and go back with a code or with `access_denied`."""
        asked = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        refused = self._refused(asked)
        if refused is not None:
            return refused
        if asked.get("decision") != "allow":
            return _back(asked, error="access_denied", error_description="The end-user denied the request")
        code = secrets.token_hex(16)
        self.codes[code] = Code(
            asked["client_id"],
            asked["redirect_uri"],
            asked.get("scope") or "read write",
            asked.get("code_challenge", ""),
            self.clock() + CODE_SECONDS,
        )
        return _back(asked, code=code)

    def redeem(self, text: str, client: str, redirect_uri: str | None, verifier: str | None) -> Code:
        """Return what a code stands for, once; refuses one that is expired, another's, or not proven by a verifier."""
        code = self.codes.pop(text, None)
        if code is None or self.clock() >= code.ends or code.client_id != client:
            raise OAuthRefusal("invalid_grant", "The code is expired, unknown, used or another client's")
        if redirect_uri != code.redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri is not that of the authorization request")
        if bool(code.challenge) != bool(verifier) or (code.challenge and not _proves(verifier or "", code.challenge)):
            raise OAuthRefusal("invalid_grant", "code_verifier does not fit the code_challenge")
        return code

    def _refused(self, asked: dict[str, str]) -> Answer | None:
        """Return what a request that cannot be granted gets: a page where nobody may be sent back, else a way back."""
        if not asked.get("client_id") or self.client_id not in {None, asked["client_id"]}:
            return _page(401, "invalid_client", "<p>No such client: client_id is its unique identifier.</p>")
        if not self._may_return_to(asked.get("redirect_uri", "")):
            return _page(400, "invalid_request", "<p>redirect_uri is none of the client's redirect URLs.</p>")
        if asked.get("response_type") != "code":
            return _back(asked, error="unsupported_response_type", error_description="response_type must be code")
        if not all(SCOPE.fullmatch(one) for one in asked.get("scope", "").split()):
            return _back(asked, error="invalid_scope", error_description="scope holds a name that is no scope")
        challenge, method = asked.get("code_challenge", ""), asked.get("code_challenge_method")
        if not challenge and self.is_confidential:
            return None
        if method != "S256" or not _CHALLENGE.fullmatch(challenge):
            why = "A public client must use PKCE: code_challenge with code_challenge_method S256"
            return _back(asked, error="invalid_request", error_description=why)
        return None

    def _may_return_to(self, address: str) -> bool:
        """Tell whether an address is the registered one, letter for letter; else any that could be registered."""
        if self.redirect_uri is not None:
            return address == self.redirect_uri
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )


def check_scope(scope: str) -> None:
    """Refuse a scope that holds a name that is none."""
    if not all(SCOPE.fullmatch(one) for one in scope.split()):
        raise OAuthRefusal("invalid_scope", "scope holds a name that is no scope")


def _proves(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _back(asked: dict[str, str], **answer: str) -> Answer:
    """Send the browser back to the client, with its state."""
    if "state" in asked:
        answer["state"] = asked["state"]
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    location = f"{asked['redirect_uri']}{joint}{urlencode(answer)}"
    if not location.isascii() or not location.isprintable():
        raise Refusal(400, "InvalidRedirectUri", "redirect_uri must be of printable ASCII")
    return Answer(302, b"", {"location": location, "cache-control": "no-store"})


def _page(status: int, title: str, content: str) -> Answer:
    page = f'<!DOCTYPE html><html lang="en"><title>{title}</title><body><h1>{title}</h1>{content}</body></html>'
    return Answer(status, page.encode(), {"content-type": HTML, "cache-control": "no-store"})
