"""One shipment on its way to Zendesk, and the record that it came from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias

import msgspec

from target_zendesk_events.delivery.line import Line
from target_zendesk_events.delivery.verify import Verification
from target_zendesk_events.kinds.shipment import Batch, Bucket, Claim, Found, LookUp, Request, Shipment
from target_zendesk_events.ledger.ledger import Holder
from target_zendesk_events.outcome.checkpoints import Position
from target_zendesk_events.work import Draft, Fingerprint, Match, Work


class OpenRecord(msgspec.Struct, eq=False):
    """A record whose outcome is open: its place in the input, and how many of its parts are not settled yet."""

    work: Work
    position: Position
    open_parts: int
    schema: bytes | None = None
    """The SCHEMA line that the record came under."""
    is_given_up: bool = False
    is_set_aside: bool = False


class OpenDraft(msgspec.Struct, eq=False):
    """A record of which one event is to be made, unless the ledger knows the record."""

    open_record: OpenRecord
    draft: Draft


class SetAside(msgspec.Struct, eq=False):
    """A record, or one rule's part of it, that yields none: invalid, or unmappable; and its key in the ledger."""

    open_record: OpenRecord
    key: bytes
    reason: str
    message: str
    rule: str | None = None


class OpenShipment(msgspec.Struct, eq=False):
    """One shipment, its key in the ledger, and what its attempts came to.

    `unknowns` holds its attempts that ended unknown: when, and how many shipments had succeeded by then.
    `first_sent_at` is the time of its first request by the run's monotonic clock, for reading it back; before the run's
    own beginning where a run that is gone sent it; that of the first of the `lookalikes` before it, where there are.
    """

    open_record: OpenRecord
    match: Match
    what: Shipment
    key: bytes | None
    row_hash: Callable[[], bytes | None]
    persons: Callable[[], Sequence[bytes]] = tuple
    """Makes hashes of what names its customer, who may be forgotten."""
    content: bytes | None = None
    """A hash of what it is to put in the place of what was there; None for what happens once."""
    fingerprint: Fingerprint | None = None
    """By what its record is to be known once it is delivered."""
    attempts: int = 0
    conflicts: int = 0
    expiries: int = 0
    """Its 401s: a shipment that gets one from every token is not to have tokens minted without end."""
    unknowns: list[tuple[float, int]] = msgspec.field(default_factory=list)
    first_sent_at: float | None = None
    left_at: float | None = None
    """Since when a run that is gone may have sent it: epoch seconds by the ledger's clock."""
    claimed_at: float | None = None
    """When it was first claimed, or the first of the `lookalikes` before it: epoch seconds by the ledger's clock."""
    lookalikes: int = 0
    """Others of the same customer that look the same, and went so shortly before that reading back shows them too."""
    appearance: Hashable = None
    """By what it is told to look the same as another."""
    is_claimed: bool = False
    claims_anew: bool = False
    """Whether it was claimed before the lease lapsed."""
    is_doubtful: bool = False
    """Whether an attempt may have stored it: then its claim is never taken back."""
    was_held: bool = False
    """Whether it was held before, and is read back for that reason."""
    has_quota: bool = False
    """Whether it has its place in the quota."""
    holder: Holder | None = None
    """Which other run has claimed it, as far as the ledger said when it was last asked."""
    verification: Verification | None = None
    goes_alone: bool = False
    """Whether it shares no request with others: a job in which it was failed as a whole."""
    instead: Request | None = None
    """The request that goes next in place of its own, since what that was to change is not there."""
    went_instead: bool = False
    """Whether its last request was such a one."""
    is_key_spent: bool = False
    """Whether Zendesk has seen its idempotency key with another body."""
    found: Found = msgspec.field(default_factory=dict)
    """The ids of what it refers to."""
    not_found: LookUp | None = None
    """What it refers to and is not there."""
    is_of_stranger: bool = False
    """Whether Zendesk knows nobody by its customer's identifiers."""

    @property
    def claim(self) -> Claim:
        """What the ledger says of this sending."""
        return Claim(0.0 if self.claimed_at is None else self.claimed_at, self.key)

    @property
    def line(self) -> Line:
        """Where it waits for its turn."""
        if self.batch is None:
            return Line.EVENTS if self.what.bucket is Bucket.EVENTS else Line.SUPPORT
        return Line.JOBS

    @property
    def batch(self) -> Batch | None:
        """With which others it may share a request; None where it goes alone."""
        return None if self.goes_alone else self.what.batch()

    def must_claim_anew(self) -> None:
        """The lease has lapsed: another run may have taken its claim over."""
        self.claims_anew |= self.is_claimed
        self.is_claimed = False

    @property
    def stream(self) -> str:
        """The stream's name as rules, ledger and report see it."""
        return self.open_record.work.stream

    @property
    def is_replayed(self) -> bool:
        """Whether its record came back from the dead letters."""
        return self.open_record.work.replayed is not None


Suspect: TypeAlias = OpenShipment | LookUp
"""What may be refused by the account's fault: what is sent, and what is asked for others' sake."""
