"""The tap of the contest: writes the orders that come after the last STATE that its target let through.

`python -m benchmarks.contest.tap ORDERS STATES`: a file of orders, and the file that the target's output goes to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.contest.orders import SCHEMA, STREAM, read

RECORDS_BETWEEN_STATES = 100


def bookmark(states: Path) -> int:
    """Return the number in the last STATE of a target's output, whole lines alone; -1 where there is none."""
    if not states.exists():
        return -1
    whole = states.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    values = [json.loads(line) for line in whole if line.startswith("{")]
    return int(values[-1].get("bookmarks", {}).get(STREAM, {}).get("id", -1)) if values else -1


def main(orders: Path, states: Path) -> None:
    """Write SCHEMA, RECORDs and STATEs."""
    _write(SCHEMA)
    last = -1
    for order in read(orders, bookmark(states)):
        _write({"type": "RECORD", "stream": STREAM, "record": order})
        last = order["id"]
        if last % RECORDS_BETWEEN_STATES == RECORDS_BETWEEN_STATES - 1:
            _write_state(last)
    if last >= 0:
        _write_state(last)


def _write_state(number: int) -> None:
    _write({"type": "STATE", "value": {"bookmarks": {STREAM: {"id": number}}}})


def _write(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
        sys.stdout.flush()
    except BrokenPipeError:  # the target was killed
        sys.stdout = None  # nothing is left to flush at exit
