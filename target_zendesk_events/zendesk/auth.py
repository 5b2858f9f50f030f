"""Ways to authenticate: each writes its Authorization header, and some can renew what they write.

Facts: Zendesk's OAuth pages (developer.zendesk.com, "Creating and using OAuth tokens with the API", "OAuth tokens
for grant types").
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from requests import PreparedRequest
from requests.auth import AuthBase

from target_zendesk_events.errors import CredentialsError
from target_zendesk_events.zendesk.answers import is_token
from target_zendesk_events.zendesk.refusals import OF_TOKENS

DEFAULT_LIFETIME_SECONDS = 1800.0
"""How long an access token is taken to live when its answer does not say: Zendesk's documented default."""
LONGEST_MARGIN_SECONDS = 60.0


class Auth(AuthBase):
    """What the client asks of every way to authenticate; this one is fixed and cannot be renewed.

    `generation` counts renewals: it tells a 401 to an old token from one to the newest.
    """

    renews: ClassVar[bool] = False
    refusals: ClassVar[Mapping[str, str]] = OF_TOKENS
    """What to do about each code with which the token endpoint refuses."""
    generation = 0
    _header: str | None = None

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Set the request's Authorization header."""
        if self._header is not None:
            r.headers["Authorization"] = self._header
        return r

    def check(self) -> None:
        """Raise CredentialsError where there is nothing to authenticate with."""

    def renewal_due(self, now: float) -> bool:  # noqa: ARG002 - for those that renew
        """Say whether a renewal should go before the next request; `now` in seconds since 1970."""
        return False

    @contextlib.contextmanager
    def grant(self, now: float) -> Iterator[Mapping[str, str] | None]:  # noqa: ARG002 - for those that renew
        """Give the body to ask the token endpoint with; None where nothing need be asked."""
        yield None

    def accept(self, payload: Mapping[str, Any], now: float) -> None:
        """Use this answer of the token endpoint from now on; `now` is when it was asked for."""


class NoCredentials(Auth):
    """Sends no credentials: for the playground."""


class BearerToken(Auth):
    """A static access token."""

    def __init__(self, access_token: str) -> None:
        """Take the token; raises CredentialsError for one that no header can carry."""
        if not is_token(access_token):
            message = (
                "access_token is empty or holds a space, a line break or a character beyond ASCII: "
                "copy it again [ZE110]"
            )
            raise CredentialsError(message)
        self._header = f"Bearer {access_token}"


class ApiToken(Auth):
    """An email address and an API token."""

    def __init__(self, email: str, api_token: str) -> None:
        """Take both as they are configured."""
        self._header = _basic(f"{email}/token", api_token)


class Password(Auth):
    """An email address and that user's password."""

    def __init__(self, email: str, password: str) -> None:
        """Take both as they are configured."""
        self._header = _basic(email, password)


class ClientCredentials(Auth):
    """An OAuth client's own tokens: minted at first use, again before they end, and again after a 401."""

    renews = True

    def __init__(self, client_id: str, client_secret: str | None, scope: str | None) -> None:
        """Take the client's unique identifier, its secret, and the scopes to ask for, separated by spaces."""
        self._client = {"client_id": client_id}
        if client_secret is not None:
            self._client["client_secret"] = client_secret
        if scope is not None:
            self._client["scope"] = scope
        self._due_at = float("-inf")

    def renewal_due(self, now: float) -> bool:
        """Say whether there is no token yet, or it ends within the lesser of a minute and a tenth of its life."""
        return now >= self._due_at

    @contextlib.contextmanager
    def grant(self, now: float) -> Iterator[Mapping[str, str] | None]:  # noqa: ARG002 - the token file's business
        """Give the body that asks for a new token."""
        yield {"grant_type": "client_credentials", **self._client}

    def accept(self, payload: Mapping[str, Any], now: float) -> None:
        """Use the new token from now on."""
        self._use(payload["access_token"], renewal_time(now, lifetime(payload)))

    def _use(self, access_token: str, due_at: float) -> None:
        """Put a token in use; the generation last: a request may carry a newer token than it says, never an older."""
        self._header = f"Bearer {access_token}"
        self._due_at = due_at
        self.generation += 1


def lifetime(payload: Mapping[str, Any]) -> float:
    """Return the seconds that a new access token lives."""
    given = payload.get("expires_in")
    if isinstance(given, int | float) and not isinstance(given, bool) and given > 0:
        return float(given)
    return DEFAULT_LIFETIME_SECONDS


def renewal_time(asked_at: float, seconds: float) -> float:
    """Return when to renew a token asked for at `asked_at` that lives for `seconds`."""
    return asked_at + seconds - min(LONGEST_MARGIN_SECONDS, seconds / 10)


def _basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
