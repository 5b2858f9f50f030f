"""`zendesk-events logout`: takes a login back, in Zendesk and here."""

from __future__ import annotations

import sys
from typing import Any

import click

from target_zendesk_events.cli.account import TOKEN_PATH, Account
from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.cli.login import client_of, login_settings
from target_zendesk_events.errors import ConfigurationError, StorageError
from target_zendesk_events.escaping import say
from target_zendesk_events.from_settings import LOGIN_FILE
from target_zendesk_events.zendesk.answers import Kind
from target_zendesk_events.zendesk.login import Login, login_file
from target_zendesk_events.zendesk.refusals import CLIENTS

NOT_REVOKED = 1
"""The exit code where the tokens are gone here, and may live on in Zendesk."""


@click.command()
@config_option
@reporting_faults
def logout(config: dict[str, Any]) -> None:
    """Revoke the login in Zendesk, and forget it here.

    Ends with 1 where Zendesk does not revoke it: it is forgotten here all the same, and the way to end it is told.

    Example: zendesk-events logout --config config.json
    """
    settings, client_id = login_settings(config), client_of(config)
    path = settings.data_dir / LOGIN_FILE
    file = login_file(path, settings.base_url, client_id)
    if file.read() is None:
        say("there is no login of this client at this account", err=True)
        return
    try:
        with Account(settings, Login(client_id, settings.base_url, path)) as account:
            trouble = _revoke(account)
    except (ConfigurationError, StorageError) as fault:
        trouble = str(fault)
    with file.locked():
        file.forget()
    if trouble:
        say(f"forgotten here, but not revoked: {trouble}", err=True)
        say(f"to end it there at once, delete the OAuth client in {CLIENTS}; else it ends by itself", err=True)
        sys.exit(NOT_REVOKED)
    say(f"logged out of {settings.base_url}: revoked there, forgotten here", err=True)


def _revoke(account: Account) -> str:
    """End the pair in Zendesk; return what stands in the way, nothing where it is done."""
    shown = account.answer("GET", TOKEN_PATH)
    token = shown.payload.get("token") if shown.kind is Kind.ACCEPTED else None
    if not isinstance(token, dict) or token.get("id") is None:
        return f"Zendesk does not show the token ({shown.summary})"
    answer = account.answer("DELETE", f"/api/v2/oauth/tokens/{token['id']}")
    return "" if answer.kind is Kind.ACCEPTED or answer.is_missing else f"Zendesk answered {answer.summary}"
