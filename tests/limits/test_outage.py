"""The circuit, on a fake clock."""

from __future__ import annotations

import math

import pytest

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.limits.outage import Outage, asked_to_wait


def failed(outage: Outage, events: list[int], *, waiting: int = 10, now: float = 0.0) -> Outage:
    """Note a failure of each of these events."""
    for event in events:
        outage.note_failure(event, now, waiting=waiting, cause="HTTP 500")
    return outage


@pytest.mark.parametrize(
    ("events", "waiting", "opens"),
    [
        ([1, 2, 3, 1], 10, False),
        ([1, 2, 3, 1, 2], 10, True),
        ([1, 2, 3, 4, 5], 10, True),
        ([1, 2, 1, 2, 1], 10, False),
        ([1, 1, 1, 1, 1], 10, False),
        ([1, 1, 1, 1, 1, 2, 3], 10, True),
        ([1, 1, 1, 1, 1], 1, True),
        ([1, 1, 1, 1, 1], 2, False),
        ([1, 2, 1, 2, 1], 2, True),
    ],
)
def test_five_failures_of_three_events_open_the_circuit(events: list[int], waiting: int, opens: bool) -> None:
    """It opens after five failures in a row, of at least three different events, or of all where fewer wait."""
    assert failed(Outage(900), events, waiting=waiting).is_open is opens


def test_a_success_between_starts_the_count_anew() -> None:
    """Four failures, a success and four failures open nothing."""
    outage = failed(Outage(900), [1, 2, 3, 4])
    outage.note_success()
    assert not failed(outage, [1, 2, 3, 4]).is_open
    assert failed(outage, [5]).is_open


def test_a_429_never_opens_the_circuit() -> None:
    """However many 429s come, they are no failures; they do start the clock."""
    outage = Outage(900)
    for second in range(100):
        outage.note_limited(float(second), "HTTP 429")
    assert not outage.is_open
    assert outage.gives_up_at == 900
    assert outage.saw_limit


def test_probes_go_one_at_a_time_and_back_off_to_a_minute() -> None:
    """After 1, 2, 4 ... 60 s one probe may go, and none beside it."""
    outage = failed(Outage(100_000), [1, 2, 3, 4, 5], now=100.0)
    waits, now = [], 100.0
    for _ in range(9):
        waits.append(outage.probe_at - now)
        now = outage.probe_at
        assert not outage.may_start(0, now - 0.001)
        assert outage.may_start(0, now)
        assert not outage.may_start(1, now)
        outage.note_start(1)
        outage.note_failure(1, now, waiting=10, cause="HTTP 500")
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_what_was_sent_before_the_circuit_opened_is_no_probe() -> None:
    """Failures that come in after it opened do not put the first probe off."""
    outage = failed(Outage(900), [1, 2, 3, 4, 5], now=100.0)
    failed(outage, list(range(6, 33)), now=100.2)
    assert outage.probe_at == 101.0


def test_a_request_that_went_out_before_the_circuit_opened_is_no_probe() -> None:
    """It was started, and fails, like a probe, but nobody waited for it to tell that Zendesk is back."""
    outage = Outage(900)
    outage.note_start(6)
    failed(outage, [1, 2, 3, 4, 5], now=100.0)
    failed(outage, [6], now=100.2)
    assert outage.probe_at == 101.0


def test_a_probe_fails_once() -> None:
    """Another attempt for the same event that ends late does not put the next probe off once more."""
    outage = failed(Outage(900), [1, 2, 3, 4, 5], now=100.0)
    outage.note_start(1)
    failed(outage, [1], now=101.0)
    assert outage.probe_at == 103.0
    failed(outage, [1], now=102.0)
    assert outage.probe_at == 103.0


def test_events_that_failed_before_a_success_count_no_more() -> None:
    """One event that fails on and on opens nothing, whatever failed before the success."""
    outage = failed(Outage(900), [1, 2, 3, 4])
    outage.note_success()
    assert not failed(outage, [1, 1, 1, 1, 1, 1]).is_open


def test_a_second_outage_backs_off_anew() -> None:
    """After a success the next outage begins with a second."""
    outage = failed(Outage(900), [1, 2, 3, 4, 5, 6, 7], now=0.0)
    outage.note_success()
    assert failed(outage, [1, 2, 3, 4, 5], now=50.0).probe_at == 51.0


def test_the_first_success_closes_it_without_a_stampede() -> None:
    """After it closes two may be under way, then four, then eight."""
    outage = failed(Outage(900), [1, 2, 3, 4, 5])
    outage.note_success()
    assert not outage.is_open
    assert outage.probe_at == -math.inf
    allowed = []
    for _ in range(4):
        allowed.append(next(count for count in range(1_000) if not outage.may_start(count, 10.0)))
        outage.note_success()
    assert allowed == [2, 4, 8, 16]


def test_a_healthy_account_is_not_held_back() -> None:
    """Without trouble any number may be under way."""
    assert Outage(900).may_start(10_000, 0.0)


def test_after_a_429_requests_go_one_at_a_time_until_one_succeeds() -> None:
    """A 429 lets one request go at a time; successes let the number grow again."""
    outage = Outage(900)
    outage.note_limited(0.0, "HTTP 429")
    assert outage.may_start(0, 0.0)
    assert not outage.may_start(1, 0.0)
    outage.note_success()
    assert outage.may_start(1, 0.0)


def test_the_first_success_after_429s_lets_go_on_what_was_allowed_before_them() -> None:
    """The rate that was found to work bounds it, not a slow start; that of an outage goes on."""
    outage = Outage(900)
    for _ in range(3):
        outage.note_limited(0.0, "HTTP 429")
    outage.note_success()
    assert outage.may_start(10_000, 1.0)
    failed(outage, [1, 2, 3, 4, 5])
    outage.note_success()
    outage.note_limited(2.0, "HTTP 429")
    outage.note_success()
    assert outage.may_start(3, 3.0)
    assert not outage.may_start(4, 3.0)


@pytest.mark.parametrize("first", ["failure", "limited"])
def test_the_run_gives_up_after_the_longest_outage(first: str) -> None:
    """The clock starts with the first failure or 429, does not start anew with the next, and stops with a success."""
    outage = Outage(900)
    assert outage.gives_up_at == math.inf
    assert outage.since is None
    if first == "failure":
        failed(outage, [1], now=10.0)
    else:
        outage.note_limited(10.0, "HTTP 429")
    failed(outage, [1, 2], now=500.0)
    outage.note_limited(600.0, "HTTP 429")
    assert outage.since == 10.0
    assert outage.gives_up_at == 910.0
    outage.note_success()
    assert outage.gives_up_at == math.inf


def test_the_clock_stops_where_nothing_waits() -> None:
    """What failed and was settled otherwise ends no run later."""
    outage = failed(Outage(900), [1], now=10.0)
    outage.note_idle()
    assert outage.gives_up_at == math.inf


def test_the_error_names_the_cause() -> None:
    """What was seen last is named; both causes are, if a 429 was among it."""
    outage = failed(Outage(900), [1], now=0.0)
    assert "HTTP 500" in str(outage.error(900.0))
    assert "900 s" in str(outage.error(900.0))
    assert "429" not in str(outage.error(900.0))
    outage.note_limited(1.0, "HTTP 429 TooManyRequests")
    said = str(outage.error(900.0))
    assert "TooManyRequests" in said
    assert "rate limit" in said
    assert "quota" in said


@pytest.mark.parametrize(
    ("until", "said"),
    [(1_795_644_000.0, "2026-11-25 22:00:00 UTC"), (1e15, "9999-12-31 23:59:59 UTC"), (math.inf, "9999-12-31")],
)
def test_a_wait_has_an_end_however_long(until: float, said: str) -> None:
    """The error says until when; a moment beyond the calendar is its last second."""
    assert f"asks to wait until {said}" in str(asked_to_wait("HTTP 429", until))


def test_the_error_says_since_when_why_and_what_to_do() -> None:
    """The time runs from the first failure; a cause of before the last success is forgotten."""
    outage = Outage(900)
    assert outage.cause == ""
    outage.note_limited(10.0, "HTTP 429")
    outage.note_success()
    assert outage.cause == ""
    failed(outage, [1], now=100.0)
    assert str(outage.error(1_000.0)) == (
        "Zendesk took nothing for 900 s, longer than max_outage_seconds allows; last seen: HTTP 500. "
        "Run again later: nothing is lost, STATE is safe [ZE501]"
    )
    outage.note_idle()
    assert "for 0 s" in str(outage.error(1_000.0))


def reading_failed(outage: Outage, events: list[int], *, now: float = 0.0) -> Outage:
    """Note that the reading back of each of these events failed."""
    for event in events:
        outage.note_failure(event, now, waiting=10, cause="HTTP 500", is_reading=True)
    return outage


def test_readings_that_fail_open_the_circuit_as_sendings_do() -> None:
    """Five in a row, of three events, of whatever kind."""
    assert reading_failed(Outage(900), [1, 2, 3, 1, 2]).is_open
    assert reading_failed(failed(Outage(900), [1, 2, 3]), [4, 4]).is_open
    assert not reading_failed(Outage(900), [1, 2, 1, 2, 1]).is_open


def test_a_reading_that_is_answered_ends_a_row_of_readings_and_no_row_of_sendings() -> None:
    """Where nothing is taken, all may be read: readings between them do not hide that sendings fail."""
    outage = reading_failed(Outage(900), [1, 2, 3, 4])
    outage.note_read(Bucket.EVENTS, waiting=10)
    assert not reading_failed(outage, [1, 2, 3, 4]).is_open
    outage = failed(Outage(900), [1, 2, 3, 4])
    outage.note_read(Bucket.EVENTS, waiting=10)
    assert failed(outage, [5]).is_open


def test_a_reading_that_is_answered_closes_what_readings_have_opened() -> None:
    """Then nothing but readings was in trouble, and the clock stops; where a sending had failed too, it runs on."""
    outage = reading_failed(Outage(900), [1, 2, 3, 4, 5], now=10.0)
    outage.note_read(Bucket.EVENTS, waiting=10)
    assert not outage.is_open
    assert outage.gives_up_at == math.inf
    outage = reading_failed(failed(Outage(900), [1], now=10.0), [1, 2, 3, 4], now=11.0)
    outage.note_read(Bucket.EVENTS, waiting=10)
    assert not outage.is_open
    assert outage.may_start(1, 11.0)
    assert outage.gives_up_at == 910.0


def test_a_reading_that_is_answered_closes_nothing_that_sendings_have_opened() -> None:
    """A probe that reads and fails after it waits a second again; one that sends waits as long as before."""
    outage = failed(Outage(900), [1, 2, 3, 4, 5])
    for now, is_reading, wait in ((10.0, True, 2), (20.0, False, 2), (30.0, True, 1), (40.0, False, 4)):
        outage.note_start(1)
        outage.note_failure(1, now, waiting=10, cause="HTTP 500", is_reading=is_reading)
        assert outage.probe_at == now + wait
        outage.note_read(Bucket.EVENTS, waiting=10)
        assert outage.is_open


@pytest.mark.parametrize("trouble", ["failure", "limited"])
def test_what_is_asked_ends_its_own_trouble_and_no_other(trouble: str) -> None:
    """Look-ups that are answered again end no outage of what is sent; without one, the clock stops."""
    outage = Outage(900)
    asked = "look_ups", Bucket.SUPPORT

    def met(now: float) -> None:
        if trouble == "failure":
            outage.note_failure(asked, now, waiting=1, cause="HTTP 500")
        else:
            outage.note_limited(now, "HTTP 429", Bucket.SUPPORT, asked)

    met(10.0)
    outage.note_answered(asked, Bucket.SUPPORT)
    assert outage.gives_up_at == math.inf
    assert outage.may_start(1, 10.0, 1, Bucket.SUPPORT)
    failed(outage, [1], now=20.0)
    met(30.0)
    outage.note_answered(asked, Bucket.SUPPORT)
    assert outage.gives_up_at == 920.0
    assert outage.may_start(1, 30.0, 1, Bucket.SUPPORT)
    outage.note_success()
    outage.note_limited(40.0, "HTTP 429", Bucket.SUPPORT)
    outage.note_answered(asked, Bucket.SUPPORT)
    assert outage.gives_up_at == 940.0
    outage.note_idle()
    met(50.0)
    outage.note_answered(asked, Bucket.SUPPORT)
    assert outage.gives_up_at == math.inf
