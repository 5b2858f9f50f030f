"""Is Zendesk down? A circuit that opens for all customers at once, probes, and closes again without a rush."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Hashable, Iterator
from typing import Final

import backoff

from target_zendesk_events.errors import OutageError
from target_zendesk_events.kinds.request import Bucket

FAILURES_TO_OPEN: Final = 5
DIFFERENT_EVENTS_TO_OPEN: Final = 3
MAX_PROBE_WAIT_SECONDS: Final = 60.0
READING: Final = "reading"
"""What is in trouble where readings back fail, whichever they are."""
LAST_MOMENT: Final = 253_402_300_799
"""The calendar's last second, in epoch seconds: a `Retry-After` may point beyond it."""


@dataclasses.dataclass(slots=True)
class _Row:
    """Failures in a row: how many, and of which events."""

    count: int = 0
    events: set[Hashable] = dataclasses.field(default_factory=set)

    def add(self, event: Hashable) -> None:
        self.count += 1
        self.events.add(event)

    def clear(self) -> None:
        self.count = 0
        self.events.clear()


class Outage:
    """What the last answers say of Zendesk's health, as a pure function of the times it is told.

    A *failure* is an answer that says nothing of what was sent (5xx, 408, a lost connection); a 429 starts the clock of
    `max_outage_seconds` too, but never opens the circuit. A thing accepted or refused is a *success*: Zendesk works. A
    reading back that is answered is none, unless it finds what was sent: where nothing is taken, all may be read.
    """

    def __init__(self, max_outage_seconds: float) -> None:
        """Give up after `max_outage_seconds` without a success."""
        self._max_outage_seconds = max_outage_seconds
        self._sendings = _Row()
        self._readings = _Row()
        self._troubled: set[Hashable] = set()
        self._since: float | None = None
        self._probe_waits = _probe_waits()
        self._read_waits = _probe_waits()
        self._probe_at = -math.inf
        self._probing: Hashable = None
        self._allowed: dict[Bucket, float] = dict.fromkeys(Bucket, math.inf)
        self._limited: dict[Bucket, float] = {}
        self.is_open = False
        self.cause = ""
        """What was seen last: a status, or what became of the connection."""
        self.saw_limit = False
        """Whether a 429 was among what was seen since the last success."""

    def note_success(self, bucket: Bucket = Bucket.EVENTS) -> None:
        """Something was accepted or refused: close the circuit, and let the number under way grow twofold."""
        self._sendings.clear()
        self._readings.clear()
        self._troubled.clear()
        self._since = None
        self.is_open = False
        self.cause = ""
        self.saw_limit = False
        self._let_more_go(bucket)

    def note_answered(self, asked: Hashable, bucket: Bucket) -> None:
        """What shipments wait for was told: where nothing but that had failed, or met a 429, the trouble is over."""
        self._troubled.discard(asked)
        if not self._troubled:
            self.note_success(bucket)
        elif not self.is_open:
            self._let_more_go(bucket)

    def note_read(self, bucket: Bucket, *, waiting: int) -> None:
        """A reading back was answered: a row of readings that failed is over, and trouble that was theirs alone.

        The circuit stays open where the sendings that failed in a row are enough for that.
        """
        self._readings.clear()
        self._read_waits = _probe_waits()
        self.is_open = self.is_open and self._is_down(waiting)
        self.note_answered(READING, bucket)

    def note_idle(self) -> None:
        """Nothing waits to be sent: what failed was settled otherwise, and the clock of an outage stops."""
        self._since = None
        self._troubled.clear()

    def note_failure(self, event: Hashable, now: float, *, waiting: int, cause: str, is_reading: bool = False) -> None:
        """An attempt for `event` ended without a word on it; `waiting` events are unsettled, this one among them."""
        self._since = now if self._since is None else self._since
        self.cause = cause
        (self._readings if is_reading else self._sendings).add(event)
        self._troubled.add(READING if is_reading else event)
        if self.is_open:
            if self._probing == event:
                self._probe_at = now + next(self._read_waits if is_reading else self._probe_waits)
                self._probing = None
        elif self._is_down(waiting):
            self._open(now)

    def note_limited(self, now: float, cause: str, bucket: Bucket = Bucket.EVENTS, asked: Hashable = "sending") -> None:
        """A 429 came: start the clock, and go on in this bucket with one request at a time until one succeeds."""
        self._troubled.add(asked)
        self._since = now if self._since is None else self._since
        self.cause = cause
        self.saw_limit = True
        self._limited.setdefault(bucket, self._allowed[bucket])
        self._allowed[bucket] = 1

    def note_start(self, event: Hashable) -> None:
        """A request for `event` goes out: with the circuit open it is a probe, and only its failure backs off."""
        if self.is_open:
            self._probing = event

    def may_start(
        self, in_flight: int, now: float, in_bucket: int | None = None, bucket: Bucket = Bucket.EVENTS
    ) -> bool:
        """Tell whether one more request of a bucket may start while `in_flight` are without an answer.

        Of those so many are `in_bucket`; None: all.
        """
        if self.is_open:
            return in_flight == 0 and now >= self._probe_at
        return (in_flight if in_bucket is None else in_bucket) < self._allowed[bucket]

    @property
    def probe_at(self) -> float:
        """When the next probe may go; minus infinity while the circuit is closed."""
        return self._probe_at if self.is_open else -math.inf

    @property
    def since(self) -> float | None:
        """When the first failure was since the last success; None while all is well."""
        return self._since

    @property
    def gives_up_at(self) -> float:
        """When the run ends for want of a success; infinity while all is well."""
        return math.inf if self._since is None else self._since + self._max_outage_seconds

    def unanswered(self, cause: str, lasted: float) -> OutageError:
        """Return the error that ends the run where what shipments wait for is not answered, while others are taken."""
        return OutageError(
            f"Zendesk answered no look-up, or not how its jobs stand, for {lasted:.0f} s, longer than "
            f"max_outage_seconds allows; last seen: {cause}. Run again later: nothing is lost, STATE is safe [ZE506]"
        )

    def error(self, now: float) -> OutageError:
        """Return the error that ends the run, naming the cause."""
        lasted = 0.0 if self._since is None else now - self._since
        both = " (a 429 says that the rate limit, or the month's quota, is used up)" if self.saw_limit else ""
        return OutageError(
            f"Zendesk took nothing for {lasted:.0f} s, longer than max_outage_seconds allows; "
            f"last seen: {self.cause}{both}. Run again later: nothing is lost, STATE is safe [ZE501]"
        )

    def _let_more_go(self, bucket: Bucket) -> None:
        """Let twice as many be under way; after 429s, as before them: the rate limit bounds what goes."""
        self._allowed[bucket] = 2 * self._limited.pop(bucket, self._allowed[bucket])

    def _is_down(self, waiting: int) -> bool:
        failures = self._sendings.count + self._readings.count
        failed = self._sendings.events | self._readings.events
        return failures >= FAILURES_TO_OPEN and len(failed) >= min(DIFFERENT_EVENTS_TO_OPEN, waiting)

    def _open(self, now: float) -> None:
        self.is_open = True
        self._allowed = dict.fromkeys(Bucket, 1)
        self._limited.clear()
        self._probe_waits, self._read_waits = _probe_waits(), _probe_waits()
        next(self._read_waits)
        self._probe_at = now + next(self._probe_waits)


def _probe_waits() -> Iterator[float]:
    """Return the seconds before each probe: 1, 2, 4 and so on, 60 at the most."""
    waits: Iterator[float] = backoff.expo(max_value=MAX_PROBE_WAIT_SECONDS)
    next(waits)
    return waits


def asked_to_wait(cause: str, until: float) -> OutageError:
    """Return the error of a `Retry-After` that is longer than the run may wait; `until` is in epoch seconds."""
    moment = dt.datetime.fromtimestamp(min(until, LAST_MOMENT), dt.timezone.utc)
    return OutageError(
        f"Zendesk asks to wait until {moment:%Y-%m-%d %H:%M:%S} UTC ({cause}), longer than max_outage_seconds allows: "
        "the rate limit, or a quota, is used up. Run again then: nothing is lost, STATE is safe [ZE502]"
    )
