"""The files of a BATCH: which are opened, what their lines become, and how little of them is read ahead."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.contrib.batch_encoder_jsonl import JSONLinesBatcher
from singer_sdk.contrib.batch_encoder_parquet import ParquetBatcher
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, SDKBatchMessage, StorageTarget

from target_zendesk_events.errors import InputError
from target_zendesk_events.singer.batches import Batch, OpenBatch
from target_zendesk_events.singer.lines import CHUNK_BYTES


def batch(*manifest: str, form: str = "jsonl", is_gzip: bool = False) -> Batch:
    """Return what a BATCH says."""
    return Batch("orders", manifest, form, is_gzip)


def rows_of(opened: OpenBatch) -> list[bytes]:
    """Read all lines."""
    found = []
    while (rows := opened.rows()) is not None:
        if rows.has_lines:
            found.append(rows.lines.popleft())
        else:
            rows.fill()
    return found


def fault_of(*manifest: str, root: Path | None = None, form: str = "jsonl", is_gzip: bool = False) -> str:
    """Return what is said of a BATCH that cannot be read."""
    opened = OpenBatch(batch(*manifest, form=form, is_gzip=is_gzip), root, 7)
    try:
        with pytest.raises(InputError) as caught:
            rows_of(opened)
    finally:
        opened.close()
    (sentence,) = caught.value.sentences
    return sentence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stream": None}, "ZE403"),
        ({"encoding": None}, "ZE403"),
        ({"encoding": "jsonl"}, "ZE403"),
        ({"manifest": None}, "ZE403"),
        ({"manifest": "a.jsonl"}, "ZE403"),
        ({"manifest": ["a.jsonl", 5]}, "ZE403"),
        ({"encoding": {}}, "ZE406"),
        ({"encoding": {"format": "csv"}}, "ZE406"),
        ({"encoding": {"format": ["jsonl"]}}, "ZE406"),
        ({"encoding": {"format": "jsonl", "compression": "zstd"}}, "ZE406"),
        ({"encoding": {"format": "jsonl", "compression": []}}, "ZE406"),
    ],
)
def test_a_batch_that_says_too_little_is_refused(change: dict[str, Any], code: str) -> None:
    """The tap is to be mended."""
    message = {"stream": "orders", "encoding": {"format": "jsonl"}, "manifest": [], **change}
    with pytest.raises(ValueError, match=code):
        Batch.of(message)


@pytest.mark.parametrize(
    ("encoding", "form", "is_gzip"),
    [
        ({"format": "jsonl"}, "jsonl", False),
        ({"format": "jsonl", "compression": None}, "jsonl", False),
        ({"format": "jsonl", "compression": "none"}, "jsonl", False),
        ({"format": "jsonl", "compression": "gzip"}, "jsonl", True),
        ({"format": "parquet", "compression": "gzip"}, "parquet", True),
    ],
)
def test_an_encoding_is_read(encoding: dict[str, Any], form: str, is_gzip: bool) -> None:
    """As the SDK's taps write it."""
    message = {"type": "BATCH", "stream": "orders", "encoding": encoding, "manifest": ["a"]}
    assert Batch.of(message) == Batch("orders", ("a",), form, is_gzip)


Name = Callable[[Path], str]


@pytest.mark.parametrize(
    "name",
    [lambda path: path.name, str, Path.as_uri, lambda path: f"file://{path}", lambda path: f"file://{path.name}"],
)
def test_a_file_in_the_working_directory_is_read(name: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is named: by a path, or by an address, escaped or not."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a b%20.jsonl"
    path.write_bytes(b'{"a":1}\n')
    assert rows_of(OpenBatch(batch(name(path)), None, 7)) == [b'{"a":1}']
    assert path.exists()


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    """Each line once; an empty file, and a last line without an end, are nothing special."""
    for name, text in (("a", b"1\n2\n"), ("b", b""), ("c", b"\xef\xbb\xbf3\r\n4")):
        (tmp_path / name).write_bytes(text)
    names = [str(tmp_path / name) for name in ("a", "b", "c", "a")]
    assert rows_of(OpenBatch(batch(*names), tmp_path, 7)) == [b"1", b"2", b"3\r", b"4", b"1", b"2"]
    assert rows_of(OpenBatch(batch(), tmp_path, 7)) == []


def test_a_file_elsewhere_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by its path, nor by `..` or a link: a tap's output is not to read what is another's."""
    inside, outside, root = (tmp_path / name for name in ("inside", "outside", "inside-too"))
    for folder in (inside, outside, root):
        folder.mkdir()
        (folder / "a").write_bytes(b"{}\n")
    (inside / "link").symlink_to(outside / "a")
    (inside / "folder").symlink_to(outside)
    monkeypatch.chdir(inside)
    for name in (str(outside / "a"), "../outside/a", "link", "folder/a", str(root / "a"), "/etc/hostname", "/none"):
        assert fault_of(name) == (
            "file 1 of 1 of the BATCH in line 7 of the input lies neither in the working directory nor in "
            "batch_config's storage.root. What came before it is delivered; name its folder there and run again [ZE421]"
        )
    for name in (str(outside / "a"), "../outside/a", "link", "folder/a"):
        assert rows_of(OpenBatch(batch(name), outside, 7)) == [b"{}"]
    (tmp_path / "alias").symlink_to(outside)
    assert rows_of(OpenBatch(batch(str(outside / "a")), tmp_path / "alias", 7)) == [b"{}"]


@pytest.mark.parametrize("name", ["s3://key:secret@bucket/a", "https://example.com/a", "a\0b"])
def test_nothing_is_fetched(name: str) -> None:
    """Files of this machine alone are read; the address is not said."""
    said = fault_of(name)
    assert "lies on another machine" in said
    assert name not in said


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """One that is not there, a folder, and a pipe, which would never be ready: by its place, never by its name."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "fine").write_bytes(b"{}\n")
    where = "file 2 of 2 of the BATCH in line 7 of the input"
    for name, why in (
        ("none", "is not there"),
        ("folder", "cannot be opened (no regular file)"),
        ("pipe", "cannot be opened (no regular file)"),
        ("fine/below", "cannot be opened (Not a directory)"),
    ):
        said = fault_of(str(tmp_path / "fine"), str(tmp_path / name), root=tmp_path)
        assert said.startswith(f"{where} {why}. What came before it is delivered; ")


PACKED = gzip.compress(b'{"a":1}\n' * 20_000)
DAMAGED = {
    "empty": b"",
    "not packed": b'{"a":1}\n',
    "cut off": PACKED[:-20],
    "cut off in its checksum": PACKED[:-2],
    "changed": PACKED[:30] + bytes([PACKED[30] ^ 0xFF]) + PACKED[31:],
    "gone on": PACKED + b"more",
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_told(case: str, tmp_path: Path) -> None:
    """Wherever in it the damage is."""
    (tmp_path / "a.gz").write_bytes(DAMAGED[case])
    said = fault_of(str(tmp_path / "a.gz"), root=tmp_path, is_gzip=True)
    assert said.startswith("file 1 of 1 of the BATCH in line 7 of the input is damaged, or not yet whole. ")


def test_a_parquet_file_without_its_reader_or_damaged_is_told(tmp_path: Path) -> None:
    """Where pyarrow is not installed the sentence says how to install it."""
    (tmp_path / "a").write_bytes(b"PAR1")
    said = fault_of(str(tmp_path / "a"), root=tmp_path, form="parquet")
    assert said.endswith(("[ZE423]", "pip install 'singer-sdk[parquet]' [ZE424]"))


def test_a_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Ten megabytes of rows, packed into a few kilobytes, are not unpacked before they are wanted."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(b'{"a":1}\n' * 1_300_000))
    opened = OpenBatch(batch(str(tmp_path / "a.gz"), is_gzip=True), tmp_path, 7)
    rows = opened.rows()
    assert rows is not None
    rows.fill()
    assert 0 < sum(len(line) + 1 for line in rows.lines) <= CHUNK_BYTES
    opened.close()


@pytest.mark.parametrize("compression", ["gzip", "none", None])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_what_the_sdks_taps_write_is_read(form: str, compression: str | None, tmp_path: Path) -> None:
    """Their encoders write the files, and their message names them; they pack jsonl whatever they say of it."""
    if form == "parquet":
        pytest.importorskip("pyarrow.parquet", reason="the SDK's extra `parquet` is not installed")
    encoder = JSONLinesBatcher if form == "jsonl" else ParquetBatcher
    encoding = BaseBatchFileEncoding(form, compression)
    storage = StorageTarget(str(tmp_path / "a folder"), prefix="100%25-")
    writes = encoder("tap", "orders", BatchConfig(encoding, storage, batch_size=10))
    records = [{"id": number, "name": "é"} for number in range(25)]
    read = []
    for manifest in writes.get_batches(iter(records)):
        written = SDKBatchMessage(stream="orders", encoding=encoding, manifest=manifest)
        opened = OpenBatch(Batch.of(json.loads(json.dumps(written.to_dict()))), tmp_path / "a folder", 7)
        read += [json.loads(row) for row in rows_of(opened)]
    assert read == records


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=4), st.text(), st.sampled_from(["", " ", "\r", "\ufeff", "\t\r"]))
def test_a_row_becomes_the_line_of_a_record(record: dict[str, Any], stream: str, around: str) -> None:
    """Which is read as the same message, so that a dead letter is replayed by itself."""
    row = (around + json.dumps(record, ensure_ascii=False) + around.replace("\ufeff", "")).encode()
    line, message, is_too_deep = OpenBatch(Batch(stream, (), "jsonl", is_gzip=False), None, 7).message(row)
    assert json.loads(line) == {"type": "RECORD", **message} == {"type": "RECORD", "stream": stream, "record": record}
    assert not is_too_deep


@pytest.mark.parametrize(
    "row",
    [
        b'{"a":1',
        b"[1]",
        b"1",
        b"null",
        b'{"a":1},"type":"STATE","value":{"b":1}',
        b'{"a":1}}',
        b"\xff",
        b"{} {}",
        b"\0",
    ],
)
def test_a_row_is_one_object_and_nothing_more(row: bytes) -> None:
    """A line cannot pass for more than the record it stands for."""
    with pytest.raises(ValueError):  # noqa: PT011 - what is said of it is the reader's to say
        OpenBatch(batch(), None, 7).message(row)


@pytest.mark.parametrize(("depth", "is_too_deep"), [(100, False), (101, True), (5_000, True)])
def test_a_row_may_be_as_deep_as_a_record(depth: int, is_too_deep: bool) -> None:
    """Deeper, it is emptied there, and its line is kept."""
    row = b'{"a":' * depth + b"1" + b"}" * depth
    line, _, found = OpenBatch(batch(), None, 7).message(row)
    assert (line, found) == (b'{"type":"RECORD","stream":"orders","record":' + row + b"}", is_too_deep)
