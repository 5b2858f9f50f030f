"""What things are called where people read of them."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import support

from target_zendesk_events import kinds
from target_zendesk_events.kinds.nouns import NOUNS, counted, several, told_apart


def test_each_kind_has_its_noun() -> None:
    """Whatever class of `kinds/` says of itself that it is a kind."""
    modules = [importlib.import_module(f"{kinds.__name__}.{one.name}") for one in pkgutil.iter_modules(kinds.__path__)]
    classes = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    found = {kind for one in classes if isinstance(kind := getattr(one, "kind", None), str)}
    assert found == set(NOUNS)


def test_the_report_s_schema_knows_each_kind() -> None:
    """And no other, for the run and for a rule."""
    kinds_of_run = support.LAST_RUN_SCHEMA["properties"]["totals"]["properties"]["kinds"]
    stream = support.LAST_RUN_SCHEMA["properties"]["streams"]["additionalProperties"]["properties"]
    assert kinds_of_run["propertyNames"]["enum"] == list(NOUNS)
    assert stream["rules"]["additionalProperties"]["properties"]["kinds"] == kinds_of_run


@pytest.mark.parametrize(
    ("kind", "number", "words"),
    [("event", 1, "1 event"), ("object", 1_248, "1,248 object records"), ("deletion", 0, "0 deletions")],
)
def test_a_number_has_its_noun(kind: str, number: int, words: str) -> None:
    """One, or several."""
    assert counted(kind, number) == words


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"object": 248, "profile": 20}, "20 profiles, 248 object records"),
        ({"deletion": 3, "object": 1, "event": 0}, "1 object record, and 3 deletions"),
        ({"deletion": 1}, "1 deletion"),
        ({}, ""),
    ],
)
def test_kinds_are_told_apart(numbers: dict[str, int], words: str) -> None:
    """In one order, without those of which there are none, and what is taken away comes last."""
    assert told_apart(numbers) == words


@pytest.mark.parametrize(
    ("kinds", "word"), [(["event", "event"], "events"), (["object"], "object records"), (["event", "ticket"], "things")]
)
def test_mixed_kinds_are_things(kinds: list[str], word: str) -> None:
    """What is of one kind is called by it."""
    assert several(kinds) == word
