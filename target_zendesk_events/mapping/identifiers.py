"""The ways to find a customer that one record gives: cleaned, and left out with a reason where they are none."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_zendesk_events.kinds.profile import STANDARD_IDENTIFIERS, Identifier
from target_zendesk_events.mapping.parts import Part, UnmappableError
from target_zendesk_events.mapping.spelling import has_unseen, spelt
from target_zendesk_events.mapping.values import BadValueError, text_of
from target_zendesk_events.work import LeftOut

if TYPE_CHECKING:
    from target_zendesk_events.mapping.templates import Scope

PLACE = "profile.identifiers"
BLOCKED = frozenset(["null", "none", "nan", "undefined", "unknown", "anonymous", "guest", "n/a", "test@test.com"])
"""What systems write where they know nobody: as an identifier it would join strangers into one customer."""
BLOCKED_BY_TYPE: Mapping[str, frozenset[str]] = {
    "email": frozenset({"0", "-1"}),
    "phone_number": frozenset({"0", "-1"}),
}
LOWER_CASE = frozenset({"email", "twitter"})
"""Zendesk lower-cases these; sent so, they are the same customer here and there."""
_PLAIN_EMAIL = re.compile(r'[^\s@<>(),;:"]+@[^\s@<>(),;:".]+(?:\.[^\s@<>(),;:".]+)+')
"""One `@`, a domain with a dot, nothing around it: docs/decisions/no-email-library.md."""


class Cleaning:
    """Decides what may be sent as an identifier."""

    def __init__(self, blocked: Iterable[str] = ()) -> None:
        """Take the values that are blocked besides the built-in ones, compared without case."""
        self._blocked = BLOCKED | {spelt(str(value)).casefold() for value in blocked}
        self._blocked_as = {kind: self._blocked | values for kind, values in BLOCKED_BY_TYPE.items()}

    def clean(self, kind: str, value: Any) -> tuple[str, str]:  # noqa: ANN401 - whatever a record holds
        """Return the value as it is sent, and why it is left out: `""` where it is sent."""
        why = "" if type(value) is str else _why_none(value)
        if why:
            return "", why
        try:
            text = text_of(value)
        except BadValueError:
            return "", "not a text"
        text = spelt_as(kind, text)
        return text, self._why_not(kind, text)

    def _why_not(self, kind: str, text: str) -> str:
        if not text:
            return "blank"
        if not text.isascii() and "\ufffd" in text:
            return "a broken character"
        if has_unseen(text):
            return "an unseen character"
        if text.casefold() in self._blocked_as.get(kind, self._blocked):
            return "blocked"
        return "not an email" if kind == "email" and _PLAIN_EMAIL.fullmatch(text) is None else ""


def spelt_as(kind: str, text: str) -> str:
    """Return the one spelling of a value of this type."""
    text = spelt(text)
    if kind in LOWER_CASE:
        return text.lower() if text.isascii() else spelt(text.lower())
    return text


def _why_none(value: Any) -> str:  # noqa: ANN401 - whatever a record holds
    """Return why a value of this type is no identifier; `""` where it may be one."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, float):
        return "" if value.is_integer() else "a fraction"
    if isinstance(value, Decimal):
        return "a fraction" if not math.isfinite(value) or value % 1 else ""
    if isinstance(value, Mapping):
        return "an object"
    return "" if isinstance(value, str | int | dt.date | dt.time) else "a list"


@dataclasses.dataclass(frozen=True, slots=True)
class Pairs:
    """Identifiers written out in the rule: a type and a value each."""

    entries: tuple[tuple[Part, Part], ...]

    def found(self, scope: Scope) -> Iterator[tuple[str, str | None, Any]]:
        """Yield for each the type to count it under, the type (or null) and the value."""
        for kind, value in self.entries:
            text = kind.fixed or kind.text(scope)
            yield kind.fixed or _countable(text), text, value.of(scope)

    def parts(self) -> Iterator[Part]:
        """Yield every template."""
        for kind, value in self.entries:
            yield kind
            yield value

    @property
    def constant_types(self) -> tuple[str, ...]:
        """The types that no record decides."""
        return tuple(kind.constant for kind, _ in self.entries if isinstance(kind.constant, str))

    @property
    def types_vary(self) -> bool:
        """Whether the record decides a type."""
        return not all(kind.is_constant for kind, _ in self.entries)


@dataclasses.dataclass(frozen=True, slots=True)
class Yielded:
    """One expression that yields a list of objects with `type` and `value`."""

    part: Part

    def found(self, scope: Scope) -> Iterator[tuple[str, str | None, Any]]:
        """Yield for each the type to count it under, the type (or null) and the value."""
        entries = self.part.of(scope)
        if entries is not None and not isinstance(entries, list | tuple):
            raise UnmappableError(self.part.place, "yields no list of {type, value} [ZE715]")
        for entry in entries or ():
            if not isinstance(entry, Mapping):
                raise UnmappableError(self.part.place, "yields a list whose entries are not all {type, value} [ZE715]")
            kind = entry.get("type")
            text = kind if isinstance(kind, str) else None
            yield _countable(text), text, entry.get("value")

    def parts(self) -> Iterator[Part]:
        """Yield the expression."""
        yield self.part

    @property
    def constant_types(self) -> tuple[str, ...]:
        """None: the record decides."""
        return ()

    @property
    def types_vary(self) -> bool:
        """The record decides all types."""
        return True


def _countable(kind: str | None) -> str:
    """Return a type that came from the record as it may be counted: the report names nothing of a record."""
    return kind if kind is not None and kind in STANDARD_IDENTIFIERS else "(from the record)"


def identifiers(
    source: Pairs | Yielded, scope: Scope, cleaning: Cleaning
) -> tuple[tuple[Identifier, ...], tuple[LeftOut, ...]]:
    """Return a record's identifiers, each once, and those left out. Raises UnmappableError where none is left."""
    kept: dict[Identifier, None] = {}
    left_out: list[LeftOut] = []
    for counted, given, value in source.found(scope):
        kind = (given or "").strip()
        text, why = cleaning.clean(kind, value) if kind else ("", "no type")
        if why:
            left_out.append(LeftOut(counted, why))
        else:
            kept[Identifier(kind, text)] = None
    if not kept:
        reasons = ", ".join(f"{one.type} {one.why}" for one in left_out) or "the list is empty"
        raise UnmappableError(PLACE, f"none is left ({reasons}) [ZE714]", tuple(left_out))
    return tuple(kept), tuple(left_out)
