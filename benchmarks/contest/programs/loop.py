"""A bare loop: `python -m benchmarks.contest.programs.loop URL ORDERS LAST`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.contest.orders import EVENTS_PATH, body, read
from benchmarks.contest.programs.retrying import session


def main(url: str, orders: Path, last: Path) -> None:
    """Post each order after the last one that was answered, and note it."""
    posting = session()
    done = int(last.read_text(encoding="utf-8")) if last.exists() else -1
    for order in read(orders, done):
        posting.post(url + EVENTS_PATH, json=body(order), timeout=20).raise_for_status()
        noting = last.with_suffix(".new")
        noting.write_text(str(order["id"]), encoding="utf-8")
        noting.replace(last)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
