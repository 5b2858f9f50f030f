"""What a run says while it goes on: a line every ten seconds, and once what its length costs."""

from __future__ import annotations

import logging
import time

import pytest

from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.outcome.progress import Progress
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.outcome.summary import SECONDS_BETWEEN_LINES
from target_zendesk_events.work import Match

PER_MINUTE = 225
ALLOWED = {Bucket.EVENTS: PER_MINUTE, Bucket.SUPPORT: 100}
EVENT = Event(Profile("shop", "customer", (Identifier("email", "customer-1@example.com"),)), "shop", "paid", {})


def send(report: Report, count: int, since: float, until: float) -> None:
    """Have a report know of events that were sent and answered between two times, evenly."""
    for number in range(count):
        now = since + (until - since) * number / max(count - 1, 1)
        report.count_match("orders", Match("rule", EVENT))
        report.count_request("sendings", now, Bucket.EVENTS, 1)
        report.count_answer(0.1, None, now, Bucket.EVENTS)


@pytest.mark.parametrize(("count", "seconds"), [(1_000, 0.5), (225, 60.0)])
def test_a_long_run_is_told_once_what_it_costs(count: int, seconds: float, caplog: pytest.LogCaptureFixture) -> None:
    """After a thousand requests or a minute: how long each further 10,000 take, and the share of the month's quota."""
    report, now = Report(), time.monotonic()
    progress = Progress(report, ALLOWED, lambda: 12.34)
    send(report, count - 1, now, now + seconds * 0.99)
    with caplog.at_level(logging.INFO):
        progress.say_progress(now)
        assert "10,000" not in caplog.text
        send(report, 1, now + seconds, now + seconds)
        progress.say_progress(now)
        progress.say_progress(now)
    assert caplog.text.count("each further 10,000 events take 44 minutes; 12.3 % of the month's quota is used") == 1


def test_a_line_every_ten_seconds_says_where_the_run_stands(caplog: pytest.LogCaptureFixture) -> None:
    """Which stream, how many of its events, at which rate."""
    report, now = Report(), time.monotonic()
    progress = Progress(report, ALLOWED)
    send(report, 40, now, now + 10)
    with caplog.at_level(logging.INFO):
        for second in range(3 * int(SECONDS_BETWEEN_LINES)):
            progress.say_progress(now + 0.5 + second)
    lines = [one.getMessage() for one in caplog.records]
    assert len(lines) == 2
    assert lines[0].startswith("orders: 0 of 40 events, 240 a minute")


@pytest.mark.parametrize(("allowed", "is_told"), [(None, False), (200, True), (PER_MINUTE, False), (400, False)])
def test_settings_above_the_account_s_limit_are_told_once(
    allowed: int | None, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As soon as an answer's headers say so, and at the end of a run that is over by then."""
    report, now = Report(), time.monotonic()
    progress = Progress(report, ALLOWED)
    report.count_answer(0.1, allowed, now, Bucket.EVENTS)
    progress.say_progress(now)
    progress.say_progress(now)
    progress.say_end({}, logging.INFO)
    told = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert [one.getMessage().split(":")[0] for one in told] == [
        "Zendesk's headers say that the account allows 200 requests a minute, and the settings 225"
    ] * is_told
