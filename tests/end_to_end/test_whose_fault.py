"""One text that a firewall dislikes costs one record; an account that refuses everything costs none."""

from __future__ import annotations

import dataclasses
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

DISLIKED = "'; DROP TABLE customers; --"
RULE: dict[str, Any] = {
    **support.RULE,
    "event": {**support.RULE["event"], "description": "{{ text }}"},
}
SCHEMA: dict[str, Any] = {
    **support.schema("orders"),
    "schema": {**support.SCHEMA, "properties": {**support.SCHEMA["properties"], "text": {"type": "string"}}},
}
FIREWALL = Fault(status=403, body="firewall", contains="DROP TABLE", count=None)
UNTOUCHABLE = Fault(status=403, contains="customer-2@", count=None)
"""A customer whom the credentials may not touch."""
STATUSES = (402, 403, 405, 406, 410, 415)
POLICIES = ("verify", "retry", "hold")
SETTLED = 0


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    """Serve one playground for all."""
    with Playground() as playground:
        yield playground


@pytest.fixture
def playground(served: Playground) -> Iterator[Playground]:
    """Give it empty, without faults."""
    served.clear()
    served.set_faults()
    yield served
    served.set_faults()


def messages(*texts: str) -> bytes:
    """Return one record a text, each of a customer of its own and followed by a STATE."""
    found: list[dict[str, Any]] = [SCHEMA]
    for number, text in enumerate(texts, start=1):
        found += [support.record("orders", number, text=text), support.state({"upto": number})]
    return support.lines(found)


def stored(playground: Playground) -> list[int]:
    """Return the numbers of the events on timelines."""
    return sorted(event.body["event"]["properties"]["number"] for event in playground.events())


def aside(ended: support.Ended) -> dict[int, dict[str, Any]]:
    """Return the dead letters' notes by record."""
    assert len({one["record"]["id"] for one in ended.letters}) == len(ended.letters)
    return {one["record"]["id"]: one["dead_letter"] for one in ended.letters}


def run(playground: Playground, folder: Path, given: bytes, **settings: Any) -> tuple[support.Ended, str]:
    """Run the real command line."""
    return support.run_process(support.config(playground.url, folder, rules=[RULE], **settings), given, folder)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("max_in_flight", [1, 32])
def test_a_text_that_a_firewall_dislikes_costs_its_record_alone(
    max_in_flight: int, policy: str, playground: Playground, tmp_path: Path
) -> None:
    """Set aside once, with status and `cf-ray`; the others are delivered once, STATE passes, no run stops."""
    playground.set_faults(FIREWALL)
    given = messages("a", DISLIKED, "b", DISLIKED, DISLIKED, *"cdefg" * 8)
    settings: dict[str, Any] = {"max_in_flight": max_in_flight, "on_unknown_outcome": policy}
    ended, error = run(playground, tmp_path, given, **settings)
    assert (ended.exit_code, ended.states[-1]) == (SETTLED, {"upto": 45}), error
    assert stored(playground) == [number for number in range(1, 46) if number not in {2, 4, 5}]
    notes = aside(ended)
    assert set(notes) == {2, 4, 5}
    for note in notes.values():
        assert (note["reason"], note["status"], note["attempts"]) == ("refused", 403, 1)
        assert note["message"].startswith("a web page: Attention Required! | Cloudflare (cf-ray ")
    assert "DROP TABLE" not in error
    again, _ = run(playground, tmp_path, given, **settings)
    totals = again.report["totals"]
    assert (again.exit_code, totals["duplicate"], totals["duplicate_rejected"]) == (0, 45, 3)
    assert len(playground.events()) == 42


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fault", [FIREWALL, UNTOUCHABLE, Fault(status=402, contains="customer-2@", count=None)])
@pytest.mark.parametrize("place", ["alone", "last", "first"])
def test_in_any_place(place: str, fault: Fault, policy: str, playground: Playground, tmp_path: Path) -> None:
    """The only event of a run, its last and its first are set aside as any other: a read says that all is well."""
    playground.set_faults(fault)
    numbers = {"alone": [2], "last": [1, 2], "first": [2, 3]}[place]
    found = [SCHEMA, *(support.record("orders", number, text=DISLIKED if number == 2 else "a") for number in numbers)]
    given = support.lines([*found, support.state({"a": 1})])
    started = time.monotonic()
    ended = support.run_here(support.config(playground.url, tmp_path, rules=[RULE], on_unknown_outcome=policy), given)
    assert time.monotonic() - started < 8
    assert (ended.exit_code, ended.states) == (0, [{"a": 1}])
    assert set(aside(ended)) == {2}
    assert stored(playground) == [number for number in numbers if number != 2]


@pytest.mark.parametrize(("status", "max_in_flight"), [*((status, 32) for status in STATUSES), (402, 1), (403, 1)])
def test_what_is_refused_to_all_costs_nobody(
    status: int, max_in_flight: int, playground: Playground, tmp_path: Path
) -> None:
    """Exit 2 in one line, nothing set aside, no STATE; the next run delivers all, once."""
    playground.set_faults(Fault(status=status, count=None))
    given = messages(*"abcdef" * 10)
    ended, error = run(playground, tmp_path, given, max_in_flight=max_in_flight, max_set_aside_percent=10)
    assert (ended.exit_code, ended.states, ended.letters) == (2, [], []), error
    assert ended.report["totals"]["undelivered"] == 60
    assert ended.report["stopped_by"] == ("CredentialsError" if status == 403 else "AccountError")
    (line,) = [line for line in error.splitlines() if "| ERROR" in line and "run finished" not in line]
    assert f"HTTP {status}" in line
    assert len([one for one in playground.requests() if one.method == "POST"]) <= max(3, max_in_flight)
    playground.set_faults()
    again, _ = run(playground, tmp_path, given)
    assert (again.exit_code, again.states[-1]) == (0, {"upto": 60})
    assert stored(playground) == list(range(1, 61))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("count", [1, 2])
def test_with_too_few_to_tell_a_read_tells(count: int, status: int, playground: Playground, tmp_path: Path) -> None:
    """The read is refused as well: the account's fault, exit 2, nothing set aside, STATE where it was."""
    playground.set_faults(Fault(status=status, count=None, on="any"))
    ended = support.run_here(support.config(playground.url, tmp_path, rules=[RULE]), messages(*"ab"[:count]))
    assert (ended.exit_code, ended.states, ended.letters) == (2, [], [])
    assert [one.path for one in playground.requests()][count:] == ["/api/v2/users/me.json"]


def test_an_account_that_is_suspended_meanwhile_costs_nobody(playground: Playground, tmp_path: Path) -> None:
    """What was taken before, or was under way, acquits nobody: STATE is that of the last one taken."""
    playground.set_faults(Fault(status=402, skip=20, count=None), Fault(delay=0.2, every=3, count=20))
    ended, error = run(playground, tmp_path, messages(*"abcde" * 12), max_in_flight=16)
    assert (ended.exit_code, ended.letters) == (2, []), error
    taken = stored(playground)
    assert len(taken) == 20
    upto = next(number for number in range(61) if number + 1 not in taken)
    assert ended.states[-1:] == ([{"upto": upto}] if upto else [])
    assert ended.report["totals"]["undelivered"] == 40


def test_a_quiet_tap_leaves_nobody_under_suspicion_for_long(playground: Playground, tmp_path: Path) -> None:
    """Ten seconds after the refusal a read decides, and STATE goes out while the tap is silent."""
    playground.set_faults(FIREWALL)
    with support.Live(support.config(playground.url, tmp_path, rules=[RULE]), tmp_path) as live:
        live.write(messages("a", DISLIKED))
        support.until(lambda: live.states == [{"upto": 1}])
        began = time.monotonic()
        support.until(lambda: live.states[-1] == {"upto": 2})
        assert 8 < time.monotonic() - began < 14
        live.close()
        assert live.wait() == 0


def test_the_next_event_of_another_customer_decides_at_once(playground: Playground, tmp_path: Path) -> None:
    """Nobody waits ten seconds where there is something to send; one's own later events wait for the first."""
    playground.set_faults(FIREWALL)
    with support.Live(support.config(playground.url, tmp_path, rules=[RULE]), tmp_path) as live:
        same = support.record("orders", 2, email="customer-1@example.com", text="a")
        live.write(support.lines([SCHEMA, support.record("orders", 1, text=DISLIKED), same]))
        support.until(lambda: playground.requests())
        time.sleep(1)
        assert stored(playground) == []
        live.write(support.lines([support.record("orders", 3, text="b"), support.state({"upto": 3})]))
        support.until(lambda: live.states == [{"upto": 3}], 5)
        assert stored(playground) == [2, 3]


@pytest.mark.parametrize("policy", POLICIES)
def test_killed_while_an_event_is_under_suspicion(policy: str, playground: Playground, tmp_path: Path) -> None:
    """It was never stored and leaves no claim: the next run sends it again, and sets it aside once."""
    playground.set_faults(FIREWALL)
    settings = support.config(playground.url, tmp_path, rules=[RULE], on_unknown_outcome=policy)
    given = messages("a", DISLIKED)
    with support.Live(settings, tmp_path) as live:
        live.write(given)
        support.until(lambda: live.states == [{"upto": 1}])
        support.until(lambda: len(playground.requests()) == 2)
        time.sleep(0.5)
        live.signal(signal.SIGKILL)
        live.wait()
    ended, error = support.run_process(settings, given, tmp_path)
    assert (ended.exit_code, ended.states[-1]) == (0, {"upto": 2}), error
    assert aside(ended)[2]["reason"] == "refused"
    assert stored(playground) == [1]
    assert ended.report["totals"]["duplicate"] == 1
    assert "may have been sent" not in error


def test_stopped_while_an_event_is_under_suspicion(playground: Playground, tmp_path: Path) -> None:
    """SIGTERM leaves it unsettled; no STATE passes it, and it is sent again once the firewall lets it."""
    playground.set_faults(FIREWALL)
    settings = support.config(playground.url, tmp_path, rules=[RULE])
    with support.Live(settings, tmp_path) as live:
        live.write(messages("a", DISLIKED))
        support.until(lambda: len(playground.requests()) == 2)
        time.sleep(0.5)
        live.signal(signal.SIGTERM)
        assert live.wait() == 143
        assert live.states == [{"upto": 1}]
    playground.set_faults()
    ended, _ = support.run_process(settings, messages("a", DISLIKED), tmp_path)
    assert (ended.exit_code, ended.letters, stored(playground)) == (0, [], [1, 2])


REPLAY = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "replay"]


@pytest.mark.parametrize("policy", POLICIES)
def test_on_replay(policy: str, playground: Playground, tmp_path: Path) -> None:
    """Disliked again, it goes into a new file; refused by the account, its file stays; taken, it is gone."""
    playground.set_faults(FIREWALL)
    settings: dict[str, Any] = {"on_unknown_outcome": policy}
    run(playground, tmp_path, messages("a", DISLIKED, "b"), **settings)
    whole = {**support.config(playground.url, tmp_path, rules=[RULE], **settings)}

    def replayed() -> tuple[int, list[int]]:
        done = support.command(whole, tmp_path, program=REPLAY)
        ended = support.ended(done.returncode, "", Path(whole["data_dir"]))
        return done.returncode, [one["record"]["id"] for one in ended.letters]

    assert replayed() == (0, [2])
    playground.set_faults(Fault(status=402, count=None, on="any"))
    assert replayed() == (2, [2])
    playground.set_faults()
    assert replayed() == (0, [])
    assert stored(playground) == [1, 2, 3]


def test_a_stream_that_sets_too_much_aside_stops_with_suspects_open(playground: Playground, tmp_path: Path) -> None:
    """Two are convicted at once, the first stops the stream: the other stays unsettled, and the numbers add up."""
    playground.set_faults(FIREWALL)
    given = messages(DISLIKED, DISLIKED, "a", "b")
    ended, error = run(playground, tmp_path, given, max_set_aside_percent=0, max_in_flight=1)
    assert ended.exit_code == 1
    assert "stream orders is stopped" in error
    totals = ended.report["totals"]
    assert (len(ended.letters), totals["rejected"], ended.states) == (1, 1, [{"upto": 1}])
    assert totals["events"] == totals["delivered"] + totals["rejected"] + totals["undelivered"]


REFERS: dict[str, Any] = {
    "stream": "orders",
    "object": {"key": "order", "external_id": "{{ id }}", "fields": {"c": {"user": {"external_id": "c{{ id }}"}}}},
}


@pytest.mark.parametrize("fault", [Fault(402), Fault(405), Fault(403, body="firewall")])
@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("rule", [RULE, REFERS])
def test_look_ups_that_are_refused_to_all_cost_nobody(
    rule: dict[str, Any], count: int, fault: Fault, playground: Playground, tmp_path: Path
) -> None:
    """Exit 2, nothing set aside, no STATE: the account is refused, whatever is asked."""
    playground.set_faults(dataclasses.replace(fault, on="any", count=None))
    settings = support.config(playground.url, tmp_path, rules=[rule], unknown_customers="set_aside")
    ended = support.run_here(settings, messages(*"a" * count))
    assert (ended.exit_code, ended.states, ended.letters, ended.report["codes"]) == (2, [], [], ["ZE308"])
    assert ended.report["totals"]["undelivered"] == count


@pytest.mark.parametrize("fault", [Fault(402), Fault(403, body="firewall")])
@pytest.mark.parametrize("numbers", [[3], [2, 3], [3, 4], list(range(20))])
def test_a_look_up_that_a_firewall_dislikes_costs_what_waits_for_it(
    numbers: list[int], fault: Fault, playground: Playground, tmp_path: Path
) -> None:
    """Others are found or not found, or a read is served: three records of one customer are set aside, no run stops."""
    playground.set_faults(dataclasses.replace(fault, on="users", contains="customer-3@", count=None))
    disliked = [support.record("orders", 3_000 + one, email="customer-3@example.com", text="a") for one in range(3)]
    others = [support.record("orders", one, text="a") for one in numbers if one != 3]
    given = support.lines([SCHEMA, *disliked, *others, support.state({"a": 1})])
    settings = support.config(playground.url, tmp_path, rules=[RULE], unknown_customers="skip")
    started = time.monotonic()
    ended = support.run_here(settings, given)
    assert time.monotonic() - started < 8
    assert (ended.exit_code, ended.states) == (0, [{"a": 1}])
    assert {number: note["reason"] for number, note in aside(ended).items()} == dict.fromkeys(
        (3_000, 3_001, 3_002), "refused"
    )
    assert ended.report["totals"]["unknown_customer"] == len(others)
