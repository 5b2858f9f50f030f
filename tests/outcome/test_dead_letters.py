"""Dead letters: Singer messages that replay as they are, on a disk that may fail."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.errors import StorageError
from target_zendesk_events.outcome.dead_letters import DeadLetters, Note, count_letters, file_name, with_note
from target_zendesk_events.outcome.letters import Choice
from target_zendesk_events.outcome.replay import ReplayFiles

NOTE = Note("refused", "orders", "2026-11-23T10:00:00+00:00", "no such type", "rule", 400, "request-1", 2, "00ff")
SCHEMA = b'{"type": "SCHEMA", "stream": "orders", "schema": {"properties": {}}, "key_properties": []}'
RECORD = b'{"type": "RECORD", "stream": "orders", "record": {"id": 1.0, "big": 123456789012345678901234567890}}'


def lines_of(folder: Path) -> list[bytes]:
    """Return all lines of all files."""
    return [line for path in sorted(folder.glob("*")) for line in path.read_bytes().splitlines()]


def test_a_letter_is_the_schema_and_the_record_s_own_line(tmp_path: Path) -> None:
    """The file holds the tap's SCHEMA line, then its RECORD line with `dead_letter` put beside `record`."""
    letters = DeadLetters(tmp_path / "letters", "run")
    letters.note_schema("orders", SCHEMA)
    letters.add("orders", RECORD, NOTE)
    letters.sync()
    schema, record = lines_of(tmp_path / "letters")
    assert schema == SCHEMA
    assert record.startswith(RECORD[:-1])
    assert json.loads(record)["dead_letter"] == {
        "reason": "refused",
        "stream": "orders",
        "time": "2026-11-23T10:00:00+00:00",
        "message": "no such type",
        "code": "ZE740",
        "rule": "rule",
        "rules": ["rule"],
        "status": 400,
        "request_id": "request-1",
        "attempts": 2,
        "key": "00ff",
    }
    letters.close()


def test_a_record_set_aside_as_a_whole_restricts_no_rules() -> None:
    """Without a rule there is no `rules`: a replay runs them all."""
    note = Note("invalid", "orders", "now").as_object()
    assert "rules" not in note
    assert note["rule"] is None


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


@given(
    record=st.dictionaries(st.one_of(st.text(), st.just("dead_letter")), VALUES),
    blanks=st.sampled_from([(",", ":"), (", ", ": ")]),
    is_ascii=st.booleans(),
    end=st.sampled_from(["", " ", "\r", " \t"]),
    was_letter=st.booleans(),
)
def test_the_tap_s_line_stays_byte_for_byte(
    record: dict[str, Any],
    blanks: tuple[str, str],
    is_ascii: bool,
    end: str,
    was_letter: bool,
) -> None:
    """Whatever the record holds, its bytes are kept, and an older `dead_letter` is replaced by the new one."""

    def text(value: Any) -> str:
        return json.dumps(value, separators=blanks, ensure_ascii=is_ascii)

    message: dict[str, Any] = {"type": "RECORD", "stream": "orders", "record": record}
    if was_letter:
        message["dead_letter"] = {"reason": "unmappable"}
    line = (text(message) + end).encode()
    written = with_note(line, NOTE)
    assert b"\n" not in written
    assert text(record).encode() in written
    parsed = json.loads(written, object_pairs_hook=lambda pairs: pairs)
    assert [key for key, _ in parsed].count("dead_letter") == 1
    assert json.loads(written)["dead_letter"]["reason"] == "refused"
    assert json.loads(written)["record"] == record


def test_a_changed_schema_is_written_before_the_records_that_follow_it(tmp_path: Path) -> None:
    """A SCHEMA is written once, and again when it has changed, so that each record replays under its own."""
    letters = DeadLetters(tmp_path, "run")
    other = SCHEMA.replace(b"{}", b'{"id": {}}')
    for schema in (SCHEMA, SCHEMA, other, SCHEMA):
        letters.note_schema("orders", schema)
        letters.add("orders", RECORD, NOTE)
    letters.sync()
    schemas = [line for line in lines_of(tmp_path) if b"SCHEMA" in line]
    assert schemas == [SCHEMA, other, SCHEMA]
    letters.close()


def test_each_stream_and_run_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Names are percent-encoded, and nothing leaves the folder."""
    names = ["orders", "../../etc", "a/b", "caf\u00e9 1", ".."]
    for run in ("run-1", "run-2"):
        letters = DeadLetters(tmp_path / "letters", run)
        for name in names:
            letters.add(name, RECORD, NOTE)
        letters.sync()
        letters.close()
    files = sorted(path.name for path in (tmp_path / "letters").iterdir())
    assert len(files) == 2 * len(names)
    assert "..%2F..%2Fetc.run-1.singer" in files
    assert list(tmp_path.iterdir()) == [tmp_path / "letters"]


@given(stream=st.text(min_size=1))
def test_a_stream_s_name_is_a_file_s_name(stream: str) -> None:
    """Any name makes a file name that is ASCII, of no folder, and not too long."""
    name = file_name(stream)
    assert name.isascii()
    assert "/" not in name
    assert "\0" not in name
    assert len(name) < 200


def test_long_names_that_begin_alike_stay_apart() -> None:
    """A name that is cut carries a checksum."""
    assert file_name("x" * 300) != file_name("x" * 301)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """The folder is made with 0700, files with 0600."""
    letters = DeadLetters(tmp_path / "letters", "run")
    letters.add("orders", RECORD, NOTE)
    assert stat.S_IMODE((tmp_path / "letters").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "letters").iterdir())
    letters.close()


def test_a_file_that_exists_is_never_written(tmp_path: Path) -> None:
    """Even under the same name, another's file is left as it is."""
    (tmp_path / "orders.run.singer").write_bytes(b"another's\n")
    with pytest.raises(StorageError):
        DeadLetters(tmp_path, "run").add("orders", RECORD, NOTE)
    assert (tmp_path / "orders.run.singer").read_bytes() == b"another's\n"


def test_a_disk_that_fails_is_a_storage_error(tmp_path: Path) -> None:
    """Where the folder cannot be made, the error names it and not the record."""
    (tmp_path / "letters").write_text("a file stands in its place")
    with pytest.raises(StorageError, match="letters") as raised:
        DeadLetters(tmp_path / "letters", "run").add("orders", RECORD, NOTE)
    assert "1234567890" not in str(raised.value)


def test_a_full_disk_is_a_storage_error() -> None:
    """What cannot be made durable raises: /dev/full takes what is written and keeps nothing."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    letters = DeadLetters(Path("/nowhere"), "run")
    letters._files["orders"] = Path("/dev/full").open("wb")  # noqa: SIM115, SLF001 - the one disk that is always full
    letters.add("orders", RECORD, NOTE)
    with pytest.raises(StorageError):
        letters.sync()
    letters.close()


def test_what_cannot_be_made_durable_is_a_storage_error() -> None:
    """To have written a letter is not enough: a pipe takes it, and cannot keep it."""
    reading, writing = os.pipe()
    letters = DeadLetters(Path("/nowhere"), "run")
    letters._files["orders"] = os.fdopen(writing, "wb")  # noqa: SLF001 - what is written and never on a disk
    letters.add("orders", RECORD, NOTE)
    with pytest.raises(StorageError):
        letters.sync()
    letters.close()
    os.close(reading)


def test_a_replay_leaves_alone_what_a_run_still_writes(tmp_path: Path) -> None:
    """A run's files are locked until it closes them."""
    letters = DeadLetters(tmp_path, "run")
    letters.add("orders", RECORD, NOTE)
    letters.sync()
    for is_busy in (True, False):
        bag = ReplayFiles(tmp_path, Choice(), with_held=False)
        bag.open()
        assert bag.busy == list(tmp_path.iterdir()) * is_busy
        bag.close()
        letters.close()


def test_sync_tells_whether_there_was_anything(tmp_path: Path) -> None:
    """What is added is durable after `sync`, which says so once."""
    letters = DeadLetters(tmp_path, "run")
    assert not letters.sync()
    letters.add("orders", RECORD, NOTE)
    assert letters.sync()
    assert not letters.sync()
    assert len(lines_of(tmp_path)) == 1
    letters.close()


def test_waiting_counts_the_letters_of_all_runs(tmp_path: Path) -> None:
    """Records count, SCHEMAs and other files do not; without a folder none wait."""
    assert DeadLetters(tmp_path / "none", "run").waiting() == 0
    for run in ("run-1", "run-2"):
        letters = DeadLetters(tmp_path, run)
        letters.note_schema("orders", SCHEMA)
        letters.add("orders", RECORD, NOTE)
        letters.add("orders", RECORD, NOTE)
        letters.sync()
        letters.close()
    (tmp_path / "notes.txt").write_text('"dead_letter":')
    assert DeadLetters(tmp_path, "run-3").waiting() == 4


def test_a_schema_with_a_column_of_that_name_is_no_letter(tmp_path: Path) -> None:
    """A column called `dead_letter` in a SCHEMA is not counted as a letter."""
    path = tmp_path / "orders.run.singer"
    path.write_bytes(b'{"type":"SCHEMA","stream":"orders","schema":{"properties":{"dead_letter":{}}}}\n')
    assert count_letters(path) == 0


@pytest.mark.parametrize("kept", [1, 100, len(RECORD) + 10])
def test_a_letter_that_a_full_disk_cut_off_stops_no_replay(kept: int, tmp_path: Path) -> None:
    """It was never settled, so it is passed over and cleared away; one that lacks nothing but its line end goes."""
    letter = with_note(RECORD, NOTE)
    (tmp_path / "orders.run-1.singer").write_bytes(SCHEMA + b"\n" + letter + b"\n" + letter[:kept])
    (tmp_path / "orders.run-2.singer").write_bytes(SCHEMA + b"\n" + letter)
    bag = ReplayFiles(tmp_path, Choice(), with_held=False)
    bag.open()
    lines = [line for line in bag.messages() if b"STATE" not in line]
    assert lines == [SCHEMA, letter, SCHEMA, letter]
    bag.take_out({"orders": 2})
    bag.close()
    assert list(tmp_path.iterdir()) == []
