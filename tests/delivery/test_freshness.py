"""When a record of each stream was last settled: told at most once a second, never later than it was."""

from __future__ import annotations

from target_zendesk_events.delivery.freshness import Freshness


def test_the_first_is_told_at_once_and_others_after_a_second() -> None:
    """With the time when they were settled, not when it is told."""
    freshness = Freshness()
    assert not freshness.is_due(100.0)
    freshness.settle(["orders"], 100.0)
    assert freshness.take(100.0, last=False) == {"orders": 100.0}
    freshness.settle(["orders", "logins"], 100.5)
    freshness.settle(["logins"], 100.7)
    assert not freshness.is_due(100.9)
    assert freshness.take(100.9, last=False) == {}
    assert freshness.take(3_700.0, last=False) == {"orders": 100.5, "logins": 100.7}
    assert not freshness.is_pending


def test_the_last_of_a_run_is_told_whatever_the_time() -> None:
    """And once."""
    freshness = Freshness()
    freshness.settle(["orders"], 100.0)
    freshness.take(100.0, last=False)
    freshness.settle(["orders"], 100.1)
    assert freshness.is_pending
    assert freshness.take(100.2, last=True) == {"orders": 100.1}
    assert freshness.take(100.2, last=True) == {}


def test_a_clock_that_went_back_keeps_nothing_untold() -> None:
    """An hour, or any time."""
    freshness = Freshness()
    freshness.settle(["orders"], 5_000.0)
    freshness.take(5_000.0, last=False)
    freshness.settle(["orders"], 1_400.0)
    assert freshness.is_due(1_400.0)
