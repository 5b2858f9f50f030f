"""The playground's authorisation page: who may ask, what Allow and Deny give, and what a code is good for."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from target_zendesk_events.playground.authorizations import Authorizations
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.refusals import OAuthRefusal
from target_zendesk_events.playground.server import Playground

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REDIRECT = "http://localhost:8643/callback"
ASKED = {
    "response_type": "code",
    "client_id": "events_login",
    "redirect_uri": REDIRECT,
    "scope": "users:read users:write",
    "state": "some state & more",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
EXCHANGE = {
    "grant_type": "authorization_code",
    "client_id": "events_login",
    "redirect_uri": REDIRECT,
    "code_verifier": VERIFIER,
}


def page(playground: Playground, **changed: str | None) -> requests.Response:
    """Ask for the page; what is changed to nothing is left out."""
    asked = {name: value for name, value in {**ASKED, **changed}.items() if value is not None}
    return requests.get(f"{playground.url}/oauth/authorizations/new", params=asked, timeout=5, allow_redirects=False)


def decide(playground: Playground, decision: str) -> dict[str, list[str]]:
    """Press a button of the page; return what the browser is sent back with."""
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page(playground).text))
    form = {name: text.replace("&amp;", "&") for name, text in form.items()}
    answer = requests.post(
        f"{playground.url}/oauth/authorizations",
        data={**form, "decision": decision},
        timeout=5,
        allow_redirects=False,
    )
    assert answer.headers["Location"].startswith(REDIRECT + "?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def exchange(playground: Playground, code: str, **changed: Any) -> requests.Response:
    """Exchange a code at the token endpoint."""
    return requests.post(f"{playground.url}/oauth/tokens", json={**EXCHANGE, "code": code, **changed}, timeout=5)


def test_allow_gives_a_code_for_one_pair() -> None:
    """With the state as it came; the pair works, is refreshed without a secret, and the code is used up."""
    with Playground(credentials=Credentials(client_id="events_login", redirect_uri=REDIRECT)) as playground:
        back = decide(playground, "allow")
        assert back["state"] == [ASKED["state"]]
        pair = exchange(playground, back["code"][0]).json()
        assert pair["scope"] == ASKED["scope"]
        shown = requests.get(
            f"{playground.url}/api/v2/users/me.json",
            headers={"Authorization": f"Bearer {pair['access_token']}"},
            timeout=5,
        )
        assert shown.status_code == 200
        assert exchange(playground, back["code"][0]).json()["error"] == "invalid_grant"
        refresh = {"grant_type": "refresh_token", "client_id": "events_login", "refresh_token": pair["refresh_token"]}
        assert requests.post(f"{playground.url}/oauth/tokens", json=refresh, timeout=5).status_code == 201


def test_deny_goes_back_without_one() -> None:
    """As `access_denied`, with the state."""
    with Playground() as playground:
        back = decide(playground, "deny")
        assert (back["error"], back["state"]) == (["access_denied"], [ASKED["state"]])


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": REDIRECT + "/"},
        {"redirect_uri": "http://localhost:9000/callback"},
        {"redirect_uri": "https://example.com/callback"},
    ],
)
def test_nobody_is_sent_where_the_client_has_no_address(changed: dict[str, str | None]) -> None:
    """A page says what is wrong: letter for letter the registered address, or none."""
    with Playground(credentials=Credentials(client_id="events_login", redirect_uri=REDIRECT)) as playground:
        answer = page(playground, **changed)
        assert (answer.status_code, "Location" in answer.headers) in {(400, False), (401, False)}


@pytest.mark.parametrize(
    ("address", "status"),
    [("https://example.com/x", 200), ("http://127.0.0.1:1/x", 200), ("http://example.com/x", 400), ("nothing", 400)],
)
def test_an_address_must_be_one_that_a_client_may_have(address: str, status: int) -> None:
    """Without a registered one: https, or http on this machine."""
    with Playground() as playground:
        assert page(playground, redirect_uri=address).status_code == status


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "users:everything"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
    ],
)
def test_what_cannot_be_granted_goes_back_with_the_error(changed: dict[str, str | None], error: str) -> None:
    """PKCE above all, which a public client must use."""
    with Playground() as playground:
        answer = page(playground, **changed)
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert (back["error"], back["state"]) == ([error], [ASKED["state"]])


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:8643/callback"}, "invalid_grant"),
        ({"client_id": "another"}, "invalid_grant"),
        ({"code": "another"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
    ],
)
def test_a_code_is_good_for_its_client_address_and_verifier_alone(changed: dict[str, str], error: str) -> None:
    """Whoever stole it lacks one of them."""
    with Playground() as playground:
        code = decide(playground, "allow")["code"][0]
        assert exchange(playground, **{"code": code, **changed}).json()["error"] == error


def test_a_public_client_may_not_use_client_credentials() -> None:
    """It has no secret that would show who asks."""
    with Playground(credentials=Credentials(client_id="events_login")) as playground:
        asked = {"grant_type": "client_credentials", "client_id": "events_login"}
        answer = requests.post(f"{playground.url}/oauth/tokens", json=asked, timeout=5)
        assert answer.json()["error"] == "unauthorized_client"


def test_a_code_is_short_lived() -> None:
    """It dies after two minutes."""
    now = 0.0
    page = Authorizations(clock=lambda: now)
    form = "&".join(f"{name}={value}" for name, value in ASKED.items() if name != "state")
    location = page.decide(f"{form}&decision=allow".encode()).headers["location"]
    code = parse_qs(urlsplit(location).query)["code"][0]
    now = 120.0
    with pytest.raises(OAuthRefusal, match="expired"):
        page.redeem(code, "events_login", REDIRECT, VERIFIER)
