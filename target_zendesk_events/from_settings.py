"""Builds one room at a time out of the settings: for a run, and for the verbs that need no more."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from target_zendesk_events import settings as known
from target_zendesk_events.errors import StorageError
from target_zendesk_events.ledger.clocks import RunClock
from target_zendesk_events.ledger.ledger import Ledger, Limits, Usage
from target_zendesk_events.ledger.opening import open_ledger
from target_zendesk_events.limits.brakes import DELETIONS_A_DAY, EVENTS_A_DAY, Quota
from target_zendesk_events.zendesk import auth, tokens
from target_zendesk_events.zendesk.login import Login

if TYPE_CHECKING:
    from target_zendesk_events.mapping.digests import Digests
    from target_zendesk_events.mapping.rules import RuleBook

EVENTS, DELETIONS = "event", "deletion"
"""The kinds of shipment that have limits of their own."""
DEAD_LETTERS_FOLDER = "dead-letters"
TOKENS_FILE = "tokens.json"
LOGIN_FILE = "login.json"
MAPPING_SETTINGS = ("stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth")
"""The SDK's, which say what the rules see of a record."""


def compile_book(settings: known.Settings, clock: RunClock | None = None) -> RuleBook:
    """Compile the rules of the settings. Raises ConfigurationError with every fault of every rule."""
    from target_zendesk_events.mapping.rules import check_known_by, compile_rules  # noqa: PLC0415 - Jinja takes its time

    rule_book = compile_rules(
        settings.rules,
        source=settings.source,
        timezone=str(settings.timezone),
        blocked_values=settings.blocked_identifier_values,
        since=settings.since,
        since_length=settings.since_length,
        lines=settings.rules_lines,
        wall=clock or time.time,
        certain=None if clock is None else clock.certain,
    )
    if settings.unknown_customers != "create":
        check_known_by(rule_book.rules)
    return rule_book


def digests_of(settings: known.Settings, rule_book: RuleBook) -> Digests:
    """Return what tells a stream's rules, schema and settings from those before a change."""
    from target_zendesk_events.mapping.digests import Digests  # noqa: PLC0415 - beside the rules

    decisive = {
        "source": settings.source,
        "timezone": str(settings.timezone),
        "blocked_identifier_values": list(settings.blocked_identifier_values),
        "validate_records": settings.validate_records,
        **{name: settings.sdk_config.get(name) for name in MAPPING_SETTINGS},
    }
    return Digests(settings.rules, rule_book, decisive)


def ledger_of(settings: known.Settings, run: str, digests: Digests, must_stop: Callable[[], bool]) -> Ledger:
    """Open the ledger of the settings. Raises StorageError and ConfigurationError."""
    return open_ledger(
        settings.ledger_url,
        account=settings.account,
        run=run,
        retention_days=settings.ledger_retention_days,
        digest=digests.of,
        limits=limits_of(settings),
        must_stop=must_stop,
        reads_only=settings.dry_run,
    )


def limits_of(settings: known.Settings) -> Limits:
    """Return how many shipments of a kind the settings allow in a month and in a day."""
    return {
        EVENTS: (settings.monthly_event_quota, settings.max_events_per_day),
        DELETIONS: (None, settings.max_deletions_per_day),
    }


def quotas_of(settings: known.Settings, usage: Usage, now: Callable[[], float]) -> dict[str, Quota]:
    """Return the quota of each kind that has one, with what was used so far."""
    sentences = {EVENTS: EVENTS_A_DAY, DELETIONS: DELETIONS_A_DAY}
    quotas = {}
    for kind, (per_month, per_day) in limits_of(settings).items():
        used_this_month, used_today = usage.of(kind)
        quotas[kind] = Quota(
            per_month=per_month,
            per_day=per_day,
            used_this_month=used_this_month,
            used_today=used_today,
            wall=now,
            sentence=sentences[kind],
        )
    return quotas


def authenticator(settings: known.Settings) -> auth.Auth:
    """Return the one way to authenticate that the settings name."""
    given = settings.credentials
    if isinstance(given, known.ClientCredentials):
        return auth.ClientCredentials(given.client_id, given.client_secret, given.scope)
    if isinstance(given, known.RefreshToken):
        file = tokens.TokenFile(settings.data_dir / TOKENS_FILE, grown_from=given.refresh_token)
        return tokens.RefreshToken(
            given.client_id, given.client_secret, given.refresh_token, scope=given.scope, file=file
        )
    if isinstance(given, known.Login):
        return Login(given.client_id, settings.base_url, settings.data_dir / LOGIN_FILE)
    if isinstance(given, known.AccessToken):
        return auth.BearerToken(given.access_token)
    if isinstance(given, known.ApiToken):
        return auth.ApiToken(given.email, given.api_token)
    if isinstance(given, known.Password):
        return auth.Password(given.email, given.password)
    return auth.NoCredentials()


def make_data_dir(folder: Path) -> None:
    """Make the folder that a run writes in, readable by its owner alone and ignored by git. Raises StorageError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as fault:
        message = (
            f"data_dir {folder} cannot be made or written ({os.strerror(fault.errno or 0)}); choose another [ZE601]"
        )
        raise StorageError(message) from fault


def run_name() -> str:
    """Return a name that sorts by time and that no other run bears."""
    now = dt.datetime.now(dt.timezone.utc)
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
