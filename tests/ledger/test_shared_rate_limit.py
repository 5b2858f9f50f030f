"""The account's minute, shared: what runs on one ledger may send together."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.lease import LEASE_SECONDS
from target_zendesk_events.ledger.shared_rate_limit import BLOCKS_A_MINUTE, PERMIT_SECONDS, SharedRateLimit
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.limits.rate_limit import WINDOW_SECONDS, RateLimit

PER_MINUTE = 60
BLOCK = PER_MINUTE // BLOCKS_A_MINUTE
START = 1_800_000_000.0


class House:
    """Runs on one file, with one clock for all: the epoch's seconds are the monotonic ones too."""

    def __init__(self, folder: Path) -> None:
        """Start without a run."""
        self.now = START
        self.wrong_by = 0.0
        """By how much the machine's clock is wrong, by which the ledger goes; a run's own goes on."""
        self.url = f"sqlite:///{folder}/ledger.sqlite"
        self.ledgers: list[SqlLedger] = []

    def ledger(self, account: str = "acme.zendesk.com/", **others: Any) -> SqlLedger:
        """Open the ledger as one more run."""
        database = database_of(self.url, lambda: self.now + self.wrong_by)
        ledger = SqlLedger(database, account=account, run="run", retention_days=9, digest=str, **others)
        self.ledgers.append(ledger)
        return ledger

    def limit(self, account: str = "acme.zendesk.com/", bucket: Bucket = Bucket.EVENTS) -> SharedRateLimit:
        """Return the rate limit of one more run."""
        ledger = self.ledger(account)
        return SharedRateLimit(PER_MINUTE, ledger.transactions, ledger.account, bucket)

    def start(self, limit: RateLimit, wanted: int) -> int:
        """Start as many requests of a run as may start now, up to `wanted`; return how many."""
        started = 0
        while started < wanted and (places := limit.grant(self.now, wanted - started)):
            for _ in range(places):
                limit.start(self.now)
            started += places
        return started

    def close(self) -> None:
        """Close every run's file."""
        for ledger in self.ledgers:
            ledger.database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_runs_have_one_minute_together(house: House) -> None:
    """What one run has sent, another may not; all of the minute may go at once."""
    first, second = house.limit(), house.limit()
    assert house.start(first, 40) == 40
    assert house.start(second, 40) == 20
    assert house.start(first, 1) == 0


def test_another_account_has_a_minute_of_its_own(house: House) -> None:
    """Two accounts on one ledger share nothing."""
    assert house.start(house.limit(), 60) == 60
    assert house.start(house.limit("acme1.zendesk.com/"), 60) == 60


def test_each_bucket_is_a_minute_of_its_own(house: House) -> None:
    """What events take, tickets may still; runs share each of the two."""
    first, second = ([house.limit(bucket=one) for one in Bucket] for _ in range(2))
    assert [house.start(limit, 40) for limit in first] == [40, 40]
    assert [house.start(limit, 40) for limit in second] == [20, 20]
    assert [house.start(limit, 1) for limit in (*first, *second)] == [0] * 4


def test_a_retry_after_of_one_bucket_does_not_hold_the_other(house: House) -> None:
    """Whoever is told first, before anything was sent."""
    first, second = ([house.limit(bucket=one) for one in Bucket] for _ in range(2))
    first[1].wait_until(house.now + 30, house.now)
    assert [house.start(limit, 1) for limit in (*first, *second)] == [1, 0, 1, 0]
    assert second[1].free_at(house.now) == pytest.approx(house.now + 30)
    house.now += 30.1
    assert house.start(second[1], 1) == 1


def test_a_permit_stays_in_the_minute_for_sixty_seconds_after_its_answer(house: House) -> None:
    """Answers that took ten seconds hold their places for seventy."""
    first, second = house.limit(), house.limit()
    house.start(first, 60)
    house.now += 10
    for _ in range(60):
        first.end(house.now)
    first.note(house.now)
    house.now += WINDOW_SECONDS
    assert house.start(second, 60) == 0
    house.now += 0.1
    assert house.start(second, 60) == 60


def test_a_request_without_an_answer_holds_its_place(house: House) -> None:
    """However long an answer takes, nobody else has its place meanwhile."""
    first, second = house.limit(), house.limit()
    house.start(first, 60)
    house.now += 64
    assert house.start(second, 1) == 0


def test_the_run_before_counts(house: House) -> None:
    """A run that starts at once counts those of the run before, whether they had their answers or not."""
    first = house.limit()
    house.start(first, 60)
    for _ in range(30):
        first.end(house.now)
    first.close()
    second = house.limit()
    house.now += WINDOW_SECONDS - 1
    assert house.start(second, 60) == 0
    house.now += 1.1
    assert house.start(second, 60) == 60


def test_a_run_that_was_killed_counts_until_its_requests_must_have_ended(house: House) -> None:
    """Without a word from its run, a permit is free once the longest answer and a minute have passed."""
    house.start(house.limit(), 60)
    second = house.limit()
    house.now += 125
    assert house.start(second, 1) == 0
    house.now += 2
    assert house.start(second, 60) == 60


def test_unused_permits_expire_after_a_second(house: House) -> None:
    """What a run took and did not use goes back, and it does not use it later."""
    first, second = house.limit(), house.limit()
    assert first.grant(house.now, 60) == BLOCK
    assert house.start(second, 60) == PER_MINUTE - BLOCK
    house.now += PERMIT_SECONDS + 0.01
    first.note(house.now)
    assert house.start(second, 60) == BLOCK
    assert house.start(first, 1) == 0


def test_a_retry_after_holds_for_all_runs(house: House) -> None:
    """No run on the account starts a request before the moment that one of them was told, and all do after."""
    first, second = house.limit(), house.limit()
    other = house.limit("acme1.zendesk.com/")
    house.start(second, 1)
    first.wait_until(house.now + 30, house.now)
    first.wait_until(house.now + 5, house.now)
    assert house.start(first, 1) == 0
    assert house.start(second, 1) == 0
    assert house.start(other, 1) == 1
    assert second.free_at(house.now) == pytest.approx(house.now + 30)
    house.now += 29.9
    assert house.start(first, 1) + house.start(second, 1) == 0
    house.now += 0.2
    assert house.start(first, 1) + house.start(second, 1) == 2


def test_permits_of_a_run_that_was_killed_last_no_longer_than_what_it_sent(house: House) -> None:
    """A minute after its lease was seen to have lapsed nothing of it counts; until then all of it does."""
    killed, second = (house.ledger(steady=lambda: house.now).rate_limit(PER_MINUTE, Bucket.EVENTS) for _ in range(2))
    assert house.start(killed, 60) == 60
    for _ in range(int(LEASE_SECONDS) + 2):
        house.now += 1
        assert house.start(second, 1) == 0
        house.ledgers[1].heartbeat()
    house.now += WINDOW_SECONDS - 2
    assert house.start(second, 1) == 0
    house.now += 3
    assert house.start(second, 60) == 60


def test_permits_of_a_run_that_lives_last_as_long_as_they_may_be_used(house: House) -> None:
    """Whoever wakes and has not looked at the others yet takes nobody for gone."""
    lives, wakes = (house.ledger(steady=lambda: house.now).rate_limit(PER_MINUTE, Bucket.EVENTS) for _ in range(2))
    assert house.start(lives, 60) == 60
    for _ in range(3):
        house.now += LEASE_SECONDS / 2
        house.ledgers[0].heartbeat()
    assert house.start(wakes, 1) == 0
    house.ledgers[1].heartbeat()
    assert house.start(wakes, 1) == 0
    house.now += WINDOW_SECONDS + 5
    assert house.start(wakes, 1) == 0


@pytest.mark.parametrize("wrong_by", [7_200.0, 400 * 86_400.0])
def test_permits_of_a_clock_that_was_ahead_last_no_longer_than_others(house: House, wrong_by: float) -> None:
    """A run that was killed while the clock was wrong takes no more of the minute than any run that is killed."""
    house.wrong_by = wrong_by
    house.start(house.limit(), 60)
    house.wrong_by = 0.0
    second = house.limit()
    assert house.start(second, 1) == 0
    house.now += 125
    assert house.start(second, 1) == 0
    house.now += 2
    assert house.start(second, 60) == 60


@pytest.mark.parametrize("wrong_by", [7_200.0, 400 * 86_400.0])
def test_a_retry_after_told_to_a_clock_that_was_ahead_is_no_longer(house: House, wrong_by: float) -> None:
    """Whoever comes after waits for as long as was told, and no longer; the next one that is told counts again."""
    house.wrong_by = wrong_by
    first = house.limit()
    house.start(first, 1)
    first.wait_until(house.now + 30, house.now)
    house.wrong_by = 0.0
    second = house.limit()
    assert house.start(second, 1) == 0
    assert second.free_at(house.now) == pytest.approx(house.now + 30)
    house.now += 29.9
    third = house.limit()
    assert house.start(second, 1) + house.start(third, 1) == 0
    house.now += 0.2
    assert house.start(second, 1) == 1
    second.wait_until(house.now + 10, house.now)
    assert house.start(third, 1) == 0
    house.now += 10.1
    assert house.start(third, 1) == 1


@pytest.mark.parametrize("seed", range(3))
def test_no_sixty_seconds_hold_more_arrivals_than_the_limit_and_none_is_wasted(house: House, seed: int) -> None:
    """Four runs that always have something to send: at most the limit arrives in any minute, and nearly as much."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    runs = [house.limit() for _ in range(4)]
    arrivals: list[float] = []
    answers: list[tuple[float, int]] = []
    while house.now < START + 400:
        house.now += 0.05
        while answers and answers[0][0] <= house.now:
            runs[heapq.heappop(answers)[1]].end(house.now)
        for index in dice.sample(range(4), 4):
            for _ in range(house.start(runs[index], 4)):
                seconds = dice.choice((0.1, 0.3, 3.0))
                arrivals.append(house.now + dice.random() * seconds)
                heapq.heappush(answers, (house.now + seconds, index))
            runs[index].note(house.now)
    arrivals.sort()
    beyond = zip(arrivals, arrivals[PER_MINUTE:], strict=False)
    assert all(later - earlier > WINDOW_SECONDS for earlier, later in beyond)
    assert len(arrivals) >= 400 / (WINDOW_SECONDS + 3.0) * PER_MINUTE * 0.95
