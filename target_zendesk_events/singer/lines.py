"""The tap's bytes, cut into lines: a line of any length, at the cost of its length."""

from __future__ import annotations

import codecs
import collections
import os
from typing import Any, Protocol

CHUNK_BYTES = 1 << 16


class Readable(Protocol):
    """A file, or what is read like one."""

    def read(self, size: int, /) -> str | bytes:
        """Return up to `size` bytes or characters; nothing at the end."""


class Input:
    """The tap's bytes, cut into lines; whether more stand ready can be asked where the system can tell."""

    def __init__(self, source: Readable) -> None:
        """Read from `source`: a pipe, a file, or (in a test) a buffer of text or bytes."""
        self._binary: Any = getattr(source, "buffer", source)
        self._pieces: list[bytes] = []
        self.lines: collections.deque[bytes] = collections.deque()
        """Whole lines, without their ends, that were read and not yet taken."""
        self.has_ended = False
        self._has_begun = False
        try:
            self.descriptor: int | None = self._binary.fileno()
        except (OSError, AttributeError):
            self.descriptor = None

    @property
    def has_lines(self) -> bool:
        """Whether whole lines were read and not yet taken."""
        return bool(self.lines)

    def fill(self) -> None:
        """Read once; at the end of the input, what has no line end is a line too."""
        data = os.read(self.descriptor, CHUNK_BYTES) if self.descriptor is not None else self._read()
        if not data:
            self.has_ended = True
            self._close_line(b"")
            return
        first, *others = data.split(b"\n")
        if not others:
            self._pieces.append(first)
            return
        self._close_line(first)
        self.lines.extend(others[:-1])
        self._pieces.append(others[-1])

    def _close_line(self, end: bytes) -> None:
        line = b"".join((*self._pieces, end))
        self._pieces.clear()
        if not self._has_begun:
            self._has_begun = True
            line = line.removeprefix(codecs.BOM_UTF8)  # editors and PowerShell write one before all text
        if line or not self.has_ended:
            self.lines.append(line)

    def _read(self) -> bytes:
        data: str | bytes = self._binary.read(CHUNK_BYTES)
        return data.encode() if isinstance(data, str) else data
