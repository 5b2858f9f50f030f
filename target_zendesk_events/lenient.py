"""JSON beyond what the fast reader takes: Python's own additions to it, and the standard's own extremes. Pure."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 100
_TOKEN: Final = re.compile(r'[ \t\n\r]*([\[\]{},:"]|[^\[\]{},:" \t\n\r]+|$)')
_NUMBER: Final = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_STRINGS: Final = json.JSONDecoder()
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_WORDS: Final = {"true": True, "false": False, "null": None, "NaN": None, "Infinity": None, "-Infinity": None}

_Value = dict[str, Any] | list[Any] | str | float | None


def decode(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text, read fast where that can be, else as `read` does. Raises ValueError."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return read(text)


def read(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text: NaN and the infinities as null, half a surrogate pair as U+FFFD.

    Python's `json` writes and reads both (docs.python.org, "json", Standard Compliance); of members of one name the
    last counts. A byte order mark is passed over: files that were put together have them inside. Raises ValueError for
    what is no JSON to Python either.
    """
    return _Parser(text).value


def members(text: bytes) -> dict[str, msgspec.Raw]:
    """Return the members of an object, each value as the bytes that were written. Raises ValueError for no object."""
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        parser = _Parser(text)
    if not isinstance(parser.value, dict):
        raise ValueError  # noqa: TRY004 - a text that is no object, as one that is no JSON
    return parser.members


class _Parser:
    """Reads one text, token by token, with a stack of its own: Python's would end before the text does."""

    def __init__(self, text: bytes) -> None:
        """Read all of the text. Raises ValueError."""
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
        if len(self._open) > MAX_DEPTH:
            raise ValueError
        self._open.append({} if mark == "{" else [])
        self._expects = "key or }" if mark == "{" else "value or ]"

    def _end(self, mark: str) -> None:
        kind, empty = (dict, "key or }") if mark == "}" else (list, "value or ]")
        self._must_expect("rest", empty)
        if type(self._open[-1]) is not kind or len(self._open) == 1:
            raise ValueError
        self._put(self._open.pop())

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


def _whole(text: str) -> str:
    """Return a text with U+FFFD in place of each half of a surrogate pair; halves that meet are a pair."""
    if text.isascii() or not _HALF_PAIR.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(word: str) -> float:
    found = _NUMBER.fullmatch(word)
    if found is None:
        raise ValueError
    return int(word) if found[2] is None and found[3] is None else float(word)
