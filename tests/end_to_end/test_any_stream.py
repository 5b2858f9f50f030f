"""Singer streams that are broken in every way: no traceback, no hang, no customer named, and the numbers add up.

A stream of a tap is bent by a few mutations, and a run in this process reads it: a dry run, or one that sends to a
served playground, which then is the judge. How many are read, and half as many sent, `ZENDESK_EVENTS_TEST_FUZZ` says;
unset, what the fast circle has time for, and in slow tests half a minute of computing: 750 runs with those of
`test_any_configuration.py`. With 4000 they are 10,000, and take one core about five minutes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import support
from bending import (
    EVERY_RULE,
    FAST,
    KINDS,
    MARK,
    MUTATIONS,
    OTHER_SCHEMAS,
    SLOW,
    bent,
    check_numbers,
    check_words,
    folder,
    listening,
    messages,
    rule,
    run,
    schema,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

COUNTED = re.compile(r"records=(\d+) invalid=(\d+) unmatched=(\d+) skipped=(\d+) matched=(\d+) matches=(\d+) ")


@settings(max_examples=FAST, deadline=None)
@given(mutations=MUTATIONS)
def test_any_stream_is_mapped(mutations: list[tuple[int, int]]) -> None:
    """By rules of every kind, in a dry run: it ends with a code of its own, adds up, and names nobody."""
    mapped(mutations)


@pytest.mark.slow
@settings(max_examples=SLOW, deadline=None)
@given(mutations=MUTATIONS)
def test_any_of_many_streams_is_mapped(mutations: list[tuple[int, int]]) -> None:
    """The same, with more patience."""
    mapped(mutations)


def mapped(mutations: list[tuple[int, int]]) -> None:
    """Read a bent stream in a dry run."""
    lines = bent(mutations)
    with folder() as path, listening() as said:
        config = support.config("http://127.0.0.1:1", path, rules=EVERY_RULE, dry_run=True, ledger_url="none")
        ended = run(config, lines)
        assert list(path.iterdir()) == []
    assert ended.exit_code in {0, 1, 2, 3}
    assert ended.states == []
    check_words(said, lines)
    found = [match for one in said for match in COUNTED.finditer(one)]
    if found:
        records, *parts, _ = map(int, found[-1].groups())
        assert records == sum(parts)


def settled_marks(playground: Playground, path: Path, *, has_profiles: bool) -> set[str]:
    """Return the marks of the rows that Zendesk answered for good, and of those that wait in dead letters."""
    settled = b"".join(one.read_bytes() for one in path.glob("data/dead-letters/*.singer")).decode(errors="replace")
    for one in playground.requests():
        if one.status is not None and (one.status < 400 or (one.status == 404 and not has_profiles)):
            settled += f"{one.path}?{one.query} {json.dumps(one.body)}"
    return set(re.findall(MARK + r"\d{3}", settled))


def owed_marks(lines: list[bytes], upto: int) -> set[str]:
    """Return the marks of rows that stand, unbent, before a STATE; none where a SCHEMA means nothing known."""
    known = {json.dumps(one).encode() for one in messages()}
    known |= {json.dumps(schema(name, one)).encode() for name in ("orders", "logins") for one in OTHER_SCHEMAS}
    state = json.dumps({"type": "STATE", "value": {"upto": upto}}).encode()
    before = lines[: lines.index(state)] if state in lines else []
    if any(b"SCHEMA" in line and line not in known for line in before):
        return set()
    return {json.loads(line)["record"]["mark"] for line in before if line in known and b'"RECORD"' in line}


SENDING = {
    "mutations": MUTATIONS,
    "kind": st.sampled_from(list(KINDS)),
    "fault": st.sampled_from(
        [None, None, Fault(status=400, message=f"{MARK}120@example.com is odd", skip=1), Fault(status=422)]
    ),
    "max_in_flight": st.sampled_from([1, 4]),
}


@settings(max_examples=max(1, FAST // 2), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(**SENDING)
def test_any_stream_is_sent(playground: Playground, **bending: Any) -> None:
    """A STATE passes only what Zendesk took or the dead letters hold; all is counted, and nobody is named."""
    sent(playground, **bending)


@pytest.mark.slow
@settings(max_examples=max(1, SLOW // 2), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(**SENDING)
def test_any_of_many_streams_is_sent(playground: Playground, **bending: Any) -> None:
    """The same, with more patience."""
    sent(playground, **bending)


def sent(
    playground: Playground, mutations: list[tuple[int, int]], kind: str, fault: Fault | None, max_in_flight: int
) -> None:
    """Send a bent stream to a playground."""
    lines = bent(mutations)
    playground.clear()
    playground.set_faults(*([fault] if fault else []))
    with folder() as path, listening() as said:

        def check(value: Any) -> None:
            if isinstance(value, dict) and isinstance(value.get("upto"), int):
                assert owed_marks(lines, value["upto"]) <= settled_marks(
                    playground, path, has_profiles=kind != "deletion"
                )

        rules = [rule(kind, KINDS[kind])]
        config = support.config(
            playground.url, path, rules=rules, max_in_flight=max_in_flight, on_unknown_outcome="retry",
            support_requests_per_minute=100_000, max_outage_seconds=5,
        )  # fmt: skip
        ended = run(config, lines, check)
        told = (path / "data" / "last-run.json").read_text()
    assert ended.exit_code in {0, 1, 2, 3}
    check_words(said, lines, told)
    check_numbers(ended.report)
    totals = ended.report["totals"]
    if kind in {"event", "everything"}:
        assert totals["delivered"] == len(playground.events())
    if ended.exit_code == 0:
        assert totals["undelivered"] == 0


def test_some_streams_are_bent_and_some_are_not() -> None:
    """The mutations do something, and the stream without any is taken whole."""
    whole = [json.dumps(one).encode() for one in messages()]
    assert bent([]) == whole
    assert sum(bent([(way, seed)]) != whole for way in range(5) for seed in range(20)) > 90
