"""A minute of the account's, shared by all runs on a ledger: permits in small blocks, one floor for a `Retry-After`."""

from __future__ import annotations

import collections
import dataclasses
import math
import secrets
from typing import Any, Final

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.tables import PREFIX
from target_zendesk_events.ledger.transactions import Transactions
from target_zendesk_events.limits.rate_limit import MARGIN_SECONDS, WINDOW_SECONDS, RateLimit

PERMIT_SECONDS: Final = 1.0
"""A permit that is not used within this time is given back."""
LONGEST_ANSWER_SECONDS: Final = 65.0
BLOCKS_A_MINUTE: Final = 20
SECONDS_BETWEEN_NOTES: Final = 0.5

_OWN: Final = "WHERE account = ? AND bucket = ?"
_MAKE: Final = f"INSERT INTO {PREFIX}buckets VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING"
_LOCK: Final = f"UPDATE {PREFIX}buckets SET held_until = held_until {_OWN}"
_HOLD: Final = f"UPDATE {PREFIX}buckets SET held_until = ?, held_since = ? {_OWN}"


@dataclasses.dataclass(slots=True)
class Block:
    """Permits that were granted together; times of the monotonic clock, but `ended_at` by the ledger's."""

    number: int
    unused: int
    expires_at: float
    in_flight: int = 0
    used: int = 0
    ended_at: float = 0.0


class SharedRateLimit(RateLimit):
    """A rate limit that counts the attempts of every run on the ledger: in this run exactly, beyond it by permits."""

    def __init__(self, per_minute: int, transactions: Transactions, account: bytes, bucket: Bucket) -> None:
        """Share `per_minute` attempts of a bucket among all runs that use this ledger for this account."""
        super().__init__(per_minute)
        self._transactions = transactions
        self._database = transactions.database
        self._whose = account, bucket.value
        self._blocks: collections.deque[Block] = collections.deque()
        self._done: list[Block] = []
        self._noted_at = -math.inf

    def grant(self, now: float, wanted: int) -> int:
        """Return how many of `wanted` attempts may start now; asks the ledger where no permit is left."""
        here = super().grant(now, wanted)
        if here <= 0:
            return 0
        self._expire(now)
        unused = sum(block.unused for block in self._blocks)
        if not unused:
            unused = self._ask(now, here)
        return min(here, unused)

    def start(self) -> None:
        """Use a permit."""
        super().start()
        block = next((one for one in self._blocks if one.unused), None)
        if block is not None:
            block.unused -= 1
            block.in_flight += 1
            block.used += 1

    def end(self, now: float) -> None:
        """Note the end of an attempt: its permit stays in the minute for 60 seconds more."""
        super().end(now)
        block = next((one for one in self._blocks if one.in_flight), None)
        if block is not None:
            block.in_flight -= 1
            block.ended_at = self._database.now()
        self._expire(now)

    def wait_until(self, moment: float, now: float) -> None:
        """Start nothing before `moment`, in any run on this ledger."""
        super().wait_until(moment, now)
        since = self._database.now()
        until = since + moment - now
        values = (until, since, *self._whose, until)

        def hold() -> None:
            self._database.execute(_MAKE, self._whose)
            self._database.execute(f"{_HOLD} AND held_until < ?", values)

        self._transactions.run(hold)

    @property
    def note_at(self) -> float:
        """When the ledger is to be told next: a permit that was not used is given back within a second."""
        expiring = min((block.expires_at for block in self._blocks if block.unused), default=math.inf)
        return min(expiring, self._noted_at + SECONDS_BETWEEN_NOTES) if self._done else expiring

    def note(self, now: float) -> None:
        """Tell the ledger of blocks that are done, now and then."""
        self._expire(now)
        if self._done and now >= self._noted_at + SECONDS_BETWEEN_NOTES:
            self._noted_at = now
            self._transactions.run(self._write_done)
            self._done.clear()

    def close(self) -> None:
        """Tell the ledger of all blocks: nothing more arrives from here."""
        now = self._database.now()
        for block in self._blocks:
            block.ended_at = now if block.in_flight else block.ended_at
        self._done += self._blocks
        self._blocks.clear()
        if self._done:
            self._transactions.run(self._write_done)

    def _expire(self, now: float) -> None:
        for block in self._blocks:
            if block.expires_at <= now:
                block.unused = 0
        self._done += [block for block in self._blocks if not block.unused and not block.in_flight]
        if self._done:
            self._blocks = collections.deque(one for one in self._blocks if one.unused or one.in_flight)

    def _ask(self, now: float, wanted: int) -> int:
        block, wait = self._transactions.run(lambda: self._granted(wanted))
        self._done.clear()
        if block is None:
            super().wait_until(now + max(wait, MARGIN_SECONDS), now)
            return 0
        block.expires_at = now + PERMIT_SECONDS
        self._blocks.append(block)
        return block.unused

    def _granted(self, wanted: int) -> tuple[Block | None, float]:
        """Return a block of permits, or None and the seconds until it is worth asking again."""
        database, whose = self._database, self._whose
        database.execute(_MAKE, whose)
        database.execute(_LOCK, whose)
        self._write_done()
        now = database.now()
        longest = now + PERMIT_SECONDS + LONGEST_ANSWER_SECONDS + WINDOW_SECONDS
        database.execute(f"DELETE FROM {PREFIX}permits {_OWN} AND until <= ?", (*whose, now))
        shorten = f"UPDATE {PREFIX}permits SET until = ? {_OWN} AND until > ?"
        database.execute(shorten, (longest, *whose, longest))  # of a clock that was ahead
        held = self._held(now)
        if held > 0:
            return None, held
        taken = int(self._value(f"SELECT COALESCE(SUM(count), 0) FROM {PREFIX}permits {_OWN}"))
        count = min(wanted, max(1, self.per_minute // BLOCKS_A_MINUTE), self.per_minute - taken)
        if count <= 0:
            soonest = self._value(f"SELECT MIN(until) FROM {PREFIX}permits {_OWN}")
            return None, min(soonest - now, PERMIT_SECONDS)
        block = Block(secrets.randbits(62), count, 0.0)
        insert = f"INSERT INTO {PREFIX}permits (account, bucket, id, count, until) VALUES (?, ?, ?, ?, ?)"
        database.execute(insert, (*whose, block.number, count, longest))
        return block, 0.0

    def _held(self, now: float) -> float:
        """Return the seconds for which nothing may start: no more than were told, whatever the clock did since then."""
        statement = f"SELECT held_until, held_since FROM {PREFIX}buckets {_OWN}"
        until, since = self._database.execute(statement, self._whose).fetchall()[0]
        told = until - since
        if until - now <= told + MARGIN_SECONDS:
            return float(until - now)
        self._database.execute(_HOLD, (now + told, now, *self._whose))
        return float(told)

    def _write_done(self) -> None:
        done = self._done
        until = [(one.used, one.ended_at + WINDOW_SECONDS + MARGIN_SECONDS, one.number) for one in done if one.used]
        unused = [(one.number,) for one in done if not one.used]
        self._database.execute_many(f"UPDATE {PREFIX}permits SET count = ?, until = ? WHERE id = ?", until)
        self._database.execute_many(f"DELETE FROM {PREFIX}permits WHERE id = ?", unused)

    def _value(self, statement: str) -> Any:  # noqa: ANN401 - whatever the column holds
        return self._database.execute(statement, self._whose).fetchall()[0][0]
