"""Rules in a YAML file, and the lines of their faults."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.settings import Settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)

MAPPING = """\
# what the shop does
source: shop
rules:
- stream: orders
  event:
    type: "order_{{ status }}"
    properties: {total: "{{ total }}"}

- stream: refunds
  event: {type: refunded}
"""
LIST = MAPPING[MAPPING.index("- stream") :]


def read(folder: Path, text: str | bytes, **config: Any) -> Settings:
    """Read a configuration whose rules are in a file, named from Meltano's project."""
    (folder / "rules.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    config = {"subdomain": "acme", "access_token": "example-secret", "rules_file": "rules.yml", **config}
    return read_settings(config, {"MELTANO_PROJECT_ROOT": str(folder)}, now=NOW)


def faults_of(folder: Path, text: str | bytes, **config: Any) -> list[str]:
    """Return the faults of such a configuration, without the file's name, and their codes."""
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text, **config)
    name = f"rules_file {folder / 'rules.yml'}"
    return [without_code(fault).replace(name, "FILE") for fault in caught.value.faults]


def test_a_mapping_holds_rules_and_source(tmp_path: Path) -> None:
    """A rules file may be a mapping with `rules` and `source`; the lines of each rule are kept."""
    found = read(tmp_path, MAPPING)
    assert found.rules == [
        {"stream": "orders", "event": {"type": "order_{{ status }}", "properties": {"total": "{{ total }}"}}},
        {"stream": "refunds", "event": {"type": "refunded"}},
    ]
    assert found.rules_lines == [
        {"": 4, "stream": 4, "event": 5, "event.type": 6, "event.properties": 7, "event.properties.total": 7},
        {"": 9, "stream": 9, "event": 10, "event.type": 10},
    ]
    assert (found.source, found.rules_path) == ("shop", tmp_path / "rules.yml")


def test_a_list_holds_rules(tmp_path: Path) -> None:
    """A rules file may be a list of rules; a byte-order mark at its start does no harm."""
    found = read(tmp_path, b"\xef\xbb\xbf" + LIST.encode(), source="shop")
    assert (len(found.rules), found.source) == (2, "shop")
    assert [places[""] for places in found.rules_lines or ()] == [1, 6]


def test_the_same_source_twice_is_no_contradiction(tmp_path: Path) -> None:
    """`source` may stand in the file and in the settings if both say the same."""
    assert read(tmp_path, MAPPING, source="shop").source == "shop"
    assert faults_of(tmp_path, MAPPING, source="store") == [
        "source is 'store', but 'shop' in rules_file; accepted: one of them",
    ]


def test_rules_and_rules_file_are_a_contradiction(tmp_path: Path) -> None:
    """Rules come from the configuration or from a file, not from both."""
    assert faults_of(tmp_path, LIST, rules=[{"stream": "orders"}]) == [
        "rules and rules_file are both given; accepted: one of them",
    ]
    assert len(read(tmp_path, LIST, rules=[]).rules) == 2


@pytest.mark.parametrize(
    ("text", "line", "mended"),
    [
        ("- event:\n    total: {{ total }}\n", 2, ': total: "{{ total }}"'),
        ("- event:\n    total: {{ total }} EUR\n", 2, ': total: "{{ total }} EUR"'),
        ("- total: {{ total }}  # a sum\n", 1, ': - total: "{{ total }}"'),
        ("- ids:\n  - {{ id }}\n", 2, ': - "{{ id }}"'),
        ("- a: {{ record['a-b'] }}\n", 1, """: a: "{{ record['a-b'] }}\""""),
        ('- a: {{ b | default("x") }}\n', 1, """: - a: '{{ b | default("x") }}'"""),
        ("- a: {{ b[0] }}\n", 1, ': - a: "{{ b[0] }}"'),
        ("- a: {{ b\n- c: d\n", 1, ': - a: "{{ b"'),
        ("- a: {% if b %}c{% endif %}\n", 1, ': - a: "{% if b %}c{% endif %}"'),
        ("- profile: {email: {{ email }}}\n", 1, ', as in total: "{{ total }}"'),
    ],
)
def test_braces_without_quotes_are_named_with_their_line(tmp_path: Path, text: str, line: int, mended: str) -> None:
    """YAML reads unquoted braces as a mapping: the fault says so, with the line and how to write it."""
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(f"FILE, line {line}: {{{{ }}}} without quotes, which YAML reads as a mapping")
    assert fault.endswith(mended.removeprefix(": ") if mended.startswith(": ") else mended)


def test_all_braces_without_quotes_are_named(tmp_path: Path) -> None:
    """Where YAML itself can go on, every such line is named at once."""
    faults = faults_of(tmp_path, "- a: {{ b }}\n  c:\n    d: {{ e }}\n")
    assert [fault.partition(":")[0] for fault in faults] == ["FILE, line 1", "FILE, line 3"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- a: 1\n  b: 2\n  a: 3\n", "FILE, line 3: the key 'a' stands twice, first in line 1: keep one"),
        (
            "- stream: orders\n\tevent: x\n",
            "FILE, line 2: is no YAML: found character '\\t' that cannot start any token",
        ),
        ("- a: 'b\n", "FILE, line 2: is no YAML: found unexpected end of stream"),
        ("- a: !env B\n", "FILE, line 1: the tag !env is not for rules: leave it away"),
        ("- a: !!binary B\n", "FILE, line 1: the tag !!binary is not for rules: leave it away"),
        ("- a: !!int B\n", "FILE, line 1: a number that JSON does not have"),
        ("- a: !!float .inf\n", "FILE, line 1: a number that JSON does not have"),
        ("- a: 1e999\n", "FILE, line 1: a number that JSON does not have"),
        ("- &a {b: *a}\n", "FILE, line 1: an alias holds itself"),
        ("- a: *b\n", "FILE, line 1: is no YAML: found undefined alias 'b'"),
        ("- a\n---\n- b\n", "FILE, line 2: is no YAML: but found another document"),
        ("", "FILE, line 1: holds no rules; accepted: a list of rules, or a mapping with rules and source"),
        (
            "source: shop\n",
            "FILE, line 1: holds no rules; accepted: a list of rules, or a mapping with rules and source",
        ),
        (
            "source: shop\nrules:\n  stream: a\n",
            "FILE, line 3: holds no rules; accepted: a list of rules, or a mapping with rules and source",
        ),
        ("rules: [{}]\nxbase: a\n", "FILE, line 2: 'xbase' is no key of a rules file"),
        ("rules: [{}]\n\nsourc: a\n", "FILE, line 3: 'sourc' is no key of a rules file; did you mean source?"),
        ("rules: [{}]\nsource: 3\n", "FILE, line 2: source is no text; accepted: text"),
        ("- {}\n- orders\n", "FILE, line 2: a rule is a mapping, with its stream and what it sends"),
        (b"- \xff\n", "FILE is no UTF-8 text"),
        ("[" * 20_000, "FILE is nested too deeply"),
    ],
)
def test_a_fault_in_the_file_has_its_line(tmp_path: Path, text: str | bytes, fault: str) -> None:
    """Whatever is wrong with the file is told with the line it is in."""
    assert faults_of(tmp_path, text) == [fault]


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """A file that cannot be read is a fault that names its absolute path."""
    assert faults_of(tmp_path, LIST, rules_file="other.yml") == [
        f"rules_file is {tmp_path}/other.yml, where no file is"
    ]
    assert faults_of(tmp_path, LIST, rules_file=".") == [f"rules_file {tmp_path} cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("0123", "0123"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("+4915", "+4915"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        (".5", ".5"),
        (".nan", ".nan"),
        ("=", "="),
        ('"12"', "12"),
        ("12", 12),
        ("-3", -3),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_constants_are_read_as_json_has_them(tmp_path: Path, text: str, value: object) -> None:
    """No literal is guessed: what JSON does not know as a number, a boolean or null is text."""
    found = read(tmp_path, f"- a: {text}\n").rules[0]["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text(tmp_path: Path) -> None:
    """A key is text as it is written, be it a number, a date or a boolean."""
    assert read(tmp_path, "- {1: a, 2026-01-31: b, true: c, no: d}\n").rules == [
        {"1": "a", "2026-01-31": "b", "true": "c", "no": "d"},
    ]


def test_keys_that_begin_with_x_are_free(tmp_path: Path) -> None:
    """At the top of a rules file they mean nothing, so that anchors have a place; in a rule they are read as ever."""
    text = "x-base: &base {stream: orders}\nx-none:\nrules:\n- {<<: *base, when: paid}\n- *base\n"
    assert read(tmp_path, text).rules == [{"stream": "orders", "when": "paid"}, {"stream": "orders"}]


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    """Anchors spare repetition: an alias repeats a value, a merge takes over keys that may be overridden."""
    text = (
        "- &one {stream: a, event: {type: x}}\n- {<<: *one, stream: b}\n- {<<: *one}\n- *one\n"
        "- &two {<<: *one, stream: c}\n- *two\n"
    )
    found = read(tmp_path, text)
    assert [rule["stream"] for rule in found.rules] == ["a", "b", "a", "a", "c", "c"]
    assert all(rule["event"] == {"type": "x"} for rule in found.rules)


def test_yaml_is_imported_only_for_a_rules_file() -> None:
    """Start-up does not pay for YAML, nor for the SDK, where there is no rules file."""
    code = "import sys, target_zendesk_events.settings; print('yaml' in sys.modules, 'singer_sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
