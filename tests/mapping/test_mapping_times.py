"""Times: any way of writing one is understood, and sent as UTC."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.mapping.times import moment, time_zone
from target_zendesk_events.mapping.values import BadValueError
from target_zendesk_events.moments import UTC

BERLIN = time_zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z"),
        ("2024-05-06t07:08:09z", "2024-05-06T07:08:09Z"),
        ("2024-05-06 07:08:09", "2024-05-06T07:08:09Z"),
        (" 2024-05-06  07:08:09 ", "2024-05-06T07:08:09Z"),
        ("2024-05-06T07:08", "2024-05-06T07:08:00Z"),
        ("2024-05-06", "2024-05-06T00:00:00Z"),
        ("2024-05-06T07", "2024-05-06T07:00:00Z"),
        ("20240506T07+02:00", "2024-05-06T05:00:00Z"),
        ("2024-05-06T07:08:09+02:00", "2024-05-06T05:08:09Z"),
        ("2024-05-06T07:08:09+0200", "2024-05-06T05:08:09Z"),
        ("2024-05-06T07:08:09+02", "2024-05-06T05:08:09Z"),
        ("2024-05-06 07:08:09 -05:30", "2024-05-06T12:38:09Z"),
        ("2024-05-06 07:08:09 UTC", "2024-05-06T07:08:09Z"),
        ("20240506T070809Z", "2024-05-06T07:08:09Z"),
        ("2024-05-06T07:08:09.5Z", "2024-05-06T07:08:09.500Z"),
        ("2024-05-06T07:08:09,25Z", "2024-05-06T07:08:09.250Z"),
        ("2024-05-06T07:08:09.123Z", "2024-05-06T07:08:09.123Z"),
        ("2024-05-06T07:08:09.123456Z", "2024-05-06T07:08:09.123456Z"),
        ("2024-05-06T07:08:09.123456789Z", "2024-05-06T07:08:09.123456789Z"),
        ("2024-05-06T07:08:09.1234567891Z", "2024-05-06T07:08:09.123456789Z"),
        ("2024-05-06T07:08:09.000000Z", "2024-05-06T07:08:09Z"),
        (dt.datetime(2024, 5, 6, 7, 8, 9, 500, tzinfo=UTC), "2024-05-06T07:08:09.000500Z"),
        (dt.datetime(2024, 5, 6, 7, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2024-05-06T05:00:00Z"),
        (dt.datetime(2024, 5, 6, 7), "2024-05-06T07:00:00Z"),  # noqa: DTZ001 - a time without an offset is the case
        (dt.date(2024, 5, 6), "2024-05-06T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (1714979289, "2024-05-06T07:08:09Z"),
        (1714979289.25, "2024-05-06T07:08:09.250Z"),
        (Decimal("1714979289.123456789"), "2024-05-06T07:08:09.123456789Z"),
        (1714979289123, "2024-05-06T07:08:09.123Z"),
        (99_999_999_999, "5138-11-16T09:46:39Z"),
        (100_000_000_000, "1973-03-03T09:46:40Z"),
        (-100_000_000_000, "1966-10-31T14:13:20Z"),
        (99_999_999_999_999, "5138-11-16T09:46:39.999Z"),
        (100_000_000_000_000, "1973-03-03T09:46:40Z"),
        (1714979289123456, "2024-05-06T07:08:09.123456Z"),
        (-1714979289123456, "1915-08-28T16:51:50.876544Z"),
        (99_999_999_999_999_999, "5138-11-16T09:46:39.999999Z"),
        (100_000_000_000_000_000, "1973-03-03T09:46:40Z"),
        (1714979289123456789, "2024-05-06T07:08:09.123456789Z"),
        (1.714979289e18, "2024-05-06T07:08:09Z"),
        ("1714979289", "2024-05-06T07:08:09Z"),
        ("1714979289123", "2024-05-06T07:08:09.123Z"),
        ("1714979289123456", "2024-05-06T07:08:09.123456Z"),
        ("1714979289123456789", "2024-05-06T07:08:09.123456789Z"),
        ("2024-05-06T24:00", "2024-05-07T00:00:00Z"),
        ("2024-05-06 24:00:00.000Z", "2024-05-07T00:00:00Z"),
        ("2024-12-31T24", "2025-01-01T00:00:00Z"),
        ("20240228T240000+02:00", "2024-02-28T22:00:00Z"),
        ("2024-W19-1", "2024-05-06T00:00:00Z"),
        ("2024W191", "2024-05-06T00:00:00Z"),
        ("2024-w19-1 07:08:09+02:00", "2024-05-06T05:08:09Z"),
        ("2020-W53-7", "2021-01-03T00:00:00Z"),
        ("2024-W19-1T07:08:09Z", "2024-05-06T07:08:09Z"),
        ("2024-05-06T24:00:00+00:00", "2024-05-07T00:00:00Z"),
        ("2024-127", "2024-05-06T00:00:00Z"),
        ("2024127T070809Z", "2024-05-06T07:08:09Z"),
        ("2024-366", "2024-12-31T00:00:00Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_sent_as_utc(value: Any, sent: str) -> None:
    """Datetimes, ISO-8601 texts and Unix times become UTC, with digits below the second where there are any."""
    assert str(moment(value, UTC)) == sent


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2024-05-06 07:08:09", "2024-05-06T05:08:09Z"),
        ("2024-01-06 07:08:09", "2024-01-06T06:08:09Z"),
        ("2024-05-06", "2024-05-05T22:00:00Z"),
        (dt.date(2024, 5, 6), "2024-05-05T22:00:00Z"),
        ("2024-03-30T24:00", "2024-03-30T23:00:00Z"),
        ("2024-03-31T24:00", "2024-03-31T22:00:00Z"),
        ("2024-127", "2024-05-05T22:00:00Z"),
        ("2024-05-06 07:08:09Z", "2024-05-06T07:08:09Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_the_time_zone_is_for_times_without_an_offset(value: Any, sent: str) -> None:
    """A time that names its offset, and a Unix time, are left alone."""
    assert str(moment(value, BERLIN)) == sent


@pytest.mark.parametrize(
    "value",
    [
        "", "today", "2024", "2024-05", "2024-13-01", "2024-02-30", "2024-05-06T25:00", "2024-05-06T07:08:09+25:00",
        "2024-05-06T07:08:09+02:99", "2024-05-06T07:08:61Z", "2024-13-06T07:08:09+00:00", "2024-05-06T070:8:09Z",
        "2024-05-0607:08", "2024-0506", "202405-06", "2024-05-06T0",
        "2024-05-06T24:01", "2024-05-06T24:00:01", "2024-05-06T24:00:00.001", "2024-02-30T24:00",
        "2024-W19", "2024-W191", "2024W19-1", "2024-W00-1", "2024-W19-0", "2024-W19-8", "2024-W53-1",
        "2024-000", "2023-366", "2024-367", "2024-1270", "2024-127Z",
        "12:00", "12345678", "\u0662\u0660\u0662\u0664-\u0660\u0665-\u0660\u0666",
        True, None, [], {}, dt.time(12), float("nan"), Decimal("NaN"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(value: Any) -> None:
    """What cannot be read, and days that no calendar has, are refused without being quoted."""
    with pytest.raises(BadValueError) as caught:
        moment(value, UTC)
    assert str(caught.value) == "is no time: an ISO-8601 text, a datetime or a Unix time is one [ZE711]"


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T24:00", float("inf"), 1e300, 10**21,
        "9" * 60,
    ],
)  # fmt: skip
def test_what_no_calendar_holds_is_refused(value: Any) -> None:
    """A time before the year 1 or after 9999 has no name."""
    with pytest.raises(BadValueError) as caught:
        moment(value, UTC)
    assert str(caught.value) == "lies beyond the years 1 to 9999, as UTC counts them [ZE711]"


TIMES = st.datetimes(
    min_value=dt.datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis asks for bounds without a zone
    max_value=dt.datetime(9998, 1, 1),  # noqa: DTZ001 - the same
    timezones=st.sampled_from([UTC, dt.timezone(dt.timedelta(hours=-5, minutes=-30)), dt.timezone.max]),
)


@given(TIMES)
def test_iso_text_means_the_time_it_was_written_from(time: dt.datetime) -> None:
    """Whatever Python writes is read back as the same point in time, and so is what is sent."""
    found = moment(time.isoformat(), UTC)
    assert found.as_datetime == time
    assert moment(str(found), BERLIN) == found == moment(time, BERLIN)


@given(st.integers(-62_000_000_000, 99_999_999_999))
def test_seconds_and_what_is_below_them_mean_the_same(seconds: int) -> None:
    """A Unix time in milli-, micro- or nanoseconds is the one in seconds, where it is large enough to be told apart."""
    if abs(seconds) >= 10**8:
        assert moment(seconds, UTC) == moment(seconds * 1000, UTC) == moment(seconds * 10**6, UTC)
        assert moment(seconds, UTC) == moment(seconds * 10**9, UTC)


@pytest.mark.parametrize("name", ["UTC", "utc", "Z"])
def test_utc_needs_no_database(name: str) -> None:
    """UTC is known on machines without time zone data."""
    assert time_zone(name) is UTC


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc", "Europe"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    """A name that is no zone is refused with an example of one."""
    with pytest.raises(BadValueError, match="Europe/Berlin"):
        time_zone(name)


@given(st.datetimes(), st.sampled_from(["Z", "+00:00"]))
def test_a_time_is_the_same_in_whatever_form(time: dt.datetime, offset: str) -> None:
    """What most taps write, which Python's own reader takes, says what it says in a form that this reader refuses."""
    day, clock = time.isoformat(timespec="seconds").split("T")
    assert moment(f"{day}T{clock}{offset}", BERLIN) == moment(f"{day}  {clock} GMT", BERLIN)
