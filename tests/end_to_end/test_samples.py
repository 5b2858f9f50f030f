"""`sample_streams/`: each case through the real command line, judged by what the served playground stored."""

from __future__ import annotations

import collections
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import run_process

from target_zendesk_events.playground.server import Playground

SAMPLES = Path(__file__).parents[2] / "sample_streams"
CASES = sorted(path.parent for path in SAMPLES.glob("*/expected.json"))
TAP = SAMPLES / "tap_sample" / "tap_sample.py"


@pytest.fixture(scope="module")
def tap() -> ModuleType:
    """Give the tap that replays samples; Meltano installs it on its own."""
    spec = importlib.util.spec_from_file_location("tap_sample", TAP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_zendesk_has_received_what_the_sample_says(case: Path, tmp_path: Path) -> None:
    """Its bodies, in order for each customer; its dead letters; its exit code; its STATE."""
    expected = json.loads((case / "expected.json").read_text())
    messages = (case / "input.singer").read_bytes()
    with Playground() as served:
        settings = {
            "api_url": served.url,
            "data_dir": str(tmp_path / "data"),
            "rules_file": str(case / "rules.yml"),
        }
        ended, _ = run_process(settings, messages, tmp_path)
        received: dict[str, list[Any]] = collections.defaultdict(list)
        names = {user.id: user.name for user in served.users()}
        for event in served.events():
            received[names[event.user_id]].append(event.body)
    assert received == expected["timelines"]
    assert (
        dict(collections.Counter(letter["dead_letter"]["reason"] for letter in ended.letters))
        == (expected["dead_letters"])
    )
    assert ended.exit_code == expected["exit_code"]
    assert ended.states[-1] == expected["state"]
    assert _is_within(ended.states, [message["value"] for message in _messages(messages) if message["type"] == "STATE"])


@pytest.mark.slow
def test_a_line_that_breaks_off_is_named_and_not_shown(tmp_path: Path) -> None:
    """Number and length are in the log; nothing of a customer is."""
    case = SAMPLES / "broken_line"
    messages = (case / "input.singer").read_bytes()
    with Playground() as served:
        settings = {"api_url": served.url, "data_dir": str(tmp_path / "data"), "rules_file": str(case / "rules.yml")}
        _, said = run_process(settings, messages, tmp_path)
    last = messages.splitlines()[-1]
    assert f"line 5 of the input ({len(last)} bytes)" in said
    assert "broken-1" not in said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_samples_name_nobody(case: Path) -> None:
    """Every address is of example.com, and the case is named by one sentence."""
    texts = [path.read_text() for path in case.iterdir()]
    hosts = {host.lower() for text in texts for host in re.findall(r"[\w.+-]@([\w-]+(?:\.[\w-]+)*)", text)}
    assert hosts <= {"example.com", "exa"}  # the second where a line breaks off
    sentence = json.loads((case / "expected.json").read_text())["case"]
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0


def test_every_folder_is_a_case_or_the_tap() -> None:
    """A sample without its expectation would be sent and never compared."""
    assert {path.name for path in SAMPLES.iterdir()} == {case.name for case in CASES} | {TAP.parent.name}


def test_the_tap_replays_a_sample_as_it_stands(tap: ModuleType) -> None:
    """Without STATE every line goes out, byte for byte, also one that breaks off."""
    for case in CASES:
        lines = (case / "input.singer").read_text().splitlines(keepends=True)
        assert list(tap.play(lines)) == lines


def test_the_tap_goes_on_after_the_state_that_was_saved(tap: ModuleType) -> None:
    """Every SCHEMA comes again, and of the rest only what follows; after the last STATE there is nothing."""
    lines = (SAMPLES / "several_streams" / "input.singer").read_text().splitlines(keepends=True)
    messages = [json.loads(line) for line in lines]
    states = [message for message in messages if message["type"] == "STATE"]
    for state in states:
        played = [json.loads(line) for line in tap.play(lines, state["value"])]
        rest = messages[messages.index(state) + 1 :]
        schemas = [message for message in messages[: messages.index(state)] if message["type"] == "SCHEMA"]
        assert played == schemas + rest
    assert {json.loads(line)["type"] for line in tap.play(lines, states[-1]["value"])} == {"SCHEMA"}
    assert list(tap.play(lines, {"bookmarks": {}})) == lines


@pytest.mark.slow
def test_the_taps_command_line(tmp_path: Path) -> None:
    """It takes `--config` and `--state` as files, as Singer has it."""
    config, state = tmp_path / "config.json", tmp_path / "state.json"
    case = SAMPLES / "zendesk_example"
    config.write_text(json.dumps({"folder": str(case)}))
    state.write_text(json.dumps(json.loads((case / "expected.json").read_text())["state"]))
    whole = [sys.executable, str(TAP), "--config", str(config)]
    first = subprocess.run(whole, capture_output=True, check=True, timeout=20)
    second = subprocess.run([*whole, "--state", str(state)], capture_output=True, check=True, timeout=20)
    assert first.stdout == (case / "input.singer").read_bytes()
    assert [json.loads(line)["type"] for line in second.stdout.splitlines()] == ["SCHEMA"]


def _messages(lines: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines() if line.endswith(b"}")]


def _is_within(some: list[Any], every: list[Any]) -> bool:
    """Tell whether `some` are among `every`, in the same order."""
    rest = iter(every)
    return all(one in rest for one in some)
