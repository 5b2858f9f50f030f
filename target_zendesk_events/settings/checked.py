"""The settings of one run: every value typed, resolved and in accord with the others."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.settings.account import (
    Credentials,
    NoCredentials,
    credential_warnings,
    read_base_url,
    read_credentials,
)
from target_zendesk_events.settings.declared import SDK_SETTINGS
from target_zendesk_events.settings.plans import NO_PLAN, PLANS, Plan
from target_zendesk_events.settings.playground import Playground, read_playground
from target_zendesk_events.settings.schema import misspelt_variables, unread_variables
from target_zendesk_events.settings.scopes import Need, narrowest, needs_of
from target_zendesk_events.settings.storage import absolute, read_batch_root, read_ledger_url, sqlite_url, start_folder
from target_zendesk_events.settings.times import read_length, read_since, read_timezone
from target_zendesk_events.settings.values import listed, read_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from target_zendesk_events.settings.rules_file import RulesFile

_T = TypeVar("_T")
OnUnknownOutcome = Literal["verify", "retry", "hold"]
UnknownCustomers = Literal["create", "skip", "set_aside"]


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run is told, and what to say about it before it starts. Its repr shows no secret."""

    base_url: str
    """Where requests go, without a slash at its end."""
    account: str
    """Host, port and path of `base_url`: what tells an account from another."""
    credentials: Credentials
    needs: tuple[Need, ...]
    """The OAuth scopes that the rules take, and for what."""
    source: str | None
    """Empty where it was given so."""
    rules: list[dict[str, Any]] = dataclasses.field(repr=False)
    rules_lines: list[dict[str, int]] | None
    """The line of each place of each rule in `rules_file`; None where rules come from the configuration."""
    rules_path: Path | None
    blocked_identifier_values: tuple[str, ...]
    timezone: dt.tzinfo
    since: dt.datetime | None
    since_length: dt.timedelta | None
    """Where `since` is a length: then it counts back from the right time, should the machine's be wrong."""
    """In UTC."""
    plan: str | None
    requests_per_minute: int
    support_requests_per_minute: int
    monthly_event_quota: int | None
    max_events_per_day: int | None
    max_deletions_per_day: int | None
    unknown_customers: UnknownCustomers
    max_in_flight: int
    request_timeout_seconds: int
    max_outage_seconds: int
    batch_size_rows: int
    batch_root: Path | None
    """Absolute: where files of BATCH messages may lie, beside the working directory."""
    state_per_stream: bool
    on_unknown_outcome: OnUnknownOutcome
    data_dir: Path
    """Absolute."""
    ledger_url: str | None = dataclasses.field(repr=False)
    """SQLite's with an absolute path, or PostgreSQL's; None where the ledger is switched off."""
    ledger_retention_days: int
    max_set_aside_percent: int
    fail_on_set_aside: bool
    dry_run: bool
    validate_records: bool
    sdk_config: Mapping[str, Any] = dataclasses.field(repr=False)
    """All of the configuration that the SDK may see, each value of its kind."""
    playground: Playground | None
    empty: frozenset[str]
    """Settings given as empty text, which count as unset."""
    notes: tuple[str, ...]
    """Lines to log at INFO."""
    warnings: tuple[str, ...]
    """Lines to log at WARNING."""

    @property
    def writes_state(self) -> bool:
        """Whether STATE goes out at all: not in a dry run, and in a playground only if the wrapper was told so."""
        return not self.dry_run and (self.playground is None or self.playground.write_state)


def read_settings(config: Mapping[str, Any], environ: Mapping[str, str], *, now: dt.datetime) -> Settings:
    """Return the settings of a run that starts at `now`.

    `environ` decides about the playground and where relative paths start, whatever the configuration came from.
    Raises a ConfigurationError with a sentence for each fault: it names the setting, what was given (never for a
    secret) and what is accepted.
    """
    reading = _Reading(config, environ, now)
    settings = reading.settings()
    if reading.faults:
        raise ConfigurationError(dict.fromkeys(reading.faults))
    return settings


class _Reading:
    """One reading of a configuration: resolves its values and gathers the faults on the way."""

    def __init__(self, config: Mapping[str, Any], environ: Mapping[str, str], now: dt.datetime) -> None:
        self.values, self.faults = read_values(config)
        self._config = config
        self._environ = environ
        self._now = now
        self._start = start_folder(environ)
        self._playground = read_playground(environ)
        self._warnings: list[str] = []

    def settings(self) -> Settings:
        """Return the settings; they hold only if no fault was found."""
        values = self.values
        data_dir = self._data_dir()
        ledger_url = self._ledger_url(data_dir)
        rules_file = self._rules_file()
        rules = rules_file.rules if rules_file else values.get("rules") or []
        needs = needs_of(
            rules,
            reads=ledger_url is not None and values.get("on_unknown_outcome") == "verify",
            asks_who_is_known=values.get("unknown_customers") != "create",
        )
        base_url, credentials = self._account(needs)
        timezone = self._or_fault(read_timezone, values.get("timezone")) or dt.timezone.utc
        plan = self._plan()
        quota, per_day = self._quota()
        return Settings(
            base_url=base_url,
            account=base_url.partition("://")[2],
            credentials=credentials,
            needs=needs,
            source=self._source(rules_file),
            rules=rules,
            rules_lines=rules_file.lines if rules_file else None,
            rules_path=rules_file.path if rules_file else None,
            blocked_identifier_values=tuple(values.get("blocked_identifier_values") or ()),
            timezone=timezone,
            since=self._since(timezone),
            since_length=read_length(self.values.given.get("since", "")),
            plan=values.get("plan"),
            requests_per_minute=self._rate("requests_per_minute", plan.requests_per_minute, percent=90),
            support_requests_per_minute=self._rate(
                "support_requests_per_minute", plan.support_requests_per_minute, percent=50
            ),
            monthly_event_quota=quota,
            max_events_per_day=per_day,
            max_deletions_per_day=values.get("max_deletions_per_day") or None,
            unknown_customers=values.get("unknown_customers"),
            max_in_flight=values.get("max_in_flight"),
            request_timeout_seconds=values.get("request_timeout_seconds"),
            max_outage_seconds=values.get("max_outage_seconds"),
            batch_size_rows=values.get("batch_size_rows"),
            batch_root=self._or_fault(read_batch_root, values.get("batch_config"), self._start),
            state_per_stream=values.get("state_per_stream"),
            on_unknown_outcome=values.get("on_unknown_outcome"),
            data_dir=data_dir,
            ledger_url=ledger_url,
            ledger_retention_days=values.get("ledger_retention_days") or plan.retention_days,
            max_set_aside_percent=values.get("max_set_aside_percent"),
            fail_on_set_aside=values.get("fail_on_set_aside"),
            dry_run=values.get("dry_run"),
            validate_records=values.get("validate_records"),
            sdk_config=self._sdk_config(),
            playground=self._playground,
            empty=values.empty,
            notes=tuple(self._said_of_settings()),
            warnings=(*self._warnings, *self._said_of_variables()),
        )

    def _said_of_variables(self) -> Iterator[str]:
        yield from misspelt_variables(self._environ)
        yield from unread_variables(self._config, self._environ)

    def _or_fault(self, read: Callable[..., _T], *arguments: Any) -> _T | None:  # noqa: ANN401 - the reader's own
        """Return what a reader reads, None where that is at fault; the fault is noted."""
        try:
            return read(*arguments)
        except ConfigurationError as error:
            self.faults += error.faults
        except ValueError as error:
            self.faults.append(str(error))
        return None

    def _account(self, needs: tuple[Need, ...]) -> tuple[str, Credentials]:
        """Return where requests go and by which right; a playground wins over whatever is configured."""
        scope = narrowest(need.scope for need in needs)
        if self._playground:
            self._warnings.append(self._playground.warning)
            if not self._playground.takes_credentials:
                return self._playground.url, NoCredentials()
            credentials, faults = read_credentials(self.values, "", scope=scope)
            self.faults += faults
            return self._playground.url, credentials
        base_url, faults = read_base_url(self.values)
        is_needed = not self.values.get("dry_run")
        credentials, more = read_credentials(self.values, base_url, scope=scope, is_needed=is_needed)
        self.faults += faults + more
        self._warnings += credential_warnings(credentials, needs, self._now.astimezone(dt.timezone.utc).date())
        return base_url, credentials

    def _data_dir(self) -> Path:
        if self._playground:
            return self._playground.data_dir
        data_dir = absolute(self.values.get("data_dir"), self._start)
        if data_dir.is_file():
            self.faults.append(
                f"data_dir is {data_dir}, which is a file; accepted: a folder, or one to be made [ZE111]"
            )
        return data_dir

    def _ledger_url(self, data_dir: Path) -> str | None:
        if not self._playground:
            return self._or_fault(read_ledger_url, self.values.get("ledger_url"), data_dir, self._start)
        off = str(self.values.get("ledger_url")).lower() == "none" and self.values.has("ledger_url")
        return None if off else sqlite_url(data_dir)

    def _rules_file(self) -> RulesFile | None:
        if self.values.get("rules") and self.values.has("rules_file"):
            self.faults.append("rules and rules_file are both given; accepted: one of them [ZE114]")
            return None
        if "rules_file" not in self.values.given:
            return None
        from target_zendesk_events.settings.rules_file import read_rules_file  # noqa: PLC0415 - YAML takes its time

        return self._or_fault(read_rules_file, absolute(self.values.get("rules_file"), self._start))

    def _source(self, rules_file: RulesFile | None) -> str | None:
        configured: str | None = "" if "source" in self.values.empty else self.values.get("source")
        in_file = rules_file.source if rules_file else None
        if configured and in_file and configured != in_file:
            self.faults.append(
                f"source is {configured!r}, but {in_file!r} in rules_file; accepted: one of them [ZE115]"
            )
        return in_file or configured

    def _since(self, timezone: dt.tzinfo) -> dt.datetime | None:
        if "since" not in self.values.given:
            return None
        since = self._or_fault(read_since, self.values.get("since"), timezone, self._now)
        if since and since > self._now:
            self._warnings.append(
                f"since is {since.isoformat()}, which is yet to come: every event is too old until then"
            )
        return since

    def _plan(self) -> Plan:
        return PLANS.get(self.values.get("plan") or "", NO_PLAN)

    def _rate(self, name: str, allowed: int, *, percent: int) -> int:
        """Return a share of what the plan allows, or what is set: a warning where that is more than the plan's."""
        rate: int = self.values.get(name) or allowed * percent // 100
        if rate > allowed and self.values.has("plan"):
            self._warnings.append(f"{name} is {rate}, more than the {allowed} of plan {self.values.get('plan')}")
        return rate

    def _quota(self) -> tuple[int | None, int | None]:
        """Return the events of a month and of a day, None where there is no bound."""
        month = self.values.get("monthly_event_quota")
        month = self._plan().events_per_month if month is None else month
        day = self.values.get("max_events_per_day")
        day = -(-month // 10) if day is None else day
        return month or None, day or None

    def _sdk_config(self) -> dict[str, Any]:
        ours = {"batch_size_rows": self.values.get("batch_size_rows")}
        values = {setting.name: self.values.get(setting.name) for setting in SDK_SETTINGS}
        return ours | {name: value for name, value in values.items() if value is not None}

    def _said_of_settings(self) -> list[str]:
        """Return what is worth a line at INFO."""
        notes = []
        if self.values.passed_over:
            notes.append(f"settings that mean nothing here and are passed over: {listed(self.values.passed_over)}")
        if self.values.empty:
            notes.append(f"settings that are empty and count as unset: {listed(sorted(self.values.empty))}")
        if {"subdomain", "api_url"} <= self.values.given.keys() and not self._playground:
            notes.append("api_url wins over subdomain")
        return notes
