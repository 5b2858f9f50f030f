"""A record that comes again as it was is known by its text, by SQLite and by PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from test_ledger import DAY, NOTHING, House, deliver, keyed, settlement

from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.last_seen import DAYS_BETWEEN_SIGHTS, MOST_WAITING
from target_zendesk_events.ledger.ledger import Keyed
from target_zendesk_events.ledger.lookup import row_of
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.work import Fingerprint, Outcome


@pytest.fixture
def house(ledger_url: str) -> Iterator[House]:
    house = House(ledger_url)
    yield house
    house.close()


def known_by(number: int, text: int, row: int | None = None) -> Keyed:
    """Return an event of a record with a text."""
    return keyed(number, row=row, fingerprint=fingerprint(row or number, text))


def fingerprint(row: int, text: int) -> Fingerprint:
    return Fingerprint(row_of(keyed(row)) or 0, text)


def texts(ledger: SqlLedger) -> list[tuple[int, int]]:
    """Return the text and the day of the last sight of each key, in the order of the keys."""
    return list(ledger.transactions.ask("SELECT text_hash, seen FROM zendesk_events_keys ORDER BY key"))


def test_what_was_delivered_is_known_by_its_row_and_its_text(house: House) -> None:
    """By both together, and by no other's; whatever order they are asked in, hundreds at a time."""
    ledger = house.ledger()
    deliver(ledger, *(known_by(number, -number) for number in range(1, 451)))
    known = [fingerprint(number, -number) for number in range(450, 0, -1)]
    strange = [fingerprint(1, -2), fingerprint(2, -1), fingerprint(500, -500)]
    assert set(ledger.delivered([*strange, *known])) == set(known)
    assert not ledger.delivered([])


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.HELD, Outcome.FORGOTTEN, Outcome.UNKNOWN_CUSTOMER])
def test_only_what_was_delivered_is_known(house: House, outcome: Outcome) -> None:
    """Not what was set aside, nor what is claimed and may never arrive."""
    ledger = house.ledger()
    deliver(ledger, known_by(1, 1), outcome=outcome)
    ledger.exchange([], [known_by(2, 2)], NOTHING)
    assert not ledger.delivered([fingerprint(1, 1), fingerprint(2, 2)])


def test_a_version_of_a_row_is_known_beside_its_others(house: House) -> None:
    """A row that went from one text to another and back is one that was delivered."""
    ledger = house.ledger()
    deliver(ledger, known_by(1, 10, row=7), known_by(2, 20, row=7))
    assert set(ledger.delivered([fingerprint(7, 10), fingerprint(7, 30)])) == {fingerprint(7, 10)}


def test_a_delivered_key_that_comes_of_a_record_makes_it_known(house: House) -> None:
    """As one whose key an earlier release wrote; what was set aside makes nothing known."""
    ledger = house.ledger()
    deliver(ledger, keyed(1))
    deliver(ledger, keyed(2), outcome=Outcome.HELD)
    ledger.seen([known_by(1, 10), known_by(2, 20)])
    ledger.exchange([], [], NOTHING)
    assert set(ledger.delivered([fingerprint(1, 10), fingerprint(2, 20)])) == {fingerprint(1, 10)}


def test_a_text_that_changes_with_each_run_is_written_once_a_day(house: House) -> None:
    """Where a field changes that no rule sends, the ledger is not written anew for each row of each run."""
    ledger = house.ledger()
    deliver(ledger, known_by(1, 10))
    for text in (11, 12):
        ledger.seen([known_by(1, text)])
        ledger.exchange([], [], NOTHING)
        assert [one for one, _ in texts(ledger)] == [10]
    house.clock.time += DAY
    ledger.seen([known_by(1, 13)])
    ledger.exchange([], [], NOTHING)
    assert [one for one, _ in texts(ledger)] == [13]


def test_what_is_known_by_its_text_was_seen(house: House) -> None:
    """So that it is not forgotten while it comes."""
    ledger = house.ledger()
    deliver(ledger, known_by(1, 10), known_by(2, 20))
    house.clock.time += DAYS_BETWEEN_SIGHTS * DAY
    ledger.delivered([fingerprint(1, 10)])
    ledger.exchange([], [], NOTHING)
    assert texts(ledger)[0][1] == texts(ledger)[1][1] + DAYS_BETWEEN_SIGHTS


def test_what_is_known_by_its_text_takes_no_memory_until_the_run_ends(house: House) -> None:
    """It is noted as it goes."""
    ledger = house.ledger()
    deliver(ledger, *(known_by(number, number) for number in range(MOST_WAITING + 1)))
    house.clock.time += DAYS_BETWEEN_SIGHTS * DAY
    ledger.delivered([fingerprint(number, number) for number in range(MOST_WAITING)])
    assert len(ledger.last_seen) == MOST_WAITING
    ledger.delivered([fingerprint(MOST_WAITING, MOST_WAITING)])
    assert len(ledger.last_seen) <= MOST_WAITING


def test_once_somebody_is_forgotten_or_allowed_again_rules_tell_whose_a_record_is(house: House) -> None:
    """In a run under way from then on, and in the next by other fingerprints: the mark is part of them."""
    running = house.ledger("running")
    deliver(running, known_by(1, 10))
    marks = {running.forgotten_mark}
    other = house.ledger("other")
    assert other.forgotten_mark in marks
    for change in (
        lambda: Inquiry(other).forget([b"a"]),
        lambda: Inquiry(other).allow_again(b"a"),
        lambda: Inquiry(other).forget([b"a"]),
    ):
        house.clock.time += 1
        change()
        assert not running.delivered([fingerprint(1, 10)])
        running = house.ledger("running")
        assert running.forgotten_mark not in marks
        assert running.delivered([fingerprint(1, 10)])
        marks.add(running.forgotten_mark)


def test_a_replay_makes_nothing_known(house: House) -> None:
    """Its record comes of a dead letter; what was delivered so is known once the tap sends it again."""
    ledger = house.ledger()
    deliver(ledger, known_by(1, 10), outcome=Outcome.REJECTED)
    again = keyed(1, again=True)
    ledger.exchange([], [again], NOTHING)
    ledger.exchange([settlement(again)], [], NOTHING)
    assert not ledger.delivered([fingerprint(1, 10)])
