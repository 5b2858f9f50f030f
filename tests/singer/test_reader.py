"""Bytes in, messages out: pipes, files and buffers, and a tap that takes its time."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_zendesk_events.errors import InputError, TargetError
from target_zendesk_events.singer.lines import CHUNK_BYTES, Input
from target_zendesk_events.singer.reader import Reader

STATE = b'{"type":"STATE","value":1}'


class Engine:
    """Does nothing but tell what it was asked; a test may act in its place at each step."""

    def __init__(self) -> None:
        """Have room, and be done when the input has ended."""
        self.has_room = True
        self.wants_step = False
        self.is_stopping = False
        self.is_done = False
        self.batches = 0
        self.steps = 0
        self.seconds_to_next = 0.0
        self.failure: TargetError | None = None
        self.on_step: Callable[[], None] = lambda: None

    def step(self) -> float | None:
        """Let the test act."""
        self.steps += 1
        assert self.steps < 100_000, "a busy loop"
        self.on_step()
        return self.seconds_to_next

    def close_batch(self) -> None:
        """No input stands ready."""
        self.batches += 1

    def finish(self) -> None:
        """The input has ended."""
        self.is_done = True

    def stop(self, failure: TargetError | None = None) -> None:
        """End early."""
        self.failure = failure
        self.is_stopping = self.is_done = True


class Progress:
    """Has nothing to say."""

    @property
    def next_at(self) -> float:
        """Some time later."""
        return time.monotonic() + 3_600

    def say_progress(self, now: float) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Leave no wake-up pipe behind."""
    import signal  # noqa: PLC0415 - here alone

    before = signal.set_wakeup_fd(-1)
    yield
    signal.set_wakeup_fd(before, warn_on_full_buffer=False)


class Reading:
    """One reader with its engine, and the messages that it gave out."""

    def __init__(self) -> None:
        """Take STATEs, and whatever a test adds."""
        self.engine = Engine()
        self.reader = Reader()
        self.messages: list[dict[str, Any]] = []
        self.must_end = False
        self.reader.drive(self.engine, Progress(), lambda: self.must_end)

    def read(self, source: Any) -> dict[str, int]:
        """Read all of the input."""
        return dict(self.reader.process_lines(source, {"STATE": self.messages.append}))

    @property
    def values(self) -> list[Any]:
        """Return the values of the STATEs."""
        return [message["value"] for message in self.messages]


@contextlib.contextmanager
def pipe() -> Iterator[tuple[Any, Callable[[bytes], None], Callable[[], None]]]:
    """Give the reading end of a pipe, what writes to it, and what closes it."""
    reading, writing = os.pipe()
    is_open = [True]

    def close() -> None:
        if is_open.pop() if is_open else False:
            os.close(writing)

    with os.fdopen(reading, "rb") as file:
        yield file, lambda data: _write(writing, data), close
        close()


def _write(descriptor: int, data: bytes) -> None:
    assert os.write(descriptor, data) == len(data)


def states(*values: Any) -> bytes:
    """Return STATE lines."""
    return b"".join(json.dumps({"type": "STATE", "value": value}).encode() + b"\n" for value in values)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.integers(), st.text(max_size=5), st.just("x" * 70_000)), max_size=8),
    end=st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n"]),
    ends_whole=st.booleans(),
    source=st.sampled_from(["bytes", "text", "file", "pipe"]),
)
def test_every_input_gives_the_same_messages(values: list[Any], end: bytes, ends_whole: bool, source: str) -> None:
    """A buffer of bytes or text, a file and a pipe give the same messages, whatever ends their lines."""
    data = states(*values).replace(b"\n", end)
    data = data if ends_whole else data.rstrip(b"\r\n ")
    reading = Reading()
    if source == "bytes":
        counts = reading.read(io.BytesIO(data))
    elif source == "text":
        counts = reading.read(io.StringIO(data.decode(), newline=""))
    elif source == "file":
        with contextlib.closing(_file(data)) as file:
            counts = reading.read(file)
    else:
        with pipe() as (file, write, close):
            pieces = [data[start : start + 30_000] for start in range(0, len(data), 30_000)]

            def feed() -> None:
                write(pieces.pop(0)) if pieces else close()

            reading.engine.on_step = feed
            counts = reading.read(file)
    assert reading.values == values
    assert counts.get("STATE", 0) == len(values)
    assert reading.reader.fault is None


def _file(data: bytes) -> Any:
    import tempfile  # noqa: PLC0415 - here alone

    file = tempfile.TemporaryFile()  # noqa: SIM115 - its reader closes it
    file.write(data)
    file.seek(0)
    return file


def test_an_empty_input_is_no_fault(tmp_path: Path) -> None:
    """An empty file, /dev/null and an empty buffer end at once."""
    (tmp_path / "empty").touch()
    for path in (tmp_path / "empty", Path("/dev/null")):
        with path.open("rb") as file:
            reading = Reading()
            assert reading.read(file) == {}
            assert reading.reader.fault is None
    assert Reading().read(io.BytesIO(b"")) == {}


def test_a_line_of_ten_megabytes_is_read_whole() -> None:
    """A line longer than any chunk is one message."""
    value = "x" * (10 << 20)
    reading = Reading()
    reading.read(io.BytesIO(states(1, value, 2)))
    assert reading.values == [1, value, 2]


def test_a_line_at_the_edge_of_a_chunk_is_read_once() -> None:
    """A line end that is a chunk's last byte, or the next one's first, makes no line more or less."""
    for length in range(CHUNK_BYTES - 3, CHUNK_BYTES + 3):
        line = b'{"type":"STATE","value":"' + b"x" * (length - 27) + b'"}'
        reading = Reading()
        reading.read(io.BytesIO(line + b"\n" + STATE + b"\n"))
        assert len(reading.messages) == 2


BAD = [
    (b'{"type":"STATE","value":', "is no JSON"),
    (b"no json", "is no JSON"),
    (b'{"type":"STATE","value":nan}', "is no JSON"),
    (b'{"type":"STATE","value":-NaN}', "is no JSON"),
    (b'{"type":"STATE","value":"\xff\xfe"}', "is no UTF-8"),
    (b'{"type":"STATE","value":1} {"type":"STATE"}', "is no JSON"),
    (b"[" * 100_000, "begins a list"),
    (b"[1, 2]", "begins a list"),
    (b"7", "is no Singer message"),
    (b'{"value":1}', "is JSON without a `type`, and so no Singer message"),
    (b'{"type":7}', "is no Singer message"),
    (b'{"type":null}', "is no Singer message"),
]


@pytest.mark.parametrize(("line", "what"), BAD)
def test_a_line_that_is_no_message_stops_the_input_there(line: bytes, what: str) -> None:
    """What came before it counts, nothing after it; number and length are named, the content never."""
    reading = Reading()
    reading.read(io.BytesIO(states(1, "secret") + line + b"\n" + states(3)))
    assert reading.values == [1, "secret"]
    fault = reading.reader.fault
    assert isinstance(fault, InputError)
    assert fault.exit_code == 1
    assert str(fault).startswith(f"line 3 of the input ({len(line):,} bytes) {what}")
    assert "secret" not in str(fault)
    assert reading.engine.is_done


def test_a_fault_hides_its_cause() -> None:
    """The decoder's own words, which may quote the line, are not in the chain that a traceback shows."""
    reading = Reading()
    reading.read(io.BytesIO(b"secret"))
    assert reading.reader.fault is not None
    assert reading.reader.fault.__suppress_context__


def test_numbers_are_read_exactly() -> None:
    """Whole numbers of any size are whole numbers."""
    reading = Reading()
    reading.read(io.BytesIO(b'{"type":"STATE","value":[123456789012345678901234567890,1.0]}\n'))
    assert reading.values[0][0] == 123456789012345678901234567890
    assert isinstance(reading.values[0][1], float)


def test_unknown_types_and_blank_lines_are_passed_over_with_one_warning_each(caplog: pytest.LogCaptureFixture) -> None:
    """One warning a type, one for blank lines, and the rest of the input is read."""
    data = b'{"type":"PING"}\n\n{"type":"PING"}\n  \t\n\r\n{"type":"PONG","secret":1}\n' + states(1)
    reading = Reading()
    with caplog.at_level(logging.WARNING):
        reading.read(io.BytesIO(data))
    assert reading.values == [1]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert sum("PING" in text for text in said) == 1
    assert sum("blank" in text for text in said) == 1
    assert "secret" not in "".join(said)


def test_a_type_that_may_be_a_customers_value_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    """A line of plain data can have a `type` too: only what looks like a type of Singer's is told, the rest once."""
    lines = [
        {"type": kind} for kind in ("customer-1@example.com", "Customer One", "CUSTOMER1", "", "é", "A" * 41, "LOG")
    ]
    Reading().read(io.BytesIO(b"".join(json.dumps(one).encode() + b"\n" for one in lines)))
    words = ["line 1 of the input is of a type that is none", "line 7 of the input is of the unknown type LOG"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == words


def test_a_silent_tap_lets_the_engine_work() -> None:
    """While the tap is silent the batch is closed and the engine steps; what comes later is read."""
    reading = Reading()
    with pipe() as (file, write, close):
        write(states(1))

        def later() -> None:
            if reading.engine.steps == 5:
                write(states(2))
            if reading.engine.steps == 10:
                close()

        reading.engine.on_step = later
        reading.read(file)
    assert reading.values == [1, 2]
    assert reading.engine.batches >= 2


def test_half_a_line_waits_for_its_other_half() -> None:
    """A line that comes in two writes is one message."""
    reading = Reading()
    with pipe() as (file, write, close):
        write(STATE[:10])

        def later() -> None:
            if reading.engine.steps == 3:
                assert reading.messages == []
                write(STATE[10:] + b"\n")
            if reading.engine.steps == 6:
                assert len(reading.messages) == 1
                close()

        reading.engine.on_step = later
        reading.read(file)
    assert len(reading.messages) == 1


def test_nothing_is_read_while_there_is_no_room() -> None:
    """Back-pressure is not reading: lines wait while the window is full, and go on when there is room."""
    reading = Reading()
    taken: list[int] = []

    def fill() -> None:
        reading.engine.has_room = reading.engine.steps % 7 == 0
        taken.append(len(reading.messages))

    def one(message: dict[str, Any]) -> None:
        assert reading.engine.has_room
        reading.messages.append(message)
        reading.engine.has_room = False

    reading.engine.on_step = fill
    reading.reader.process_lines(io.BytesIO(states(*range(20))), {"STATE": one})
    assert reading.values == list(range(20))
    assert max(later - earlier for earlier, later in itertools.pairwise(taken)) == 1


def test_room_that_a_step_makes_is_used_at_once() -> None:
    """Lines that were read and found no room do not wait for the clock once the engine has made some."""
    reading = Reading()
    reading.engine.seconds_to_next = 5.0
    answers = iter([False, False, True])

    def one(message: dict[str, Any]) -> None:
        reading.messages.append(message)
        reading.engine.has_room = False
        reading.reader.alarm.ring()

    def settle() -> None:
        reading.engine.has_room = next(answers, True)

    reading.engine.on_step = settle
    began = time.monotonic()
    reading.reader.process_lines(io.BytesIO(states(1, 2)), {"STATE": one})
    assert reading.values == [1, 2]
    assert time.monotonic() - began < 2


def test_a_stop_ends_the_reading() -> None:
    """A run that stops reads no further, and the reader returns when the engine is done."""
    reading = Reading()
    with pipe() as (file, write, _):
        write(states(1))
        reading.engine.on_step = lambda: reading.engine.stop() if reading.messages else None
        reading.read(file)
    assert reading.values == [1]


def test_a_further_signal_ends_it_at_once() -> None:
    """When the run must end, nobody waits for the engine."""
    reading = Reading()
    reading.engine.finish = lambda: None  # type: ignore[method-assign]

    def end() -> None:
        reading.must_end = True

    with pipe() as (file, write, _):
        write(states(1))
        reading.engine.on_step = end
        reading.read(file)
    assert not reading.engine.is_done


def test_a_ring_ends_the_wait() -> None:
    """An answer wakes the reader while it waits for a silent tap without a limit of time."""
    reading = Reading()
    with pipe() as (file, _, close):
        steps = iter([reading.reader.alarm.ring, close])
        reading.engine.on_step = lambda: next(steps, reading.reader.alarm.quiet)()
        reading.engine.step = _never_again(reading.engine)  # type: ignore[method-assign]
        reading.read(file)
    assert reading.engine.is_done


def _never_again(engine: Engine) -> Callable[[], float | None]:
    """Return a step that wants to be called again only when something comes."""

    def step() -> float | None:
        engine.on_step()
        return None

    return step


def test_a_fault_of_a_message_stops_the_input() -> None:
    """What a message's handler raises as a TargetError is kept; what came before is settled."""
    reading = Reading()

    def refuse(message: dict[str, Any]) -> None:
        if message["value"] == 2:
            raise reading.reader.input_fault("is a STATE that nobody wants")
        reading.messages.append(message)

    reading.reader.process_lines(io.BytesIO(states(1, 2, 3)), {"STATE": refuse})
    assert reading.values == [1]
    assert "line 2" in str(reading.reader.fault)
    assert reading.engine.is_done


def test_input_tells_what_can_be_polled() -> None:
    """A pipe has a descriptor, a buffer has none."""
    with pipe() as (file, _, __):
        assert Input(file).descriptor is not None
    assert Input(io.BytesIO()).descriptor is None
    assert Input(io.StringIO()).descriptor is None
