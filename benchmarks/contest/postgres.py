"""A PostgreSQL of the contest's own, for who keeps his ledger in one."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
from pathlib import Path

from benchmarks.contest.environments import UnavailableError

PLACES = ("/usr/lib/postgresql", "/usr/local/bin", "/usr/bin", "/opt/homebrew/opt")
USER = "contest"


@dataclasses.dataclass(frozen=True, slots=True)
class Postgres:
    """A server on a free port of the loopback address, its data in one folder."""

    programs: Path
    folder: Path
    port: int

    def start(self) -> None:
        """Make it and start it."""
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        initdb = [str(self.programs / "initdb"), f"--username={USER}", "--auth=trust", "--encoding=UTF8"]
        self._as_owner([*initdb, f"--pgdata={self.folder}"])
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories=''"
        self._control("--wait", f"--log={self.folder}/log", "start", f"--options={options}")

    def stop(self) -> None:
        """Stop it."""
        if (self.folder / "postmaster.pid").exists():
            self._control("--mode=fast", "stop")

    def ask(self, statement: str, stdin: str = "") -> list[list[str]]:
        """Return the rows that a statement yields, each a list of texts."""
        connection = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", "postgres"]
        done = subprocess.run(  # noqa: S603 - our own command
            [str(self.programs / "psql"), *connection, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement],
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split("|") for line in done.stdout.splitlines()]

    def _control(self, *arguments: str) -> None:
        self._as_owner([str(self.programs / "pg_ctl"), f"--pgdata={self.folder}", *arguments])

    def _as_owner(self, command: list[str]) -> None:
        """Run one of its programs: they refuse to run as root."""
        as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_owner, *command], stdout=subprocess.DEVNULL, check=True, cwd="/")  # noqa: S603 - our own


def postgres(folder: Path) -> Postgres:
    """Return a server that is not started yet. Raises UnavailableError where PostgreSQL is not installed."""
    found = sorted(path for place in PLACES for path in Path(place).glob("**/initdb"))
    if not found:
        raise UnavailableError("its ledger needs PostgreSQL, and no initdb is on this machine")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Postgres(found[-1].resolve().parent, folder, port)
