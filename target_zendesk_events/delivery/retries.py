"""Again, and when? What one answer means for the shipment it was asked for, as a pure function."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from collections.abc import Callable
from typing import Final

import backoff

from target_zendesk_events.zendesk.answers import Answer, Kind

MAX_WAIT_SECONDS: Final = 60.0
MAX_CONFLICTS: Final = 4
"""A 409 says that two requests met: a few short waits are enough."""
UNKNOWNS_TO_HOLD: Final = 5
SECONDS_TO_HOLD: Final = 120.0


class Step(str, enum.Enum):
    """What to do with a shipment after an answer."""

    DELIVERED = "delivered"
    REJECT = "reject"
    HOLD = "hold"
    AGAIN = "again"
    VERIFY = "verify"
    RENEW = "renew"
    SUSPECT = "suspect"
    STOP_CREDENTIALS = "stop: credentials"
    STOP_ADDRESS = "stop: address"
    STOP_BARRED = "stop: barred"
    STOP_OUTAGE = "stop: outage"


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What to do, in how many seconds at the earliest, and whether that wait holds for every shipment."""

    step: Step
    wait: float = 0.0
    holds_all: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Circumstances:
    """What the decision hangs on besides the answer.

    `attempts` counts this shipment's requests, this one included, `conflicts` its 409s. `newest_token` numbers the
    newest access token, `renewed_for_refusal` is true while that one was minted because of a 401. `any_accepted` tells
    whether this run saw a 2xx. `policy` is `on_unknown_outcome` as it applies to this shipment.
    """

    attempts: int
    conflicts: int = 0
    policy: str = "retry"
    any_accepted: bool = True
    can_renew: bool = False
    newest_token: int = 0
    renewed_for_refusal: bool = False
    max_outage_seconds: float = 900.0


_FINAL: Final = {
    Kind.ACCEPTED: Step.DELIVERED,
    Kind.ASTRAY: Step.STOP_ADDRESS,
    Kind.BARRED: Step.STOP_BARRED,
    Kind.DENIED: Step.SUSPECT,
    Kind.TURNED_AWAY: Step.SUSPECT,
}
"""What hangs on nothing but the answer."""


def decide(answer: Answer, seen: Circumstances, jitter: Callable[[float], float] = backoff.full_jitter) -> Decision:
    """Return what to do after this answer to the posting of a shipment."""
    if answer.kind in _FINAL:
        return Decision(_FINAL[answer.kind])
    if answer.kind is Kind.REFUSED:
        wrong_address = answer.is_missing and not seen.any_accepted
        return Decision(Step.STOP_ADDRESS if wrong_address else Step.REJECT)
    if answer.kind is Kind.EXPIRED:
        return _after_expired(answer, seen)
    if (answer.retry_after or 0.0) > seen.max_outage_seconds:
        return Decision(Step.STOP_OUTAGE, wait=answer.retry_after or 0.0, holds_all=True)
    if answer.kind is Kind.CONFLICT:
        return _after_conflict(answer, seen, jitter)
    return _after_trouble(answer, seen, jitter)


def wait_before(attempt: int, jitter: Callable[[float], float] = backoff.full_jitter) -> float:
    """Return the seconds before attempt number `attempt` + 1: 1, 2, 4 ... 60, half of each spread by `jitter`."""
    waits = backoff.expo(max_value=MAX_WAIT_SECONDS)
    longest: float = next(itertools.islice(waits, max(attempt, 1), None))  # the generator's first value is not a wait
    return longest / 2 + jitter(longest / 2)


def _after_expired(answer: Answer, seen: Circumstances) -> Decision:
    if not seen.can_renew:
        return Decision(Step.STOP_CREDENTIALS)
    if answer.token < seen.newest_token:
        return Decision(Step.AGAIN)
    return Decision(Step.STOP_CREDENTIALS if seen.renewed_for_refusal else Step.RENEW)


def _after_conflict(answer: Answer, seen: Circumstances, jitter: Callable[[float], float]) -> Decision:
    if seen.conflicts >= MAX_CONFLICTS:
        return Decision(Step.REJECT)
    if answer.retry_after:
        return Decision(Step.AGAIN, wait=answer.retry_after, holds_all=True)
    return Decision(Step.AGAIN, wait=wait_before(seen.conflicts, jitter) / 2)


def _after_trouble(answer: Answer, seen: Circumstances, jitter: Callable[[float], float]) -> Decision:
    floor = answer.retry_after or None  # zero, and a date gone by, say no more than nothing: at once would be a storm
    wait = wait_before(seen.attempts, jitter) if floor is None else floor
    if answer.kind is Kind.LIMITED:
        return Decision(Step.AGAIN, wait=wait, holds_all=True)
    if answer.kind is Kind.UNKNOWN and seen.policy != "retry":
        step = Step.HOLD if seen.policy == "hold" else Step.VERIFY
        return Decision(step, wait=floor or 0.0, holds_all=floor is not None)
    return Decision(Step.AGAIN, wait=wait, holds_all=floor is not None)


def is_singled_out(unknowns: list[tuple[float, int]], successes: int, now: float) -> bool:
    """Tell whether one shipment fails while others succeed, so that it is to be set aside as held.

    `unknowns` are its attempts that ended unknown: when, and how many other shipments had succeeded by then. Each must
    have been followed by another shipment's success, five of them over two minutes or more.
    """
    counts_after = [*(count for _, count in unknowns), successes][1:]
    followed = [when for (when, before), after in zip(unknowns, counts_after, strict=True) if after > before]
    return len(followed) >= UNKNOWNS_TO_HOLD and now - followed[0] >= SECONDS_TO_HOLD
