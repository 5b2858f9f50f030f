"""What a month comes to, by the days before."""

from __future__ import annotations

import datetime as dt

import pytest

from target_zendesk_events.ledger.forecast import month_of


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(f"2026-{text}")


@pytest.mark.parametrize(
    ("now", "by_day", "sent", "at_end"),
    [
        pytest.param("11-11T00:00", {f"11-{n:02}": 100 for n in range(5, 11)}, 600, 600 + 2_000, id="six whole days"),
        pytest.param("11-08T12:00", {"11-02": 50, "11-08": 600}, 9_000, 9_000 + 2_250, id="a backfill of the first"),
        pytest.param("11-01T01:00", {"10-31": 2_300, "11-01": 200}, 200, 200 + 71_900, id="the first hour of a month"),
        pytest.param("11-30T06:00", {"11-30": 40}, 40, 40 + 30, id="an account of today counts as a day old"),
        pytest.param("12-31T23:59", {}, 0, 0, id="nothing was sent"),
        pytest.param("02-10T00:00", {"01-01": 90_000}, 0, 0, id="long ago"),
    ],
)
def test_the_forecast_goes_by_the_last_days(now: str, by_day: dict[str, int], sent: int, at_end: int) -> None:
    """Seven at the most, of the month before too; what was sent longer ago says nothing of the days to come."""
    moment = dt.datetime.fromisoformat(f"2026-{now}+00:00")
    month = month_of({day(one): count for one, count in by_day.items()}, sent, 10_000, moment)
    assert month.at_end == pytest.approx(at_end, rel=0.001)
    assert month.percent == sent / 100


def test_without_a_quota_there_is_no_share() -> None:
    """The numbers are told all the same."""
    month = month_of({}, 5, None, dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc))
    assert (month.percent, month.as_object()["forecast_percent"]) == (None, None)
    assert str(month) == "5 events this month (UTC); at the pace of the last days 5 by its end"
