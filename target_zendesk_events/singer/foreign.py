"""What a line that is no Singer message looks like, and what turns it into one. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

_PACKED: Final = {
    b"\x1f\x8b": ("gzip", "gunzip -c"),
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -dc"),
    b"\xfd7zXZ\0": ("xz", "xz -dc"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"PK\x03\x04": ("zip", "unzip -p"),
}
"""The first bytes of a file, what packed it, and the command that writes it unpacked to standard output."""
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_LOG: Final = re.compile(
    rb"""(?:\x1b\[[\d;]*m)*\[?(?:
        \d{4}-\d\d-\d\d[T ]\d\d:\d\d | \d\d:\d\d:\d\d\b | (?:time|ts|level|name)= | Traceback\ \(most\ recent
        | (?:debug|info|warn|warning|error|critical|fatal)\b(?![,;\t])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_LOG_KEYS: Final = frozenset({"level", "levelname", "severity", "message", "msg"})
_CELL: Final = rb'(?:"[^"]*"|[\w .-]*)'
_CSV: Final = re.compile(rb"%b([,;\t|])%b(?:\1%b)*" % (_CELL, _CELL, _CELL))
_IS_LOG: Final = (
    "is a line of a log: the tap writes its log to standard output, and Singer has it on standard error; "
    "configure the tap so"
)


def recognised(line: bytes) -> str:
    """Return what a line that is no JSON object seems to be and what to do about it; nothing where none is known."""
    for start, (packer, command) in _PACKED.items():
        if line.startswith(start):
            return f"is packed by {packer}: unpack it first, with `{command}`"
    text = line.strip()
    if line.startswith(_UTF_16_MARKS) or text.count(0) > len(text) // 3:
        return "is UTF-16, and Singer messages are UTF-8: convert it first, with `iconv -f UTF-16 -t UTF-8`"
    if text == b"{":
        return "begins JSON that is written over several lines: put each message on one first, with `jq -c .`"
    if _LOG.match(text):
        return _IS_LOG
    if text.startswith(b"["):
        return "begins a list, and each message has a line of its own: take them out of it first, with `jq -c '.[]'`"
    if text.startswith(b"<"):
        return "is HTML or XML: something else was fetched than a tap's output"
    if _CSV.fullmatch(text):
        return "is a line of CSV: let a tap read the file, such as tap-csv"
    return "" if _is_utf_8(line) else "is no UTF-8: convert it first, as with `iconv -f LATIN1 -t UTF-8`"


def recognised_object(message: dict[str, Any]) -> str:
    """Return what a JSON object that is no message seems to be, and what to do about it; nothing if it has a type."""
    if "type" in message:
        return ""
    if not _LOG_KEYS.isdisjoint(message) and message.keys().isdisjoint({"stream", "record", "schema", "value"}):
        return _IS_LOG
    return "is JSON without a `type`, and so no Singer message: plain rows become messages by a tap"


def _is_utf_8(line: bytes) -> bool:
    """Tell whether a line is UTF-8, be it cut off within a character."""
    try:
        line.decode()
    except UnicodeDecodeError as fault:
        return fault.reason == "unexpected end of data"
    return True
