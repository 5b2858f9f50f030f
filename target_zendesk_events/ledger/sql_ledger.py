"""The ledger that lasts: what was sent, as hashes, in SQLite or PostgreSQL, shared by all runs that use it.

A shipment is *claimed* before it goes and *settled* after. A claim belongs to a run, and counts while the run's lease
does: the claim of a run that is gone is an unknown outcome, taken over by whoever asks for it next.
"""

from __future__ import annotations

import collections
import hashlib
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.clocks import TrustedTime, steady_seconds
from target_zendesk_events.ledger.forgotten import FORGOTTEN, Forgotten
from target_zendesk_events.ledger.found_ids import FoundIds
from target_zendesk_events.ledger.last_seen import MOST_WAITING, LastSeen
from target_zendesk_events.ledger.lease import Lease
from target_zendesk_events.ledger.ledger import COUNTED, NEW, Entry, Keyed, Limits, Settlement, Standing, Tally, Usage
from target_zendesk_events.ledger.lookup import KnownKey, known_keys, known_records, known_rows, row_of
from target_zendesk_events.ledger.open_claims import STATUS, OpenClaims, end_of
from target_zendesk_events.ledger.outcomes import Outcomes
from target_zendesk_events.ledger.past import Past
from target_zendesk_events.ledger.places import Places
from target_zendesk_events.ledger.shared_rate_limit import SharedRateLimit
from target_zendesk_events.ledger.tables import (
    CLAIMED,
    PREFIX,
    last_time,
    lock_account,
    note_time,
    prepare,
    secret_of,
)
from target_zendesk_events.ledger.transactions import CALL_SECONDS, Database, Transactions
from target_zendesk_events.ledger.usage import UsageCounts
from target_zendesk_events.limits.rate_limit import RateLimit
from target_zendesk_events.work import Fingerprint, Outcome

SECONDS_BETWEEN_EXPIRIES: Final = 5.0

_SENT: Final = STATUS[Outcome.DELIVERED], STATUS[Outcome.HELD]


class SqlLedger:
    """One run's use of a ledger, by one thread."""

    def __init__(  # noqa: PLR0913 - values, not owners
        self,
        database: Database,
        *,
        account: str,
        run: str,
        retention_days: int,
        digest: Callable[[str], str],
        limits: Limits = MappingProxyType({}),
        must_stop: Callable[[], bool] = lambda: False,
        reads_only: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        """Open the ledger and take a lease, or with `reads_only` look at it. Raises StorageError, ConfigurationError.

        `digest` tells a stream's rules, schema and settings from others: once mended, its counts start afresh.
        `limits` are the shipments that all runs together may send in a month and in a day (UTC), by kind.
        """
        self.database = database
        self.transactions = Transactions(database, must_stop)
        self.account = hashlib.sha256(account.encode()).digest()[:8]
        self._streams: dict[str, int] = {}
        self._known_streams: dict[str, int] = {}
        self._expires_at = 0.0
        self.sent: Mapping[str, tuple[int, int]] | None = None
        opening = secret_of if reads_only else prepare
        self.secret = self.transactions.run(lambda: opening(database), writes=False)
        not_before = self.transactions.run(lambda: last_time(database), writes=False)
        self._time = TrustedTime(database.now, steady, not_before=not_before)
        self.last_seen = LastSeen(database, self.account, retention_days, self._time)
        self._counts = UsageCounts(self.transactions, self.account, digest, self._time)
        self._lease: Lease | None = None
        if not reads_only:
            self._lease = Lease(
                self.transactions,
                self.account,
                run,
                not_before=not_before,
                must_stop=must_stop,
                sleep=sleep,
                steady=steady,
            )
        self._found_ids = FoundIds(database, self.account, self._time)
        self._past = Past(database, self.account, retention_days, self._time)
        self.forgotten = Forgotten(database, self.account)
        self.forgotten_mark = self.transactions.run(self.forgotten.mark, writes=False)
        self._claims = OpenClaims(database, self._time, self._lease)
        self._outcomes = Outcomes(database, self._claims, self._stream)
        self._places = Places(limits, self._claims, self._lease)
        keys = self.transactions.ask(f"SELECT COUNT(*) FROM {PREFIX}keys")[0][0]
        self.note = f"{database.note}, {keys:,} keys, {'made' if database.was_made else 'opened'}"
        self.transactions.run(lambda: database.limit_statements(CALL_SECONDS), writes=False)

    def now(self) -> float:
        """Return the time in epoch seconds, set right by what answers told of it."""
        return self._time.now()

    def heed(self, served_at: float) -> None:
        """Take the time that an answer of Zendesk told, in epoch seconds."""
        self._time.heed(served_at)

    def seen(self, shipments: Sequence[Keyed]) -> list[Entry]:
        """Return what is known of each shipment; its sight is noted at most once a week."""
        known = self.transactions.run(
            lambda: known_keys(self.database, [one.key for one in shipments if one.key is not None]), writes=False
        )
        gone = self.transactions.run(lambda: self.forgotten.gone_before(shipments), writes=False)
        self.last_seen.see((key, row.seen) for key, row in known.items() if row.status != CLAIMED)
        rows = [None if one.key in known else row_of(one) for one in shipments]
        sent_rows = self.transactions.run(
            lambda: known_rows(self.database, {row for row in rows if row is not None}, _SENT), writes=False
        )
        entries = [
            self._entry(one, known.get(one.key) if one.key else None, gone_before, changed=row in sent_rows)
            for one, row, gone_before in zip(shipments, rows, gone, strict=True)
        ]
        self._recognise(shipments, entries, known)
        self._note_sights()
        return entries

    def delivered(self, fingerprints: Sequence[Fingerprint]) -> Collection[Fingerprint]:
        """Return those of them whose record's event was delivered, as that record would yield it again."""
        if not fingerprints or self.transactions.run(self.forgotten.mark, writes=False) != self.forgotten_mark:
            return ()  # whose record it is, only its rule can tell
        found = self.transactions.run(lambda: [*known_records(self.database, fingerprints, _SENT)], writes=False)
        delivered = [one for one in found if one.status == STATUS[Outcome.DELIVERED]]
        self.last_seen.see((one.key, one.seen) for one in delivered)
        self._note_sights()
        return {one.fingerprint for one in delivered}

    # claiming and settling

    def exchange(self, settled: Sequence[Settlement], wanted: Sequence[Keyed], tally: Tally) -> list[Entry]:
        """Note outcomes and counts, and claim what goes next, in one commit."""
        entries = self.transactions.run(lambda: self._exchange(settled, wanted, tally))
        self._known_streams = dict(self._streams)
        self.last_seen.noted()
        self._claims.note(settled, wanted, entries)
        return entries

    def release(self, shipments: Sequence[Keyed]) -> None:
        """Take back claims of this run."""
        if shipments:
            self.transactions.run(lambda: self._claims.release(shipments))

    def _exchange(self, settled: Sequence[Settlement], wanted: Sequence[Keyed], tally: Tally) -> list[Entry]:
        limited = self._places.limited({one.kind for one in wanted} | {one.keyed.kind for one in settled})
        if limited:
            lock_account(self.database, self.account)
        now, today = self.now(), self.last_seen.today()
        self._streams = dict(self._known_streams)  # a try that was rolled back may have left numbers of its own
        counted = self._outcomes.write(settled, now, today)
        sent = collections.Counter(
            one.keyed.kind
            for one in settled
            if one.outcome in COUNTED and one.takes_place and one.keyed.key not in counted
        )
        self.sent = self._counts.add(sent, tally, limited)
        self.last_seen.note()
        self._note_settled(tally)
        places = self._places.left(limited, self.sent, settled) if wanted else {}
        ended = {one.keyed.key for one in settled}
        claimed: set[bytes] = set()
        entries: list[Entry] = []
        gone = self.forgotten.gone_before(wanted) if wanted else []
        for one, gone_before in zip(wanted, gone, strict=True):
            is_mine = self._claims.has(one) and one.key not in ended
            is_counted = one.anew and is_mine
            has_place = is_counted or places.get(one.kind, 1) > 0
            waits = one.key in claimed or (is_mine and not one.anew) or not has_place
            if gone_before == math.inf:
                entries.append(FORGOTTEN)
                continue
            if gone_before and one.key is not None and not waits:
                self.forgotten.unlearn(one.key, gone_before)
            entry = Entry(Standing.BUSY) if waits else self._claims.claim(one, self._stream(one.stream), today)
            entries.append(entry)
            if entry.standing in {Standing.NEW, Standing.UNKNOWN}:
                if one.kind in places and not is_counted:
                    places[one.kind] -= 1
                if one.key is not None:
                    claimed.add(one.key)
        return entries

    # counts

    def rate_limit(self, requests_per_minute: int, bucket: Bucket) -> RateLimit:
        """Return the account's rate limit of a bucket, shared with the other runs on this ledger."""
        return SharedRateLimit(requests_per_minute, self.transactions, self.account, bucket, self._lease)

    def usage(self) -> Usage:
        """Return what the account has used this month, today, and of names."""
        return self._counts.usage()

    def share_before(self, stream: str) -> tuple[int, int]:
        """Return a stream's records, and those set aside, today, with its rules, schema and settings as they are."""
        return self._counts.share_before(stream)

    # what was looked up

    def ids(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Return the ids of what was found in the last thirty days."""
        return self.transactions.run(lambda: self._found_ids.of(hashes), writes=False)

    def note_ids(self, ids: Mapping[bytes, str]) -> None:
        """Keep the ids of what was found."""
        self.transactions.run(lambda: self._found_ids.note(ids))

    def drop_ids(self, hashes: Collection[bytes]) -> None:
        """Forget ids that turned out to be wrong."""
        self.transactions.run(lambda: self._found_ids.drop(hashes))

    # the run

    def heartbeat(self) -> bool:
        """Renew the lease when it is time, and let a little of what is old expire."""
        if self._lease is None or not self._lease.is_due:
            return True
        held = self._lease.holds()
        self._lease.renew()
        if self.now() >= self._expires_at:
            self._expires_at = self.now() + SECONDS_BETWEEN_EXPIRIES
            self.transactions.run(self._expire)
        return held

    def holds_lease(self) -> bool:
        """Tell whether the lease holds at this moment."""
        return self._lease is not None and self._lease.holds()

    def claims_elsewhere(self) -> set[bytes]:
        """Return the keys that other runs under way have claimed."""
        lease = self._lease
        return set() if lease is None else self.transactions.run(lease.claims_elsewhere, writes=False)

    def left_open(self) -> int:
        """Count the claims of runs that are gone."""
        return 0 if self._lease is None else self._lease.left_open()

    @property
    def is_new_file(self) -> bool:
        """Whether it is a file that this run has made."""
        return self.database.is_file and self.database.was_made

    def close(self, exit_code: int | None = None) -> None:
        """End the lease, so that the next run need not wait for it; what was in flight stays claimed."""
        if self._lease is not None:
            self._note_sights(0)
            self.transactions.run(self._expire)
            if self._time.is_known:
                self.transactions.run(lambda: note_time(self.database, self.now()))
            self._lease.end(exit_code)
        self.database.close()

    # small things

    def _note_sights(self, waiting: int = MOST_WAITING) -> None:
        """Note what was seen, until no more than so many wait for it: what a run claims next notes some too."""
        while self._lease is not None and len(self.last_seen) > waiting:
            self.transactions.run(self.last_seen.note)
            self.last_seen.noted()

    def _expire(self) -> None:
        self.last_seen.expire()
        self._found_ids.expire()
        self._past.expire()

    def _recognise(self, shipments: Sequence[Keyed], entries: Sequence[Entry], known: Mapping[bytes, KnownKey]) -> None:
        """Know from now on by its record what was delivered and came again; by another than before once a day."""
        today = self.last_seen.today()
        for one, entry in zip(shipments, entries, strict=True):
            if one.key is None or one.fingerprint is None or entry.outcome is not Outcome.DELIVERED:
                continue
            row = known[one.key]
            if row.text is None or (row.seen < today and row.text != one.fingerprint.text):
                self.last_seen.recognise(one.key, one.fingerprint.text)

    def _note_settled(self, tally: Tally) -> None:
        for number, at in sorted((self._stream(name), at) for name, at in tally.settled.items()):
            self.database.execute(f"UPDATE {PREFIX}streams SET settled = ? WHERE id = ?", (at, number))

    def _stream(self, name: str) -> int:
        if name not in self._streams:
            self.database.execute(
                f"INSERT INTO {PREFIX}streams (id, account, name) "
                f"SELECT COALESCE(MAX(id), 0) + 1, ?, CAST(? AS TEXT) FROM {PREFIX}streams "
                "WHERE true ON CONFLICT (account, name) DO NOTHING",
                (self.account, name),
            )
            rows = self._rows(f"SELECT id FROM {PREFIX}streams WHERE account = ? AND name = ?", (self.account, name))
            self._streams[name] = int(rows[0][0])
        return self._streams[name]

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        return self.database.execute(statement, values).fetchall()

    def _entry(self, one: Keyed, known: KnownKey | None, gone_before: float, *, changed: bool) -> Entry:
        """Return what is known of a shipment: what its customer had before it was forgotten does not count."""
        if gone_before == math.inf:
            return FORGOTTEN
        if known is None:
            return Entry(Standing.NEW, changed=changed)
        status = known.status
        is_gone = status == STATUS[Outcome.FORGOTTEN] or (
            status == STATUS[Outcome.DELIVERED] and known.sent < gone_before
        )
        if is_gone or status == CLAIMED:
            return NEW
        return end_of(one, known, self._claims.run) or NEW
