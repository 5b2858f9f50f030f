"""Runs and the counts of days and months are forgotten as keys are: a ledger does not grow with time alone."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest
from test_ledger import DAY, NOTHING, House, deliver, keyed

from target_zendesk_events.ledger.last_seen import DAYS_BETWEEN_SIGHTS
from target_zendesk_events.ledger.ledger import Standing, Tally
from target_zendesk_events.ledger.past import LEAST_DAYS, STEP, is_over


@pytest.fixture
def house(ledger_url: str) -> Iterator[House]:
    house = House(ledger_url)
    yield house
    house.close()


def rows(house: House, table: str) -> int:
    """Count a table's rows."""
    with contextlib.closing(house.database()) as database:
        return int(database.execute(f"SELECT COUNT(*) FROM zendesk_events_{table}").fetchall()[0][0])


def test_a_ledger_does_not_grow_with_time(house: House) -> None:
    """A run every five days: from the retention on there is as much of runs, and of what days came to, as before."""
    held: list[tuple[int, int]] = []
    for _ in range(30):
        ledger = house.ledger(retention_days=LEAST_DAYS)
        ledger.exchange([], [], Tally(records={"orders": 1}, set_aside={"orders": 1}))
        ledger.close()
        held.append((rows(house, "runs"), rows(house, "counts")))
        house.clock.time += 5 * DAY
    kept = LEAST_DAYS // 5 + 1
    assert set(held[kept:]) == {(kept, 2 * kept)}


def test_this_month_and_the_last_are_kept(house: House) -> None:
    """However soon keys are forgotten: the month's quota is counted from its first day."""
    first = house.ledger(retention_days=1)
    deliver(first, keyed(1), keyed(2))
    first.close()
    house.clock.time += 30 * DAY
    house.ledger(retention_days=1).close()
    assert rows(house, "runs") == 2
    house.clock.time += (LEAST_DAYS - 30) * DAY
    house.ledger(retention_days=1).close()
    assert rows(house, "runs") == 3
    house.clock.time += DAY
    house.ledger(retention_days=1).close()
    assert rows(house, "runs") == 3


def test_a_run_whose_claims_are_open_is_kept(house: House) -> None:
    """It tells since when they are open; it goes with the last of them, of which a day forgets a quarter."""
    killed = house.ledger("killed", retention_days=90)
    killed.exchange([], [keyed(number) for number in range(8)], NOTHING)
    killed.database.close()
    house.clock.time += (90 + DAYS_BETWEEN_SIGHTS) * DAY
    while left := rows(house, "keys"):
        assert rows(house, "runs WHERE name = 'killed'") == 1
        house.ledger("later", retention_days=90).close()
        assert rows(house, "keys") < left
        house.clock.time += DAY
    assert rows(house, "runs WHERE name = 'killed'") == 0


def test_a_run_that_lives_longer_than_it_is_kept_goes_on(house: House) -> None:
    """It is not over: what it claims stays its own."""
    old = house.ledger("old", retention_days=70)
    for _ in range(80):
        house.clock.time += DAY
        old.heartbeat()
    old.exchange([], [keyed(1)], NOTHING)
    other = house.ledger("other", retention_days=70)
    assert rows(house, "runs") == 2
    [entry] = other.exchange([], [keyed(1)], NOTHING)
    assert entry.standing is Standing.BUSY


def test_many_runs_go_a_few_at_a_time_and_another_account_s_stay(house: House) -> None:
    """No commit keeps other runs waiting for long; and no day is looked through twice."""
    house.ledger("sandbox", account="sandbox", retention_days=3_650).close()
    first = house.ledger(retention_days=90)
    columns = "account, name, started, lease_until, ended"
    statement = (
        f"INSERT INTO zendesk_events_runs (id, {columns}) SELECT ?, {columns} FROM zendesk_events_runs WHERE id = 2"
    )
    first.transactions.run(
        lambda: first.database.execute_many(statement, [(number,) for number in range(3, STEP + 22)])
    )
    first.close()
    house.clock.time += 91 * DAY
    ledger = house.ledger("later", retention_days=90)
    left = []
    for _ in range(3):
        house.clock.time += 6.0
        ledger.heartbeat()
        left.append(rows(house, "runs"))
    assert left == [22, 2, 2]
    ledger.close()


def test_a_clock_that_no_answer_confirmed_forgets_none(house: House) -> None:
    """As with keys."""
    house.ledger(retention_days=90).close()
    house.clock.time += 400 * DAY
    house.zendesk = None
    house.ledger(retention_days=90).close()
    assert rows(house, "runs") == 2


@pytest.mark.parametrize(
    ("name", "over"),
    [
        ("sent event 2027-03", False),
        ("sent event 2027-02", True),
        ("sent object 2027-03-12", True),
        ("sent object 2027-03-13", False),
        ("records 2027-03-12 0fec372999849843 orders of 2030-01-01", True),
        ("aside 2027-03-13 0fec372999849843 sent 2020-01-01", False),
        ("forgotten 20889", True),
        ("forgotten 20890", False),
        ("something else 2020-01-01", False),
    ],
)
def test_what_a_count_is_of_tells_when_it_is_over(name: str, over: bool) -> None:
    """A stream's name may look like a date; a month is over with its last day."""
    since = (dt.date(2027, 3, 13) - dt.date(1970, 1, 1)).days
    assert is_over(name, since) is over
