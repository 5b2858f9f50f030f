"""JSON beyond what the fast reader takes: Python's own additions to it, and the standard's own extremes. Pure."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from target_zendesk_events.digits import Digits

MAX_DEPTH: Final = 100
"""Levels of objects and lists in a record: what comes after the reader walks them with a stack that ends."""
MAX_INTEGER_DIGITS: Final = 4_300
"""Python turns no more into a number, or back (docs.python.org, "Integer string conversion length limitation")."""
MAX_KEPT_LENGTH: Final = 16
"""Characters of a number with a point in it: a double keeps any fifteen digits."""
MAX_FLOATS: Final = 10_000
"""So many are remembered."""
_TOKEN: Final = re.compile(r'[ \t\n\r]*([\[\]{},:"]|[^\[\]{},:" \t\n\r]+|$)')
_NUMBER: Final = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_STRINGS: Final = json.JSONDecoder()
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_WORDS: Final = {"true": True, "false": False, "null": None, "NaN": None, "Infinity": None, "-Infinity": None}

_Value = dict[str, Any] | list[Any] | str | float | None


class TooDeepError(ValueError):
    """The text is JSON, and nested deeper than is wanted."""

    def __init__(self, cut: Any) -> None:  # noqa: ANN401 - any JSON value
        """Take what was read, emptied where it is too deep."""
        super().__init__()
        self.cut = cut


def decode(text: bytes, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text, read fast where that can be, else as `read` does.

    A number with a fraction or an exponent is a float if a double keeps its digits, else `Digits`, itself a float.
    Raises TooDeepError where objects and lists stand more than `max_depth` deep, and ValueError for what is no JSON.
    """
    try:
        value = _FAST.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return read(text, max_depth)
    if len(text) <= 2 * max_depth or text.count(b"{") + text.count(b"[") <= max_depth:
        return value
    return read(text, max_depth) if _is_deeper(value, max_depth) else value


def _is_deeper(value: Any, max_depth: int) -> bool:  # noqa: ANN401 - any JSON value
    level = [value]
    for _ in range(max_depth + 1):
        level = [one for one in level if type(one) is dict or type(one) is list]
        if not level:
            return False
        level = [item for one in level for item in (one.values() if type(one) is dict else one)]
    return True


def read(text: bytes, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text: NaN and the infinities as null, half a surrogate pair as U+FFFD.

    Python's `json` writes and reads both (docs.python.org, "json", Standard Compliance); of members of one name the
    last counts. A byte order mark is passed over: files that were put together have them inside. Numbers of any
    size are read. Raises as `decode` does, ValueError for what is no JSON to Python either.
    """
    parser = _Parser(text, max_depth)
    if parser.is_too_deep:
        raise TooDeepError(parser.value)
    return parser.value


def outline(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text, emptied where it is too deep. Raises ValueError."""
    return _Parser(text, MAX_DEPTH).value


def members(text: bytes) -> dict[str, msgspec.Raw]:
    """Return the members of an object, each value as the bytes that were written. Raises ValueError for no object."""
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        parser = _Parser(text, MAX_DEPTH)
    if not isinstance(parser.value, dict):
        raise ValueError  # noqa: TRY004 - a text that is no object, as one that is no JSON
    return parser.members


def record_text(message: bytes) -> bytes:
    """Return the record of a RECORD as it was written, read fast where that can be. Raises ValueError, KeyError."""
    try:
        return bytes(_RECORD.decode(message).record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return bytes(members(message)["record"])


class _Parser:
    """Reads one text, token by token, with a stack of its own: Python's would end before the text does."""

    def __init__(self, text: bytes, max_depth: int) -> None:
        """Read all of the text, and keep what is no deeper than `max_depth`. Raises ValueError."""
        self._max_depth = max_depth
        self.is_too_deep = False
        self._text = text.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogatepass")
        self._open: list[dict[str, Any] | list[Any]] = [[]]
        self._keys: list[str] = []
        self._began = self._ended = 0
        self._member_began = 0
        self._expects = "value"
        self.members: dict[str, msgspec.Raw] = {}
        """What the outermost object holds, as it was written."""
        acts: dict[str, Callable[[str], None]] = {
            "{": self._begin, "[": self._begin, "}": self._end, "]": self._end, ",": self._go_on, ":": self._pair,
            '"': self._quote,
        }  # fmt: skip
        while self._expects != "end":
            token = self._next()
            acts.get(token, self._word)(token)
        if self._next():
            raise ValueError
        self.value: _Value = self._open[0][0]  # type: ignore[index]  # the outermost is a list

    def _next(self) -> str:
        found = _TOKEN.match(self._text, self._ended)
        if found is None:
            raise ValueError
        self._began, self._ended = found.span(1)
        return found[1]

    def _must_expect(self, *expected: str) -> None:
        if self._expects not in expected:
            raise ValueError

    def _begin(self, mark: str) -> None:
        self._must_expect("value", "value or ]")
        self._note_member()
        self._open.append({} if mark == "{" else [])
        self.is_too_deep |= self._depth > self._max_depth
        self._expects = "key or }" if mark == "{" else "value or ]"

    def _end(self, mark: str) -> None:
        kind, empty = (dict, "key or }") if mark == "}" else (list, "value or ]")
        self._must_expect("rest", empty)
        if type(self._open[-1]) is not kind or len(self._open) == 1:
            raise ValueError
        depth, ended = self._depth, self._open.pop()
        self._put(ended if depth <= self._max_depth + (mark == "]") else type(ended)())

    @property
    def _depth(self) -> int:
        return len(self._open) - 1

    def _go_on(self, _: str) -> None:
        self._must_expect("rest")
        self._expects = "key" if type(self._open[-1]) is dict else "value"

    def _pair(self, _: str) -> None:
        self._must_expect("colon")
        self._expects = "value"

    def _quote(self, _: str) -> None:
        text, self._ended = _STRINGS.raw_decode(self._text, self._began)
        text = _whole(text)
        if self._expects in {"key", "key or }"}:
            self._keys.append(text)
            self._expects = "colon"
            return
        self._must_expect("value", "value or ]")
        self._note_member()
        self._put(text)

    def _word(self, word: str) -> None:
        self._must_expect("value", "value or ]")
        self._note_member()
        self._put(_WORDS[word] if word in _WORDS else _number(word))

    def _note_member(self) -> None:
        if len(self._open) == 2:  # noqa: PLR2004 - the outermost list, and the object whose members are kept
            self._member_began = self._began

    def _put(self, value: _Value) -> None:
        """Take in a value that has ended."""
        holder = self._open[-1]
        self._expects = "end" if len(self._open) == 1 else "rest"
        if isinstance(holder, list):
            holder.append(value)
            return
        key = self._keys.pop()
        holder[key] = value
        if len(self._open) == 2:  # noqa: PLR2004 - as above
            written = self._text[self._member_began : self._ended]
            self.members[key] = msgspec.Raw(written.encode("utf-8", "surrogatepass"))


def whole(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with U+FFFD in place of each half of a surrogate pair, which no request and no file holds."""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, Mapping):
        return {whole(key): whole(item) for key, item in value.items()}
    return [whole(one) for one in value] if isinstance(value, list) else value


def _whole(text: str) -> str:
    """Return a text with U+FFFD in place of each half of a surrogate pair; halves that meet are a pair."""
    if text.isascii() or not _HALF_PAIR.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(word: str) -> float:
    found = _NUMBER.fullmatch(word)
    if found is None:
        raise ValueError
    if found[2] is None and found[3] is None:
        return int(word) if len(word) <= MAX_INTEGER_DIGITS else Digits(word)
    return _float(word)


def _float(text: str) -> float:
    number = float(text)
    if len(text) <= MAX_KEPT_LENGTH and "e" not in text and "E" not in text:
        return number
    written = repr(number)
    if written == text:
        return number
    try:
        is_kept = Decimal(written) == Decimal(text)
    except InvalidOperation:  # an exponent that no Decimal has
        is_kept = False
    return number if is_kept else Digits(text)


class _Floats(dict[str, float]):
    """Numbers by their texts: in a tap's records the same amounts come again and again, and to look one up is cheap."""

    def __missing__(self, text: str) -> float:
        number = _float(text)
        if len(text) <= MAX_KEPT_LENGTH and len(self) < MAX_FLOATS:
            self[text] = number
        return number


class _Record(msgspec.Struct):
    """A RECORD message, as far as its record goes."""

    record: msgspec.Raw


_RECORD = msgspec.json.Decoder(_Record)
_FAST = msgspec.json.Decoder(float_hook=_Floats().__getitem__)
