"""What would break a line, colour it or turn it round is written escaped, wherever a name of the input is printed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import forked
import pytest
import support
from support import command, config, lines, record

from target_zendesk_events.escaping import escaped, escaped_lines
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

NAME = "or\nders \x1b[31m\u202e\x85\u2028"
ESCAPED = r"or\nders \x1b[31m\u202e\x85\u2028"
LEDGER = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "ledger"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NAME, ESCAPED),
        ("a\tb\rc\x00\x7f", r"a\tb\rc\x00\x7f"),
        ("\u2029\u2066\u2069\u200f\u061c\ud83d", r"\u2029\u2066\u2069\u200f\u061c\ud83d"),
        ("Bestellungen für 日本 😀", "Bestellungen für 日本 😀"),
        (r"C:\new", r"C:\new"),
        ("", ""),
    ],
)
def test_a_name_is_one_line(text: str, expected: str) -> None:
    """Control characters, line breaks, direction and half characters are escaped; every script is left as it is."""
    assert escaped(text) == expected


def test_line_breaks_of_ours_stay() -> None:
    """A text of several lines stays one; what else is in it is escaped."""
    assert escaped_lines("rules:\n- a\x1b\n") == "rules:\n- a\\x1b\n"


def is_clean(output: bytes) -> bool:
    """Tell whether nothing but line breaks and printable text was written, and no line begins within the name."""
    text = output.decode()
    return (
        not any(mark in text for mark in ("\x1b", "\u202e", "\x85", "\u2028")) and re.search(r"\n\s*ders", text) is None
    )


def test_a_name_of_the_input_writes_nothing_of_its_own(tmp_path: Path) -> None:
    """Stream, rule, event type and field: in the log, the report, a fault and the ledger's tables."""
    fields = {**support.SCHEMA["properties"], NAME: {"type": "string"}}
    opening = {
        "type": "SCHEMA",
        "stream": NAME,
        "schema": {"type": "object", "properties": fields},
        "key_properties": ["id"],
    }
    messages = [
        opening,
        record(NAME, 1, kind=NAME, **{NAME: "x"}),
        record(NAME, 2, kind=NAME, **{NAME: 7}),
        record("un\nders \x1b[31m", 3),
    ]
    with Playground() as playground:
        settings = config(playground.url, tmp_path, rules=[{**support.RULE, "name": NAME}])
        for given in (messages[:3], messages):
            done = command(settings, tmp_path, given=lines(given))
            assert is_clean(done.stderr), done.stderr
            assert ESCAPED in done.stderr.decode()
        assert NAME in json.loads((tmp_path / "data" / "last-run.json").read_text())["streams"]
        misfit = {**support.RULE, "name": NAME, "dedupe_key": "{{ nope }}"}
        stopped = command({**settings, "rules": [misfit]}, tmp_path, given=lines(messages[:2]))
        assert is_clean(stopped.stderr), stopped.stderr
        assert re.search("ERROR.*" + re.escape(ESCAPED), stopped.stderr.decode())
        rehearsed = command({**settings, "dry_run": True}, tmp_path, given=lines(messages[:3]))
        assert is_clean(rehearsed.stderr), rehearsed.stderr
        proposed = command({**settings, "rules": []}, tmp_path, given=lines(messages[:1]))
        assert is_clean(proposed.stderr), proposed.stderr
        for verb, asked in (([], b""), (["find"], lines(messages[:2]))):
            told = forked.run(
                [*LEDGER, "--config", "config.json", *verb], input=asked, capture_output=True, cwd=tmp_path, check=False
            )
            assert is_clean(told.stdout + told.stderr), told
