"""Things of which the newest content replaces the last: sent whenever it differs from what was last settled."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_ledger import NOTHING, House, deliver, keyed, settlement, standings

from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.lease import LEASE_SECONDS
from target_zendesk_events.ledger.ledger import NEW, SENT_AGAIN, Entry, Keyed, Standing
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.work import Outcome

DELIVERED = Entry(Standing.SETTLED, Outcome.DELIVERED)
REJECTED = Entry(Standing.SETTLED, Outcome.REJECTED)


@pytest.fixture
def house(ledger_url: str) -> Iterator[House]:
    house = House(ledger_url)
    yield house
    house.close()


def thing(content: str, number: int = 1, **others: Any) -> Keyed:
    """Return what is to replace the content of a thing."""
    return keyed(number, kind="profile", content=content.encode(), **others)


def after_the_lease(house: House, run: str) -> SqlLedger:
    """Open the ledger as another run, and let the leases of those before it pass."""
    ledger = house.ledger(run)
    house.clock.time += LEASE_SECONDS + 1
    ledger.heartbeat()
    return ledger


def test_what_is_sent_differs_from_what_was_last_settled(house: House) -> None:
    """A, B and A again are three sendings; A after A is none, in this run and in the next."""
    ledger = house.ledger()
    for content in "ABA":
        assert ledger.seen([thing(content)]) == [NEW]
        assert ledger.exchange([], [thing(content)], NOTHING) == [NEW]
        ledger.exchange([settlement(thing(content))], [], NOTHING)
        assert ledger.seen([thing(content)]) == [DELIVERED]
    ledger.close()
    assert house.ledger("next").exchange([], [thing("A")], NOTHING) == [DELIVERED]


def test_the_next_content_goes_with_the_commit_that_settles_the_last(house: House) -> None:
    """Nothing is waited for: what the lane lets go next is claimed in the same moment."""
    ledger = house.ledger()
    ledger.exchange([], [thing("A")], NOTHING)
    assert ledger.exchange([], [thing("B")], NOTHING) == [Entry(Standing.BUSY)]
    assert ledger.exchange([settlement(thing("A"))], [thing("B")], NOTHING) == [NEW]
    assert ledger.exchange([settlement(thing("B"))], [thing("B")], NOTHING) == [DELIVERED]


def test_a_claim_of_a_run_that_is_gone_is_unknown_whatever_its_content(house: House) -> None:
    """Nobody knows whether B replaced A: both are sent, and nothing that was not settled counts as settled."""
    deliver(first := house.ledger("first"), thing("A"))
    first.exchange([], [thing("B")], NOTHING)
    second = after_the_lease(house, "second")
    assert second.seen([thing("A"), thing("B")]) == [NEW, NEW]
    assert standings(second.exchange([], [thing("A")], NOTHING)) == [Standing.UNKNOWN]
    second.exchange([settlement(thing("A"))], [], NOTHING)
    assert second.seen([thing("A"), thing("B")]) == [DELIVERED, NEW]


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.REJECTED])
def test_what_is_taken_back_is_as_it_was_before(house: House, outcome: Outcome) -> None:
    """Its outcome, content, time, run and kind: the claim of the content that was not sent leaves nothing."""
    deliver(first := house.ledger("first"), thing("A"), outcome=outcome)
    before = first.database.execute("SELECT * FROM zendesk_events_keys").fetchall()
    first.close()
    house.clock.time += 60
    second = house.ledger("second")
    gone = keyed(1, kind="deletion", content=b"B")
    assert second.exchange([], [gone], NOTHING) == [NEW]
    second.release([gone])
    assert second.database.execute("SELECT * FROM zendesk_events_keys").fetchall() == before
    assert second.exchange([], [gone], NOTHING) == [NEW]


def test_the_time_of_another_sending_is_its_own(house: House) -> None:
    """What takes over its claim goes by it."""
    deliver(first := house.ledger("first"), thing("A"))
    house.clock.time += 3_600
    first.exchange([], [thing("B", lookalikes=2)], NOTHING)
    claimed_at = first.now()
    [entry] = after_the_lease(house, "second").exchange([], [thing("B")], NOTHING)
    assert entry.claimed_at == pytest.approx(claimed_at)
    assert entry.lookalikes == 2


def test_what_was_refused_is_known_by_its_content(house: House) -> None:
    """B is not set aside twice; A, which is what the thing has, counts as another content and is sent."""
    ledger = house.ledger()
    deliver(ledger, thing("A"))
    deliver(ledger, thing("B"), outcome=Outcome.REJECTED)
    assert ledger.seen([thing("B"), thing("A")]) == [REJECTED, NEW]


def test_what_ends_without_a_claim_is_known_by_its_content(house: House) -> None:
    """What is beyond a limit never goes; the next run knows it."""
    deliver(first := house.ledger("first"), thing("A"))
    first.close()
    second = house.ledger("second")
    second.exchange([settlement(thing("B"), Outcome.REJECTED)], [], NOTHING)
    assert second.seen([thing("B")]) == [REJECTED]


def test_what_a_person_had_before_it_was_forgotten_is_sent_again(house: House) -> None:
    """The profile was deleted with the person: once that is lifted, the same content is new."""
    ledger = house.ledger()
    whose = thing("A", persons=lambda: [b"somebody"])
    deliver(ledger, whose)
    house.clock.time += 1
    Inquiry(ledger).forget([b"somebody"])
    assert ledger.exchange([], [whose], NOTHING) == [Entry(Standing.SETTLED, Outcome.FORGOTTEN)]
    ledger.exchange([settlement(whose, Outcome.FORGOTTEN)], [], NOTHING)
    house.clock.time += 1
    Inquiry(ledger).allow_again(b"somebody")
    assert ledger.seen([whose]) == [NEW]
    assert ledger.exchange([], [whose], NOTHING) == [NEW]


# replays


def test_a_replay_brings_versions_in_their_order(house: House) -> None:
    """A and B were refused, and both are sent from their dead letters; the second time neither is."""
    deliver(first := house.ledger("first"), thing("A"), outcome=Outcome.REJECTED)
    deliver(first, thing("B"), outcome=Outcome.REJECTED)
    first.close()
    replay = house.ledger("replay")
    for content in "AB":
        again = thing(content, again=True)
        assert replay.exchange([], [again], NOTHING) == [NEW]
        replay.exchange([settlement(again)], [], NOTHING)
    assert replay.seen([thing("B")]) == [DELIVERED]


def test_a_replay_does_not_undo_what_is_newer(house: House) -> None:
    """A was refused and B delivered since then: A is superseded, looked up and claimed alike."""
    deliver(first := house.ledger("first"), thing("A"), outcome=Outcome.REJECTED)
    deliver(first, thing("B"))
    first.close()
    replay = house.ledger("replay")
    assert replay.seen([thing("A", again=True)]) == [DELIVERED]
    assert replay.exchange([], [thing("A", again=True)], NOTHING) == [DELIVERED]
    assert replay.exchange([], [thing("A")], NOTHING) == [NEW]


def test_a_replay_that_was_cut_off_goes_on_in_the_next(house: House) -> None:
    """A was sent from its dead letter and B was not yet, when the replay stopped: B is not older than A."""
    deliver(first := house.ledger("first"), thing("A"), outcome=Outcome.REJECTED)
    deliver(first, thing("B"), outcome=Outcome.REJECTED)
    first.close()
    deliver(stopped := house.ledger("stopped"), thing("A", again=True))
    stopped.close()
    replay = house.ledger("replay")
    assert replay.exchange([], [thing("A", again=True)], NOTHING) == [DELIVERED]
    assert replay.seen([thing("B", again=True)]) == [NEW]
    assert replay.exchange([], [thing("B", again=True)], NOTHING) == [NEW]


# two runs at once


def lapsed(house: House) -> tuple[SqlLedger, SqlLedger]:
    """Return two runs, of which the first has B in flight of a thing that had A, and the second has taken that over."""
    first, second = house.ledger("first"), house.ledger("second")
    deliver(first, thing("A"))
    first.exchange([], [thing("B")], NOTHING)
    house.clock.time += LEASE_SECONDS + 1
    second.heartbeat()
    assert standings(second.exchange([], [thing("C")], NOTHING)) == [Standing.UNKNOWN]
    return first, second


def test_an_answer_that_comes_after_its_claim_was_taken_over_settles_nothing(house: House) -> None:
    """What is in flight elsewhere is for that run to settle."""
    first, second = lapsed(house)
    first.exchange([settlement(thing("B"))], [], NOTHING)
    assert first.seen([thing("B")]) == [NEW]
    second.exchange([settlement(thing("C"), Outcome.REJECTED)], [], NOTHING)
    assert second.seen([thing("C"), thing("B")]) == [REJECTED, NEW]


def test_of_two_contents_that_were_both_sent_nobody_knows_which_came_last(house: House) -> None:
    """So each of them goes when it comes again."""
    first, second = lapsed(house)
    second.exchange([settlement(thing("C"))], [], NOTHING)
    first.exchange([settlement(thing("B"))], [], NOTHING)
    assert first.seen([thing("B"), thing("C")]) == [NEW, NEW]
    deliver(second, thing("C"))
    assert first.seen([thing("B"), thing("C")]) == [NEW, DELIVERED]


def test_a_delivery_of_the_same_content_is_never_unsaid(house: House) -> None:
    """A run that comes late with a doubtful outcome does not change what another knows was delivered."""
    first, second = lapsed(house)
    second.exchange([settlement(thing("B"))], [], NOTHING)
    first.exchange([settlement(thing("B"), Outcome.HELD)], [], NOTHING)
    assert first.seen([thing("B")]) == [DELIVERED]


# any sequence


@dataclasses.dataclass
class Row:
    """What a plain reader of the promise knows of one thing; without an outcome it is in flight, nobody knows where."""

    content: str
    outcome: Outcome | None
    run: int
    again: bool = False

    def stands(self, content: str, run: int, *, again: bool) -> Standing:
        """Say what a claim of this content comes to."""
        if self.outcome is None:
            return Standing.UNKNOWN
        if again and self.outcome in SENT_AGAIN:
            return Standing.NEW
        is_newer = again and self.outcome is Outcome.DELIVERED and self.run != run and not self.again
        return Standing.SETTLED if content == self.content or is_newer else Standing.NEW


ENDS = ("delivered", "delivered", "rejected", "held", "taken back", "cut off")
STEPS = st.tuples(st.sampled_from(ENDS), st.integers(0, 2), st.sampled_from("ABC"), st.booleans(), st.booleans())
THINGS = itertools.count(1_000, 1_000)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=25))
def test_any_sequence_of_contents_is_sent_as_a_plain_reader_expects(
    house: House, steps: Sequence[tuple[str, int, str, bool, bool]]
) -> None:
    """Delivered, refused, held, taken back, cut off or replayed: what was not settled never counts as settled."""
    first = next(THINGS)
    rows: dict[int, Row] = {}
    run, ledger = 0, house.ledger()
    counted = ledger.usage().of("profile")[1]
    for end, number, content, again, is_other_run in steps:
        if is_other_run:
            ledger.close()
            run, ledger = run + 1, after_the_lease(house, "next")
        one = thing(content, first + number, again=again)
        row = rows.get(number)
        expected = Standing.NEW if row is None else row.stands(content, run, again=again)
        [seen] = ledger.seen([one])
        if not (again and row and row.outcome in SENT_AGAIN):
            assert (seen.standing is Standing.SETTLED) == (expected is Standing.SETTLED)
        [entry] = ledger.exchange([], [one], NOTHING)
        assert entry.standing is expected
        if expected is Standing.SETTLED:
            assert row is not None
            assert entry.outcome is row.outcome
        elif end == "taken back":
            ledger.release([one])
            if row is not None and row.outcome is None:
                del rows[number]
        elif end == "cut off":
            run, ledger = run + 1, after_the_lease(house, "after")
            rows[number] = Row(content, None, run)
        else:
            ledger.exchange([settlement(one, Outcome(end))], [], NOTHING)
            rows[number] = Row(content, Outcome(end), run, again)
            counted += end != "rejected"
    assert ledger.usage().of("profile")[1] == counted
    ledger.close()
