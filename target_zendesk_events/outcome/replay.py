"""Dead letters on their way back: read in the order they were written, and taken out of their files once settled."""

from __future__ import annotations

import collections
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from target_zendesk_events.outcome.dead_letters import SUFFIX
from target_zendesk_events.outcome.discarded import keep, lines_of
from target_zendesk_events.outcome.letters import Choice, Letter, file_faults, letters_in


class ReplayFiles:
    """The files of one folder, each locked while it is replayed; one that a run still writes is left alone."""

    def __init__(self, folder: Path, choice: Choice, *, with_held: bool) -> None:
        """Read the chosen letters of `folder`; held ones go again only with `with_held`: they may show twice."""
        self._choice = choice
        self._with_held = with_held
        self._folder = folder
        self._paths = sorted(folder.glob(f"*{SUFFIX}"))
        self._files: list[tuple[Path, BinaryIO, list[Letter]]] = []
        self.busy: list[Path] = []
        """Files that another run still writes."""

    def open(self) -> None:
        """Lock and read the files. Raises StorageError."""
        for path in self._paths:
            with file_faults(path):
                file = path.open("rb")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.busy.append(path)
                    file.close()
                    continue
                self._files.append((path, file, list(letters_in(file.read()))))

    def close(self) -> None:
        """Let go of the files."""
        for _, file, _ in self._files:
            file.close()

    @property
    def held(self) -> int:
        """Count the chosen letters that wait for `with_held`."""
        chosen = (one for _, _, letters in self._files for one in letters if one.is_record and self._choice.takes(one))
        return sum(not self._goes(one) for one in chosen)

    @property
    def going(self) -> list[Letter]:
        """The letters that are meant."""
        return [letter for _, _, letters in self._files for letter in letters if self._goes(letter)]

    def discard(self, why: str, now: str) -> list[bytes]:
        """Throw away the letters that are meant, once a line for each is kept. Raises StorageError.

        Returns the ledger's keys of what waits no more, in any file.
        """
        meant = ([one for one in letters if self._goes(one) or not one.is_record] for _, _, letters in self._files)
        keep(self._folder, [line for letters in meant for line in lines_of(letters, why, now)])
        return self.take_out(collections.Counter(letter.stream for letter in self.going))

    def messages(self) -> Iterator[bytes]:
        """Yield the lines that go again, and after each a STATE whose bookmarks count each stream's records so far.

        The first is of none, so that a stream that stops at once keeps no other's from being passed on.
        """
        sent: collections.Counter[str] = collections.Counter()
        for _, _, letters in self._files:
            schemas: dict[str, Letter] = {}
            for letter in letters:
                if not letter.is_record:
                    schemas[letter.stream] = letter  # a stream of which nothing goes need not fit its rules
                elif self._goes(letter):
                    if schema := schemas.pop(letter.stream, None):
                        sent[letter.stream] += 0
                        yield from (schema.line, _state(sent))
                    sent[letter.stream] += 1
                    yield from (letter.line, _state(sent))

    def take_out(self, settled: Mapping[str, int]) -> list[bytes]:
        """Take the first so many of each stream's records that went again out of their files. Raises StorageError.

        Returns the ledger's keys of what waits no more, in any file.
        """
        left = collections.Counter(settled)
        taken: set[str | None] = set()
        for path, _, letters in self._files:
            kept: list[Letter] = []
            for letter in letters:
                if self._goes(letter) and left[letter.stream] > 0:
                    left[letter.stream] -= 1
                    taken.add(letter.key)
                else:
                    kept.append(letter)
            if len(kept) < len(letters):
                with file_faults(path):
                    _rewrite(path, kept)
        return [bytes.fromhex(key) for key in taken - self._waiting() if key is not None and _is_key(key)]

    def _waiting(self) -> set[str | None]:
        """Return the keys of all letters in the folder as it is now."""
        keys: set[str | None] = set()
        for path in self._folder.glob(f"*{SUFFIX}"):
            with file_faults(path):
                keys |= {letter.key for letter in letters_in(path.read_bytes())}
        return keys

    def _goes(self, letter: Letter) -> bool:
        return letter.is_record and self._choice.takes(letter) and (self._with_held or not letter.is_held)


def _state(bookmarks: Mapping[str, int]) -> bytes:
    return msgspec.json.encode({"type": "STATE", "value": {"bookmarks": bookmarks}})


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
