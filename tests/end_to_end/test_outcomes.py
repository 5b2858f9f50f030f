"""Each answer that Zendesk can give, under each policy: what the report, the dead letters and the timeline then say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

POLICIES = ("verify", "retry", "hold")
PLAIN = 3
"""Events that nothing happens to, after each that meets a fault: else so many faults in a row are an outage."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What one fault, met once by one event of three, leads to: the outcome and how often the event is stored."""

    fault: Fault
    outcome: str = "delivered"
    stored: int = 1
    reason: str = ""


MIDDLE = "customer-2@"
REFUSED: dict[str, Any] = {"outcome": "rejected", "stored": 0, "reason": "refused"}


def refusals() -> dict[str, Case]:
    """Return the answers that refuse one record, the same under each policy."""
    statuses = (400, 402, 404, 405, 410, 413, 415, 418, 422, 451)
    plain = {str(status): Case(Fault(status=status, contains=MIDDLE, count=None), **REFUSED) for status in statuses}
    shapes = ("errors", "error_list", "error_object", "error_text", "html", "text", "empty")
    shaped = {
        f"400 {shape}": Case(Fault(status=400, contains=MIDDLE, count=None, body=shape), **REFUSED)  # type: ignore[arg-type]
        for shape in shapes
    }
    always = Fault(status=409, contains=MIDDLE, count=None)
    return {**plain, **shaped, "409 for ever": Case(always, outcome="rejected", stored=0, reason="conflict")}


def passing() -> dict[str, Case]:
    """Return the answers after which the event is delivered once, the same under each policy."""
    return {
        "409 once": Case(Fault(status=409, contains=MIDDLE)),
        "429": Case(Fault(status=429, retry_after=0, contains=MIDDLE)),
        "429 as a date": Case(Fault(status=429, retry_after=0, retry_after_form="date", contains=MIDDLE)),
        "429 html": Case(Fault(status=429, retry_after=0, body="html", contains=MIDDLE)),
        "200": Case(Fault(status=200, store=True, body="received", contains=MIDDLE)),
        "201 empty": Case(Fault(status=201, store=True, body="empty", contains=MIDDLE)),
        "202 text": Case(Fault(status=202, store=True, body="text", contains=MIDDLE)),
        "202 html": Case(Fault(status=202, store=True, body="html", contains=MIDDLE)),
        "204": Case(Fault(status=204, store=True, body="empty", contains=MIDDLE)),
    }


def unknowns() -> dict[str, tuple[Fault, bool]]:
    """Return what leaves the outcome unknown, each with whether the event was stored."""
    found: dict[str, tuple[Fault, bool]] = {}
    for store in (False, True):
        word = "stored" if store else "not stored"
        for status in (408, 500, 502, 503, 504, 520, 599):
            found[f"{status} {word}"] = (Fault(status=status, store=store, contains=MIDDLE), store)
        found[f"200 html {word}"] = (Fault(status=200, body="html", store=store, contains=MIDDLE), store)
        found[f"503 with Retry-After {word}"] = (Fault(status=503, retry_after=0, store=store, contains=MIDDLE), store)
    for reset in (False, True):
        word = "reset" if reset else "closed"
        found[f"{word} before"] = (Fault(drop="before", reset=reset, contains=MIDDLE), False)
        found[f"{word} after"] = (Fault(drop="after", reset=reset, contains=MIDDLE), True)
    return found


def under(policy: str, fault: Fault, *, stored: bool) -> Case:
    """Return what an unknown outcome leads to under a policy."""
    if policy == "hold":
        return Case(fault, "held", int(stored), "unknown")
    return Case(fault, "delivered", 2 if stored and policy == "retry" else 1)


def cases() -> Iterator[tuple[str, str, Case]]:
    """Yield every row of the table."""
    for policy in POLICIES:
        for name, case in {**refusals(), **passing()}.items():
            yield policy, name, case
        for name, (fault, stored) in unknowns().items():
            yield policy, name, under(policy, fault, stored=stored)


def groups() -> dict[str, list[tuple[str, Case]]]:
    """Return the rows by policy, so many to a run that it takes no time: each of a run has a customer of its own."""
    table: dict[str, list[tuple[str, Case]]] = {policy: [] for policy in POLICIES}
    for policy, name, case in cases():
        table[policy].append((name, case))
    return table


@pytest.mark.parametrize(("policy", "ledger"), [("verify", None), ("retry", "none"), ("hold", None)])
def test_every_answer_is_told_as_it_is(policy: str, ledger: str | None, served: Playground, tmp_path: Path) -> None:
    """Report, dead letters and timeline agree on every event, whatever its answer was; the run ends 0, STATE whole."""
    rows = sorted(groups()[policy], key=lambda row: row[0] == "404")  # wrong addresses are those before any success
    served.clear()
    messages = [support.schema("orders"), support.record("orders", 0)]
    faults = []
    for number, (_, case) in enumerate(rows, start=1):
        faults.append(dataclasses.replace(case.fault, contains=f"customer-{number}@"))
        messages.append(support.record("orders", number))
        messages += [support.record("orders", 1_000 + number * PLAIN + one) for one in range(PLAIN)]
    messages.append(support.state({"upto": len(rows)}))
    served.set_faults(*faults)
    settings = support.config(served.url, tmp_path, on_unknown_outcome=policy, max_in_flight=4)
    if ledger:
        settings["ledger_url"] = ledger
    ended = support.run_here(settings, support.lines(messages))
    served.set_faults()
    assert ended.exit_code == 0
    assert ended.states[-1] == {"upto": len(rows)}
    times: dict[int, int] = {}
    for event in served.events():
        number = event.body["event"]["properties"]["number"]
        times[number] = times.get(number, 0) + 1
    letters = {one["record"]["id"]: one["dead_letter"] for one in ended.letters}
    told = {
        name: (times.get(number, 0), letters.get(number, {}).get("reason", ""))
        for number, (name, _) in enumerate(rows, start=1)
    }
    assert told == {name: (case.stored, case.reason) for name, case in rows}
    totals = ended.report["totals"]
    plain = {"delivered": 1 + PLAIN * len(rows), "rejected": 0, "held": 0}
    for outcome in ("delivered", "rejected", "held"):
        assert totals[outcome] == sum(case.outcome == outcome for _, case in rows) + plain[outcome]
    assert totals["undelivered"] == 0
    assert ended.report["streams"]["orders"]["set_aside"] == len(letters)
    for number, (name, case) in enumerate(rows, start=1):
        if case.reason:
            assert letters[number]["attempts"] >= 1
            assert letters[number]["status"] == case.fault.status, name


def test_a_refusal_keeps_zendesks_words_for_the_dead_letter(served: Playground, tmp_path: Path) -> None:
    """Status, code, request id, and the message that may quote a customer: all stand beside the tap's line."""
    served.clear()
    served.set_faults(Fault(status=422, message="customer-1@example.com is on fire", skip=1))
    messages = [support.schema("orders"), support.record("orders", 0, email="a@b.c", customer_id=7)]
    messages += [support.record("orders", 1, customer_id=7), support.state({"upto": 1})]
    ended = support.run_here(support.config(served.url, tmp_path), support.lines(messages))
    served.set_faults()
    letter = ended.letters[0]
    assert letter["record"] == messages[2]["record"]
    assert "customer-1@example.com is on fire" in letter["dead_letter"]["message"]
    assert letter["dead_letter"]["status"] == 422
    assert letter["dead_letter"]["request_id"]
    assert letter["dead_letter"]["rules"] == ["*:{{ kind }}"]


def test_a_body_that_is_longer_than_zendesk_takes(served: Playground, tmp_path: Path) -> None:
    """What a limit of the documents forbids is not even sent, and says which."""
    served.clear()
    messages = [support.schema("orders"), support.record("orders", 1, kind="x" * 41), support.state({"upto": 1})]
    ended = support.run_here(support.config(served.url, tmp_path), support.lines(messages))
    assert served.requests() == []
    assert ended.letters[0]["dead_letter"]["reason"] == "limit"
    assert "event.type has 41 characters" in ended.letters[0]["dead_letter"]["message"]
    assert ended.report["totals"]["rejected"] == 1


def test_a_slow_byte_after_byte_answer_is_given_up_on(served: Playground, tmp_path: Path) -> None:
    """An answer that takes longer than the timeout is unknown, and what it stored is found when read back."""
    served.clear()
    served.set_faults(Fault(answer_delay=1.5, contains="customer-1@"))
    messages = [support.schema("orders"), support.record("orders", 1), support.state({"upto": 1})]
    settings = support.config(served.url, tmp_path, request_timeout_seconds=1)
    ended = support.run_here(settings, support.lines(messages))
    served.set_faults()
    assert (ended.exit_code, ended.states) == (0, [{"upto": 1}])
    assert len(served.events()) == 1
    assert ended.report["requests"]["reads"] >= 1


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_was_set_aside_before_is_told_among_the_duplicates(
    dry_run: bool, served: Playground, tmp_path: Path
) -> None:
    """A run that meets events which an earlier one rejected or held says how many, and what sends them again."""
    served.clear()
    faults = [Fault(status=400, contains="customer-1@", count=None), Fault(status=500, contains="customer-2@")]
    served.set_faults(*faults)
    settings = support.config(served.url, tmp_path, on_unknown_outcome="hold", max_in_flight=1)
    records = [support.record("orders", number) for number in range(4)]
    messages = support.lines([support.schema("orders"), *records])
    first = support.run_here(settings, messages)
    served.set_faults()
    _, error = support.run_process({**settings, "dry_run": dry_run}, messages, tmp_path)
    assert (first.report["totals"]["rejected"], first.report["totals"]["held"]) == (1, 1)
    assert "1 were rejected and 1 held when they came first" in error
    assert "zendesk-events replay" in error
    last = error[error.rindex("run finished") :]
    assert " duplicate=4 " in last
    assert " duplicate_rejected=1 duplicate_held=1 " in f"{last.strip()} "
