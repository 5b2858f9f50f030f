"""A minute of the account's, shared by all runs on a ledger: permits in small blocks, one floor for a `Retry-After`."""

from __future__ import annotations

import collections
import copy
import dataclasses
import math
import secrets
from typing import Any, Final

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.lease import Lease
from target_zendesk_events.ledger.tables import PREFIX
from target_zendesk_events.ledger.transactions import Transactions
from target_zendesk_events.limits.found_rate import FoundRate, Place, Told
from target_zendesk_events.limits.rate_limit import MARGIN_SECONDS, SECONDS_TO_CATCH_UP, WINDOW_SECONDS, RateLimit

PERMIT_SECONDS: Final = 1.0
"""A permit that is not used within this time is given back."""
LONGEST_ANSWER_SECONDS: Final = 65.0
BLOCKS_A_MINUTE: Final = 20
SECONDS_BETWEEN_NOTES: Final = 0.5

_OWN: Final = "WHERE account = ? AND bucket = ?"
_MAKE: Final = (
    f"INSERT INTO {PREFIX}buckets (account, bucket, held_until, held_since) VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING"
)
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
    refused: int = 0
    ended_at: float = 0.0


class SharedRateLimit(RateLimit):
    """A rate limit that counts the attempts of every run on the ledger: in this run exactly, beyond it by permits."""

    def __init__(
        self, per_minute: int, transactions: Transactions, account: bytes, bucket: Bucket, lease: Lease | None = None
    ) -> None:
        """Share `per_minute` attempts of a bucket among all runs that use this ledger for this account.

        `lease` tells this run's number, and which others are gone.
        """
        super().__init__(per_minute)
        self._lease = lease
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

    def start(self, now: float) -> Place:
        """Use a permit."""
        block = next((one for one in self._blocks if one.unused), None)
        if block is not None:
            block.unused -= 1
            block.in_flight += 1
            block.used += 1
        return super().start(now)

    def end(self, now: float, told: Told | None = None) -> None:
        """Note the end of an attempt: its permit stays in the minute for 60 seconds more."""
        block = next((one for one in self._blocks if one.in_flight), None)
        if block is not None:
            block.in_flight -= 1
            block.refused += told is not None and told.is_limited
            block.ended_at = self._database.now()
        super().end(now, told)
        self._expire(now)

    def wait_until(self, moment: float, now: float) -> None:
        """Start nothing before `moment`, in any run on this ledger."""
        level_at = self.found.level_at
        super().wait_until(moment, now)
        since = self._database.now()
        until = since + moment - now
        values = (until, since, *self._whose, until)

        def hold() -> None:
            self._database.execute(_MAKE, self._whose)
            self._database.execute(f"{_HOLD} AND held_until < ?", values)
            if self.found.level_at != level_at:
                self._write_found(self.found, now)

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

    def _pace(self, now: float) -> None:
        """Spread nothing here: the ledger does, by the blocks that it grants."""

    def _heed(self, told: Told, now: float) -> None:
        """Take what an answer told of the account's limit, for all runs on the ledger."""
        is_wall = self._heed_room(told, now)
        if told.is_limited:
            self._give_back(told.place)
        if told.is_limited or (is_wall and self._held(now) + (told.remaining or 0) < self.found.places(now)):
            self.found = self._transactions.run(lambda: self._learned(told, now))

    def _learned(self, told: Told, now: float) -> FoundRate:
        """Return the found rate as the ledger has it and this answer changes it."""
        database = self._database
        database.execute(_MAKE, self._whose)
        database.execute(_LOCK, self._whose)
        refused = [(one.refused, one.number) for one in (*self._blocks, *self._done) if one.refused]
        database.execute_many(f"UPDATE {PREFIX}permits SET refused = ? WHERE id = ?", refused)
        found = self._found(now)
        if told.is_limited:
            found.note_limited(told.place, now, self._all_held())
        else:
            found.note_wall(self._all_taken() + (told.remaining or 0), now)
        self._write_found(found, now)
        return found

    def _found(self, now: float) -> FoundRate:
        """Return the found rate as the ledger has it."""
        found = copy.copy(self.found)
        wall, level_at = self._row("wall, level_at")
        if wall is None:
            found.take_over(math.inf, -math.inf, now)
        else:
            found.take_over(wall, level_at - self._database.now() + now, now)
        return found

    def _write_found(self, found: FoundRate, now: float) -> None:
        is_found = found.wall < math.inf
        values = (found.wall, found.level_at - now + self._database.now()) if is_found else (None, None)
        self._database.execute(f"UPDATE {PREFIX}buckets SET wall = ?, level_at = ? {_OWN}", (*values, *self._whose))

    def _all_held(self) -> int:
        """Return how many permits of all runs were used within the last minute, or may be yet, and were not refused."""
        held = f"SELECT COALESCE(SUM(count - refused), 0) FROM {PREFIX}permits {_OWN} AND sent > ?"
        since = self._database.now() - WINDOW_SECONDS
        return int(self._database.execute(held, (*self._whose, since)).fetchall()[0][0])

    def _all_taken(self) -> int:
        """Return how many permits of all runs count in the minute."""
        return int(self._value(f"SELECT COALESCE(SUM(count), 0) FROM {PREFIX}permits {_OWN}"))

    def _ask(self, now: float, wanted: int) -> int:
        block, wait, self.found = self._transactions.run(lambda: self._answered(wanted, now))
        self._done.clear()
        if block is None:
            super().wait_until(now + max(wait, MARGIN_SECONDS), now)
            return 0
        block.expires_at = now + PERMIT_SECONDS
        self._blocks.append(block)
        return block.unused

    def _answered(self, wanted: int, now: float) -> tuple[Block | None, float, FoundRate]:
        self._database.execute(_MAKE, self._whose)
        self._database.execute(_LOCK, self._whose)
        found = self._found(now)
        return *self._granted(wanted, found.places(now)), found

    def _granted(self, wanted: int, places: int) -> tuple[Block | None, float]:
        """Return a block of permits, or None and the seconds until it is worth asking again.

        Of all runs together so many `places` were found to work.
        """
        database, whose = self._database, self._whose
        self._write_done()
        now = database.now()
        longest = now + PERMIT_SECONDS + LONGEST_ANSWER_SECONDS + WINDOW_SECONDS
        database.execute(f"DELETE FROM {PREFIX}permits {_OWN} AND until <= ?", (*whose, now))
        self._shorten(now, longest)
        wait = self._held_for(now)
        if wait > 0:
            return None, wait
        taken = self._all_taken()
        count = min(wanted, max(1, self.per_minute // BLOCKS_A_MINUTE), self.per_minute - taken)
        if count <= 0:
            soonest = self._value(f"SELECT MIN(until) FROM {PREFIX}permits {_OWN}")
            return None, min(soonest - now, PERMIT_SECONDS)
        if places < self.per_minute:
            count = min(count, max(1, places // BLOCKS_A_MINUTE), places - self._all_held())
            wait = self._paced(count, places, now)
            if wait > 0:
                return None, min(wait, PERMIT_SECONDS)
        block = Block(secrets.randbits(62), count, 0.0)
        run = 0 if self._lease is None else self._lease.run
        columns = "account, bucket, id, count, until, sent, run"
        insert = f"INSERT INTO {PREFIX}permits ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"
        database.execute(insert, (*whose, block.number, count, longest, now + PERMIT_SECONDS, run))
        return block, 0.0

    def _shorten(self, now: float, longest: float) -> None:
        """Let permits last no longer than those of now: of a clock that was ahead, or of a run that is gone.

        What that one had sent has arrived: it started nothing since its lease lapsed.
        """
        gone = [] if self._lease is None else self._lease.gone
        of_gone = f"run IN ({','.join(map(str, gone)) or 'NULL'})"
        until = f"CASE WHEN {of_gone} THEN CAST(? AS {self._database.types['real']}) ELSE ? END"
        shorten = f"UPDATE {PREFIX}permits SET until = {until} {_OWN} AND until > {until}"
        ends = now + WINDOW_SECONDS + MARGIN_SECONDS, longest
        self._database.execute(shorten, (*ends, *self._whose, *ends))

    def _paced(self, count: int, places: int, now: float) -> float:
        """Return the seconds until so many may be granted, zero if they are: spread over the minute for all runs."""
        if count <= 0:
            soonest = f"SELECT MIN(sent) FROM {PREFIX}permits {_OWN} AND sent > ?"
            sent = self._database.execute(soonest, (*self._whose, now - WINDOW_SECONDS)).fetchall()[0][0]
            return max(float(sent) + WINDOW_SECONDS - now, MARGIN_SECONDS)
        (paced_at,) = self._row("paced_at")
        if now < paced_at <= now + WINDOW_SECONDS:  # else of a clock that was ahead
            return float(paced_at - now)
        paced_at = max(min(paced_at, now), now - SECONDS_TO_CATCH_UP) + count * WINDOW_SECONDS / places
        self._database.execute(f"UPDATE {PREFIX}buckets SET paced_at = ? {_OWN}", (paced_at, *self._whose))
        return 0.0

    def _held_for(self, now: float) -> float:
        """Return the seconds for which nothing may start: no more than were told, whatever the clock did since then."""
        until, since = self._row("held_until, held_since")
        told = until - since
        if until - now <= told + MARGIN_SECONDS:
            return float(until - now)
        self._database.execute(_HOLD, (now + told, now, *self._whose))
        return float(told)

    def _write_done(self) -> None:
        done = self._done
        until = [
            (one.used, one.refused, one.ended_at + WINDOW_SECONDS + MARGIN_SECONDS, one.number)
            for one in done
            if one.used
        ]
        unused = [(one.number,) for one in done if not one.used]
        self._database.execute_many(f"UPDATE {PREFIX}permits SET count = ?, refused = ?, until = ? WHERE id = ?", until)
        self._database.execute_many(f"DELETE FROM {PREFIX}permits WHERE id = ?", unused)

    def _row(self, columns: str) -> Any:  # noqa: ANN401 - whatever the columns hold
        return self._database.execute(f"SELECT {columns} FROM {PREFIX}buckets {_OWN}", self._whose).fetchall()[0]

    def _value(self, statement: str) -> Any:  # noqa: ANN401 - whatever the column holds
        return self._database.execute(statement, self._whose).fetchall()[0][0]
