"""Settings: what is declared, what is accepted, and what is said of the rest."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events import settings
from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.settings import (
    MEANINGLESS,
    SDK_SETTINGS,
    SETTINGS,
    Settings,
    config_schema,
    environment_config,
    hide_meaningless,
    read_settings,
)
from target_zendesk_events.settings.schema import unread_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)
ACCOUNT: Mapping[str, Any] = {"subdomain": "acme", "access_token": "example-secret"}
SECRETS = {"client_secret", "refresh_token", "access_token", "api_token", "password", "ledger_url"}


def read(environ: Mapping[str, str] | None = None, /, **config: Any) -> Settings:
    """Read a configuration that lacks nothing but what a test adds."""
    return read_settings({**ACCOUNT, **config}, environ or {}, now=NOW)


def faults_of(environ: Mapping[str, str] | None = None, /, **config: Any) -> tuple[str, ...]:
    """Return the faults of such a configuration, without their codes."""
    with pytest.raises(ConfigurationError) as caught:
        read(environ, **config)
    return tuple(map(without_code, caught.value.faults))


def test_the_table_has_the_settings_of_the_design_in_its_order() -> None:
    """Every setting of the design is declared once, in the design's order."""
    assert [setting.name for setting in SETTINGS] == [
        "subdomain",
        "api_url",
        "client_id",
        "client_secret",
        "oauth_scope",
        "refresh_token",
        "access_token",
        "email",
        "api_token",
        "password",
        "source",
        "rules",
        "rules_file",
        "blocked_identifier_values",
        "timezone",
        "since",
        "plan",
        "requests_per_minute",
        "support_requests_per_minute",
        "monthly_event_quota",
        "max_events_per_day",
        "max_deletions_per_day",
        "unknown_customers",
        "max_in_flight",
        "request_timeout_seconds",
        "max_outage_seconds",
        "batch_size_rows",
        "batch_config",
        "state_per_stream",
        "on_unknown_outcome",
        "data_dir",
        "ledger_url",
        "ledger_retention_days",
        "max_set_aside_percent",
        "fail_on_set_aside",
        "dry_run",
    ]


def test_the_schema_agrees_with_the_table() -> None:
    """The JSON schema has each setting once, with its kind, title, description, default, choices and bounds."""
    properties = config_schema()["properties"]
    assert list(properties) == [setting.name for setting in SETTINGS]
    for setting in SETTINGS:
        schema = properties[setting.name]
        assert schema["type"] == [setting.kind, "null"]
        assert schema["title"] == setting.title
        assert schema["description"].startswith(setting.description)
        assert setting.otherwise in schema["description"]
        assert schema.get("default") == setting.default
        assert tuple(schema.get("enum", ())) == setting.choices
        assert (schema.get("minimum"), schema.get("maximum")) == (setting.minimum, setting.maximum)
    assert json.loads(json.dumps(properties)) == properties


def test_no_setting_is_a_number() -> None:
    """Every number is an integer, for Meltano refuses the kind `number`."""
    assert {setting.kind for setting in SETTINGS} == {"string", "integer", "boolean", "array", "object"}


def test_secrets_are_flagged() -> None:
    """Just the settings that hold a secret are flagged as such, as the SDK and Meltano read it."""
    properties = config_schema()["properties"]
    assert {name for name, schema in properties.items() if schema.get("secret") and schema.get("writeOnly")} == SECRETS
    assert {setting.name for setting in SETTINGS if setting.secret} == SECRETS


@pytest.mark.parametrize(
    ("name", "title"),
    [("api_url", "API URL"), ("client_id", "Client ID"), ("oauth_scope", "OAuth scope"), ("dry_run", "Dry run")],
)
def test_titles_are_spelt_as_people_spell(name: str, title: str) -> None:
    """A title is the name in words, its acronyms in capitals."""
    assert config_schema()["properties"][name]["title"] == title


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("subdomain", ""),
        ("timezone", "`UTC`"),
        ("dry_run", "`false`"),
        ("max_in_flight", "`32`"),
        ("ledger_url", "SQLite in `data_dir`"),
    ],
)
def test_defaults_are_told_in_words(name: str, text: str) -> None:
    """The docs get a default as text: a constant as code, a computed one in words."""
    assert next(setting for setting in SETTINGS if setting.name == name).default_text == text


def test_the_sdk_adds_no_setting_that_the_tables_miss() -> None:
    """What the SDK appends to a target's schema works, stands in our own table, or is hidden."""
    from singer_sdk.helpers.capabilities import (  # noqa: PLC0415 - the one test that looks at the SDK
        PluginCapabilities,
        TargetCapabilities,
    )
    from singer_sdk.target_base import Target  # noqa: PLC0415 - as above

    class Probe(Target):
        """A target with the capabilities of ours."""

        name = "probe"
        capabilities = (  # type: ignore[assignment]
            PluginCapabilities.ABOUT,
            PluginCapabilities.BATCH,
            PluginCapabilities.STREAM_MAPS,
            PluginCapabilities.FLATTENING,
            TargetCapabilities.VALIDATE_RECORDS,
        )

    schema = config_schema()
    Probe.append_builtin_config(schema)
    hide_meaningless(schema)
    own = [setting.name for setting in SETTINGS]
    assert list(schema["properties"])[: len(own)] == own
    assert set(schema["properties"]) - set(own) == {setting.name for setting in SDK_SETTINGS}
    assert schema["properties"]["batch_size_rows"]["default"] == 100


def test_defaults() -> None:
    """With an account and nothing else, the design's defaults hold."""
    found = read()
    assert found.base_url == "https://acme.zendesk.com"
    assert found.account == "acme.zendesk.com"
    assert (found.source, found.rules, found.rules_lines, found.rules_path) == (None, [], None, None)
    assert found.blocked_identifier_values == ()
    assert (found.timezone, found.since, found.plan) == (dt.timezone.utc, None, None)
    assert (found.requests_per_minute, found.monthly_event_quota, found.max_events_per_day) == (225, None, None)
    assert (found.support_requests_per_minute, found.max_deletions_per_day) == (100, 100)
    assert found.unknown_customers == "create"
    assert (found.max_in_flight, found.request_timeout_seconds, found.max_outage_seconds) == (32, 20, 900)
    assert (found.batch_size_rows, found.state_per_stream, found.on_unknown_outcome) == (100, False, "verify")
    assert found.data_dir == Path.cwd() / ".zendesk-events"
    assert found.ledger_url == f"sqlite:///{Path.cwd()}/.zendesk-events/ledger.sqlite"
    assert (found.ledger_retention_days, found.max_set_aside_percent) == (365, 10)
    assert (found.fail_on_set_aside, found.dry_run, found.validate_records) == (False, False, True)
    assert found.sdk_config == {"batch_size_rows": 100, "validate_records": True}
    assert (found.playground, found.notes, found.warnings) == (None, (), ())
    assert found.writes_state


@pytest.mark.parametrize(
    ("plan", "rate", "month", "day", "retention"),
    [
        ("team", 225, 150_000, 15_000, 90),
        ("growth", 225, 150_000, 15_000, 90),
        ("professional", 450, 350_000, 35_000, 365),
        ("enterprise", 630, 750_000, 75_000, 365),
        ("enterprise_plus", 900, 3_000_000, 300_000, 1_095),
    ],
)
def test_a_plan_sets_rate_quota_brake_and_retention(plan: str, rate: int, month: int, day: int, retention: int) -> None:
    """A plan gives 90 % of its rate, its month's events, a tenth of these a day, and its retention."""
    found = read(plan=plan)
    assert (found.requests_per_minute, found.monthly_event_quota) == (rate, month)
    assert (found.max_events_per_day, found.ledger_retention_days) == (day, retention)


@pytest.mark.parametrize(
    ("plan", "rate"),
    [("team", 100), ("growth", 200), ("professional", 200), ("enterprise", 350), ("enterprise_plus", 1_250)],
)
def test_agents_keep_half_of_supports_rate(plan: str, rate: int) -> None:
    """Of Support's bucket, in which agents work, half of the plan's is taken, unless told otherwise."""
    assert read(plan=plan).support_requests_per_minute == rate
    assert read(plan=plan, support_requests_per_minute=7).support_requests_per_minute == 7


def test_deletions_have_a_brake_that_can_be_lifted() -> None:
    """`max_deletions_per_day` is a number of its own; 0 lifts it."""
    assert read(max_deletions_per_day="7").max_deletions_per_day == 7
    assert read(max_deletions_per_day=0).max_deletions_per_day is None


def test_unknown_customers_is_one_of_three() -> None:
    """Whoever Zendesk does not know is created, skipped or set aside."""
    assert [read(unknown_customers=one).unknown_customers for one in ("create", "skip", "set_aside")] == [
        "create",
        "skip",
        "set_aside",
    ]
    (fault,) = faults_of(unknown_customers="set aside")
    assert fault == "unknown_customers is 'set aside'; accepted: create, skip, set_aside; did you mean set_aside?"


@pytest.mark.parametrize(
    ("config", "month", "day"),
    [
        ({"monthly_event_quota": 2_000}, 2_000, 200),
        ({"monthly_event_quota": 5}, 5, 1),
        ({"plan": "team", "monthly_event_quota": 0}, None, None),
        ({"plan": "team", "monthly_event_quota": 1_000}, 1_000, 100),
        ({"plan": "team", "max_events_per_day": 0}, 150_000, None),
        ({"max_events_per_day": 7}, None, 7),
    ],
)
def test_quotas_that_are_set_win_over_the_plan(config: dict[str, Any], month: int | None, day: int | None) -> None:
    """A quota that is set wins, 0 means none, and the day's brake is a tenth of the month's quota in force."""
    found = read(**config)
    assert (found.monthly_event_quota, found.max_events_per_day) == (month, day)


def test_a_rate_above_the_plans_is_a_warning() -> None:
    """A requests_per_minute above what the plan allows is taken, with a warning; below it goes without a word."""
    assert "more than the 250 of plan team" in read(plan="team", requests_per_minute=300).warnings[0]
    assert read(plan="team", requests_per_minute=250).warnings == ()
    assert read(requests_per_minute=300).warnings == ()
    (warning,) = read(plan="team", support_requests_per_minute=300).warnings
    assert warning == "support_requests_per_minute is 300, more than the 200 of plan team"


@pytest.mark.parametrize("raw", [100, 100.0, Decimal(100), "100", " 100 ", "+100", "100.0"])
def test_whole_numbers_are_taken_in_every_spelling(raw: object) -> None:
    """An integer may be a whole float, or text, as it comes from the environment."""
    assert read(batch_size_rows=raw).batch_size_rows == 100


@pytest.mark.parametrize("raw", ["abc", "1e3", "1_000", "100.5", 100.5, True, [100], float("inf"), "٣", "9" * 5000])
def test_what_is_no_whole_number_is_a_fault(raw: object) -> None:
    """Anything that is no whole number is a fault, a boolean and a fraction too."""
    (fault,) = faults_of(batch_size_rows=raw)
    assert fault.startswith("batch_size_rows is ")
    assert fault.endswith("; accepted: a whole number from 1 to 1000000")
    assert len(fault) < 200


def test_a_fraction_from_a_file_is_shown() -> None:
    """The SDK reads a file's fractions as Decimal; the fault names them as they stand there."""
    assert faults_of(batch_size_rows=Decimal("1.5")) == (
        "batch_size_rows is 1.5; accepted: a whole number from 1 to 1000000",
    )


@pytest.mark.parametrize(
    ("name", "raw", "accepted"),
    [("rules", [None], "a list of objects"), ("blocked_identifier_values", ["a", None], "a list of texts")],
)
def test_an_entry_that_is_null_is_called_so(name: str, raw: list[object], accepted: str) -> None:
    """An empty entry of a list is no object."""
    assert faults_of(**{name: raw}) == (f"{name}: entry {len(raw)} is null; accepted: {accepted}",)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("requests_per_minute", 0),
        ("support_requests_per_minute", 0),
        ("max_deletions_per_day", -1),
        ("monthly_event_quota", -1),
        ("max_events_per_day", "-1"),
        ("max_in_flight", 0),
        ("max_in_flight", 1_001),
        ("request_timeout_seconds", 0),
        ("request_timeout_seconds", 61),
        ("max_outage_seconds", -1),
        ("batch_size_rows", 0),
        ("ledger_retention_days", 0),
        ("max_set_aside_percent", 101),
        ("max_set_aside_percent", -1),
        ("flattening_max_depth", -1),
    ],
)
def test_a_number_out_of_range_is_a_fault(name: str, raw: object) -> None:
    """A number below its least or above its most is a fault that names it and its range."""
    (fault,) = faults_of(**{name: raw})
    assert fault.startswith(f"{name} is ")
    assert "a whole number" in fault


@pytest.mark.parametrize(
    ("raw", "meant"),
    [(True, True), (False, False), ("true", True), ("ON", True), ("1", True), ("no", False), ("0", False)],
)
def test_booleans_are_taken_as_text_too(raw: object, *, meant: bool) -> None:
    """A boolean may be text, in the words the SDK knows."""
    assert read(dry_run=raw).dry_run is meant


@pytest.mark.parametrize("raw", ["maybe", 1, 0, 2.0, ["true"], {}])
def test_what_is_no_boolean_is_a_fault(raw: object) -> None:
    """A number is no boolean, nor is any other word."""
    (fault,) = faults_of(dry_run=raw)
    assert fault.startswith("dry_run is ")
    assert fault.endswith("accepted: true or false")


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (["a", "b"], ("a", "b")),
        ('["a", "b"]', ("a", "b")),
        ("a, b", ("a", "b")),
        ("a", ("a",)),
        ("[]", ()),
    ],
)
def test_lists_of_text_are_taken_as_json_or_with_commas(raw: object, meant: tuple[str, ...]) -> None:
    """A list of texts may come as JSON text or with commas, as the SDK takes it from the environment."""
    assert read(blocked_identifier_values=raw).blocked_identifier_values == meant


@pytest.mark.parametrize("raw", [3, {"a": 1}, "[1", '{"a": 1}', [0], '["a", null]', "[NaN]"])
def test_what_is_no_list_of_text_is_a_fault(raw: object) -> None:
    """A list of texts holds nothing but text."""
    (fault,) = faults_of(blocked_identifier_values=raw)
    assert fault.startswith("blocked_identifier_values")
    assert "accepted: a list of texts" in fault


def test_rules_are_taken_as_objects_or_json() -> None:
    """Rules are a list of objects, or the same as JSON text."""
    rule = {"stream": "orders", "event": {"type": "paid"}}
    assert read(rules=[rule]).rules == [rule]
    assert read(rules=json.dumps([rule])).rules == [rule]
    assert read(rules=[rule]).rules_lines is None


def test_fractions_in_rules_are_plain_numbers() -> None:
    """A file's fractions come as Decimal, which nothing beyond the settings has to know."""
    (found,) = read(rules=[{"event": {"properties": {"rates": [Decimal("1.5")]}}}]).rules
    assert json.dumps(found) == '{"event": {"properties": {"rates": [1.5]}}}'


@pytest.mark.parametrize("raw", ["stream: orders", "a,b", {"stream": "orders"}, ["orders"], "[1]", True])
def test_rules_that_are_no_list_of_objects_are_a_fault(raw: object) -> None:
    """Rules in any other shape are a fault."""
    (fault,) = faults_of(rules=raw)
    assert fault.startswith("rules")
    assert "accepted: a list of objects" in fault


@pytest.mark.parametrize(
    ("name", "raw"),
    [("source", 3), ("timezone", True), ("plan", []), ("data_dir", {}), ("email", 1.5), ("subdomain", ["acme"])],
)
def test_text_that_is_none_is_a_fault(name: str, raw: object) -> None:
    """A number, a boolean, a list or an object is no text."""
    config = {"subdomain": "acme", "access_token": "example-secret", name: raw}
    assert any(fault.startswith(f"{name} is ") for fault in faults_of(**config))


def test_a_bad_plan_names_the_plans() -> None:
    """A plan that is none is a fault that lists the plans and offers the nearest."""
    assert faults_of(plan="Enterprise Plus") == (
        (
            "plan is 'Enterprise Plus'; accepted: team, growth, professional, enterprise, enterprise_plus;"
            " did you mean enterprise_plus?"
        ),
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("subdomian", "subdomian is no setting of this target; did you mean subdomain?"),
        ("API-Token", "'API-Token' is no setting of this target; did you mean api_token?"),
        ("streammaps", "streammaps is no setting of this target; did you mean stream_maps?"),
        ("wholly_else", "wholly_else is no setting of this target"),
    ],
)
def test_an_unknown_setting_is_a_fault_with_the_nearest(name: str, sentence: str) -> None:
    """A setting that nobody declared is a fault, with the nearest known one where one is near."""
    assert faults_of(**{name: "example-secret"}) == (sentence,)


def test_all_faults_come_at_once() -> None:
    """Each fault is one line of the message, and all are told together."""
    with pytest.raises(ConfigurationError) as caught:
        read(max_in_flight="x", plan="x", nonsense=1)
    assert len(caught.value.faults) == 3
    assert str(caught.value).splitlines() == list(caught.value.faults)
    assert caught.value.exit_code == 2


def test_empty_counts_as_unset() -> None:
    """Empty text is no value: the default holds, and a note names the setting."""
    found = read(plan="", dry_run=" ", rules="", max_in_flight=None)
    assert (found.plan, found.dry_run, found.rules, found.max_in_flight) == (None, False, [], 32)
    assert found.notes == ("settings that are empty and count as unset: dry_run, plan and rules",)


def test_spaces_at_the_ends_do_not_count() -> None:
    """Text loses the spaces and the line break at its ends; a password keeps its spaces."""
    found = read_settings({"subdomain": " acme\n", "email": "a@b.example", "password": " x "}, {}, now=NOW)
    assert found.base_url == "https://acme.zendesk.com"
    assert found.credentials == settings.Password("a@b.example", " x ")


def test_settings_that_mean_nothing_are_passed_over_in_one_line() -> None:
    """The SDK's settings that do nothing here are accepted, with one note."""
    assert all(read(**{name: {"any": "thing"}}) for name in MEANINGLESS)
    found = read(load_method="upsert", add_record_metadata=True)
    assert found.notes == ("settings that mean nothing here and are passed over: add_record_metadata and load_method",)
    assert "load_method" not in found.sdk_config


@pytest.mark.parametrize(
    ("batch_config", "root"),
    [
        (None, None),
        ({}, None),
        ({"encoding": {"format": "jsonl"}, "storage": {"prefix": "x-"}}, None),
        ({"storage": {"root": ""}}, None),
        ({"storage": {"root": "file:///var/batches"}}, Path("/var/batches")),
        ({"storage": {"root": "/var/a%20b/../batches"}}, Path("/var/batches")),
        ({"storage": {"root": "out"}}, Path.cwd() / "out"),
        ('{"storage": {"root": "file://out"}}', Path.cwd() / "out"),
    ],
)
def test_the_root_of_batch_files_is_a_local_folder(batch_config: Any, root: Path | None) -> None:
    """A relative one starts where other paths do; the rest of `batch_config` is the tap's.

    The SDK is not given it: from 0.55 on it refuses all that a target may say there.
    """
    found = read(batch_config=batch_config)
    assert found.batch_root == root
    assert "batch_config" not in found.sdk_config


@pytest.mark.parametrize("storage", ["s3://bucket", {"root": "s3://key:secret@bucket"}, {"root": 5}, ["x"]])
def test_a_root_elsewhere_is_a_fault(storage: Any) -> None:
    """It is named, and what it holds is not shown: an address may hold a key."""
    assert faults_of(batch_config={"storage": storage}) == (
        "batch_config's storage.root is no local folder; accepted: its path, or file:// before it",
    )


def test_the_sdk_gets_values_of_their_kind() -> None:
    """What the SDK reads itself is parsed for it, from text too."""
    found = read(
        stream_maps='{"orders": {"__filter__": "bool(id)"}}',
        flattening_enabled="true",
        flattening_max_depth="2",
        flattening_separator="__",
        validate_records="false",
    )
    assert found.sdk_config == {
        "batch_size_rows": 100,
        "stream_maps": {"orders": {"__filter__": "bool(id)"}},
        "flattening_enabled": True,
        "flattening_max_depth": 2,
        "flattening_separator": "__",
        "validate_records": False,
    }
    assert not found.validate_records
    assert faults_of(stream_maps="orders") == (
        "stream_maps is text that is no JSON; accepted: an object, from the environment as JSON",
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("30 days", dt.datetime(2026, 10, 24, 12, tzinfo=dt.timezone.utc)),
        ("1 day", dt.datetime(2026, 11, 22, 12, tzinfo=dt.timezone.utc)),
        ("12 hours", dt.datetime(2026, 11, 23, 0, tzinfo=dt.timezone.utc)),
        ("2 Weeks", dt.datetime(2026, 11, 9, 12, tzinfo=dt.timezone.utc)),
        ("2026-01-31", dt.datetime(2026, 1, 30, 23, tzinfo=dt.timezone.utc)),
        ("2026-07-01 08:30", dt.datetime(2026, 7, 1, 6, 30, tzinfo=dt.timezone.utc)),
        ("2026-07-01T08:30:00Z", dt.datetime(2026, 7, 1, 8, 30, tzinfo=dt.timezone.utc)),
        ("2026-07-01T08:30:00.5+0100", dt.datetime(2026, 7, 1, 7, 30, 0, 500_000, tzinfo=dt.timezone.utc)),
        ("2026-07-01T08:30:00-05:00", dt.datetime(2026, 7, 1, 13, 30, tzinfo=dt.timezone.utc)),
        ("2026-07-01T24:00", dt.datetime(2026, 7, 1, 22, tzinfo=dt.timezone.utc)),
        ("2026-W27-3", dt.datetime(2026, 6, 30, 22, tzinfo=dt.timezone.utc)),
        ("2026-182T08:30:00Z", dt.datetime(2026, 7, 1, 8, 30, tzinfo=dt.timezone.utc)),
        ("1782894600", dt.datetime(2026, 7, 1, 8, 30, tzinfo=dt.timezone.utc)),
        ("1782894600000000000", dt.datetime(2026, 7, 1, 8, 30, tzinfo=dt.timezone.utc)),
        ("1900-01-01T00:00:00Z", dt.datetime(1900, 1, 1, tzinfo=dt.timezone.utc)),
        ("1970-01-01T00:00:00Z", dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)),
    ],
)
def test_since_takes_a_date_a_time_or_a_length(text: str, instant: dt.datetime) -> None:
    """`since` is an instant in UTC: counted back from now, or in the time zone of the settings."""
    since = read(since=text, timezone="Europe/Berlin").since
    assert since == instant
    assert since.tzinfo is dt.timezone.utc


@pytest.mark.parametrize(
    "text",
    ["yesterday", "30", "30 moons", "2026-13-01", "2026-1-1", "01.02.2026", "999999999 days", "9999-12-31T24:00"],
)
def test_since_that_is_none_is_a_fault(text: str) -> None:
    """Anything else is a fault that shows what is accepted."""
    (fault,) = faults_of(since=text)
    assert fault.startswith(f"since is {text!r}; accepted: a date (2026-01-31)")


def test_since_that_is_yet_to_come_is_a_warning() -> None:
    """A `since` in the future would keep everything back, so a warning says it."""
    assert "yet to come" in read(since="2027-01-01").warnings[0]


@pytest.mark.parametrize("name", ["Europe/Berln", "../etc", "/etc/localtime", "Europe", "utc+2"])
def test_a_time_zone_that_is_none_is_a_fault(name: str) -> None:
    """A time zone is a name of the IANA database."""
    (fault,) = faults_of(timezone=name)
    assert fault.startswith(f"timezone is {name!r}; accepted: a name as in Europe/Berlin")


def test_a_time_zone_is_offered_the_nearest() -> None:
    """A misspelt time zone gets the nearest one offered, spelt right."""
    assert faults_of(timezone="america/new_yrok")[0].endswith("did you mean America/New_York?")


def test_relative_paths_start_at_meltanos_project(tmp_path: Path) -> None:
    """Relative paths start at MELTANO_PROJECT_ROOT where it is set, else at the working directory."""
    root = {"MELTANO_PROJECT_ROOT": str(tmp_path)}
    assert read(root).data_dir == tmp_path / ".zendesk-events"
    assert read(root, data_dir="../kept").data_dir == tmp_path.parent / "kept"
    assert read(root, data_dir="/srv/kept").data_dir == Path("/srv/kept")
    assert read(root, data_dir="~/kept").data_dir == Path.home() / "kept"
    assert read({"MELTANO_PROJECT_ROOT": ""}, data_dir="kept").data_dir == Path.cwd() / "kept"
    assert read(root, ledger_url="sqlite:///kept/ledger.db").ledger_url == f"sqlite:///{tmp_path}/kept/ledger.db"


def test_a_data_dir_that_is_a_file_is_a_fault(tmp_path: Path) -> None:
    """`data_dir` is a folder, or one to be made; reading settings makes nothing."""
    (tmp_path / "file").touch()
    assert "which is a file" in faults_of(data_dir=str(tmp_path / "file"))[0]
    assert read(data_dir=str(tmp_path / "folder")).data_dir == tmp_path / "folder"
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("none", None),
        ("None", None),
        ("sqlite:////srv/ledger.db", "sqlite:////srv/ledger.db"),
        ("postgresql://user:example-secret@db/events", "postgresql://user:example-secret@db/events"),
        ("postgresql://user:a%2Fb:c@[::1]:5432/events?", "postgresql://user:a%2Fb:c@[::1]:5432/events?"),
        ("postgresql:///events?host=/run/postgresql", "postgresql:///events?host=/run/postgresql"),
        (
            "postgres://db:5432,other:5432/events?sslmode=require",
            "postgres://db:5432,other:5432/events?sslmode=require",
        ),
    ],
)
def test_a_ledger_is_sqlite_postgresql_or_none(text: str, url: str | None) -> None:
    """`ledger_url` takes SQLite, PostgreSQL, or `none`."""
    assert read(ledger_url=text).ledger_url == url


@pytest.mark.parametrize(
    "text",
    [
        "mysql://user:example-secret@db",
        "ledger.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a?mode=ro",
        "postgresql://user:example-secret/x@db/events",
        "postgresql://user:12/example-secret@db/events",
        "postgresql://user:example-secret@x@db/events",
        "postgresql://user:example-secret[@db/events",
        "postgresql://user:example-secret%zz@db/events",
        "postgresql://user:example-secret@db:port/events",
        "postgresql://db/events?password=example-secret@",
    ],
)
def test_a_ledger_that_is_none_of_these_is_a_fault(text: str) -> None:
    """Any other ledger is a fault that does not show the URL."""
    (fault,) = faults_of(ledger_url=text)
    assert fault.startswith("ledger_url ")
    assert "example-secret" not in fault


@pytest.mark.parametrize(
    ("config", "written"),
    [({}, True), ({"dry_run": True}, False)],
)
def test_a_dry_run_writes_no_state(config: dict[str, Any], *, written: bool) -> None:
    """STATE goes out unless the run is dry."""
    assert read(**config).writes_state is written


def test_the_environment_gives_raw_text() -> None:
    """The environment's settings arrive as text, all known names of them and no others."""
    environ = {
        "TARGET_ZENDESK_EVENTS_SUBDOMAIN": "acme",
        "TARGET_ZENDESK_EVENTS_MAX_IN_FLIGHT": "8",
        "TARGET_ZENDESK_EVENTS_FLATTENING_ENABLED": "true",
        "TARGET_ZENDESK_EVENTS_LOAD_METHOD": "upsert",
        "TARGET_ZENDESK_EVENTS_LOGLEVEL": "debug",
        "TARGET_ZENDESK_EVENTS__LOAD_SCHEMA": "x",
        "OTHER": "x",
    }
    config = environment_config(environ)
    assert config == {"subdomain": "acme", "max_in_flight": "8", "flattening_enabled": "true", "load_method": "upsert"}
    found = read_settings({**config, "access_token": "example-secret"}, environ, now=NOW)
    assert found.max_in_flight == 8
    assert found.warnings == ()


def test_a_variable_that_nearly_names_a_setting_is_a_warning() -> None:
    """A misspelt variable is not read, and a warning offers the right name."""
    assert read({"TARGET_ZENDESK_EVENTS_MAX_INFLIGHT": "1"}).warnings == (
        (
            "TARGET_ZENDESK_EVENTS_MAX_INFLIGHT is no setting and is not read;"
            " did you mean TARGET_ZENDESK_EVENTS_MAX_IN_FLIGHT?"
        ),
    )


@pytest.mark.parametrize(
    ("name", "text", "config", "said"),
    [
        ("client_secret", "k9secret", {}, ["--config ENV, beside the file, reads the environment"]),
        ("subdomain", "other", {"subdomain": "acme"}, ["the configuration has another value for subdomain"]),
        ("max_in_flight", "9", {"max_in_flight": 8}, ["the configuration has another value for max_in_flight"]),
        ("max_in_flight", "8", {"max_in_flight": 8}, []),
        ("dry_run", "True", {"dry_run": True}, []),
        ("rules", '[{"stream": "*"}]', {"rules": [{"stream": "*"}]}, []),
        ("source", "", {}, []),
        ("load_method", "upsert", {}, []),
    ],
)
def test_a_variable_that_is_not_read_is_told(name: str, text: str, config: dict[str, Any], said: list[str]) -> None:
    """Its name, never its value; a runner that gives both the file and the variables is told nothing."""
    variable = f"TARGET_ZENDESK_EVENTS_{name.upper()}"
    assert unread_variables(config, {variable: text}) == [f"{variable} is set and not read: {one}" for one in said]


@given(
    st.dictionaries(
        st.sampled_from(sorted(SECRETS)),
        st.sampled_from(
            [
                "k9secret",
                " k9secret\n",
                "k9\nk9secret",
                "Bearer k9secret",
                "https://u:k9secret@x",
                "postgresql://u:k9secret@db/x",
                ["k9secret"],
                {"k9secret": "k9secret"},
            ],
        ),
    ),
    st.dictionaries(
        st.sampled_from(["subdomain", "api_url", "client_id", "email", "plan", "rules", "nonsense"]),
        st.sampled_from(["acme", "a@b.example", "http://127.0.0.1:1", "", 3, "team"]),
    ),
)
def test_no_secret_is_ever_shown(secrets: dict[str, Any], others: dict[str, Any]) -> None:
    """A secret stands in no fault, no note, no warning and no repr, whatever else is wrong."""
    said: object
    try:
        said = read_settings({**others, **secrets}, {}, now=NOW)
    except ConfigurationError as error:
        said = error
    assert "k9secret" not in repr(said) + str(said)


def test_addresses_with_a_password_in_them_are_not_shown() -> None:
    """An address that holds a password is a fault that does not show it."""
    for name in ("subdomain", "api_url"):
        for address in ("https://u:k9secret@acme.zendesk.com/", "u:k9secret@x", "http://127.0.0.1?token=k9secret"):
            assert "k9secret" not in "".join(faults_of(**{name: address}))


def test_only_what_others_need_is_public() -> None:
    """The room's public names are these."""
    assert settings.__all__ == [
        "ENVIRONMENT_PREFIX",
        "LEDGER_FILE",
        "MEANINGLESS",
        "PLANS",
        "PLAYGROUND_VARIABLE",
        "PROJECT_ROOT_VARIABLE",
        "SDK_SETTINGS",
        "SETTINGS",
        "AccessToken",
        "ApiToken",
        "ClientCredentials",
        "Credentials",
        "Login",
        "Need",
        "NoCredentials",
        "OnUnknownOutcome",
        "Password",
        "Plan",
        "Playground",
        "RefreshToken",
        "Setting",
        "Settings",
        "UnknownCustomers",
        "config_schema",
        "environment_config",
        "hide_meaningless",
        "lacking",
        "narrowest",
        "read_length",
        "read_settings",
        "read_since",
    ]


@pytest.mark.parametrize("name", ["source", "subdomain", "client_secret", "refresh_token"])
def test_half_a_character_is_a_fault(name: str) -> None:
    """JSON can escape one, and no request can hold it; the value is not shown."""
    (told,) = [one for one in faults_of(**{name: "qzs9\ud83d"}) if one.startswith(f"{name} holds")]
    assert "accepted: one line of text" in told
    assert "qzs9" not in told


@pytest.mark.parametrize("as_text", [False, True])
def test_half_a_character_within_a_list_or_an_object_is_replaced(as_text: bool) -> None:
    """JSON can escape it; no hash, no file and no request can hold it."""
    given: dict[str, Any] = {
        "blocked_identifier_values": ["a\ud83d"],
        "rules": [{"stream": "x\ud83d"}],
        "stream_maps": {"orders": {"\ud83d": "b\ude00"}},
        "stream_map_config": {"a": ["\ud83d\ude00", "\ude00"]},
    }
    values = {name: json.dumps(value) for name, value in given.items()} if as_text else given
    settings = read(**values)
    assert settings.blocked_identifier_values == ("a\ufffd",)
    assert settings.rules == [{"stream": "x\ufffd"}]
    assert settings.sdk_config["stream_maps"] == {"orders": {"\ufffd": "b\ufffd"}}
    assert settings.sdk_config["stream_map_config"] == {"a": ["😀", "\ufffd"]}
