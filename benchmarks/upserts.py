"""What one would write by hand for records of a custom object: a loop that upserts one a request, in threads.

`python -m benchmarks.upserts URL THREADS` sends the records on its standard input, one a line; after a 429 it waits as
long as it is asked to, and sends that one again.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import requests

from benchmarks.loop import HEADERS, Lines

TOO_MANY = 429


def upsert_all(url: str, lines: Lines) -> None:
    """Send line after line with one session."""
    with requests.Session() as session:
        while (line := lines.next()) is not None:
            item = json.loads(line)
            body = json.dumps({"custom_object_record": item})
            while (answer := _upsert(session, url, item["external_id"], body)).status_code == TOO_MANY:
                time.sleep(float(answer.headers["Retry-After"]))
            answer.raise_for_status()


def _upsert(session: requests.Session, url: str, external_id: str, body: str) -> requests.Response:
    return session.patch(url, params={"external_id": external_id}, data=body, headers=HEADERS, timeout=20)


def main(url: str, threads: int) -> None:
    """Send standard input with so many threads."""
    lines = Lines(iter(sys.stdin.buffer))
    workers = [threading.Thread(target=upsert_all, args=(url, lines)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
