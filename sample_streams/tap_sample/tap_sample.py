"""Singer tap that replays a sample stream, and goes on where an earlier run left off."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Replay the sample that the configuration's `folder` names."""
    parser = argparse.ArgumentParser(prog="tap-sample", description=__doc__)
    parser.add_argument("--config", required=True, help="JSON file with folder: a folder of sample_streams/.")
    parser.add_argument("--state", help="JSON file with the STATE value that an earlier run ended with.")
    given = parser.parse_args()
    lines = Path(_read(given.config)["folder"], "input.singer").read_text(encoding="utf-8").splitlines(keepends=True)
    sys.stdout.writelines(play(lines, _read(given.state) if given.state else None))


def play(lines: list[str], state: Any = None) -> Iterator[str]:  # noqa: ANN401 - a tap's STATE is any JSON
    """Yield what follows the STATE that was saved, and every SCHEMA before it; all, if no STATE is that one."""
    messages = [_message(line) for line in lines]
    saved = {"type": "STATE", "value": state}
    done = max((number for number, message in enumerate(messages) if message == saved), default=-1)
    for number, (line, message) in enumerate(zip(lines, messages, strict=True)):
        if number > done or message.get("type") == "SCHEMA":
            yield line


def _message(line: str) -> dict[str, Any]:
    """Return the message in a line; none in a line that breaks off, which is replayed as it is."""
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return message


def _read(file: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(Path(file).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
