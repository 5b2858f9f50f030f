"""The benchmarks run, and their server counts right: sizes are tiny, so no speed is held against anything."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
Serve = Callable[..., tuple[subprocess.Popen[str], int]]
REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"


def measure(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks to their end."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "250"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start the server with a latency and a limit; return it with its port. It is gone after the test."""
    with contextlib.ExitStack() as started:

        def start(latency: str = "0", per_minute: str = "0") -> tuple[subprocess.Popen[str], int]:
            command = [sys.executable, "-m", "benchmarks.server", latency, per_minute]
            child = started.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            started.callback(child.kill)
            return child, int(next(iter(child.stdout or ())))

        yield start


def answers(port: int, pieces: list[bytes], count: int) -> list[str]:
    """Send pieces on one connection; return the statuses of so many answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b""
        while received.count(b"HTTP/1.1 ") < count:
            received += connection.recv(65536)
    return [part[:3].decode() for part in received.split(b"HTTP/1.1 ")[1:]]


def counts_of(server: subprocess.Popen[str]) -> dict[str, int]:
    """End the server; return what it counted."""
    output, _ = server.communicate(timeout=5)
    counts: dict[str, int] = json.loads(output)
    return counts


@pytest.mark.parametrize(
    "pieces",
    [[REQUEST, REQUEST], [REQUEST + REQUEST], [REQUEST[:20], REQUEST[20:-1], REQUEST[-1:] + REQUEST]],
    ids=["one by one", "at once", "in pieces"],
)
def test_server_answers_whole_requests(serve: Serve, pieces: list[bytes]) -> None:
    """Each request is answered once, however its bytes arrive."""
    server, port = serve()
    assert answers(port, pieces, 2) == ["202", "202"]
    assert counts_of(server) == {"requests": 2, "accepted": 2, "limited": 0, "most_in_a_minute": 2}


def test_server_limits_a_minute(serve: Serve) -> None:
    """Beyond the limit of a minute requests are refused, and counted as arrivals all the same."""
    server, port = serve(per_minute="2")
    assert answers(port, [REQUEST] * 3, 3) == ["202", "202", "429"]
    assert counts_of(server) == {"requests": 3, "accepted": 2, "limited": 1, "most_in_a_minute": 3}


def test_server_ends_with_its_standard_input(serve: Serve) -> None:
    """A server whose starter is gone ends by itself."""
    server, _ = serve()
    assert server.stdin is not None
    server.stdin.close()
    assert server.wait(timeout=5) == 0


@pytest.mark.parametrize("case", ["speed", "known", "filtered", "one", "files", "memory", "about", "keys", "objects"])
def test_case_runs(case: str) -> None:
    """Each case that is quick measures what it says and prints its row."""
    done = measure(case, "--quick")
    assert done.returncode == 0, done.stderr
    assert f"│ {case} " in done.stdout


@pytest.mark.server
def test_the_cost_of_a_shared_ledger_is_measured(postgresql_url: str) -> None:
    """By one process, and by several, on the server that is given."""
    assert postgresql_url
    done = measure("shared", "--quick")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ms CPU a thousand events") == 2


def test_unknown_case_is_refused() -> None:
    """A case that does not exist is a fault of the command line."""
    done = measure("no-such-case")
    assert done.returncode == 2
    assert "no-such-case" in done.stderr
