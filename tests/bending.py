"""What the tests that break things on purpose share: a tap's stream, ways to bend it, and all that a run says."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import os
import random
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import support
from hypothesis import strategies as st

from target_zendesk_events.target import TargetZendeskEvents

FAST = int(os.environ.get("ZENDESK_EVENTS_TEST_FUZZ") or 40)
SLOW = int(os.environ.get("ZENDESK_EVENTS_TEST_FUZZ") or 300)
LONGEST_SECONDS = 60
MARK = "qzx7"
"""Begins every value of a record; nothing else holds it."""
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of one's own in it

PROFILE: dict[str, Any] = {"identifiers": {"email": "{{ email }}", "shop_customer_id": "{{ mark }}"}}
KINDS: dict[str, dict[str, Any]] = {
    "event": {
        "profile": PROFILE,
        "event": {
            "type": "{{ kind }}",
            "created_at": "{{ at }}",
            "description": "{{ note }} of {{ deep.a }}",
            "properties": {"mark": "{{ mark }}", "deep": "{{ deep }}", "amount": "{{ amount | round(2) }}"},
        },
    },
    "everything": {
        "profile": PROFILE,
        "event": {"type": "order_paid", "properties": "{{ record }}", "description": "{{ note }}"},
        "dedupe": False,
    },
    "profile": {
        "profile": {**PROFILE, "name": "{{ note }}", "attributes": {"mark": "{{ mark }}", "n": "{{ amount }}"}}
    },
    "ticket": {
        "ticket": {
            "external_id": "{{ mark }}",
            "requester": {"email": "{{ email }}", "name": "{{ note }}"},
            "subject": "{{ kind }} {{ note }}",
            "comment": {"body": "{{ deep | tojson }} {{ mark }}", "public": False},
            "tags": ["{{ kind }}"],
        }
    },
    "deletion": {"delete": {"profile": {"source": "shop", "identifiers": {"shop_customer_id": "{{ mark }}"}}}},
}
OBJECT: dict[str, Any] = {
    "object": {
        "key": "thing",
        "external_id": "{{ mark }}",
        "name": "{{ note }}",
        "fields": {"kind": "{{ kind }}", "amount": "{{ amount }}", "owner": {"user": {"email": "{{ email }}"}}},
    }
}
TICKET_CHANGE: dict[str, Any] = {"ticket": {"id": "{{ number }}", "status": "{{ kind }}", "tags": "{{ deep }}"}}


def rule(kind: str, what: dict[str, Any], stream: str = "*") -> dict[str, Any]:
    """Return a rule, with a name of its own."""
    return {"stream": stream, "name": kind, **what}


EVERY_RULE = [
    *(rule(kind, what) for kind, what in KINDS.items()),
    rule("object", OBJECT),
    rule("change", TICKET_CHANGE),
    rule("some", {**KINDS["event"], "when": "amount > 3 and kind != 'other'", "dedupe_key": "{{ mark }}{{ amount }}"}),
]

PROPERTIES: dict[str, Any] = {
    "number": {"type": "integer"},
    "mark": {"type": ["string", "null"]},
    "email": {"type": ["string", "null"], "format": "email"},
    "note": {"type": ["string", "null"], "maxLength": 200},
    "kind": {"type": "string"},
    "amount": {"type": ["number", "null"], "minimum": 0},
    "at": {"type": "string", "format": "date-time"},
    "deep": {"type": ["object", "null"], "properties": {"a": {"type": "string"}}},
}
"""A tap's; a row has its mark in every text but `kind` and `at`."""
OTHER_SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": "object"},
    {"properties": PROPERTIES, "additionalProperties": False},
    {"properties": {**PROPERTIES, "amount": {"type": "string"}}},
    {"properties": {**PROPERTIES, "added": {"type": ["null", "boolean"]}}, "required": ["added"]},
    {"properties": {name: {} for name in PROPERTIES}},
    {"properties": {name: PROPERTIES[name] for name in ("number", "mark", "at")}},
]
"""What may come for the same stream midway, and means something."""


def schema(stream: str, described: dict[str, Any]) -> dict[str, Any]:
    """Return a SCHEMA message."""
    return {"type": "SCHEMA", "stream": stream, "schema": copy.deepcopy(described), "key_properties": ["number"]}


def row(stream: str, number: int) -> dict[str, Any]:
    """Return a RECORD message."""
    mark = f"{MARK}{number:03d}"
    record = {
        "number": number,
        "mark": mark,
        "email": f"{mark}@example.com",
        "note": f"{mark} likes it",
        "kind": ("order_paid", "open", "other")[number % 3],
        "amount": number * 1.5,
        "at": f"2026-11-01T10:00:{number:02d}Z",
        "deep": {"a": mark, "b": [mark, number, None]},
    }
    return {"type": "RECORD", "stream": stream, "record": record, "time_extracted": "2026-11-01T10:00:00Z"}


def messages() -> list[dict[str, Any]]:
    """Return what the tap says unbent: two streams, nine rows, a STATE after every third."""
    said = [schema(stream, {"type": "object", "properties": PROPERTIES}) for stream in ("orders", "logins")]
    for number in range(9):
        said.append(row("logins" if number % 4 == 3 else "orders", number))
        if number % 3 == 2:
            said.append({"type": "STATE", "value": {"upto": number}})
    return said


# -- what bends a stream -------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    """Return lists in objects, so deep."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 1e308, -1e-320, float("nan"), float("inf"),
    "", " ", "\n", "0", "null", "NaN", "x" * 3_000, "é" * 41, "\x00", "\u200b", "\ufeff",
    "\u202e", "\ud83d", "\ude00",
    "i\u0307", "ß", "\U0001f600", "{{ mark }}", "{% for %}", "%s", "'; DROP TABLE x; --", "<script>", "\\", '"', "[]",
    "9999-12-31T23:59:59Z", "0000-00-00", "2026-13-45", "-1", "1e999", "+49 30 1234", "a@b", "@",
    "a@example.com,b@example.com",
    [], {}, [None], {"": None}, [[]], [{}], ["x"] * 60, {str(number): number for number in range(70)},
    {"a b": 1, "é": 2},
    nested(50), nested(99), nested(120), nested(400),
]  # fmt: skip
ODD_SCHEMAS: list[Any] = [
    None, True, False, 1, "object", [], {}, {"type": "nonsense"}, {"type": []}, {"type": {}}, {"type": None},
    {"$ref": "#/nowhere"}, {"$ref": "#"}, {"$ref": "https://example.invalid/x"}, {"$ref": 1}, {"pattern": "("},
    {"pattern": "(a+)+$"}, {"enum": []}, {"enum": None}, {"minimum": "x"}, {"minimum": float("nan")},
    {"multipleOf": 0},
    {"properties": []}, {"properties": {"number": None}}, {"properties": {"": {}}}, {"anyOf": []}, {"anyOf": [{}, 1]},
    {"allOf": [{"$ref": "#"}]}, {"items": "x"}, {"required": "x"}, {"required": [1]}, {"additionalProperties": 3},
    {"format": "date-time"}, {"const": {}}, {"not": {}}, {"patternProperties": {"[": {}}}, {"maxLength": -1},
    {"propertyNames": {"pattern": "^x"}}, {"dependencies": {"a": 1}}, {"definitions": {}, "if": 1}, nested(200),
    {"type": "object", "properties": {"number": {"type": "string"}, "deep": {"type": "array", "items": {}}}},
]  # fmt: skip
ODD_KEYS = [
    "",
    "dead_letter",
    "version",
    "schema",
    "record",
    "value",
    "stream",
    "key_properties",
    "é",
    "a.b",
    "\x00",
    "self",
]
ODD_STATES: list[Any] = [
    None, 0, "", [], {}, {"bookmarks": None}, {"bookmarks": []}, {"bookmarks": {"orders": 1}},
    {"bookmarks": {"orders": {"at": 1}, "logins": None, "other": []}, "currently_syncing": "orders"},
    nested(150), "x" * 2_000,
]  # fmt: skip
ODD_LETTERS: list[Any] = [
    None, 1, "x", [], {}, {"rules": 1}, {"rules": [1, None, "event"], "stream": 2},
    {"stream": "orders", "reason": "held"},
    {"key": "x", "attempts": "many", "rules": ["gone"]},
]  # fmt: skip
ODD_LINES = [
    b"", b" ", b"\t", b"null", b"1", b'"x"', b"[]", b"{}", b"{", b"}", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00",
    b"[" * 3_000,
    b'{"a":' * 3_000, b'{"type":"RECORD"}', b'{"type":"SCHEMA"}', b'{"type":"STATE"}',
    b'{"type":"STATE","value":null}',
    b'{"type":"SCHEMA","stream":"orders","schema":{}}', b'{"type":null}', b'{"type":"record","stream":"orders"}',
    b'{"type":"ACTIVATE_VERSION","stream":"orders","version":1}', b'{"type":"BATCH","stream":"orders","manifest":[]}',
    b"INFO qzx7111@example.com was read", b'{"email":"qzx7112@example.com"}',
    b'{"type":"qzx7113@example.com","id":1}',
    b"id,email\n1,qzx7114@example.com", b"<html>qzx7115</html>", b"qzx7116: 1",
    b'{"type":"RECORD","stream":"orders","record":"qzx7117"}',
    b'{"type":"SCHEMA","stream":"orders","schema":{"properties":{}},"key_properties":"qzx7118"}',
    b'{"type":"RECORD","type":"STATE","value":{"upto":2}}',
    b'{"type":"RECORD","stream":"other","record":{"note":"qzx7119"}}',
]  # fmt: skip


def odd(values: list[Any], chance: random.Random) -> Any:
    """Return one of these, for a message to hold alone."""
    return copy.deepcopy(chance.choice(values))


Place = tuple[Any, Any]
"""Something that holds values, and where in it one stands."""


def places(value: Any) -> Iterator[Place]:
    """Yield every place of a JSON value, without going deep."""
    stack = [(value, 0)]
    while stack:
        holder, depth = stack.pop()
        keys = (
            list(holder) if isinstance(holder, dict) else list(range(len(holder))) if isinstance(holder, list) else []
        )
        for key in keys:
            yield holder, key
            if depth < 6:
                stack.append((holder[key], depth + 1))


def bend_message(said: list[Any], chance: random.Random) -> None:
    """Put something odd in one place of one message, take it away, or add to it."""
    message = chance.choice(said)
    if not isinstance(message, dict) or not message:
        return
    holder, key = chance.choice(list(places(message)))
    act = chance.randrange(6)
    if act == 0:
        del holder[key]
    elif act == 1 and isinstance(holder, dict):
        holder[chance.choice(ODD_KEYS)] = odd(ODD, chance)
    elif act == 2 and message.get("type") == "SCHEMA":
        holder[key] = odd(ODD_SCHEMAS, chance)
    elif act == 3 and message.get("type") == "STATE":
        message["value"] = odd(ODD_STATES, chance)
    elif act == 4 and message.get("type") == "RECORD":
        message["dead_letter"] = odd(ODD_LETTERS, chance)
    else:
        holder[key] = odd(ODD, chance)


def bend_record(said: list[Any], chance: random.Random) -> None:
    """Put something odd into one field of a record."""
    records = [one["record"] for one in said if isinstance(one, dict) and isinstance(one.get("record"), dict)]
    if records:
        chance.choice(records)[chance.choice(list(PROPERTIES))] = odd(ODD, chance)


def change_schema(said: list[Any], chance: random.Random) -> None:
    """Have another SCHEMA of a stream come midway."""
    said.insert(
        chance.randrange(len(said) + 1), schema(chance.choice(["orders", "logins"]), odd(OTHER_SCHEMAS, chance))
    )


def bend_lines(lines: list[bytes], chance: random.Random) -> None:
    """Cut, double, move, flip or add what stands on a line."""
    place = chance.randrange(len(lines) + 1)
    act = chance.randrange(9)
    if act == 0 or place == len(lines):
        lines.insert(place, chance.choice(ODD_LINES))
        return
    line, at = lines[place], chance.randrange(len(lines[place]) + 1)
    if act == 1:
        lines[place] = line[:at]
    elif act == 2:
        lines.insert(chance.randrange(len(lines) + 1), line)
    elif act == 3:
        lines.insert(chance.randrange(len(lines)), lines.pop(place))
    elif act == 4:
        lines[place] = line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
    elif act == 5:
        del lines[place]
    elif act == 6:
        lines[place] = line[:at] + b"\n" + line[at:]
    elif act == 7:
        lines[place] = line[:at] + line[at + chance.randrange(12) :]
    else:
        lines[place] = line + chance.choice([b" ", b"\r", b"\x00", b",", b"x", line])


OF_MESSAGES: list[Callable[[list[Any], random.Random], None]] = [bend_message, bend_record, change_schema]
MUTATIONS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**32)), max_size=5)


def bent(mutations: list[tuple[int, int]]) -> list[bytes]:
    """Return the lines of the stream, bent so; the ways that bend messages come first."""
    said: list[Any] = messages()
    for way, seed in mutations:
        if way < len(OF_MESSAGES) and said:
            OF_MESSAGES[way](said, random.Random(seed))  # noqa: S311 - chance, no secret
    lines = [json.dumps(one).encode() for one in said]
    for way, seed in mutations:
        if way >= len(OF_MESSAGES) and lines:
            bend_lines(lines, random.Random(seed))  # noqa: S311 - as above
    return lines


# -- a run, and what it says ---------------------------------------------------------------------------------------


class Heard(logging.Handler):
    """Keeps all that is logged, at every level."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        if not record.name.startswith(("asyncio", "hypothesis")):
            self.lines.append(self.format(record))


def give_up(_: int, __: FrameType | None) -> None:
    """End a run that hangs."""
    raise TimeoutError


@contextlib.contextmanager
def listening() -> Iterator[list[str]]:
    """Give all that is logged or written to standard error meanwhile; what takes too long is a hang."""
    heard, error, root = Heard(), io.StringIO(), logging.getLogger()
    level, former = root.level, signal.signal(signal.SIGALRM, give_up)
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
    try:
        with contextlib.redirect_stderr(error):
            yield heard.lines
        heard.lines.append(error.getvalue())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        root.removeHandler(heard)
        root.setLevel(level)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder, in memory where there is one."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as path:
        yield Path(path)


def run(config: dict[str, Any], lines: list[bytes], on_state: Callable[[Any], None] = lambda _: None) -> support.Ended:
    """Run the target in this process, as `support.run_here`, and close the pipe that else its process's end closes."""
    output = support.Watched(on_state)
    with contextlib.redirect_stdout(output):
        target = TargetZendeskEvents(config=config)
        target.listen(io.BytesIO(b"\n".join(lines) + b"\n"))  # type: ignore[arg-type]
    if not target.run.report.totals()["undelivered"] or config.get("dry_run"):  # else a thread may still ring
        signal.set_wakeup_fd(-1)
        for end in (target.message_reader.alarm.reading_end, target.message_reader.alarm._writing_end):  # noqa: SLF001 - ours to close
            os.close(end)
    return support.ended(target.exit_code, output.getvalue(), Path(config["data_dir"]))


def check_words(said: list[str], given_lines: list[bytes], *others: str) -> None:
    """Nothing of a record was said, and no traceback; a name that mutations made of a value is a name."""
    shown = "\n".join([*said, *others])
    assert "Traceback" not in shown
    if not re.search(rb'qzx7[^"]*"\s*:|"stream"\s*:\s*"[^"]*qzx7', b"\n".join(given_lines)):
        assert MARK not in shown, shown[max(0, shown.find(MARK) - 300) :][:600]


def check_numbers(report: dict[str, Any]) -> None:
    """The numbers add up, for the run, each stream, each rule and each kind."""
    totals = report["totals"]
    streams = list(report["streams"].values())
    rules = [one for stream in streams for one in stream["rules"].values()]
    outcomes = ("delivered", "duplicate", "forgotten", "unknown_customer", "rejected", "held", "undelivered")
    for counts in (totals, *streams):
        assert counts["records"] == sum(counts[name] for name in ("invalid", "unmatched", "skipped", "matched"))
    for counts in (totals, *rules):
        assert counts["matches"] == sum(counts[name] for name in ("filtered", "too_old", "unmappable", "events"))
        assert counts["events"] == sum(counts[name] for name in outcomes)
        for name in ("events", *outcomes):
            assert counts[name] == sum(kind.get(name, 0) for kind in counts["kinds"].values())
