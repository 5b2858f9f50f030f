"""What was thrown away of the dead letters: a line for each, beside them, that says what, when and why."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from target_zendesk_events import lenient
from target_zendesk_events.outcome.dead_letters import line_of
from target_zendesk_events.outcome.letters import Letter, file_faults

DISCARDED_FILE: Final = "discarded.jsonl"


class _Schema(msgspec.Struct):
    key_properties: list[str] | None = None


def lines_of(letters: Iterable[Letter], why: str, now: str) -> Iterator[bytes]:
    """Yield the lines for the records among the lines of a file, which hold the SCHEMAs before them.

    A line has the note, and of the record its key properties alone: the rest of it is gone.
    """
    keys: dict[str, list[str]] = {}
    for letter in letters:
        if not letter.is_record:
            with contextlib.suppress(ValueError):
                keys[letter.stream] = line_of(letter.line, _Schema).key_properties or []
            continue
        told = {
            "discarded": now,
            "why": why,
            "stream": letter.stream,
            "key_properties": _values(letter, keys.get(letter.stream, [])),
            "dead_letter": letter.note,
        }
        yield msgspec.json.encode(told) + b"\n"


def keep(folder: Path, lines: Iterable[bytes]) -> None:
    """Append lines, durable once this returns, readable by their owner alone. Raises StorageError."""
    path = folder / DISCARDED_FILE
    with file_faults(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())


def _values(letter: Letter, names: Iterable[str]) -> dict[str, msgspec.Raw]:
    try:
        record = lenient.members(bytes(lenient.members(letter.line)["record"]))
    except (ValueError, KeyError):
        return {}
    return {name: record[name] for name in names if name in record}
