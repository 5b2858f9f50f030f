"""When something was: in words, by the day, and exactly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from .checks import instant

SOON_SECONDS = 45
STEPS = (("minute", 60, 60), ("hour", 3_600, 24), ("day", 86_400, 14), ("week", 604_800, 9), ("month", 2_629_746, 24))
"""A unit, its seconds, and from how many on a greater one is told."""
YEAR = 31_556_952
DAYS = {0: "Today", -1: "Yesterday", 1: "Tomorrow"}


@dataclass(frozen=True)
class When:
    """A moment as people read it: `ago` in words, `clock` and `exact` in this machine's zone, and in UTC."""

    ago: str
    clock: str
    exact: str
    utc: str
    iso: str
    day: Day


@dataclass(frozen=True)
class Day:
    """A day: what it is called from today, and its date."""

    name: str
    date: str
    iso: str


def when(text: str, now: datetime | None = None) -> When:
    """Return the moment that Zendesk writes as `text`, as seen from `now`."""
    return seen(instant(text) or datetime.fromtimestamp(0, timezone.utc), now)


def seen(moment: datetime, now: datetime | None = None) -> When:
    """Return a moment as seen from `now`."""
    now = now or datetime.now(timezone.utc)
    here = _here(moment)
    exact = f"{_date(here)}, {here:%H:%M:%S} {here:%Z}"
    utc = f"{moment.isoformat(sep=' ', timespec='seconds').removesuffix('+00:00')} UTC"
    iso = moment.isoformat().replace("+00:00", "Z")
    return When(ago(moment, now), f"{here:%H:%M}", exact, utc, iso, _day(here.date(), _here(now).date()))


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, or in how long it will be."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < SOON_SECONDS:
        return "just now"
    told = _length(abs(seconds))
    return f"{told} ago" if moment < now else f"in {told}"


def zone() -> str:
    """Return the name of this machine's zone, and how far it is from UTC."""
    here = datetime.now(timezone.utc).astimezone()
    return f"{here:%Z} (UTC{here:%z})" if here.utcoffset() else "UTC"


def _length(seconds: float) -> str:
    for unit, size, most in STEPS:
        number = round(seconds / size)
        if number < most:
            return _counted(number, unit)
    return _counted(round(seconds / YEAR), "year")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _day(day: date, today: date) -> Day:
    name = DAYS.get((day - today) // timedelta(days=1))
    return Day(name or f"{day:%A}", f"{_date(day)}" if name else _date(day).partition(", ")[2], day.isoformat())


def _date(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B} {day.year}"


def _here(moment: datetime) -> datetime:
    """Return a moment in this machine's zone, where the calendar reaches so far."""
    try:
        return moment.astimezone()
    except OverflowError:
        return moment
