"""Answers that get lost, servers that fail, jobs of every fate: STATE is never ahead, and the next run mends it all.

Streams of all kinds go to a served playground that errs as it is told, then, without a fault, once more. A run waits
as the real one does, so these are few; `tests/delivery/` tries many on a clock of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mixture
import pytest
from bent_runs import PARTS, check_numbers, folder, listening, run, try_many
from hypothesis import strategies as st
from support import letters_of, lines

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.job_results import RESULTS
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

RECORDS = 42
MOST_SECONDS = 240
TAP = lines(list(mixture.mixed(0, RECORDS)))
WHEN: dict[str, Any] = {
    "on": st.sampled_from(
        ["events", "events", "reads", "profiles", "users", "objects", "jobs", "job_statuses", "tickets", "any"]
    ),
    "count": st.sampled_from([1, 2, 4]),
    "skip": st.integers(0, 6),
    "every": st.integers(1, 3),
}
FAULTS = st.one_of(
    st.builds(Fault, drop=st.sampled_from(["before", "after"]), reset=st.booleans(), **WHEN),
    st.builds(Fault, answer_delay=st.just(1.4), **WHEN),
    st.builds(
        Fault,
        status=st.sampled_from([408, 500, 502, 503, 504]),
        store=st.booleans(),
        retry_after=st.sampled_from([None, 0.2]),
        **WHEN,
    ),
    st.builds(
        Fault, status=st.just(429), retry_after=st.sampled_from([None, 0.2, 1.5]), **{**WHEN, "count": st.just(1)}
    ),
    st.builds(Fault, status=st.just(409), **{**WHEN, "count": st.just(2)}),
    st.builds(
        Fault,
        on=st.just("jobs"),
        job=st.sampled_from(["failed", "killed", "aborted", "forgotten"]),
        count=st.sampled_from([1, None]),
    ),
    st.builds(Fault, on=st.just("jobs"), results=st.sampled_from(RESULTS), count=st.just(None)),
    st.builds(Fault, on=st.just("jobs"), failed_items=st.just(['"s-3"', '"s-17"']), message=st.just("no")),
)


def set_aside(path: Path) -> set[int]:
    """Return which records wait in dead letters."""
    return {one["record"]["id"] for file in path.glob("data/dead-letters/*") for one in letters_of(file)}


@pytest.mark.parametrize("part", range(PARTS))
def test_what_a_fault_leaves_the_next_run_settles(served: Playground, part: int) -> None:
    """Each record is in Zendesk or set aside, and, unless the policy is to send again, once."""
    try_many(
        lambda **drawn: settle(served, **drawn),
        0.002,
        part,
        faults=st.lists(FAULTS, min_size=1, max_size=4),
        policy=st.sampled_from(["verify", "verify", "retry", "hold"]),
        max_in_flight=st.sampled_from([1, 4, 32]),
    )


def settle(playground: Playground, faults: list[Fault], policy: str, max_in_flight: int) -> None:
    """Run against a playground that errs, and once more."""
    playground.clear()
    playground.set_job_seconds(0.1)
    mixture.account(playground, *(f"c{number}" for number in range(5)))
    playground.set_faults(*faults)
    with folder() as path, listening(MOST_SECONDS) as said:

        def check(value: Any) -> None:
            settled = {number for _, number in mixture.stored(playground)} | set_aside(path)
            assert {number for number in range(value["upto"] + 1) if number % 7 != 1} <= settled

        config = mixture.config(
            playground.url, path, on_unknown_outcome=policy, max_in_flight=max_in_flight, request_timeout_seconds=1
        )
        first = run(config, TAP, check)
        assert first.exit_code in {0, 1, 3}  # 3: where a stream had five or more held, and none delivered
        check_numbers(first.report)
        playground.set_faults()
        second = run(config, TAP, check)
    assert second.exit_code == 0
    assert second.states[-1] == {"upto": RECORDS - 1}
    check_numbers(second.report)
    assert "Traceback" not in "\n".join(said)
    reasons = {one["record"]["id"]: one["dead_letter"]["reason"] for one in second.letters}
    for number, reason in reasons.items():
        assert mixture.is_set_aside(number) or number in {3, 17} or reason in {"unknown", "server"}
    stored = mixture.stored(playground)
    assert {number for _, number in stored} | set(reasons) >= {one for one in range(RECORDS) if one % 7 != 1}
    for (stream, number), times in stored.items():
        assert times == 1 or (stream == "orders" and policy == "retry"), (stream, number, times)
