"""JSON that the fast reader refuses, and what is no JSON to anybody."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_zendesk_events import lenient

READ: list[tuple[bytes, Any]] = [
    (b"NaN", None),
    (b"[Infinity, -Infinity, NaN]", [None, None, None]),
    (b'{"a":{"b":[NaN]}}', {"a": {"b": [None]}}),
    (b'"\\ud83d"', "\ufffd"),
    (b'"a\\uD83D b\\ude00"', "a\ufffd b\ufffd"),
    (b'"\\ude00\\ud83d"', "\ufffd\ufffd"),
    (b'"\\ud83d\\ude00"', "😀"),
    (b'{"\\ud83d":1}', {"\ufffd": 1}),
    (b'"\xed\xa0\xbd"', "\ufffd"),
    (b'"\xed\xa0\xbd\xed\xb8\x80"', "😀"),
    (b'{"a":NaN,"a":1}', {"a": 1}),
    (b' \t\r\n{ "a" : [ ] , "b" : { } } \n', {"a": [], "b": {}}),
    (b"[-0, 0.5, 1e5, 1E+5, -1.5e-3, true, false, null]", [0, 0.5, 100000.0, 100000.0, -0.0015, True, False, None]),
    (b'\xef\xbb\xbf{"a":1}\r', {"a": 1}),
    (b'"\\u0000\\/\\"\\\\ \xc3\xa9"', '\0/"\\ é'),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_what_python_takes_for_json_is_read(text: bytes, value: Any) -> None:
    """NaN and the infinities are null, half a surrogate pair is U+FFFD; the rest is what it says."""
    assert lenient.read(text) == value


NUMBERS = [
    (b"1e400", "1e400"),
    (b"-1E+400", "-1E+400"),
    (b"1e%s" % (b"9" * 5_000), "1e" + "9" * 5_000),
    (b"9" * 5_000, "9" * 5_000),
    (b"-" + b"9" * 5_000, "-" + "9" * 5_000),
    (b"9" * 5_000 + b".000", "9" * 5_000),
]


@pytest.mark.parametrize(("text", "digits"), NUMBERS)
def test_a_number_of_any_size_is_read(text: bytes, digits: str) -> None:
    """What no double holds and Python turns into no whole number keeps its digits."""
    number = lenient.decode(b'{"a":[%s]}' % text)["a"][0]
    assert isinstance(number, float)
    assert str(number) == digits


@pytest.mark.parametrize(("opens", "closes"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
@pytest.mark.parametrize("end", [b"1", b"NaN", b"1e400"])
def test_a_text_may_be_a_hundred_deep(opens: bytes, closes: bytes, end: bytes) -> None:
    """One level more is too deep, for both readers alike; any depth at all is JSON."""
    each = len(opens.replace(b'"a":', b""))
    at_most = opens * (100 // each) + end + closes * (100 // each)
    assert lenient.decode(at_most) is not None
    for text in (b"[" + at_most + b"]", b'{"a":' + at_most + b"}", opens * 50_000 + end + closes * 50_000):
        with pytest.raises(lenient.TooDeepError):
            lenient.decode(text)


def test_a_wide_text_is_not_deep() -> None:
    """Many objects side by side are no depth, nor are brackets inside a text."""
    value: list[Any] = [{"a": [{}]}] * 200 + ["[" * 200]
    assert lenient.decode(json.dumps(value).encode()) == value


def test_what_is_too_deep_is_cut() -> None:
    """What stands above it is kept: an object at the edge is empty, and a list there holds no objects."""
    with pytest.raises(lenient.TooDeepError) as caught:
        lenient.decode(b'{"a":{"b":{"c":1}},"d":{"e":["f",{"g":1}]},"h":2,"i":[[[1]]]}', 2)
    assert caught.value.cut == {"a": {"b": {}}, "d": {"e": ["f", {}]}, "h": 2, "i": [[[]]]}


@pytest.mark.parametrize("text", [b"[" * 200 + b"nan" + b"]" * 200, b"[" * 200 + b"]" * 199, b"[" * 199 + b"]" * 200])
def test_what_is_deep_and_no_json_is_no_json(text: bytes) -> None:
    """Also what is too deep to be kept is read."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - as above
        lenient.decode(text)
    assert not isinstance(caught.value, lenient.TooDeepError)


NO_JSON = [
    b"", b" ", b"no json", b"{", b"}", b"[1", b"[1,]", b"[,1]", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{1:1}", b'{"a" 1}',
    b'{"a":1]', b"[1}", b"1 2", b"[1][2]", b"01", b"1.", b".5", b"+1", b"--1", b"1e", b"0x1", b"1_000", b"nan", b"-NaN",
    b"True", b"'a'", b'"a', b'"\t"', b'"\\x"', b'"\\u12"', b"\x0c1", b'"\xff"', b'"\xe9"', b":", b",", b"[1:2]",
    b'{"a",1}', b"\xef\xbb\xbf\xef\xbb\xbf1", b"1\xef\xbb\xbf", b'{"a":1:2}', b"[" * 100_000, "\u0661".encode(),
]  # fmt: skip


@pytest.mark.parametrize("text", NO_JSON)
def test_what_no_reader_takes_is_refused(text: bytes) -> None:
    """A text that is cut off or broken is no JSON, however lenient one is."""
    with pytest.raises(ValueError):  # noqa: PT011 - the error's kind is what is promised
        lenient.read(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=300, deadline=None)
@given(value=VALUES, indent=st.sampled_from([None, 2]), is_ascii=st.booleans())
def test_it_reads_as_python_does(value: Any, indent: int | None, is_ascii: bool) -> None:
    """What Python writes comes back, in whatever layout."""
    assert lenient.read(json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode()) == value


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet='{}[],:"\\ 01.e-NaIu', max_size=12))
def test_it_refuses_what_python_refuses(text: str) -> None:
    """A text is JSON here exactly where Python says so."""

    def is_json(reads: Any) -> bool:
        try:
            reads(text.encode())
        except ValueError:
            return False
        return True

    assert is_json(lenient.read) == is_json(json.loads)


MEMBERS = [
    (b'{"type":"STATE","value":{"at":1.50}}', b'{"at":1.50}'),
    (b'{"type":"STATE","value":{"at": NaN , "x":"\\ud83d"} }', b'{"at": NaN , "x":"\\ud83d"}'),
    (b'{"value" :\t"\\ud83d" ,"x":[{"value":1}]}', b'"\\ud83d"'),
    (b'{"value":1,"value":NaN}', b"NaN"),
    (b'{"value":[{"value":NaN}],"b":1}', b'[{"value":NaN}]'),
    (b'{"value":"\xed\xa0\xbd\xc3\xa9"}', b'"\xed\xa0\xbd\xc3\xa9"'),
]


@pytest.mark.parametrize(("line", "value"), MEMBERS)
def test_a_member_is_the_bytes_that_were_written(line: bytes, value: bytes) -> None:
    """Of members of one name the last counts, as in every reader here."""
    assert bytes(lenient.members(line)["value"]) == value


@pytest.mark.parametrize("text", [b"[NaN]", b"NaN", b"no json", b"[1]"])
def test_what_is_no_object_has_no_members(text: bytes) -> None:
    """A list, a number and what is no JSON are refused alike."""
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        lenient.members(text)
