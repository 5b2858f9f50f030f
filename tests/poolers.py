"""A PgBouncer of one's own in front of a PostgreSQL server."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.clusters import folder_of_nobody, free_port, not_as_root

PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"
"""Debian keeps it where only root's PATH leads."""


def pgbouncer() -> str | None:
    """Return the program, None where it is not installed."""
    return shutil.which("pgbouncer", path=PLACES)


class Pooler:
    """Gives two connections to the server to all who come; `settings` are PgBouncer's own."""

    def __init__(self, server: str, folder: Path, **settings: str) -> None:
        """Write its configuration; start nothing."""
        parts = urlsplit(server)
        self.port = free_port()
        self.url = f"postgresql://{parts.username}@127.0.0.1:{self.port}{parts.path}"
        plain = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "default_pool_size": "2",
            "server_login_retry": "1",
            "logfile": f"{folder}/log",
            **settings,
        }
        self._file = folder / "pgbouncer.ini"
        database = f"* = host={parts.hostname} port={parts.port} user={parts.username}"
        lines = ["[databases]", database, "[pgbouncer]", *(f"{name} = {value}" for name, value in plain.items())]
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns once it listens."""
        command = not_as_root(str(pgbouncer()), "--quiet", str(self._file))
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        ends_at = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < ends_at, self._file.with_name("log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once, with every connection."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


@contextlib.contextmanager
def pooling(server: str, **settings: str) -> Iterator[Pooler]:
    """Have a pooler in front of the server meanwhile."""
    with folder_of_nobody() as folder:
        pooler = Pooler(server, folder, **settings)
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.stop()
