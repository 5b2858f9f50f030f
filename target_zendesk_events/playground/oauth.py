"""Who may come in: credentials, the token endpoint, and tokens that expire, rotate and can be revoked."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .authorizations import Authorizations, check_scope
from .refusals import Answer, OAuthRefusal, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST, LONGEST, USUAL = 300, 172_800, 1_800
REFRESH_SECONDS = 2_592_000
EVERYTHING = "read write"


@dataclass(frozen=True)
class Credentials:
    """The only credentials that are accepted; `scope` is what they may do at most, and those of a static token.

    A client without a secret is a public one: it may not use client credentials, and must use PKCE. `redirect_uri` is
    the one that the client has (none: any that a client may have). `role` is that of the user behind them, `admin` or
    `agent`.
    """

    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    code: str | None = None
    access_token: str | None = None
    email: str | None = None
    api_token: str | None = None
    password: str | None = None
    scope: str = EVERYTHING
    redirect_uri: str | None = None
    role: str = "admin"


@dataclass
class Token:
    """An access token that was issued, with the refresh token that grew with it."""

    id: int
    access: str
    refresh: str | None
    client_id: str | None
    scope: str
    issued: float
    ends: float
    refresh_ends: float
    revoked: bool = False


@dataclass
class OAuth:
    """The doorkeeper: without `credentials` it lets in whoever comes, but for tokens of its own that have died.

    `token_seconds` overrides the life of every access token, for trials that cannot wait; `clock` is monotonic.
    """

    credentials: Credentials | None = None
    token_seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    tokens: list[Token] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Let the client that is known ask at the authorisation page, or any."""
        known = self.credentials or Credentials()
        self.authorizations = Authorizations(
            known.client_id, known.redirect_uri, known.client_secret is not None, self.clock
        )

    @property
    def role(self) -> str:
        """The role of the user behind the credentials."""
        return self.credentials.role if self.credentials else "admin"

    def admit(self, authorization: str | None, needed: str | None, *, admin: bool = False) -> Token | None:
        """Let a request in, or refuse it: 401 for what it shows, 403 for a scope that lacks `needed`, or the role."""
        token = self._admit(authorization, needed)
        if admin and self.role != "admin":
            raise Refusal(403, "PermissionDenied", "Only an admin may do this")
        return token

    def _admit(self, authorization: str | None, needed: str | None) -> Token | None:
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            return self._admit_bearer(shown.strip(), needed)
        if self.credentials is not None and not self._knows_basic(scheme, shown):
            raise _unauthenticated()
        return None

    def grant(self, asked: dict[str, Any]) -> Answer:
        """Answer a token request."""
        grants = {
            "client_credentials": self._client_credentials,
            "refresh_token": self._refresh,
            "authorization_code": self._authorization_code,
        }
        kind = _text(asked, "grant_type")
        if kind not in grants:
            code = "invalid_request" if kind is None else "unsupported_grant_type"
            raise OAuthRefusal(code, f"grant_type must be one of {', '.join(grants)}")
        seconds = _seconds(asked, "expires_in", SHORTEST, LONGEST)
        refresh_seconds = _seconds(asked, "refresh_token_expires_in", 1, None)
        token = grants[kind](asked, self._scope(asked))
        token.ends = token.issued + (self.token_seconds or seconds or USUAL)
        token.refresh_ends = token.issued + (refresh_seconds or REFRESH_SECONDS)
        content = {
            "access_token": token.access,
            "token_type": "bearer",
            "scope": token.scope,
            "expires_in": max(1, round(token.ends - token.issued)),
        }
        if token.refresh:
            content |= {
                "refresh_token": token.refresh,
                "refresh_token_expires_in": round(token.refresh_ends - token.issued),
            }
        return Answer.of_json(content, 201, {"cache-control": "no-store"})

    def shown(self, token: Token | None) -> dict[str, Any]:
        """Return an access token as `/api/v2/oauth/tokens/current.json` shows it."""
        if token is None:
            return {"token": {"id": 0, "scopes": EVERYTHING.split(), "expires_at": None}}
        ends = datetime.fromtimestamp(time.time() + token.ends - self.clock(), timezone.utc)
        scopes = token.scope.split()
        return {
            "token": {"id": token.id, "client_id": token.client_id, "scopes": scopes, "expires_at": ends.isoformat()}
        }

    def revoke(self, token_id: int) -> bool:
        """End an access token and its refresh token; false if there is none of that id."""
        for token in self.tokens:
            if token.id == token_id and not token.revoked:
                self._end(token)
                return True
        return False

    def clear(self) -> None:
        """Forget every token."""
        self.tokens.clear()
        self.spent.clear()
        self.authorizations.codes.clear()

    def _admit_bearer(self, shown: str, needed: str | None) -> Token | None:
        token = next((one for one in self.tokens if one.access == shown), None)
        if token is None:
            if self.credentials is None:
                return None
            if not shown or shown != self.credentials.access_token:
                raise _unauthenticated("invalid_token")
            _check_scope(self.credentials.scope, needed)
            return None
        if token.revoked or self.clock() >= token.ends:
            raise _unauthenticated("invalid_token")
        _check_scope(token.scope, needed)
        return token

    def _knows_basic(self, scheme: str, shown: str) -> bool:
        known = self.credentials
        if known is None or known.email is None or scheme.lower() != "basic":
            return False
        try:
            pair = base64.b64decode(shown, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return pair in {
            *([f"{known.email}/token:{known.api_token}"] if known.api_token else []),
            *([f"{known.email}:{known.password}"] if known.password else []),
        }

    def _client_credentials(self, asked: dict[str, Any], scope: str) -> Token:
        client, secret = self._client(asked)
        if secret is None:
            raise OAuthRefusal("unauthorized_client", "A public client may not use client credentials")
        return self._issue(client, scope, refreshable=False)

    def _refresh(self, asked: dict[str, Any], scope: str) -> Token:
        client, secret = self._client(asked)
        shown = _text(asked, "refresh_token")
        if shown is None:
            raise OAuthRefusal("invalid_request", "refresh_token is missing")
        before = next((one for one in self.tokens if one.refresh == shown), None)
        if shown in self.spent or (before is not None and self.clock() >= before.refresh_ends):
            raise OAuthRefusal("invalid_grant", "The refresh token is expired, revoked or used")
        if before is None and self.credentials is not None and shown != self.credentials.refresh_token:
            raise OAuthRefusal("invalid_grant", "The refresh token is unknown")
        if before is not None and before.client_id != client:
            raise OAuthRefusal("invalid_grant", "The refresh token is another client's")
        if before is None and secret is None:
            raise OAuthRefusal("invalid_grant", "The refresh token is unknown")
        if before is not None:
            self._end(before)
        self.spent.add(shown)
        return self._issue(client, scope if "scope" in asked or before is None else before.scope, refreshable=True)

    def _authorization_code(self, asked: dict[str, Any], scope: str) -> Token:
        (client, secret), code = self._client(asked), _text(asked, "code")
        if code is None:
            raise OAuthRefusal("invalid_request", "code is missing")
        if code in self.authorizations.codes or secret is None:
            redirect_uri, verifier = _text(asked, "redirect_uri"), _text(asked, "code_verifier")
            granted = self.authorizations.redeem(code, client, redirect_uri, verifier)
            return self._issue(client, self._scope({"scope": granted.scope}), refreshable=True)
        if code in self.spent or (self.credentials is not None and code != self.credentials.code):
            raise OAuthRefusal("invalid_grant", "The code is expired, unknown or used")
        self.spent.add(code)
        return self._issue(client, scope, refreshable=True)

    def _client(self, asked: dict[str, Any]) -> tuple[str, str | None]:
        """Return the client, and its secret where it has one."""
        client, secret = _text(asked, "client_id"), _text(asked, "client_secret")
        is_public = secret is None and _text(asked, "grant_type") != "client_credentials"
        if client is None or (secret is None and not is_public and self.credentials is None):
            raise OAuthRefusal("invalid_request", "client_id and client_secret are required")
        known = self.credentials
        if known is not None and (client, secret) != (known.client_id, known.client_secret):
            raise OAuthRefusal("invalid_client", "Client authentication failed", 401)
        return client, secret

    def _scope(self, asked: dict[str, Any]) -> str:
        scope = _text(asked, "scope") or EVERYTHING
        check_scope(scope)
        if self.credentials is None:
            return scope
        return " ".join(one for one in scope.split() if _allows(self.credentials.scope, one))

    def _issue(self, client: str, scope: str, *, refreshable: bool) -> Token:
        refresh = secrets.token_hex(16) if refreshable else None
        token = Token(len(self.tokens) + 1, secrets.token_hex(16), refresh, client, scope, self.clock(), 0.0, 0.0)
        self.tokens.append(token)
        return token

    def _end(self, token: Token) -> None:
        token.revoked = True
        if token.refresh:
            self.spent.add(token.refresh)


def _check_scope(granted: str, needed: str | None) -> None:
    if needed is not None and not _allows(granted, needed):
        raise Refusal(403, "PermissionDenied", f"The access token lacks the scope {needed}")


def _allows(granted: str, needed: str) -> bool:
    """Tell whether `granted` allows `needed`: a broad `write` allows every `users:write`."""
    return bool({needed, needed.partition(":")[2] or needed} & set(granted.split()))


def _unauthenticated(code: str = "MissingOrInvalidAuthentication") -> Refusal:
    if code == "invalid_token":
        return OAuthRefusal(code, "The access token is unknown, expired or revoked", 401)
    return Refusal(401, code, "Could not authenticate you")


def _text(asked: dict[str, Any], name: str) -> str | None:
    value = asked.get(name)
    if value is not None and not isinstance(value, str):
        raise OAuthRefusal("invalid_request", f"{name} must be a string")
    return value or None


def _seconds(asked: dict[str, Any], name: str, least: int, most: int | None) -> int | None:
    value = asked.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        raise OAuthRefusal(
            "invalid_request", f"{name} must be a number of seconds from {least}" + (f" to {most}" if most else "")
        )
    return value
