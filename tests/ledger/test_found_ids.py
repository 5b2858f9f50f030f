"""The ids of what was looked up: kept for thirty days, by runs of one account alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_ledger import DAY, House, database_rows

from target_zendesk_events.ledger.found_ids import STEP
from target_zendesk_events.ledger.lease import LEASE_SECONDS
from target_zendesk_events.ledger.ledger import NoLedger


@pytest.fixture
def house(ledger_url: str) -> Iterator[House]:
    house = House(ledger_url)
    yield house
    house.close()


def hash_of(number: int) -> bytes:
    return number.to_bytes(16, "big")


A, B, C = hash_of(1), hash_of(2), hash_of(3)


def count(house: House) -> int:
    """Count what is kept."""
    return int(database_rows(house, "SELECT COUNT(*) FROM zendesk_events_ids")[0][0])


def test_what_one_run_found_the_next_need_not_ask_for(house: House) -> None:
    """The newest id counts; another account's is its own."""
    ledger = house.ledger()
    assert ledger.ids([A, B]) == {}
    ledger.note_ids({A: "1", B: "2"})
    ledger.note_ids({B: "3"})
    ledger.close()
    later = house.ledger("later")
    assert later.ids([A, B, C, A]) == {A: "1", B: "3"}
    assert house.ledger(account="sandbox.zendesk.com/").ids([A]) == {}


def test_an_id_that_was_wrong_is_dropped(house: House) -> None:
    """Others stay."""
    ledger = house.ledger()
    ledger.note_ids({A: "1", B: "2"})
    ledger.drop_ids([A, C])
    assert ledger.ids([A, B]) == {B: "2"}


def test_an_id_is_known_for_thirty_days_from_when_it_was_found(house: House) -> None:
    """Then it is asked for again, and forgotten."""
    ledger = house.ledger()
    ledger.note_ids({A: "1", B: "2"})
    ledger.close()
    house.clock.time += 30 * DAY
    ledger = house.ledger("in time")
    assert ledger.ids([A, B]) == {A: "1", B: "2"}
    ledger.note_ids({B: "2"})
    ledger.close()
    house.clock.time += 1
    late = house.ledger("late")
    assert late.ids([A, B]) == {B: "2"}
    late.close()
    assert count(house) == 1


def test_old_ids_are_forgotten_a_few_at_a_time(house: House) -> None:
    """By a run's heartbeat, so that no commit keeps other runs waiting; a clock that is ahead forgets none."""
    many = {hash_of(number): str(number) for number in range(2 * STEP + 10)}
    ledger = house.ledger()
    ledger.note_ids(many)
    assert len(ledger.ids(many)) == len(many)
    ledger.database.close()
    house.clock.time += 31 * DAY
    later = house.ledger("later")
    house.clock.wrong_by = -31 * DAY
    house.clock.time += LEASE_SECONDS
    later.heartbeat()
    assert count(house) == len(many)
    house.clock.wrong_by = 0.0
    for left in (STEP + 10, 10, 0):
        house.clock.time += LEASE_SECONDS
        later.heartbeat()
        assert count(house) == left


def test_ids_are_found_and_forgotten_by_an_index(tmp_path: Path) -> None:
    """Nothing scans the table."""
    house = House(f"sqlite:///{tmp_path}/ledger.sqlite")
    database = house.ledger().database
    for condition in ("found >= ? AND hash IN (?, ?)", "found < ? LIMIT 500"):
        query = f"SELECT hash, id FROM zendesk_events_ids WHERE account = ? AND {condition}"
        plan = database.execute(f"EXPLAIN QUERY PLAN {query}", (b"", *range(condition.count("?")))).fetchall()
        assert all(row[3].startswith("SEARCH") for row in plan), plan
    house.close()


def test_without_a_ledger_no_id_is_kept() -> None:
    """Each run asks for itself."""
    ledger = NoLedger()
    ledger.note_ids({A: "1"})
    ledger.drop_ids([A])
    assert ledger.ids([A]) == {}
