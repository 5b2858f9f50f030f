"""Any way of writing a time, understood and written as UTC."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from decimal import Decimal
from typing import Any

import msgspec

from target_zendesk_events.mapping.values import BadValueError

UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, as a Moment holds it
MILLISECONDS_FROM = 10**11
"""A Unix time of this magnitude or above counts milliseconds: as seconds it would be the year 5138."""

_ISO = re.compile(
    r"""(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)
        (?:(?:[Tt]|\ +)
           (?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?
           \ *(?P<offset>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?(?::?\d\d)?)?)?""",
    re.VERBOSE | re.ASCII,
)
_UNIX = re.compile(r"-?\d{9,}(?:\.\d+)?", re.ASCII)


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


def time_zone(name: str) -> dt.tzinfo:
    """Return the zone of this name; `UTC` needs no database. Raises BadValueError for a name that is none."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is no time zone known here; a name such as Europe/Berlin is"
        raise BadValueError(message) from error


def moment(value: Any, zone: dt.tzinfo) -> Moment:  # noqa: ANN401 - whatever a record holds
    """Return the time that a value says, `zone` counting where it names no offset.

    Takes a datetime, a date, ISO-8601 text or Unix seconds (milliseconds from 10^11). Raises BadValueError.
    """
    try:
        return _moment(value, zone)
    except (ValueError, OverflowError, ArithmeticError) as error:
        message = "is no time: an ISO-8601 text, a datetime or a Unix time is one"
        raise BadValueError(message) from error


def _moment(value: Any, zone: dt.tzinfo) -> Moment:  # noqa: ANN401 - whatever a record holds
    if isinstance(value, str):
        return _of_text(value.strip(), zone)
    if isinstance(value, dt.datetime):
        return _of_datetime(value, zone)
    if isinstance(value, dt.date):
        return _of_datetime(dt.datetime(value.year, value.month, value.day), zone)  # noqa: DTZ001 - zone follows
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _of_unix(value if isinstance(value, Decimal) else Decimal(str(value)))
    raise ValueError


def _of_datetime(value: dt.datetime, zone: dt.tzinfo) -> Moment:
    local = value if value.tzinfo else value.replace(tzinfo=zone)
    utc = local if local.tzinfo is UTC else local.astimezone(UTC)
    return Moment(utc.replace(microsecond=0, tzinfo=None), value.microsecond * 1000)


def _of_text(text: str, zone: dt.tzinfo) -> Moment:
    found = _ISO.fullmatch(text)
    if found is None:
        if _UNIX.fullmatch(text):
            return _of_unix(Decimal(text))
        raise ValueError
    year, _, month, day, hour, minute, second, fraction, offset = found.groups()
    named = dt.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001 - zone follows
    zone = _offset(offset) if offset else zone
    utc = named if zone is UTC else named.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    return Moment(utc, int(fraction[:9].ljust(9, "0")) if fraction else 0)


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
    seconds = number / 1000 if abs(number) >= MILLISECONDS_FROM else number
    whole, nanoseconds = divmod(int(seconds.scaleb(9)), 10**9)
    return Moment(EPOCH + dt.timedelta(seconds=whole), nanoseconds)
