"""The SDK's standard suite for targets, against a served playground: what it sends must be on a timeline."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import support
from singer_sdk.testing import get_target_test_class, target_test_streams
from singer_sdk.testing.runners import TargetTestRunner

from target_zendesk_events.playground.server import Playground
from target_zendesk_events.target import TargetZendeskEvents

STREAMS = importlib.resources.files(target_test_streams)
RULE = {
    "stream": "*",
    "profile": {"identifiers": {"row": "{{ record.id | default(stream) }}"}},
    "event": {"type": "{{ stream }}", "properties": "{{ record }}"},
    "dedupe": False,
}

if TYPE_CHECKING:

    class StandardSuite:
        """What the SDK's factory makes, whose tests no type checker can see."""

else:
    StandardSuite = get_target_test_class(TargetZendeskEvents)


class TestStandardSuite(StandardSuite):
    """Runs every test of the suite; where three expect an exception, our contract has an outcome."""

    @pytest.fixture
    def playground(self) -> Iterator[Playground]:
        """Serve a playground."""
        with Playground() as served:
            yield served

    @pytest.fixture
    def settings(self, playground: Playground, tmp_path: Path) -> dict[str, Any]:
        """Configure the target for it."""
        return support.config(playground.url, tmp_path, rules=[RULE])

    @pytest.fixture
    def runner(self, settings: dict[str, Any], playground: Playground) -> Iterator[TargetTestRunner]:
        """Give the suite its runner; afterwards every record that was sent is on a timeline."""
        made = TargetTestRunner(TargetZendeskEvents, config=settings)
        yield made
        if made.input_filepath is not None:
            lines = made.input_filepath.read_text(encoding="utf-8").splitlines()
            sent = [message["record"] for message in map(json.loads, lines) if message["type"] == "RECORD"]
            assert len(playground.events()) == len(sent)

    def test_target_invalid_schema(self, settings: dict[str, Any]) -> None:
        """A SCHEMA without properties is taken, since JSON Schema allows it: rules read what the records hold."""
        assert support.run_here(settings, stream("invalid_schema")).exit_code == 0

    def test_target_record_before_schema(self, settings: dict[str, Any]) -> None:
        """A RECORD before its SCHEMA stops the run, exit 1, and no STATE goes out."""
        run = support.run_here(settings, stream("record_before_schema"))
        assert (run.exit_code, run.states) == (1, [])

    def test_target_record_missing_key_property(self, settings: dict[str, Any]) -> None:
        """A record without its key property is one that nothing tells from another: set aside, and the run goes on."""
        told_apart = {**settings, "rules": [{**RULE, "dedupe": True}]}
        run = support.run_here(told_apart, stream("record_missing_key_property"))
        assert [letter["dead_letter"]["reason"] for letter in run.letters] == ["unmappable"]
        assert run.exit_code == 0


def stream(name: str) -> bytes:
    """Return the messages of one of the SDK's test streams."""
    return (STREAMS / f"{name}.singer").read_bytes()
