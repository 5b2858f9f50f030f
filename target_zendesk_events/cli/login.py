"""`zendesk-events login`: lets a user log in by the browser, and keeps the pair of tokens for the runs that follow."""

from __future__ import annotations

import contextlib
import webbrowser
from collections.abc import Mapping
from typing import Any, Final

import click

from target_zendesk_events import settings as known
from target_zendesk_events.cli.account import READS, Account, settings_of
from target_zendesk_events.cli.callback import PATH, Callback
from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.errors import ConfigurationError, CredentialsError
from target_zendesk_events.escaping import escaped, say
from target_zendesk_events.from_settings import LOGIN_FILE, make_data_dir
from target_zendesk_events.zendesk.answers import Kind
from target_zendesk_events.zendesk.login import CodeExchange, Request, login_file
from target_zendesk_events.zendesk.refusals import explain_page_error

PORT: Final = 8643
"""It stands in the address that the OAuth client names letter for letter, so it cannot be any free one."""


@click.command()
@config_option
@click.option(
    "--no-browser", is_flag=True, help="Open no browser here: print the address, and take the answer's address pasted."
)
@click.option("--port", type=click.IntRange(1, 65_535), default=PORT, show_default=True, help="Of the redirect URL.")
@reporting_faults
def login(config: dict[str, Any], no_browser: bool, port: int) -> None:  # noqa: FBT001 - click's signature
    """Log in to Zendesk by the browser; from then on `client_id` alone in the configuration is enough.

    It takes a public OAuth client with the redirect URL http://localhost:8643/callback. The tokens are kept in
    data_dir, for its owner's eyes; zendesk-events logout takes them back. Over SSH: --no-browser.

    Example: zendesk-events login --config config.json --no-browser
    """
    settings = login_settings(config)
    request = Request(
        settings.base_url,
        client_of(config),
        f"http://localhost:{port}{PATH}",
        config.get("oauth_scope") or known.narrowest([*(need.scope for need in settings.needs), READS]),
    )
    with Callback(request.state, port) as callback:
        try:
            callback.listen()
        except ConfigurationError as fault:
            if not no_browser:
                raise
            say(str(fault), err=True)
        _open(request.address, callback, no_browser=no_browser)
        answer = callback.wait()
    if "code" not in answer:
        raise CredentialsError(explain_page_error(escaped(answer["error"][:40])))
    make_data_dir(settings.data_dir)
    file = login_file(settings.data_dir / LOGIN_FILE, settings.base_url, request.client_id)
    with Account(settings, CodeExchange(request, answer["code"], file)) as account:
        who = account.who()
    user = who.payload.get("user") if who.kind is Kind.ACCEPTED else None
    name = f" as {user.get('name')} ({user.get('role')})" if isinstance(user, dict) else ""
    say(f"logged in to {settings.base_url}{name}; kept in {settings.data_dir / LOGIN_FILE}", err=True)
    say("next: zendesk-events check --config config.json", err=True)


def login_settings(config: Mapping[str, Any]) -> known.Settings:
    """Return the settings for a login, whatever else they hold. Raises ConfigurationError."""
    return settings_of({**config, "client_secret": None, "refresh_token": None})


def client_of(config: Mapping[str, Any]) -> str:
    """Return the client that logs in. Raises ConfigurationError where none stands alone in the configuration."""
    client_id = str(config.get("client_id") or "").strip()
    if not client_id:
        message = (
            "client_id is missing: it names the public OAuth client (its unique identifier) to log in with [ZE326]"
        )
        raise ConfigurationError(message)
    if config.get("client_secret"):
        message = "client_secret is set, so that runs use client credentials: a login takes client_id alone [ZE326]"
        raise ConfigurationError(message)
    return client_id


def _open(address: str, callback: Callback, *, no_browser: bool) -> None:
    if no_browser:
        say("open this address in a browser, and click Allow:", err=True)
        click.echo(address)
        say(
            "if the browser then shows no page, paste the address that it was sent to (http://localhost...) here:",
            err=True,
        )
        callback.take_pasted()
        return
    is_open = False
    with contextlib.suppress(webbrowser.Error):
        is_open = webbrowser.open(address)
    say("click Allow in the browser" if is_open else "no browser opens here: open this address in one", err=True)
    click.echo(address)
