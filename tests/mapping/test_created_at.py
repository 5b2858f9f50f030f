"""What may stand on a timeline: real times, up to now and a little more."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from target_zendesk_events.codes import without_code
from target_zendesk_events.mapping.created_at import Since, Timeline
from target_zendesk_events.mapping.times import time_zone
from target_zendesk_events.mapping.values import BadValueError
from target_zendesk_events.moments import EPOCH, UTC, Moment

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
PLACEHOLDER = "is a placeholder and no time: of the years 1 to 1900 or 9999, or the Unix time 0"
TOO_FAR = "is more than a day ahead of this machine's clock"


def timeline(zone: dt.tzinfo = UTC, now: float = NOW) -> Timeline:
    """Return a timeline whose clock stands still."""
    return Timeline(zone, lambda: now)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("9999-12-31T23:59:59.999999+00:00", PLACEHOLDER),
        ("0001-01-01T00:00:00+00:00", PLACEHOLDER),
        ("9999-01-01", PLACEHOLDER),
        ("1753-01-01T00:00:00", PLACEHOLDER),
        ("1899-12-30", PLACEHOLDER),
        ("1900-01-01T00:00:00", PLACEHOLDER),
        ("1900-12-31T23:59:59Z", PLACEHOLDER),
        (dt.datetime(9999, 12, 31, tzinfo=UTC), PLACEHOLDER),
        (dt.date(1, 1, 1), PLACEHOLDER),
        (0, PLACEHOLDER),
        (0.0, PLACEHOLDER),
        ("1970-01-01T00:00:00Z", PLACEHOLDER),
        ("1970-01-01 01:00:00+01:00", PLACEHOLDER),
        ("2999-01-01", TOO_FAR),
        ("9998-12-31", TOO_FAR),
        ("2026-11-24T12:00:01Z", TOO_FAR),
        (10**10, TOO_FAR),
        ("0000-00-00 00:00:00", "is no time: an ISO-8601 text, a datetime or a Unix time is one"),
    ],
)
def test_a_placeholder_and_what_is_far_ahead_do_not_stand_on_a_timeline(value: Any, why: str) -> None:
    """What a database writes for `infinity`, for no time at all, or for the end of days would stand there for ever."""
    with pytest.raises(BadValueError) as caught:
        timeline().moment(value)
    assert without_code(str(caught.value)) == why


@pytest.mark.parametrize(
    ("value", "sent", "is_ahead"),
    [
        ("1901-01-01T00:00:00Z", "1901-01-01T00:00:00Z", False),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z", False),
        ("1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.001Z", False),
        (1, "1970-01-01T00:00:01Z", False),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z", False),
        ("2026-11-23T12:00:01Z", "2026-11-23T12:00:01Z", True),
        ("2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z", True),
        ("2026-11-24T20:00:00+08:00", "2026-11-24T12:00:00Z", True),
    ],
)
def test_a_real_time_stands_there(value: Any, sent: str, is_ahead: bool) -> None:
    """Old times do, and one that is ahead by a day at most: its zone may be the wrong one."""
    one = timeline()
    found = one.moment(value)
    assert (str(found), one.is_ahead(found)) == (sent, is_ahead)


def test_a_time_without_an_offset_is_judged_where_it_counts() -> None:
    """22:00 in Auckland is 9:00 in UTC, which is past at noon."""
    auckland = timeline(time_zone("Pacific/Auckland"))
    assert not auckland.is_ahead(auckland.moment("2026-11-23 22:00"))
    assert timeline().is_ahead(timeline().moment("2026-11-23 22:00"))


def test_the_clock_goes_on() -> None:
    """What was ahead is not once its time has come; and the clock is asked for times after its last reading alone."""
    asked: list[float] = []
    readings = iter([NOW, NOW + 10, NOW + 20])

    def wall() -> float:
        asked.append(next(readings))
        return asked[-1]

    one = Timeline(UTC, wall)
    for text, is_ahead, times in [
        ("2026-11-23T12:00:05Z", True, 1),
        ("2026-11-23T11:59:00Z", False, 1),
        ("2026-11-23T12:00:05Z", False, 2),
        ("2026-11-23T12:00:10Z", False, 2),
        ("2026-11-23T12:00:11Z", False, 3),
    ]:
        assert one.is_ahead(one.moment(text)) is is_ahead
        assert len(asked) == times


@pytest.mark.parametrize(("length", "certain", "is_after"), [(None, 0, True), (2, 0, False), (2, 9, True)])
def test_a_length_is_looked_at_again_before_an_event_is_left_out(
    length: int | None, certain: int, is_after: bool
) -> None:
    """By a better clock, asked once; a date stands as it is."""
    asked: list[int] = []

    def clock() -> float:
        asked.append(certain)
        return certain * 86_400.0

    since = Since(Moment(EPOCH + dt.timedelta(days=5)), None if length is None else dt.timedelta(days=length), clock)
    assert not since.is_after(Moment(EPOCH + dt.timedelta(days=5)))
    assert asked == []
    assert since.is_after(Moment(EPOCH + dt.timedelta(days=4))) is is_after
    assert since.is_after(Moment(EPOCH + dt.timedelta(days=4))) is is_after
    assert len(asked) == (length is not None)
