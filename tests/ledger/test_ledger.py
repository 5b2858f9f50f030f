"""The ledger: what was claimed, settled, seen and counted, by SQLite and by PostgreSQL alike."""

from __future__ import annotations

import secrets
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.last_seen import DAYS_BETWEEN_SIGHTS, MOST_WAITING, STEP
from target_zendesk_events.ledger.lease import LEASE_SECONDS
from target_zendesk_events.ledger.ledger import NEW, Entry, Keyed, Settlement, Standing, Tally
from target_zendesk_events.ledger.postgres import PostgresDatabase
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.ledger.sqlite import SqliteDatabase
from target_zendesk_events.ledger.transactions import Busy, Cursor, Database
from target_zendesk_events.work import Outcome

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc).timestamp()
DAY = 86_400.0
NOTHING = Tally()
LIMITS = {"event": (None, 1_000), "deletion": (None, 100)}


class Clock:
    """The epoch clock, as a test sets it."""

    def __init__(self) -> None:
        """Start at noon."""
        self.time = NOON
        self.wrong_by = 0.0

    def __call__(self) -> float:
        """Return epoch seconds, as the machine believes."""
        return self.time + self.wrong_by

    def steady(self) -> float:
        """Return seconds that nobody sets."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


class Timeless(PostgresDatabase):
    """A server whose time is the test's."""

    def connect(self) -> None:
        """Connect, and take no time from the server."""
        super().connect()
        self._ahead = 0.0


class House:
    """Ledgers of several runs on one database."""

    def __init__(self, url: str) -> None:
        """Open nothing yet."""
        self.url = url
        self.clock = Clock()
        self.zendesk: Callable[[], float] | None = self.clock.steady
        """What tells the time of Zendesk's answers; None: no answer comes."""
        self.open: list[Database] = []

    def ledger(self, run: str = "run", account: str = "acme.zendesk.com/", **others: Any) -> SqlLedger:
        """Open the ledger as a run of its own."""
        plain: dict[str, Any] = {"retention_days": 365, "digest": lambda stream: f"rules of {stream}"}
        plain |= {"sleep": self.clock.sleep, "steady": self.clock.steady}
        ledger = SqlLedger(self.database(), run=run, account=account, **{**plain, **others})
        if self.zendesk is not None:
            ledger.heed(self.zendesk())
        return ledger

    def database(self) -> Database:
        """Return the database, not open yet, with the test's clock."""
        is_server = self.url.startswith("postgresql")
        database = Timeless(self.url, self.clock) if is_server else database_of(self.url, self.clock)
        self.open.append(database)
        return database

    def close(self) -> None:
        """Close what is open still."""
        for database in self.open:
            database.close()


@pytest.fixture
def house(ledger_url: str) -> Iterator[House]:
    house = House(ledger_url)
    yield house
    house.close()


def keyed(number: int, stream: str = "orders", row: int | None = None, **others: Any) -> Keyed:
    """Return an event of its own row, unless another is named."""
    return Keyed(number.to_bytes(16, "big"), lambda: (row or number).to_bytes(16, "little"), stream, **others)


def settlement(one: Keyed, outcome: Outcome = Outcome.DELIVERED, request_id: str = "") -> Settlement:
    return Settlement(one, outcome, 1, request_id)


def deliver(ledger: SqlLedger, *events: Keyed, outcome: Outcome = Outcome.DELIVERED) -> None:
    """Claim events and settle them."""
    ledger.exchange([], events, NOTHING)
    ledger.exchange([settlement(one, outcome) for one in events], [], NOTHING)


def standings(entries: Sequence[Entry]) -> list[Standing]:
    return [entry.standing for entry in entries]


# claims and outcomes


def test_what_was_delivered_is_settled_for_every_later_run(house: House) -> None:
    """An event is new until it is settled; then each run knows its outcome, looking up or claiming."""
    first = house.ledger()
    assert first.seen([keyed(1)]) == [NEW]
    assert first.exchange([], [keyed(1)], NOTHING) == [NEW]
    first.exchange([settlement(keyed(1))], [], NOTHING)
    first.close()
    second = house.ledger()
    expected = [Entry(Standing.SETTLED, Outcome.DELIVERED), NEW]
    assert second.seen([keyed(1), keyed(2)]) == expected
    assert second.exchange([], [keyed(1), keyed(2)], NOTHING) == expected


def test_a_claim_of_a_live_run_is_busy_and_of_an_ended_one_unknown(house: House) -> None:
    """A claim counts while its run's lease does; then it is an unknown outcome, taken over with its first time."""
    first, second = house.ledger("first"), house.ledger("second")
    first.exchange([], [keyed(1)], NOTHING)
    assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]
    first.close()
    house.clock.time += 1
    [entry] = second.exchange([], [keyed(1)], NOTHING)
    assert entry.standing is Standing.UNKNOWN
    assert entry.sent_since == pytest.approx(second.now() - 1.0, abs=0.5)
    assert standings(house.ledger("third").exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]


def test_a_run_that_was_killed_holds_its_claims_to_the_end_of_its_lease(house: House) -> None:
    """Without a word from its run, a claim is busy for as long as a lease lasts, and unknown after."""
    house.ledger("killed").exchange([], [keyed(1)], NOTHING)
    second = house.ledger("second")
    house.clock.time += LEASE_SECONDS - 0.5
    assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]
    house.clock.time += 1
    assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.UNKNOWN]


JUMPS = [7_200.0, -7_200.0, 400 * DAY, -400 * DAY]


@pytest.mark.parametrize("jump", JUMPS)
def test_a_lease_of_a_clock_that_was_wrong_lasts_no_longer_than_another(house: House, jump: float) -> None:
    """Killed while the clock was wrong, a run holds its claims until it was not seen to renew its lease for so long."""
    house.clock.wrong_by = jump
    house.ledger("killed").exchange([], [keyed(1)], NOTHING)
    house.clock.wrong_by = 0.0
    second = house.ledger("second")
    [busy] = second.exchange([], [keyed(1)], NOTHING)
    assert busy.holder is not None
    assert busy.holder.run == "killed"
    assert busy.holder.since == pytest.approx(house.clock.time + jump)
    assert busy.holder.until == pytest.approx(house.clock.time + LEASE_SECONDS)
    house.clock.time += LEASE_SECONDS + 0.1
    assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.UNKNOWN]


@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_jumps_ends_no_lease_of_a_run_that_lives(house: House, jump: float) -> None:
    """Neither does a run that begins after the jump take over what one from before it renews, nor the other way."""
    first = house.ledger("first")
    first.exchange([], [keyed(1)], NOTHING)
    house.clock.wrong_by = jump
    second = house.ledger("second")
    second.exchange([], [keyed(2)], NOTHING)
    for _ in range(20):
        house.clock.time += LEASE_SECONDS / 3
        first.heartbeat()
        second.heartbeat()
        assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]
        assert standings(first.exchange([], [keyed(2)], NOTHING)) == [Standing.BUSY]
    assert first.holds_lease()
    assert second.holds_lease()
    assert second.left_open() == 0
    first.close()
    assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.UNKNOWN]


def test_a_clock_is_not_behind_the_time_that_the_last_run_was_told(house: House) -> None:
    """Before its battery was dead, the machine knew better: what is stamped and counted goes on from there."""
    house.ledger().close()
    house.zendesk = None
    told = house.clock.time
    house.clock.time += 60
    house.clock.wrong_by = -400 * DAY
    assert house.ledger("behind").now() == pytest.approx(told)
    house.clock.wrong_by = 0.0
    assert house.ledger("right").now() == pytest.approx(told + 60)


def test_a_run_whose_clock_jumped_ahead_relies_on_its_lease_no_more(house: House) -> None:
    """The machine may have slept, and others may have waited its lease out: what waits is claimed anew."""
    ledger = house.ledger()
    house.clock.wrong_by = 7_200.0
    assert not ledger.holds_lease()
    assert not ledger.heartbeat()
    assert ledger.holds_lease()
    house.clock.wrong_by = 0.0
    assert ledger.holds_lease()


def test_a_lease_is_renewed_by_its_heartbeat(house: House) -> None:
    """A run that gives signs of life in time keeps its lease, however long it runs."""
    first = house.ledger("first")
    first.exchange([], [keyed(1)], NOTHING)
    for _ in range(10):
        house.clock.time += LEASE_SECONDS / 2
        assert first.heartbeat()
        assert first.holds_lease()
    assert standings(house.ledger("second").exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]


def test_a_run_stops_relying_on_its_lease_before_others_stop_honouring_it(house: House) -> None:
    """Between the last look at the lease and the request's arrival a little time passes."""
    first, second = house.ledger("first"), house.ledger("second")
    first.exchange([], [keyed(1)], NOTHING)
    house.clock.time += LEASE_SECONDS - 0.5
    assert not first.holds_lease()
    assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]


def test_after_a_lapse_claims_are_made_anew(house: House) -> None:
    """A run that slept past its lease is told so once; what nobody took over it may claim again, the rest is busy."""
    first, second = house.ledger("first"), house.ledger("second")
    first.exchange([], [keyed(1), keyed(2)], NOTHING)
    house.clock.time += LEASE_SECONDS + 1
    second.heartbeat()
    assert standings(second.exchange([], [keyed(1)], NOTHING)) == [Standing.UNKNOWN]
    assert not first.holds_lease()
    assert not first.heartbeat()
    assert first.heartbeat()
    anew = [keyed(1, anew=True), keyed(2, anew=True)]
    assert standings(first.exchange([], anew, NOTHING)) == [Standing.BUSY, Standing.NEW]


def test_a_claim_remembers_what_went_before_it_and_looks_the_same(house: House) -> None:
    """Whoever takes it over knows how many must be found, and since when."""
    first, second = house.ledger("first"), house.ledger("second")
    claimed_at = first.now() - 1.5
    first.exchange([], [keyed(1, lookalikes=2, claimed_at=claimed_at)], NOTHING)
    house.clock.time += LEASE_SECONDS + 1
    second.heartbeat()
    [entry] = second.exchange([], [keyed(1)], NOTHING)
    assert (entry.standing, entry.claimed_at, entry.lookalikes) == (Standing.UNKNOWN, claimed_at, 2)
    assert entry.sent_since == pytest.approx(second.now() - LEASE_SECONDS - 2.5, abs=0.5)


@pytest.mark.parametrize("outcome", [None, Outcome.HELD])
def test_what_was_claimed_before_an_answer_told_the_time_may_be_older(house: House, outcome: Outcome | None) -> None:
    """It was sent since the last time that an answer told, whatever its clock said; who takes it over knows that."""
    house.ledger("earlier").close()
    told, house.zendesk = house.clock.steady(), None
    house.clock.wrong_by = 2 * 3_600
    killed = house.ledger("killed")
    claimed_at = killed.now()
    killed.exchange([], [keyed(1), keyed(2)], NOTHING)
    if outcome is not None:
        killed.exchange([settlement(one, outcome) for one in (keyed(1), keyed(2))], [], NOTHING)
    again = [keyed(1, again=outcome is not None), keyed(2, again=outcome is not None)]
    house.zendesk = house.clock.steady
    for name in ("second", "third"):
        house.clock.sleep(3 * 3_600)
        taker = house.ledger(name)
        house.clock.sleep(LEASE_SECONDS + 1)
        taker.heartbeat()
        entries = taker.exchange([], again, NOTHING)
        assert [(entry.standing, entry.claimed_at) for entry in entries] == [(Standing.UNKNOWN, claimed_at)] * 2
        assert [entry.sent_since for entry in entries] == [pytest.approx(told, abs=0.5)] * 2
        again = [keyed(1), keyed(2)]


def test_a_replay_and_a_claim_made_anew_keep_their_first_time(house: House) -> None:
    """An event without a time of its own bears that of its claim: sent again, it is to bear the same."""
    ledger = house.ledger()
    claimed_at = ledger.now() - 3_600.123456
    deliver(ledger, keyed(1, claimed_at=claimed_at), outcome=Outcome.REJECTED)
    [replayed] = ledger.exchange([], [keyed(1, again=True)], NOTHING)
    ledger.exchange([], [keyed(2, claimed_at=claimed_at)], NOTHING)
    [anew] = ledger.exchange([], [keyed(2, anew=True)], NOTHING)
    assert replayed == anew == Entry(Standing.NEW, claimed_at=claimed_at)


def test_after_a_lapse_only_who_had_a_claim_may_claim_anew(house: House) -> None:
    """Another event of the run with the same key still waits for the first: that may be in flight."""
    ledger = house.ledger()
    ledger.exchange([], [keyed(1)], NOTHING)
    house.clock.time += LEASE_SECONDS + 1
    assert not ledger.heartbeat()
    assert standings(ledger.exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]


def test_another_event_of_the_run_with_the_same_key_waits(house: House) -> None:
    """What this run has claimed is busy until it is settled."""
    ledger = house.ledger()
    ledger.exchange([], [keyed(1)], NOTHING)
    assert standings(ledger.exchange([], [keyed(1)], NOTHING)) == [Standing.BUSY]
    ledger.exchange([settlement(keyed(1))], [], NOTHING)
    assert standings(ledger.exchange([], [keyed(1)], NOTHING)) == [Standing.SETTLED]


def test_two_identical_events_in_one_commit_are_sent_once(house: House) -> None:
    """One of two events with the same key is claimed, the other waits for it."""
    entries = house.ledger().exchange([], [keyed(1), keyed(1)], NOTHING)
    assert standings(entries) == [Standing.NEW, Standing.BUSY]


def test_what_is_taken_back_is_new_again(house: House) -> None:
    """A claim that was taken back leaves nothing; another run's is not touched."""
    first, second = house.ledger("first"), house.ledger("second")
    first.exchange([], [keyed(1), keyed(2)], NOTHING)
    first.release([keyed(1)])
    second.release([keyed(2)])
    assert standings(second.exchange([], [keyed(1), keyed(2)], NOTHING)) == [Standing.NEW, Standing.BUSY]


def test_an_event_without_a_key_is_always_new_and_counted(house: House) -> None:
    """`dedupe: false`: nothing is remembered of it but that it was sent."""
    ledger = house.ledger()
    plain = Keyed(None, lambda: None, "orders")
    for _ in range(2):
        assert ledger.seen([plain]) == [NEW]
        assert ledger.exchange([], [plain], NOTHING) == [NEW]
        ledger.exchange([settlement(plain)], [], NOTHING)
    assert ledger.usage().of("event")[1] == 2


@pytest.mark.parametrize(
    ("outcome", "standing"),
    [
        (Outcome.DELIVERED, Standing.SETTLED),
        (Outcome.REJECTED, Standing.NEW),
        (Outcome.HELD, Standing.UNKNOWN),
    ],
)
def test_a_replay_claims_what_was_set_aside(house: House, outcome: Outcome, standing: Standing) -> None:
    """What was rejected or held is settled for the tap, and claimable for a replay; a delivery is settled for both."""
    ledger = house.ledger()
    deliver(ledger, keyed(1), outcome=outcome)
    assert ledger.exchange([], [keyed(1)], NOTHING) == [Entry(Standing.SETTLED, outcome)]
    assert standings(ledger.exchange([], [keyed(1, again=True)], NOTHING)) == [standing]


def test_a_replay_that_stops_leaves_the_outcome_as_it_was(house: House) -> None:
    """What was held and claimed again, but not sent, is held still: the tap's own record does not send it."""
    ledger = house.ledger()
    deliver(ledger, keyed(1), outcome=Outcome.HELD)
    ledger.exchange([], [keyed(1, again=True)], NOTHING)
    ledger.release([keyed(1, again=True)])
    assert ledger.seen([keyed(1)]) == [Entry(Standing.SETTLED, Outcome.HELD)]


def test_of_what_went_to_nobody_whom_zendesk_knows_nothing_is_kept(house: House) -> None:
    """When it comes again, its customer may be known; what was known of it before stays."""
    ledger = house.ledger()
    deliver(ledger, keyed(2, kind="profile", content=b"A"))
    wanted = [keyed(1), keyed(2, kind="profile", content=b"B")]
    assert ledger.exchange([], wanted, NOTHING) == [NEW, NEW]
    ledger.exchange([settlement(one, Outcome.UNKNOWN_CUSTOMER) for one in (*wanted, keyed(3))], [], NOTHING)
    assert ledger.seen([*wanted, keyed(3)]) == [NEW] * 3
    assert ledger.seen([keyed(2, kind="profile", content=b"A")]) == [Entry(Standing.SETTLED, Outcome.DELIVERED)]
    assert ledger.exchange([], wanted, NOTHING) == [NEW, NEW]
    assert ledger.usage().sent == {"profile": (1, 1)}


def test_a_delivery_is_never_unsaid(house: House) -> None:
    """A run that comes late with a doubtful outcome does not change what another run knows was delivered."""
    ledger = house.ledger()
    deliver(ledger, keyed(1))
    ledger.exchange([settlement(keyed(1), Outcome.HELD)], [], NOTHING)
    assert ledger.seen([keyed(1)]) == [Entry(Standing.SETTLED, Outcome.DELIVERED)]


def test_other_content_under_the_same_key_properties_is_changed(house: House) -> None:
    """An unknown event of a known row is new and changed; a new row is just new."""
    ledger = house.ledger()
    deliver(ledger, keyed(1, row=7))
    assert ledger.seen([keyed(2, row=7), keyed(3, row=8)]) == [Entry(Standing.NEW, changed=True), NEW]


@pytest.mark.parametrize(("outcome", "was_sent"), [(Outcome.HELD, True), (Outcome.REJECTED, False)])
def test_only_what_was_sent_is_an_older_version(house: House, outcome: Outcome, was_sent: bool) -> None:
    """A row that was refused and then mended is new on its timeline."""
    ledger = house.ledger()
    deliver(ledger, keyed(1, row=7), outcome=outcome)
    assert ledger.seen([keyed(2, row=7)]) == [Entry(Standing.NEW, changed=was_sent)]


def test_what_is_only_claimed_is_no_older_version(house: House) -> None:
    """A row counts as sent before once an event of it is settled, not while its first is in flight."""
    ledger = house.ledger()
    ledger.exchange([], [keyed(1, row=7)], NOTHING)
    assert ledger.seen([keyed(2, row=7)]) == [NEW]


def test_what_is_left_open_is_counted_until_it_comes_again(house: House) -> None:
    """Claims of runs that are gone are left open; those that the tap sends again are not."""
    first = house.ledger("first")
    first.exchange([], [keyed(1), keyed(2)], NOTHING)
    first.close()
    house.clock.time += 1
    second = house.ledger("second")
    second.exchange([], [keyed(1)], NOTHING)
    assert second.left_open() == 1


def test_what_a_run_left_open_that_was_killed_a_moment_ago_is_counted_too(house: House) -> None:
    """Its lease still holds, so its end is waited for: without that, its events would be told of one run late."""
    house.ledger("killed").exchange([], [keyed(1)], NOTHING)
    asking = house.ledger("asking")
    since = house.clock.time
    assert asking.left_open() == 1
    assert house.clock.time - since <= LEASE_SECONDS + 1


def test_what_a_run_has_open_that_goes_on_is_not_waited_for(house: House) -> None:
    """It renews its lease meanwhile, which tells that it lives; nor does a run wait that was told to end."""
    living = house.ledger("living")
    living.exchange([], [keyed(1)], NOTHING)

    def sleep(seconds: float) -> None:
        house.clock.sleep(seconds)
        living.heartbeat()

    asking = house.ledger("asking", sleep=sleep)
    since = house.clock.time
    assert asking.left_open() == 0
    assert house.clock.time - since < LEASE_SECONDS
    assert house.ledger("hasty", must_stop=lambda: True).left_open() == 0


# accounts, counts and names


def test_months_days_and_names_are_counted_for_each_account(house: House) -> None:
    """Delivered and held events count as sent, in their UTC day and month, across runs; another account has its own."""
    first = house.ledger()
    deliver(first, keyed(1), keyed(2))
    deliver(first, keyed(3), outcome=Outcome.HELD)
    deliver(first, keyed(4), outcome=Outcome.REJECTED)
    first.exchange([], [], Tally(names=[("event type", b"a" * 16), ("event type", b"a" * 16)]))
    first.close()
    house.clock.time += DAY
    second = house.ledger()
    deliver(second, keyed(5))
    usage = second.usage()
    assert usage.of("event") == (4, 1)
    assert usage.names == {"event type": frozenset({b"a" * 16})}
    house.clock.time += 7 * DAY
    assert second.usage().of("event") == (0, 0)
    other = house.ledger(account="acme1.zendesk.com/").usage()
    assert (other.sent, other.names) == ({}, {})


def test_what_runs_at_the_same_time_send_is_told_at_each_exchange(house: House) -> None:
    """A run learns what others on the ledger have sent for its account while it sends."""
    first, second = house.ledger(limits=LIMITS), house.ledger(limits=LIMITS)
    deliver(first, keyed(1))
    deliver(second, keyed(2))
    assert second.sent == {"event": (2, 2)}
    first.exchange([], [keyed(3)], NOTHING)
    assert first.sent == {"event": (2, 2)}
    other = house.ledger(account="acme1.zendesk.com/", limits=LIMITS)
    other.exchange([], [keyed(4)], NOTHING)
    assert other.sent == {"event": (0, 0)}


@pytest.mark.parametrize("limits", [(None, 3), (3, None), (3, 9)])
def test_what_is_in_flight_in_any_run_keeps_its_place(house: House, limits: tuple[int | None, int | None]) -> None:
    """Runs at the same time together claim no more than may yet be sent; a place that came free goes to who asks."""
    first, second, other = (house.ledger(name, limits={"event": limits}) for name in ("first", "second", "other"))
    sandbox = house.ledger("sandbox", account="sandbox.zendesk.com/", limits={"event": limits})
    assert standings(first.exchange([], [keyed(1), keyed(2)], NOTHING)) == [Standing.NEW, Standing.NEW]
    assert standings(second.exchange([], [keyed(3), keyed(4)], NOTHING)) == [Standing.NEW, Standing.BUSY]
    assert standings(sandbox.exchange([], [keyed(11), keyed(12)], NOTHING)) == [Standing.NEW, Standing.NEW]
    first.exchange([settlement(keyed(1), Outcome.REJECTED), settlement(keyed(2))], [], NOTHING)
    assert standings(second.exchange([], [keyed(4), keyed(5)], NOTHING)) == [Standing.NEW, Standing.BUSY]
    second.exchange([settlement(keyed(3))], [], NOTHING)
    assert (
        standings(other.exchange([], [keyed(5), Keyed(None, lambda: None, "orders")], NOTHING)) == [Standing.BUSY] * 2
    )
    assert other.sent == {"event": (2, 2)}
    second.release([keyed(4)])
    assert standings(other.exchange([], [keyed(5), keyed(6)], NOTHING)) == [Standing.NEW, Standing.BUSY]


def test_each_kind_is_counted_and_braked_by_itself(house: House) -> None:
    """What is in flight, here and elsewhere, takes places of its kind alone; a kind without limits has any."""
    first, second = (house.ledger(name, limits={"deletion": (None, 2), "event": (3, None)}) for name in ("one", "two"))
    gone = [keyed(number, kind="deletion", content=b"-") for number in range(1, 5)]
    tickets = [keyed(number, kind="ticket") for number in range(11, 21)]
    assert standings(first.exchange([], [gone[0], *tickets, keyed(30)], NOTHING)) == [Standing.NEW] * 12
    expected = [Standing.NEW, Standing.BUSY, Standing.NEW, Standing.NEW, Standing.BUSY]
    assert standings(second.exchange([], [*gone[1:3], *map(keyed, (31, 32, 33))], NOTHING)) == expected
    first.exchange([settlement(one) for one in (gone[0], *tickets)], [], NOTHING)
    second.exchange([settlement(gone[1])], [gone[2]], NOTHING)
    assert second.sent == {"deletion": (2, 2)}
    assert second.usage().sent == {"deletion": (2, 2), "ticket": (10, 10)}


def test_a_run_whose_lease_lapsed_keeps_the_places_of_its_claims(house: House) -> None:
    """What it claimed before it slept, and asks for again, has its place."""
    one = house.ledger("one", limits={"event": (None, 2)})
    one.exchange([], [keyed(1), keyed(2)], NOTHING)
    house.clock.sleep(LEASE_SECONDS + 1)
    assert not one.heartbeat()
    wanted = [keyed(1, anew=True), keyed(2, anew=True), keyed(3)]
    assert standings(one.exchange([], wanted, NOTHING)) == [Standing.NEW, Standing.NEW, Standing.BUSY]


def test_what_a_run_left_in_flight_keeps_its_place_no_longer_than_its_lease(house: House) -> None:
    """The claims of a run that is gone are unknown outcomes, taken over one by one."""
    gone, later = (house.ledger(name, limits={"event": (None, 2)}) for name in ("gone", "later"))
    gone.exchange([], [keyed(1), keyed(2)], NOTHING)
    assert standings(later.exchange([], [keyed(3)], NOTHING)) == [Standing.BUSY]
    house.clock.sleep(LEASE_SECONDS + 1)
    later.heartbeat()
    assert standings(later.exchange([], [keyed(1), keyed(3)], NOTHING)) == [Standing.UNKNOWN, Standing.NEW]


@pytest.mark.parametrize("who_is_first", [0, 1])
def test_what_two_runs_saw_delivered_counts_once(who_is_first: int, house: House) -> None:
    """One that slept past its lease hears the answer late; another has read back meanwhile that it is there."""
    slept, other = house.ledger("slept"), house.ledger("other")
    slept.exchange([], [keyed(1), keyed(2)], NOTHING)
    house.clock.sleep(LEASE_SECONDS + 1)
    other.heartbeat()
    assert standings(other.exchange([], [keyed(1)], NOTHING)) == [Standing.UNKNOWN]
    runs = [slept, other] if who_is_first == 0 else [other, slept]
    for run in runs:
        run.exchange([settlement(keyed(1))], [], NOTHING)
    assert other.usage().of("event") == (1, 1)
    slept.exchange([settlement(keyed(2))], [], NOTHING)
    assert other.usage().of("event") == (2, 2)


def test_a_stream_s_share_starts_afresh_with_its_rules_and_each_day(house: House) -> None:
    """Records and those set aside add up across runs of one UTC day with the same rules."""
    for _ in range(2):
        ledger = house.ledger()
        ledger.exchange([], [], Tally(records={"orders": 3}, set_aside={"orders": 1}))
        ledger.close()
    assert house.ledger().share_before("orders") == (6, 2)
    assert house.ledger().share_before("logins") == (0, 0)
    assert house.ledger(digest=lambda _: "mended").share_before("orders") == (0, 0)
    assert house.ledger(account="acme1.zendesk.com/").share_before("orders") == (0, 0)
    house.clock.time += DAY
    assert house.ledger().share_before("orders") == (0, 0)


def test_what_another_account_left_open_is_its_own(house: House) -> None:
    """A sandbox's crash is not reported by production."""
    sandbox = house.ledger(account="acme1.zendesk.com/")
    sandbox.exchange([], [keyed(1)], NOTHING)
    sandbox.close()
    house.clock.time += 1
    assert house.ledger().left_open() == 0


# sight and expiry


def test_a_full_table_sent_daily_is_sent_once(house: House) -> None:
    """A stream that sends its whole table each day for 400 days sends each row once, though keys are kept for 90."""
    rows = [keyed(number) for number in range(1, 41)]
    sent = 0
    for _ in range(400):
        ledger = house.ledger(retention_days=90)
        new = [one for one, entry in zip(rows, ledger.seen(rows), strict=True) if entry.standing is Standing.NEW]
        deliver(ledger, *new)
        sent += len(new)
        ledger.close()
        house.clock.time += DAY
    assert sent == len(rows)


def test_what_is_not_seen_is_forgotten_after_the_retention(house: House) -> None:
    """A key is known as long as it is kept since its last sight, and goes then, in steps of a few hundred.

    In one day no more than a quarter of them, by however many runs.
    """
    ledger = house.ledger(retention_days=90)
    deliver(ledger, *(keyed(number) for number in range(1, 4 * STEP + 401)))
    ledger.close()
    house.clock.time += (90 + DAYS_BETWEEN_SIGHTS - 1) * DAY
    kept = house.ledger(retention_days=90)
    assert kept.seen([keyed(1)]) == [Entry(Standing.SETTLED, Outcome.DELIVERED)]
    kept.close()
    house.clock.time += DAY
    for left in (4 * STEP + 400 - STEP, 3 * STEP + 300, 3 * STEP + 300):
        house.ledger(retention_days=90).close()
        assert key_count(house) == left
    for _ in range(40):
        house.clock.time += DAY
        kept = house.ledger(retention_days=90)
        kept.seen([keyed(1)])
        kept.close()
    assert key_count(house) == 1


@pytest.mark.parametrize("days", [-400, -3, 3, 400, 4_000])
def test_a_clock_that_is_wrong_forgets_nothing(house: House, days: int) -> None:
    """Nor one that nobody sets right, nor one that Zendesk's answers do; and what it kept is kept for its time."""
    ledger = house.ledger(retention_days=90)
    deliver(ledger, *(keyed(number) for number in range(1, 41)))
    ledger.close()
    right = house.clock.time
    house.clock.time += days * DAY
    for zendesk in (None, lambda: right):
        house.zendesk = zendesk
        wrong = house.ledger("wrong", retention_days=90)
        assert standings(wrong.seen([keyed(number) for number in range(1, 41)])) == [Standing.SETTLED] * 40
        if zendesk is not None:
            deliver(wrong, keyed(41))
        house.clock.time += LEASE_SECONDS
        wrong.heartbeat()
        wrong.close()
    house.clock.time = right + 80 * DAY
    house.zendesk = house.clock
    later = house.ledger("later", retention_days=90)
    later.close()
    assert key_count(house) == 41


def test_zendesk_s_clock_alone_forgets_nothing_either(house: House) -> None:
    """Whatever stands between may tell any time: what is forgotten is old by the ledger's clock too."""
    ledger = house.ledger(retention_days=90)
    deliver(ledger, keyed(1))
    ledger.close()
    house.zendesk = lambda: house.clock.time + 400 * DAY
    house.ledger(retention_days=90).close()
    assert key_count(house) == 1


def test_a_sight_by_a_clock_that_is_behind_counts_once_the_time_is_told(house: House) -> None:
    """What came again keeps its key, though the machine believed the last sight to be yet to come."""
    house.zendesk = None
    deliver(first := house.ledger(retention_days=90), keyed(1))
    first.close()
    right = house.clock.time + 80 * DAY
    house.clock.time -= 400 * DAY
    behind = house.ledger(retention_days=90)
    behind.seen([keyed(1)])
    behind.heed(right)
    behind.close()
    assert database_rows(house, "SELECT seen FROM zendesk_events_keys")[0][0] == int(right // DAY)


def test_a_wrong_clock_is_told_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """By how much, and which way; what is counted and stamped goes by Zendesk's from then on."""
    house.zendesk = None
    ledger = house.ledger()
    right = house.clock.time
    house.clock.time += 400 * DAY + 7_200
    ledger = house.ledger("ahead")
    for _ in range(2):
        ledger.heed(right)
    [told] = [one.getMessage() for one in caplog.records]
    assert told == (
        "the ledger's clock is 400 days, 2:00:00 ahead of Zendesk's, where it is 2026-11-24 12:00:00 UTC: set it; "
        "`since` and created_at are held against this machine's"
    )
    assert ledger.now() == pytest.approx(right)
    deliver(ledger, keyed(1))
    assert ledger.usage().of("event")[1] == 1
    house.clock.time = right
    assert house.ledger("right").usage().of("event")[1] == 1


def test_each_account_s_retention_is_its_own(house: House) -> None:
    """A sandbox that forgets after a month forgets nothing of the production beside it on the ledger."""
    production = house.ledger(retention_days=365)
    deliver(production, keyed(1))
    production.close()
    house.clock.time += 100 * DAY
    house.ledger(account="sandbox", retention_days=30).close()
    again = house.ledger(retention_days=365)
    assert standings(again.seen([keyed(1)])) == [Standing.SETTLED]


def test_a_sight_is_written_at_most_once_a_week(house: House) -> None:
    """A look on another of its days changes nothing in the ledger."""
    ledger = house.ledger()
    deliver(ledger, keyed(1))
    ledger.close()
    noted = int(house.clock.time // DAY)
    for _ in range(3 * DAYS_BETWEEN_SIGHTS):
        house.clock.time += DAY
        today = int(house.clock.time // DAY)
        again = house.ledger()
        again.seen([keyed(1)])
        is_due = today - noted >= DAYS_BETWEEN_SIGHTS
        assert len(again.last_seen) == is_due
        again.close()
        noted = today if is_due else noted
        assert database_rows(house, "SELECT seen FROM zendesk_events_keys")[0][0] == noted


def test_what_is_known_takes_no_memory_until_the_run_ends(house: House) -> None:
    """A run that only reads what was sent before notes it as it goes."""
    events = [keyed(number) for number in range(3 * MOST_WAITING)]
    ledger = house.ledger()
    deliver(ledger, *events)
    house.clock.time += DAYS_BETWEEN_SIGHTS * DAY
    for first in range(0, len(events), STEP):
        ledger.seen(events[first : first + STEP])
        assert len(ledger.last_seen) <= MOST_WAITING
    today = int(house.clock.time // DAY)
    noted = database_rows(house, f"SELECT COUNT(*) FROM zendesk_events_keys WHERE seen = {today}")[0][0]
    assert noted == len(events) - len(ledger.last_seen)


def test_sights_are_written_in_small_steps(house: House) -> None:
    """However many keys a run has seen, no commit refreshes more than a few hundred: others wait at most a second."""
    events = [keyed(number) for number in range(1, 3 * STEP + 1)]
    ledger = house.ledger()
    deliver(ledger, *events)
    house.clock.time += DAYS_BETWEEN_SIGHTS * DAY
    ledger.seen(events)
    ledger.exchange([], [keyed(9_999)], NOTHING)
    today = int(house.clock.time // DAY)
    rows = ledger.database.execute("SELECT COUNT(*) FROM zendesk_events_keys WHERE seen = ?", (today,)).fetchall()
    assert 0 < rows[0][0] <= STEP + 1


def test_a_row_that_is_seen_daily_still_shows_as_changed(house: House) -> None:
    """After longer than keys are kept, an edited template is told from new records all the same."""
    deliver(first := house.ledger(retention_days=90), keyed(1))
    first.close()
    for _ in range(100):
        house.clock.time += DAY
        ledger = house.ledger(retention_days=90)
        ledger.seen([keyed(1)])
        ledger.close()
    assert house.ledger(retention_days=90).seen([keyed(2, row=1)]) == [Entry(Standing.NEW, changed=True)]


# the storage


def test_the_secret_is_made_with_the_ledger(house: House, tmp_path: Path) -> None:
    """Every run on a ledger hashes with the same random value; another ledger has another."""
    secret = house.ledger().secret
    assert len(secret) == 32
    assert house.ledger(account="other").secret == secret
    with_another = House(f"sqlite:///{tmp_path}/another.sqlite")
    assert with_another.ledger().secret != secret
    with_another.close()


def test_the_note_says_where_it_is_and_whether_it_is_new(house: House) -> None:
    """The first line of the log names the ledger, counts its keys, and tells a new one from one that was there."""
    first = house.ledger()
    assert first.note.endswith("0 keys, made")
    deliver(first, keyed(1))
    first.close()
    assert house.ledger().note.endswith("1 keys, opened")


def test_a_ledger_of_a_newer_release_is_left_alone(house: House) -> None:
    """A version that is not known yet is a fault of the configuration that says to upgrade."""
    ledger = house.ledger()
    ledger.database.execute("UPDATE zendesk_events_meta SET value = '99' WHERE name = 'version'")
    with pytest.raises(ConfigurationError, match="upgrade"):
        house.ledger()


def test_a_request_id_is_kept_only_of_what_was_not_delivered(house: House) -> None:
    """Zendesk's request id helps to ask about a refusal; of a delivery nothing needs asking."""
    ledger = house.ledger()
    ledger.exchange(
        [settlement(keyed(1), request_id="r1"), settlement(keyed(2), Outcome.REJECTED, request_id="r2")], [], NOTHING
    )
    rows = ledger.database.execute("SELECT request_id FROM zendesk_events_keys ORDER BY key").fetchall()
    assert [row[0] for row in rows] == [None, "r2"]


class Stumbling(SqliteDatabase):
    """A file whose commit fails as often as it is told to."""

    failures = 0

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Fail, or run the statement."""
        if statement == "COMMIT" and self.failures:
            self.failures -= 1
            message = "locked"
            raise Busy(message)
        return super().execute(statement, values)


@pytest.fixture
def stumbling(tmp_path: Path) -> Iterator[tuple[Stumbling, SqlLedger, Clock]]:
    clock = Clock()
    database = Stumbling(tmp_path / "ledger.sqlite", clock)
    ledger = SqlLedger(database, account="a", run="r", retention_days=9, digest=str, must_stop=lambda: False)
    yield database, ledger, clock
    database.close()


def test_a_commit_that_failed_is_made_again(stumbling: tuple[Stumbling, SqlLedger, Clock]) -> None:
    """A try that failed left nothing behind; the next one counts."""
    database, ledger, _ = stumbling
    database.failures = 2
    assert ledger.exchange([settlement(keyed(1))], [keyed(2)], NOTHING) == [NEW]
    assert ledger.usage().of("event")[1] == 1


def test_a_stream_s_number_outlives_a_failed_commit(stumbling: tuple[Stumbling, SqlLedger, Clock]) -> None:
    """Each event is recorded under the name of its stream, also where the first try failed."""
    database, ledger, _ = stumbling
    database.failures = 1
    ledger.exchange([], [keyed(1, "orders")], NOTHING)
    rows = database.execute(
        "SELECT s.name FROM zendesk_events_keys k JOIN zendesk_events_streams s ON s.id = k.stream"
    ).fetchall()
    assert rows == [("orders",)]


def test_the_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    """The file and its journals can be read by nobody else."""
    house = House(f"sqlite:///{tmp_path}/ledger.sqlite")
    deliver(house.ledger(), keyed(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("ledger.sqlite*")}
    assert modes == dict.fromkeys(("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"), 0o600)
    house.close()


def test_the_file_is_durable_and_in_wal_mode(tmp_path: Path) -> None:
    """A commit is on the disk before it counts, and readers never wait for a writer."""
    house = House(f"sqlite:///{tmp_path}/ledger.sqlite")
    database = house.ledger().database
    assert database.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert database.execute("PRAGMA synchronous").fetchall() == [(2,)]
    house.close()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT key, status, seen FROM zendesk_events_keys WHERE key IN (?, ?)",
        "SELECT ? FROM zendesk_events_keys WHERE row_hash = ? AND status IN (1, 3)",
        "SELECT key FROM zendesk_events_keys WHERE stream IN (1, 2) AND seen < ? LIMIT ?",
    ],
)
def test_look_ups_and_expiry_search_an_index(tmp_path: Path, query: str) -> None:
    """What is asked for each batch takes no longer in a large ledger: nothing scans a table."""
    house = House(f"sqlite:///{tmp_path}/ledger.sqlite")
    plan = house.ledger().database.execute(f"EXPLAIN QUERY PLAN {query}", (1, 2)).fetchall()
    assert all(row[3].startswith("SEARCH") for row in plan), plan
    house.close()


def test_three_million_keys_take_less_than_500_mb(tmp_path: Path) -> None:
    """A key and its indexes take less than 160 bytes, in the random order in which hashes come."""
    house = House(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger = house.ledger()
    count, size = 30_000, 1_000
    for start in range(0, count, size):
        events = [keyed(secrets.randbits(128)) for _ in range(size)]
        ledger.exchange([settlement(one) for one in events], [], NOTHING)
        if start % 10_000 == 0:
            house.clock.time += DAY
    house.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] * 4096
    connection.close()
    assert pages * 3_000_000 / count < 500_000_000


def key_count(house: House) -> int:
    """Count the keys in the ledger."""
    rows = database_rows(house, "SELECT COUNT(*) FROM zendesk_events_keys")
    return int(rows[0][0])


def database_rows(house: House, statement: str) -> list[Any]:
    """Return what a query finds."""
    return house.database().execute(statement).fetchall()
