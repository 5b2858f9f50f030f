"""Again, and when: the table of zendesk-api.md, section 5, as cases."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.delivery.retries import (
    Circumstances,
    Decision,
    Step,
    decide,
    is_singled_out,
    wait_before,
)
from target_zendesk_events.zendesk.answers import Answer, Kind

MAX_OUTAGE = 900.0
DAY = 86_400.0


def whole(longest: float) -> float:
    """Return the longest wait that a jitter may give."""
    return longest


def outcome(
    kind: Kind, *, status: int | None = None, retry_after: float | None = None, token: int = 0, **seen: Any
) -> Decision:
    """Return the decision after one answer, without chance."""
    answer = Answer(kind, status, retry_after=retry_after, token=token)
    circumstances = dataclasses.replace(Circumstances(attempts=1, max_outage_seconds=MAX_OUTAGE), **seen)
    return decide(answer, circumstances, whole)


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
@pytest.mark.parametrize("attempts", [1, 5, 50])
@pytest.mark.parametrize(
    ("kind", "status", "step"),
    [
        (Kind.ACCEPTED, 202, Step.DELIVERED),
        (Kind.REFUSED, 400, Step.REJECT),
        (Kind.REFUSED, 422, Step.REJECT),
        (Kind.REFUSED, 404, Step.REJECT),
        (Kind.DENIED, 403, Step.SUSPECT),
        (Kind.TURNED_AWAY, 402, Step.SUSPECT),
        (Kind.ASTRAY, 301, Step.STOP_ADDRESS),
        (Kind.BARRED, None, Step.STOP_BARRED),
        (Kind.EXPIRED, 401, Step.STOP_CREDENTIALS),
    ],
)
def test_what_is_clear_does_not_hang_on_policy_or_attempt(
    kind: Kind, status: int | None, step: Step, attempts: int, policy: str
) -> None:
    """A success, a refusal, and what is wrong for all are final at any attempt and under every policy."""
    assert outcome(kind, status=status, policy=policy, attempts=attempts) == Decision(step)


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
def test_a_404_before_the_first_success_is_a_wrong_address(policy: str) -> None:
    """Only after a 2xx does a 404 refuse the record; any other 4xx always does."""
    assert outcome(Kind.REFUSED, status=404, any_accepted=False, policy=policy).step is Step.STOP_ADDRESS
    assert outcome(Kind.REFUSED, status=400, any_accepted=False, policy=policy).step is Step.REJECT


@pytest.mark.parametrize(("policy", "step"), [("verify", Step.VERIFY), ("retry", Step.AGAIN), ("hold", Step.HOLD)])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, None])
def test_an_unknown_outcome_follows_the_policy(status: int | None, policy: str, step: Step) -> None:
    """5xx, 408 and a lost connection: read back, resend or set aside, as the user says."""
    assert outcome(Kind.UNKNOWN, status=status, policy=policy).step is step


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
def test_what_was_never_sent_goes_again_under_every_policy(policy: str) -> None:
    """Where no byte left there is nothing to verify and nothing to hold."""
    assert outcome(Kind.NOT_SENT, policy=policy) == Decision(Step.AGAIN, wait=1.0)


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (100, 60)]
)
def test_without_retry_after_the_wait_doubles_to_a_minute(attempt: int, longest: float) -> None:
    """The wait grows with the attempts, for failures and for 429s alike."""
    assert outcome(Kind.UNKNOWN, attempts=attempt).wait == longest
    assert outcome(Kind.NOT_SENT, attempts=attempt).wait == longest
    assert outcome(Kind.LIMITED, attempts=attempt).wait == longest


@given(attempt=st.integers(0, 1_000))
def test_half_of_each_wait_is_chance(attempt: int) -> None:
    """A wait lies between half a second and a minute, and between half of its longest and its longest."""
    longest = wait_before(attempt, whole)
    assert 1 <= longest <= 60
    assert longest / 2 <= wait_before(attempt) <= longest


@pytest.mark.parametrize("attempts", [1, 2, 9])
@pytest.mark.parametrize("retry_after", [0.5, 1.0, 93.0, MAX_OUTAGE])
def test_a_retry_after_is_kept_to_the_second_and_holds_for_all(retry_after: float, attempts: int) -> None:
    """A 429's and a 503's Retry-After is neither cut short nor drawn out, whatever the attempt, and stops all lanes."""
    for kind in (Kind.LIMITED, Kind.UNKNOWN):
        decision = outcome(kind, retry_after=retry_after, attempts=attempts)
        assert decision == Decision(Step.AGAIN, wait=retry_after, holds_all=True)


@pytest.mark.parametrize(("policy", "step"), [("verify", Step.VERIFY), ("hold", Step.HOLD)])
def test_a_retry_after_holds_for_all_where_its_event_does_not_wait(policy: str, step: Step) -> None:
    """A 503 with Retry-After stops all lanes, also where its own event is read back or set aside."""
    assert outcome(Kind.UNKNOWN, retry_after=20.0, policy=policy) == Decision(step, wait=20.0, holds_all=True)


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
@pytest.mark.parametrize("kind", [Kind.LIMITED, Kind.UNKNOWN, Kind.CONFLICT])
@pytest.mark.parametrize("attempts", [1, 5])
def test_a_retry_after_of_zero_says_no_more_than_none(kind: Kind, policy: str, attempts: int) -> None:
    """Zero, or a date gone by: to go again at once would use up the minute's budget on refusals."""
    seen: dict[str, Any] = {"attempts": attempts, "policy": policy}
    assert outcome(kind, retry_after=0.0, **seen) == outcome(kind, **seen)


def test_a_429_stops_all_lanes_without_a_retry_after_too() -> None:
    """The limit is the account's: nobody goes on while one waits."""
    assert outcome(Kind.LIMITED).holds_all
    assert not outcome(Kind.UNKNOWN).holds_all


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
@pytest.mark.parametrize("kind", [Kind.LIMITED, Kind.UNKNOWN, Kind.NOT_SENT])
def test_a_retry_after_beyond_the_longest_outage_stops_the_run(kind: Kind, policy: str) -> None:
    """One second beyond `max_outage_seconds` ends the run, and the decision says how long the wait would be."""
    decision = outcome(kind, retry_after=MAX_OUTAGE + 1, policy=policy)
    assert decision == Decision(Step.STOP_OUTAGE, wait=MAX_OUTAGE + 1, holds_all=True)


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
def test_a_conflict_goes_again_shortly_a_few_times(policy: str) -> None:
    """A 409 is retried three times with short waits, then its record is refused."""
    decisions = [outcome(Kind.CONFLICT, status=409, conflicts=count, policy=policy) for count in (1, 2, 3, 4)]
    assert [one.step for one in decisions] == [Step.AGAIN, Step.AGAIN, Step.AGAIN, Step.REJECT]
    assert [one.wait for one in decisions] == [0.5, 1.0, 2.0, 0.0]


def test_a_conflict_s_retry_after_is_a_floor_for_all() -> None:
    """A Retry-After is a floor for all lanes whatever it comes with, and beyond the longest outage it stops the run."""
    decision = outcome(Kind.CONFLICT, status=409, conflicts=1, retry_after=20.0)
    assert decision == Decision(Step.AGAIN, wait=20.0, holds_all=True)
    assert outcome(Kind.CONFLICT, status=409, conflicts=1, retry_after=DAY).step is Step.STOP_OUTAGE


@pytest.mark.parametrize(
    ("can_renew", "token", "newest", "renewed", "step"),
    [
        (False, 0, 0, False, Step.STOP_CREDENTIALS),
        (True, 1, 1, False, Step.RENEW),
        (True, 1, 2, False, Step.AGAIN),
        (True, 1, 2, True, Step.AGAIN),
        (True, 2, 2, True, Step.STOP_CREDENTIALS),
        (True, 0, 3, True, Step.AGAIN),
    ],
)
def test_a_401_hangs_on_the_token_it_answers(
    can_renew: bool,
    token: int,
    newest: int,
    renewed: bool,
    step: Step,
) -> None:
    """An older token's 401 goes again with the newest; one to a token minted for a 401 stops the run."""
    decision = outcome(
        Kind.EXPIRED, status=401, token=token, can_renew=can_renew, newest_token=newest, renewed_for_refusal=renewed
    )
    assert decision == Decision(step)


@given(
    kind=st.sampled_from(Kind),
    status=st.sampled_from([None, 202, 400, 404, 500]),
    retry_after=st.one_of(st.none(), st.floats(0, 1e6)),
    attempts=st.integers(1, 1_000),
    conflicts=st.integers(1, 10),
    policy=st.sampled_from(["verify", "retry", "hold"]),
)
def test_no_decision_waits_less_than_it_was_asked_to(
    kind: Kind, status: int | None, retry_after: float | None, attempts: int, conflicts: int, policy: str
) -> None:
    """Whatever goes again waits at least as long as Retry-After says; nothing waits longer than the longest outage."""
    decision = outcome(
        kind, status=status, retry_after=retry_after, attempts=attempts, conflicts=conflicts, policy=policy
    )
    if decision.step is Step.AGAIN and kind in {Kind.LIMITED, Kind.UNKNOWN, Kind.NOT_SENT}:
        assert decision.wait >= (retry_after or 0.0)
        assert decision.wait <= MAX_OUTAGE


def unknowns(times: list[float], *, followed: int) -> list[tuple[float, int]]:
    """Return attempts that ended unknown, the first `followed` of them each followed by another event's success."""
    return [(time, min(position, followed)) for position, time in enumerate(times)]


@pytest.mark.parametrize(
    ("times", "followed", "now", "is_held"),
    [
        ([0, 30, 60, 90, 120], 5, 121.0, True),
        ([0, 30, 60, 90, 119], 5, 119.9, False),
        ([0, 30, 60, 90, 119], 5, 120.0, True),
        ([0, 30, 60, 90], 4, 500.0, False),
        ([0, 30, 60, 90, 120], 4, 500.0, False),
        ([0, 30, 60, 90, 120, 150], 5, 151.0, True),
        ([], 0, 500.0, False),
    ],
)
def test_one_event_that_fails_while_others_succeed_is_singled_out(
    times: list[float],
    followed: int,
    now: float,
    is_held: bool,
) -> None:
    """Five attempts over two minutes or more, each followed by another's success: fewer or faster is not enough."""
    assert is_singled_out(unknowns(times, followed=followed), followed, now) is is_held


def test_attempts_in_an_outage_do_not_single_out() -> None:
    """Attempts that nobody's success followed do not count, and do not lengthen the two minutes of those that do."""
    in_an_outage: list[tuple[float, int]] = [(float(second), 0) for second in range(0, 600, 100)]
    after = [(600.0, 0), (601.0, 1), (602.0, 2), (603.0, 3), (604.0, 4)]
    assert not is_singled_out([*in_an_outage, *after], 5, 605.0)


def test_what_needs_no_wait_waits_for_nothing_and_holds_nobody() -> None:
    """A success goes at once, and so does what is read back or set aside where no Retry-After came."""
    plain = [outcome(Kind.ACCEPTED), *(outcome(Kind.UNKNOWN, policy=policy) for policy in ("verify", "hold"))]
    assert [(one.wait, one.holds_all) for one in plain] == [(0.0, False)] * 3


def test_a_run_that_waits_for_no_outage_still_goes_again_at_once() -> None:
    """With `max_outage_seconds` 0 an answer without a Retry-After asks for no wait that would be too long."""
    assert outcome(Kind.CONFLICT, status=409, conflicts=1, max_outage_seconds=0.0).step is Step.AGAIN
    assert outcome(Kind.LIMITED, retry_after=0.5, max_outage_seconds=0.0).step is Step.STOP_OUTAGE


def test_a_run_waits_for_a_quarter_of_an_hour_where_nothing_else_is_said() -> None:
    """A Retry-After of 900 s is kept, one of half a second more ends the run."""
    decisions = [decide(Answer(Kind.LIMITED, 429, retry_after=wait), Circumstances(1)) for wait in (900.0, 900.5)]
    assert [one.step for one in decisions] == [Step.AGAIN, Step.STOP_OUTAGE]


def test_the_first_401_of_a_run_renews_the_first_token() -> None:
    """Where nothing was renewed yet, the token that was refused is the newest."""
    assert decide(Answer(Kind.EXPIRED, 401), Circumstances(1, can_renew=True)) == Decision(Step.RENEW)
