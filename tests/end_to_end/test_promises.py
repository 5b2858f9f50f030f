"""The promises, held against the playground as the judge: random streams, customers, STATEs, faults and batch sizes."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

STREAMS = ("orders", "logins")
REFUSED = "x" * 41
"""A type that is longer than Zendesk takes."""


@pytest.fixture(scope="module")
def playground() -> Iterator[Playground]:
    """Serve one playground for all examples."""
    with Playground() as served:
        yield served


NO_EMAIL_FROM = 10
"""Customers above it have no email."""
ONE_RECORD = st.fixed_dictionaries(
    {
        "stream": st.sampled_from(STREAMS),
        "email": st.sampled_from([None, "customer-1@example.com", "customer-2@example.com", "customer-3@example.com"]),
        "customer_id": st.sampled_from([None, 1, 2, 3]),
        "kind": st.sampled_from(["order_paid", "logged_in", "logged_in", None, REFUSED]),
        "state_after": st.booleans(),
    }
)
FAULTS = st.lists(
    st.sampled_from(
        [
            Fault(status=500, skip=1),
            Fault(status=500, skip=2, store=True),
            Fault(status=400, skip=1),
            Fault(status=409),
            Fault(status=429, retry_after=1),
            Fault(drop="before", skip=3),
            Fault(drop="after", skip=1),
            Fault(status=503, retry_after=1, store=True),
        ]
    ),
    max_size=2,
)


def messages_of(records: list[dict[str, Any]], *, per_stream: bool) -> list[dict[str, Any]]:
    """Return the messages of a tap: identifiers never join two customers, which Zendesk would refuse."""
    messages: list[dict[str, Any]] = [support.schema(stream) for stream in STREAMS]
    seen: dict[str, int] = {}
    for number, one in enumerate(records):
        email, customer_id = one["email"], one["customer_id"]
        if customer_id:  # an id comes always with its customer's email, or is that of a customer without one
            customer_id = int(email[9]) if email else customer_id + NO_EMAIL_FROM
        fields = {"email": email, "customer_id": customer_id, "kind": one["kind"]}
        messages.append(support.record(one["stream"], number, **fields))
        seen[one["stream"]] = number
        if one["state_after"]:
            messages.append(support.state({"bookmarks": dict(seen)} if per_stream else {"upto": number}))
    return messages


def stored_numbers(playground: Playground) -> list[int]:
    """Return the numbers of the records whose events are on a timeline, in the order of storing."""
    return [event.body["event"]["properties"]["number"] for event in playground.events()]


def settled_numbers(playground: Playground, folder: Path) -> set[int]:
    """Return the numbers of all records that are on a timeline or in the dead letters, as they are now."""
    letters = [one for path in folder.glob("data/dead-letters/*.singer") for one in support.letters_of(path)]
    return {*stored_numbers(playground), *(letter["record"]["id"] for letter in letters)}


def check_state(value: dict[str, Any], records: list[dict[str, Any]], settled: set[int]) -> None:
    """Every record before a STATE is settled when it goes out."""
    for stream in STREAMS:
        upto = value["upto"] if "upto" in value else value["bookmarks"].get(stream, -1)
        owed = {number for number, one in enumerate(records) if one["stream"] == stream and number <= upto}
        assert owed <= settled


def check_lanes(playground: Playground) -> None:
    """No two requests that share an identifier were under way at once, and events were first tried in order."""
    posts = [one for one in playground.requests() if one.method == "POST" and isinstance(one.body, dict)]
    for earlier, later in itertools.combinations(posts, 2):
        if handles(earlier.body) & handles(later.body):
            assert earlier.answered is None or earlier.answered <= later.arrived + 0.001
    stored: dict[Any, int] = {}
    for event in playground.events():
        number = event.body["event"]["properties"]["number"]
        for handle in handles(event.body):
            assert stored.get(handle, -1) <= number
            stored[handle] = number


def handles(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the identifiers in a request's body."""
    return {(one["type"], one["value"]) for one in body["profile"]["identifiers"]}


def check_numbers(report: dict[str, Any]) -> None:
    """The numbers add up, for the run, each stream and each rule."""
    totals = report["totals"]
    streams = list(report["streams"].values())
    rules = [rule for stream in streams for rule in stream["rules"].values()]
    for counts in (totals, *streams):
        parts = ("invalid", "unmatched", "skipped", "matched")
        assert counts["records"] == sum(counts[name] for name in parts)
    for counts in (totals, *rules):
        parts = ("filtered", "too_old", "unmappable", "events")
        assert counts["matches"] == sum(counts[name] for name in parts)
        outcomes = ("delivered", "duplicate", "forgotten", "rejected", "held", "undelivered")
        assert counts["events"] == sum(counts[name] for name in outcomes)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(ONE_RECORD, max_size=25),
    faults=FAULTS,
    batch_size=st.sampled_from([1, 3, 100]),
    in_flight=st.sampled_from([1, 4, 32]),
    per_stream=st.booleans(),
    policy=st.sampled_from(["retry", "hold"]),
)
def test_promises_hold(
    playground: Playground,
    records: list[dict[str, Any]],
    faults: list[Fault],
    batch_size: int,
    in_flight: int,
    per_stream: bool,
    policy: str,
) -> None:
    """STATE is never ahead, a customer's events keep their order, nothing refused is lost, and the numbers add up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        playground.clear()
        playground.set_faults(*faults)
        run = support.run_here(
            support.config(
                playground.url,
                folder,
                batch_size_rows=batch_size,
                max_in_flight=in_flight,
                state_per_stream=per_stream,
                on_unknown_outcome=policy,
            ),
            support.lines(messages_of(records, per_stream=per_stream)),
            lambda value: check_state(value, records, settled_numbers(playground, folder)),
        )
        check_numbers(run.report)
        check_lanes(playground)
        settled = settled_numbers(playground, folder)
        assert settled == set(range(len(records)))
        totals = run.report["totals"]
        reasons = [letter["dead_letter"]["reason"] for letter in run.letters]
        assert totals["undelivered"] == 0
        assert totals["rejected"] == sum(reason in {"refused", "limit", "conflict"} for reason in reasons)
        assert totals["held"] == reasons.count("unknown")
        assert totals["unmappable"] == reasons.count("unmappable")
        stored = stored_numbers(playground)
        assert len(set(stored)) <= len(stored)
        if policy == "hold":
            assert len(set(stored)) == len(stored)
        check_last_state(run.states, records, per_stream=per_stream)
        check_replay(playground, folder, run)


def check_last_state(states: list[Any], records: list[dict[str, Any]], *, per_stream: bool) -> None:
    """The last STATE that the tap wrote is the last that went out."""
    written = [number for number, one in enumerate(records) if one["state_after"]]
    if not written:
        assert states == []
    elif per_stream:
        upto = {one["stream"]: number for number, one in enumerate(records[: written[-1] + 1])}
        assert states[-1] == {"bookmarks": upto}
    else:
        assert states[-1] == {"upto": written[-1]}


def check_replay(playground: Playground, folder: Path, run: support.Ended) -> None:
    """Feeding the dead letters back sends what was refused, now that Zendesk takes it."""
    playground.clear()
    playground.set_faults()
    files = sorted((folder / "data" / "dead-letters").glob("*.singer"))
    text = b"".join(path.read_bytes() for path in files)
    again = support.run_here(
        support.config(playground.url, folder, data_dir=str(folder / "again"), on_unknown_outcome="retry"), text
    )
    wanted = [one["record"]["id"] for one in run.letters if one["dead_letter"]["reason"] not in {"limit", "unmappable"}]
    assert sorted(stored_numbers(playground)) == sorted(wanted)
    assert len(again.letters) == len(run.letters) - len(wanted)
    assert json.dumps([one["record"] for one in again.letters])
