"""What was sent, and what may still be sent: the door that the sender knocks at before and after each shipment."""

from __future__ import annotations

import dataclasses
import enum
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.clocks import TrustedTime, steady_seconds
from target_zendesk_events.limits.rate_limit import RateLimit
from target_zendesk_events.work import Fingerprint, NoShipment, Outcome

COUNTED = frozenset({Outcome.DELIVERED, Outcome.HELD})
"""Outcomes of a shipment that counts as sent, for the month's quota and the day's brake."""
SENT_AGAIN = frozenset({Outcome.REJECTED, Outcome.HELD})
"""What a record with `dead_letter` sends again; what was delivered stays a duplicate."""
Limits = Mapping[str, tuple[int | None, int | None]]
"""How many shipments of a kind may be sent in a month and in a day (UTC), None for any number."""


class Standing(str, enum.Enum):
    """What the ledger knows of a key."""

    NEW = "new"
    SETTLED = "settled"
    BUSY = "busy"
    """Another live process has it, or the last places of the quota: ask again after its outcome, or its lease."""
    UNKNOWN = "unknown"
    """It may have been sent by a process that is gone: an unknown outcome."""


class Keyed(msgspec.Struct, frozen=True):
    """A shipment as the ledger knows it.

    `key` is a hash of what makes it the same thing, None where nothing does (`dedupe: false`); `row_hash` makes a
    hash of the record's key properties under its rule, to tell a changed record from a new one, or None. `again` is
    true for a replay: what was rejected or held goes again then, what was delivered does not. `anew` is true for one
    that this run had claimed before its lease lapsed. So many `lookalikes` on the timeline went shortly before
    it. `claimed_at` is when it is to count as first claimed (with the first of those alike, where there
    are), in epoch seconds by the ledger's clock; None: when the ledger takes it. `persons` makes hashes of what names
    its customer. `kind` is for counts alone. `content` is a hash of what is sent, where the newest replaces the last:
    what was settled with other content goes again then; None for what happens once. By its `fingerprint` the record
    is to be known once this is delivered, before anything is made of it.
    """

    key: bytes | None
    row_hash: Callable[[], bytes | None]
    stream: str
    again: bool = False
    anew: bool = False
    lookalikes: int = 0
    claimed_at: float | None = None
    persons: Callable[[], Sequence[bytes]] = tuple
    kind: str = "event"
    content: bytes | None = None
    fingerprint: Fingerprint | None = None


class Holder(msgspec.Struct, frozen=True):
    """Another run that has claimed a shipment: its name, its start, and until when its lease lasts unless renewed."""

    run: str
    since: float
    until: float


class Entry(msgspec.Struct, frozen=True):
    """What the ledger answers for one shipment; with an unknown standing, `outcome` is `held` where it ended so.

    `claimed_at` is when it was first claimed, by the ledger's clock, where it was before: in a replay, or by a run that
    is gone. `sent_since` is the earliest that it, or the first of the `lookalikes` before it, may have been sent: that
    time, or an earlier one where no answer had told that run the time.
    """

    standing: Standing
    outcome: Outcome | NoShipment | None = None
    claimed_at: float | None = None
    sent_since: float = 0.0
    lookalikes: int = 0
    changed: bool = False
    holder: Holder | None = None
    """Who has it, where another run has."""

    @property
    def set_aside_as(self) -> str:
        """Say `rejected` or `held` of a shipment that ended so before; else nothing."""
        return self.outcome.value if self.outcome is not None and self.outcome in SENT_AGAIN else ""


class Settlement(msgspec.Struct, frozen=True):
    """The end of one shipment, for the ledger; or of a record that yields none, set aside."""

    keyed: Keyed
    outcome: Outcome | NoShipment
    attempts: int
    request_id: str = ""
    takes_place: bool = True
    """Whether it counts in the quota and the brake of its kind, where its outcome does."""


@dataclasses.dataclass(slots=True)
class Tally:
    """What a commit adds to the account's counts: names as (kind, hash), and records by stream.

    `settled` tells of streams when their newest record was settled, in epoch seconds by the ledger's clock.
    """

    names: list[tuple[str, bytes]] = dataclasses.field(default_factory=list)
    records: dict[str, int] = dataclasses.field(default_factory=dict)
    set_aside: dict[str, int] = dataclasses.field(default_factory=dict)
    settled: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Usage:
    """What the account has used: shipments sent of each kind, this month and today (UTC), and names, hashed."""

    sent: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    names: Mapping[str, frozenset[bytes]] = dataclasses.field(default_factory=dict)

    def of(self, kind: str) -> tuple[int, int]:
        """Return how many of a kind were sent this month, and today."""
        return self.sent.get(kind, (0, 0))


NEW = Entry(Standing.NEW)


class Ledger(Protocol):
    """What the sender asks of a ledger. Each call is one commit; each raises StorageError when it cannot be kept."""

    secret: bytes
    """A random value made with the ledger, that its hashes are keyed with."""
    forgotten_mark: str
    """Another each time that somebody was forgotten, or allowed again."""
    note: str
    """Where it is, what it holds, and whether it is new: the first line of the log."""
    sent: Mapping[str, tuple[int, int]] | None
    """What all runs have sent, by kind, this month and today, as the last exchange left it, where there are limits.

    None where only this run is known.
    """

    def now(self) -> float:
        """Return the time in epoch seconds, set right by what answers told of it."""

    def heed(self, served_at: float) -> None:
        """Take the time that an answer of Zendesk told, in epoch seconds."""

    def seen(self, shipments: Sequence[Keyed]) -> list[Entry]:
        """Return what is known of each shipment of a batch, in their order: settled, or new."""

    def delivered(self, fingerprints: Sequence[Fingerprint]) -> Collection[Fingerprint]:
        """Return those of them whose record's event was delivered, as that record would yield it again."""

    def exchange(self, settled: Sequence[Settlement], wanted: Sequence[Keyed], tally: Tally) -> list[Entry]:
        """Note outcomes and counts, and claim what goes next, in one commit; return one entry for each wanted."""

    def release(self, shipments: Sequence[Keyed]) -> None:
        """Take back claims of shipments that were not sent."""

    def rate_limit(self, requests_per_minute: int, bucket: Bucket) -> RateLimit:
        """Return the account's rate limit of a bucket, shared with other runs where they share the ledger."""

    def usage(self) -> Usage:
        """Return what the account has used so far."""

    def share_before(self, stream: str) -> tuple[int, int]:
        """Return the records, and those set aside, of a stream today with the rules as they are, in earlier runs."""

    def ids(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Return the ids in Zendesk of what was found under these hashes in the last thirty days."""

    def note_ids(self, ids: Mapping[bytes, str]) -> None:
        """Keep the ids of what was found."""

    def drop_ids(self, hashes: Collection[bytes]) -> None:
        """Forget ids that turned out to be wrong."""

    def heartbeat(self) -> bool:
        """Renew this run's lease when it is time; false where it had lapsed, so that claims must be made anew."""

    def holds_lease(self) -> bool:
        """Tell whether this run's lease holds at this moment. May be asked from any thread; touches no storage."""

    def left_open(self) -> int:
        """Count the shipments that runs which are gone may have sent, and whose records did not come again."""

    @property
    def is_new_file(self) -> bool:
        """Whether it is a file that this run has made."""

    def close(self, exit_code: int | None = None) -> None:
        """Let go of the storage; `exit_code` is how the run ended, where it was one."""


class NoLedger:
    """`ledger_url: none`: every shipment is new, and nothing is remembered beyond the run."""

    is_new_file = False
    forgotten_mark = ""
    sent: Mapping[str, tuple[int, int]] | None = None

    def __init__(
        self,
        note: str = (
            "ledger none: what the tap sends again shows twice, a lost answer or a crash may double events, "
            "and quotas are counted within this run alone"
        ),
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        """Hash with a value of this run's own; `note` tells why there is no ledger, `wall` is the epoch clock."""
        self.note = note
        trusted = TrustedTime(wall, steady)
        self.now, self.heed = trusted.now, trusted.heed
        self.secret = secrets.token_bytes(32)

    def seen(self, shipments: Sequence[Keyed]) -> list[Entry]:
        """Know of none."""
        return [NEW] * len(shipments)

    def delivered(self, fingerprints: Sequence[Fingerprint]) -> Collection[Fingerprint]:  # noqa: ARG002
        """Know of none."""
        return ()

    def exchange(
        self,
        settled: Sequence[Settlement],  # noqa: ARG002 - nothing is kept
        wanted: Sequence[Keyed],
        tally: Tally,  # noqa: ARG002
    ) -> list[Entry]:
        """Grant every claim."""
        return [NEW] * len(wanted)

    def release(self, shipments: Sequence[Keyed]) -> None:
        """Nothing was kept, so nothing is taken back."""

    def rate_limit(self, requests_per_minute: int, bucket: Bucket) -> RateLimit:  # noqa: ARG002
        """Nothing is shared with other runs."""
        return RateLimit(requests_per_minute)

    def usage(self) -> Usage:
        """Nothing is known of earlier runs."""
        return Usage()

    def share_before(self, stream: str) -> tuple[int, int]:  # noqa: ARG002
        """Nothing is known of earlier runs."""
        return 0, 0

    def ids(self, hashes: Collection[bytes]) -> dict[bytes, str]:  # noqa: ARG002
        """Nothing is known of earlier runs."""
        return {}

    def note_ids(self, ids: Mapping[bytes, str]) -> None:
        """Nothing is kept."""

    def drop_ids(self, hashes: Collection[bytes]) -> None:
        """Nothing was kept."""

    def heartbeat(self) -> bool:
        """No other run can take anything over."""
        return True

    def holds_lease(self) -> bool:
        """No other run can take anything over."""
        return True

    def left_open(self) -> int:
        """Nothing is known of earlier runs."""
        return 0

    def close(self, exit_code: int | None = None) -> None:
        """Nothing is open."""
