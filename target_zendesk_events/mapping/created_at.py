"""The times that may stand on a timeline: no placeholder, and none that is yet to come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from target_zendesk_events.mapping.times import moment
from target_zendesk_events.mapping.values import BadValueError
from target_zendesk_events.moments import EPOCH, Moment

FIRST_YEAR: Final = 1901
"""Where systems know no time they write a year before it, 1 or 1900 above all, or the Unix time 0."""
LAST_YEAR: Final = 9998
"""PostgreSQL's `infinity` arrives as the last microsecond of the year 9999."""
_DAY: Final = dt.timedelta(days=1)
_SURELY_REAL: Final = EPOCH + _DAY
"""From here to now no time has to be looked at twice."""


class Timeline:
    """Reads `created_at`, and says what may not stand on a timeline, where it would stay for ever."""

    def __init__(self, zone: dt.tzinfo, wall: Callable[[], float], certain: Callable[[], float] | None = None) -> None:
        """Take times without an offset in `zone`; `wall` is the clock, in Unix seconds.

        `certain` is a better one, asked before a time is refused that is ahead of `wall`.
        """
        self.zone = zone
        self._wall = wall
        self._certain = certain or wall
        self._now = _SURELY_REAL

    def moment(self, value: Any) -> Moment:  # noqa: ANN401 - whatever a record holds
        """Return the time that a value says. Raises BadValueError for what is none, or may not stand there."""
        found = moment(value, self.zone)
        if not _SURELY_REAL < found.second <= self._now:
            self._judge(found)
        return found

    def is_ahead(self, found: Moment) -> bool:
        """Return whether a time that `moment` gave is ahead of the clock."""
        return found.second > self._now

    def _judge(self, found: Moment) -> None:
        if not FIRST_YEAR <= found.second.year <= LAST_YEAR or found == Moment(EPOCH):
            message = "is a placeholder and no time: of the years 1 to 1900 or 9999, or the Unix time 0 [ZE712]"
            raise BadValueError(message)
        if found.second > self._now:  # by the clock's last reading
            self._now = EPOCH + dt.timedelta(seconds=self._wall())
        if found.second > self._now + _DAY:
            self._now = EPOCH + dt.timedelta(seconds=self._certain())
        if found.second > self._now + _DAY:
            message = "is more than a day ahead of this machine's clock [ZE713]"
            raise BadValueError(message)


class Since:
    """From when on an event is new enough; a length counts back from the time that `certain` tells."""

    def __init__(self, start: Moment, length: dt.timedelta | None, certain: Callable[[], float]) -> None:
        """Begin at `start`; with a `length`, which the machine's clock made it of, it is looked at again in doubt."""
        self._start = start
        self._length = length
        self._certain = certain

    def is_after(self, found: Moment) -> bool:
        """Tell whether an event at that time is too old: before it is left out for good, a better clock is asked."""
        if found < self._start and self._length is not None:
            self._start = Moment(EPOCH + dt.timedelta(seconds=self._certain()) - self._length)
            self._length = None
        return found < self._start
