"""Requests a minute: which hour is drawn, how high, and with which limit."""

from __future__ import annotations

import datetime as dt

import pytest

from target_zendesk_events.playground.chart import MINUTES, chart

LAST = dt.datetime(2026, 3, 2, 10, 15, 40, tzinfo=dt.timezone.utc)


def minute(back: int) -> dt.datetime:
    """Return the minute that began so many minutes before the last one."""
    return LAST.replace(second=0) - dt.timedelta(minutes=back)


def test_it_is_the_hour_that_ends_with_the_last_minute() -> None:
    """Sixty minutes, oldest first; one without requests is there too, and one before the hour is not."""
    drawn = chart({minute(0): (2, 1), minute(59): (4, 0), minute(60): (9, 9)}, LAST, 0)
    assert len(drawn.minutes) == MINUTES
    assert [(one.begins, one.requests) for one in drawn.minutes if one.requests] == [(minute(59), 4), (minute(0), 3)]
    assert (drawn.requests, drawn.refused, drawn.busiest.begins) == (7, 1, minute(59))


@pytest.mark.parametrize(
    ("highest", "limit", "top", "shown"),
    [
        (0, 250, 1, None),
        (0, 0, 1, None),
        (1, 0, 1, None),
        (3, 0, 5, None),
        (25, 100, 100, 100),
        (62, 250, 100, None),
        (63, 250, 250, 250),
        (250, 250, 250, 250),
        (251, 250, 500, 250),
        (1_001, 0, 2_000, None),
    ],
)
def test_its_top_is_a_round_number_and_the_limit_is_drawn_where_it_is_near(
    highest: int, limit: int, top: int, shown: int | None
) -> None:
    """Bars that stay below a quarter of the limit are drawn without it, or they could not be seen."""
    drawn = chart({minute(0): (highest, 0)}, LAST, limit)
    assert (drawn.top, drawn.limit) == (top, shown)
