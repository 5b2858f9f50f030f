"""The real command line: what it refuses, what it says, how it ends, and that it reaches nobody it was not told to."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import forked
import pytest
import support
from support import Live, command, config, lines, record, schema, state, until

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

SECRET = "hush-7461"
MESSAGES = [schema("orders"), record("orders", 1), state({"upto": 1})]
OPEN_SCHEMA = {**schema("orders"), "schema": {**support.SCHEMA, "additionalProperties": True}}
BUFFERED = {"PYTHONUNBUFFERED": ""}
"""As Python is by default: it tries once more, as it ends, to write what could not be written."""
FREE = {"type": "object", "properties": {"id": {"type": "integer"}}}
PLAYGROUND_VERB = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "playground"]


def run(
    playground: Playground, folder: Path, messages: Sequence[Mapping[str, Any]] | bytes, **settings: Any
) -> tuple[support.Ended, str]:
    """Run the real command line; return how it ended, and what it wrote on standard error."""
    given = messages if isinstance(messages, bytes) else lines(messages)
    run, error = support.run_process(config(playground.url, folder, **settings), given, folder)
    assert "Traceback" not in error
    return run, error


def numbers(playground: Playground) -> list[Any]:
    """Return the numbers of the records on the timelines, sorted."""
    return sorted(one.body["event"]["properties"]["number"] for one in playground.events())


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder for a while."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# -- configurations that cannot work -----------------------------------------------------------------------------


def rule(**changes: Any) -> dict[str, Any]:
    """Return a rule that works, but for the changes: `event__type` changes `type` in `event`."""
    changed: dict[str, Any] = json.loads(json.dumps(support.RULE))
    for name, value in changes.items():
        inner, _, key = name.partition("__")
        if key:
            changed[inner][key] = value
        else:
            changed[inner] = value
    return changed


HTTPS = "https://zendesk.invalid"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no credentials": ({"api_url": HTTPS}, "no way to authenticate is given"),
    "two ways": ({"access_token": SECRET, "email": "me@example.com", "api_token": SECRET}, "api_token"),
    "half a way": ({"client_id": "me"}, "client_secret"),
    "no account": ({"api_url": None}, "subdomain"),
    "a subdomain that is none": ({"api_url": None, "subdomain": "a.b.c", "access_token": SECRET}, "subdomain"),
    "http beyond loopback": ({"api_url": "http://example.com", "access_token": SECRET}, "api_url"),
    "an unknown setting": ({"max_in_fligth": 3}, "did you mean max_in_flight?"),
    "a wrong type": ({"max_in_flight": "many"}, "max_in_flight"),
    "a number out of range": ({"requests_per_minute": 0}, "requests_per_minute"),
    "no boolean": ({"dry_run": "perhaps"}, "dry_run"),
    "a secret of the wrong type": ({"access_token": [SECRET]}, "access_token"),
    "a bad plan": ({"plan": "gold"}, "plan"),
    "a bad time zone": ({"timezone": "Mars/Olympus"}, "timezone"),
    "a bad since": ({"since": "lately"}, "since"),
    "an unset variable": ({"api_url": "", "subdomain": ""}, "unset"),
    "an unset source": ({"source": ""}, "the setting `source` is empty (is an environment variable unset?)"),
    "a template that does not parse": ({"rules": [rule(event__type="{{ kind ")]}, "event.type"),
    "a reserved source": ({"source": None, "rules": [rule(event__source="Zendesk")]}, "source"),
    "no identifiers": ({"rules": [rule(profile__identifiers={})]}, "identifiers"),
    "a constant that is too long": ({"rules": [rule(event__type="x" * 41)]}, "event.type"),
    "an unknown key in a rule": ({"rules": [rule(evnet={})]}, "evnet"),
    "rules twice": ({"rules_file": "rules.yaml"}, "rules_file"),
    "a rules file that is none": ({"rules": None, "rules_file": "nowhere.yaml"}, "nowhere.yaml"),
    "braces without quotes": ({"rules": None, "rules_file": "rules.yaml"}, "line 4"),
    "a ledger that is none": ({"ledger_url": f"mysql://me:{SECRET}@db/x"}, "ledger_url"),
    "a data_dir that is a file": ({"data_dir": "rules.yaml"}, "data_dir"),
}
RULES_FILE = """rules:
- stream: orders
  profile: {identifiers: {email: "{{ email }}"}}
  event: {type: paid, properties: {total: {{ total }}}}
"""


@pytest.mark.parametrize("case", BAD)
def test_a_bad_configuration_is_named(case: str, tmp_path: Path) -> None:
    """Exit 2 before anything is sent or made: one line that names the setting, never a secret, and no traceback."""
    changes, said = BAD[case]
    (tmp_path / "rules.yaml").write_text(RULES_FILE)
    settings = config("http://127.0.0.1:9", tmp_path, data_dir="data") | changes
    kept = {name: value for name, value in settings.items() if value is not None}
    done = command(kept, tmp_path, given=lines(MESSAGES), environment={"HTTPS_PROXY": "http://127.0.0.1:9"})
    error = done.stderr.decode()
    faults = [line for line in error.splitlines() if "| ERROR" in line]
    assert done.returncode == 2, error
    assert any(said in line for line in faults), error
    assert done.stdout == b""
    assert "Traceback" not in error
    assert SECRET not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "rules.yaml"]


def test_every_fault_has_a_line(tmp_path: Path) -> None:
    """Three faults are three lines, in one run."""
    settings = config("http://127.0.0.1:9", tmp_path, plan="gold", max_in_flight="many", dry_run="perhaps")
    done = command(settings, tmp_path)
    faults = [line for line in done.stderr.decode().splitlines() if "| ERROR" in line]
    assert done.returncode == 2
    assert [sum(name in line for line in faults) for name in ("plan", "max_in_flight", "dry_run")] == [1, 1, 1]


@pytest.mark.parametrize("text", ["{", "", "nothing", '"text"'])
def test_a_configuration_that_is_no_json_object(text: str, tmp_path: Path) -> None:
    """It is refused with exit 2, and no traceback."""
    (tmp_path / "c.json").write_text(text)
    done = command(None, tmp_path, "--config", "c.json")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"--config" in done.stderr


@pytest.mark.parametrize("text", ["5", "null"])
def test_a_configuration_that_is_another_json_value(text: str, tmp_path: Path) -> None:
    """JSON that is no object is refused like text that is no JSON."""
    (tmp_path / "c.json").write_text(text)
    done = command(None, tmp_path, "--config", "c.json")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(
            {"REQUESTS_CA_BUNDLE": "nowhere.pem"},
        ),
        pytest.param(
            {"HTTPS_PROXY": "foo bar://"},
        ),
    ],
)
def test_an_environment_that_cannot_work(environment: dict[str, str], tmp_path: Path) -> None:
    """A CA bundle or a proxy that is none ends the run, exit 2, and nothing is made."""
    settings = config(HTTPS, tmp_path, access_token=SECRET)
    done = command(settings, tmp_path, given=lines(MESSAGES), environment=environment)
    assert done.returncode == 2
    assert b"PROXY" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"stream_maps": {"orders": "elsewhere"}}, "stream_maps"),
        ({"stream_maps": {"orders": {"email": "email +"}}}, "stream_maps"),
        ({"stream_maps": {"orders": {"id": None}}}, "stream_maps"),
        ({"stream_maps": {"__else__": "elsewhere"}}, "stream_maps"),
        ({"stream_maps": {"orders": {"__alias__": 5}}}, "config['stream_maps']['orders']"),
        ({"stream_maps": {"orders": {"kind": "kind"}}, "faker_config": {"locale": "xx_YY"}}, "locale"),
        ({"flattening_enabled": True}, "flattening_max_depth"),
    ],
)
def test_stream_maps_that_cannot_work_are_a_fault_of_the_settings(
    settings: dict[str, Any], named: str, playground: Playground, tmp_path: Path
) -> None:
    """It is no fault of the tap: exit 2, and the setting is named."""
    ended, error = run(playground, tmp_path, MESSAGES, **settings)
    assert ended.exit_code == 2
    assert any(named in line for line in error.splitlines() if "| ERROR" in line)


@pytest.mark.parametrize(
    "settings",
    [
        {"stream_maps": {"__else__": "elsewhere"}},
        {"stream_maps": {"orders": {"kind": 5}}},
        {"stream_maps": {"orders": {"__alias__": 5}}},
        {"flattening_enabled": True},
    ],
)
def test_the_sdks_own_settings_are_read_before_anything_is_made(settings: dict[str, Any], tmp_path: Path) -> None:
    """A bad configuration makes nothing, whoever reads it."""
    done = command(config("http://127.0.0.1:9", tmp_path, **settings), tmp_path, given=lines(MESSAGES))
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


# -- what makes nothing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--about",), ("--about", "--format=json"), ("--version",), ("--help",)])
def test_what_only_tells_makes_nothing(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """`--about`, `--version` and `--help` need no configuration, and leave nothing behind."""
    done = command(None, tmp_path, *arguments)
    assert done.returncode == 0
    assert done.stdout
    assert list(tmp_path.iterdir()) == []
    if "--format=json" in arguments:
        assert json.loads(done.stdout)["name"] == "target-zendesk-events"


def test_a_wait_that_is_too_long_holds_for_the_next_run_too(playground: Playground, tmp_path: Path) -> None:
    """A scheduler starts runs every few minutes: none knocks again before Zendesk's Retry-After is over."""
    playground.set_faults(Fault(status=429, retry_after=3_600))
    for _ in range(2):
        ended, error = run(playground, tmp_path, [*MESSAGES, state({"upto": 1})])
        assert (ended.exit_code, ended.states) == (1, [])
        assert "Zendesk asks to wait until" in error
    assert len(playground.requests()) == 1


def test_a_dry_run_makes_and_sends_nothing(playground: Playground, tmp_path: Path) -> None:
    """It counts, masks, and leaves neither files nor STATE nor events."""
    messages = [*MESSAGES, record("orders", 2, kind=None), record("orders", 3, email=f"{SECRET}@example.com")]
    ended, error = run(playground, tmp_path, messages, dry_run=True)
    assert ended.states == []
    assert playground.requests() == []
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    assert "dry run: 2 events would be sent" in error
    assert SECRET not in error


def test_a_dry_run_knows_what_it_met_before(playground: Playground, tmp_path: Path) -> None:
    """A record that comes twice is sent once, and counted so; without a ledger it would be sent twice."""
    messages = [schema("orders"), record("orders", 1), record("orders", 1)]
    for ledger, count in ((None, "1 event"), ("none", "2 events")):
        ended, error = run(playground, tmp_path, messages, dry_run=True, ledger_url=ledger)
        assert ended.exit_code == 0
        assert f"dry run: {count} would be sent" in error
        assert f"duplicate={2 - int(count[0])}" in error


def test_a_dry_run_shows_no_key_that_a_record_brought(playground: Playground, tmp_path: Path) -> None:
    """The names of fields can be read; a key below them, or one that is no name, may be a customer's."""
    extended = {**support.SCHEMA, "properties": {**support.SCHEMA["properties"], "by": {"type": "object"}}}
    messages = [{**schema("orders"), "schema": extended}, record("orders", 1, by={SECRET: 1, f"{SECRET}@x": [SECRET]})]
    for properties in ("{{ record }}", "{{ record.by }}"):
        _, error = run(playground, tmp_path, messages, rules=[rule(event__properties=properties)], dry_run=True)
        assert "dry run: 1 event would be sent" in error
        assert f"{SECRET}@" not in error
    assert (
        '"by": "<object of 2>"'
        in run(playground, tmp_path, messages, rules=[rule(event__properties="{{ record }}")], dry_run=True)[1]
    )


def test_a_dry_run_tells_of_too_many_names(playground: Playground, tmp_path: Path) -> None:
    """A template that writes a value of high cardinality into a source stops its stream, as it would for real."""
    messages = [schema("orders"), *(record("orders", number) for number in range(51))]
    ended, error = run(playground, tmp_path, messages, rules=[rule(event__source="shop {{ id }}")], dry_run=True)
    assert ended.exit_code == 1
    assert "stream orders is stopped: Zendesk takes 50 different event sources" in error
    assert playground.requests() == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "/data/ledger.sqlite, 0 keys, made"),
        ({"dry_run": True}, "/data/ledger.sqlite, not made yet: to a dry run everything is new"),
        ({"ledger_url": "none"}, "ledger none: what the tap sends again shows twice"),
    ],
)
def test_the_log_begins_with_the_ledger(
    settings: dict[str, Any], says: str, playground: Playground, tmp_path: Path
) -> None:
    """The first line says where it is and whether it is new; the SDK may warn of an old Python before."""
    _, error = run(playground, tmp_path, MESSAGES, **settings)
    assert says in next(line for line in error.splitlines() if "| target-zendesk-events" in line)


# -- rules and streams -------------------------------------------------------------------------------------------


def test_without_rules_they_are_proposed(playground: Playground, tmp_path: Path) -> None:
    """The input is read to its end, exit 2: a rule for each stream seen, nothing sent, no STATE."""
    messages = [
        schema("logins"),
        record("logins", 1),
        state({"a": 1}),
        schema("orders"),
        record("orders", 1),
        state({"a": 2}),
    ]
    ended, error = run(playground, tmp_path, messages, rules=[])
    assert ended.exit_code == 2
    assert ended.states == []
    assert "- stream: logins" in error
    assert "- stream: orders" in error
    assert playground.requests() == []


def test_what_is_proposed_works_as_it_stands(playground: Playground, tmp_path: Path) -> None:
    """Saved as it was printed it sends, also where no setting gives the source."""
    given: dict[str, Any] = {"rules": None, "source": None}
    _, error = run(playground, tmp_path, MESSAGES, **given)
    proposed = error[error.index("# CHOOSE: the system") : error.index("dead letters waiting")]
    assert "\nsource: my_system\nrules:\n" in proposed
    (tmp_path / "rules.yml").write_text(proposed)
    ended, error = run(playground, tmp_path, MESSAGES, **given, rules_file=str(tmp_path / "rules.yml"))
    assert ended.exit_code == 0, error
    assert {event.body["event"]["source"] for event in playground.events()} == {"my_system"}


def test_rules_that_came_empty_ask_for_the_variable(playground: Playground, tmp_path: Path) -> None:
    """Meltano and shells write nothing for a variable that is unset: the fault asks about it."""
    ended, error = run(playground, tmp_path, MESSAGES, rules=None, rules_file="")
    assert ended.exit_code == 2
    assert "rules_file came empty (is an environment variable unset?): there are no rules" in error


def test_a_misnamed_rule_uses_up_no_history(playground: Playground, tmp_path: Path) -> None:
    """Rules that match no stream end the run with 2 and no STATE; the nearest stream is named."""
    ended, error = run(playground, tmp_path, MESSAGES, rules=[rule(stream="Order")])
    assert ended.exit_code == 2
    assert ended.states == []
    assert "the nearest is 'orders'" in error


def test_one_misnamed_rule_of_two_is_a_warning(playground: Playground, tmp_path: Path) -> None:
    """The other rule's events are sent, and STATE goes on."""
    ended, error = run(playground, tmp_path, MESSAGES, rules=[rule(stream="order", name="lost"), support.RULE])
    assert (ended.exit_code, ended.states) == (0, [{"upto": 1}])
    assert any("lost" in line and "WARNING" in line for line in error.splitlines())


def test_standard_identifiers_that_records_bring_are_told_of_once(playground: Playground, tmp_path: Path) -> None:
    """Whether the rule names the type or a record does, the log says once that Zendesk writes it onto the user."""
    ids = "{{ [{'type': kind, 'value': email}, {'type': 'shop_id', 'value': id}] }}"
    rules = [rule(profile__identifiers=ids), rule(stream="logins", profile__identifiers={"phone_number": "{{ id }}"})]
    kinds = ("email", "email", "phone_number", "sdk")
    messages = [schema("orders"), *(record("orders", number, kind=kind) for number, kind in enumerate(kinds))]
    _, error = run(playground, tmp_path, messages, rules=rules)
    told = [line.partition("identifiers of type ")[2].split()[0] for line in error.splitlines() if "spoils" in line]
    assert told == ["'phone_number'", "'email'", "'sdk'"]


def test_a_rule_may_hold_a_fraction(playground: Playground, tmp_path: Path) -> None:
    """A constant such as 1.5 in the configuration's file is sent as the number that it is, and ends no run."""
    rules = [rule(event__properties={"number": "{{ id }}", "rate": 1.5})]
    messages = [schema("orders"), record("orders", 1), record("orders", 2, kind=None), state({"upto": 2})]
    ended, _ = run(playground, tmp_path, messages, rules=rules)
    assert (ended.exit_code, ended.states[-1], len(ended.letters)) == (0, {"upto": 2}, 1)
    assert [one.body["event"]["properties"] for one in playground.events()] == [{"number": 1, "rate": 1.5}]


def test_a_rule_that_names_an_unknown_field_stops_its_stream(playground: Playground, tmp_path: Path) -> None:
    """Nothing of that stream is sent, the others go on, and the run ends with 2."""
    rules = [rule(stream="orders", event__description="{{ emial }}"), rule(stream="logins")]
    messages = [schema("orders"), schema("logins"), record("orders", 1), record("logins", 2), state({"a": 1})]
    ended, error = run(playground, tmp_path, messages, rules=rules)
    assert (ended.exit_code, ended.states) == (2, [])
    assert numbers(playground) == [2]
    assert "'emial', which the schema lacks; the nearest is 'email'" in error
    assert ended.report["streams"]["orders"]["skipped"] == 1


def test_a_stopped_stream_holds_nobody_else_back(playground: Playground, tmp_path: Path) -> None:
    """With `state_per_stream` the other stream's bookmark goes on, and the stopped one's stays where it was safe."""
    rules = [rule(stream="orders", when="id < 100"), rule(stream="logins")]
    changed = {**schema("orders"), "schema": FREE}
    before = [
        *(schema("orders"), schema("logins"), record("orders", 1), record("logins", 2)),
        state({"bookmarks": {"orders": {"at": 1}, "logins": {"at": 2}}}),
    ]
    after = [
        *(changed, {"type": "RECORD", "stream": "orders", "record": {"id": 3}}, record("logins", 4)),
        state({"bookmarks": {"orders": {"at": 3}, "logins": {"at": 4}}}),
    ]
    with Live(config(playground.url, tmp_path, rules=rules, state_per_stream=True), tmp_path) as live:
        live.write(lines(before))
        until(lambda: live.states)
        live.write(lines(after))
        live.close()
        assert live.wait() == 2
        assert live.states[-1] == {"bookmarks": {"orders": {"at": 1}, "logins": {"at": 4}}}
    assert numbers(playground) == [1, 2, 4]


# -- input -------------------------------------------------------------------------------------------------------


def test_empty_input_is_no_fault(playground: Playground, tmp_path: Path) -> None:
    """A tap with nothing new ends 0, and its STATE is passed on as it wrote it."""
    ended, _ = run(playground, tmp_path, b'{"type": "STATE", "value": {"b":  1.0}}\n')
    assert (ended.exit_code, ended.states) == (0, [{"b": 1.0}])
    ended, _ = run(playground, tmp_path, b"")
    assert (ended.exit_code, ended.states) == (0, [])


RECORD_LINE = lines([record("orders", 2, email=f"{SECRET}@example.com")])
BROKEN: dict[str, bytes] = {
    "malformed": RECORD_LINE.replace(b":", b";", 1),
    "truncated": RECORD_LINE[: len(RECORD_LINE) // 2],
    "no UTF-8": RECORD_LINE.replace(SECRET.encode(), SECRET.encode() + b"\xff"),
    "no object": b'["' + SECRET.encode() + b'"]\n',
    "no type": b'{"record": "' + SECRET.encode() + b'"}\n',
    "before its SCHEMA": RECORD_LINE.replace(b'"orders"', b'"others"'),
    "no record": b'{"type": "RECORD", "stream": "orders", "record": "' + SECRET.encode() + b'"}\n',
    "no schema": b'{"type": "SCHEMA", "stream": "orders", "schema": "' + SECRET.encode() + b'"}\n',
    "no value": b'{"type": "STATE"}\n',
    "BATCH": b'{"type": "BATCH", "stream": "orders", "encoding": {}, "manifest": ["' + SECRET.encode() + b'"]}\n',
    "keys that are none": b'{"type": "SCHEMA", "stream": "x", "schema": {"properties": {}}, "key_properties": 5}\n',
}


@functools.cache
def broken_off() -> dict[str, tuple[int, bytes, str, list[str]]]:
    """Run every broken input, several at once, each at a Zendesk of its own.

    Returns exit code, output, standard error and the events that came, by case.
    """

    def one(case: str) -> tuple[int, bytes, str, list[str]]:
        with Playground() as playground, scratch() as folder:
            given = lines([schema("orders"), record("orders", case), state({"upto": 1})])
            given += BROKEN[case] + lines([record("orders", "after it"), state({"upto": 2})])
            done = command(config(playground.url, folder, validate_records=False), folder, given=given)
            stored = [one.body["event"]["properties"]["number"] for one in playground.events()]
            return done.returncode, done.stdout, done.stderr.decode(), stored

    with ThreadPoolExecutor(3) as pool:
        return dict(zip(BROKEN, pool.map(one, BROKEN), strict=True))


@pytest.mark.parametrize("case", BROKEN)
def test_a_line_that_is_no_message_stops_the_run(case: str) -> None:
    """What came before it is delivered and its STATE written; line number and length are named, the content never."""
    code, output, error, stored = broken_off()[case]
    assert code == 1
    assert json.loads(output) == {"upto": 1}
    assert "line 4 of the input (" in error
    assert SECRET not in error
    assert "Traceback" not in error
    assert stored == [case]


def test_lines_that_say_nothing_are_passed_over(playground: Playground, tmp_path: Path) -> None:
    """Blank lines and unknown types warn once a type; ACTIVATE_VERSION is explained once."""
    noise = (
        b'\n  \n{"type": "LOG"}\n{"type": "LOG", "x": 1}\n\n'
        + b'{"type": "ACTIVATE_VERSION", "stream": "orders"}\n' * 2
    )
    ended, error = run(playground, tmp_path, lines(MESSAGES[:1]) + noise + lines(MESSAGES[1:]))
    assert (ended.exit_code, ended.states) == (0, [{"upto": 1}])
    warnings = [line for line in error.splitlines() if "WARNING" in line]
    assert sum("blank" in line for line in warnings) == 1
    assert sum("LOG" in line for line in warnings) == 1
    assert sum("ACTIVATE_VERSION takes nothing away" in line for line in error.splitlines()) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_state_is_whole_whatever_the_locale(encoding: str, playground: Playground, tmp_path: Path) -> None:
    """STATE goes out as the bytes that the tap wrote, also where Python takes the terminal for an ASCII one."""
    line = '{"type":"STATE","value":{"näme":"😀"}}\n'.encode()
    done = command(
        config(playground.url, tmp_path),
        tmp_path,
        given=lines(MESSAGES[:2]) + line,
        environment={"PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0
    assert done.stdout == '{"näme":"😀"}\n'.encode()


@pytest.mark.parametrize("reference", ["#/definitions/nowhere", "file:///nowhere.json"])
def test_a_schema_that_refers_to_nothing_is_the_taps_fault(
    reference: str, playground: Playground, tmp_path: Path
) -> None:
    """The SCHEMA's line is named, exit 1; it does not end in a fault of the target itself."""
    others = referring(reference)
    ended, error = run(playground, tmp_path, [*MESSAGES, others, record("others", 2, x="1"), state({"upto": 2})])
    assert ended.exit_code == 1
    assert ended.states == [{"upto": 1}]
    assert numbers(playground) == [1]
    assert "line 4 of the input" in error
    assert "CRITICAL" not in error


def test_a_schema_that_refers_to_itself_ends_no_run(playground: Playground, tmp_path: Path) -> None:
    """A record that cannot be checked to the end is set aside as invalid."""
    messages = [*MESSAGES, referring("#/properties/x"), record("others", 2, x="1"), state({"upto": 2})]
    ended, _ = run(playground, tmp_path, messages)
    assert (ended.exit_code, ended.states[-1]) == (0, {"upto": 2})
    assert [one["dead_letter"]["reason"] for one in ended.letters] == ["invalid"]


def referring(reference: str) -> dict[str, Any]:
    """Return a SCHEMA, one of whose fields refers to another place."""
    properties = {**support.SCHEMA["properties"], "x": {"$ref": reference}}
    return {**schema("others"), "schema": {**support.SCHEMA, "properties": properties}}


# -- stream maps, flattening, validation --------------------------------------------------------------------------


def test_stream_maps_name_split_filter_and_drop(playground: Playground, tmp_path: Path) -> None:
    """Rules see the mapped names; what a map filters or drops is unmatched; STATE is the tap's all the same."""
    maps = {
        "orders": {"__filter__": "id > 1"},
        "copies": {"__source__": "orders", "kind": "'copied'"},
        "logins": {"__alias__": "visits"},
        "secrets": None,
    }
    streams = ("orders", "logins", "secrets")
    messages = [schema(one) for one in streams]
    messages += [record("orders", 1), record("orders", 2), record("logins", 3), record("secrets", 4), state({"a": 1})]
    rules = [rule(stream=one) for one in ("orders", "copies", "visits", "secrets")]
    ended, _ = run(playground, tmp_path, messages, rules=rules, stream_maps=maps)
    assert (ended.exit_code, ended.states) == (0, [{"a": 1}])
    seen = sorted((one.body["event"]["properties"]["stream"], one.body["event"]["type"]) for one in playground.events())
    assert seen == [("copies", "copied"), ("copies", "copied"), ("orders", "order_paid"), ("visits", "order_paid")]
    assert ended.report["streams"]["orders"]["unmatched"] == 1
    assert ended.report["totals"]["delivered"] == 4


def test_stream_maps_may_fake(playground: Playground, tmp_path: Path) -> None:
    """`fake` works as the SDK documents it, with `faker_config`'s seed and locale."""
    maps = {"orders": {"kind": "fake.first_name()"}}
    settings = {"stream_maps": maps, "faker_config": {"seed": 1, "locale": "de_DE"}}
    ended, _ = run(playground, tmp_path, [schema("orders"), record("orders", 1)], **settings)
    assert ended.exit_code == 0
    assert playground.events()[0].body["event"]["type"] not in {"", "order_paid"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1]", "a JSON object [ZE106]\n"),
        ('{"a":', "a JSON object: Expecting"),
        (None, ": No such file or directory [ZE106]\n"),
    ],
)
def test_a_configuration_file_that_cannot_be_read_is_named(text: str | None, why: str, tmp_path: Path) -> None:
    """Of several, the one that is at fault; exit 2."""
    (tmp_path / "good.json").write_text("{}")
    if text is not None:
        (tmp_path / "bad.json").write_text(text)
    done = command(None, tmp_path, "--config", "good.json", "--config", "bad.json")
    assert done.returncode == 2
    assert "bad.json cannot be read as a JSON object" in done.stderr.decode()
    assert why in done.stderr.decode()


def test_no_rule_has_to_fit_a_stream_that_is_dropped(playground: Playground, tmp_path: Path) -> None:
    """A rule for all streams asks nothing of one that a stream map drops: no field, and no key."""
    rules = [rule(stream="*", event__created_at=None, event__description="{{ note }}")]
    noted = {**support.SCHEMA, "properties": {**support.SCHEMA["properties"], "note": {}}}
    messages = [{**schema("orders"), "schema": noted}, schema("secrets"), record("orders", 1), record("secrets", 2)]
    ended, _ = run(playground, tmp_path, [*messages, state({"a": 1})], rules=rules, stream_maps={"secrets": "__NULL__"})
    assert (ended.exit_code, ended.states, numbers(playground)) == (0, [{"a": 1}], [1])
    assert ended.report["streams"]["secrets"]["unmatched"] == 1


def test_two_streams_of_the_tap_may_share_a_mapped_name(playground: Playground, tmp_path: Path) -> None:
    """Each record is held against the schema of its own stream."""
    required = {**support.SCHEMA, "required": ["extra"], "additionalProperties": True}
    messages = [schema("shop"), {**schema("web"), "schema": required}, record("shop", 1), record("web", 2, extra=1)]
    maps = {"shop": {"__alias__": "orders"}, "web": {"__alias__": "orders"}}
    ended, _ = run(playground, tmp_path, [*messages, state({"a": 1})], stream_maps=maps, rules=[rule(stream="orders")])
    assert ended.report["totals"]["invalid"] == 0
    assert numbers(playground) == [1, 2]


def test_flattening_shows_rules_flat_fields(playground: Playground, tmp_path: Path) -> None:
    """Rules see the record as flattening left it; the dead letters hold it as the tap wrote it."""
    nested = {"type": "object", "properties": {"city": {"type": "string"}}}
    flat = {**support.SCHEMA, "properties": {**support.SCHEMA["properties"], "home": nested}}
    messages = [{**schema("orders"), "schema": flat}, record("orders", 1, home={"city": "Ulm"})]
    messages += [record("orders", 2, home={"city": "Ulm"}, kind=None), state({"a": 1})]
    rules = [rule(event__properties={"number": "{{ id }}", "city": "{{ home__city }}"})]
    ended, _ = run(playground, tmp_path, messages, rules=rules, flattening_enabled=True, flattening_max_depth=1)
    assert [one.body["event"]["properties"] for one in playground.events()] == [{"number": 1, "city": "Ulm"}]
    assert ended.letters[0]["record"]["home"] == {"city": "Ulm"}


def test_records_that_fail_their_schema(playground: Playground, tmp_path: Path) -> None:
    """They are set aside as invalid, or pass with `validate_records: false`."""
    messages = [schema("orders"), record("orders", "one"), state({"a": 1})]
    ended, _ = run(playground, tmp_path, messages)
    assert (ended.exit_code, ended.states, numbers(playground)) == (0, [{"a": 1}], [])
    assert [one["dead_letter"]["reason"] for one in ended.letters] == ["invalid"]
    ended, _ = run(playground, tmp_path, messages, validate_records=False, data_dir=str(tmp_path / "other"))
    assert (ended.exit_code, numbers(playground)) == (0, ["one"])


# -- where configuration and input come from ---------------------------------------------------------------------


def environment_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as Meltano hands them over."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
    return {f"TARGET_ZENDESK_EVENTS_{name.upper()}": value for name, value in texts.items()}


@pytest.mark.parametrize("arguments", [(), ("--config", "ENV"), ("--config=ENV",)])
def test_the_environment_configures(arguments: tuple[str, ...], playground: Playground, tmp_path: Path) -> None:
    """With `--config ENV`, or without any, each setting comes from a variable, numbers and lists as text."""
    settings = {**config(playground.url, tmp_path), "dry_run": "false", "max_in_flight": "3"}
    done = command(None, tmp_path, *arguments, given=lines(MESSAGES), environment=environment_of(settings))
    assert (done.returncode, json.loads(done.stdout)) == (0, {"upto": 1})
    assert numbers(playground) == [1]


def test_the_first_line_of_the_log_names_the_ledger(playground: Playground, tmp_path: Path) -> None:
    """Its absolute path, and whether it is new; nothing stands before that."""
    for ending in ("0 keys, made", "1 keys, opened"):
        _, error = run(playground, tmp_path, MESSAGES)
        first = error.splitlines()[0]
        assert f"ledger {tmp_path}" in first
        assert first.endswith(ending)


def test_configurations_add_up(playground: Playground, tmp_path: Path) -> None:
    """`--config` may be repeated; a later file wins, and a file alone leaves the environment unread."""
    (tmp_path / "second.json").write_text(json.dumps({"source": "second"}))
    settings = config(playground.url, tmp_path)
    other = {"TARGET_ZENDESK_EVENTS_SOURCE": "environment"}
    for arguments, source in (
        (("--config", "second.json"), "second"),
        (("--config", "ENV"), "environment"),
        ((), "shop"),
    ):
        playground.clear()
        done = command(settings, tmp_path, *arguments, given=lines(MESSAGES), environment=other)
        assert done.returncode == 0
        assert [one.body["event"]["source"] for one in playground.events()] == [source]


def test_relative_paths_start_at_the_project(playground: Playground, tmp_path: Path) -> None:
    """Where MELTANO_PROJECT_ROOT is set, `data_dir` and `rules_file` are looked for there."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "rules.yaml").write_text(json.dumps([support.RULE]))
    settings = config(playground.url, tmp_path, data_dir="kept", rules_file="rules.yaml")
    del settings["rules"]
    done = command(settings, tmp_path, given=lines(MESSAGES), environment={"MELTANO_PROJECT_ROOT": str(project)})
    assert done.returncode == 0
    assert (project / "kept" / "last-run.json").exists()
    assert not (tmp_path / "kept").exists()


def test_input_that_cannot_be_polled(playground: Playground, tmp_path: Path) -> None:
    """`--input FILE`, `< file` and /dev/null are read to their end like a pipe."""
    path = tmp_path / "input.singer"
    path.write_bytes(lines(MESSAGES))
    done = command(config(playground.url, tmp_path), tmp_path, "--input", str(path))
    assert (done.returncode, json.loads(done.stdout), numbers(playground)) == (0, {"upto": 1}, [1])
    for name, expected in ((str(path), [1]), (os.devnull, [])):
        playground.clear()
        (tmp_path / "config.json").write_text(json.dumps(config(playground.url, tmp_path, ledger_url="none")))
        with Path(name).open("rb") as file:
            done = forked.run(
                [*support.TARGET, "--config", "config.json"], stdin=file, capture_output=True, check=False, cwd=tmp_path
            )
        assert done.returncode == 0
        assert numbers(playground) == expected


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        pytest.param("<&-", "standard input"),
        pytest.param(">&-", "standard output"),
        (">/dev/full", "standard output"),
    ],
)
def test_a_standard_stream_that_is_closed(closed: str, said: str, playground: Playground, tmp_path: Path) -> None:
    """The run ends with 1 and says which stream it was, without a traceback."""
    (tmp_path / "config.json").write_text(json.dumps(config(playground.url, tmp_path)))
    (tmp_path / "in").write_bytes(lines(MESSAGES))
    shell = f'exec "$@" --config config.json {"<in" if ">" in closed else ""} {closed}'
    done = forked.run(
        ["bash", "-c", shell, "bash", *support.TARGET],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        timeout=30,
        env={**os.environ, **BUFFERED},
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr.decode()
    assert said in done.stderr.decode()


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_a_standard_error_that_takes_nothing(closed: str, playground: Playground, tmp_path: Path) -> None:
    """What the run has to say is lost; what it does is not, nor its exit code."""
    (tmp_path / "config.json").write_text(json.dumps(config(playground.url, tmp_path)))
    done = forked.run(
        ["bash", "-c", f'exec "$@" --config config.json {closed}', "bash", *support.TARGET],
        input=lines([*MESSAGES, state({"upto": 1})]),
        stdout=subprocess.PIPE,
        check=False,
        cwd=tmp_path,
        timeout=30,
        env={**os.environ, **BUFFERED},
    )
    assert done.returncode == 0
    assert numbers(playground) == [1]
    assert json.loads(done.stdout.splitlines()[-1]) == {"upto": 1}


def test_a_reader_of_state_that_is_gone(playground: Playground, tmp_path: Path) -> None:
    """When Meltano has died, the run ends with 1, and standard error holds no traceback."""
    (tmp_path / "config.json").write_text(json.dumps(config(playground.url, tmp_path)))
    (tmp_path / "in").write_bytes(lines(MESSAGES))
    reading, writing = os.pipe()
    os.close(reading)
    with (tmp_path / "in").open("rb") as file:
        done = forked.run(
            [*support.TARGET, "--config", "config.json"],
            stdin=file,
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            cwd=tmp_path,
            timeout=30,
            env={**os.environ, **BUFFERED},
        )
    os.close(writing)
    error = done.stderr.decode()
    assert "STATE cannot be written to standard output" in error
    assert "Traceback" not in error
    assert done.returncode == 1


def test_a_quiet_tap_holds_nothing_back(playground: Playground, tmp_path: Path) -> None:
    """An event leaves within a second of its record, and its STATE follows, while the tap says nothing more."""
    with Live(config(playground.url, tmp_path), tmp_path) as live:
        live.write(lines([schema("orders"), record("orders", 0), state({"upto": 0})]))
        until(lambda: live.states)
        for number in (1, 2):
            time.sleep(0.05)
            written = time.monotonic()
            live.write(lines([record("orders", number), state({"upto": number})]))
            until(lambda number=number: len(playground.events()) > number)  # type: ignore[misc]
            assert playground.events()[-1].arrived - written < 1.0
            until(lambda number=number: live.states[-1] == {"upto": number})  # type: ignore[misc]
            assert time.monotonic() - written < 2.5
        live.close()
        assert live.wait() == 0


def test_a_signal_while_the_configuration_is_read(tmp_path: Path) -> None:
    """Ctrl-C before the run begins is exit 130 (or the signal itself), like any other."""
    os.mkfifo(tmp_path / "c.json")
    with (
        forked.Popen(
            [*support.TARGET, "--config", "c.json"], cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        (tmp_path / "c.json").open("w"),
    ):
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code = process.wait(10)
    assert code in {130, -signal.SIGINT}


# -- brakes and exit codes ---------------------------------------------------------------------------------------


def test_something_set_aside(playground: Playground) -> None:
    """One record set aside is 0, or 3 with `fail_on_set_aside`; five of a stream that delivers none are 3."""
    one = [*MESSAGES, record("orders", 2, kind=None)]
    five = [schema("orders"), *(record("orders", number, kind=None) for number in range(5)), state({"a": 1})]

    def exit_code(messages: Sequence[Mapping[str, Any]], **settings: Any) -> int:
        with scratch() as folder:
            return run(playground, folder, messages, **settings)[0].exit_code

    assert exit_code(one) == 0
    assert exit_code(one, fail_on_set_aside=True) == 3
    assert exit_code(five) == 3
    assert exit_code([*five, record("orders", 9)]) == 0


@pytest.mark.parametrize(("percent", "bad", "delivered"), [(0, 1, 0), (10, 6, 49)])
def test_a_stream_that_sets_aside_too_much_stops(
    percent: int, bad: int, delivered: int, playground: Playground, tmp_path: Path
) -> None:
    """With 0 at the first, else from 50 records on; the others go on, exit 1, and the way out is named."""
    messages = [schema("orders"), schema("logins")]
    messages += [record("orders", number) for number in range(delivered)]
    messages += [record("orders", 100 + number, kind=None) for number in range(bad)]
    messages += [record("orders", 200 + number) for number in range(3)]
    messages += [record("logins", 300), state({"a": 1})]
    ended, error = run(playground, tmp_path, messages, max_set_aside_percent=percent, batch_size_rows=1)
    assert (ended.exit_code, ended.states) == (1, [])
    assert numbers(playground) == [*range(delivered), 300]
    assert "max_set_aside_percent" in error
    assert f"{bad} unmappable: rule '*:{{{{ kind }}}}': event.type: is null" in error
    assert ended.report["streams"]["orders"]["skipped"] == 3
    assert ended.report["streams"]["logins"]["rules"]["*:{{ kind }}"]["delivered"] == 1


def test_a_record_that_yields_no_event_is_set_aside_once(playground: Playground, tmp_path: Path) -> None:
    """A tap sends it again with each run: it is settled then, until the reason changes; its key tells it."""
    messages = [schema("orders"), record("orders", 1, kind=None), record("orders", "one"), state({"a": 1})]
    for _ in range(2):
        ended, _error = run(playground, tmp_path, messages)
        assert ended.states == [{"a": 1}]
        assert sorted(letter["dead_letter"]["reason"] for letter in ended.letters) == ["invalid", "unmappable"]
    assert (ended.report["totals"]["invalid"], ended.report["totals"]["unmappable"]) == (1, 1)
    changed = [*messages[:3], record("orders", 1, kind=None, email="another@example.com"), state({"a": 2})]
    assert len(run(playground, tmp_path, changed)[0].letters) == 2
    changed = [messages[0], record("orders", 1, at="never"), state({"a": 3})]
    assert len(run(playground, tmp_path, changed)[0].letters) == 3
    assert len(run(playground, tmp_path, messages, ledger_url="none")[0].letters) == 5


def test_what_comes_again_each_run_does_not_stop_its_stream(playground: Playground, tmp_path: Path) -> None:
    """A full table with a few records that cannot be mapped stays as healthy as it is."""
    messages = [schema("orders"), *(record("orders", number) for number in range(57))]
    messages += [*(record("orders", number, kind=None) for number in range(57, 60)), state({"a": 1})]
    for _ in range(4):
        ended, _error = run(playground, tmp_path, messages, max_set_aside_percent=10)
        assert (ended.exit_code, ended.states, len(ended.letters)) == (0, [{"a": 1}], 3)


def test_records_that_are_filtered_count_among_all(playground: Playground, tmp_path: Path) -> None:
    """The share of those set aside is of all that were matched, also in a run that sent nothing."""
    rules = [{**support.RULE, "when": "email != 'nobody@example.com'"}]
    filtered = [schema("orders"), *(record("orders", number, email="nobody@example.com") for number in range(50))]
    assert run(playground, tmp_path, filtered, rules=rules)[0].exit_code == 0
    mixed = [schema("orders"), *(record("orders", 100 + number) for number in range(44))]
    mixed += [record("orders", 200 + number, kind=None) for number in range(6)]
    assert run(playground, tmp_path, mixed, rules=rules, max_set_aside_percent=10)[0].exit_code == 0


def test_what_is_too_old_is_counted_and_not_sent(playground: Playground, tmp_path: Path) -> None:
    """`since` keeps a first run from sending years of history."""
    messages = [schema("orders"), record("orders", 1, at="2020-01-01T00:00:00Z"), record("orders", 2), state({"a": 1})]
    ended, _ = run(playground, tmp_path, messages, since="2026-01-01")
    assert (ended.exit_code, ended.states, numbers(playground)) == (0, [{"a": 1}], [2])
    assert ended.report["totals"]["too_old"] == 1


@pytest.mark.parametrize("brake", ["max_events_per_day", "monthly_event_quota"])
def test_a_brake_ends_the_run(brake: str, playground: Playground, tmp_path: Path) -> None:
    """As many events go out as it allows, then exit 1; STATE claims those and no more."""
    messages = [schema("orders")]
    for number in range(6):
        messages += [record("orders", number), state({"upto": number})]
    ended, error = run(playground, tmp_path, messages, **{"max_events_per_day": 0, brake: 3})
    assert ended.exit_code == 1
    assert numbers(playground) == [0, 1, 2]
    assert ended.states[-1] == {"upto": 2}
    assert brake in error
    assert ended.report["totals"]["undelivered"] == 3


ENDS: dict[str, tuple[list[Fault], dict[str, Any], int, str]] = {
    "401": ([Fault(status=401, count=None)], {}, 2, "does not take the credentials"),
    "403": ([Fault(status=403, count=None)], {}, 2, "denies the request"),
    "404 before any success": ([Fault(status=404, count=None)], {}, 2, "no API of Zendesk's answers at this address"),
    "302": ([Fault(status=302, count=None, location="http://127.0.0.1:9/")], {}, 2, "no API of Zendesk's answers"),
    "308": ([Fault(status=308, count=None, location="/api/v2/users/me.json")], {}, 2, "no API of Zendesk's answers"),
    "429 beyond the longest outage": (
        [Fault(status=429, retry_after=3600, count=None)],
        {},
        1,
        "asks to wait until 20",
    ),
    "429s for too long": ([Fault(status=429, retry_after=0, count=None)], {"max_outage_seconds": 1}, 1, "quota"),
    "an outage": ([Fault(drop="before", count=None)], {"max_outage_seconds": 1}, 1, "Zendesk took nothing for"),
    "an outage of reads": (
        [Fault(status=503, count=None), Fault(status=500, on="reads", count=None)],
        {"max_outage_seconds": 1},
        1,
        "Zendesk took nothing for",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_is_wrong_for_all_ends_the_run(case: str, playground: Playground, tmp_path: Path) -> None:
    """Soon, with the exit code that says what to do, the cause in one line, and STATE where it was."""
    faults, settings, code, said = ENDS[case]
    playground.set_faults(*faults)
    messages = [schema("orders")]
    for number in range(4):
        messages += [record("orders", number), state({"upto": number})]
    started = time.monotonic()
    ended, error = run(playground, tmp_path, messages, **settings)
    assert (ended.exit_code, ended.states) == (code, [])
    assert time.monotonic() - started < 10
    assert any(said in line for line in error.splitlines() if "| ERROR" in line), error
    assert playground.events() == []
    assert ended.report["totals"]["undelivered"] == 4
    assert ended.letters == []


def test_a_terminal_shows_a_live_line_and_breaks_no_line_of_the_log(playground: Playground, tmp_path: Path) -> None:
    """The last line stays one line, though it is wider than the terminal and a live line was drawn before."""
    playground.set_faults(Fault(delay=1.0))
    messages = tmp_path / "messages.singer"
    messages.write_bytes(lines([schema("orders"), record("orders", 1), state({"upto": 1})]))
    terminal = (sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])")
    shown = command(config(playground.url, tmp_path), tmp_path, "--input", str(messages), wrapper=terminal).stdout
    assert b"orders: 0 of 1 events" in shown
    last = shown.splitlines()[-1]
    assert b"run finished: delivered=1" in last
    assert b" events=1 " in last
    assert last.endswith(b"duplicate_held=0")


# -- the playground's wrapper ------------------------------------------------------------------------------------


@contextlib.contextmanager
def trap() -> Iterator[tuple[str, list[bytes]]]:
    """Give the address of a loopback proxy that records what reaches it, and what did."""
    caught: list[bytes] = []

    class Catch(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(2)
            with contextlib.suppress(OSError):
                caught.append(self.request.recv(4096))
                self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Catch) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", caught
        server.shutdown()


def proxies(address: str) -> dict[str, str]:
    """Return every variable by which a proxy is named."""
    names = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
    return {**dict.fromkeys(names, address), "no_proxy": "", "NO_PROXY": ""}


@pytest.mark.parametrize("arguments", [(), ("--write-state",)])
def test_a_wrapped_run_reaches_the_playground_alone(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Whatever the configuration says: no other address, no credentials, no file elsewhere, STATE only if asked."""
    settings = {
        "subdomain": "acme",
        "client_id": "me",
        "client_secret": SECRET,
        "data_dir": str(tmp_path / "project"),
        "source": "shop",
        "rules": [support.RULE],
    }
    database = tmp_path / "received.sqlite3"
    with trap() as (address, caught):
        done = command(
            settings,
            tmp_path,
            given=lines(MESSAGES),
            environment=proxies(address),
            wrapper=[*PLAYGROUND_VERB, "--database", str(database), *arguments, "--"],
        )
    assert done.returncode == 0
    assert caught == []
    assert done.stdout == (b'{"upto": 1}\n' if arguments else b"")
    assert b"ZENDESK_EVENTS_PLAYGROUND is set" in done.stderr
    assert not (tmp_path / "project").exists()
    with Playground(database=database) as kept:
        assert [one.body["event"]["properties"]["number"] for one in kept.events()] == [1]
        assert [one.authorization for one in kept.requests()] == [None]


def test_unwrapped_the_trap_would_have_caught_it(tmp_path: Path) -> None:
    """The trap proves something: the same configuration without the wrapper asks the proxy for the account's host."""
    settings: dict[str, Any] = {"subdomain": "acme", "access_token": SECRET, "source": "shop", "rules": [support.RULE]}
    settings = {**settings, "max_outage_seconds": 0}
    with trap() as (address, caught):
        done = command(settings, tmp_path, given=lines(MESSAGES), environment=proxies(address))
    assert done.returncode == 1
    assert caught
    assert all(text.startswith(b"CONNECT acme.zendesk.com:443 HTTP/1.") for text in caught)
    assert SECRET.encode() not in b"".join(caught)


def test_a_schema_reaches_nobody(playground: Playground, tmp_path: Path) -> None:
    """A `$ref` to another address is not fetched: nothing but the requests to Zendesk leaves the machine."""
    with trap() as (address, caught):
        properties = {**support.SCHEMA["properties"], "x": {"$ref": f"{address}/schema.json"}}
        message = {**schema("orders"), "schema": {**support.SCHEMA, "properties": properties}}
        run(playground, tmp_path, [message, record("orders", 1, x="1"), state({"a": 1})])
        assert caught == []


@pytest.mark.parametrize(
    "value", ["", "http://example.com:80/?folder=/tmp", "https://127.0.0.1:1/?folder=/tmp", "http://127.0.0.1:1/"]
)
def test_a_playground_elsewhere_is_refused(value: str, tmp_path: Path) -> None:
    """A variable that names no playground of this machine never leads to production: exit 2, nothing sent or made."""
    settings = {"subdomain": "acme", "access_token": SECRET, "source": "shop", "rules": [support.RULE]}
    with trap() as (address, caught):
        environment = {**proxies(address), "ZENDESK_EVENTS_PLAYGROUND": value}
        done = command(settings, tmp_path, given=lines(MESSAGES), environment=environment)
    assert done.returncode == 2
    assert b"ZENDESK_EVENTS_PLAYGROUND" in done.stderr
    assert caught == []
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
