"""Processes of the real command line that need not import it anew, which takes most of a short run's time.

On Linux each is forked from one that has imported everything; else, and where a test gives Python another environment,
it is begun as any other.
"""

from __future__ import annotations

import array
import atexit
import ctypes
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

PROGRAMS: Final = {
    "from target_zendesk_events.target import main; main()",
    "from target_zendesk_events.cli import main; main()",
}
"""What is imported when these begin, nothing of theirs having run."""

READ_LATE: Final = (
    "TARGET_ZENDESK_EVENTS_", "ZENDESK_EVENTS_", "MELTANO_PROJECT_ROOT", "PYTEST_CURRENT_TEST", "BROWSER", "TMPDIR",
    "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip
"""What the variables begin with, in capitals, that nothing reads before it runs."""

PLAIN: Final = (True, None, None, None, -1)
"""Signals, users, groups and the mask, of what `_execute_child` is given, where nobody asked for anything of them."""

PR_SET_CHILD_SUBREAPER: Final = 36


def ignored() -> list[int]:
    """Return the signals that a process begun now would ignore."""
    return [number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN]


class Forking:
    """The process that forks, and the way to ask it."""

    def __init__(self) -> None:
        """Begin it; it ends with this process."""
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = dict(os.environ)
        self._ignored = ignored()
        self._lock = threading.Lock()
        self._adopt = ctypes.CDLL(None).prctl
        with theirs:
            command = [sys.executable, str(Path(__file__).parent / "begun.py")]
            pipe = subprocess.PIPE  # of which Python knows that it has no place to go back to, as a file has
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=pipe, stderr=pipe)
        atexit.register(self._end)

    def may_run(self, environment: Mapping[str, str]) -> bool:
        """Tell whether a program in this environment differs in nothing that was read before."""
        others = set(environment.items()) ^ set(self._environment.items())
        return ignored() == self._ignored and all(name.upper().startswith(READ_LATE) for name, _ in others)

    def run(self, request: dict[str, Any], files: Sequence[int]) -> int:
        """Have a child of this process begin; return its number."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
        with self._lock:
            self._adopt(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            self._asks.sendmsg([json.dumps(request).encode()], rights)
            number = self._asks.recv(100)
            if not number:
                raise RuntimeError(self._process.communicate()[1].decode())
            self._asks.recv(100)  # the one between has ended
            self._adopt(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        return int(number)

    def _end(self) -> None:
        self._asks.close()
        self._process.communicate(timeout=10)


@functools.cache
def forking() -> Forking:
    """Return the one that forks for this process."""
    return Forking()


class _Popen(subprocess.Popen[Any]):
    """Forks `[sys.executable, "-c", one of PROGRAMS, *arguments]`; begins what is none of these as ever."""

    def _execute_child(self, *given: Any) -> None:
        command, executable, before, _, passed, folder, environment, _, _, shell, *pipes = given[:16]
        environment = dict(os.environ if environment is None else environment)
        python, *begins = [command] if isinstance(command, str | bytes) else map(str, command)
        is_ours = python == sys.executable and begins[:1] == ["-c"] and begins[1] in PROGRAMS
        session, *group = given[21:]
        is_plain = not (executable or before or passed or shell) and given[16:21] == PLAIN and group in ([], [-1])
        if not (is_ours and is_plain and sys.platform == "linux" and forking().may_run(environment)):
            super()._execute_child(*given)  # type: ignore[misc]
            return
        request = {
            "program": begins[1],
            "arguments": begins[2:],
            "folder": str(folder or Path.cwd()),
            "environment": environment,
            "session": session,
        }
        files = (pipes[0], pipes[3], pipes[5])
        self.pid = forking().run(request, [number if file == -1 else file for number, file in enumerate(files)])
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def _run(
    command: Sequence[str],
    *,
    input: Any = None,  # noqa: A002 - the names of `subprocess.run`
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **others: Any,
) -> subprocess.CompletedProcess[Any]:
    """As `subprocess.run` does."""
    if input is not None:
        others["stdin"] = subprocess.PIPE
    if capture_output:
        others["stdout"] = others["stderr"] = subprocess.PIPE
    with _Popen(command, **others) as process:
        try:
            output, error = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    ended = subprocess.CompletedProcess(command, process.returncode, output, error)
    if check:
        ended.check_returncode()
    return ended


if TYPE_CHECKING:
    Popen, run = subprocess.Popen, subprocess.run
else:
    Popen, run = _Popen, _run
