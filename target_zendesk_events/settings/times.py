"""Times that a person writes: a time zone's name, and since when events count."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

from target_zendesk_events.codes import prolonged
from target_zendesk_events.moments import moment_of
from target_zendesk_events.settings.declared import MAX_DAYS
from target_zendesk_events.settings.values import did_you_mean, fault

_LENGTH = re.compile(r"([0-9]{1,9})\s*(minute|hour|day|week)s?", re.IGNORECASE)
_SINCE_ACCEPTED = "a date (2026-01-31), a time (2026-01-31T12:00:00Z) or a length (30 days, 12 hours)"


def read_timezone(name: str) -> dt.tzinfo:
    """Return a time zone of the IANA database; raise a ValueError with the sentence where there is none so named."""
    if name == "UTC":
        return dt.timezone.utc  # needs no database
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
    if not known:
        message = (
            f"timezone is {name!r}, but this machine has no time zones: install its tzdata package (or pip's) [ZE112]"
        )
        raise ValueError(message)
    raise ValueError(prolonged(fault("timezone", name, "a name as in Europe/Berlin"), did_you_mean(name, known)))


def read_length(text: str) -> dt.timedelta | None:
    """Return how long a text says, as in `30 days`; None where it says something else."""
    found = _LENGTH.fullmatch(text)
    return None if found is None else dt.timedelta(**{f"{found[2].lower()}s": int(found[1])})


def read_since(text: str, timezone: dt.tzinfo, now: dt.datetime) -> dt.datetime:
    """Return the instant, in UTC, before which an event is too old.

    A length counts back from `now`; a date or a time, as `created_at` takes them, is in `timezone` where it names no
    offset. Raise a ValueError with the sentence where the text is none of these.
    """
    try:
        back = read_length(text)
        if back is None:
            return moment_of(text, timezone).as_datetime
        if back.days <= MAX_DAYS:
            return now.astimezone(dt.timezone.utc) - back
    except (ValueError, ArithmeticError):
        pass  # no time, or one that no calendar has
    raise ValueError(fault("since", text, _SINCE_ACCEPTED))
