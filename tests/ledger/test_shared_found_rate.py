"""The rate that was found to work, shared: what one run on a ledger learns, the others need not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_shared_rate_limit import PER_MINUTE, House

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.shared_rate_limit import SharedRateLimit
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.limits.found_rate import Place, Told


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def answered(house: House, limit: SharedRateLimit, wanted: int, taken: int) -> None:
    """Send so many, of which so many are taken and the others answered by a 429."""
    places: list[Place] = []
    while len(places) < wanted and (granted := limit.grant(house.now, wanted - len(places))):
        places += [limit.start(house.now) for _ in range(granted)]
    assert len(places) == wanted
    house.now += 0.2
    for place in places:
        limit.end(house.now, Told(place, is_limited=place.number > taken))


def sent_in_a_minute(house: House, *limits: SharedRateLimit) -> int:
    """Return how many runs that ask ten times a second may start within a minute."""
    sent = 0
    for _ in range(600):
        house.now += 0.1
        for limit in limits:
            limit.note(house.now)
            for _ in range(limit.grant(house.now, 50)):
                limit.end(house.now, Told(limit.start(house.now)))
                sent += 1
    return sent


def test_what_one_run_finds_holds_for_all(house: House) -> None:
    """Where 30 of 40 were taken, two runs together send about 30 in the next minute but one, not 60."""
    first, second = house.limit(), house.limit()
    answered(house, first, 40, 30)
    house.now += 61
    assert 27 <= sent_in_a_minute(house, second, first) <= 33
    assert second.found.wall == first.found.wall == pytest.approx(30, abs=1)


def test_a_run_that_starts_later_knows_it(house: House) -> None:
    """It need not meet the wall to find it."""
    first = house.limit()
    answered(house, first, 40, 30)
    first.close()
    house.now += 61
    assert 27 <= sent_in_a_minute(house, house.limit()) <= 33


def test_each_bucket_and_each_account_has_its_own(house: House) -> None:
    """What is found of events says nothing of tickets, nor of another account."""
    answered(house, house.limit(), 40, 30)
    house.now += 61
    for other in (house.limit(bucket=Bucket.SUPPORT), house.limit("acme1.zendesk.com/")):
        assert house.start(other, PER_MINUTE) == PER_MINUTE


def test_it_creeps_back_for_all(house: House) -> None:
    """After five minutes without a 429 all of the minute is there again."""
    first, second = house.limit(), house.limit()
    answered(house, first, 40, 30)
    house.now += 360
    assert house.start(first, 30) + house.start(second, 60) == PER_MINUTE


def test_a_wait_that_costs_a_minute_is_known_to_all(house: House) -> None:
    """No run seeks the wall again soon after a `Retry-After` of 93 seconds."""
    first, second = house.limit(), house.limit()
    for _ in range(2):
        place = first.start(house.now) if first.grant(house.now, 1) else None
        assert place is not None
        first.end(house.now, Told(place, is_limited=True))
    first.wait_until(house.now + 93, house.now)
    house.now += 94
    assert second.grant(house.now, 1) == 1
    assert second.found.level_at == pytest.approx(first.found.level_at)
    assert second.found.level_at > house.now + 600


def test_a_machine_s_clock_that_was_ahead_does_not_keep_the_rate_low(house: House) -> None:
    """What was found by a clock that was hours ahead counts as nothing once it is right."""
    house.wrong_by = 20_000.0
    answered(house, house.limit(), 40, 30)
    house.wrong_by = 0.0
    house.now += 200
    other = house.limit()
    assert other.grant(house.now, 1) == 1
    assert not other.found.is_lower(house.now)


def test_both_databases_keep_what_was_found(ledger_url: str) -> None:
    """By their own clock: a second run has the rate of the first, and its permits are spread from then on."""
    ledgers = [
        SqlLedger(database_of(ledger_url, time.time), account="acme", run=run, retention_days=9, digest=str)
        for run in ("first", "second")
    ]
    first, second = (ledger.rate_limit(PER_MINUTE, Bucket.EVENTS) for ledger in ledgers)
    assert first.grant(time.monotonic(), 3) == 3
    places = [first.start(time.monotonic()) for _ in range(3)]
    for place in places:
        first.end(time.monotonic(), Told(place, is_limited=place.number > 1))
    first.wait_until(time.monotonic() + 0.2, time.monotonic())
    first.note(time.monotonic())
    assert second.grant(time.monotonic(), 3) == 0
    assert second.found.wall == first.found.wall == 1
    assert second.found.level_at == pytest.approx(first.found.level_at, abs=1)
    first.close()
    for ledger in ledgers:
        ledger.close()
