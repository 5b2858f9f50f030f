"""A run that waits says so: what for, until when, and when it is over."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

MESSAGES = support.lines([support.schema("orders"), support.record("orders", 1), support.state({"upto": 1})])
OVER = re.compile(r"the wait is over after ([0-9]+) s: sending goes on")

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def running(settings: dict[str, Any], folder: Path) -> Iterator[support.Live]:
    """Run the real command line, with one event."""
    with support.Live(settings, folder) as live:
        live.write(MESSAGES)
        live.close()
        yield live


def warning(live: support.Live, text: str) -> str:
    """Wait for a warning with this text; return its line."""
    support.until(lambda: [one for one in live.error.splitlines() if "| WARNING" in one and text in one], 10)
    return next(one for one in live.error.splitlines() if "| WARNING" in one and text in one)


def time_in(line: str) -> float:
    """Return the moment that a line names, in epoch seconds."""
    found = re.search(r"until ([0-9-]+ [0-9:]+) UTC", line)
    assert found is not None, line
    return dt.datetime.fromisoformat(f"{found[1]}+00:00").timestamp()


def test_an_address_where_nobody_listens(tmp_path: Path) -> None:
    """What failed and why, within two seconds; until when it is tried; and how long it took, once it is over."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with running(support.config(f"http://127.0.0.1:{port}", tmp_path, max_outage_seconds=600), tmp_path) as live:
        support.until(lambda: "ledger" in live.error)
        began = time.time()
        line = warning(live, "Zendesk takes nothing (no answer NewConnectionError, connection refused)")
        assert time.time() - began < 2.5
        assert began + 597 < time_in(line) < began + 603
        with Playground(port=port) as playground:
            assert live.wait() == 0
            assert len(playground.events()) == 1
        found = OVER.search(live.error)
        assert found is not None
        assert 1 <= int(found[1]) <= time.time() - began + 1


@pytest.mark.parametrize(
    ("fault", "text", "seconds"),
    [
        (Fault(status=503, count=2), "Zendesk takes nothing (HTTP 503", 900),
        (Fault(status=429, retry_after=7), "Zendesk asks to wait (HTTP 429", 7),
        (Fault(status=503, retry_after=7), "Zendesk asks to wait (HTTP 503", 7),
        (Fault(status=500, on="token", count=2), "Zendesk takes nothing (the token endpoint answered HTTP 500", 900),
    ],
)
def test_a_zendesk_that_takes_nothing_for_a_while(fault: Fault, text: str, seconds: int, tmp_path: Path) -> None:
    """Told within two seconds of the answer, with its status and the time until which it is waited; then its end."""
    with Playground() as playground:
        playground.set_faults(fault)
        settings = support.config(
            playground.url, tmp_path, on_unknown_outcome="retry", client_id="me", client_secret="secret-1"
        )
        with running(settings, tmp_path) as live:
            support.until(lambda: any(one.status for one in playground.requests() if one.fault is not None))
            began = time.time()
            line = warning(live, text)
            assert time.time() - began < 2
            assert abs(time_in(line) - began - seconds) < 3
            assert live.wait() == 0
            assert len(OVER.findall(live.error)) == 1
            assert len(playground.events()) == 1


def test_another_run_that_has_claimed_the_event(tmp_path: Path) -> None:
    """Who waits for another run's outcome says so, and then counts it as a duplicate."""
    with Playground() as playground:
        playground.set_faults(Fault(delay=8))
        settings = support.config(playground.url, tmp_path)
        (tmp_path / "other").mkdir()
        with running(settings, tmp_path) as first:
            support.until(lambda: playground.requests())
            with running(settings, tmp_path / "other") as second:
                line = warning(second, "1 thing to send waits for a claim in the ledger, by another run")
                assert re.search(r"by another run, 2[0-9]{7}T[0-9]{6}Z-[0-9a-f]{6}, under way since 2[0-9-]+ ", line)
                assert abs(time_in(line) - time.time()) < 30
                assert (first.wait(), second.wait()) == (0, 0)
                assert len(OVER.findall(second.error)) == 1
                assert " duplicate=1 " in second.error
        assert len(playground.events()) == 1


def test_a_moment_s_trouble_is_no_news(tmp_path: Path) -> None:
    """One failed request that goes well a second later is not told of."""
    with Playground() as playground:
        playground.set_faults(Fault(status=429, retry_after=1))
        ended, error = support.run_process(support.config(playground.url, tmp_path), MESSAGES, tmp_path)
        assert ended.exit_code == 0
        assert "takes nothing" not in error
        assert not OVER.search(error)


def test_an_event_under_suspicion_is_told_of(tmp_path: Path) -> None:
    """Ten seconds without a word would look like a run that hangs."""
    with Playground() as playground:
        playground.set_faults(Fault(status=403, count=None))
        with support.Live(support.config(playground.url, tmp_path), tmp_path) as live:
            live.write(MESSAGES)
            warning(live, "a request was refused (HTTP 403 PermissionDenied")
            live.close()
            assert live.wait() == 0
