"""What a rule is expected to make of a record, and where what it makes differs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

SENT: Final = "sent"
FILTERED: Final = "filtered"
TOLD_WHY: Final = ("unmappable", "limit")
"""Outcomes that come with a sentence; `limit`: beyond what Zendesk documents that it takes."""
WITHOUT_BODY: Final = (FILTERED, "too_old", *TOLD_WHY)
"""Outcomes of which nothing is sent, by the words of the report."""


@dataclasses.dataclass(frozen=True, slots=True)
class Expectation:
    """What one rule is to make of a record; what is not named is not compared.

    `body` holds fields of the request's body, `message` a part of why nothing is sent, `left_out` the types of the
    identifiers that are left out, None where they do not matter.
    """

    outcome: str
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    message: str = ""
    left_out: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A record of a stream, and what its rules are to make of it at the time `now`, None where any time will do.

    One expectation beside a rule; in a file of its own one for each rule that does not filter the record out.
    """

    place: str
    name: str
    stream: str
    record: Mapping[str, Any]
    now: dt.datetime | None
    expected: tuple[Expectation, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Came:
    """What one rule made of a record: the request's body, or why there is none; `left_out` are types and reasons."""

    rule: str
    outcome: str
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    message: str = ""
    left_out: Sequence[tuple[str, str]] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was expected: its place, and both as they are shown."""

    place: str
    expected: str
    came: str


def differences(expected: Sequence[Expectation], came: Sequence[Came]) -> list[Difference]:
    """Return where what came differs from what was expected; rules that filter the record out make nothing of it."""
    if [one.outcome for one in expected] == [FILTERED]:
        came = [one for one in came if one.outcome != FILTERED] or came[:1]
    elif len(came) > 1 or len(expected) > 1:
        came = [one for one in came if one.outcome != FILTERED]
        expected = [one for one in expected if one.outcome != FILTERED]
    if len(came) != len(expected):
        return [Difference("outcomes", _listed(expected), _listed(came))]
    return [
        dataclasses.replace(found, place=found.place if len(came) == 1 else f"{theirs.rule}: {found.place}")
        for mine, theirs in zip(expected, came, strict=True)
        for found in _between(mine, theirs)
    ]


def _between(expected: Expectation, came: Came) -> Iterator[Difference]:
    if expected.outcome != came.outcome or expected.message not in came.message:
        yield Difference("outcome", _told(expected), _told(came))
    else:
        for name, value in expected.body.items():
            yield from _compared(name, value, came.body.get(name))
    if expected.left_out is not None and sorted(expected.left_out) != sorted(kind for kind, _ in came.left_out):
        why = [f"{kind} ({reason})" for kind, reason in came.left_out]
        yield Difference("left_out", ", ".join(expected.left_out) or "none", ", ".join(why) or "none")


def _compared(place: str, expected: Any, came: Any) -> Iterator[Difference]:  # noqa: ANN401 - any JSON values
    if isinstance(expected, Mapping) and isinstance(came, list):
        came = _by_type(came)
    if isinstance(expected, Mapping) and isinstance(came, Mapping):
        for name, value in expected.items():
            yield from _compared(f"{place}.{name}", value, came.get(str(name)))
    elif isinstance(expected, list) and isinstance(came, list) and len(expected) == len(came):
        for index, (one, other) in enumerate(zip(expected, came, strict=True)):
            yield from _compared(f"{place}[{index}]", one, other)
    elif expected != came or isinstance(expected, bool) != isinstance(came, bool):
        yield Difference(place, _shown(expected), _shown(came))


def _by_type(entries: list[Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a list of {type, value}, or of {id, value}, as the object that a rule writes; another list as it is."""
    for name in ("type", "id"):
        if all(isinstance(one, Mapping) and one.keys() == {name, "value"} for one in entries):
            return {str(one[name]): one["value"] for one in entries}
    return entries


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _told(one: Expectation | Came) -> str:
    return f"{one.outcome}: {one.message}" if one.message else one.outcome


def _listed(outcomes: Sequence[Expectation | Came]) -> str:
    return (
        "; ".join(f"{one.rule}: {_told(one)}" if isinstance(one, Came) else _told(one) for one in outcomes) or FILTERED
    )
