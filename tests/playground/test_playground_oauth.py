"""The playground's doors: credentials, tokens that expire, rotate and are revoked, and scopes."""

from __future__ import annotations

import pytest
import requests

from target_zendesk_events.playground.oauth import Credentials, OAuth
from target_zendesk_events.playground.refusals import Refusal
from target_zendesk_events.playground.server import Playground

EVENTS = "/api/v2/user_profiles/events"
READ = {"identifier": "shop:customer:email:customer-1@example.com"}
CLIENT = {"client_id": "target", "client_secret": "client-secret"}
MINT = {"grant_type": "client_credentials", **CLIENT}


@pytest.fixture(scope="module")
def strict():
    known = Credentials(
        client_id="target",
        client_secret="client-secret",
        refresh_token="first-refresh",
        code="first-code",
        access_token="static-token",
        email="agent@example.com",
        api_token="api-token",
        password="pass-word",
    )
    with Playground(credentials=known) as playground:
        yield playground


@pytest.fixture
def playground(strict):
    strict.clear()
    return strict


def grant(playground, **asked):
    return requests.post(playground.url + "/oauth/tokens", json=asked, timeout=5)


def me(playground, token=None, **options):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return requests.get(playground.url + "/api/v2/users/me.json", headers=headers, timeout=5, **options)


def post(playground, token):
    identifiers = [{"type": "email", "value": "customer-1@example.com"}]
    profile = {"source": "shop", "type": "customer", "identifiers": identifiers}
    content = {"profile": profile, "event": {"source": "shop", "type": "visit", "properties": {}}}
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(playground.url + EVENTS, json=content, headers=headers, timeout=5)


def test_client_credentials_yield_a_token(playground):
    """The answer is that of the contract, without a refresh token, never to be cached, and the token works."""
    answer = grant(playground, **MINT, scope="users:write users:read")
    content = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(content) == {"access_token", "token_type", "scope", "expires_in"}
    assert (content["token_type"], content["scope"], content["expires_in"]) == (
        "bearer",
        "users:write users:read",
        1800,
    )
    assert me(playground, content["access_token"]).json()["user"]["email"] == "agent@example.com"


@pytest.mark.parametrize(
    ("asked", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": 5}, 400, "invalid_request"),
        ({"grant_type": "client_credentials"}, 400, "invalid_request"),
        ({**MINT, "grant_type": "password"}, 400, "unsupported_grant_type"),
        ({**MINT, "client_secret": "wrong"}, 401, "invalid_client"),
        ({**MINT, "client_id": "other"}, 401, "invalid_client"),
        ({**MINT, "scope": "users:everything"}, 400, "invalid_scope"),
        ({**MINT, "expires_in": 299}, 400, "invalid_request"),
        ({**MINT, "expires_in": 172_801}, 400, "invalid_request"),
        ({**MINT, "expires_in": "300"}, 400, "invalid_request"),
        ({**CLIENT, "grant_type": "refresh_token"}, 400, "invalid_request"),
        ({**CLIENT, "grant_type": "refresh_token", "refresh_token": "unknown"}, 400, "invalid_grant"),
        ({**CLIENT, "grant_type": "authorization_code"}, 400, "invalid_request"),
        ({**CLIENT, "grant_type": "authorization_code", "code": "unknown"}, 400, "invalid_grant"),
    ],
)
def test_bad_token_requests_are_refused_in_the_words_of_oauth(playground, asked, status, error):
    """Each error of RFC 6749 comes with a description."""
    answer = grant(playground, **asked)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]


def test_the_token_endpoint_takes_json(playground):
    """A form is refused, in OAuth's words too."""
    answer = requests.post(playground.url + "/oauth/tokens", data=MINT, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("seconds", [300, 172_800])
def test_expires_in_is_honoured(playground, seconds):
    """A token lives as long as was asked for, within the documented bounds."""
    assert grant(playground, **MINT, expires_in=seconds).json()["expires_in"] == seconds


def test_a_refresh_rotates(playground):
    """A refresh gives a new pair, and the old access and refresh tokens die at once."""
    asked = {**CLIENT, "grant_type": "refresh_token"}
    first = grant(playground, **asked, refresh_token="first-refresh").json()
    second = grant(playground, **asked, refresh_token=first["refresh_token"]).json()
    assert first["refresh_token_expires_in"] > 0
    assert me(playground, first["access_token"]).status_code == 401
    assert me(playground, second["access_token"]).status_code == 200
    for dead in ("first-refresh", first["refresh_token"]):
        assert grant(playground, **asked, refresh_token=dead).json()["error"] == "invalid_grant"
    assert me(playground, second["access_token"]).status_code == 200


def test_an_authorization_code_is_good_for_one_pair(playground):
    """It gives an access token and a refresh token, which can be refreshed; the code is used up."""
    asked = {**CLIENT, "grant_type": "authorization_code", "code": "first-code", "redirect_uri": "https://example.com"}
    pair = grant(playground, **asked).json()
    assert me(playground, pair["access_token"]).status_code == 200
    assert grant(playground, **asked).json()["error"] == "invalid_grant"
    refresh = {**CLIENT, "grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert grant(playground, **refresh).status_code == 201


def test_static_and_basic_credentials_are_known(playground):
    """A static token, an email with an API token, and an email with a password each open the door."""
    assert me(playground, "static-token").status_code == 200
    assert me(playground, auth=("agent@example.com/token", "api-token")).status_code == 200
    assert me(playground, auth=("agent@example.com", "pass-word")).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer wrong", "Bearer ", "Basic wrong", "Basic /w==", "Basic YTpi", "Digest x", "Bearer static-token-"],
)
def test_strangers_are_turned_away(playground, authorization):
    """Without credentials, or with wrong ones, the answer is 401 and nothing is stored."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = requests.post(playground.url + EVENTS, json={}, headers=headers, timeout=5)
    assert answer.status_code == 401
    assert playground.requests()[0].status == 401


def test_an_unset_credential_opens_nothing():
    """Where no client and no static token are configured, none is accepted."""
    with Playground(credentials=Credentials(email="agent@example.com")) as playground:
        assert me(playground, "").status_code == 401
        assert me(playground, auth=("agent@example.com", "")).status_code == 401
        assert grant(playground, grant_type="client_credentials").status_code == 400


@pytest.mark.parametrize(
    ("scope", "posting", "reading"),
    [
        ("users:write", 202, 403),
        ("users:read", 403, 404),
        ("write", 202, 403),
        ("read write", 202, 200),
        ("tickets:write", 403, 403),
    ],
)
def test_scopes_are_kept(playground, scope, posting, reading):
    """A token of too small a scope is granted, and the calls it does not cover answer 403."""
    token = grant(playground, **MINT, scope=scope).json()["access_token"]
    assert post(playground, token).status_code == posting
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(playground.url + EVENTS, params=READ, headers=headers, timeout=5).status_code == reading


def test_a_client_may_be_allowed_less_than_it_asks():
    """What the client may not do is left out of its token."""
    known = Credentials(client_id="target", client_secret="client-secret", access_token="static", scope="users:read")
    with Playground(credentials=known) as playground:
        content = grant(playground, **MINT, scope="users:read users:write").json()
        assert content["scope"] == "users:read"
        assert post(playground, content["access_token"]).status_code == 403
        assert post(playground, "static").status_code == 403


def test_a_token_can_be_looked_at_and_revoked(playground):
    """`current.json` shows the token in use; deleted, it answers 204 once and opens nothing any more."""
    token = grant(playground, **MINT).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    tokens = playground.url + "/api/v2/oauth/tokens"
    current = requests.get(f"{tokens}/current.json", headers=headers, timeout=5).json()["token"]
    assert current["scopes"] == ["read", "write"]
    static = {"Authorization": "Bearer static-token"}
    assert requests.delete(f"{tokens}/{current['id']}", headers=static, timeout=5).status_code == 204
    assert requests.delete(f"{tokens}/{current['id']}", headers=static, timeout=5).status_code == 404
    assert me(playground, token).status_code == 401


def test_anybody_may_come_in_by_default():
    """Without `credentials` none are needed and any will do; but the playground's own tokens die as they should."""
    with Playground() as playground:
        assert me(playground).status_code == 200
        assert me(playground, "anything").status_code == 200
        first = grant(playground, **CLIENT, grant_type="refresh_token", refresh_token="mine").json()
        assert grant(playground, **CLIENT, grant_type="refresh_token", refresh_token="mine").status_code == 400
        grant(playground, **CLIENT, grant_type="refresh_token", refresh_token=first["refresh_token"])
        assert me(playground, first["access_token"]).status_code == 401
        assert [attempt.token_id for attempt in playground.requests()][-1] is None


def test_tokens_expire():
    """A token dies when its time is over, a refresh token when its own is."""
    now = 0.0
    oauth = OAuth(token_seconds=10, clock=lambda: now)
    asked = {**CLIENT, "grant_type": "refresh_token", "refresh_token": "first", "refresh_token_expires_in": 60}
    oauth.grant(asked)
    token = oauth.tokens[0]
    assert oauth.admit(f"Bearer {token.access}", "users:write") is token
    now = 10.0
    with pytest.raises(Refusal, match="expired"):
        oauth.admit(f"Bearer {token.access}", "users:write")
    now = 60.0
    with pytest.raises(Refusal, match="expired"):
        oauth.grant({**asked, "refresh_token": token.refresh})


def test_a_server_may_give_short_lives():
    """With `token_seconds` a token outlives no trial's patience."""
    with Playground(token_seconds=0.05) as playground:
        token = grant(playground, **MINT).json()["access_token"]
        while me(playground, token).status_code == 200:
            pass
        assert me(playground, token).json()["error"] == "invalid_token"
