"""Lines that some readers of JSON refuse: on the real command line, against a served playground."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forked
import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

REPLAY = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "replay"]
RULE: dict[str, Any] = {
    "stream": "orders",
    "profile": {"identifiers": {"email": "{{ email }}", "shop_customer_id": "{{ customer }}"}},
    "event": {
        "type": "order_paid",
        "created_at": "2026-11-01T10:00:00Z",
        "description": "for {{ x }}",
        "properties": {"n": "{{ n }}", "x": "{{ x }}"},
    },
}
SCHEMA = b'{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{"properties":{%s}}}'
FIELDS = b'"id":{},"email":{},"customer":{},"n":{},"x":{}'
END = b'{"type":"STATE","value":{"done":true}}'


def order(number: int, fields: bytes) -> bytes:
    """Return a RECORD line with some fields as they are written."""
    key = b'"id":%d,' % number if b'"id"' not in fields else b""
    return b'{"type":"RECORD","stream":"orders","record":{%s"email":"customer-%d@example.com",%s}}' % (
        key, number, fields,
    )  # fmt: skip


class Shop:
    """A playground, and the real command line fed with lines as they are."""

    def __init__(self, playground: Playground, folder: Path) -> None:
        """Send nothing yet."""
        self.playground = playground
        self.folder = folder
        self.said = ""

    def settings(self, **others: Any) -> dict[str, Any]:
        """Return the configuration."""
        return support.config(self.playground.url, self.folder, **{"rules": [RULE], **others})

    def feed(self, *lines: bytes, schema: bytes = SCHEMA % FIELDS, **settings: Any) -> support.Ended:
        """Run the target over a SCHEMA and these lines."""
        given = b"".join(line + b"\n" for line in (schema, *lines))
        ended, self.said = support.run_process(self.settings(**settings), given, self.folder)
        return ended

    def replay(self) -> subprocess.CompletedProcess[bytes]:
        """Run `zendesk-events replay`."""
        path = self.folder / "config.json"
        return forked.run(
            [*REPLAY, "--config", str(path)], capture_output=True, timeout=60, check=False, cwd=self.folder
        )

    @property
    def letters(self) -> list[Path]:
        """Return the files of dead letters."""
        return sorted(self.folder.glob("data/dead-letters/*.singer"))

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Return what was sent, in its order."""
        return [one.body for one in self.playground.events()]

    @property
    def properties(self) -> list[dict[str, Any]]:
        """Return the properties of what was sent, in the order of its customers."""
        bodies = sorted(self.bodies, key=lambda body: str(body["profile"]["identifiers"]))
        return [body["event"]["properties"] for body in bodies]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Playground() as playground:
        yield Shop(playground, tmp_path)


def test_no_number_is_null_and_half_a_character_is_a_broken_one(shop: Shop) -> None:
    """NaN and the infinities are nulls, wherever they stand; the records around them go as ever."""
    ended = shop.feed(
        order(1, b'"n":NaN,"x":[Infinity,{"a":-Infinity,"b":1}]'),
        order(2, b'"n":1,"x":"cut \\ud83d"'),
        order(3, b'"n":2,"x":"\\ud83d\\ude00"'),
        END,
    )
    assert (ended.exit_code, ended.states, ended.letters) == (0, [{"done": True}], [])
    assert shop.properties == [{"x": [None, {"b": 1}]}, {"n": 1, "x": "cut \ufffd"}, {"n": 2, "x": "😀"}]


def test_a_broken_character_makes_no_identifier(shop: Shop) -> None:
    """Two customers whose ids were cut in the same place must not become one; what is left out is counted."""
    ended = shop.feed(order(1, b'"customer":"a\\ud83d"'), order(2, b'"customer":"a\\ud83e"'), END)
    assert ended.exit_code == 0
    assert sorted(len(body["profile"]["identifiers"]) for body in shop.bodies) == [1, 1]
    assert "a broken character" in json.dumps(ended.report)


def test_a_key_that_is_no_number_is_null(shop: Shop) -> None:
    """Such rows are told apart by their time and customer, as with any null in a key; sent again, they are known."""
    lines = [order(1, b'"id":NaN'), order(2, b'"id":NaN'), order(3, b'"id":"\\ud83d"'), END]
    first, again = shop.feed(*lines), shop.feed(*lines)
    assert (first.exit_code, again.exit_code, len(shop.bodies)) == (0, 0, 3)
    assert again.report["streams"]["orders"]["rules"]["orders:order_paid"]["duplicate"] == 3


STATES = [b'{"at": NaN , "x": 1.50}', b'{"x":"\\ud83d"}', b'{"bookmarks":{"orders":{"at":[-Infinity]}},"b": 1}']


@pytest.mark.parametrize("is_per_stream", [False, True])
@pytest.mark.parametrize("value", STATES)
def test_a_state_is_passed_on_as_it_came(shop: Shop, value: bytes, is_per_stream: bool) -> None:
    """Whoever wrote it reads it again: not a byte of a bookmark is changed."""
    path = shop.folder / "config.json"
    path.write_text(json.dumps(shop.settings(state_per_stream=is_per_stream)))
    given = b"\n".join([SCHEMA % FIELDS, order(1, b'"n":1'), b'{"type":"STATE","value":%s}' % value, b""])
    done = forked.run(
        [*support.TARGET, "--config", str(path)], input=given, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0
    moved_alone = b'{"b":1,"bookmarks":{"orders":{"at":[-Infinity]}}}'
    assert done.stdout == (moved_alone if b"bookmarks" in value and is_per_stream else value) + b"\n"


def test_a_schema_may_hold_no_number(shop: Shop) -> None:
    """A bound that is no number binds nothing; what else the schema says holds."""
    fields = (
        b'"id":{},"email":{},"customer":{},"x":{},"n":{"type":"number","maximum":Infinity,"minimum":NaN,"default":NaN}'
    )
    ended = shop.feed(order(1, b'"n":7'), order(2, b'"n":"x"'), END, schema=SCHEMA % fields)
    assert (ended.exit_code, shop.properties) == (0, [{"n": 7}])
    assert [one["dead_letter"]["reason"] for one in ended.letters] == ["invalid"]


def test_such_a_record_is_replayed(shop: Shop) -> None:
    """Set aside as the tap wrote it, it goes like any other; an event it yields none of is set aside once."""
    shop.playground.set_faults(Fault(status=400, count=None))
    lines = [order(1, b'"n":NaN,"x":"\\ud83d"'), order(2, b'"n":NaN,"email":null'), END]
    ended = shop.feed(*lines)
    assert (len(ended.letters), shop.feed(*lines).letters) == (2, ended.letters)
    assert b'"n":NaN,"x":"\\ud83d"' in b"".join(path.read_bytes() for path in shop.letters)
    shop.playground.set_faults()
    done = shop.replay()
    assert (done.returncode, shop.properties) == (0, [{"x": "\ufffd"}])
    assert b"dead letters waiting now: 1\n" in done.stderr


def test_what_no_reader_takes_stops_the_run(shop: Shop) -> None:
    """What came before it is delivered."""
    ended = shop.feed(order(1, b'"n":1'), b'{"type":"RECORD","stream":"orders","record":{"n":NaN', END)
    assert (ended.exit_code, ended.states, shop.properties) == (1, [], [{"n": 1}])
    assert "is no JSON" in shop.said


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("has_blank", [False, True])
def test_a_mark_before_the_first_line_is_passed_over(shop: Shop, end: bytes, has_blank: bool) -> None:
    """Editors and PowerShell write a byte order mark; two such files that were put together have one inside."""
    given = end.join([b"" if has_blank else SCHEMA % FIELDS, SCHEMA % FIELDS, order(1, b'"n":1'), b""])
    (shop.folder / "input.singer").write_bytes(MARK + given + MARK + order(2, b'"n":2') + end + MARK + END)
    (shop.folder / "rules.yml").write_bytes(MARK + json.dumps([RULE]).encode())
    settings = {**shop.settings(rules_file="rules.yml"), "rules": None}
    (shop.folder / "config.json").write_bytes(MARK + json.dumps(settings, indent=1).encode().replace(b"\n", end))
    done = forked.run(
        [*support.TARGET, "--config", "config.json", "--input", "input.singer"],
        capture_output=True, timeout=60, check=False, cwd=shop.folder,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b'{"done":true}\n')
    assert shop.properties == [{"n": 1}, {"n": 2}]


def test_letters_that_were_edited_are_replayed(shop: Shop) -> None:
    """An editor's byte order mark and line ends are no fault of the letters; they are counted as ever."""
    shop.playground.set_faults(Fault(status=400, count=None))
    shop.feed(order(1, b'"n":1'), order(2, b'"n":2'))
    shop.playground.set_faults()
    (path,) = shop.letters
    schema, *records = path.read_bytes().splitlines()
    path.write_bytes(b"\r\n".join([MARK + schema, MARK + records[0], records[1], b""]))
    done = shop.replay()
    assert (done.returncode, shop.properties, shop.letters) == (0, [{"n": 1}, {"n": 2}], [])


def test_the_ledger_is_asked_with_a_marked_file(shop: Shop) -> None:
    """`zendesk-events ledger find` reads the same lines."""
    shop.feed(order(1, b'"n":1'))
    given = b"\r\n".join([MARK + SCHEMA % FIELDS, order(1, b'"n":1'), b""])
    done = forked.run(
        [*REPLAY[:-1], "ledger", "find", "--config", str(shop.folder / "config.json")],
        input=given, capture_output=True, timeout=60, check=False, cwd=shop.folder,
    )  # fmt: skip
    assert done.returncode == 0
    assert b": delivered" in done.stdout


LONG = "9" * 5_000


def test_a_number_of_any_size_goes_as_its_digits(shop: Shop) -> None:
    """Neither an exponent nor a length stops a run, nor a schema with bounds; sent again, the event is known."""
    bounds = b'"id":{"type":"integer"},"email":{},"customer":{"type":"integer"},"x":{},'
    bounds += b'"n":{"type":"number","minimum":1,"maximum":1e500,"exclusiveMinimum":-1e400}'
    lines = [
        order(1, b'"n":1e400,"x":[1E+400,-1e400]'),
        order(2, b'"n":%s,"x":{"a":-%s}' % (LONG.encode(), LONG.encode())),
        order(3, b'"n":%s,"customer":%s' % (b"9" * 400, LONG.encode())),
        order(4, b'"n":-1e400'),
        order(5, b'"n":5'),
        END,
    ]
    first, again = shop.feed(*lines, schema=SCHEMA % bounds), shop.feed(*lines, schema=SCHEMA % bounds)
    assert (first.exit_code, again.exit_code, first.states) == (0, 0, [{"done": True}])
    assert shop.properties == [
        {"n": "1e400", "x": ["1E+400", "-1e400"]},
        {"n": LONG, "x": {"a": f"-{LONG}"}},
        {"n": "9" * 400},
        {"n": 5},
    ]
    assert [one["dead_letter"]["reason"] for one in first.letters] == ["invalid"]
    assert again.report["streams"]["orders"]["rules"]["orders:order_paid"]["duplicate"] == 4
    (customer,) = [body for body in shop.bodies if body["event"]["properties"]["n"] == "9" * 400]
    assert {"type": "shop_customer_id", "value": LONG} in customer["profile"]["identifiers"]


MULTIPLES = [
    b'"multipleOf":1', b'"multipleOf":1.0', b'"multipleOf":0.01', b'"multipleOf":1e400',
    b'"minimum":%s' % LONG.encode(),
]  # fmt: skip


@pytest.mark.parametrize("bound", MULTIPLES)
def test_a_bound_that_cannot_be_checked_stops_nothing(shop: Shop, bound: bytes) -> None:
    """A number too large to be divided is set aside or sent; the run goes on."""
    fields = b'"id":{},"email":{},"customer":{},"x":{},"n":{"type":"number",%s}' % bound
    numbers = (b"1e400", b"1e99999999", LONG.encode(), b"9" * 400, b"1e-400")
    orders = [order(number, b'"n":' + text) for number, text in enumerate(numbers)]
    ended = shop.feed(*orders, order(5, b'"x":5'), END, schema=SCHEMA % fields)
    assert (ended.exit_code, ended.states) == (0, [{"done": True}])
    assert len(shop.bodies) + len(ended.letters) == 6


def test_a_number_of_any_size_tells_rows_apart(shop: Shop) -> None:
    """As a key property it is its digits: rows that differ only there are two, and sent again they are known."""
    lines = [order(1, b'"id":%s1' % LONG.encode()), order(1, b'"id":%s2' % LONG.encode()), order(1, b'"id":1e400')]
    first, again = shop.feed(*lines), shop.feed(*lines)
    assert (first.exit_code, again.exit_code, len(shop.bodies)) == (0, 0, 3)
    assert again.report["streams"]["orders"]["rules"]["orders:order_paid"]["duplicate"] == 3


def deep(depth: int, end: bytes = b"1") -> bytes:
    """Return a value of so many levels."""
    return b'{"a":' * depth + end + b"}" * depth


@pytest.mark.parametrize("depth", [100, 400, 1_000, 20_000])
@pytest.mark.parametrize("end", [b"1", b"NaN"])
def test_a_record_that_is_too_deep_is_set_aside(shop: Shop, depth: int, end: bytes) -> None:
    """Its line is kept as the tap wrote it; replayed, it waits on."""
    line = order(2, b'"x":' + deep(depth, end))
    ended, done = shop.feed(order(1, b'"x":' + deep(99)), line, order(3, b'"n":3'), END), shop.replay()
    assert (ended.exit_code, ended.states, len(shop.bodies)) == (0, [{"done": True}], 2)
    assert shop.properties[0] == {"x": json.loads(deep(99))}
    assert done.returncode == 0
    assert b"dead letters waiting now: 1\n" in done.stderr
    (path,) = shop.letters
    assert line[:-1] in path.read_bytes()
    assert b'"reason":"invalid"' in path.read_bytes()
    assert b"the record is nested deeper than 100" in path.read_bytes()


def test_a_deep_schema_and_a_deep_state_stop_nothing(shop: Shop) -> None:
    """A schema says nothing of what is too deep for a record; a STATE is passed on as it came."""
    nested = b'{"properties":{"a":' * 600 + b'{"type":["null"]}' + b"}}" * 600
    fields = FIELDS.replace(b'"n":{}', b'"n":{"type":"integer"}').replace(b'"x":{}', b'"x":' + nested)
    state = b'{"type":"STATE","value":%s}' % deep(2_000)
    lines = [SCHEMA % fields, order(1, b'"n":7,"x":' + deep(20)), order(2, b'"n":"7"'), state]
    path = shop.folder / "config.json"
    path.write_text(json.dumps(shop.settings()))
    given = b"".join(line + b"\n" for line in lines)
    done = forked.run(
        [*support.TARGET, "--config", str(path)], input=given, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, deep(2_000) + b"\n")
    assert [one["n"] for one in shop.properties] == [7]


def test_what_a_rule_yields_may_be_as_deep(shop: Shop) -> None:
    """JSON text of any depth and size makes a record unmappable at the most."""
    texts = [deep(100), deep(101), deep(30_000), b"1e400", LONG.encode()]
    lines = [order(number, b'"n":%s' % json.dumps(text.decode()).encode()) for number, text in enumerate(texts)]
    wrapped = {"a": "{{ n | fromjson }}", "b": "{{ {'c': n | fromjson} }}"}
    rules = [
        {**RULE, "name": name, "event": {**RULE["event"], "type": name, "properties": {name: wrapped[name]}}}
        for name in wrapped
    ]
    ended = shop.feed(*lines, END, rules=rules)
    assert (ended.exit_code, ended.states) == (0, [{"done": True}])
    sent = [one for one in shop.properties if "a" in one]
    assert sent == [{"a": json.loads(texts[0])}, {"a": "1e400"}, {"a": LONG}]
    assert [one for one in shop.properties if "b" in one] == [{"b": {"c": "1e400"}}, {"b": {"c": LONG}}]
    whys = {one["dead_letter"]["message"].partition(": ")[2] for one in ended.letters}
    assert whys == {
        "event.properties.a: `fromjson` is given a text that is nested deeper than 100",
        "event.properties.b: `fromjson` is given a text that is nested deeper than 100",
        "event.properties.b: is nested deeper than 100",
    }


DECIMALS = [
    (b"99999999999999999999.123456789", "99999999999999999999.123456789"),
    (b"-12345678901234567.89", "-12345678901234567.89"),
    (b"0.1234567890123456789", "0.1234567890123456789"),
    (b"12345678901234567890", "12345678901234567890"),
    (b"0.10", 0.1),
    (b"1234567890.12", 1234567890.12),
    (b"0.30000000000000004", 0.30000000000000004),
    (b"19.990000000000000000", 19.99),
    (b"100.000000000000000000000", 100),
    (b"1.5e3", 1500),
]


@pytest.mark.parametrize(("written", "sent"), DECIMALS)
def test_a_decimal_keeps_its_digits(shop: Shop, written: bytes, sent: object) -> None:
    """A number where a double keeps them, else text; in properties, descriptions and nested values alike."""
    event = {**RULE["event"], "description": "{{ n }} of {{ x.part[0] }}"}
    fields = b'"id":{},"email":{},"customer":{},"x":{},"n":{"type":"number","multipleOf":1e-30}'
    given = order(1, b'"n":%s,"x":{"part":[%s]}' % (written, written))
    ended = shop.feed(given, END, schema=SCHEMA % fields, rules=[{**RULE, "event": event}])
    assert (ended.exit_code, ended.letters) == (0, [])
    assert shop.properties == [{"n": sent, "x": {"part": [sent]}}]
    assert isinstance(shop.properties[0]["n"], str) is isinstance(sent, str)
    assert [body["event"]["description"] for body in shop.bodies] == [f"{sent} of {sent}"]


def test_decimals_tell_rows_and_customers_apart(shop: Shop) -> None:
    """Keys and identifiers hold all digits; a double would make one of two."""
    large = b"9007199254740993.%d"
    rows = [order(1, b'"id":' + large % 1), order(1, b'"id":' + large % 2)]
    whole = [order(3, b'"customer":12345678901234567890.0,"n":3'), order(4, b'"customer":9007199254740993.5,"n":4')]
    first, again = shop.feed(*rows, *whole), shop.feed(*rows, *whole)
    assert (first.exit_code, again.exit_code, len(shop.bodies)) == (0, 0, 4)
    assert again.report["streams"]["orders"]["rules"]["orders:order_paid"]["duplicate"] == 4
    sent = {
        body["event"]["properties"]["n"]: body["profile"]["identifiers"]
        for body in shop.bodies if "n" in body["event"]["properties"]
    }  # fmt: skip
    assert {"type": "shop_customer_id", "value": "12345678901234567890"} in sent[3]
    assert [one["type"] for one in sent[4]] == ["email"]


def test_a_decimal_is_a_number_to_the_rules(shop: Shop) -> None:
    """It is compared, computed with and dropped by `when` as any number."""
    rule = {**RULE, "when": "n > 10000000000000000"}
    lines = [order(1, b'"n":12345678901234567.89'), order(2, b'"n":0.12345678901234567890')]
    ended = shop.feed(*lines, END, rules=[rule])
    assert (ended.exit_code, shop.properties) == (0, [{"n": "12345678901234567.89"}])
