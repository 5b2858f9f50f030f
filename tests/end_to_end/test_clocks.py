"""A clock that is wrong, by hours or by a year, in one run of several: no event is lost, none shows twice."""

from __future__ import annotations

import datetime as dt
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

AT = "2024-01-31T10:00:00Z"
HOUR, DAY = 3_600, 86_400
WRONG = (2 * HOUR, -2 * HOUR, 3 * DAY, -3 * DAY, 400 * DAY, -400 * DAY)


def wrong_by(seconds: float) -> list[str]:
    """Return the real command line on a machine whose clock is so wrong."""
    program = (
        f"import time; right = time.time; time.time = lambda: right() + {seconds}; "
        "from target_zendesk_events.target import main; main()"
    )
    return [sys.executable, "-c", program]


def jumping(seconds: float) -> list[str]:
    """Return it on a machine whose clock jumps by so much after a second, and back after two more."""
    program = (
        "import time; right, steady, begun = time.time, time.monotonic, time.monotonic(); "
        f"time.time = lambda: right() + ({seconds} if 1 <= steady() - begun < 3 else 0); "
        "from target_zendesk_events.target import main; main()"
    )
    return [sys.executable, "-c", program]


def run(
    playground: Playground,
    folder: Path,
    numbers: Sequence[int],
    program: Sequence[str] = support.TARGET,
    at: str = AT,
    **others: Any,
) -> str:
    """Run it to its end, which must be a good one; return what it said."""
    records = [support.record("orders", one, at=at) for one in numbers]
    messages = [support.schema("orders"), *records, support.state({"a": 1})]
    settings = support.config(playground.url, folder, **others)
    done = support.command(settings, folder, given=support.lines(messages), program=program)
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr.decode()


def stored(playground: Playground) -> Counter[int]:
    """Count the events on timelines, by record."""
    return Counter(event.body["event"]["properties"]["number"] for event in playground.events())


@pytest.mark.parametrize("seconds", [2 * HOUR, -2 * HOUR, 400 * DAY])
def test_what_a_run_with_a_wrong_clock_left_in_flight_is_taken_over(seconds: float, tmp_path: Path) -> None:
    """Killed with a clock that was wrong, it holds nothing back for longer than any run that is killed."""
    with Playground(delay=0.4) as playground:
        first = tmp_path / "first"
        first.mkdir()
        messages = [support.schema("orders"), *(support.record("orders", one, at=AT) for one in range(40))]
        settings = support.config(playground.url, tmp_path, max_in_flight=4)
        with support.Live(settings, first, program=wrong_by(seconds)) as killed:
            killed.feed(support.lines(messages))
            support.until(lambda: len(playground.events()) >= 8)
            killed.process.send_signal(signal.SIGKILL)
            killed.process.wait()
        since = time.monotonic()
        said = run(playground, tmp_path, range(40), max_in_flight=4)
        assert time.monotonic() - since < 25
        assert stored(playground) == Counter(range(40))
        assert "wait for a claim in the ledger, by another run, " in said


@pytest.mark.parametrize("created_at", ["{{ at }}", None])
def test_what_was_sent_before_an_answer_told_the_time_is_read_back(created_at: str | None, tmp_path: Path) -> None:
    """Killed before its first answer with a clock that was ahead: its events are found, also when that time came."""
    with Playground(delay=4) as playground:
        event = {**support.RULE["event"], "created_at": created_at}
        policy: dict[str, Any] = {"max_in_flight": 4, "on_unknown_outcome": "verify"}
        policy["rules"] = [{**support.RULE, "event": {name: value for name, value in event.items() if value}}]
        first = tmp_path / "first"
        first.mkdir()
        messages = [support.schema("orders"), *(support.record("orders", one, at=AT) for one in range(4))]
        settings = support.config(playground.url, tmp_path, **policy)
        with support.Live(settings, first, program=wrong_by(8)) as killed:
            killed.feed(support.lines(messages))
            support.until(lambda: len(playground.events()) >= 4)
            killed.process.send_signal(signal.SIGKILL)
            killed.process.wait()
        playground.set_delay(0)
        time.sleep(8)
        run(playground, tmp_path, range(4), **policy)
        assert stored(playground) == Counter(range(4))


@pytest.mark.parametrize("policy", ["verify", "retry"])
@pytest.mark.parametrize("seconds", WRONG)
def test_a_clock_that_jumps_within_a_run_costs_nothing(seconds: float, policy: str, tmp_path: Path) -> None:
    """Forward and back while events are in flight, and another run waits for the same: each shows once, in time."""
    with Playground(delay=0.2) as playground:
        settings: dict[str, Any] = {"max_in_flight": 4, "on_unknown_outcome": policy}
        other = tmp_path / "other"
        other.mkdir()
        records = [support.record("orders", one, at=AT) for one in range(80)]
        ledger = f"sqlite:///{tmp_path}/data/ledger.sqlite"
        config = support.config(playground.url, other, ledger_url=ledger, **settings)
        since = time.monotonic()
        with support.Live(config, other, program=jumping(seconds)) as second:
            second.feed(support.lines([support.schema("orders"), *records, support.state({"a": 1})]))
            run(playground, tmp_path, range(80), jumping(seconds), **settings)
            second.close()
            assert second.wait(40) == 0, second.error
        assert time.monotonic() - since < 30
        assert stored(playground) == Counter(range(80))


@pytest.mark.parametrize("seconds", WRONG)
@pytest.mark.parametrize("token_seconds", [None, 2.0])
def test_a_jump_costs_a_token_at_most(seconds: float, token_seconds: float | None, tmp_path: Path) -> None:
    """While the clock jumps and comes back, tokens are renewed as they end by Zendesk's time, and no event is lost."""
    given = {"client_id": "pipeline", "client_secret": "of-the-test"}
    with Playground(delay=0.2, credentials=Credentials(**given), token_seconds=token_seconds) as playground:
        run(playground, tmp_path, range(40), jumping(seconds), max_in_flight=2, **given)
        assert stored(playground) == Counter(range(40))
        tokens = [one for one in playground.requests() if one.path.startswith("/oauth/tokens")]
        assert len(tokens) <= (3 if token_seconds is None else 8)


@pytest.mark.parametrize("seconds", WRONG)
def test_a_run_with_a_wrong_clock_forgets_nothing(seconds: float, playground: Playground, tmp_path: Path) -> None:
    """Before and after it the clock is right: what was sent is sent once, and it says that the clock is wrong."""
    run(playground, tmp_path, range(120))
    said = run(playground, tmp_path, range(60, 130), wrong_by(seconds), ledger_retention_days=30)
    run(playground, tmp_path, range(140), ledger_retention_days=30)
    assert stored(playground) == Counter(range(140))
    assert f"{'ahead of' if seconds > 0 else 'behind'} Zendesk's" in said


@pytest.mark.parametrize("seconds", [-3 * DAY, -400 * DAY])
def test_a_clock_that_is_behind_the_last_run_sets_nothing_aside(
    seconds: float, playground: Playground, tmp_path: Path
) -> None:
    """What happened a moment ago is not yet to come: the time is later than when the last run ended."""
    at = dt.datetime.now(dt.timezone.utc).isoformat()
    run(playground, tmp_path, range(5), at=at)
    run(playground, tmp_path, range(10), wrong_by(seconds), at=at)
    assert stored(playground) == Counter(range(10))


@pytest.mark.parametrize("seconds", [3 * DAY, 400 * DAY])
def test_a_length_counts_back_from_the_right_time(seconds: float, playground: Playground, tmp_path: Path) -> None:
    """With a clock that is ahead, what happened within `since` is not left out as too old; what is older is."""
    now = dt.datetime.now(dt.timezone.utc)
    for days, number in [(1, 1), (10, 2)]:
        at = (now - dt.timedelta(days=days)).isoformat()
        run(playground, tmp_path, [number], wrong_by(seconds), at=at, since="2 days")
    assert stored(playground) == Counter({1: 1})


def test_a_clock_that_is_behind_sets_nothing_aside(playground: Playground, tmp_path: Path) -> None:
    """In a machine's very first run: Zendesk is asked what time it is before a record is refused as ahead of it."""
    said = run(playground, tmp_path, [1, 2], wrong_by(-3 * DAY), at=dt.datetime.now(dt.timezone.utc).isoformat())
    assert stored(playground) == Counter({1: 1, 2: 1})
    assert "behind Zendesk's" in said
    asked = [one for one in playground.requests() if one.path.startswith("/api/v2/users/me")]
    assert len(asked) == 1


def test_what_is_ahead_of_every_clock_is_set_aside(playground: Playground, tmp_path: Path) -> None:
    """As by the right time it is; Zendesk is asked once a run."""
    ahead = (dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=3)).isoformat()
    said = run(playground, tmp_path, [1, 2, 3], at=ahead)
    assert "set aside 3 unmappable: rule '*:{{ kind }}': event.created_at: is more than a day ahead" in said
    assert len([one for one in playground.requests() if one.path.startswith("/api/v2/users/me")]) == 1
