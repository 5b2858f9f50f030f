"""Singer streams that are broken in every way: no traceback, no hang, no customer named, and the numbers add up.

A stream of a tap, with the files of its BATCH, is bent by a few mutations, and a run in this process reads it: a dry
run by rules of every kind, or one that sends to a served playground, which then is the judge, and errs in what it
answers. With `test_any_configuration.py` they are 4,000; `ZENDESK_EVENTS_TEST_FUZZ` says how many instead.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import every_kind
import pytest
import support
from bending import MARK, MUTATIONS, WAYS, bent, messages, owed_marks
from bent_runs import FEW, PARTS, check_numbers, check_words, folder, listening, run, try_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.refusals import SHAPES
from target_zendesk_events.playground.server import Playground

COUNTED = re.compile(r"records=(\d+) invalid=(\d+) unmatched=(\d+) skipped=(\d+) matched=(\d+) matches=(\d+) ")


@settings(max_examples=FEW)
@given(mutations=MUTATIONS)
def test_any_stream_is_mapped(mutations: list[tuple[int, int]]) -> None:
    """By rules of every kind, in a dry run: it ends with a code of its own, adds up, and names nobody."""
    mapped(mutations)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_any_of_many_streams_is_mapped(part: int) -> None:
    """The same, with more patience."""
    try_many(mapped, 0.4, part, mutations=MUTATIONS)


def mapped(mutations: list[tuple[int, int]]) -> None:
    """Read a bent stream in a dry run."""
    tap = bent(mutations)
    with folder() as path, listening() as said:
        batches = path / "batches"
        batches.mkdir()
        config = support.config(
            "http://127.0.0.1:1", path, rules=every_kind.EVERY_RULE, dry_run=True, ledger_url="none",
            batch_config={"storage": {"root": str(batches)}},
        )  # fmt: skip
        ended = run(config, tap.written(batches))
        assert [one.name for one in path.iterdir()] == ["batches"]
    assert ended.exit_code in {0, 1, 2, 3}
    assert ended.states == []
    check_words(said, tap.whole)
    found = [match for one in said for match in COUNTED.finditer(one)]
    if found:
        records, *parts, _ = map(int, found[-1].groups())
        assert records == sum(parts)


REFUSALS = st.builds(
    Fault,
    status=st.sampled_from([400, 404, 413, 422]),
    on=st.sampled_from(["events", "any"]),
    count=st.sampled_from([1, 3, None]),
    skip=st.integers(0, 3),
    every=st.integers(1, 3),
    body=st.sampled_from(SHAPES),
    message=st.just(f"{MARK}120@example.com is odd"),
)
TROUBLE = st.builds(
    Fault,
    status=st.sampled_from([408, 500, 502, 503, 504]),
    on=st.sampled_from(["events", "any"]),
    count=st.sampled_from([1, 2]),
    skip=st.integers(0, 4),
    store=st.booleans(),
    body=st.sampled_from(SHAPES),
    message=st.just(f"{MARK}121@example.com is odd"),
    retry_after=st.just(0.01),
)
LIMITED = st.builds(
    Fault, status=st.just(429), on=st.sampled_from(["events", "any"]), skip=st.integers(0, 4), retry_after=st.just(0.01)
)
"""One: after a second the run looks for the rate that works, and takes its time."""
LOST = st.builds(
    Fault,
    drop=st.sampled_from(["before", "after"]),
    reset=st.booleans(),
    count=st.sampled_from([1, 3]),
    skip=st.integers(0, 4),
)
"""What is waited for long stands in `test_any_fault.py`."""
FAULTS = st.one_of(
    st.tuples(st.sampled_from(["retry", "hold"]), st.lists(st.one_of(REFUSALS, TROUBLE), max_size=2)),
    st.tuples(st.sampled_from(["retry", "hold"]), st.lists(LIMITED, min_size=1, max_size=1)),
    st.tuples(st.just("hold"), st.lists(LOST, max_size=1)),
)
SENDING = {
    "mutations": MUTATIONS,
    "kinds": st.sampled_from(every_kind.SENT),
    "faults": FAULTS,
    "max_in_flight": st.sampled_from([1, 4]),
}


@settings(max_examples=FEW // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(**SENDING)
def test_any_stream_is_sent(playground: Playground, **bending: Any) -> None:
    """A STATE passes only what Zendesk took or the dead letters hold; all is counted, and nobody is named."""
    sent(playground, **bending)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_any_of_many_streams_is_sent(served: Playground, part: int) -> None:
    """The same, with more patience."""
    try_many(lambda **drawn: sent(served, **drawn), 0.2, part, **SENDING)


def sent(
    playground: Playground,
    mutations: list[tuple[int, int]],
    kinds: list[str],
    faults: tuple[str, list[Fault]],
    max_in_flight: int,
) -> None:
    """Send a bent stream to a playground."""
    tap = bent(mutations)
    playground.clear()
    playground.set_job_seconds(0.0)
    first_ticket = every_kind.account(playground, kinds)
    made = len(playground.events())
    since = max((one.number for one in playground.requests()), default=0)
    policy, standing = faults
    playground.set_faults(*standing)
    with folder() as path, listening() as said:

        def check(value: Any) -> None:
            if isinstance(value, dict) and isinstance(value.get("upto"), int):
                owed = set(itertools.product(kinds, owed_marks(tap, value["upto"])))
                assert owed <= every_kind.settled(
                    playground, path / "data" / "dead-letters", kinds, since, first_ticket
                )

        config = support.config(
            playground.url, path, rules=every_kind.rules(kinds, first_ticket), max_in_flight=max_in_flight,
            on_unknown_outcome=policy, support_requests_per_minute=100_000, max_outage_seconds=5,
            batch_config={"storage": {"root": str(path)}},
        )  # fmt: skip
        ended = run(config, tap.written(path), check)
        told = (path / "data" / "last-run.json").read_text()
    assert ended.exit_code in {0, 1, 2, 3}
    check_words(said, tap.whole, told)
    check_numbers(ended.report)
    totals = ended.report["totals"]
    if not {"everything", "event"}.isdisjoint(kinds) and "profile deletion" not in kinds:
        delivered = totals["kinds"].get("event", {}).get("delivered", 0)
        stored = len(playground.events()) - made
        assert delivered <= stored if any(one.serves for one in standing) else delivered == stored
    if ended.exit_code == 0:
        assert totals["undelivered"] == 0


def test_some_streams_are_bent_and_some_are_not() -> None:
    """The mutations do something, and the stream without any is taken whole."""
    plain = bent([])
    assert plain.lines == [json.dumps(one).encode() for one in messages()]
    changed = sum(bent([(way, seed)]) != plain for way in range(WAYS) for seed in range(20))
    assert changed > 0.9 * 20 * WAYS
    assert owed_marks(plain, 8) == {f"{MARK}{number:03d}" for number in range(9)}
