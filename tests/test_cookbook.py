"""The cookbook: each recipe's own tests hold, and the stream that its tap sends arrives as its page says."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import support
import yaml
from jsonschema import Draft7Validator

from target_zendesk_events.playground.server import Playground

COOKBOOK = Path(__file__).parents[1] / "docs" / "cookbook"
RECIPES = sorted(COOKBOOK.glob("*.yml"))
SCHEMA = json.loads((Path(__file__).parents[1] / "target_zendesk_events" / "rules.schema.json").read_bytes())
VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
ARRIVES: dict[str, dict[str, dict[str, int]]] = {
    "adobe_xdm": {"event": {"delivered": 1}},
    "cdc_deletions": {"profile": {"delivered": 2}, "deletion": {"delivered": 1}},
    "dbt": {"event": {"delivered": 2}},
    "logins": {"event": {"delivered": 4, "duplicate": 1}},
    "mongodb": {"event": {"delivered": 1}},
    "orders": {"event": {"delivered": 2, "duplicate": 1}},
    "segment": {"event": {"delivered": 2, "duplicate": 1}},
    "snowplow": {"event": {"delivered": 2, "duplicate": 1}},
    "subscriptions": {
        "profile": {"delivered": 1},
        "object": {"delivered": 1, "duplicate": 1},
        "event": {"delivered": 1},
    },
    "surveys": {"event": {"delivered": 2}, "ticket": {"delivered": 1}},
}
"""What becomes of each recipe's stream, by kind."""


def test_every_recipe_is_sent() -> None:
    """None stands in the cookbook without its stream, its page and what arrives of it."""
    names = [path.stem for path in RECIPES]
    assert names == sorted(ARRIVES)
    assert {path.stem for path in COOKBOOK.glob("*.singer")} == set(names)
    assert {path.stem for path in COOKBOOK.glob("*.md")} - {"README"} == set(names)
    index = (COOKBOOK / "README.md").read_text(encoding="utf-8")
    assert [name for name in names if f"({name}.md)" not in index] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_valid_to_an_editor(recipe: Path) -> None:
    """And each of its rules has tests, one of which is sent."""
    rules = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    assert [one.message for one in Draft7Validator(SCHEMA).iter_errors(rules)] == []
    for rule in rules["rules"]:
        assert any(isinstance(one["expect"], dict) and "unmappable" not in one["expect"] for one in rule["tests"])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_s_own_tests_hold(recipe: Path, tmp_path: Path) -> None:
    """`zendesk-events test`, as its page says."""
    done = support.command({"rules_file": str(recipe)}, tmp_path, program=[*VERBS, "test"])
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_s_stream_arrives(recipe: Path, tmp_path: Path) -> None:
    """All of it in the playground, by kind; nothing is set aside, and the custom objects are made as the page says."""
    stream = recipe.with_suffix(".singer")
    with Playground() as served:
        settings: dict[str, Any] = {
            "api_url": served.url,
            "data_dir": str(tmp_path / "data"),
            "rules_file": str(recipe),
        }
        if "object" in ARRIVES[recipe.stem]:
            made = support.command(
                settings, tmp_path, "--input", str(stream), "--apply", "--yes", program=[*VERBS, "objects"]
            )
            assert made.returncode == 0, made.stdout.decode()
        ended, said = support.run_process(settings, stream.read_bytes(), tmp_path)
    assert ended.exit_code == 0, said
    assert ended.letters == []
    kinds = ended.report["totals"]["kinds"]
    counted = {
        kind: {name: number for name, number in kinds[kind].items() if number and name in {"delivered", "duplicate"}}
        for kind in kinds
    }
    assert {kind: numbers for kind, numbers in counted.items() if numbers} == ARRIVES[recipe.stem]


def test_recipes_name_nobody() -> None:
    """Every address is of example.com."""
    for path in (*RECIPES, *COOKBOOK.glob("*.singer")):
        hosts = re.findall(r"[\w.+-]@([\w-]+(?:\.[\w-]+)*)", path.read_text(encoding="utf-8"))
        assert {host.lower() for host in hosts} <= {"example.com"}, path.name
