"""`.env.example` is what it says: settings that there are, every way to authenticate, and no secret."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from target_zendesk_events.settings import SETTINGS, environment_config
from target_zendesk_events.settings.account import WAYS

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINES = re.findall(r"^#?(TARGET_ZENDESK_EVENTS_[A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def test_each_variable_is_a_setting() -> None:
    """The target reads every one."""
    assert len(environment_config(dict(LINES))) == len(LINES)


def test_each_way_to_authenticate_is_there() -> None:
    """All that credentials take."""
    assert {name for way in WAYS.values() for name in way} <= environment_config(dict(LINES)).keys()


def test_no_secret_is_there() -> None:
    """A secret's line is empty, or shows the form of an address with a password that opens nothing."""
    given = environment_config(dict(LINES))
    assert {one.name: given[one.name] for one in SETTINGS if one.secret and given.get(one.name)} == {
        "ledger_url": "postgresql://user:password@host/database"
    }


@pytest.mark.slow
def test_a_shell_reads_it(tmp_path: Path) -> None:
    """`set -a; . ./.env` sets what stands there without `#`."""
    (tmp_path / ".env").write_bytes(EXAMPLE.read_bytes())
    said = subprocess.run(["sh", "-euc", "set -a; . ./.env; env"], cwd=tmp_path, capture_output=True, check=True)
    assert b"TARGET_ZENDESK_EVENTS_RULES_FILE=rules.yml\n" in said.stdout
