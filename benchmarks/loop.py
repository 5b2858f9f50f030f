"""The practical limit: a bare loop of `requests` sessions in threads, without rules, order, limits or retries.

`python -m benchmarks.loop URL THREADS` posts the bodies on its standard input, one a line.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import requests

HEADERS = {"Content-Type": "application/json"}


class Lines:
    """Lines that threads take one by one."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        """Hand out `lines`."""
        self._lines = lines
        self._lock = threading.Lock()

    def next(self) -> bytes | None:
        """Return the next line; None after the last."""
        with self._lock:
            return next(self._lines, None)


def post_all(url: str, lines: Lines) -> None:
    """Post line after line with one session; what is refused is left at that."""
    with requests.Session() as session:
        while (line := lines.next()) is not None:
            session.post(url, data=line, headers=HEADERS, timeout=20)


def main(url: str, threads: int) -> None:
    """Post standard input with so many threads."""
    lines = Lines(iter(sys.stdin.buffer))
    workers = [threading.Thread(target=post_all, args=(url, lines)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
