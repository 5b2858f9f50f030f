"""The contest's judge sees every fault that it is to count, and this target comes through a short one without any."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contest.history import Arrival, History, Serving, read_history, serving
from benchmarks.contest.judge import Books, Moment, Verdict, judge
from benchmarks.contest.kills import draw
from benchmarks.contest.orders import EVENTS_PATH, Orders, body, digest, number_of
from benchmarks.contest.race import Finish
from benchmarks.contest.report import Entry, broken_promises
from benchmarks.contest.server import Settings
from benchmarks.contest.tap import bookmark
from benchmarks.contest.weather import Fate, Weather

ROOT = Path(__file__).parent.parent
CUSTOMERS = [7, 7, 8, 7]
DIGESTS = {number: f"digest {number}" for number in range(4)}
ALL = frozenset(range(4))


def stored(*numbers: int, outcome: str = "stored") -> list[Arrival]:
    """Return arrivals of events that were stored, one a second from 1 on."""
    return [Arrival(at, "POST", outcome, number, DIGESTS[number]) for at, number in enumerate(numbers, 1)]


def history(arrivals: list[Arrival]) -> History:
    """Return a history whose counts agree."""
    return History(tuple(arrivals), len(arrivals), len(arrivals), sum(arrival.is_stored for arrival in arrivals))


def judged(arrivals: list[Arrival], *killed: Moment, end: Books | None = None, kills: int = 0) -> Verdict:
    """Judge a run of four events that ends with everything delivered, unless told otherwise."""
    return judge(CUSTOMERS, DIGESTS, history(arrivals), [*killed, Moment(99, end or Books(ALL))], kills or len(killed))


# -- the judge ---------------------------------------------------------------------------------------------------


def test_judge_finds_nothing_in_a_clean_run() -> None:
    """Each event once, each customer's in order, nothing claimed ahead: all figures are 0, and the run counts."""
    assert judged(stored(0, 2, 1, 3)) == Verdict(0, 0, 0, 0, 4, 4, 0, 0)


def test_judge_sees_a_lost_event() -> None:
    """An event that its sender holds as delivered, and that is on no timeline, is lost, and was claimed ahead."""
    verdict = judged(stored(0, 1, 2))
    assert (verdict.lost, verdict.ahead, verdict.void) == (1, 1, ())


@pytest.mark.parametrize(
    "books", [Books(ALL - {3}, set_aside=frozenset({3})), Books(ALL - {3}, pending=frozenset({3}))]
)
def test_judge_calls_nothing_lost_that_its_sender_holds(books: Books) -> None:
    """What is set aside or pending at the sender is not lost."""
    verdict = judged(stored(0, 1, 2), end=books)
    assert (verdict.lost, verdict.ahead, verdict.void) == (0, 0, ())


def test_judge_counts_each_copy_beyond_the_first() -> None:
    """One event three times is doubled twice, also where its answers were lost."""
    verdict = judged([*stored(0, 0, 0, 1, outcome="lost"), *stored(2, 3)])
    assert (verdict.doubled, verdict.out_of_order, verdict.void) == (2, 0, ())


def test_judge_sees_disorder_of_one_customer_alone() -> None:
    """An event that comes first behind a later one of its customer is out of order; other customers' do not matter."""
    assert judged(stored(2, 0, 3, 1)).out_of_order == 1
    assert judged(stored(0, 1, 3, 2)).out_of_order == 0


def test_judge_takes_a_late_copy_for_doubled_and_not_for_disorder() -> None:
    """The second copy of an event does not change when it came first."""
    verdict = judged(stored(0, 1, 2, 3, 0))
    assert (verdict.doubled, verdict.out_of_order) == (1, 0)


def test_judge_sees_a_watermark_that_is_ahead_at_a_kill() -> None:
    """What was held as delivered at a kill counts, though it was sent before the end."""
    early = Moment(2.5, Books(frozenset({0, 1, 2}), pending=frozenset({3})))
    verdict = judged(stored(0, 1, 2, 3), early)
    assert (verdict.ahead, verdict.lost, verdict.void) == (1, 0, ())


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (Books(ALL - {3}), "at the sender: 4 sent is not 3 delivered"),
        (Books(ALL, pending=frozenset({3})), "at the sender: 4 sent is not 4 delivered"),
        (Books(ALL, counted=3), "3 counted as delivered"),
    ],
)
def test_run_is_void_where_the_sender_does_not_add_up(end: Books, said: str) -> None:
    """Sent is delivered + set aside + pending in the sender's books, and its own count agrees."""
    assert any(said in reason for reason in judged(stored(0, 1, 2, 3), end=end).void)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"requests": 5}, "5 requests came, 4 are written down"),
        ({"ended": 3}, "3 were answered or cut off"),
        ({"on_timelines": 3}, "3 on timelines, 4 stored"),
    ],
)
def test_run_is_void_where_the_server_does_not_add_up(changes: dict[str, Any], said: str) -> None:
    """What the server counts in two ways agrees."""
    of = dataclasses.replace(history(stored(0, 1, 2, 3)), **changes)
    verdict = judge(CUSTOMERS, DIGESTS, of, [Moment(99, Books(ALL))], 0)
    assert any(said in reason for reason in verdict.void)


def test_run_is_void_where_other_events_are_stored() -> None:
    """An event with another content, or of another number, is not the input's."""
    other = [dataclasses.replace(stored(0)[0], digest="other"), *stored(1, 2, 3)]
    assert judged(other).void == ("at the server: 1 events are not those of the input",)


def test_run_is_void_where_a_kill_was_missed() -> None:
    """A contender that was killed less often than the others had it easier."""
    assert judged(stored(0, 1, 2, 3), kills=2).void == ("0 kills instead of 2",)


def test_promises_are_held_against_this_target_alone() -> None:
    """What `retry` doubles it has promised to nobody, and others have promised nothing."""
    doubled = Finish(judged(stored(0, 1, 2, 3, 3)), 1, 1.0, "")
    assert broken_promises("verify", [doubled]) == ["verify: 1 doubled instead of 0"]
    assert broken_promises("retry", [doubled]) == broken_promises("loop", [doubled]) == []


def test_table_tells_who_could_not_be_had() -> None:
    """A contender that cannot be installed stands in the table, and why stands under it."""
    entry = Entry("somebody", "", "none", unavailable="no such package")
    assert entry.cells()[:2] == ["somebody", "not to be had here"]
    assert entry.notes()[-1] == "somebody took no part: no such package"


# -- chance ------------------------------------------------------------------------------------------------------


def test_weather_is_the_same_for_all() -> None:
    """The first attempt at an event fares alike with everybody, the next one may not; the shares hold."""
    fates = [Weather(1).fate(f"event {number}", 1) for number in range(4_000)]
    assert fates == [Weather(1).fate(f"event {number}", 1) for number in range(4_000)]
    assert fates != [Weather(1).fate(f"event {number}", 2) for number in range(4_000)]
    assert abs(fates.count(Fate.LOST) - 400) < 80
    assert abs(fates.count(Fate.FAILED) - 200) < 60


def test_kills_are_spread_and_the_same_again() -> None:
    """As many as asked for, at different places, before the last tenth."""
    kills = draw(1_000, 5, 3)
    assert kills == draw(1_000, 5, 3) != draw(1_000, 5, 4)
    assert len({kill.mark for kill in kills}) == 5
    assert max(kill.mark for kill in kills) < 900


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("", -1),
        ('{"bookmarks": {"orders": {"id": 99}}}\n', 99),
        ('{"bookmarks": {"orders": {"id": 99}}}\n{"bookmarks": {"orders": {"id": 199}}}\n', 199),
        ('{"bookmarks": {"orders": {"id": 99}}}\n{"bookmarks": {"orders": {"id": 1', 99),
    ],
    ids=["none", "one", "the last", "one cut off"],
)
def test_tap_resumes_from_the_last_whole_state(tmp_path: Path, written: str, number: int) -> None:
    """A STATE that was cut off by a kill is none."""
    states = tmp_path / "states.jsonl"
    states.write_text(written, encoding="utf-8")
    assert bookmark(states) == number


# -- the server --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(folder: Path, lost: float = 0.0, failed: float = 0.0, marks: tuple[int, ...] = ()) -> Iterator[Serving]:
    """Serve meanwhile; the history is in the folder afterwards."""
    with serving(Settings(str(folder / "history.json"), 1, lost, failed, 0.0, marks)) as server:
        yield server


def ask(server: Serving, verb: str, path: str, sent: Any = None) -> tuple[int, Any]:
    """Send one request; return status and body."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
    with contextlib.closing(connection):
        text = None if sent is None else json.dumps(sent)
        connection.request(verb, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


ORDER = next(iter(Orders(1, 1)))
QUERY = f"{EVENTS_PATH}?identifier=shop%3Acustomer%3Aemail%3A{ORDER['email']}"


@pytest.mark.slow
def test_server_stores_what_it_takes_and_reads_it_back(tmp_path: Path) -> None:
    """What is taken is on the timeline of its customer, found by source, type and time; the number is written down."""
    with served(tmp_path, marks=(1,)) as server:
        assert ask(server, "GET", QUERY)[0] == 404
        assert ask(server, "POST", EVENTS_PATH, body(ORDER))[0] == 202
        assert server.marks.get(timeout=5) == 1
        _, page = ask(server, "GET", f"{QUERY}&filter[source]=shop&filter[end_time]=2026-11-02T00:00:00Z")
        assert [number_of({"event": event}) for event in page["events"]] == [0]
        assert ask(server, "GET", f"{QUERY}&filter[start_time]=2026-11-02T00:00:00Z")[1]["events"] == []
    told = read_history(tmp_path / "history.json")
    assert [arrival.outcome for arrival in told.arrivals] == ["read", "stored", "read", "read"]
    assert (told.requests, told.ended, told.on_timelines) == (4, 4, 1)
    assert told.arrivals[1].digest == digest(body(ORDER))


@pytest.mark.slow
def test_server_stores_what_it_loses_and_not_what_fails(tmp_path: Path) -> None:
    """A lost answer is a closed connection behind a stored event; a 500 stores nothing."""
    with served(tmp_path, lost=1.0) as server, pytest.raises(http.client.RemoteDisconnected):
        ask(server, "POST", EVENTS_PATH, body(ORDER))
    assert read_history(tmp_path / "history.json").on_timelines == 1
    with served(tmp_path, failed=1.0) as server:
        assert ask(server, "POST", EVENTS_PATH, body(ORDER))[0] == 500
    assert read_history(tmp_path / "history.json").on_timelines == 0


def _changed(**event: Any) -> dict[str, Any]:
    sent = body(ORDER)
    return {**sent, "event": {**sent["event"], **event}}


@pytest.mark.slow
def test_server_is_strict(tmp_path: Path) -> None:
    """What Zendesk's reference refuses is refused, bodies and queries."""
    refused = [
        {"event": body(ORDER)["event"]},
        _changed(type="t" * 41),
        _changed(source="Zendesk"),
        _changed(id="1"),
        _changed(properties=[]),
        _changed(created_at="yesterday"),
        {**body(ORDER), "profile": {**body(ORDER)["profile"], "identifiers": []}},
        {**body(ORDER), "profile": {**body(ORDER)["profile"], "identifiers": [{"type": "email", "value": 1}]}},
    ]
    with served(tmp_path) as server:
        assert [ask(server, "POST", EVENTS_PATH, sent)[0] for sent in refused] == [400] * len(refused)
        assert ask(server, "GET", f"{EVENTS_PATH}?identifier=shop")[0] == 400
        assert ask(server, "GET", f"{QUERY}&filter[type]=order_paid")[0] == 400
        assert ask(server, "POST", "/api/v2/tickets", {})[0] == 404


# -- all of it ---------------------------------------------------------------------------------------------------


def contest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Hold a contest in this environment."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.contest",
            *arguments,
            "--here",
            "--runs",
            "1",
            "--latency",
            "0.005",
            "--markdown",
        ],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "250"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def row(printed: str, title: str) -> list[str]:
    """Return the cells of one row of a printed table."""
    line = next(line for line in printed.splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


@pytest.mark.slow
def test_this_target_loses_and_doubles_nothing_where_a_loop_doubles() -> None:
    """A short contest: killed once, this target delivers each event once; a loop doubles lost ones."""
    done = contest("verify", "loop", "--events=100", "--kills=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert row(done.stdout, "this target, verify")[1:5] == ["0", "0", "0", "0"]
    lost, doubled, *_ = row(done.stdout, "bare loop of requests")[1:]
    assert lost == "0"
    assert int(doubled) > 5
