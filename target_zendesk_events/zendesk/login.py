"""A login in the browser: the address to open, the exchange of its code for a pair of tokens, and the pair's use.

Facts: Zendesk's page on PKCE ("Using PKCE to make Zendesk OAuth access tokens more secure") and RFC 7636.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from target_zendesk_events.errors import CredentialsError, StorageError
from target_zendesk_events.zendesk.auth import Auth, lifetime, renewal_time
from target_zendesk_events.zendesk.refusals import OF_LOGINS
from target_zendesk_events.zendesk.tokens import Pair, RefreshToken, TokenFile

PAGE_PATH: Final = "/oauth/authorizations/new"


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One request for a user's leave: to which page, for which client and scope, and where the answer comes back."""

    base_url: str
    client_id: str
    redirect_uri: str
    scope: str
    state: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def address(self) -> str:
        """The page to open: it holds the verifier's hash alone."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{self.base_url}{PAGE_PATH}?{urlencode(asked)}"


def login_file(path: Path, base_url: str, client_id: str) -> TokenFile:
    """Return the file of an account's and client's login: that of another is not read."""
    return TokenFile(path, grown_from=f"{base_url} {client_id}")


class CodeExchange(Auth):
    """Exchanges a code for a pair, which is stored before it is used."""

    renews = True
    refusals: ClassVar[Mapping[str, str]] = OF_LOGINS

    def __init__(self, request: Request, code: str, file: TokenFile) -> None:
        """Take the code that came back to this request."""
        self._request = request
        self._code = code
        self._file = file

    def renewal_due(self, now: float) -> bool:  # noqa: ARG002 - it lasts for one question
        """Say whether the code is still to be exchanged."""
        return self._header is None

    @contextlib.contextmanager
    def grant(self, now: float) -> Iterator[Mapping[str, str] | None]:  # noqa: ARG002 - as above
        """Give the body that exchanges the code, the file locked meanwhile."""
        with self._file.locked():
            yield {
                "grant_type": "authorization_code",
                "client_id": self._request.client_id,
                "code": self._code,
                "redirect_uri": self._request.redirect_uri,
                "code_verifier": self._request.verifier,
            }

    def accept(self, payload: Mapping[str, Any], now: float) -> None:
        """Store the pair, then use it; where Zendesk gives no refresh token, the login ends with the access token."""
        refresh_token = str(payload.get("refresh_token") or "")
        self._file.write(Pair(refresh_token, payload["access_token"], renewal_time(now, lifetime(payload))))
        self._header = f"Bearer {payload['access_token']}"
        self.generation += 1


class Login(RefreshToken):
    """The user who logged in: the pair that `zendesk-events login` keeps, which each refresh replaces."""

    refusals: ClassVar[Mapping[str, str]] = OF_LOGINS

    def __init__(self, client_id: str, base_url: str, path: Path) -> None:
        """Take the client and the account; nothing is read yet."""
        file = login_file(path, base_url, client_id)
        super().__init__(client_id, None, "", scope=None, file=file)

    def check(self) -> None:
        """Raise CredentialsError where no login is kept."""
        if self._file.read() is None:
            message = (
                "client_id is given alone, and data_dir keeps no login of that client at this account: "
                "run zendesk-events login, or set client_secret [ZE330]"
            )
            raise CredentialsError(message)

    def _stored(self, now: float) -> Pair:
        stored = self._file.read()
        if stored is None or (not stored.refresh_token and now >= stored.due_at):
            message = (
                "the login has ended, or was taken back by zendesk-events logout: "
                "run zendesk-events login again [ZE331]"
            )
            raise StorageError(message)
        return stored
