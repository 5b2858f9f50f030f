"""What a tap may send and should not: each row of the table in docs/input.md, on the real command line."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "input.md"
RULE: dict[str, Any] = {
    "stream": "[oO]rders",
    "profile": {"identifiers": {"email": "{{ email }}"}},
    "event": {
        "type": "{{ kind }}",
        "created_at": "{{ at }}",
        "properties": {"number": "{{ id }}", "x": "{{ record.x }}"},
    },
}


def schema(of: Any = None, *, stream: str = "orders", **others: Any) -> bytes:
    """Return a SCHEMA line that says `of` of the column `x`."""
    columns = {**support.SCHEMA["properties"], **({} if of is None else {"x": of})}
    message = {**support.schema(stream), "schema": {**support.SCHEMA, "properties": columns, **others}}
    return json.dumps(message).encode() + b"\n"


def order(number: int, x: Any = None, *, to: str = "orders", **others: Any) -> bytes:
    """Return a RECORD line."""
    fields = others if x is None else {"x": x, **others}
    return json.dumps(support.record(to, number, **fields)).encode() + b"\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """What the tap sends between two that are plain, and what becomes of it.

    `sends` are the records of it whose events are on timelines, `sets_aside` those that are dead letters, `says` is in
    the log; with a `code` alone the run stops there.
    """

    given: bytes
    sends: tuple[int, ...] = ()
    sets_aside: tuple[tuple[int, str], ...] = ()
    code: str = ""
    says: str = ""


WIDE = {f"column_{number}": {"type": ["string", "null"]} for number in range(2_000)}
CASES: dict[str, Case] = {
    "a line that is no JSON": Case(b'{"type": "RECORD", "stream"; "orders"}\n', code="ZE401"),
    "a line that is cut off": Case(order(2)[:60] + b"\n", code="ZE401"),
    "bytes that are no UTF-8": Case(order(2, "y").replace(b'"y"', b'"\xff"'), code="ZE402"),
    "an array": Case(b"[1]\n", code="ZE402"),
    "a number, a text, `null`": Case(b"5\n", code="ZE401"),
    "an object without a `type`": Case(b'{"id": 2}\n', code="ZE402"),
    "a RECORD before the SCHEMA of its stream": Case(order(2, to="others"), code="ZE405"),
    "a RECORD without a stream or a record": Case(b'{"type": "RECORD", "stream": "orders"}\n', code="ZE403"),
    "a message of an unknown type": Case(b'{"type": "LOG"}\n' + order(2), (2,), says="of the unknown type LOG"),
    "blank lines, be they a million": Case(b"\n" * 1_000_000 + order(2), (2,), says="is blank"),
    "a line of 10 MB": Case(order(2, other="y" * 10_000_000), (2,)),
    "a record nested deeper than 100": Case(
        order(2, "y").replace(b'"y"', b'{"a":' * 101 + b"1" + b"}" * 101) + order(3), (3,), ((2, "ZE703"),)
    ),
    "a NUL in a text": Case(order(2, "a\0b"), (2,)),
    "a request of more than 1 MB": Case(order(2, "y" * 1_000_000), (), ((2, "ZE427"),)),
    "a STATE of 1 MB": Case(b'{"type": "STATE", "value": {"x": "%b"}}\n' % (b"y" * 1_000_000) + order(2), (2,)),
    "a SCHEMA that is none by JSON Schema": Case(schema({"type": "banana"}) + order(2), code="ZE404"),
    "a SCHEMA without properties": Case(b'{"type":"SCHEMA","stream":"orders","schema":{}}\n' + order(2), (2,)),
    "a `pattern` that takes exponential time": Case(
        schema({"pattern": "^(a+)+$"}) + order(2, "a" * 50 + "!") + order(3, "aa"), (3,), ((2, "ZE703"),)
    ),
    "two spellings of one stream": Case(
        schema({"type": "integer"}, stream="Orders") + order(2, "y", to="Orders") + order(3, "y"),
        (3,),
        ((2, "ZE701"),),
    ),
    "a SCHEMA before every record": Case(
        b"".join(schema() + order(number) for number in range(100, 400)), tuple(range(100, 400))
    ),
    "a SCHEMA that changes midway": Case(
        order(2, "y") + schema({"type": "integer"}) + order(3, "y") + order(4, 4), (2, 4), ((3, "ZE701"),)
    ),
    "`anyOf`": Case(
        schema({"anyOf": [{"type": "integer"}, {"type": "null"}]}) + order(2, 2) + order(3, "y"), (2,), ((3, "ZE701"),)
    ),
    "a `$ref` within the schema": Case(
        schema({"$ref": "#/definitions/n"}, definitions={"n": {"type": "integer"}}) + order(2, 2) + order(3, "y"),
        (2,),
        ((3, "ZE701"),),
    ),
    "a `$ref` elsewhere, or to nothing": Case(schema({"$ref": "https://example.com/n.json"}), code="ZE404"),
    "bounds of Draft 4, such as `exclusiveMaximum: true`": Case(
        schema({"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 100, "exclusiveMaximum": True})
        + b"".join(order(number, x) for number, x in ((2, 99.5), (3, 0), (4, 100), (5, 1), (6, 0.5))),
        (2, 5, 6),
        ((3, "ZE701"), (4, "ZE701")),
    ),
    "a null among a list's entries": Case(
        schema({"type": "array", "items": {"type": ["string"]}}) + order(2, ["a", None]),
        (2,),
    ),
    "a column `_sdc_*` that is not as the schema says": Case(
        schema(
            properties={**support.SCHEMA["properties"], "_sdc_deleted_at": {"type": "string"}}, required=["_sdc_lsn"]
        )
        + order(2, _sdc_deleted_at=None)
        + order(3, _sdc_deleted_at="2026-11-01"),
        (2, 3),
    ),
    "a `format` that does not hold": Case(schema({"type": "string", "format": "email"}) + order(2, "y"), (2,)),
    "a time that is none": Case(order(2, at="never"), (), ((2, "ZE711"),)),
    "2,000 columns": Case(
        schema(properties={**support.SCHEMA["properties"], **WIDE})
        + b"".join(order(number, **dict.fromkeys(WIDE, "y")) for number in range(100, 200)),
        tuple(range(100, 200)),
    ),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Came:
    """How a run ended, and what it left."""

    exit_code: int
    states: list[Any]
    sent: list[int]
    aside: list[tuple[int, str]]
    said: str


def run(case: Case) -> Came:
    """Run the target over a case between two plain records, each with a STATE after it."""
    with Playground() as playground, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = support.config(playground.url, folder, rules=[RULE])
        states = [support.lines([support.state({"upto": number})]) for number in (1, 9)]
        given = schema() + order(1) + states[0] + case.given + order(9) + states[1]
        ended, said = support.run_process(settings, given, folder)
        return Came(
            ended.exit_code,
            [value["upto"] for value in ended.states if "upto" in value],
            sorted(event.body["event"]["properties"]["number"] for event in playground.events()),
            [(one["record"]["id"], one["dead_letter"]["code"]) for one in ended.letters],
            said,
        )


@pytest.mark.parametrize("name", CASES)
def test_odd_input_does_what_the_table_says(name: str) -> None:
    """The run stops and what came before is delivered, or a record is set aside, or all goes on."""
    case = CASES[name]
    came = run(case)
    assert "Traceback" not in came.said
    assert case.says in came.said
    if case.code:
        assert (came.exit_code, came.states, came.sent, came.aside) == (1, [1], [1], [])
        assert "line 4 of the input (" in came.said
        assert f"[{case.code}]" in came.said
        return
    assert came.aside == list(case.sets_aside)
    assert came.sent == sorted((1, *case.sends, 9))
    assert (came.exit_code, came.states[-1]) == (0, 9)


def table() -> dict[str, str]:
    """Return the rows of the page's table."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Odd input\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)[2:])


def test_the_table_has_each_case_with_its_result() -> None:
    """In their order, and no other; codes and all."""
    rows = table()
    assert list(rows) == list(CASES)
    for name, result in rows.items():
        case = CASES[name]
        begins = (
            "the run stops" if case.code else "set aside" if case.sets_aside else ("sent", "passed over", "passed on")
        )
        assert result.startswith(begins), name
        codes = {case.code, *(code for _, code in case.sets_aside)} - {""}
        assert set(re.findall(r"\[(ZE\d{3})\]", result)) == codes, name
