"""Who waits for another run says so, in time, and ever more seldom."""

from __future__ import annotations

import pytest

from target_zendesk_events.delivery.others import Others
from target_zendesk_events.ledger.ledger import Holder

NOON = 1_795_521_600.0
HOLDER = Holder("20261124T115958Z-0a1b2c", NOON - 2, NOON + 6)


def told_at(others: Others, holder: Holder, times: list[float], caplog: pytest.LogCaptureFixture) -> list[float]:
    """Note a wait at these times; return those at which it was told."""
    told = []
    for time in times:
        caplog.clear()
        others.note(holder, time)
        told += [time] * len(caplog.records)
    return told


def test_a_wait_is_told_after_a_few_seconds_and_ever_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing for three seconds; then three times a length that grows threefold."""
    times = [number / 2 for number in range(200)]
    assert told_at(Others(), HOLDER, times, caplog) == [3.0, 9.0, 27.0, 81.0]


def test_it_says_which_run_since_when_and_until_when(caplog: pytest.LogCaptureFixture) -> None:
    """All that a person needs to look for it."""
    others = Others()
    told_at(others, HOLDER, [0.0, 1.5], caplog)
    others.note(HOLDER, 3.0)
    [told] = caplog.messages
    assert told == (
        "waiting for another run, 20261124T115958Z-0a1b2c, under way since 2026-11-24 11:59:58 UTC: it has claimed "
        "what is to be sent next, and holds it until 2026-11-24 12:00:06 UTC, or longer if it lives"
    )


def test_short_waits_one_after_another_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """Two runs that are sent the same wait for each other now and then: that is no news."""
    times = [start + step for start in range(0, 100, 5) for step in (0.0, 0.5, 1.0, 1.5)]
    assert told_at(Others(), HOLDER, times, caplog) == []
