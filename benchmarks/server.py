"""A fast HTTP server to send to, in a process of its own: takes all, counts arrivals, ends with its standard input.

`python -m benchmarks.server [LATENCY_SECONDS [REQUESTS_PER_MINUTE]]` prints its port, serves until its standard
input ends, and prints what it counted as one JSON object.
"""

from __future__ import annotations

import asyncio
import bisect
import collections
import json
import sys
import threading

from benchmarks.jobs import Jobs

WINDOW_SECONDS = 60.0
BLANK_LINE = b"\r\n\r\n"
LENGTH = b"content-length:"

_HEADERS = (
    "Content-Type: application/json; charset=utf-8\r\n"
    "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
    "X-Rate-Limit: 100000\r\n"
    "X-Rate-Limit-Remaining: 99999\r\n"
    "X-Zendesk-Request-Id: 8a1f6c4e2b7d4f0e9c3a\r\n"
)
_RECEIVED = b'{"profile_id":"01E1DPYAA7HW7645KMJEY9CXRJ","status":"received","user_id":"123456"}'
ACCEPTED = f"HTTP/1.1 202 Accepted\r\n{_HEADERS}Content-Length: {len(_RECEIVED)}\r\n\r\n".encode() + _RECEIVED


class Tally:
    """Arrivals, each with its time; with a limit, those beyond it in any 60 s are refused."""

    def __init__(self, per_minute: int = 0) -> None:
        """Refuse what comes beyond `per_minute`; 0 refuses nothing."""
        self._per_minute = per_minute
        self._arrivals: list[float] = []
        self._taken: collections.deque[float] = collections.deque()
        self._limited = 0

    def arrive(self, now: float) -> float | None:
        """Count one arrival; return None when it is taken, else the seconds until one will be."""
        self._arrivals.append(now)
        if not self._per_minute:
            return None
        while self._taken and self._taken[0] <= now - WINDOW_SECONDS:
            self._taken.popleft()
        if len(self._taken) >= self._per_minute:
            self._limited += 1
            return self._taken[0] + WINDOW_SECONDS - now
        self._taken.append(now)
        return None

    def most_in_a_minute(self) -> int:
        """Return the most arrivals in any 60 s."""
        arrivals = self._arrivals
        return max(
            (bisect.bisect_left(arrivals, first + WINDOW_SECONDS) - index for index, first in enumerate(arrivals)),
            default=0,
        )

    def as_object(self) -> dict[str, int]:
        """Return the counts under their names."""
        return {
            "requests": len(self._arrivals),
            "accepted": len(self._arrivals) - self._limited,
            "limited": self._limited,
            "most_in_a_minute": self.most_in_a_minute(),
        }


class Counter(asyncio.Protocol):
    """One connection, kept alive: takes whole requests off it and answers each, after the latency."""

    def __init__(self, tally: Tally, latency: float, jobs: Jobs) -> None:
        """Count in `tally`; answer after `latency` seconds, on `jobs` what is asked of them."""
        self._tally = tally
        self._jobs = jobs
        self._latency = latency
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is there as a whole."""
        self._read += data
        while (length := request_length(self._read)) is not None:
            request, self._read = self._read[:length], self._read[length:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        wait = self._tally.arrive(loop.time())
        told = self._jobs.told(request) if wait is None else None
        accepted = ACCEPTED if told is None else whole(*told)
        answer = accepted if wait is None else limited(wait)
        if self._latency:
            loop.call_later(self._latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


def request_length(read: bytes) -> int | None:
    """Return how many bytes the first request takes; None while it is not there as a whole."""
    end = read.find(BLANK_LINE)
    if end < 0:
        return None
    place = read.lower().find(LENGTH, 0, end)
    body = 0 if place < 0 else int(read[place + len(LENGTH) : read.find(b"\r", place)])
    whole = end + len(BLANK_LINE) + body
    return whole if len(read) >= whole else None


def whole(status: str, body: bytes) -> bytes:
    """Return an answer that holds something."""
    return f"HTTP/1.1 {status}\r\n{_HEADERS}Content-Length: {len(body)}\r\n\r\n".encode() + body


def limited(seconds: float) -> bytes:
    """Return the answer to a request beyond the limit."""
    return (
        f"HTTP/1.1 429 Too Many Requests\r\n{_HEADERS}Retry-After: {int(seconds) + 1}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def serve(latency: float, per_minute: int) -> None:
    """Serve on a free port of the loopback address until standard input ends."""
    loop = asyncio.get_running_loop()
    tally, jobs = Tally(per_minute), Jobs()
    server = await loop.create_server(lambda: Counter(tally, latency, jobs), "127.0.0.1", 0, backlog=256)
    ended = asyncio.Event()
    threading.Thread(target=_wait_for_end, args=(loop, ended), daemon=True).start()
    _say(server.sockets[0].getsockname()[1])
    await ended.wait()
    server.close()
    _say(tally.as_object())


def _wait_for_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(ended.set)


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    latency_given, per_minute_given = (*sys.argv[1:], "0", "0")[:2]
    asyncio.run(serve(float(latency_given), int(per_minute_given)))
