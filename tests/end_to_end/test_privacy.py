"""Secrets and customers stay private: on standard output and error, in the report, on the disk, at every log level."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import random
import stat
import string
from pathlib import Path
from typing import Any

import pytest
import support
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import command, config, lines, record, schema, state

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.target import TargetZendeskEvents

pytestmark = pytest.mark.slow

ALL = [{**support.RULE, "event": {**support.RULE["event"], "properties": "{{ record }}", "description": "{{ note }}"}}]
"""A rule that sends everything."""
FIELDS = {**support.SCHEMA["properties"], "note": {}, "x": {}}
OPEN = {**schema("orders"), "schema": {**support.SCHEMA, "properties": FIELDS, "additionalProperties": True}}


def marks(seed: str, count: int) -> list[str]:
    """Return texts that occur nowhere by chance."""
    chance = random.Random(seed)  # noqa: S311 - texts to look for, no secrets
    return ["".join(chance.choices(string.ascii_lowercase, k=14)) for _ in range(count)]


def files(folder: Path) -> list[Path]:
    """Return all files of a data_dir."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("level", "policy"), [("DEBUG", "verify"), ("INFO", "hold"), ("DEBUG", "hold")])
def test_nothing_of_a_customer_is_shown(level: str, policy: str, playground: Playground, tmp_path: Path) -> None:
    """Delivered, refused, invalid, unmappable, held or cut off: no value is shown, or in report or ledger."""
    values = marks(f"{level} {policy}", 8)
    messages: list[dict[str, Any]] = [OPEN]
    for number, value in enumerate(values):
        fields = {"email": f"{value}@example.com", "note": value, "x": {value: [value]}}
        messages.append(record("orders", number, **fields))
    messages += [record("orders", values[0]), record("orders", 21, kind=None, note=values[1]), state({"upto": 1})]
    broken = json.dumps(record("orders", 22, note=values[2])).encode()[:-1] + b"\n"
    playground.set_faults(
        Fault(status=400, message=f"{values[0]}@example.com is taken", contains=values[0], count=None),
        Fault(status=422, body="html", message=values[1], contains=values[1], count=None),
        Fault(status=500, body="error_text", message=values[2], contains=values[2]),
        Fault(drop="after", contains=values[3]),
        Fault(status=409, body="text", message=values[4], contains=values[4]),
        Fault(status=400, on="reads", message=values[5]),
        Fault(status=408, store=True, contains=values[6]),
    )
    done = command(
        config(playground.url, tmp_path, rules=ALL, on_unknown_outcome=policy),
        tmp_path,
        given=lines(messages) + broken,
        environment={"LOGLEVEL": level, "TARGET_ZENDESK_EVENTS_LOGLEVEL": level},
    )
    shown = done.stdout + done.stderr
    for path in files(tmp_path / "data"):
        if path.suffix != ".singer":
            shown += path.read_bytes()
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1]) == {"upto": 1}
    assert [value for value in values if value.encode() in shown] == []
    letters = b"".join(path.read_bytes() for path in files(tmp_path / "data") if path.suffix == ".singer")
    assert values[0].encode() in letters


CREDENTIALS = (
    {"client_id": "me", "client_secret": "SECRET"},
    {"client_id": "me", "client_secret": "SECRET", "refresh_token": "SECRET2"},
    {"access_token": "SECRET"},
    {"email": "me@example.com", "api_token": "SECRET"},
    {"email": "me@example.com", "password": "SECRET"},
)


@pytest.mark.parametrize("status", [401, None])
@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_no_secret_is_shown(
    credentials: dict[str, str],
    status: int | None,
    playground: Playground,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither a secret of the settings nor a token that was minted, whatever Zendesk says to them."""
    secrets = marks(str(credentials), 2)
    given_credentials = {
        name: value.replace("SECRET2", secrets[1]).replace("SECRET", secrets[0]) for name, value in credentials.items()
    }
    if status:
        playground.set_faults(Fault(status=status, on="any", count=None, message=f"{secrets[0]} {secrets[1]}"))
    error = io.StringIO()
    with caplog.at_level(logging.DEBUG), contextlib.redirect_stderr(error), contextlib.suppress(SystemExit):
        support.run_here(
            config(playground.url, tmp_path, **given_credentials), lines([schema("orders"), record("orders", 1)])
        )
    shown = caplog.text + error.getvalue()
    for path in files(tmp_path / "data"):
        if path.name != "tokens.json":
            shown += path.read_text(errors="replace")
    assert shown
    assert [secret for secret in secrets if secret in shown] == []


def test_files_are_the_owners_alone(playground: Playground, tmp_path: Path) -> None:
    """Folders have 0700, what they hold 0600, whatever the umask; a .gitignore keeps them out of a repository."""
    messages = [schema("orders"), record("orders", 1, kind=None), record("orders", 2), state({"a": 1})]
    done = command(
        config(playground.url, tmp_path, client_id="me", client_secret="open-sesame", refresh_token="grown"),
        tmp_path,
        given=lines(messages),
        wrapper=["bash", "-c", 'umask 000; exec "$@"', "bash"],
    )
    assert done.returncode in {0, 2}
    data = tmp_path / "data"
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in [data, *data.rglob("*")] if path.name != ".gitignore"
    }
    assert (data / ".gitignore").read_text() == "*\n"
    assert {name for name, mode in modes.items() if mode not in {0o700, 0o600}} == set()
    assert "last-run.json" in modes


MARK = "quillwort-1830"
HOSTILE: dict[str, str] = {
    "a long text": json.dumps(MARK * 100_000),
    "keys of Python's own": json.dumps({"__class__": {"__init__": MARK}, "__globals__": MARK, MARK: 1}),
    "a large number": "9" * 400,
    "a larger one": "-" + "9" * 6_000,
    "a fraction beyond all": "1e999",
    "a deep value": '{"a":' * 700 + json.dumps(MARK) + "}" * 700,
    "a value too deep": "[" * 10_000 + "]" * 10_000,
    "half a pair": '"' + MARK + '\\ud800"',
    "nothing": '"\\u0000' + MARK + '"',
    "a thousand fields": json.dumps({f"{MARK}-{number}": number for number in range(1_000)}),
    "HTML": json.dumps(f"<script>{MARK}</script>"),
    "a template": json.dumps("{{ " + MARK + " }}{% raw %}"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_value_breaks_nothing(
    case: str,
    playground: Playground,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is sent, set aside, or stops the input there; what came before is delivered, and nothing of it is shown."""
    plain = json.dumps(record("orders", 2, x="HERE"))
    text = lines([OPEN, record("orders", 1), state({"upto": 1})]) + plain.replace('"HERE"', HOSTILE[case]).encode()
    text += b"\n" + lines([record("orders", 3), state({"upto": 3})])
    with caplog.at_level(logging.INFO):
        ended = support.run_here(config(playground.url, tmp_path, rules=ALL), text)
    stored = [one.body["event"]["properties"]["id"] for one in playground.events()]
    letters = [one["record"]["id"] for one in ended.letters]
    shown = caplog.text + capsys.readouterr().err + (tmp_path / "data" / "last-run.json").read_text()
    assert MARK not in shown
    if ended.exit_code == 1:
        assert (stored, letters, ended.states[-1]) == ([1], [], {"upto": 1})
        assert "line 4 of the input" in shown
    else:
        assert (ended.exit_code, sorted(stored + letters), ended.states[-1]) == (0, [1, 2, 3], {"upto": 3})


FROM_JSON = [
    {
        **support.RULE,
        "event": {**support.RULE["event"], "properties": {"number": "{{ id }}", "x": "{{ x | fromjson }}"}},
    }
]


def test_text_that_is_no_json_is_set_aside(playground: Playground, tmp_path: Path) -> None:
    """What `fromjson` cannot read is not sent: the record is unmappable, and the run goes on."""
    messages = [OPEN, record("orders", 1, x='"\\ud800"'), record("orders", 2, x='"\\x"'), record("orders", 3, x="NaN")]
    ended = support.run_here(config(playground.url, tmp_path, rules=FROM_JSON), lines([*messages, state({"upto": 3})]))
    assert (ended.exit_code, ended.states) == (0, [{"upto": 3}])
    assert [one["dead_letter"]["reason"] for one in ended.letters] == ["unmappable"]


NAMES = ("a\nb", "a/b", "../../x", "😀", "\x1b[31mred", "x" * 5_000, "", "[bold]", "con\x00", "%s %d {0}", ".", "..")


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_may_have_any_name(name: str, playground: Playground, tmp_path: Path) -> None:
    """Its dead letters stay in their folder, and can be replayed."""
    messages = [schema(name), record(name, 1), record(name, 2, kind=None), state({"upto": 2})]
    ended = support.run_here(config(playground.url, tmp_path), lines(messages))
    assert (ended.exit_code, ended.states[-1]) == (0, {"upto": 2})
    assert [one["stream"] for one in ended.letters] == [name]
    assert [path.parent for path in tmp_path.rglob("*.singer")] == [tmp_path / "data" / "dead-letters"]
    assert list(ended.report["streams"]) == [name]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.lists(
        st.dictionaries(st.sampled_from(["id", "email", "kind", "at", "note", "x", "é", ""]), VALUES), max_size=6
    )
)
def test_any_record_is_counted_once(
    fields: list[dict[str, Any]], playground: Playground, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever JSON a record holds: the run ends 0 or 3, its STATE goes out, and every record has its fate."""
    playground.clear()
    folder = tmp_path_factory.mktemp("any")
    messages: list[dict[str, Any]] = [{**OPEN, "key_properties": []}]
    messages += [{"type": "RECORD", "stream": "orders", "record": one} for one in fields]
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in [*messages, state({"upto": 1})])
    ended = support.run_here(config(playground.url, folder, rules=ALL), text.encode())
    totals = ended.report["totals"]
    assert ended.exit_code in {0, 3}
    assert ended.states == [{"upto": 1}]
    assert totals["records"] == len(fields)
    assert totals["delivered"] == len(playground.events())
    assert totals["invalid"] + totals["unmappable"] + totals["rejected"] == len(ended.letters)
    assert totals["undelivered"] == 0


class Faulty(TargetZendeskEvents):
    """A target that ends in an exception which nobody foresaw."""

    def process_endofpipe(self) -> None:
        """Raise, with a customer's value in the words."""
        self.run.close()
        raise ValueError(MARK)


def test_a_fault_of_the_target_itself_names_its_place_alone(
    playground: Playground, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception that nobody foresaw ends with 1; its words, which may quote a customer, are not shown."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config(playground.url, tmp_path)))
    with pytest.raises(SystemExit) as ended:
        Faulty.cli.main(["--config", str(path), "--input", os.devnull])
    assert ended.value.code == 1
    assert MARK not in caplog.text
    assert "ValueError in test_privacy.py" in caplog.text
