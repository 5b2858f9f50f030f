"""Which STATE is safe to pass on: one whose every earlier record is settled.

A STATE's value stays the bytes that the tap wrote. With `per_stream`, each bookmark of a value of the form
`{"bookmarks": {stream: ...}}` moves on its own, and only the object around them is written anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import msgspec

from target_zendesk_events import lenient

MAX_PENDING = 200
"""STATEs kept while they wait; beyond that they are thinned to half, evenly, and the newest is kept."""


class Settled:
    """How far a line of records is settled without a gap."""

    def __init__(self) -> None:
        """Start before the first record."""
        self.arrived = 0
        self.upto = 0
        self._beyond: set[int] = set()
        self._stuck_at: int | None = None

    def arrive(self) -> int:
        """Number one more record, from 0."""
        self.arrived += 1
        return self.arrived - 1

    def settle(self, number: int) -> None:
        """Note that the record of this number is settled."""
        if number > self.upto:
            if self._stuck_at is None or number < self._stuck_at:
                self._beyond.add(number)
            return
        self.upto += 1
        while self.upto in self._beyond:
            self._beyond.remove(self.upto)
            self.upto += 1

    def stick(self) -> None:
        """A record came that this run will never settle: nothing after it can be safe, so nothing more is kept."""
        self._stuck_at = self.arrived if self._stuck_at is None else self._stuck_at
        self.arrived += 1


class Position(msgspec.Struct, frozen=True):
    """A record's place in the whole input and in its stream."""

    stream: str
    number: int
    in_stream: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Pending:
    """A STATE that waits: its number and value, and how many records came before it, in all and of each stream."""

    number: int
    value: bytes
    position: int
    positions: Mapping[str, int]
    bookmarks: Mapping[str, msgspec.Raw] | None
    beside: Mapping[str, msgspec.Raw]


class Checkpoints:
    """The STATEs of a run, and the newest that may be passed on."""

    def __init__(self, *, per_stream: bool = False) -> None:
        """Trust bookmarks one by one with `per_stream`; else only a STATE as a whole."""
        self._per_stream = per_stream
        self._all = Settled()
        self._streams: dict[str, Settled] = {}
        self._noted = 0
        self._pending: list[_Pending] = []
        self._passed_on: bytes | None = None
        self._whole: _Pending | None = None
        self._marks: dict[str, tuple[int, msgspec.Raw]] = {}
        self._frame: tuple[int, frozenset[str]] | None = None

    def see(self, stream: str) -> None:
        """A SCHEMA named this stream of the tap."""
        self._stream(stream)

    def arrive(self, stream: str) -> Position:
        """A record of this stream came whose outcome is still open."""
        return Position(stream, self._all.arrive(), self._stream(stream).arrive())

    def settle(self, position: Position) -> None:
        """The outcome of this record is final and durable."""
        self._all.settle(position.number)
        self._streams[position.stream].settle(position.in_stream)

    def skip(self, stream: str) -> None:
        """A record of this stream came that this run will never settle: no STATE passes it."""
        self._all.stick()
        self._stream(stream).stick()

    def note(self, value: bytes) -> None:
        """A STATE came: its value, as the tap wrote it."""
        if value == b"null":
            return
        if self._pending and self._pending[-1].position == self._all.arrived:
            self._advance()  # what the replaced one holds may be safe already
            self._pending = self._pending[:-1]
        elif len(self._pending) >= MAX_PENDING:
            self._advance()
            if len(self._pending) >= MAX_PENDING:
                self._thin()
        bookmarks, beside = _parts(value) if self._per_stream else (None, {})
        positions = {name: line.arrived for name, line in self._streams.items()} if bookmarks is not None else {}
        self._noted += 1
        self._pending.append(_Pending(self._noted, value, self._all.arrived, positions, bookmarks, beside))

    def safe(self) -> bytes | None:
        """Return the newest value that may be passed on and was not yet; None if there is none."""
        self._advance()
        value = self._composed() if self._per_stream else self._whole.value if self._whole else None
        if value is None or value == self._passed_on:
            return None
        self._passed_on = value
        return value

    def _stream(self, name: str) -> Settled:
        if name not in self._streams:
            self._streams[name] = Settled()
        return self._streams[name]

    def _advance(self) -> None:
        """Take in what has become safe, and let go of the STATEs that are safe as a whole."""
        for pending in self._pending:
            if pending.position <= self._all.upto:
                self._whole = pending
            for name, bookmark in (pending.bookmarks or {}).items():
                if self._is_safe(name, pending) and pending.number > self._marks.get(name, (0,))[0]:
                    self._marks[name] = pending.number, bookmark
        for pending in self._pending:
            if pending.bookmarks is not None and pending.bookmarks.keys() <= self._marks.keys():
                self._frame = pending.number, frozenset(pending.bookmarks)
        self._pending = [one for one in self._pending if one.position > self._all.upto]

    def _thin(self) -> None:
        """Keep about half of the STATEs that wait, evenly spread over the records between them."""
        step = (self._pending[-1].position - self._pending[0].position) * 2 / MAX_PENDING
        kept = [self._pending[0]]
        for pending in self._pending[1:-1]:
            if pending.position >= kept[-1].position + step:
                kept.append(pending)
        self._pending = [*kept, self._pending[-1]]

    def _is_safe(self, stream: str, pending: _Pending) -> bool:
        """Tell whether all records before a STATE's bookmark of this stream are settled."""
        line = self._streams.get(stream)
        if pending.position <= self._all.upto:
            return True
        return line is not None and pending.positions.get(stream, 0) <= line.upto

    def _composed(self) -> bytes | None:
        """Return the newest bookmarks that are safe, for the streams of the newest STATE that has them all."""
        whole = self._whole
        if whole is not None and whole.bookmarks is None and (self._frame is None or whole.number > self._frame[0]):
            return whole.value
        if self._frame is None:
            return None
        value = dict(whole.beside) if whole is not None else {}
        bookmarks = {name: self._marks[name][1] for name in sorted(self._frame[1])}
        value["bookmarks"] = msgspec.Raw(msgspec.json.encode(bookmarks))
        return msgspec.json.encode(value)


def _parts(value: bytes) -> tuple[dict[str, msgspec.Raw] | None, dict[str, msgspec.Raw]]:
    """Return the bookmarks by stream and what stands beside them; no bookmarks where the value has another form."""
    try:
        beside = lenient.members(value)
        bookmarks = lenient.members(bytes(beside["bookmarks"]))
    except (ValueError, KeyError):
        return None, {}
    copies = {name: msgspec.Raw(bytes(raw)) for name, raw in bookmarks.items()}
    return copies, {name: msgspec.Raw(bytes(raw)) for name, raw in beside.items() if name != "bookmarks"}
