"""The server of the contest, in a process of its own: an Events API that is strict, and whose answers get lost.

`python -m benchmarks.contest.server SETTINGS` takes one JSON object (the fields of Settings), prints its port, serves
until its standard input ends, and writes what arrived into `history`. Whenever so many different events are stored as
a mark says, it prints that mark.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import email.utils
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.contest.orders import EVENTS_PATH, digest, number_of
from benchmarks.contest.strictness import faults_of_body, faults_of_query
from benchmarks.contest.timelines import ConflictError, Timelines
from benchmarks.contest.weather import Fate, Weather
from benchmarks.server import BLANK_LINE, request_length


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """How the server is to behave, and where it writes what arrived."""

    history: str
    seed: int
    lost: float
    failed: float
    latency: float
    marks: tuple[int, ...]


@dataclasses.dataclass(slots=True)
class Desk:
    """What is done with requests: stored, read, refused, and written down one by one."""

    settings: Settings
    timelines: Timelines = dataclasses.field(default_factory=Timelines)
    arrivals: list[tuple[float, str, str, int | None, str]] = dataclasses.field(default_factory=list)
    """Time (monotonic, the machine's), verb, outcome, number and digest of each."""
    _attempts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    _stored: set[int | None] = dataclasses.field(default_factory=set)
    _marks: list[int] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Take the marks, the nearest last."""
        self._marks = sorted(self.settings.marks, reverse=True)

    def take(self, request: bytes) -> bytes | None:
        """Return the answer to a request; None where it gets lost."""
        head, _, sent = request.partition(BLANK_LINE)
        lines = head.decode("latin-1").split("\r\n")
        verb, target, _ = lines[0].split(" ", 2)
        path, _, query = target.partition("?")
        if path != EVENTS_PATH or verb not in {"POST", "GET"}:
            return self._note(verb, "refused", answer(404, {"error": "RecordNotFound"}))
        is_json = any(line.lower().startswith("content-type: application/json") for line in lines)
        return self._post(sent, is_json=is_json) if verb == "POST" else self._get(dict(parse_qsl(query)))

    def _post(self, sent: bytes, *, is_json: bool) -> bytes | None:
        try:
            body = json.loads(sent)
        except ValueError:
            body = None
        faults = faults_of_body(body) if is_json else ["the body is no application/json"]
        if faults:
            return self._note("POST", "refused", refusal(faults))
        number, seen = number_of(body), digest(body)
        fate = self._fate(f"event {number}")
        if fate is Fate.FAILED:
            return self._note("POST", "failed", answer(500, {"error": "InternalError"}), number, seen)
        try:
            self.timelines.store(body, time.time())
        except ConflictError:
            return self._note("POST", "refused", refusal(["identifiers of two profiles"]), number, seen)
        outcome, said = ("lost", None) if fate is Fate.LOST else ("stored", answer(202, {"status": "received"}))
        self._note("POST", outcome, said, number, seen)
        self._tell_marks(number)
        return said

    def _get(self, query: dict[str, str]) -> bytes | None:
        faults = faults_of_query(query)
        if faults:
            return self._note("GET", "refused", refusal(faults))
        fate = self._fate(f"read {query['identifier']}")
        if fate is Fate.FAILED:
            return self._note("GET", "failed", answer(500, {"error": "InternalError"}))
        page = self.timelines.page(query)
        said = answer(404, {"error": "RecordNotFound"}) if page is None else answer(200, page)
        return self._note("GET", "lost", None) if fate is Fate.LOST else self._note("GET", "read", said)

    def _fate(self, what: str) -> Fate:
        self._attempts[what] += 1
        weather = Weather(self.settings.seed, self.settings.lost, self.settings.failed)
        return weather.fate(what, self._attempts[what])

    def _note(
        self, verb: str, outcome: str, said: bytes | None, number: int | None = None, seen: str = ""
    ) -> bytes | None:
        self.arrivals.append((time.monotonic(), verb, outcome, number, seen))
        return said

    def _tell_marks(self, number: int | None) -> None:
        self._stored.add(number)
        while self._marks and len(self._stored) >= self._marks[-1]:
            say({"reached": self._marks.pop()})


class Connection(asyncio.Protocol):
    """One connection, kept alive until an answer gets lost."""

    def __init__(self, desk: Desk, arrived: collections.Counter[str]) -> None:
        """Bring requests to the desk; count in `arrived` what came and what was answered or cut off."""
        self._desk = desk
        self._arrived = arrived
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Carry out every request that is there as a whole, and answer after the latency."""
        self._read += data
        while (length := request_length(self._read)) is not None:
            request, self._read = self._read[:length], self._read[length:]
            self._arrived["requests"] += 1
            said = self._desk.take(request)
            asyncio.get_running_loop().call_later(self._desk.settings.latency, self._answer, said)

    def _answer(self, said: bytes | None) -> None:
        self._arrived["ended"] += 1
        if said is None:
            self._transport.close()
        else:
            self._transport.write(said)


def answer(status: int, value: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return an answer of Zendesk's kind."""
    body = json.dumps(value).encode()
    return (
        f"HTTP/1.1 {status} Said\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Date: {email.utils.formatdate(usegmt=True)}\r\nX-Zendesk-Request-Id: {time.monotonic_ns():x}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def refusal(faults: list[str]) -> bytes:
    """Return a 400 that names what is wrong."""
    return answer(400, {"errors": [{"code": "BadRequest", "title": fault} for fault in faults]})


async def serve(settings: Settings) -> None:
    """Serve on a free port of the loopback address until standard input ends; then write the history."""
    loop = asyncio.get_running_loop()
    desk, arrived = Desk(settings), collections.Counter[str]()
    server = await loop.create_server(lambda: Connection(desk, arrived), "127.0.0.1", 0, backlog=256)
    ended = asyncio.Event()
    threading.Thread(target=_wait_for_end, args=(loop, ended), daemon=True).start()
    say({"port": server.sockets[0].getsockname()[1]})
    await ended.wait()
    await asyncio.sleep(settings.latency * 2)
    server.close()
    history = {**arrived, "on_timelines": desk.timelines.count, "arrivals": desk.arrivals}
    _write(settings.history, history)


def _write(path: str, value: object) -> None:
    Path(path).write_text(json.dumps(value), encoding="utf-8")


def _wait_for_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(ended.set)


def say(value: object) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(Settings(**json.loads(sys.argv[1]))))
