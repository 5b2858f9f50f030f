"""Whom the ledger is to forget: blocked and lifted together, per account, whatever was known before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_ledger import NOTHING, House, deliver, keyed

from target_zendesk_events.ledger import tables
from target_zendesk_events.ledger.forgotten import FORGOTTEN
from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import NEW, Entry, Keyed, Standing
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.work import Outcome

DELIVERED = Entry(Standing.SETTLED, Outcome.DELIVERED)


@pytest.fixture
def house(ledger_url: str) -> Iterator[House]:
    house = House(ledger_url)
    yield house
    house.close()


def of(number: int, *names: str, **others: Any) -> Keyed:
    """Return an event of somebody with these identifiers."""
    return keyed(number, persons=lambda: [name.encode() for name in names], **others)


def forget(ledger: SqlLedger, *names: str) -> None:
    Inquiry(ledger).forget([name.encode() for name in names])


def allow_again(ledger: SqlLedger, name: str) -> int:
    return Inquiry(ledger).allow_again(name.encode())


def test_one_identifier_is_enough_and_others_go_on(house: House) -> None:
    """Looking up and claiming alike, with a key or without, in a replay too."""
    ledger = house.ledger()
    forget(ledger, "a", "b")
    events = [of(1, "a"), of(2, "x", "b"), of(3, "x"), keyed(4), of(5, "b", again=True)]
    expected = [FORGOTTEN, FORGOTTEN, NEW, NEW, FORGOTTEN]
    assert ledger.seen(events) == expected
    assert ledger.exchange([], events, NOTHING) == expected
    nameless = Keyed(None, lambda: None, "orders", persons=lambda: [b"a"])
    assert (ledger.seen([nameless]), ledger.exchange([], [nameless], NOTHING)) == ([FORGOTTEN], [FORGOTTEN])


def test_a_block_that_came_after_the_look_up_counts(house: House) -> None:
    """A run under way that saw an event as new gets no claim for it any more."""
    running, other = house.ledger("running"), house.ledger("other")
    assert running.seen([of(1, "a")]) == [NEW]
    forget(other, "a")
    assert running.exchange([], [of(1, "a")], NOTHING) == [FORGOTTEN]


def test_what_is_forgotten_together_is_lifted_together(house: House) -> None:
    """By any of it, and once; somebody else stays forgotten."""
    ledger = house.ledger()
    forget(ledger, "a", "b")
    forget(ledger, "c")
    assert (allow_again(ledger, "b"), allow_again(ledger, "b"), allow_again(ledger, "unknown")) == (2, 0, 0)
    assert ledger.seen([of(1, "a"), of(2, "b"), of(3, "c")]) == [NEW, NEW, FORGOTTEN]


def test_a_second_forgetting_joins_what_it_shares(house: House) -> None:
    """As where a profile has got another identifier since: all are one person's then."""
    ledger = house.ledger()
    forget(ledger, "a", "b")
    forget(ledger, "b", "c")
    assert allow_again(ledger, "a") == 3
    assert ledger.seen([of(1, "a"), of(2, "b"), of(3, "c")]) == [NEW] * 3


def test_what_was_delivered_before_counts_as_gone_once_lifted(house: House) -> None:
    """It was deleted with the profile; what is delivered after that stays known."""
    ledger = house.ledger()
    deliver(ledger, of(1, "a"), of(2, "x"))
    house.clock.sleep(60)
    forget(ledger, "a")
    assert ledger.seen([of(1, "a")]) == [FORGOTTEN]
    house.clock.sleep(60)
    allow_again(ledger, "a")
    assert ledger.seen([of(1, "a"), of(2, "x")]) == [NEW, DELIVERED]
    deliver(ledger, of(1, "a"))
    assert ledger.seen([of(1, "a")]) == [DELIVERED]
    assert ledger.exchange([], [of(1, "a")], NOTHING) == [DELIVERED]


def test_what_came_while_it_was_blocked_is_new_once_lifted(house: House) -> None:
    """It was never sent."""
    ledger = house.ledger()
    forget(ledger, "a")
    deliver(ledger, of(1, "a"), outcome=Outcome.FORGOTTEN)
    assert ledger.seen([of(1, "a")]) == [FORGOTTEN]
    allow_again(ledger, "a")
    assert ledger.seen([of(1, "a")]) == [NEW]
    assert ledger.exchange([], [of(1, "a")], NOTHING) == [NEW]


def test_a_claim_that_was_taken_back_is_new_again(house: House) -> None:
    """The claim of something lifted leaves nothing behind."""
    ledger = house.ledger()
    deliver(ledger, of(1, "a"))
    house.clock.sleep(60)
    forget(ledger, "a")
    allow_again(ledger, "a")
    assert ledger.exchange([], [of(1, "a")], NOTHING) == [NEW]
    ledger.release([of(1, "a")])
    assert ledger.seen([of(1, "a")]) == [NEW]


def test_another_account_forgets_nobody(house: House) -> None:
    """Another on the same ledger shares nothing with it but the file."""
    forget(house.ledger(account="acme.zendesk.com"), "a")
    assert house.ledger(account="other.zendesk.com").seen([of(1, "a")]) == [NEW]


def test_an_older_ledger_learns_to_forget(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables grow; what it knew stays known."""
    with monkeypatch.context() as older:
        older.setattr(tables, "MIGRATIONS", tables.MIGRATIONS[:3])
        database = house.database()
        tables.prepare(database)
        database.close()
    ledger = house.ledger()
    deliver(ledger, of(1, "x"))
    forget(ledger, "a")
    assert ledger.seen([of(1, "x"), of(2, "a")]) == [DELIVERED, FORGOTTEN]


@pytest.mark.parametrize(
    ("kind", "one", "other", "is_same"),
    [
        ("email", "a@b.example", "a@b.example", True),
        ("external_id", "AB", "ab", True),
        ("phone_number", "+49 (30) 12", "+493012", True),
        ("phone_number", "+493012", "+493013", False),
        ("phone_number", "none", "other", False),
        ("member", "AB", "ab", False),
    ],
)
def test_a_person_has_one_spelling(kind: str, one: str, other: str, is_same: bool) -> None:
    """As far as Zendesk takes two for the same, and no further."""
    keys = Keys("acme.zendesk.com", b"secret")
    assert (keys.of_person((kind, one)) == keys.of_person((kind, other))) == is_same


def test_a_persons_hash_tells_nothing_without_the_secret() -> None:
    """Nor is it the same in another account, under another type, or as a user's number."""
    hashes = [
        Keys(account, secret).of_person(name)
        for account, secret, name in (
            ("acme", b"secret", ("member", "7")),
            ("acme", b"another", ("member", "7")),
            ("other", b"secret", ("member", "7")),
            ("acme", b"secret", ("reader", "7")),
            ("acme", b"secret", "7"),
        )
    ]
    assert len(set(hashes)) == len(hashes)
