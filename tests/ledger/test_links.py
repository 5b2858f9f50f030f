"""The link to a PostgreSQL ledger breaks or falls silent at any moment: nothing counts twice, nothing is forgotten."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fleets import fleet_on
from relays import Fate, Relay

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.ledger import Keyed, Settlement, Standing, Tally
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.work import Outcome

pytestmark = pytest.mark.server

PER_MINUTE = 60


class Clock:
    """A steady clock that can be put forward."""

    ahead = 0.0

    def __call__(self) -> float:
        """Return its seconds."""
        return time.monotonic() + self.ahead


@pytest.fixture
def relay(server_url: str) -> Iterator[Relay]:
    relay = Relay(server_url)
    yield relay
    relay.go()


@contextlib.contextmanager
def ledger_at(url: str, **others: Any) -> Iterator[SqlLedger]:
    """Open a ledger; let go of it as a process does that is killed."""
    database = database_of(url, time.time)
    with contextlib.closing(database):
        yield SqlLedger(database, account="a", run="r", retention_days=9, digest=str, **others)


def keyed(number: int) -> Keyed:
    return Keyed(number.to_bytes(16, "big"), lambda: None, "orders")


def delivered(number: int) -> Settlement:
    return Settlement(keyed(number), Outcome.DELIVERED, 1)


@pytest.mark.parametrize("fate", Fate)
def test_a_commit_counts_once(fate: Fate, relay: Relay, server_url: str) -> None:
    """Whether the server had it or not when the link broke: counts are right, and claims are this run's."""
    with ledger_at(relay.url) as ledger:
        ledger.exchange([], [keyed(1)], Tally())
        relay.meet_commits(fate)
        (entry,) = ledger.exchange([delivered(1)], [keyed(2)], Tally(records={"orders": 1}))
        assert entry.standing is Standing.NEW
        assert ledger.usage().of("event") == (1, 1)
        assert ledger.share_before("orders") == (1, 0)
        ledger.exchange([delivered(2)], [], Tally())
        assert ledger.usage().of("event") == (2, 2)
    with ledger_at(server_url) as other:
        assert [one.standing for one in other.seen([keyed(1), keyed(2)])] == [Standing.SETTLED, Standing.SETTLED]


@pytest.mark.parametrize("fate", Fate)
def test_what_nobody_knows_stays_unknown(fate: Fate, relay: Relay, server_url: str) -> None:
    """What another run may have sent is read back also where the commit that took it over was in doubt."""
    with ledger_at(server_url) as gone:
        gone.exchange([], [keyed(1)], Tally())
    clock = Clock()
    with ledger_at(relay.url, steady=clock) as ledger:
        clock.ahead = 60.0
        relay.meet_commits(fate)
        (entry,) = ledger.exchange([], [keyed(1)], Tally())
    assert entry.standing is Standing.UNKNOWN


@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.ANSWER_AWAITED])
def test_permits_are_granted_once(fate: Fate, relay: Relay) -> None:
    """A commit in doubt takes no places of the minute that nobody uses."""
    with ledger_at(relay.url) as ledger:
        limit = ledger.rate_limit(PER_MINUTE, Bucket.EVENTS)
        relay.meet_commits(fate)
        taken = 0
        while granted := limit.grant(time.monotonic(), 1):
            limit.start(time.monotonic())
            taken += granted
        assert taken == PER_MINUTE


@pytest.mark.parametrize("fate", [Fate.AWAITED, Fate.ANSWER_AWAITED])
def test_a_link_that_fell_silent_holds_nobody_up(fate: Fate, relay: Relay, server_url: str) -> None:
    """What a run had locked whose link is dead without a word is free within seconds, for itself and for others."""
    limits = {"event": (100, 100)}
    with ledger_at(relay.url, limits=limits) as ledger, ledger_at(server_url, limits=limits) as other:
        ledger.exchange([], [keyed(1)], Tally())
        relay.meet_commits(fate)
        since = time.monotonic()
        with ThreadPoolExecutor() as pool:
            here = pool.submit(ledger.exchange, [], [keyed(2)], Tally())
            time.sleep(0.2)
            there = pool.submit(other.exchange, [], [keyed(3)], Tally())
            assert [entry.standing for entry in here.result() + there.result()] == [Standing.NEW] * 2
        assert time.monotonic() - since < 8


def test_links_that_break_time_and_again_lose_nothing(server_url: str, tmp_path: Path) -> None:
    """Two runs over the same records, their links cut, dead without a word, and commits in doubt: each event once."""
    count = 240
    relay = Relay(server_url)
    troubles: list[Callable[[], None]] = [
        relay.cut,
        *(functools.partial(relay.meet_commits, fate) for fate in Fate),
        relay.freeze,
        functools.partial(relay.meet_commits, Fate.LOST, Fate.ANSWER_LOST, Fate.ANSWER_LOST),
        relay.cut,
    ]
    with contextlib.ExitStack() as stack:
        stack.callback(relay.go)
        fleet = stack.enter_context(fleet_on(relay.url, tmp_path, 0.05))
        for _ in range(2):
            fleet.start(range(count), max_in_flight=4, batch_size_rows=20)
        for number, trouble in enumerate(troubles, start=1):
            fleet.wait_for(number * count // (len(troubles) + 1))
            trouble()
            assert fleet.ahead_of_events() == []
        assert [fleet.errors(number) for number, code in enumerate(fleet.wait(60)) if code] == []
        assert fleet.stored() == Counter(range(count))
        assert [fleet.states(number)[-1] for number in range(2)] == [count - 1] * 2
