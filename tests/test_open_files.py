"""Many streams with dead letters need many open files: the limit is raised, and named where it is reached."""

from __future__ import annotations

import errno
import resource
import sys
from pathlib import Path

import pytest
import support

from target_zendesk_events.errors import StorageError
from target_zendesk_events.open_files import hint, shortage
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

STREAMS = 300


def caused(code: int) -> StorageError:
    """Return an error of ours as it is raised where a file cannot be opened."""
    fault = StorageError("dead letters cannot be written")
    fault.__cause__ = OSError(code, "it says")
    return fault


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (caused(errno.EMFILE), "files open (ulimit -n)"),
        (caused(errno.ENFILE), "this machine has as many files open as it may"),
        (OSError(errno.EMFILE, "it says"), "files open (ulimit -n)"),
        (caused(errno.ENOSPC), None),
        (ValueError("other"), None),
    ],
)
def test_what_came_of_too_many_files_is_told(fault: Exception, told: str | None) -> None:
    """The cause decides, however deep it stands."""
    said = hint(fault)
    assert said is None if told is None else said is not None and told in said


def test_there_is_no_shortage_here() -> None:
    """Nothing stays open of the asking."""
    assert shortage(4) is None


def run(folder: Path, soft: int, hard: int, streams: int, *, sends: bool = False) -> tuple[support.Ended, str]:
    """Run the real command line within these limits, on so many streams with a record that fails its schema."""
    limited = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "from target_zendesk_events.scripts import target_zendesk_events as target; target()"
    )
    messages = []
    for number in range(streams):
        stream = f"orders_{number}"
        bad = [support.record(stream, "no number"), support.state({"upto": number})]
        messages += [support.schema(stream), *(bad if not sends else [support.record(stream, number)])]
    with Playground() as served:
        settings = support.config(served.url, folder)
        done = support.command(settings, folder, given=support.lines(messages), program=[sys.executable, "-c", limited])
    return support.ended(done.returncode, done.stdout.decode(), folder / "data"), done.stderr.decode()


def test_the_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    """More streams set aside than the soft limit has files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ended, error = run(tmp_path, 64, min(1_024, hard if hard > 0 else 1_024), STREAMS)
    assert ended.exit_code == 0, error
    assert len(ended.letters) == STREAMS
    assert ended.states[-1] == {"upto": STREAMS - 1}


def test_the_hard_limit_is_named(tmp_path: Path) -> None:
    """Beyond it the run stops: exit 1, no STATE ahead of the letters, the limit and its command named."""
    ended, error = run(tmp_path, 64, 64, STREAMS)
    assert ended.exit_code == 1
    assert "dead letters cannot be written" in error
    assert "this process may have 64 files open (ulimit -n)" in error
    assert "Traceback" not in error
    assert "fault of the target itself" not in error
    assert ended.states == [] or ended.states[-1]["upto"] < len(ended.letters)
    assert ended.report["exit_code"] == 1


@pytest.mark.parametrize("limit", range(6, 30, 2))
def test_wherever_the_files_end_the_limit_is_named(limit: int, tmp_path: Path) -> None:
    """Configuration, ledger, pipes or connections: whatever lacks a file first, exit 1 and the limit, or it works."""
    ended, error = run(tmp_path, limit, limit, 2, sends=True)
    if ended.exit_code:
        assert ended.exit_code == 1, error
        assert f"this process may have {limit} files open (ulimit -n)" in error
        assert "Traceback" not in error
