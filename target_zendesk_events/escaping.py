"""Names of the input as they may be printed: what would break a line, colour it or turn it round is written escaped."""

from __future__ import annotations

import logging
import os
import re

import click

LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"
"""The variable that names a file of logging.config, which the SDK reads; Meltano sets it."""

logger = logging.getLogger("target-zendesk-events")

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0, DEL and C1; Unicode's line breaks; its marks, embeddings, overrides and isolates of direction (Unicode Standard
Annex 9, section 2); half characters, which no stream can encode."""


def escaped(text: str) -> str:
    r"""Return a text as one line: `\n`, `\x1b`, `\u202e` in place of what is not to be printed."""
    return _UNPRINTABLE.sub(_escape, text)


def escaped_lines(text: str) -> str:
    """Return a text of ours whose line breaks are meant: all else is escaped. Names in it must be escaped before."""
    return "\n".join(map(escaped, text.split("\n")))


def say(text: str, *, err: bool = False) -> None:
    """Print one line to standard output, or to standard error."""
    click.echo(escaped(text), err=err)


def say_beside_log(text: str) -> None:
    """Print a text whose line breaks are meant to standard error, where the log goes.

    Where the lines of the log have a form of their own, such as JSON, its lines go into the log.
    """
    if LOG_CONFIG in os.environ:
        for line in filter(str.strip, text.splitlines()):
            logger.info("%s", line)
    else:
        click.echo(escaped_lines(text), err=True)


class EscapedRecord(logging.LogRecord):
    """A record of the log whose message is one line, whichever handler or formatter writes it."""

    def getMessage(self) -> str:  # noqa: N802 - the standard library's name
        """Return the message, escaped."""
        return escaped(super().getMessage())


def escape_log() -> None:
    """Have each record logged from now on be one line, those of other libraries too."""
    logging.setLogRecordFactory(EscapedRecord)


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or (
        f"\\x{ord(match[0]):02x}" if ord(match[0]) <= _LAST_BYTE else f"\\u{ord(match[0]):04x}"
    )


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LAST_BYTE = 0xFF
