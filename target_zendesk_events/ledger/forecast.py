"""What a month comes to: what was sent of its quota, and what it will be at its end. Pure."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

DAYS_LOOKED_AT: Final = 7
"""A backfill of longer ago says nothing of the days to come."""
DAY: Final = dt.timedelta(days=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Month:
    """A calendar month (UTC) of an account: events sent so far, its quota (None without one), and the forecast."""

    sent: int
    quota: int | None
    at_end: int
    """What will have been sent at its end, at the pace of the last days."""

    @property
    def percent(self) -> float | None:
        """The share of the quota that is used; None without one."""
        return _percent(self.sent, self.quota)

    def __str__(self) -> str:
        """Return it in a sentence."""
        share, share_at_end = _percent(self.sent, self.quota), _percent(self.at_end, self.quota)
        of = "" if share is None else f", {share:.1f} % of the quota of {self.quota:,}"
        of_end = "" if share_at_end is None else f" ({share_at_end:.1f} %)"
        forecast = f"at the pace of the last days {self.at_end:,} by its end{of_end}"
        return f"{self.sent:,} events this month (UTC){of}; {forecast}"

    def as_object(self) -> dict[str, Any]:
        """Return it for `--json`, shares in percent."""
        numbers = {"sent": self.sent, "quota": self.quota, "percent": self.percent}
        return {**numbers, "forecast": self.at_end, "forecast_percent": _percent(self.at_end, self.quota)}


def month_of(by_day: Mapping[dt.date, int], sent: int, quota: int | None, now: dt.datetime) -> Month:
    """Return the month that `now` (in UTC) lies in, of which `sent` is counted; `by_day` holds older days too."""
    today = now.date()
    first = max(min(by_day, default=today), today - (DAYS_LOOKED_AT - 1) * DAY)
    begun = dt.datetime.combine(first, dt.time(), dt.timezone.utc)
    counted = sum(count for day, count in by_day.items() if day >= first)
    next_month = (today.replace(day=1) + 31 * DAY).replace(day=1)
    left = dt.datetime.combine(next_month, dt.time(), dt.timezone.utc) - now
    return Month(sent, quota, sent + round(counted * (left / max(now - begun, DAY))))


def _percent(count: int, quota: int | None) -> float | None:
    return None if not quota else count * 100 / quota
