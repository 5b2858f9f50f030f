"""Dead letters on their way back: read in the order they were written, and taken out of their files once settled."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from target_zendesk_events import lenient
from target_zendesk_events.errors import StorageError
from target_zendesk_events.outcome.dead_letters import HELD_REASONS, SUFFIX, line_of


class _Note(msgspec.Struct):
    reason: str = ""
    key: str | None = None


class _Line(msgspec.Struct):
    type: str = ""
    stream: str = ""
    dead_letter: _Note | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """One line of a file: a SCHEMA, or a record with its note."""

    line: bytes
    stream: str
    is_record: bool
    is_held: bool
    key: str | None = None
    """The ledger's, in hexadecimal digits."""


class ReplayFiles:
    """The files of one folder, each locked while it is replayed; one that a run still writes is left alone."""

    def __init__(self, folder: Path, *, with_held: bool) -> None:
        """Read the files of `folder`; held letters go again only with `with_held`: they may show twice."""
        self._with_held = with_held
        self._folder = folder
        self._paths = sorted(folder.glob(f"*{SUFFIX}"))
        self._files: list[tuple[Path, BinaryIO, list[Letter]]] = []
        self.busy: list[Path] = []
        """Files that another run still writes."""

    def open(self) -> None:
        """Lock and read the files. Raises StorageError."""
        for path in self._paths:
            with _faults(path):
                file = path.open("rb")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.busy.append(path)
                    file.close()
                    continue
                self._files.append((path, file, _letters(file.read())))

    def close(self) -> None:
        """Let go of the files."""
        for _, file, _ in self._files:
            file.close()

    @property
    def held(self) -> int:
        """Count the letters that wait for `with_held`."""
        return sum(letter.is_record and not self._goes(letter) for _, _, letters in self._files for letter in letters)

    def messages(self) -> Iterator[bytes]:
        """Yield the lines that go again, and after each a STATE whose bookmarks count each stream's records so far."""
        sent: collections.Counter[str] = collections.Counter()
        for _, _, letters in self._files:
            for letter in letters:
                if self._goes(letter):
                    yield letter.line
                    sent[letter.stream] += letter.is_record
                    yield msgspec.json.encode({"type": "STATE", "value": {"bookmarks": sent}})

    def take_out(self, settled: Mapping[str, int]) -> list[bytes]:
        """Take the first so many of each stream's records that went again out of their files. Raises StorageError.

        Returns the ledger's keys of what waits no more, in any file.
        """
        left = collections.Counter(settled)
        taken: set[str | None] = set()
        for path, _, letters in self._files:
            kept: list[Letter] = []
            for letter in letters:
                if letter.is_record and self._goes(letter) and left[letter.stream] > 0:
                    left[letter.stream] -= 1
                    taken.add(letter.key)
                else:
                    kept.append(letter)
            if len(kept) < len(letters):
                with _faults(path):
                    _rewrite(path, kept)
        return [bytes.fromhex(key) for key in taken - self._waiting() if key is not None and _is_key(key)]

    def _waiting(self) -> set[str | None]:
        """Return the keys of all letters in the folder as it is now."""
        keys: set[str | None] = set()
        for path in self._folder.glob(f"*{SUFFIX}"):
            with _faults(path):
                keys |= {letter.key for letter in _letters(path.read_bytes())}
        return keys

    def _goes(self, letter: Letter) -> bool:
        return self._with_held or not letter.is_held


def _letters(content: bytes) -> list[Letter]:
    """Return the lines of a file, but for a last one that a full disk or a crash cut off.

    That one was never settled: the tap sends its record again.
    """
    *lines, last = content.split(b"\n")
    with contextlib.suppress(ValueError):
        lenient.members(last)
        lines.append(last)
    return [_letter(line) for line in lines if line.strip()]


def _letter(line: bytes) -> Letter:
    try:
        parsed = line_of(line, _Line)
    except ValueError:
        return Letter(line, "", is_record=True, is_held=False)  # the reader says what is wrong with it
    note = parsed.dead_letter or _Note()
    return Letter(line, parsed.stream, parsed.type == "RECORD", note.reason in HELD_REASONS, note.key)


def _is_key(text: str) -> bool:
    """Tell whether a text has bytes in hexadecimal digits: letters may have been edited."""
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True


def _rewrite(path: Path, letters: Sequence[Letter]) -> None:
    if not any(letter.is_record for letter in letters):
        path.unlink()
        return
    fresh = path.with_suffix(".part")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(letter.line + b"\n" for letter in letters)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        message = f"{path} cannot be read or rewritten: {fault.strerror} [ZE604]"
        raise StorageError(message) from fault
