"""Any way of writing a time, understood and written as UTC. Pure."""

from __future__ import annotations

import datetime as dt
import functools
import re
from decimal import Decimal
from typing import Any, Final

import msgspec

UTC = dt.timezone.utc
EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, as a Moment holds it
UNIX_UNITS: Final = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
"""From which magnitude on a Unix time counts nanoseconds, microseconds and milliseconds, and how many make a second.

As seconds, 10^11 would be the year 5138; the same number of milliseconds is in 1973.
"""

_DAY: Final = dt.timedelta(days=1)
_ISO: Final = re.compile(
    r"""(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)
        (?:(?:[Tt]|\ +)
           (?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?
           \ *(?P<offset>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?(?::?\d\d)?)?)?""",
    re.VERBOSE | re.ASCII,
)
_WEEK_OR_ORDINAL: Final = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?:[Ww](?P<week>\d\d)(?P=dash)(?P<weekday>\d)|(?P<ordinal>\d{3}))(?=[Tt ]|$)", re.ASCII
)
_IN_UTC: Final = ("Z", "+00:00")
_UNIX: Final = re.compile(r"-?\d{9,}(?:\.\d+)?", re.ASCII)


class Moment(msgspec.Struct, frozen=True, order=True):
    """A point in time: whole seconds in UTC (naive: its text is what is asked for), and the nanoseconds beside them."""

    second: dt.datetime
    nanoseconds: int = 0

    def __str__(self) -> str:
        """Return ISO-8601 with `Z`, and with 3, 6 or 9 digits below the second where there are any."""
        second = self.second.isoformat()
        if not self.nanoseconds:
            return f"{second}Z"
        digits = f"{self.nanoseconds:09d}"
        kept = next(kept for kept in (3, 6, 9) if not digits[kept:].strip("0"))
        return f"{second}.{digits[:kept]}Z"

    @property
    def as_datetime(self) -> dt.datetime:
        """The time to the microsecond."""
        return self.second.replace(microsecond=self.nanoseconds // 1000, tzinfo=UTC)


def moment_of(value: Any, zone: dt.tzinfo) -> Moment:  # noqa: ANN401 - whatever a record holds
    """Return the time that a value says, `zone` counting where it names no offset.

    Takes a datetime, a date, ISO-8601 text (a space for the T too, week and ordinal dates, 24:00) or a Unix time.
    Raises ValueError or ArithmeticError for what is no time, OverflowError for one that no calendar holds.
    """
    if isinstance(value, str):
        return _of_text(value.strip(), zone)
    if isinstance(value, dt.datetime):
        return _of_datetime(value, zone)
    if isinstance(value, dt.date):
        return _of_datetime(dt.datetime(value.year, value.month, value.day), zone)  # noqa: DTZ001 - zone follows
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _of_unix(value if isinstance(value, Decimal) else Decimal(str(value)))
    raise ValueError


def in_utc(seconds: float) -> str:
    """Return a time in epoch seconds as ISO-8601 in UTC, to the second."""
    return dt.datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def is_date(value: Any) -> bool:  # noqa: ANN401 - whatever a record holds
    """Tell whether a value is a day without a time of day, which is the same day in every zone."""
    if not isinstance(value, str):
        return isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    text = value.strip()
    found = _ISO.fullmatch(text) or _WEEK_OR_ORDINAL.fullmatch(text)
    return found is not None and not found.groupdict().get("hour")


def _of_datetime(value: dt.datetime, zone: dt.tzinfo) -> Moment:
    local = value if value.tzinfo else value.replace(tzinfo=zone)
    utc = local if local.tzinfo is UTC else local.astimezone(UTC)
    return Moment(utc.replace(microsecond=0, tzinfo=None), value.microsecond * 1000)


def _of_text(text: str, zone: dt.tzinfo) -> Moment:
    if text[19:] in _IN_UTC and text[10] == "T" and text[16] == ":":  # as most taps write it: a fourth of the time
        try:
            return Moment(dt.datetime.fromisoformat(text[:19]))
        except ValueError:
            pass  # a form that is read below, or no time
    found = _ISO.fullmatch(text)
    if found is None:
        return _of_other_text(text, zone)
    year, _, month, day, hour, minute, second, fraction, offset = found.groups()
    if hour == "24":
        return _of_midnight(found, zone)
    named = dt.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001 - zone follows
    zone = _offset(offset) if offset else zone
    utc = named if zone is UTC else named.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    return Moment(utc, int(fraction[:9].ljust(9, "0")) if fraction else 0)


def _of_other_text(text: str, zone: dt.tzinfo) -> Moment:
    """Return the time of a text with a week date (2026-W44-7), an ordinal date (2026-305), or of a Unix time."""
    found = _WEEK_OR_ORDINAL.match(text)
    if found:
        return _of_text(f"{_day_of(found)}{text[found.end() :]}", zone)
    if _UNIX.fullmatch(text):
        return _of_unix(Decimal(text))
    raise ValueError


def _day_of(found: re.Match[str]) -> dt.date:
    year = int(found["year"])
    if found["week"]:
        return dt.date.fromisocalendar(year, int(found["week"]), int(found["weekday"]))
    day = dt.date(year, 1, 1) + dt.timedelta(days=int(found["ordinal"]) - 1)
    if day.year != year:
        raise ValueError
    return day


def _of_midnight(found: re.Match[str], zone: dt.tzinfo) -> Moment:
    """Return the time of a text with 24:00, which is 0:00 of the next day; the zone's offset on that day counts."""
    if any(int(found[part] or 0) for part in ("minute", "second", "fraction")):
        raise ValueError
    day = dt.date(int(found["year"]), int(found["month"]), int(found["day"])) + _DAY
    return _of_text(f"{day}T00{found['offset'] or ''}", zone)


@functools.lru_cache(maxsize=64)
def _offset(text: str) -> dt.tzinfo:
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(6, "0")
    if int(digits[2:4]) >= 60 or int(digits[4:]) >= 60:  # noqa: PLR2004 - minutes and seconds
        raise ValueError
    ahead = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return dt.timezone(-ahead if text[0] == "-" else ahead)


def _of_unix(number: Decimal) -> Moment:
    a_second = next((count for start, count in UNIX_UNITS if abs(number) >= start), 1)
    whole, nanoseconds = divmod(int((number / a_second).scaleb(9)), 10**9)
    return Moment(EPOCH + dt.timedelta(seconds=whole), nanoseconds)
