"""When something was, as people read it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

import pytest

from target_zendesk_events.playground.words import Day, ago, when, zone

NOW = dt.datetime(2026, 3, 2, 10, 15, tzinfo=dt.timezone.utc)


@pytest.fixture(params=["Europe/Berlin"], autouse=True)
def _in_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in a zone ahead of UTC, and back again."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "just now"),
        (-44, "just now"),
        (45, "1 minute ago"),
        (3_540, "59 minutes ago"),
        (3_580, "1 hour ago"),
        (82_800, "23 hours ago"),
        (86_400, "1 day ago"),
        (13 * 86_400, "13 days ago"),
        (14 * 86_400, "2 weeks ago"),
        (60 * 86_400, "2 months ago"),
        (700 * 86_400, "23 months ago"),
        (800 * 86_400, "2 years ago"),
        (-7_200, "in 2 hours"),
        (-45, "in 1 minute"),
        (59.5 * 60 - 1, "59 minutes ago"),
        (1.5 * 3_600 - 1, "1 hour ago"),
        (1.5 * 3_600 + 1, "2 hours ago"),
        (1.5 * 86_400 - 1, "1 day ago"),
        (1.5 * 86_400 + 1, "2 days ago"),
        (2.5 * 604_800 - 1, "2 weeks ago"),
        (2.5 * 604_800 + 1, "3 weeks ago"),
        (8 * 604_800, "8 weeks ago"),
        (9 * 604_800, "2 months ago"),
        (23.5 * 2_629_746 - 1, "23 months ago"),
        (23.5 * 2_629_746 + 1, "2 years ago"),
        (2.5 * 31_556_952 - 1, "2 years ago"),
        (2.5 * 31_556_952 + 1, "3 years ago"),
    ],
)
def test_it_is_told_in_the_unit_that_fits(seconds: float, told: str) -> None:
    """Rounded; what is to come too."""
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW) == told


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-02T22:59:59Z", Day("Today", "Monday, 2 March 2026", "2026-03-02")),
        ("2026-03-02T23:00:00Z", Day("Tomorrow", "Tuesday, 3 March 2026", "2026-03-03")),
        ("2026-02-28T23:30:00Z", Day("Yesterday", "Sunday, 1 March 2026", "2026-03-01")),
        ("2026-02-27T12:00:00Z", Day("Friday", "27 February 2026", "2026-02-27")),
    ],
)
def test_a_day_begins_at_this_machines_midnight(text: str, day: Day) -> None:
    """Not at that of UTC."""
    assert when(text, NOW).day == day


def test_a_time_is_exact_in_this_machines_zone_and_in_utc() -> None:
    """Whatever offset it was written with."""
    seen = when("2026-03-02T04:15:07.250-05:00", NOW)
    assert (seen.clock, seen.exact) == ("10:15", "Monday, 2 March 2026, 10:15:07 CET")
    assert (seen.utc, seen.iso) == ("2026-03-02 09:15:07 UTC", "2026-03-02T09:15:07.250000Z")
    assert zone() in {"CET (UTC+0100)", "CEST (UTC+0200)"}


def test_a_machine_in_utc_has_one_word_for_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its zone is called."""
    monkeypatch.setenv("TZ", "Etc/UCT")
    time.tzset()
    assert zone() == "UTC"


def test_a_text_that_is_no_time_is_the_beginning_of_time() -> None:
    """What a database of an older playground may hold shows at the timeline's end."""
    assert when("yesterday", NOW).utc == "1970-01-01 00:00:00 UTC"


def test_now_is_the_clocks() -> None:
    """Where no other is given."""
    assert when(dt.datetime.now(dt.timezone.utc).isoformat()).ago == "just now"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_at_the_calendars_edge_is_shown(text: str) -> None:
    """Where this machine's zone would go beyond it, in UTC."""
    assert when(text, NOW).utc.startswith(text[:10])
