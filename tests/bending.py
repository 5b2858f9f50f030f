"""A tap's stream, and ways to bend it: its messages, its lines, and the files of its BATCH."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

MARK = "qzx7"
"""Begins every value of a record; nothing else holds it."""
FOLDER = "/qz-folder"
"""Stands for the folder of a BATCH's files until they are written."""
IN_FILES = {"rows.jsonl": (6,), "rows.jsonl.gz": (7, 8)}
"""The rows that come in files, by their names."""

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
    return {"type": "SCHEMA", "stream": stream, "schema": described, "key_properties": ["number"]}


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
    """Return what the tap says unbent: two streams, nine rows, three of them in files, a STATE after every third."""
    said = [schema(stream, {"type": "object", "properties": PROPERTIES}) for stream in ("orders", "logins")]
    for number in range(6):
        said.append(row("logins" if number % 4 == 3 else "orders", number))
        if number % 3 == 2:
            said.append({"type": "STATE", "value": {"upto": number}})
    manifest = [f"file://{FOLDER}/{name}" for name in IN_FILES]
    encoding = {"format": "jsonl", "compression": "none"}  # gzip is seen for what it is
    said.append({"type": "BATCH", "stream": "orders", "encoding": encoding, "manifest": manifest})
    return [*said, {"type": "STATE", "value": {"upto": 8}}]


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


def bend_file(packed: dict[str, bytes], chance: random.Random) -> None:
    """Cut or flip what was packed, or take the file away: gzip's checksum tells. What is plain tells nothing."""
    name = "rows.jsonl.gz"
    content = packed[name]
    at = chance.randrange(len(content))
    act = chance.randrange(4)
    if act == 0:
        packed[name] = content[:at]
    elif act == 1:
        packed[name] = content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
    elif act == 2:
        packed[name] = content + chance.choice([b"\0", b"x" * 9, content])
    else:
        del packed[name]


@dataclasses.dataclass
class Bent:
    """What a tap wrote: lines, the rows of its files, and those files as they lie there."""

    lines: list[bytes]
    rows: dict[str, list[bytes]]
    files: dict[str, bytes]

    def written(self, folder: Path) -> bytes:
        """Write the files; return what the tap says."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return b"\n".join(self.lines).replace(FOLDER.encode(), bytes(folder)) + b"\n"

    @property
    def whole(self) -> bytes:
        """Return all that a customer's values may stand in."""
        return b"\n".join([*self.lines, *(row for rows in self.rows.values() for row in rows)])


PLAIN = json.dumps(messages())
OF_MESSAGES: list[Callable[[list[Any], random.Random], None]] = [bend_message, bend_record, change_schema]
WAYS = 7
MUTATIONS = st.lists(st.tuples(st.integers(0, WAYS - 1), st.integers(0, 2**32)), max_size=5)


def bent(mutations: list[tuple[int, int]]) -> Bent:
    """Return the stream, bent so; the ways that bend messages come first, then lines, rows in files, and files."""
    said: list[Any] = json.loads(PLAIN)
    chances = [
        (way, random.Random(f"{place} {seed}"))  # noqa: S311 - chance, no secret; the same seed may be drawn twice
        for place, (way, seed) in enumerate(mutations)
    ]
    for way, chance in chances:
        if way < len(OF_MESSAGES) and said:
            OF_MESSAGES[way](said, chance)
    lines = [json.dumps(one).encode() for one in said]
    rows = {
        name: [json.dumps(row("orders", one)["record"]).encode() for one in here] for name, here in IN_FILES.items()
    }
    for way, chance in chances:
        if way in {3, 4} and lines:
            bend_lines(lines, chance)
        elif way == 5:
            bend_lines(rows[chance.choice(list(rows))], chance)
    files = {name: b"\n".join(one) for name, one in rows.items()}
    files["rows.jsonl.gz"] = gzip.compress(files["rows.jsonl.gz"], 1)
    for way, chance in chances:
        if way == 6 and "rows.jsonl.gz" in files:
            bend_file(files, chance)
    return Bent(lines, rows, files)


WHOLE = {
    json.dumps(one).encode()
    for one in (*messages(), *(schema(name, one) for name in ("orders", "logins") for one in OTHER_SCHEMAS))
}
WHOLE_ROWS = {json.dumps(row("orders", one)["record"]).encode() for here in IN_FILES.values() for one in here}


def owed_marks(tap: Bent, upto: int) -> set[str]:
    """Return the marks of rows that stand, unbent, before a STATE; none where a SCHEMA means nothing known."""
    state = json.dumps({"type": "STATE", "value": {"upto": upto}}).encode()
    before = tap.lines[: tap.lines.index(state)] if state in tap.lines else []
    if any(b"SCHEMA" in line and line not in WHOLE for line in before):
        return set()
    whole = [json.loads(line)["record"] for line in before if line in WHOLE and b'"RECORD"' in line]
    if any(line in WHOLE and b'"BATCH"' in line for line in before):
        whole += [json.loads(one) for here in tap.rows.values() for one in here if one in WHOLE_ROWS]
    return {one["mark"] for one in whole}
