"""The definition for Meltano's Hub is what the settings and the package say, and such as the Hub takes.

What the Hub takes is told here in words of our own, from `schemas/` of its repository (github.com/meltano/hub) and
Meltano's page "Plugin definition syntax", as both were in 2026.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hub_definition import FILE, LOGO, REPOSITORY, ROOT, VARIANT, definition, written

from target_zendesk_events.settings import SDK_SETTINGS, SETTINGS, read_settings
from target_zendesk_events.settings.account import WAYS

HUB = ROOT / "hub"
REQUIRED = {"name", "namespace", "variant", "quality"}
TEXTS = {
    *("name", "namespace", "variant", "label", "description", "docs", "repo", "ext_repo", "executable", "pip_url"),
    *("logo_url", "domain_url", "definition", "next_steps", "settings_preamble", "usage", "prereq", "python"),
    *("log_parser", "requires_meltano"),
}
LISTS = {"capabilities", "keywords", "settings", "settings_group_validation", "supported_python_versions"}
CHOICES = {
    "maintenance_status": {"active", "beta", "development", "inactive", "deprecated", "unknown"},
    "quality": {"gold", "silver", "bronze", "unknown"},
}
OF_A_SETTING = {"name", "label", "kind", "description", "value", "options", "sensitive"}
"""Of what a setting may have, what ours have."""
KINDS = {"string", "integer", "boolean", "array", "object", "options"}
"""Of the kinds that the Hub knows, those that crash no Meltano."""
CAPABILITIES = {
    *("about", "activate-version", "batch", "datatype-failsafe", "hard-delete", "schema-flattening", "soft-delete"),
    *("stream-maps", "structured-logging", "target-schema", "validate-records"),
}
ACCOUNT = {"subdomain": "acme", "access_token": "example-secret"}
NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)


@pytest.fixture(scope="module")
def defined() -> dict[str, Any]:
    """Read the file as the Hub does."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def test_the_file_is_what_the_settings_make() -> None:
    """`python -m tests.hub_definition` would write it as it stands."""
    assert FILE.read_text(encoding="utf-8") == written()


def test_nothing_is_lost_in_writing(defined: dict[str, Any]) -> None:
    """Texts of several lines too come back as they were."""
    assert defined == definition()


def test_the_hub_takes_every_key(defined: dict[str, Any]) -> None:
    """Those that must be there are, each value is of its kind, and none is beyond what the Hub's schema allows."""
    assert defined.keys() >= REQUIRED
    assert defined.keys() <= {*TEXTS, *LISTS, *CHOICES, "commands"}
    assert {key for key in TEXTS & defined.keys() if not isinstance(defined[key], str)} == set()
    assert {key for key in LISTS & defined.keys() if not isinstance(defined[key], list)} == set()
    assert {key for key, choices in CHOICES.items() if defined[key] not in choices} == set()
    assert set(defined["capabilities"]) <= CAPABILITIES
    assert all(re.fullmatch(r"3\.\d+", version) for version in defined["supported_python_versions"])


def test_the_hub_takes_every_setting(defined: dict[str, Any]) -> None:
    """Keys and kinds are those of its schema; options are pairs of label and value."""
    for one in defined["settings"]:
        assert one.keys() <= OF_A_SETTING
        assert one["kind"] in KINDS
        assert all(option.keys() == {"label", "value"} for option in one.get("options", ()))


def test_keys_stand_in_the_order_of_the_alphabet(defined: dict[str, Any]) -> None:
    """As the Hub's linter asks, at every depth."""
    assert [keys for keys in keys_of(defined) if keys != sorted(keys)] == []


def keys_of(value: Any) -> Iterator[list[str]]:
    """Yield the keys of each mapping in a value, in their order."""
    if isinstance(value, dict):
        yield list(value)
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_of(below)


def test_no_default_where_absence_means_something(defined: dict[str, Any]) -> None:
    """A setting whose absence has a meaning of its own has none: Meltano hands a default over as if it were set."""
    have = {one["name"] for one in defined["settings"] if "value" in one}
    assert have == {one.name for one in (*SETTINGS, *SDK_SETTINGS) if one.default is not None}
    assert have.isdisjoint(one.name for one in SETTINGS if one.otherwise)


def test_defaults_that_are_set_change_nothing(defined: dict[str, Any]) -> None:
    """A configuration with every default of the Hub's in it is read as one without."""
    defaults = {one["name"]: one["value"] for one in defined["settings"] if "value" in one}
    without, with_all = read_settings(ACCOUNT, {}, now=NOW), read_settings({**ACCOUNT, **defaults}, {}, now=NOW)
    assert with_all == without


def test_each_way_to_authenticate_is_a_group(defined: dict[str, Any]) -> None:
    """With the account's name; a client's id alone is a login; and an address alone may need no credentials."""
    ways = {frozenset({"subdomain", *names}) for names in (*WAYS.values(), ("client_id",))}
    groups = [frozenset(group) for group in defined["settings_group_validation"]]
    assert set(groups) == {*ways, frozenset({"api_url"})}
    assert len(groups) == len(ways) + 1


def test_meltanos_test_is_a_command(defined: dict[str, Any]) -> None:
    """`meltano test` runs each command whose name begins with `test`."""
    (tests,) = (command for name, command in defined["commands"].items() if name.startswith("test"))
    assert tests["args"] == "test --config ENV"


def test_the_logo_is_there() -> None:
    """It is a square drawing that takes nothing from elsewhere, with words for who does not see it."""
    path = HUB / "static" / LOGO.lstrip("/")
    root = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - our own file
    _, _, width, height = root.attrib["viewBox"].split()
    assert width == height
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert not re.search("href|script|style|url\\(|data:", path.read_text(encoding="utf-8"))


def test_all_addresses_follow_the_packages() -> None:
    """The project's address stands once, under `[project.urls]`: wherever else it is written, it is the same."""
    owner = REPOSITORY.removeprefix("https://github.com/")
    written_anew = re.compile(r"(?:github\.com|githubusercontent\.com|ghcr\.io)/([\w.-]+/target-zendesk-events)\b")
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in published()}
    assert {(path, one) for path, text in texts.items() for one in written_anew.findall(text) if one != owner} == set()
    assert f"url: https://github.com/{VARIANT}\n" in texts[Path("hub/README.md")]
    assert f"target-zendesk-events: {VARIANT}\n" in texts[Path("hub/README.md")]


def published() -> Iterator[Path]:
    """Yield the files that may name the project's address."""
    folders = (ROOT / name for name in ("docs", "hub", "deploy", ".github"))
    yield from (path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".yml"} or path.name == "Dockerfile")
    yield from (path for folder in folders for path in folder.rglob("*") if path.suffix in {".md", ".yml", ".yaml"})
