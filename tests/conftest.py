"""What tests share: a served playground, nothing of the developer's environment, nobody's signal handlers."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from environments import Environments

from target_zendesk_events.playground.server import Playground

OURS = ("TARGET_ZENDESK_EVENTS_", "ZENDESK_EVENTS_PLAYGROUND", "MELTANO_PROJECT_ROOT")
POSTGRESQL = "ZENDESK_EVENTS_TEST_POSTGRESQL"

FUZZ = "ZENDESK_EVENTS_TEST_FUZZ"
"""How many runs a fuzzer makes, with examples that nobody drew before; unset, a commit has the same each time."""

hypothesis.settings.register_profile(
    "any machine",
    deadline=None,  # how long an example takes says how busy the machine is
    derandomize=FUZZ not in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


LONGEST = (
    "test_granted_less.py", "test_clocks.py", "test_any_stream.py", "test_outcomes.py", "test_contest.py",
    "test_soak.py", "test_contributing.py",
)  # fmt: skip
"""The files whose tests take half a minute and more (`--durations=20`)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the longest out: each of xdist's processes, which get equal runs of the list, begins with some of them.

    So none is left alone with them at the end.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [item for item in items if item.path.name in LONGEST]
    others = [item for item in items if item.path.name not in LONGEST]
    bounds = [len(others) * place // count for place in range(count + 1)]
    dealt = [longest[place::count] + others[bounds[place] : bounds[place + 1]] for place in range(count)]
    items[:] = [item for share in dealt for item in share]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the environment reaches a test: not a developer's account, not a playground around pytest."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Iterator[None]:
    """Each target takes SIGINT, SIGTERM, SIGHUP and the wake-up pipe; after a test they are pytest's again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    """Serve one playground for all tests of a module."""
    with Playground() as playground:
        yield playground


@pytest.fixture
def playground(served: Playground) -> Playground:
    """Give the module's playground, with nothing in it."""
    served.clear()
    served.set_faults()
    return served


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """Give what installs other people's programs from PyPI. For tests marked `server`."""
    return Environments(tmp_path_factory.mktemp("environments"))


@pytest.fixture(scope="session")
def postgresql_url() -> str:
    """Give the URL of a PostgreSQL that tests may fill: `.ci/run` starts one. For tests marked `server`."""
    url = os.environ.get(POSTGRESQL)
    if not url:
        pytest.fail(f"{POSTGRESQL} names no PostgreSQL: run .ci/run, or set it to the URL of one that may be filled")
    return url


@pytest.fixture
def server_url(postgresql_url: str) -> Iterator[str]:
    """Give the URL of a fresh database on it."""
    import psycopg  # noqa: PLC0415 - only where there is a server

    name = f"ledger_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"{postgresql_url.rpartition('/')[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an SQLite file that is not there yet, or a fresh database on the server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.sqlite"
    url: str = request.getfixturevalue("server_url")
    return url
