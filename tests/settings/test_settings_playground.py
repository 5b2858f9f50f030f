"""The playground's variable, which wins over every setting."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.settings import AccessToken, NoCredentials, Settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)


def read(variable: str, **config: Any) -> Settings:
    """Read a configuration while the variable is set."""
    return read_settings(config, {"ZENDESK_EVENTS_PLAYGROUND": variable}, now=NOW)


def word(folder: Path, query: str = "&write_state=0", address: str = "http://127.0.0.1:8123/") -> str:
    """Return what the wrapper sets."""
    return f"{address}?folder={quote(str(folder))}{query}"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"subdomain": "acme", "access_token": "example-secret"},
        {"subdomain": "not an account", "client_id": "x", "access_token": "y"},
        {"api_url": "http://example.com", "email": "a@b.example"},
        {"ledger_url": "postgresql://db/events", "data_dir": "/srv/kept"},
    ],
)
def test_the_playground_wins_over_every_setting(tmp_path: Path, config: dict[str, Any]) -> None:
    """While the variable is set, its address is the account, without credentials, and all is kept in its folder."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    found = read(word(folder), **config)
    assert (found.base_url, found.account) == ("http://127.0.0.1:8123", "127.0.0.1:8123")
    assert found.credentials == NoCredentials()
    assert found.data_dir == folder / ".zendesk-events"
    assert found.ledger_url == f"sqlite:///{folder}/.zendesk-events/ledger.sqlite"
    assert found.playground is not None
    assert found.playground.folder == folder
    (warning,) = found.warnings
    assert "everything goes to the playground at http://127.0.0.1:8123 and nothing to Zendesk" in warning
    assert warning.endswith("no STATE is written")


@pytest.mark.parametrize(
    ("query", "written"),
    [("", False), ("&write_state=0", False), ("&write_state=1", True)],
)
def test_state_is_written_only_where_the_wrapper_says_so(tmp_path: Path, query: str, *, written: bool) -> None:
    """No STATE goes out of a playground unless the wrapper was told so."""
    assert read(word(tmp_path, query)).writes_state is written
    assert not read(word(tmp_path, query), dry_run=True).writes_state


def test_the_configurations_credentials_are_used_where_the_wrapper_says_so(tmp_path: Path) -> None:
    """Its address stays the playground's; without any credentials there is the fault that an account would have."""
    query = "&write_state=0&credentials=1"
    found = read(word(tmp_path, query), subdomain="acme", access_token="example-secret")
    assert (found.base_url, found.credentials) == ("http://127.0.0.1:8123", AccessToken("example-secret"))
    assert "with the configuration's credentials" in found.warnings[0]
    with pytest.raises(ConfigurationError, match="no way to authenticate is given"):
        read(word(tmp_path, query), subdomain="acme")


def test_a_ledger_that_is_off_stays_off(tmp_path: Path) -> None:
    """A pipeline without a ledger is tried without one."""
    assert read(word(tmp_path), ledger_url="none").ledger_url is None


def test_what_is_wrong_elsewhere_stays_wrong(tmp_path: Path) -> None:
    """Unknown settings and wrong types are faults in the playground too."""
    with pytest.raises(ConfigurationError) as caught:
        read(word(tmp_path), subdomian="acme", access_token=3, plan="free")
    assert [fault.split()[0] for fault in caught.value.faults] == ["subdomian", "access_token", "plan"]


@pytest.mark.parametrize("address", ["http://localhost:8123/", "http://[::1]:8123", "http://127.0.0.2:8123"])
def test_any_address_of_this_machine_is_taken(tmp_path: Path, address: str) -> None:
    """The playground may be at any loopback address."""
    assert read(word(tmp_path, address=address)).base_url == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com:8123/",
        "http://10.0.0.1:8123/",
        "https://127.0.0.1:8123/",
        "http://127.0.0.1/",
        "http://127.0.0.1:8123/path",
        "http://127.0.0.1:8123@example.com/",
        "http://user@127.0.0.1:8123/",
        "//127.0.0.1:8123/",
        "",
    ],
)
def test_any_other_address_is_a_fault(tmp_path: Path, address: str) -> None:
    """Any other host or shape ends the run, with that one fault and exit code 2."""
    with pytest.raises(ConfigurationError) as caught:
        read(word(tmp_path, address=address))
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith("ZENDESK_EVENTS_PLAYGROUND ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?write_state=1",
        "?folder=",
        "?folder=relative",
        "?folder=/no/such/folder",
        "?folder={0}&write_state=yes",
        "?folder={0}&credentials=some",
    ],
)
def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path, query: str) -> None:
    """The folder lives as long as the playground: without it there is none."""
    with pytest.raises(ConfigurationError, match="ZENDESK_EVENTS_PLAYGROUND"):
        read("http://127.0.0.1:8123/" + query.format(quote(str(tmp_path))))


def test_a_variable_that_is_empty_never_means_production() -> None:
    """An empty variable ends the run rather than let a trial reach Zendesk."""
    with pytest.raises(ConfigurationError, match="ZENDESK_EVENTS_PLAYGROUND is no such address"):
        read("", subdomain="acme", access_token="example-secret")
