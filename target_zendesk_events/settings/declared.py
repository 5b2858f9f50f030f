"""Every setting, declared once: its name, kind, default, description and whether it is a secret."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from target_zendesk_events.settings.plans import PLANS

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["string", "integer", "boolean", "array", "object"]
"""The kinds that Singer's JSON schema and Meltano both know; Meltano refuses `number`."""

MAX_DAYS = 36_500
MAX_WAIT_SECONDS = 604_800


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `otherwise` says what holds where it is unset and no constant `default` does."""

    name: str
    kind: Kind
    description: str
    default: str | int | bool | None = None
    otherwise: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    items: Kind | None = None
    """Kind of an array's entries."""
    verbatim: bool = False
    """Spaces at its ends belong to it."""

    @property
    def title(self) -> str:
        """Its name as a person writes it, for the Hub and `--about`."""
        words = [_SPELLINGS.get(word, word) for word in self.name.split("_")]
        return words[0][:1].upper() + " ".join(words)[1:]

    @property
    def default_text(self) -> str:
        """What holds where it is unset, for the docs; empty where nothing does."""
        if self.otherwise or self.default is None:
            return self.otherwise
        if isinstance(self.default, bool):
            return f"`{str(self.default).lower()}`"
        return f"`{self.default}`"

    @property
    def accepted(self) -> str:
        """What it takes, for the end of a sentence."""
        if self.choices:
            return ", ".join(self.choices)
        if self.kind == "integer":
            return f"a whole number{self._range()}"
        return {
            "string": "text",
            "boolean": "true or false",
            "object": "an object",
            "array": f"a list of {'objects' if self.items == 'object' else 'texts'}",
        }[self.kind]

    def _range(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f" from {self.minimum} to {self.maximum}"
        return "" if self.minimum is None else f" of {self.minimum} or more"


_SPELLINGS: Mapping[str, str] = {"api": "API", "url": "URL", "id": "ID", "oauth": "OAuth"}


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "subdomain",
        "string",
        "The account: `acme`, `acme.zendesk.com` or any address under `https://acme.zendesk.com/`. Required unless"
        " `api_url` is set.",
    ),
    Setting(
        "api_url",
        "string",
        "Another base URL for the API and the token endpoint: a proxy, the playground. Wins over `subdomain`. https, or"
        " http on loopback only, where no credentials are needed.",
    ),
    Setting(
        "client_id",
        "string",
        "OAuth client credentials (recommended): the client's unique identifier. Alone: the login that `zendesk-events"
        " login` keeps in `data_dir`.",
    ),
    Setting("client_secret", "string", "OAuth client credentials: the client's secret.", secret=True),
    Setting(
        "oauth_scope",
        "string",
        "OAuth scope to ask for.",
        otherwise="what the rules take: `users:write` for events, with `users:read` where something reads, and so on",
    ),
    Setting(
        "refresh_token",
        "string",
        "OAuth refresh grant, with `client_id` and `client_secret`. The rotated pair is kept in `data_dir`; another"
        " configured token starts afresh.",
        secret=True,
    ),
    Setting("access_token", "string", "A static bearer token.", secret=True),
    Setting("email", "string", "The user's address, with `api_token` or `password`."),
    Setting(
        "api_token",
        "string",
        "API token, with `email`. Zendesk ends API tokens on 2027-04-30.",
        secret=True,
    ),
    Setting("password", "string", "Password, with `email`. Zendesk phased it out.", secret=True, verbatim=True),
    Setting("source", "string", "`event.source` and `profile.source` where a rule gives none."),
    Setting("rules", "array", "The rules that say what becomes of records.", items="object"),
    Setting(
        "rules_file",
        "string",
        "The rules in a YAML file that neither Meltano nor a shell expands: a list of rules, or a mapping with `rules`"
        " and `source`.",
    ),
    Setting(
        "blocked_identifier_values",
        "array",
        "Values never sent as identifiers, besides `null`, `none`, `nan`, `undefined`, `unknown`, `anonymous`, `guest`,"
        " `n/a`, `test@test.com`, and `0` and `-1` for emails and phones. Compared without case.",
        items="string",
    ),
    Setting("timezone", "string", "Time zone of times without an offset.", default="UTC"),
    Setting(
        "since",
        "string",
        "A date, a time, or a length such as `30 days`: older events are counted as too old and not sent.",
    ),
    Setting(
        "plan",
        "string",
        "The account's plan: sets requests a minute, events a month and retention.",
        choices=tuple(PLANS),
    ),
    Setting(
        "requests_per_minute",
        "integer",
        "Requests for events and profiles in any 60 seconds, retries and reads included. Other integrations share the"
        " account's limit, so leave them room.",
        otherwise="90 % of the plan's; 225 without a plan",
        minimum=1,
        maximum=100_000,
    ),
    Setting(
        "support_requests_per_minute",
        "integer",
        "The same for tickets, object records, users and jobs, which draw on a limit of their own: Support's, which"
        " agents and apps share.",
        otherwise="half of the plan's; 100 without a plan",
        minimum=1,
        maximum=100_000,
    ),
    Setting(
        "monthly_event_quota",
        "integer",
        "Events in a calendar month (UTC), counted in the ledger, warned of at 80 %. Reached, the run ends with exit 1."
        " `0` for none.",
        otherwise="from `plan`",
        minimum=0,
    ),
    Setting(
        "max_events_per_day",
        "integer",
        "The brake on accidental backfills: events sent in one UTC day, counted in the ledger. Above it the run ends"
        " with exit 1, STATE safe. `0` for none.",
        otherwise="a tenth of the month's quota; none without",
        minimum=0,
    ),
    Setting(
        "max_deletions_per_day",
        "integer",
        "The brake on rules that delete: deletions in one UTC day, counted in the ledger. Above it the run ends with"
        " exit 1, STATE safe. `0` for no brake.",
        default=100,
        minimum=0,
    ),
    Setting(
        "unknown_customers",
        "string",
        "What becomes of an event or a profile of somebody whom Zendesk does not know: `create` sends it, and Zendesk"
        " makes a user; `skip` counts it; `set_aside` writes it to the dead letters.",
        default="create",
        choices=("create", "skip", "set_aside"),
    ),
    Setting(
        "max_in_flight",
        "integer",
        "Requests under way at once: also the most events that a crash makes unknown.",
        default=32,
        minimum=1,
        maximum=1_000,
    ),
    Setting(
        "request_timeout_seconds",
        "integer",
        "Seconds to connect, and between bytes of the answer; 60 s in all.",
        default=20,
        minimum=1,
        maximum=60,
    ),
    Setting(
        "max_outage_seconds",
        "integer",
        "Seconds from the first failure or 429 with nothing accepted or refused since; then the run stops.",
        default=900,
        minimum=0,
        maximum=MAX_WAIT_SECONDS,
    ),
    Setting("batch_size_rows", "integer", "Records per batch.", default=100, minimum=1, maximum=1_000_000),
    Setting(
        "batch_config",
        "object",
        "Where the files of BATCH messages may lie, beside the working directory: `storage.root`, a local folder.",
    ),
    Setting(
        "state_per_stream",
        "boolean",
        "Your word that no stream depends on another: each stream's bookmark then advances as soon as its own records"
        " are settled.",
        default=False,
    ),
    Setting(
        "on_unknown_outcome",
        "string",
        "What follows a lost answer: `verify` reads the customer's events back and resends only what is not there,"
        " `retry` sends at least once, `hold` at most once.",
        default="verify",
        choices=("verify", "retry", "hold"),
    ),
    Setting(
        "data_dir",
        "string",
        "Folder for the ledger, `dead-letters/`, rotated tokens and `last-run.json`; made with mode 0700.",
        default=".zendesk-events",
    ),
    Setting(
        "ledger_url",
        "string",
        "An SQLite (`sqlite:///PATH`) or PostgreSQL (`postgresql://...`) URL of the ledger; `none` switches it off.",
        otherwise="SQLite in `data_dir`",
        secret=True,
    ),
    Setting(
        "ledger_retention_days",
        "integer",
        "Days that a key stays in the ledger, counted from when it was last seen.",
        otherwise="90, 365 or 1,095 as the plan keeps events; else 365",
        minimum=1,
        maximum=MAX_DAYS,
    ),
    Setting(
        "max_set_aside_percent",
        "integer",
        "Of a stream's records, what may go to the dead letters, looked at once 50 were matched or invalid. Above it"
        " that stream stops; `0` stops at the first.",
        default=10,
        minimum=0,
        maximum=100,
    ),
    Setting("fail_on_set_aside", "boolean", "Exit 3 when anything went to the dead letters.", default=False),
    Setting(
        "dry_run",
        "boolean",
        "Maps, checks and asks the ledger; logs counts, cost and masked bodies; sends and writes nothing, STATE"
        " included.",
        default=False,
    ),
)

SDK_SETTINGS: tuple[Setting, ...] = (
    Setting("stream_maps", "object", "The SDK's stream maps."),
    Setting("stream_map_config", "object", "Values for use within stream maps."),
    Setting("faker_config", "object", "Settings of `fake` within stream maps."),
    Setting("flattening_enabled", "boolean", "The SDK's flattening of nested properties."),
    Setting("flattening_max_depth", "integer", "How deep to flatten.", minimum=0),
    Setting("flattening_max_key_length", "integer", "Longest name that flattening makes.", minimum=1),
    Setting("flattening_separator", "string", "What flattening puts between names.", verbatim=True),
    Setting("validate_records", "boolean", "Whether records are checked against their schema.", default=True),
)
"""The SDK's own settings that work; the SDK adds them to the schema itself, with its own descriptions."""

MEANINGLESS: tuple[str, ...] = (
    "add_record_metadata",
    "batch_wait_limit_seconds",
    "default_target_schema",
    "hard_delete",
    "load_method",
    "process_activate_version_messages",
)
"""The SDK's own settings that mean nothing here: hidden from `--about`, accepted with one line at INFO."""

DECLARED: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS + SDK_SETTINGS}
