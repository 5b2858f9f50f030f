"""What was set aside: Singer messages with a `dead_letter` object beside the `record`, that replay as they are."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from target_zendesk_events import lenient
from target_zendesk_events.codes import code_of, without_code
from target_zendesk_events.errors import StorageError

SUFFIX = ".singer"
HELD_REASONS = frozenset({"unknown", "server"})
"""Reasons of letters of what may be in Zendesk all the same: sent again, it may be there twice."""
OF_REASON: Final = {"refused": "ZE740", "conflict": "ZE742", "server": "ZE743", "unknown": "ZE744"}
"""The codes of what was set aside with Zendesk's own words."""
_MAX_NAME_BYTES = 150


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """Why a record, or one thing to send of it, was set aside.

    `reason` is one of `invalid`, `unmappable`, `limit`, `refused`, `conflict`, `server`, `unknown`, `unresolved`,
    `unknown_customer`; `message` may hold Zendesk's own words, or end with a code. `rule` is None where the record as a
    whole was set aside; `stream` is the name its rules saw. `key` is the ledger's, in hexadecimal digits; None where it
    keeps none.
    """

    reason: str
    stream: str
    time: str
    message: str = ""
    rule: str | None = None
    status: int | None = None
    request_id: str = ""
    attempts: int = 0
    key: str | None = None

    def as_object(self) -> dict[str, Any]:
        """Return the `dead_letter` object; `rules` restricts a replay to the rule that failed."""
        plain = dataclasses.asdict(self)
        plain["message"] = without_code(self.message)
        plain["code"] = code_of(self.message) or OF_REASON.get(self.reason)
        if self.rule is not None:
            plain["rules"] = [self.rule]
        return plain


_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class _Line(msgspec.Struct):
    type: str = ""
    dead_letter: dict[str, Any] | None = None


class DeadLetters:
    """The files of one run, one a stream, made when they are first needed. Readable by their owner alone."""

    def __init__(self, folder: Path, run: str) -> None:
        """Write under `folder` (made at need), into files named with the stream and the run."""
        self.folder = folder
        self._run = run
        self._files: dict[str, BinaryIO] = {}
        self._schemas: dict[str, bytes] = {}
        self._written_schemas: dict[str, bytes] = {}
        self._unsynced: set[str] = set()
        self.was_made = False
        """Whether this run has made the folder."""

    def note_schema(self, stream: str, line: bytes) -> None:
        """Keep the stream's SCHEMA line, to be written before the first record that follows it."""
        self._schemas[stream] = line

    def schema_of(self, stream: str) -> bytes | None:
        """Return the stream's SCHEMA line as it is now."""
        return self._schemas.get(stream)

    def add(self, stream: str, line: bytes, note: Note, schema: bytes | None = None) -> None:
        """Write one record's own line with its note, under the SCHEMA line it came with (default: the newest).

        Durable after `sync`. Raises StorageError.
        """
        with self._faults():
            file = self._file(stream)
            schema = schema or self._schemas.get(stream)
            if schema is not None and self._written_schemas.get(stream) != schema:
                file.write(schema + b"\n")
                self._written_schemas[stream] = schema
            file.write(with_note(line, note) + b"\n")
            self._unsynced.add(stream)

    def sync(self) -> bool:
        """Make durable what was added; tell whether anything was. Raises StorageError."""
        if not self._unsynced:
            return False
        with self._faults():
            for stream in self._unsynced:
                self._files[stream].flush()
                os.fsync(self._files[stream].fileno())
            self._unsynced.clear()
        return True

    def waiting(self) -> int:
        """Count the dead letters in the folder, of all runs."""
        return sum(count_letters(path) for path in sorted(self.folder.glob(f"*{SUFFIX}")))

    def close(self) -> None:
        """Close the files; what was added and not synced stays unclaimed."""
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()

    def _file(self, stream: str) -> BinaryIO:
        if stream not in self._files:
            self.was_made |= not self.folder.exists()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / f"{file_name(stream)}.{self._run}{SUFFIX}"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a replay leaves alone what a run still writes
            self._files[stream] = os.fdopen(descriptor, "wb")
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self._files[stream]

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            message = (
                f"dead letters cannot be written in {self.folder}: {fault.strerror}; "
                "STATE does not pass the record [ZE602]"
            )
            raise StorageError(message) from fault


def file_name(stream: str) -> str:
    """Return a stream's name as a file may bear it: percent-encoded; cut, with a checksum, where it is too long."""
    name = urllib.parse.quote(stream, safe="")
    if len(name) <= _MAX_NAME_BYTES:
        return name
    return f"{name[:_MAX_NAME_BYTES]}-{zlib.crc32(stream.encode()):08x}"


def with_note(line: bytes, note: Note) -> bytes:
    """Return the record's line with its note; all that the tap wrote stays byte for byte."""
    encoded = msgspec.json.encode(note.as_object())
    if b'"dead_letter"' not in line:
        return line.rstrip()[:-1] + b',"dead_letter":' + encoded + b"}"
    message = lenient.members(line)
    message["dead_letter"] = msgspec.Raw(encoded)
    return msgspec.json.encode(message)


def count_letters(path: Path) -> int:
    """Count the records in one file of dead letters; what cannot be read counts for none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        return sum(b'"dead_letter":' in line and is_letter(line) for line in file)
    return 0


def is_letter(line: bytes) -> bool:
    """Tell whether a line is a record with its note."""
    try:
        message = line_of(line, _Line)
    except ValueError:
        return False
    return message.type == "RECORD" and message.dead_letter is not None


def line_of(line: bytes, kind: type[_Struct]) -> _Struct:
    """Return what `kind` asks of a line, whatever else it holds. Raises ValueError."""
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        try:
            return msgspec.convert(lenient.outline(line), kind)
        except msgspec.ValidationError as fault:  # a ValueError only since msgspec 0.20
            raise ValueError(str(fault)) from None
