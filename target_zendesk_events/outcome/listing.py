"""What waits in the dead letters, told by stream, reason, rule and field. Pure but for reading the files."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from target_zendesk_events.outcome.dead_letters import SUFFIX
from target_zendesk_events.outcome.letters import LONG_AGO, Choice, Letter, file_faults, letters_in

Waiting = list[tuple[int, Letter]]
"""Letters with their numbers, which count all that wait, in the order in which a replay takes them."""


@dataclasses.dataclass(slots=True)
class Group:
    """Letters that are alike: of one stream, one reason, one rule and one field; `first` is a number to show."""

    stream: str
    reason: str
    rule: str | None
    field: str | None
    first: int
    count: int = 0
    oldest: dt.datetime | None = None
    newest: dt.datetime | None = None
    why: str = ""
    """The message of the newest."""
    code: str | None = None
    """Its code."""

    def add(self, letter: Letter) -> None:
        """Take in one more."""
        self.count += 1
        if self.oldest is None or (letter.time or self.oldest) < self.oldest:
            self.oldest = letter.time
        if self.newest is None or (letter.time or LONG_AGO) >= self.newest:
            self.newest, self.why, self.code = letter.time, letter.message, letter.code

    def as_object(self) -> dict[str, Any]:
        """Return it for `--json`."""
        times = {name: time and time.isoformat() for name, time in (("oldest", self.oldest), ("newest", self.newest))}
        return {**dataclasses.asdict(self), **times}


def waiting_in(folder: Path) -> Waiting:
    """Return the letters of a folder, numbered from 1, also of files that a run still writes. Raises StorageError."""
    return list(enumerate(_letters_of(folder), start=1))


def chosen(waiting: Waiting, choice: Choice) -> Waiting:
    """Return those that are meant, with their numbers."""
    return [one for one in waiting if choice.takes(one[1])]


def groups_of(waiting: Iterable[tuple[int, Letter]]) -> list[Group]:
    """Return letters in groups: streams by name, and of each the largest group first."""
    groups: dict[tuple[str, str, str | None, str | None], Group] = {}
    for number, letter in waiting:
        place = (letter.seen_as, letter.reason, letter.rule, letter.field)
        if place not in groups:
            groups[place] = Group(*place, first=number)
        groups[place].add(letter)
    return sorted(groups.values(), key=lambda group: (group.stream, -group.count))


def _letters_of(folder: Path) -> Iterator[Letter]:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        content = b""
        with file_faults(path), contextlib.suppress(FileNotFoundError):  # a replay may just have cleared it away
            content = path.read_bytes()
        yield from (letter for letter in letters_in(content) if letter.is_record)
