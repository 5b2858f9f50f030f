"""A process that has imported the target and its verbs, and becomes one of them as often as it is asked.

Run by `forked.py`, with a socket as its standard input: each message on it is a request as JSON, with the three files
of standard input, output and error; the answer is the number of the process.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import pkgutil
import socket
import sys
from typing import Any

import target_zendesk_events


def request(asked: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and its files; none where nobody is there to ask any more."""
    files = array.array("i")
    text, ancillary, *_ = asked.recvmsg(1 << 20, socket.CMSG_SPACE(3 * files.itemsize))
    for _, _, data in ancillary:
        files.frombytes(data[: len(data) - len(data) % files.itemsize])
    return (json.loads(text), list(files)) if text else None


def become(wanted: dict[str, Any], files: list[int]) -> None:
    """Make this process what `python -c` would have begun: its files, folder, session, environment and arguments."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    if wanted["session"]:
        os.setsid()
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv = ["-c", *wanted["arguments"]]
    sys.path[0] = ""


def serve() -> str:
    """Fork for each request; return, in the process that is to run it, the program."""
    asked = socket.socket(fileno=os.dup(0))
    while (received := request(asked)) is not None:
        wanted, files = received
        between = os.fork()
        if between == 0:  # it ends at once, and who asked becomes the parent of what it began
            number = os.fork()
            if number == 0:
                asked.close()
                become(wanted, files)
                return str(wanted["program"])
            asked.send(str(number).encode())
            os._exit(0)
        os.waitpid(between, 0)
        for file in files:
            os.close(file)
        asked.send(b"ready")
    os._exit(0)


for module in pkgutil.walk_packages(target_zendesk_events.__path__, f"{target_zendesk_events.__name__}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
gc.collect()
gc.freeze()  # a collection of a forked one writes on no page of what was imported, which would copy it
exec(serve(), {"__name__": "__main__"})  # noqa: S102 - so that it ends as any program ends
