"""Which account, and by which right: the base URL and the one way to authenticate."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import itertools
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from target_zendesk_events.settings.scopes import lacking
from target_zendesk_events.settings.values import Values, fault, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_zendesk_events.settings.scopes import Need

API_TOKENS_END = dt.date(2027, 4, 30)
"""From this day on Zendesk refuses every API token (its "OAuth migration" page)."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?", re.IGNORECASE)
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: +[\x21\x23-\x5b\x5d-\x7e]+)*")
_SUBDOMAIN_ACCEPTED = "acme, acme.zendesk.com or an address under https://acme.zendesk.com/"
_INSTEAD = "make an OAuth client and set client_id and client_secret in their place"
_DEFAULT_PORTS: Mapping[str, int] = {"https": 443, "http": 80}


@dataclasses.dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth client credentials: a token is asked for when one is needed."""

    client_id: str = dataclasses.field(repr=False)
    client_secret: str = dataclasses.field(repr=False)
    scope: str


@dataclasses.dataclass(frozen=True, slots=True)
class RefreshToken:
    """OAuth refresh grant: each renewal gives a new pair. `scope` is None unless it was set: then the grant's holds."""

    client_id: str = dataclasses.field(repr=False)
    client_secret: str = dataclasses.field(repr=False)
    refresh_token: str = dataclasses.field(repr=False)
    scope: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Login:
    """The login that `zendesk-events login` keeps in `data_dir`."""

    client_id: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class AccessToken:
    """A static bearer token."""

    access_token: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token of a user."""

    email: str = dataclasses.field(repr=False)
    api_token: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Password:
    """A user's password."""

    email: str = dataclasses.field(repr=False)
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class NoCredentials:
    """Nothing: the server is on this machine."""


Credentials = ClientCredentials | RefreshToken | Login | AccessToken | ApiToken | Password | NoCredentials

WAYS: Mapping[str, tuple[str, ...]] = {
    "refresh_token": ("client_id", "client_secret", "refresh_token"),
    "client_id": ("client_id", "client_secret"),
    "access_token": ("access_token",),
    "api_token": ("email", "api_token"),
    "password": ("email", "password"),
}
"""The ways to authenticate: what each takes, by the setting that tells it from the others."""


def read_base_url(values: Values) -> tuple[str, list[str]]:
    """Return the base URL, without a slash at its end, and what is wrong with the settings that give it."""
    from_subdomain, faults = "", []
    if "subdomain" in values.given:
        from_subdomain = _account_address(values.given["subdomain"])
        if not from_subdomain:
            faults.append(_subdomain_fault(values.given["subdomain"]))
    if "api_url" in values.given:
        base_url, url_fault = _service_address(values.given["api_url"])
        return base_url, faults + url_fault
    if not values.has("subdomain") and not values.has("api_url"):
        empty = [name for name in ("subdomain", "api_url") if name in values.empty]
        faults.append(
            f"{values.missing(empty or ['subdomain'])}; accepted: {_SUBDOMAIN_ACCEPTED} (or set api_url) [ZE103]"
        )
    return from_subdomain, faults


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name alone: 127.0.0.0/8, ::1 or localhost."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address == ipaddress.IPv6Address("::1")
    return address.is_loopback


def split_address(text: str) -> SplitResult | None:
    """Return the parts of a URL, None where it is no plain one: scheme, host and port that all readers agree on."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    well_formed = _HOST.fullmatch(parts.netloc.rpartition("@")[2]) and _PATH.fullmatch(parts.path)
    return parts if well_formed and parts.hostname and port != 0 else None


def read_credentials(
    values: Values, base_url: str, *, scope: str, is_needed: bool = True
) -> tuple[Credentials, list[str]]:
    """Return the one way to authenticate, and what is wrong where there is none (if it `is_needed`) or more than one.

    `scope` is what is asked for where `oauth_scope` does not say.
    """
    faults = _credential_faults(values)
    begun = _begun(values)
    if len(begun) > 1:
        ways = listed(f"{listed(names)} ({_word(names, values)})" for names in begun)
        return NoCredentials(), [*faults, f"more than one way to authenticate: {ways}; keep exactly one [ZE109]"]
    if not begun:
        return NoCredentials(), faults + (_none_begun(values, base_url) if is_needed else [])
    incomplete = _incomplete(values, begun[0])
    if incomplete:
        return NoCredentials(), [*faults, incomplete] if is_needed else faults
    if faults or any(name in values.faulty for name in begun[0]):
        return NoCredentials(), faults
    return _credentials(values, begun[0], scope=scope), []


def credential_warnings(credentials: Credentials, needs: Iterable[Need], today: dt.date) -> list[str]:
    """Return what will soon stop working, and what a scope does not do for."""
    if isinstance(credentials, ApiToken):
        days = (API_TOKENS_END - today).days
        when = f"in {days} day{'' if days == 1 else 's'}" if days > 0 else "which has come"
        return [f"email with api_token: Zendesk ends API tokens on {API_TOKENS_END}, {when}; {_INSTEAD}"]
    if isinstance(credentials, Password):
        return [f"email with password: phased out in January 2026, only some old accounts may take it; {_INSTEAD}"]
    if isinstance(credentials, ClientCredentials | RefreshToken) and credentials.scope is not None:
        vital = (need for need in needs if need.is_vital)
        return [
            f"oauth_scope has no {' or '.join(need.ways)}, which it takes {need.purpose}: Zendesk answers 403"
            for need in lacking(vital, credentials.scope.split())
        ]
    return []


def _account_address(text: str) -> str:
    """Return the address of the account that a text names, empty where it names none."""
    name = text.lower()
    if name.startswith("https:"):
        parts = split_address(name.partition("?")[0].partition("#")[0])
        if parts is None or "@" in parts.netloc or parts.port not in {None, 443}:
            return ""
        name = parts.hostname or ""
        if not name.endswith(".zendesk.com"):
            return ""
    label = name.removesuffix(".zendesk.com")
    return f"https://{label}.zendesk.com" if _LABEL.fullmatch(label) else ""


def _subdomain_fault(text: str) -> str:
    if "@" in text:
        return f"subdomain is an address that holds '@'; accepted: {_SUBDOMAIN_ACCEPTED} [ZE102]"
    return fault("subdomain", text.partition("?")[0].partition("#")[0], _SUBDOMAIN_ACCEPTED)


def _service_address(text: str) -> tuple[str, list[str]]:
    plain = text.partition("?")[0].partition("#")[0]
    parts = split_address(plain)
    accepted = "an https address, or an http one on loopback (127.0.0.1, ::1, localhost)"
    if "@" in text:
        return "", [f"api_url holds '@'; accepted: {accepted}, with credentials in settings of their own [ZE102]"]
    if parts is None or parts.scheme not in _DEFAULT_PORTS:
        return "", [fault("api_url", plain, accepted)]
    if plain != text:
        return "", [f"api_url holds a query or a fragment; accepted: {accepted}, without one [ZE102]"]
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        return "", [fault("api_url", text, accepted)]
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}{parts.path.rstrip('/')}", []


def _credential_faults(values: Values) -> list[str]:
    faults = []
    email = values.given.get("email")
    if email is not None and (email.count("@") != 1 or re.search(r"[\s:/]", email)):
        faults.append("email is no email address; accepted: the address alone, without '/token' [ZE110]")
    token = values.given.get("access_token")
    if token is not None and re.search(r"[^\x21-\x7e]", token):
        faults.append(
            "access_token holds a space or a letter outside ASCII; accepted: the token alone, no 'Bearer' [ZE110]"
        )
    scope = values.given.get("oauth_scope")
    if scope is not None and not _SCOPE.fullmatch(scope):
        faults.append(fault("oauth_scope", scope, "scopes with spaces between them, as in users:read users:write"))
    return faults


def _begun(values: Values) -> list[tuple[str, ...]]:
    """Return the ways of which at least one setting is given that no other way explains."""
    begun = []
    if any(values.has(name) for name in WAYS["refresh_token"]):
        begun.append(WAYS["refresh_token" if values.has("refresh_token") else "client_id"])
    begun += [WAYS[name] for name in ("access_token", "api_token", "password") if values.has(name)]
    if values.has("email") and not values.has("api_token") and not values.has("password"):
        begun.append(WAYS["api_token"])
    return begun


def _word(names: tuple[str, ...], values: Values) -> str:
    there = [name for name in names if values.has(name)]
    return "given" if len(there) == len(names) else f"only {listed(there)} given"


def _incomplete(values: Values, names: tuple[str, ...]) -> str:
    """Return the sentence that says what a way to authenticate lacks, empty where it lacks nothing."""
    missing = [name for name in names if not values.has(name)]
    if not missing or (_is_login(values, names) and missing == ["client_secret"]):
        return ""
    if missing == ["api_token"]:
        empty = [name for name in ("api_token", "password") if name in values.empty]
        return f"{values.missing(empty or missing)}; email takes api_token or password beside it [ZE108]"
    return f"{values.missing(missing)}; {listed(names)} go together [ZE108]"


def _is_login(values: Values, names: tuple[str, ...]) -> bool:
    """Tell whether `client_id` stands alone: a secret that is empty was meant to be one."""
    return names == WAYS["client_id"] and not values.has("client_secret") and "client_secret" not in values.empty


def _none_begun(values: Values, base_url: str) -> list[str]:
    host = urlsplit(base_url).hostname
    if host and is_loopback(host):
        return []
    ways = (
        "client_id and client_secret (recommended); client_id, client_secret and refresh_token; client_id alone, after "
        "zendesk-events login; access_token; "
        "email and api_token; email and password"
    )
    empty = [name for name in dict.fromkeys(itertools.chain(*WAYS.values())) if name in values.empty]
    start = f"{values.missing(empty)}; " if empty else ""
    return [f"{start}no way to authenticate is given; accepted, exactly one of: {ways} [ZE107]"]


def _credentials(values: Values, names: tuple[str, ...], *, scope: str) -> Credentials:
    given_scope = values.given.get("oauth_scope")
    if _is_login(values, names):
        return Login(values.given["client_id"])
    given = {name: values.given[name] for name in names}
    if names == WAYS["refresh_token"]:
        return RefreshToken(**given, scope=given_scope)
    if names == WAYS["client_id"]:
        return ClientCredentials(**given, scope=given_scope or scope)
    if names == WAYS["access_token"]:
        return AccessToken(**given)
    return ApiToken(**given) if names == WAYS["api_token"] else Password(**given)
