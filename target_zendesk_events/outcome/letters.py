"""Dead letters as they are read back: each line of a file with its note, and which of them are chosen."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from target_zendesk_events import lenient
from target_zendesk_events.errors import StorageError
from target_zendesk_events.outcome.dead_letters import HELD_REASONS, line_of

REASONS: Final = (
    "invalid",
    "unmappable",
    "limit",
    "refused",
    "conflict",
    "server",
    "unknown",
    "unresolved",
    "unknown_customer",
)
"""Why records are set aside."""
UNREADABLE: Final = "unreadable"
"""Stands for the reason of a letter that somebody has edited so that it has none."""
PLACES: Final = ("event.", "profile.", "object.", "ticket.", "delete.", "when", "dedupe_key")
"""What the name of a place in a rule begins with."""
LONG_AGO: Final = dt.datetime.min.replace(tzinfo=dt.timezone.utc)


class _Line(msgspec.Struct):
    type: str = ""
    stream: str = ""
    dead_letter: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Letter:
    """One line of a file: a SCHEMA, or a record with its note. `stream` is the tap's name of its stream."""

    line: bytes
    stream: str
    is_record: bool
    note: dict[str, Any]
    """The `dead_letter` object: anybody may have edited it."""

    @property
    def reason(self) -> str:
        """Why it was set aside."""
        return self._text("reason") or UNREADABLE

    @property
    def seen_as(self) -> str:
        """The name of its stream as its rules saw it."""
        return self._text("stream") or self.stream

    @property
    def rule(self) -> str | None:
        """The rule that failed, None where the record as a whole did."""
        return self._text("rule") or None

    @property
    def message(self) -> str:
        """What was wrong, in our words or in Zendesk's."""
        return self._text("message")

    @property
    def code(self) -> str | None:
        """The code of what was wrong, by which the guide to errors has it; letters of long ago have none."""
        return self._text("code") or None

    @property
    def key(self) -> str | None:
        """The ledger's, in hexadecimal digits."""
        return self._text("key") or None

    @property
    def is_held(self) -> bool:
        """Whether what it was sent for may be in Zendesk all the same."""
        return self.reason in HELD_REASONS

    @functools.cached_property
    def time(self) -> dt.datetime | None:
        """When it was set aside; None where that cannot be read."""
        with contextlib.suppress(ValueError):
            time = dt.datetime.fromisoformat(self._text("time"))
            return time if time.tzinfo is not None else None
        return None

    @property
    def field(self) -> str | None:
        """The field of the record, or the place in the rule, that was at fault; None where that is not known."""
        if self.reason == "invalid":
            field, found, _ = self.message.partition(" does not hold ")
            return field if found else None
        if self.reason == "unmappable":
            place, found, _ = self.message.removeprefix(f"rule '{self.rule}': ").partition(": ")
            return place if found and place.startswith(PLACES) else None
        return self.message.partition(" ")[0] or None if self.reason == "limit" else None

    def _text(self, name: str) -> str:
        value = self.note.get(name)
        return value if isinstance(value, str) else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant: of these reasons, of these streams, set aside since then; all where none is named."""

    reasons: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    """By the tap's name, or as the rules saw it."""
    since: dt.datetime | None = None

    def takes(self, letter: Letter) -> bool:
        """Tell whether a letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.streams or not self.streams.isdisjoint({letter.stream, letter.seen_as}))
            and (self.since is None or (letter.time or LONG_AGO) >= self.since)
        )

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left out."""
        return self == Choice()


def letters_in(content: bytes) -> Iterator[Letter]:
    """Yield the lines of a file, but for a last one that a full disk or a crash cut off.

    That one was never settled: the tap sends its record again.
    """
    *lines, last = content.split(b"\n")
    with contextlib.suppress(ValueError):
        lenient.members(last)
        lines.append(last)
    return (_letter(line) for line in lines if line.strip())


def _letter(line: bytes) -> Letter:
    try:
        parsed = line_of(line, _Line)
    except ValueError:
        return Letter(line, "", is_record=True, note={})  # the reader says what is wrong with it
    return Letter(line, parsed.stream, parsed.type == "RECORD", parsed.dead_letter or {})


@contextlib.contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """Raise StorageError where the file of dead letters cannot be used."""
    try:
        yield
    except OSError as fault:
        message = f"{path} cannot be read or rewritten: {fault.strerror} [ZE604]"
        raise StorageError(message) from fault
