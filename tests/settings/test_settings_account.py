"""Which account, and by which right."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.settings import (
    AccessToken,
    ApiToken,
    ClientCredentials,
    Credentials,
    Login,
    NoCredentials,
    Password,
    RefreshToken,
    Settings,
    read_settings,
)

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)
TOKEN = {"access_token": "example-secret"}
CLIENT = {"client_id": "example-client", "client_secret": "example-secret"}
BOTH_SCOPES = "users:read users:write"


def read(config: dict[str, Any], now: dt.datetime = NOW) -> Settings:
    """Read a configuration."""
    return read_settings(config, {}, now=now)


def faults_of(config: dict[str, Any]) -> tuple[str, ...]:
    """Return the faults of a configuration, without their codes."""
    with pytest.raises(ConfigurationError) as caught:
        read(config)
    return tuple(map(without_code, caught.value.faults))


@pytest.mark.parametrize(
    "subdomain",
    [
        "acme",
        "ACME",
        "acme.zendesk.com",
        "Acme.Zendesk.com",
        "https://acme.zendesk.com",
        "https://acme.zendesk.com/",
        "https://acme.zendesk.com/agent/tickets/1?brand=2#top",
        "HTTPS://acme.zendesk.com:443/api/v2",
    ],
)
def test_a_subdomain_is_taken_in_each_spelling(subdomain: str) -> None:
    """A name, its address, or any address under it mean the same account."""
    found = read({"subdomain": subdomain, **TOKEN})
    assert (found.base_url, found.account) == ("https://acme.zendesk.com", "acme.zendesk.com")


@pytest.mark.parametrize("subdomain", ["a", "9", "a-b", "a" * 63])
def test_a_subdomain_is_a_dns_label(subdomain: str) -> None:
    """A subdomain has one to 63 letters, digits and hyphens."""
    assert read({"subdomain": subdomain, **TOKEN}).base_url == f"https://{subdomain}.zendesk.com"


@pytest.mark.parametrize(
    "subdomain",
    [
        "acme.example.com",
        "acme.zendesk.com.example.com",
        "http://acme.zendesk.com",
        "https://zendesk.com",
        "https://www.acme.zendesk.com",
        "https://acme.zendesk.com:8443",
        "https://user@acme.zendesk.com",
        "https://acme.zendesk.com@example.com",
        "https://acme.zendesk.com\\@example.com",
        "https://acme.example.com/acme.zendesk.com",
        "//acme.zendesk.com",
        "acme.zendesk.com/agent",
        "ac me",
        "-x",
        "x-",
        "a_b",
        "äcme",
        "a" * 64,
        ".zendesk.com",
    ],
)
def test_a_subdomain_that_is_none_is_a_fault(subdomain: str) -> None:
    """Whatever is no account of Zendesk's is a fault that shows what is accepted."""
    (fault,) = faults_of({"subdomain": subdomain, **TOKEN})
    assert fault.startswith("subdomain is ")
    assert fault.endswith("accepted: acme, acme.zendesk.com or an address under https://acme.zendesk.com/")


def test_no_account_is_a_fault() -> None:
    """Without subdomain and api_url the fault names both."""
    (fault,) = faults_of(TOKEN)
    assert fault.startswith("subdomain is missing; accepted: acme")
    assert fault.endswith("(or set api_url)")


@pytest.mark.parametrize(
    ("config", "start"),
    [
        ({"subdomain": ""}, "subdomain is empty (is an environment variable unset?)"),
        ({"api_url": ""}, "api_url is empty (is an environment variable unset?)"),
        ({"subdomain": "", "api_url": " "}, "subdomain and api_url are empty (is an environment variable unset?)"),
    ],
)
def test_an_empty_account_asks_about_the_environment(config: dict[str, Any], start: str) -> None:
    """An account that is empty may come from a variable that is unset, and the fault asks so."""
    assert faults_of({**config, **TOKEN})[0].startswith(start)


@pytest.mark.parametrize(
    ("api_url", "base_url", "account"),
    [
        ("https://proxy.example.com", "https://proxy.example.com", "proxy.example.com"),
        ("https://Proxy.example.com:443/zendesk//", "https://proxy.example.com/zendesk", "proxy.example.com/zendesk"),
        ("https://proxy.example.com:8443/A/", "https://proxy.example.com:8443/A", "proxy.example.com:8443/A"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://127.9.9.9/", "http://127.9.9.9", "127.9.9.9"),
        ("http://localhost:80/", "http://localhost", "localhost"),
        ("http://[::1]:8000/", "http://[::1]:8000", "[::1]:8000"),
        ("https://192.0.2.1", "https://192.0.2.1", "192.0.2.1"),
    ],
)
def test_api_url_is_another_base_url(api_url: str, base_url: str, account: str) -> None:
    """`api_url` wins over `subdomain`; its trailing slash and its scheme's own port are left out."""
    found = read({"subdomain": "acme", "api_url": api_url, **TOKEN})
    assert (found.base_url, found.account) == (base_url, account)
    assert found.notes == ("api_url wins over subdomain",)


@pytest.mark.parametrize(
    "api_url",
    [
        "http://example.com",
        "http://acme.zendesk.com",
        "http://10.0.0.1",
        "http://0.0.0.0:80",
        "http://[::2]",
        "http://[::ffff:10.0.0.1]",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "acme",
        "localhost:8000",
        "https://",
        "https://ex ample.com",
        "https://example.com:0",
        "https://example.com:99999",
        "https://[::1",
        "https://example.com/a b",
        "http://127.0.0.1\\example.com",
        "https://user:example-secret@example.com",
        "http://127.0.0.1@example.com",
        "https://example.com/?key=example-secret",
        "https://example.com/#example-secret",
    ],
)
def test_an_api_url_that_may_leak_is_a_fault(api_url: str) -> None:
    """Plain http beyond loopback, credentials, a query or a fragment in it, or no address at all is a fault."""
    (fault,) = faults_of({"api_url": api_url, **TOKEN})
    assert fault.startswith("api_url ")
    assert "accepted: an https address, or an http one on loopback (127.0.0.1, ::1, localhost)" in fault
    assert "example-secret" not in fault


@pytest.mark.parametrize(
    ("config", "credentials"),
    [
        (CLIENT, ClientCredentials("example-client", "example-secret", BOTH_SCOPES)),
        ({**CLIENT, "oauth_scope": "write"}, ClientCredentials("example-client", "example-secret", "write")),
        (
            {**CLIENT, "refresh_token": "other-secret"},
            RefreshToken("example-client", "example-secret", "other-secret", None),
        ),
        (
            {**CLIENT, "refresh_token": "other-secret", "oauth_scope": "users:write"},
            RefreshToken("example-client", "example-secret", "other-secret", "users:write"),
        ),
        (TOKEN, AccessToken("example-secret")),
        ({"email": "a@b.example", "api_token": "example-secret"}, ApiToken("a@b.example", "example-secret")),
        ({"email": "a@b.example", "password": "example-secret"}, Password("a@b.example", "example-secret")),
        ({**TOKEN, "client_id": "", "client_secret": "", "password": None}, AccessToken("example-secret")),
    ],
)
def test_each_way_to_authenticate_is_told_by_its_settings(config: dict[str, Any], credentials: Credentials) -> None:
    """Each way to authenticate has settings of its own, and those that are empty do not count."""
    assert read({"subdomain": "acme", **config}).credentials == credentials


@pytest.mark.parametrize(
    ("config", "scope"),
    [
        ({}, BOTH_SCOPES),
        ({"on_unknown_outcome": "retry"}, "users:write"),
        ({"on_unknown_outcome": "hold"}, "users:write"),
        ({"ledger_url": "none"}, "users:write"),
    ],
)
def test_the_right_to_read_is_asked_for_where_something_reads(config: dict[str, Any], scope: str) -> None:
    """The default scope has `users:read` only where lost answers are verified, which takes a ledger."""
    assert read({"subdomain": "acme", **CLIENT, **config}).credentials == ClientCredentials(
        "example-client",
        "example-secret",
        scope,
    )


def test_the_scope_is_what_the_rules_take(tmp_path: Path) -> None:
    """Also those of a file: an account that only gets tickets is asked for nothing else."""
    rules = [{"stream": "incidents", "ticket": {"subject": "It broke", "comment": {"body": "{{ text }}"}}}]
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    for given in ({"rules": rules}, {"rules_file": str(tmp_path / "rules.yml")}):
        found = read({"subdomain": "acme", **CLIENT, **given})
        assert found.credentials == ClientCredentials("example-client", "example-secret", "tickets:write")
        assert [(need.scope, need.purpose) for need in found.needs] == [("tickets:write", "to write tickets")]


def test_a_scope_that_cannot_write_is_a_warning() -> None:
    """A scope without the right to write gets a token and then 403s, so a warning says it."""
    (warning,) = read({"subdomain": "acme", **CLIENT, "oauth_scope": "read"}).warnings
    assert warning == (
        "oauth_scope has no users:write or write, which it takes to put events onto timelines: Zendesk answers 403"
    )
    rules = [{"stream": "contracts", "object": {"key": "contract", "external_id": "{{ id }}"}}]
    narrow = {**CLIENT, "refresh_token": "other-secret", "oauth_scope": "read users:write"}
    (warning,) = read({"subdomain": "acme", **narrow, "rules": rules}).warnings
    assert warning.startswith("oauth_scope has no write, which it takes to write records of custom objects")
    assert faults_of({"subdomain": "acme", **CLIENT, "oauth_scope": 'a "b"'})[0].startswith("oauth_scope is ")


def test_no_way_to_authenticate_is_a_fault_that_lists_them() -> None:
    """Without credentials the fault lists every way there is."""
    assert faults_of({"subdomain": "acme"}) == (
        (
            "no way to authenticate is given; accepted, exactly one of: client_id and client_secret (recommended);"
            " client_id, client_secret and refresh_token; client_id alone, after zendesk-events login; access_token;"
            " email and api_token; email and password"
        ),
    )


def test_empty_credentials_ask_about_the_environment() -> None:
    """Credentials that are all empty may come from variables that are unset."""
    (fault,) = faults_of({"subdomain": "acme", "client_id": "", "client_secret": ""})
    assert fault.startswith("client_id and client_secret are empty (is an environment variable unset?); no way to")


@pytest.mark.parametrize(
    ("config", "ways"),
    [
        ({**CLIENT, **TOKEN}, "client_id and client_secret (given) and access_token (given)"),
        (
            {**CLIENT, "refresh_token": "other-secret", "email": "a@b.example", "password": "x"},
            "client_id, client_secret and refresh_token (given) and email and password (given)",
        ),
        (
            {"email": "a@b.example", "api_token": "x", "password": "y", **TOKEN},
            "access_token (given), email and api_token (given) and email and password (given)",
        ),
        ({**TOKEN, "email": "a@b.example"}, "access_token (given) and email and api_token (only email given)"),
        ({**TOKEN, "client_id": "x"}, "client_id and client_secret (only client_id given) and access_token (given)"),
    ],
)
def test_two_ways_to_authenticate_are_a_fault_that_lists_them(config: dict[str, Any], ways: str) -> None:
    """More than one way, be it half given, is a fault that lists what was found."""
    assert faults_of({"subdomain": "acme", **config}) == (
        f"more than one way to authenticate: {ways}; keep exactly one",
    )


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"client_id": "x", "client_secret": ""},
            "client_secret is empty (is an environment variable unset?); client_id and client_secret go together",
        ),
        ({"client_secret": "x"}, "client_id is missing; client_id and client_secret go together"),
        (
            {"refresh_token": "x"},
            "client_id and client_secret are missing; client_id, client_secret and refresh_token go together",
        ),
        ({"api_token": "x"}, "email is missing; email and api_token go together"),
        ({"password": "x"}, "email is missing; email and password go together"),
        ({"email": "a@b.example"}, "api_token is missing; email takes api_token or password beside it"),
        (
            {"email": "a@b.example", "password": ""},
            "password is empty (is an environment variable unset?); email takes api_token or password beside it",
        ),
    ],
)
def test_half_a_way_to_authenticate_names_what_it_lacks(config: dict[str, Any], sentence: str) -> None:
    """A way that lacks a setting is a fault that names the one it lacks, on loopback too."""
    assert faults_of({"subdomain": "acme", **config}) == (sentence,)
    assert faults_of({"api_url": "http://127.0.0.1:8000", **config}) == (sentence,)


def test_a_client_alone_means_its_login() -> None:
    """That which `zendesk-events login` keeps; beside another way it is one too many."""
    assert read({"subdomain": "acme", "client_id": "x"}).credentials == Login("x")


def test_a_secret_of_the_wrong_type_is_one_fault() -> None:
    """A wrong type is told once, without the value, and does not count as missing."""
    assert faults_of({"subdomain": "acme", "client_id": "x", "client_secret": 12345}) == (
        "client_secret is a number; accepted: text (put it in quotes)",
    )


@pytest.mark.parametrize(
    ("config", "start"),
    [
        ({"access_token": "Bearer example-secret"}, "access_token holds a space or a letter outside ASCII"),
        ({"access_token": "exämple-secret"}, "access_token holds a space or a letter outside ASCII"),
        ({"access_token": "example\nsecret"}, "access_token holds a line break or another control character"),
        ({"email": "a@b.example/token", "api_token": "example-secret"}, "email is no email address"),
        ({"email": "nobody", "api_token": "example-secret"}, "email is no email address"),
    ],
)
def test_credentials_that_no_header_can_carry_are_a_fault(config: dict[str, Any], start: str) -> None:
    """What would break the Authorization header is found before anything is sent."""
    (fault,) = faults_of({"subdomain": "acme", **config})
    assert fault.startswith(start)
    assert "secret" not in fault


@pytest.mark.parametrize("api_url", ["http://127.0.0.1:8000", "http://localhost", "https://[::1]"])
def test_loopback_needs_no_credentials_but_uses_them(api_url: str) -> None:
    """A server on this machine needs no credentials; those that are given are used."""
    assert read({"api_url": api_url}).credentials == NoCredentials()
    assert read({"api_url": api_url, **TOKEN}).credentials == AccessToken("example-secret")


def test_another_address_needs_credentials() -> None:
    """An address beyond this machine needs credentials as Zendesk does."""
    assert faults_of({"api_url": "https://proxy.example.com"})[0].startswith("no way to authenticate is given")


@pytest.mark.parametrize(
    ("now", "when"),
    [
        (NOW, "2027-04-30, in 158 days;"),
        (dt.datetime(2027, 4, 29, tzinfo=dt.timezone.utc), "2027-04-30, in 1 day;"),
        (dt.datetime(2027, 4, 30, tzinfo=dt.timezone.utc), "2027-04-30, which has come;"),
    ],
)
def test_an_api_token_warns_of_its_end(now: dt.datetime, when: str) -> None:
    """An API token warns of the day Zendesk ends it, with the days that are left."""
    config = {"subdomain": "acme", "email": "a@b.example", "api_token": "example-secret"}
    (warning,) = read(config, now).warnings
    assert when in warning


def test_a_password_warns_that_it_is_phased_out() -> None:
    """A password warns that Zendesk phased it out."""
    (warning,) = read({"subdomain": "acme", "email": "a@b.example", "password": "example-secret"}).warnings
    assert "phased out" in warning
