"""A PostgreSQL server of one's own: made in a folder, started on a free port, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PLACES = ("/usr/lib/postgresql", "/usr/local/bin", "/usr/bin", "/opt/homebrew/opt")
USER = "tester"
SYSTEM_USER = "postgres"
"""Who runs the server where this is root, as whom it does not start."""
TICKS = os.sysconf("SC_CLK_TCK")


class Cluster:
    """A server that takes whoever comes from this machine."""

    def __init__(self, folder: Path, programs: Path) -> None:
        """Make its files in `folder`, which `as_nobody` gave, with PostgreSQL's `programs`; start nothing."""
        self._programs = programs
        self._data = folder / "data"
        self.port = free_port()
        self.url = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        run(str(programs / "initdb"), f"--pgdata={self._data}", f"--username={USER}", "--auth=trust", "--encoding=UTF8")

    def start(self) -> None:
        """Start it; returns once it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories=''"
        self._control("start", f"--log={self._data}/log", f"--options={options}")

    def stop(self, mode: str) -> None:
        """Stop it: `fast` ends what is under way, `immediate` is a crash."""
        self._control("stop", f"--mode={mode}")

    def cpu_seconds(self) -> float:
        """Return how long it computed since its start, with all the processes that serve or served connections."""
        pid = (self._data / "postmaster.pid").read_text().split()[0]
        ticks = sum(_ticks(pid)[1:])
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                parent, *spent = _ticks(entry.name)
                ticks += sum(spent) if parent == int(pid) else 0
        return ticks / TICKS

    def _control(self, verb: str, *options: str) -> None:
        run(str(self._programs / "pg_ctl"), f"--pgdata={self._data}", "--wait", *options, verb)


@contextlib.contextmanager
def serving_cluster(programs: Path) -> Iterator[Cluster]:
    """Have a server of one's own meanwhile."""
    with folder_of_nobody() as folder:
        cluster = Cluster(folder, programs)
        cluster.start()
        try:
            yield cluster
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # it may stand still already
                cluster.stop("immediate")


def programs_of_postgres() -> Path | None:
    """Return the folder with PostgreSQL's programs, the newest; None where it is not installed."""
    found = [path for place in PLACES for path in Path(place).glob("**/initdb")]
    return max(found, key=_version).parent if found else None


@contextlib.contextmanager
def folder_of_nobody() -> Iterator[Path]:
    """Make a folder that a server may use which does not run as root."""
    folder = Path(tempfile.mkdtemp())
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, SYSTEM_USER)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(*command: str) -> None:
    """Run a command to its end, not as root. Raises CalledProcessError."""
    subprocess.run(not_as_root(*command), check=True, stdout=subprocess.DEVNULL, cwd="/")  # noqa: S603 - our own


def not_as_root(*command: str) -> list[str]:
    """Return a command that runs as somebody else where this is root."""
    return ["runuser", "-u", SYSTEM_USER, "--", *command] if os.geteuid() == 0 else list(command)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _ticks(pid: str) -> list[int]:
    """Return a process's parent, and the ticks that it and those that it waited for computed; zeros once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [0, 0, 0, 0, 0]
    return [int(fields[1]), *map(int, fields[11:15])]


def _version(path: Path) -> list[int]:
    return [int(part) for part in path.parts if part.isdigit()]
