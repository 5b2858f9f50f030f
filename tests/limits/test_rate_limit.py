"""The wall of requests in a minute, simulated on a fake clock: what counts are arrivals."""

from __future__ import annotations

import heapq
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_zendesk_events.limits.found_rate import FoundRate, Place, Told
from target_zendesk_events.limits.rate_limit import RateLimit

LATENCIES = st.sampled_from([0.0, 0.01, 0.25, 3.0, 20.0, 59.0, 61.0])


@st.composite
def requests(draw: st.DrawFn) -> list[tuple[float, float, float]]:
    """Return requests: the pause before each is wanted, its latency, and where between the two it arrives (0 to 1)."""
    pauses = st.sampled_from([0.0, 0.0, 0.0, 0.5, 7.0, 58.0, 60.0])
    shares = st.sampled_from([0.0, 0.3, 1.0])
    return draw(st.lists(st.tuples(pauses, LATENCIES, shares), max_size=40))


def told(place: Place, word: str) -> Told:
    """Return what an answer tells: nothing, a 429, or how much is left until half a minute from now."""
    if not word.isdigit():
        return Told(place, is_limited=word == "limited")
    return Told(place, remaining=int(word), reset=30.0)


@settings(max_examples=200, deadline=None)
@given(
    wanted=requests(),
    per_minute=st.integers(1, 7),
    asks_ahead=st.sampled_from([None, 10.0, 100.0]),
    tells=st.lists(st.sampled_from(["", "", "limited", "0", "3", "1000"]), min_size=1, max_size=9),
)
def test_no_sixty_seconds_hold_more_arrivals_than_the_limit(
    wanted: list[tuple[float, float, float]], per_minute: int, asks_ahead: float | None, tells: list[str]
) -> None:
    """The limit holds in every window, and something may always go again.

    That is for any times at which requests are wanted, any latency, any arrival, and whatever answers tell.
    """
    limit = RateLimit(per_minute)
    now = 0.0
    arrivals: list[float] = []
    ends: list[tuple[float, int, Place]] = []
    for pause, latency, share in wanted:
        now += pause
        while True:
            while ends and ends[0][0] <= now:
                _, number, place = heapq.heappop(ends)
                limit.end(now, told(place, tells[number % len(tells)]))
            if asks_ahead is not None:
                limit.free_at(now + asks_ahead)
            if limit.free(now) > 0:
                break
            free_at = limit.free_at(now)
            now = min([*(end[0] for end in ends[:1]), math.inf if free_at is None else free_at])
            assert now < math.inf, "nothing will ever be free"
        place = limit.start(now)
        arrivals.append(now + latency * share)
        heapq.heappush(ends, (now + latency, place.number, place))
    arrivals.sort()
    for earlier, later in zip(arrivals, arrivals[per_minute:], strict=False):
        assert later - earlier > 60


@settings(max_examples=300, deadline=None)
@given(
    ends=st.lists(st.floats(0, 100), max_size=8),
    in_flight=st.integers(0, 3),
    per_minute=st.integers(1, 5),
    floor=st.one_of(st.none(), st.floats(0, 250)),
    now=st.floats(100, 200),
)
def test_free_at_is_exact(ends: list[float], in_flight: int, per_minute: int, floor: float | None, now: float) -> None:
    """At `free_at` something is free; just before nothing is; None says that only an answer can help."""

    def limit() -> RateLimit:
        fresh = RateLimit(per_minute)
        for _ in range(len(ends) + in_flight):
            fresh.start(0.0)
        for end in sorted(ends):
            fresh.end(end)
        if floor is not None:
            fresh.wait_until(floor, 0.0)
        return fresh

    moment = limit().free_at(now)
    if moment is None:
        assert limit().free(10_000) <= 0
        return
    assert moment >= now
    assert limit().free(moment) > 0
    if moment > now:
        assert limit().free(math.nextafter(moment, 0)) <= 0


@settings(max_examples=200, deadline=None)
@given(ahead=st.floats(0, 200), now=st.floats(0, 70))
def test_asking_about_the_future_forgets_nothing(ahead: float, now: float) -> None:
    """To ask when something is free after a later moment frees no place before its time."""
    limit, same = RateLimit(3), RateLimit(3)
    for one in (limit, same):
        for moment in (0.0, 5.0, 10.0):
            one.start(moment)
            one.end(moment)
    limit.free_at(now + ahead)
    assert limit.free(now) == same.free(now)


def test_nothing_starts_before_a_retry_after() -> None:
    """`wait_until` is a floor for all, and a later, shorter one does not cut it."""
    limit = RateLimit(10)
    limit.wait_until(93.0, 0.0)
    limit.wait_until(20.0, 1.0)
    assert limit.floor == 93.0
    assert limit.free(92.999) == 0
    assert limit.free_at(0.0) == 93.0
    assert limit.free(93.0) == 10


def test_an_attempt_without_an_answer_holds_its_place() -> None:
    """A place is held for as long as no answer comes, and for 60 s after it."""
    limit = RateLimit(1)
    limit.start(0.0)
    assert limit.free(1_000.0) == 0
    assert limit.free_at(1_000.0) is None
    limit.end(1_000.0)
    assert limit.free(1_060.0) == 0
    assert limit.free_at(1_000.0) == pytest.approx(1_060.0, abs=0.1)


def test_the_first_minute_s_budget_may_go_at_once() -> None:
    """A short run waits for nothing."""
    limit = RateLimit(225)
    assert limit.free(0.0) == 225


@pytest.mark.parametrize(("per_minute", "latency", "count"), [(250, 0.25, 800), (60, 1.0, 200), (7, 20.0, 30)])
def test_the_rate_is_kept_full(per_minute: int, latency: float, count: int) -> None:
    """A backlog ends within its full minutes, and the answers' time once for each."""
    limit = RateLimit(per_minute)
    now = 0.0
    ends: list[float] = []
    for _ in range(count):
        while limit.free(now) <= 0:
            free_at = limit.free_at(now)
            now = min([*ends[:1], math.inf if free_at is None else free_at])
            while ends and ends[0] <= now:
                limit.end(heapq.heappop(ends))
        limit.start(now)
        heapq.heappush(ends, now + latency)
    minutes = (count - 1) // per_minute
    assert now <= minutes * (60 + latency + 0.05)


def test_as_many_are_granted_as_are_wanted_and_free() -> None:
    """Of five wanted two go where two are free, one where one is, none before a floor, and never fewer than none."""
    limit = RateLimit(2)
    assert [limit.grant(0.0, wanted) for wanted in (0, 1, 2, 5)] == [0, 1, 2, 2]
    limit.start(0.0)
    assert limit.grant(0.0, 5) == 1
    limit.wait_until(10.0, 0.0)
    assert limit.grant(9.0, 5) == 0
    assert limit.grant(10.0, 5) == 1
    limit.per_minute = 0  # the account allows less than is under way
    assert limit.grant(10.0, 5) == 0


def test_places_that_are_free_again_are_forgotten() -> None:
    """A run of days keeps a minute's answers in memory, not all of them."""
    limit = RateLimit(10)
    for minute in range(100):
        limit.start(minute * 61.0)
        limit.end(minute * 61.0)
    assert len(limit._leaving) == 1  # noqa: SLF001 - what is kept shows nowhere else


def test_a_limit_of_one_s_own_has_nothing_to_tell_others() -> None:
    """There is no time at which it must be noted."""
    assert RateLimit(10).note_at == math.inf


def spent(limit: RateLimit, count: int, now: float = 0.0) -> list[Place]:
    """Start so many attempts."""
    return [limit.start(now) for _ in range(count)]


def test_what_headers_leave_is_not_overdrawn_before_the_reset() -> None:
    """Of 5 that are left, those that are under way take theirs; at the reset they are forgotten."""
    limit = RateLimit(100)
    places = spent(limit, 4)
    limit.end(0.2, Told(places[0], remaining=5, reset=20.0))
    assert limit.grant(0.2, 50) == 2
    spent(limit, 2, 0.3)
    assert limit.grant(0.3, 50) == 0
    assert limit.free_at(0.3) == 20.1
    assert limit.grant(20.1, 50) > 2


def test_headers_that_tell_of_room_enough_change_nothing() -> None:
    """Nor do those without a reset, or with one that is no minute's."""
    limit = RateLimit(100)
    for place, (remaining, reset) in zip(
        spent(limit, 4), [(1_000, 30), (0, None), (None, 30), (0, 1_795_435_200)], strict=True
    ):
        limit.end(0.1, Told(place, remaining=remaining, reset=reset))
        assert limit.free(0.1) == 96
        assert not limit.found.is_lower(0.1)


def test_the_room_that_an_answer_tells_is_that_of_its_arrival() -> None:
    """What was started after it has its part, also where that was answered before."""
    limit = RateLimit(100)
    first, *others = spent(limit, 10)
    for place in others:
        limit.end(0.1, Told(place))
    limit.end(0.2, Told(first, remaining=12, reset=30.0))
    assert limit.grant(0.2, 50) == 3


def test_a_wall_that_headers_tell_is_learned() -> None:
    """Where nothing is left beside 10 that were sent, 10 are what works, and they are spread over the minute."""
    limit = RateLimit(100)
    for place in spent(limit, 10):
        limit.end(0.2, Told(place, remaining=10 - place.number, reset=30.0))
    assert limit.found.places(0.2) == 10
    limit.start(61.0)
    assert limit.free_at(61.0) == pytest.approx(61.0 - 5 + 60 / limit.found.places(61.0))


def test_what_was_turned_away_took_no_place_but_counts_as_an_attempt() -> None:
    """Of ten, four are answered by a 429: six are what works; in the minute of promise 5 all ten count."""
    limit = RateLimit(12)
    for place in spent(limit, 10):
        limit.end(0.2, Told(place, is_limited=place.number > 6))
    assert limit.found.wall == 6
    assert limit.grant(0.3, 1) == 0
    limit.found = FoundRate(12)
    assert limit.free(5.3) == 2
