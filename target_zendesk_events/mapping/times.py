"""Times as rules meet them: read from whatever a record holds, in a time zone that has a name."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

from target_zendesk_events.mapping.values import BadValueError
from target_zendesk_events.moments import UTC, Moment, moment_of


def time_zone(name: str) -> dt.tzinfo:
    """Return the zone of this name; `UTC` needs no database. Raises BadValueError for a name that is none."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is no time zone known here; a name such as Europe/Berlin is [ZE113]"
        raise BadValueError(message) from error


def moment(value: Any, zone: dt.tzinfo) -> Moment:  # noqa: ANN401 - whatever a record holds
    """Return the time that a value says, `zone` counting where it names no offset, as `moment_of` does.

    Raises BadValueError.
    """
    try:
        return moment_of(value, zone)
    except OverflowError as error:
        message = "lies beyond the years 1 to 9999, as UTC counts them [ZE711]"
        raise BadValueError(message) from error
    except (ValueError, ArithmeticError) as error:
        message = "is no time: an ISO-8601 text, a datetime or a Unix time is one [ZE711]"
        raise BadValueError(message) from error
