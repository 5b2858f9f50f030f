"""Bytes in, Singer messages out, the files of BATCH messages among them; while the tap is silent, the engine works."""

from __future__ import annotations

import collections
import logging
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_zendesk_events import lenient
from target_zendesk_events.codes import prolonged
from target_zendesk_events.errors import InputError, TargetError
from target_zendesk_events.singer.batches import Batch, OpenBatch
from target_zendesk_events.singer.foreign import recognised, recognised_object
from target_zendesk_events.singer.lines import Input
from target_zendesk_events.singer.waits import Alarm, Waiter

logger = logging.getLogger("target-zendesk-events")

_TYPE = re.compile("[A-Z][A-Z_]{0,39}")
"""A type of Singer messages, as far as it may be said: in a line that is none, `type` may hold a customer's value."""

LINES_BETWEEN_LOOKS = 250
"""Lines that are taken in before signals, answers and the clock are looked at again: about what one read brings."""


class Engine(Protocol):
    """What the reader drives: the sender, or the dry run."""

    @property
    def has_room(self) -> bool:
        """Whether another record may be read."""

    @property
    def wants_step(self) -> bool:
        """Whether `step` has something to do at once."""

    @property
    def is_stopping(self) -> bool:
        """Whether the run ends before its input does."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to wait for."""

    def step(self) -> float | None:
        """Do all that can be done now; return the seconds until there is more to do, None if only an answer helps."""

    def close_batch(self) -> None:
        """No input stands ready: look up what was read."""

    def finish(self) -> None:
        """The input has ended."""

    def stop(self, failure: TargetError | None = None) -> None:
        """End the run early."""


class Progress(Protocol):
    """What tells of the run while it goes on."""

    @property
    def next_at(self) -> float:
        """When there is something to say next, by the monotonic clock."""

    def say_progress(self, now: float) -> None:
        """Say where the run stands, if it is time."""


class Reader(GenericSingerReader[bytes]):
    """Reads messages while the engine has room, and lets it work while the tap is silent.

    Returns from `process_lines` when the engine is done: all is settled, or the run has ended early. A line that is
    no message stops the input there: what came before it is delivered first.
    """

    def __init__(self) -> None:
        """Open the alarm; the engine comes with `drive`."""
        super().__init__()
        self.alarm = Alarm()
        self.line = b""
        """The line of the message that is being processed."""
        self.line_number = 0
        self.is_too_deep = False
        """Whether the message is nested deeper than a record may be; what is too deep in it is left out."""
        self.fault: TargetError | None = None
        """What was wrong with the input, if anything."""
        self._batch: OpenBatch | None = None
        """The BATCH whose files are being read."""
        self._passed_over: set[str] = set()

    def read_files(self, message: Mapping[str, Any], streams: Collection[str], root: Path | None) -> None:
        """Read the files of a BATCH before any further line. Raises InputError.

        It is to be of a stream among `streams`; files may lie in the working directory, or in `root`.
        """
        try:
            batch = Batch.of(message)
        except ValueError as fault:
            raise self.input_fault(str(fault)) from None
        if batch.stream not in streams:
            raise self.input_fault("is a BATCH that came before the SCHEMA of its stream [ZE405]")
        self._batch = OpenBatch(batch, root, self.line_number)

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input. Raises InputError where it is closed."""
        if sys.stdin is None:
            message = "standard input is closed: pipe a tap into the target, or give --input [ZE407]"
            raise InputError(message)
        return sys.stdin.buffer

    def drive(self, engine: Engine, progress: Progress, must_end: Callable[[], bool]) -> None:
        """Let `engine` work whenever there is something to do; give up at once when `must_end` says so."""
        self._engine = engine
        self._progress = progress
        self._must_end = must_end

    def input_fault(self, what: str, cure: str = "; mend the tap and run again") -> InputError:
        """Return the error for the line that is being processed; it tells its number and length, never its content."""
        where = f"{self._place} ({len(self.line):,} bytes)"
        return InputError(prolonged(f"{where} {what}", f". What came before it is delivered{cure}"))

    @property
    def _place(self) -> str:
        return f"line {self.line_number} of the input" if self._batch is None else self._batch.place

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Return the message in a line, emptied where it is too deep. Raises InputError."""
        self.is_too_deep = False
        try:
            message = lenient.decode(line, lenient.MAX_DEPTH + 1)
        except lenient.TooDeepError as fault:
            message, self.is_too_deep = fault.cut, True
        except ValueError:
            raise self._foreign("is no JSON [ZE401]", recognised(line)) from None
        if not isinstance(message, dict):
            raise self._foreign("is no Singer message [ZE401]", recognised(line))
        if not isinstance(message.get("type"), str):
            raise self._foreign("is no Singer message [ZE401]", recognised_object(message))
        return message

    def _foreign(self, plainly: str, what: str) -> InputError:
        """Return the error for a line that is no message: what it was recognised for tells its own cure."""
        return self.input_fault(f"{what} [ZE402]", cure="") if what else self.input_fault(plainly)

    def process_lines(
        self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> collections.Counter[str]:
        """Process all messages; return how many of each type there were."""
        counts: collections.Counter[str] = collections.Counter()
        named = {str(getattr(kind, "value", kind)): callback for kind, callback in callbacks.items()}
        source = Input(file_input or self.default_input)
        waiter = Waiter(self.alarm, source)
        self.alarm.take_signals()
        try:
            for line in self._lines(source, waiter):
                if self._batch is None:
                    self._process(line, named, counts)
                else:
                    self._process_row(self._batch, line, named["RECORD"])
        except TargetError as fault:
            self.fault = fault
        finally:
            if self._batch is not None:
                self._batch.close()
        self._settle_all(waiter)
        waiter.close()
        return counts

    def _process(
        self, line: bytes, callbacks: dict[str, Callable[[dict[str, Any]], None]], counts: collections.Counter[str]
    ) -> None:
        self.line = line
        self.line_number += 1
        if not line or line.isspace():
            self._pass_over("blank")
            return
        message = self.deserialize_json(line)
        kind = message["type"]
        if kind not in callbacks:
            self._pass_over(f"of the unknown type {kind}" if _TYPE.fullmatch(kind) else "of a type that is none")
            return
        callbacks[kind](message)
        counts[kind] += 1

    def _process_row(self, batch: OpenBatch, row: bytes, callback: Callable[[dict[str, Any]], None]) -> None:
        """Process a record of a BATCH's file as a RECORD of that stream."""
        try:
            self.line, message, self.is_too_deep = batch.message(row)
        except ValueError:
            if not row.strip():
                self._pass_over("blank")
                return
            self.line = row
            raise self.input_fault("is no JSON object [ZE426]") from None
        callback(message)

    def _lines(self, tap: Input, waiter: Waiter) -> Iterator[bytes]:
        """Yield lines while there is room; in between, let the engine work, and wait for what comes first."""
        engine = self._engine
        while not (engine.is_stopping or self._must_end()):
            source = self._source(tap)
            if source.has_lines and engine.has_room:
                yield from self._some(source)
                self._step()
            elif source.has_ended and not source.has_lines:
                return
            elif self._input_comes(source, waiter):
                source.fill()

    def _source(self, tap: Input) -> Input:
        """Return what is read now: the files of a BATCH until all of them were, else what the tap writes."""
        rows = None if self._batch is None else self._batch.rows()
        if rows is None:
            self._batch = None
        return rows or tap

    def _some(self, source: Input) -> Iterator[bytes]:
        """Yield a few lines, fewer when the engine has something to do at once, or files come before the next."""
        engine, lines, batch = self._engine, source.lines, self._batch
        for _ in range(LINES_BETWEEN_LOOKS):
            yield lines.popleft()
            if not lines or engine.wants_step or not engine.has_room or self._batch is not batch:
                return

    def _input_comes(self, source: Input, waiter: Waiter) -> bool:
        """Tell whether input stands ready; if it does not, close the batch, let the engine work, and wait."""
        engine = self._engine
        wants_input = engine.has_room and not source.has_ended and not source.has_lines
        can_poll = waiter.can_poll and self._batch is None
        if wants_input and (not can_poll or waiter.wait(0, wants_input=True)):
            return True
        engine.close_batch()
        seconds = self._step()
        if engine.is_stopping or (source.has_lines and engine.has_room):
            return False
        wants_input = engine.has_room and not source.has_ended and not source.has_lines
        ready = waiter.wait(0 if wants_input and not can_poll else seconds, wants_input=wants_input and can_poll)
        return ready or (wants_input and not can_poll)

    def _settle_all(self, waiter: Waiter) -> None:
        """The input has ended, or must: wait until the engine is done."""
        engine = self._engine
        if not engine.is_stopping:
            engine.finish()
        while not self._must_end():
            seconds = self._step()
            if engine.is_done:
                return
            waiter.wait(seconds, wants_input=False)

    def _step(self) -> float:
        """Let the engine work, and tell of it; return the seconds until there is more to do."""
        seconds = self._engine.step()
        now = time.monotonic()
        self._progress.say_progress(now)
        until_word = max(0.0, self._progress.next_at - now)
        return until_word if seconds is None else min(seconds, until_word)

    def _pass_over(self, what: str) -> None:
        if what not in self._passed_over:
            self._passed_over.add(what)
            logger.warning("%s is %s: such lines are passed over", self._place, what)
