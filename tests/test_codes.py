"""The codes at the ends of sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import support

from target_zendesk_events.codes import code_of, prolonged, without_code
from target_zendesk_events.errors import ConfigurationError, OutageError


@pytest.mark.parametrize(
    ("sentence", "code", "bare"),
    [
        ("rules: takes a list of rules [ZE205]", "ZE205", "rules: takes a list of rules"),
        ("none is left ([ZE205])", None, "none is left ([ZE205])"),
        ("a [ZE101] in the midst", None, "a [ZE101] in the midst"),
        ("a [ZE101] [ZE102]", "ZE102", "a [ZE101]"),
        ("", None, ""),
    ],
)
def test_a_code_stands_at_the_end(sentence: str, code: str | None, bare: str) -> None:
    """Elsewhere it is a part of the sentence."""
    assert code_of(sentence) == code
    assert without_code(sentence) == bare


def test_what_says_more_keeps_its_code_at_the_end() -> None:
    """So a sentence may be carried on by whoever knows more."""
    assert prolonged("it is locked [ZE608]", ", for longer than 30 s") == "it is locked, for longer than 30 s [ZE608]"
    assert prolonged("it is locked", ".") == "it is locked."


def test_an_error_has_the_codes_of_its_sentences() -> None:
    """Each once, in their order."""
    assert ConfigurationError(["a [ZE102]", "b [ZE101]", "c [ZE102]", "d"]).codes == ["ZE102", "ZE101"]
    assert OutageError("a [ZE501]").codes == ["ZE501"]


def test_the_report_has_the_codes_of_what_stopped(tmp_path: Path) -> None:
    """Those of the run and of each stream that stopped; a dead letter has its own."""
    messages = [
        support.schema("orders"),
        support.record("orders", 1, kind=None),
        support.schema("logins"),
        {"type": "RECORD", "stream": "refunds", "record": {}},
    ]
    settings = support.config("http://127.0.0.1:9", tmp_path, max_set_aside_percent=0)
    ended = support.run_here(settings, support.lines(messages))
    assert ended.report["codes"] == ["ZE405", "ZE232"]
    assert ended.report["stopped_by"] == "InputError"
    assert [letter["dead_letter"]["code"] for letter in ended.letters] == ["ZE710"]
    assert "ZE" not in json.dumps([letter["dead_letter"]["message"] for letter in ended.letters])
