"""The requests of a run: counted by what they ask, and by whose minute they take."""

from __future__ import annotations

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.kinds.object_record import ObjectRecord
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.outcome import summary
from target_zendesk_events.outcome.progress import Progress
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.outcome.requests import ATTEMPTS, SAMPLE_SIZE, AnswerTimes
from target_zendesk_events.work import Match, Outcome

ALLOWED = {Bucket.EVENTS: 225, Bucket.SUPPORT: 100}
ABOUT = {"requests_per_minute": 225, "support_requests_per_minute": 100}
RECORD = Match("filed", ObjectRecord("subscription", "7", {}))
REQUESTS = st.lists(
    st.tuples(
        st.one_of(st.tuples(st.sampled_from(ATTEMPTS), st.sampled_from(Bucket)), st.just(("tokens", None))),
        st.integers(0, 100),
    ),
    max_size=40,
)


def jobs(count: int, things: int, seconds: float) -> Report:
    """Return the report of jobs that were started evenly within some seconds; half of what they hold is settled."""
    report = Report()
    for number in range(count):
        now = seconds * number / max(count - 1, 1)
        for _ in range(things):
            report.count_match("subscriptions", RECORD)
        report.count_request("jobs", now, Bucket.SUPPORT, things)
        report.count_answer(0.1, None, now, Bucket.SUPPORT)
    for _ in range(count * things // 2):
        report.count_outcome("subscriptions", RECORD, Outcome.DELIVERED)
    return report


@given(requests=REQUESTS)
def test_each_attempt_takes_one_minute_s_place(requests: list[tuple[tuple[str, Bucket | None], int]]) -> None:
    """What was sent is the sum of both minutes, and of all that is asked; a token takes no place."""
    report = Report()
    for number, ((asked, bucket), things) in enumerate(requests):
        report.count_request(asked, float(number), bucket, things)
    told = summary.as_object(report, {})
    assert told["requests"]["sent"] == sum(told["requests"][asked] for asked in ATTEMPTS)
    assert told["requests"]["sent"] == sum(minute["sent"] for minute in told["minutes"].values())
    assert told["requests"]["tokens"] == sum(asked == "tokens" for (asked, _), _ in requests)
    for bucket, minute in report.minutes.items():
        assert minute.sent == sum(taken is bucket for (_, taken), _ in requests)


def test_the_rate_is_that_between_the_first_request_and_the_last_answer() -> None:
    """Sixty requests within half a minute are 120 a minute, of their own bucket; tokens do not count."""
    report = Report()
    assert report.attempts.a_minute() is None
    for number in range(61):
        report.count_request("sendings", number / 2, Bucket.EVENTS, 1)
        report.count_request("tokens", number / 2, None)
    report.count_answer(0.0, None, 30.0, Bucket.EVENTS)
    report.count_request("look_ups", 40.0, Bucket.SUPPORT)
    report.count_answer(0.0, None, 60.0, Bucket.SUPPORT)
    told = summary.as_object(report, {})
    assert told["minutes"]["events"]["requests_a_minute"] == pytest.approx(122)
    assert told["minutes"]["support"]["requests_a_minute"] == pytest.approx(3)
    assert told["requests_a_minute"] == pytest.approx(62)


def test_the_wait_for_each_limit_is_told_apart() -> None:
    """Two waits at once are one wait of the run."""
    report = Report()
    report.count_wait({Bucket.EVENTS: 2.0, Bucket.SUPPORT: 2.0})
    report.count_wait({Bucket.SUPPORT: 3.5})
    report.count_wait({})
    told = summary.as_object(report, {})
    assert told["seconds_waited_for_limit"] == 5.5
    assert {name: minute["seconds_waited"] for name, minute in told["minutes"].items()} == {
        "events": 2.0, "support": 5.5,
    }  # fmt: skip


def test_each_limit_is_told_that_was_used() -> None:
    """Where Support's was; the events' alone is told as ever, and as the account's in `last-run.json`."""
    report = Report()
    for second in range(4):
        report.count_request("sendings", float(second), Bucket.EVENTS, 1)
        report.count_answer(0.1, 250, float(second), Bucket.EVENTS)
    text = summary.block(report, ABOUT)
    assert "\n80 requests a minute, 225 allowed a minute, 250 by Zendesk's headers; 0.0 s waited for the limit" in text
    assert "Support" not in text
    report.count_request("jobs", 3.0, Bucket.SUPPORT, 68)
    report.count_answer(0.1, 700, 3.5, Bucket.SUPPORT)
    report.count_wait({Bucket.SUPPORT: 7.25})
    text = summary.block(report, ABOUT)
    assert "5 requests, 0 of them retries" in text
    assert "\nthe events' minute: 4 requests, 80 requests a minute, 225 allowed a minute, 250 by Zendesk's" in text
    assert "\nSupport's minute: 1 request, 100 allowed a minute, 700 by Zendesk's headers; 7.2 s waited" in text
    told = summary.as_object(report, {})
    assert told["limit_seen"] == 250
    assert [minute["limit_seen"] for minute in told["minutes"].values()] == [250, 700]


def test_what_is_left_takes_as_many_requests_as_it_took_so_far() -> None:
    """Of 10,000 object records in jobs of a hundred, half is left: at ten jobs a minute that takes five minutes."""
    line = summary.progress_line(jobs(100, 100, 600), ALLOWED)
    assert line == "subscriptions: 5,000 of 10,000 object records, 10 a minute of Support's, about 5 minutes left"


def test_the_slower_minute_says_when_the_run_ends() -> None:
    """Both are used at once: what waits longest counts, and each minute's rate is told."""
    report = jobs(10, 100, 60)
    for second in range(61):
        report.count_request("reads", float(second), Bucket.EVENTS)
    report.count_answer(0.1, None, 60.0, Bucket.EVENTS)
    line = summary.progress_line(report, {**ALLOWED, Bucket.SUPPORT: 1})
    assert line.endswith("61 a minute, 10 a minute of Support's, about 5 minutes left")


def test_a_long_run_is_told_once_what_support_s_minute_costs(caplog: pytest.LogCaptureFixture) -> None:
    """By what a request took so far; the month's quota is the events' alone."""
    progress = Progress(jobs(10, 50, 60), ALLOWED, lambda: 12.34)
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            progress.say_progress(time.monotonic())
    told = "at 100 of Support's requests a minute, each further 10,000 object records take 2 minutes"
    assert [one.getMessage() for one in caplog.records] == [told]


def test_a_setting_above_support_s_limit_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """By its own name; that Support's limit is the higher says nothing of the events'."""
    report = Report()
    report.count_answer(0.1, 80, 0.0, Bucket.SUPPORT)
    Progress(report, ALLOWED).say_progress(time.monotonic())
    (told,) = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert told.startswith("Zendesk's headers say that the account allows 80 of Support's requests a minute")
    assert told.endswith("or set `support_requests_per_minute` below it")


@given(times=st.lists(st.floats(0, 60), min_size=1, max_size=300))
def test_quantiles_are_those_of_the_answers(times: list[float]) -> None:
    """Of few answers the sample is all of them: half took no longer than p50."""
    sample = AnswerTimes()
    for seconds in times:
        sample.add(seconds)
    for share in (0.5, 0.95, 1.0):
        quantile = sample.quantile(share)
        assert quantile in times
        assert sum(seconds <= quantile for seconds in times) >= share * len(times)


def test_many_answers_take_no_more_memory() -> None:
    """A long run keeps a fair sample."""
    sample = AnswerTimes()
    for number in range(20_000):
        sample.add(float(number))
    assert len(sample._sample) == SAMPLE_SIZE  # noqa: SLF001 - what is kept shows nowhere else
    assert sample.quantile(0.5) == pytest.approx(10_000, rel=0.1)
    assert AnswerTimes().quantile(0.5) is None
