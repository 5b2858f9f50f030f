"""What people feed in place of messages is told for what it is, with its cure, and never quoted."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.singer.foreign import recognised, recognised_object

MESSAGES = support.lines([support.schema("orders"), support.record("orders", 1)])
PRETTY = json.dumps(support.record("orders", 1), indent=2).encode()


def zipped() -> bytes:
    """Return the messages as a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("messages.singer", MESSAGES)
    return file.getvalue()


FED: list[tuple[bytes, str]] = [
    (gzip.compress(MESSAGES), "`gunzip -c`"),
    (bz2.compress(MESSAGES), "`bzip2 -dc`"),
    (lzma.compress(MESSAGES), "`xz -dc`"),
    (zipped(), "`unzip -p`"),
    (b"\x28\xb5\x2f\xfd\x24\x00", "`zstd -dc`"),
    (MESSAGES.decode().encode("utf-16"), "`iconv -f UTF-16 -t UTF-8`"),
    (MESSAGES.decode().encode("utf-16-le"), "`iconv -f UTF-16 -t UTF-8`"),
    (MESSAGES.decode().encode("utf-16-be"), "`iconv -f UTF-16 -t UTF-8`"),
    (PRETTY, "`jq -c .`"),
    (b"[\n" + MESSAGES.splitlines()[0] + b",\n" + MESSAGES.splitlines()[1] + b"\n]\n", "`jq -c '.[]'`"),
    (b"[" + MESSAGES.splitlines()[0] + b"]\n", "`jq -c '.[]'`"),
    (b"id,email,created at\n1,customer-1@example.com,2026-11-01\n", "tap-csv"),
    (b'"id";"email"\r\n', "tap-csv"),
    (b"id\temail\n", "tap-csv"),
    (b"INFO Starting sync\n", "standard error"),
    (b"2026-11-01 10:00:00,123 | INFO | tap_shop | starting\n", "standard error"),
    (b"[2026-11-01T10:00:00Z] starting\n", "standard error"),
    (b"\x1b[32mINFO\x1b[0m starting\n", "standard error"),
    (b"time=10:00 level=info msg=starting\n", "standard error"),
    (b"Traceback (most recent call last):\n", "standard error"),
    (b'{"level":"info","message":"starting"}\n', "standard error"),
    (b"<!DOCTYPE html>\n", "is HTML"),
    (b'{"id":1,"email":"customer-1@example.com"}\n', "plain rows"),
    ('{"type":"RECORD","stream":"café"}\n'.encode("latin-1"), "is no UTF-8"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fed", "cure"), FED, ids=range(len(FED)))
def test_what_is_no_tap_s_output_is_told_with_its_cure(fed: bytes, cure: str, tmp_path: Path) -> None:
    """In the same sentence; exit 1, nothing sent, nothing quoted."""
    done = support.command(support.config("http://127.0.0.1:9", tmp_path), tmp_path, given=fed)
    error = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b"")
    (told,) = [line for line in error.splitlines() if "line 1 of the input (" in line]
    assert cure in told
    assert "customer-1" not in error


@pytest.mark.parametrize(
    "line", [b'{"type":"RECORD","stream":"o', b'{"type":"RECORD","stream":"\xc3', b"hello world", b"id", b"{}}"]
)
def test_what_is_not_known_is_not_guessed_at(line: bytes) -> None:
    """A line that was cut off, be it within a character, is neither CSV nor in another encoding."""
    assert recognised(line) == ""


@given(st.binary(max_size=200))
def test_any_line_is_taken(line: bytes) -> None:
    """Whatever the bytes are, the answer is a sentence or nothing."""
    assert not recognised(line) or recognised(line).startswith(("is ", "begins "))


@pytest.mark.parametrize("message", [{"level": 3, "stream": "orders"}, {"message": "x", "record": {}}])
def test_a_message_whose_type_is_lost_is_no_log(message: dict[str, Any]) -> None:
    """Its other members tell."""
    assert "log" not in recognised_object(message)
