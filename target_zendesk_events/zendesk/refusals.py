"""OAuth's errors in words that say what to click where: those of the token endpoint, and of the authorisation page.

The codes are RFC 6749's (sections 4.1.2.1 and 5.2); the places are those of Zendesk's Admin Center.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from target_zendesk_events.zendesk.answers import WRONG_HOST_CODE, Answer

CLIENTS: Final = "Admin Center > Apps and integrations > APIs > OAuth clients"

OF_TOKENS: Final[Mapping[str, str]] = {
    "invalid_request": "Zendesk could not read the request: check `client_id`, `client_secret` and `oauth_scope` "
    f"against the client in {CLIENTS}",
    "invalid_client": "Zendesk does not know this client: `client_id` takes the OAuth client's unique identifier (not "
    "its name or number), `client_secret` its secret, which is shown only once: make a new one if it is lost, in "
    f"{CLIENTS} > (the client)",
    "invalid_grant": "the token is expired, revoked or already used: each refresh token works once, and one whose "
    "answer was lost on the way is used up too. Authorise the OAuth client again and configure the new "
    "`refresh_token`, or use client credentials, which need none",
    "unauthorized_client": "this OAuth client may not use this kind of grant: for client credentials its kind must be "
    f"confidential, in {CLIENTS} > (the client)",
    "unsupported_grant_type": "this account does not offer this kind of grant: use another way to authenticate, such "
    "as zendesk-events login",
    "invalid_scope": "Zendesk does not give this scope: `oauth_scope` takes scopes separated by spaces; without it, "
    f"what the rules take is asked for, which the OAuth client must have too, in {CLIENTS} > (the client)",
    "access_denied": "the user or the account does not allow it: ask an administrator of the account, who finds the "
    f"client in {CLIENTS}",
    WRONG_HOST_CODE: "no Zendesk account has this address: check `subdomain` or `api_url`",
}
"""Of the token endpoint, to a run."""

OF_LOGINS: Final[Mapping[str, str]] = {
    "invalid_request": "Zendesk could not read the request: look whether the redirect URL stands letter for letter in "
    f"{CLIENTS} > (the client) > Redirect URLs",
    "invalid_client": "Zendesk does not know this client, or takes it for a confidential one: `client_id` takes its "
    f"unique identifier, and its kind must be public; see both in {CLIENTS} > (the client)",
    "invalid_grant": "the code or the login is expired, revoked or already used: run zendesk-events login again, and "
    "click Allow within five minutes",
    "unauthorized_client": f"this OAuth client may not log users in: make its kind public, in {CLIENTS} > (the client)",
    "unsupported_grant_type": "this account does not offer logins: use client credentials, with `client_secret`",
    "invalid_scope": "Zendesk does not give this scope: correct `oauth_scope`, which takes scopes separated by spaces, "
    f"or give the OAuth client what the rules take, in {CLIENTS} > (the client), and run zendesk-events login again",
    "access_denied": "somebody clicked Deny, or may not let applications in: run zendesk-events login again and click "
    "Allow, or have an administrator do it",
    "unsupported_response_type": f"this OAuth client gives no codes: look at its kind, in {CLIENTS} > (the client)",
    "server_error": "Zendesk's authorisation page failed: wait a moment, run zendesk-events login again, and "
    "click Allow",
    "temporarily_unavailable": "Zendesk's authorisation page is overloaded: wait some minutes, run zendesk-events "
    "login again, and click Allow",
    WRONG_HOST_CODE: "no Zendesk account has this address: correct `subdomain` or `api_url`",
}
"""Of the authorisation page, and of the token endpoint to a login."""


def explain_token_refusal(answer: Answer, words: Mapping[str, str] = OF_TOKENS) -> str:
    """Say why the token endpoint gave no token, and what to do; safe to log."""
    if answer.is_missing:
        advice = "there is no token endpoint at this address: check `subdomain` or `api_url`"
    else:
        advice = words.get(answer.code, "check `client_id`, `client_secret` and the OAuth client in Zendesk")
    return f"Zendesk's token endpoint refused to give a token: {answer.summary}; {advice} [ZE311]"


def explain_page_error(code: str) -> str:
    """Say why the authorisation page sent the browser back without a code, and what to do."""
    advice = OF_LOGINS.get(code, f"look at the OAuth client in {CLIENTS}")
    return f"Zendesk's authorisation page gave no code ({code}): {advice} [ZE327]"
