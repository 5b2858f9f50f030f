"""The records in the files that a BATCH message names: local files alone, opened one by one, and cut into lines."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import errno
import gzip
import importlib
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from typing_extensions import Self

from target_zendesk_events import lenient
from target_zendesk_events.codes import prolonged
from target_zendesk_events.errors import InputError
from target_zendesk_events.local_paths import local_paths
from target_zendesk_events.singer.lines import CHUNK_BYTES, Input

FORMATS: Final = ("jsonl", "parquet")
COMPRESSIONS: Final = ("gzip", "none", None)
_PACKED: Final = b"\x1f\x8b"
"""The first bytes of what gzip wrote. The SDK's taps pack jsonl whatever their `compression` says."""
_OPENING, _CLOSING = b"{}"
ROWS_AT_ONCE: Final = 100
"""Rows of a Parquet file that are made lines together."""


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """What a BATCH message says: files of records of one stream, and how they are written."""

    stream: str
    manifest: tuple[str, ...]
    format: str
    is_gzip: bool

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Read the message. Raises ValueError with the end of a sentence that says what is wrong with it."""
        stream, encoding, manifest = (message.get(name) for name in ("stream", "encoding", "manifest"))
        if not isinstance(stream, str) or not isinstance(manifest, list) or not isinstance(encoding, dict):
            raise ValueError("is a BATCH without a stream, an encoding or a manifest [ZE403]")  # noqa: TRY004 - as below
        if not all(isinstance(one, str) for one in manifest):
            raise ValueError("is a BATCH whose manifest is no list of files [ZE403]")
        kind, compression = encoding.get("format"), encoding.get("compression")
        if kind not in FORMATS or compression not in COMPRESSIONS:
            raise ValueError(
                "is a BATCH whose files this target does not read: it reads jsonl, gzip or not, and parquet [ZE406]"
            )
        return cls(stream, tuple(manifest), kind, compression == "gzip")


class OpenBatch:
    """A BATCH whose files are being read, one after the other; the tap waits meanwhile."""

    def __init__(self, batch: Batch, root: Path | None, line_number: int) -> None:
        """Open nothing yet. `root` is the folder, beside the working directory, in which files may lie."""
        self._batch = batch
        self._stream = batch.stream
        self._root = root
        self._line_number = line_number
        self._file_number = 0
        self._row_number = 0
        self._rows: _Rows | None = None
        self._start = b'{"type":"RECORD","stream":%b,"record":' % msgspec.json.encode(batch.stream)

    def rows(self) -> Input | None:
        """Return the lines of the file that is read now; None when all were read. Raises InputError."""
        while self._rows is None or (self._rows.has_ended and not self._rows.has_lines):
            self.close()
            if self._file_number == len(self._batch.manifest):
                return None
            self._file_number += 1
            self._row_number = 0
            self._rows = self._open(self._batch.manifest[self._file_number - 1])
        return self._rows

    @property
    def place(self) -> str:
        """Where the line stands that was made a message last."""
        return f"line {self._row_number} of {self._file}"

    def message(self, row: bytes) -> tuple[bytes, dict[str, Any], bool]:
        """Return a record's line as a RECORD's, what is in it, and whether it is too deep and was emptied there.

        Raises ValueError where it is no JSON object.
        """
        self._row_number += 1
        is_too_deep = False
        try:
            record = lenient.decode(row)
        except lenient.TooDeepError as fault:
            record, is_too_deep = fault.cut, True
        if type(record) is not dict:
            raise ValueError
        if row[0] != _OPENING or row[-1] != _CLOSING:
            row = row.strip().removeprefix(codecs.BOM_UTF8).lstrip()
        line = b"".join((self._start, row, b"}"))
        return line, {"stream": self._stream, "record": record}, is_too_deep

    def close(self) -> None:
        """Close the file that is read now; it stays where it is."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    @property
    def _file(self) -> str:
        place = f"the BATCH in line {self._line_number} of the input"
        return f"file {self._file_number} of {len(self._batch.manifest)} of {place}"

    def fault(self, what: str, cure: str) -> InputError:
        """Return the error for the file that is read now; it tells its place in the manifest, never its name."""
        return InputError(prolonged(f"{self._file} {what}", f". What came before it is delivered{cure}"))

    def _open(self, name: str) -> _Rows:
        """Open a file of the manifest. Raises InputError where it may not be read, or cannot be."""
        paths = [os.path.realpath(path) for path in local_paths(name) if "\0" not in path]
        if not paths:
            raise self.fault("lies on another machine [ZE425]", "; have the tap write to a folder of this one")
        path = next(filter(os.path.exists, paths), paths[0])
        if not any(_lies_in(path, folder) for folder in self._folders()):
            raise self.fault(
                "lies neither in the working directory nor in batch_config's storage.root [ZE421]",
                "; name its folder there and run again",
            )
        try:
            return _Rows(_regular(path), self._batch, self._damaged)
        except FileNotFoundError as fault:
            raise self.fault("is not there [ZE420]", "; put it back, or have the tap send its rows again") from fault
        except ImportError as fault:
            raise self.fault(
                "is Parquet, and nothing is installed that reads it [ZE424]",
                "; install it beside the target: pip install 'singer-sdk[parquet]'",
            ) from fault
        except OSError as fault:
            what = f"cannot be opened ({fault.strerror or type(fault).__name__}) [ZE422]"
            raise self.fault(what, "; mend that and run again") from fault
        except _DAMAGE as fault:
            raise self._damaged() from fault

    def _damaged(self) -> InputError:
        return self.fault("is damaged, or not yet whole [ZE423]", "; have the tap send its rows again")

    def _folders(self) -> Iterator[str]:
        with contextlib.suppress(OSError):  # a working directory may be gone
            yield os.path.realpath(Path.cwd())
        if self._root is not None:
            yield os.path.realpath(self._root)


class _Rows(Input):
    """The lines of one file, unpacked as they are read."""

    def __init__(self, file: IO[bytes], batch: Batch, damaged: Callable[[], InputError]) -> None:
        """Read from an open file; `damaged` makes the error for one that cannot be read to its end."""
        self._file = file
        self._damaged = damaged
        try:
            super().__init__(_Stream(_pieces(file, batch)))
        except BaseException:
            file.close()
            raise

    def fill(self) -> None:
        """Read once. Raises InputError."""
        try:
            super().fill()
        except _DAMAGE as fault:
            raise self._damaged() from fault

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Stream:
    """Pieces of bytes, read as a file is."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int, /) -> bytes:
        return next(self._pieces, b"")


_DAMAGE: Final = (OSError, EOFError, ValueError, ArithmeticError, NotImplementedError, zlib.error)
"""What reading a damaged file raises: Arrow's own errors are of these kinds, and dates beyond Python's are too."""


def _pieces(file: IO[bytes], batch: Batch) -> Iterator[bytes]:
    """Return what is in a file, unpacked, piece by piece."""
    if batch.format == "parquet":
        return _parquet(file)
    if not os.fstat(file.fileno()).st_size and batch.is_gzip:
        raise EOFError
    if not batch.is_gzip and os.pread(file.fileno(), len(_PACKED), 0) != _PACKED:
        return iter(lambda: file.read(CHUNK_BYTES), b"")
    unpacked = gzip.GzipFile(fileobj=file, mode="rb")
    return iter(lambda: unpacked.read1(CHUNK_BYTES), b"")


def _parquet(file: IO[bytes]) -> Iterator[bytes]:
    """Return a Parquet file's rows as lines, some at once. Raises ImportError."""
    parquet: Any = importlib.import_module("pyarrow.parquet")  # the SDK's extra: it may not be there
    encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode
    batches = parquet.ParquetFile(file).iter_batches(batch_size=ROWS_AT_ONCE)
    return (b"".join(encode(row) + b"\n" for row in rows.to_pylist()) for rows in batches if rows.num_rows)


def _regular(path: str) -> IO[bytes]:
    """Open a file, and nothing that waits for a writer or never ends. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file")
    return open(descriptor, "rb")  # noqa: PTH123 - a descriptor has no path


def _lies_in(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
