"""The rate that works where others draw on the account, on a fake clock."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_zendesk_events.limits.found_rate import FoundRate, Place


def lowered(wall: int = 150, now: float = 0.0) -> FoundRate:
    """Return the rate of 250 after two 429s that came while so many places were held."""
    found = FoundRate(250)
    for _ in range(2):
        found.note_limited(Place(now, 1), now, wall)
    return found


def test_without_a_word_all_is_allowed() -> None:
    """Nothing is lower before anything was told."""
    found = FoundRate(250)
    assert found.places(0.0) == 250
    assert not found.is_lower(0.0)
    assert found.reaches(250) == -math.inf
    assert found.reaches(251) == math.inf


def test_a_429_that_comes_alone_is_only_obeyed() -> None:
    """One changes nothing, nor does another that comes more than two minutes later; one that comes sooner does."""
    found = FoundRate(250)
    for now in (0.0, 121.0, 242.5):
        found.note_limited(Place(now, 1), now, 150)
        assert found.places(now) == 250
    found.note_limited(Place(300.0, 2), 300.0, 150)
    assert found.places(300.0) == 145


def test_what_is_lowered_creeps_back_to_what_worked_and_then_past_it_ever_faster() -> None:
    """It is at what worked after a good minute, a few past it after two, and at all of it within five."""
    found = lowered()
    assert [found.places(60.0 * minute) for minute in (0, 1, 1.2, 2, 3, 4, 5)] == [145, 149, 150, 152, 170, 224, 250]


def test_a_429_counts_at_once_where_the_rate_is_lowered() -> None:
    """However long after the one before: the wall was met on the way back."""
    found = lowered()
    found.note_limited(Place(170.0, 3), 170.0, 140)
    assert found.places(170.0) == 135


def test_what_was_under_way_counted_as_having_a_place() -> None:
    """A 429 to an attempt that started before the rate was lowered takes one place from what worked, and no share."""
    found = lowered(now=10.0)
    for _ in range(3):
        found.note_limited(Place(9.0, 1), 11.0, 20)
    assert found.wall == 147


def test_headers_lower_before_the_wall_is_hit() -> None:
    """Where they tell of no room beside 150 that worked, 150 are allowed, and more from then on; never is it raised."""
    found = FoundRate(250)
    found.note_wall(150, 0.0)
    assert found.places(0.0) == 150
    assert found.places(60.0) == 153
    found.note_wall(200, 0.0)
    assert found.places(0.0) == 150


def test_one_may_always_go() -> None:
    """Where nothing works, one place is left, as the way to learn that something does."""
    found = lowered(0)
    found.note_limited(Place(-1.0, 1), 0.0, 0)
    assert found.places(0.0) == 1
    found.note_wall(0, 1.0)
    assert found.places(1.0) == 1


@pytest.mark.parametrize(("seconds", "waits"), [(40.0, 67.5), (60.0, 780.0), (800.0, 1_800.0)])
def test_a_wait_that_costs_a_minute_is_not_risked_soon_again(seconds: float, waits: float) -> None:
    """Twelve times as long, half an hour at most, what surely works is kept to; a shorter wait is the minute's own."""
    found = lowered()
    found.note_lost(seconds, 0.0)
    assert found.level_at == pytest.approx(waits, abs=0.1)
    assert found.places(max(0.0, waits - 68)) == 145
    assert found.places(waits) == 150


def test_a_wait_for_something_else_costs_nothing() -> None:
    """Only the wait that the 429 of just now asked for is held against the search."""
    found = lowered()
    level_at = found.level_at
    found.note_lost(500.0, 1.0)
    assert found.level_at == level_at


def test_what_others_found_is_taken_over() -> None:
    """It is as if it had been found here; an attempt that was under way then takes one place from it."""
    found = FoundRate(250)
    found.take_over(150, 100.0, 50.0)
    assert found.places(100.0) == 150
    found.note_limited(Place(40.0, 1), 60.0, 20)
    assert found.wall == 149


def test_what_a_clock_that_was_ahead_has_told_counts_as_nothing() -> None:
    """What may be used in full only in more than an hour was never told."""
    found = FoundRate(250)
    found.take_over(150, 10_000.0, 0.0)
    assert found.places(0.0) == 250


@settings(deadline=None)
@given(wall=st.integers(0, 249), places=st.integers(1, 250), later=st.floats(0.001, 1_000))
def test_what_will_be_reached_is_told_to_the_moment(wall: int, places: int, later: float) -> None:
    """At the moment told, so many may be taken, and no longer after fewer; a second before, not yet."""
    found = lowered(wall)
    moment = max(0.0, found.reaches(places))
    assert found.places(moment) >= places
    assert found.places(moment + later) >= places
    if moment > 0:
        assert found.places(moment - 1.0) < places or found.places(0.0) >= places
