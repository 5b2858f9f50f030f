"""What a run says of itself where it sends things of several kinds, and takes both of the account's minutes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import requests
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

PROFILE: dict[str, Any] = {"identifiers": {"shop_customer_id": "{{ id }}"}}
RULES: list[dict[str, Any]] = [
    {"stream": "orders", "name": "paid", "profile": PROFILE, "event": support.RULE["event"]},
    {"stream": "customers", "name": "kept", "profile": {**PROFILE, "attributes": {"plan": "{{ kind }}"}}},
    {
        "stream": "subscriptions",
        "name": "filed",
        "object": {
            "key": "subscription",
            "external_id": "{{ id }}",
            "fields": {"company": {"object": "company", "external_id": "{{ customer_id }}"}},
        },
    },
]
TICKETS: list[dict[str, Any]] = [
    {
        "stream": "incidents",
        "name": "made",
        "ticket": {"subject": "Incident {{ id }}", "comment": {"body": "It broke"}},
    },
    {
        "stream": "updates",
        "name": "told",
        "ticket": {"id": "{{ customer_id }}", "status": "open", "comment": {"body": "It goes on"}},
    },
    {"stream": "gone", "name": "gone", "delete": {"object": "company", "external_id": "{{ customer_id }}"}},
]


@pytest.fixture
def account(playground: Playground) -> Playground:
    """Give an account with two custom objects, one of which refers to the other."""
    for key in ("company", "subscription"):
        made = {"key": key, "title": key, "title_pluralized": f"{key}s"}
        post(playground, "", {"custom_object": made})
    target = {"relationship_target_type": "zen:custom_object:company"}
    field = {"key": "company", "title": "company", "type": "lookup", **target}
    post(playground, "/subscription/fields", {"custom_object_field": field})
    record = {"external_id": "7", "name": "7", "custom_object_fields": {}}
    post(playground, "/company/records", {"custom_object_record": record})
    return playground


def post(playground: Playground, path: str, body: dict[str, Any]) -> None:
    """Make something in the account."""
    requests.post(f"{playground.url}/api/v2/custom_objects{path}", json=body, timeout=5).raise_for_status()


def shop(orders: int = 3, customers: int = 2, subscriptions: int = 5) -> bytes:
    """Return a tap's output: every subscription refers to company 7."""
    counts = {"orders": orders, "customers": customers, "subscriptions": subscriptions}
    messages = []
    for stream, count in counts.items():
        rows = (support.record(stream, number, customer_id=7) for number in range(1, count + 1))
        messages += [support.schema(stream), *rows]
    return support.lines(messages)


def test_a_run_of_several_kinds_tells_each(account: Playground, tmp_path: Path) -> None:
    """The numbers of a kind, what its requests asked, and whose minute they took."""
    ended = support.run_here(support.config(account.url, tmp_path, rules=RULES), shop())
    report = ended.report
    delivered = {kind: counts["delivered"] for kind, counts in report["totals"]["kinds"].items()}
    assert delivered == {"event": 3, "profile": 2, "object": 5}
    assert report["streams"]["subscriptions"]["rules"]["filed"]["kinds"].keys() == {"object"}
    asked = report["requests"]
    assert (asked["sendings"], asked["jobs"], asked["look_ups"], asked["retries"]) == (5, 1, 1, 0)
    assert asked["job_statuses"] >= 1
    support_took = asked["jobs"] + asked["look_ups"] + asked["job_statuses"]
    assert {name: one["sent"] for name, one in report["minutes"].items()} == {"events": 5, "support": support_took}
    assert asked["sent"] == 5 + support_took


def test_a_record_that_refers_to_nothing_is_counted_with_its_reason(account: Playground, tmp_path: Path) -> None:
    """Set aside before it was sent: the report has its kind and its reason."""
    given = support.lines([support.schema("subscriptions"), support.record("subscriptions", 1, customer_id=8)])
    ended = support.run_here(support.config(account.url, tmp_path, rules=RULES), given)
    assert ended.report["totals"]["kinds"]["object"]["rejected"] == 1
    assert ended.report["streams"]["subscriptions"]["dead_letters"] == {"unresolved": 1}
    assert [letter["dead_letter"]["reason"] for letter in ended.letters] == ["unresolved"]


def test_a_ticket_s_update_with_a_comment_is_two_things(
    account: Playground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one record and one rule: `matches` and `events` count both, and `kinds` tell which they are."""
    settings = support.config(account.url, tmp_path, rules=TICKETS)
    support.run_here(settings, support.lines([support.schema("incidents"), support.record("incidents", 1)]))
    (ticket,) = account.tickets()
    given = [
        support.schema("updates"),
        support.record("updates", 1, customer_id=ticket["id"]),
        support.schema("gone"),
        support.record("gone", 1, customer_id=7),
    ]
    report = support.run_here(settings, support.lines(given)).report
    rule = report["streams"]["updates"]["rules"]["told"]
    assert (report["streams"]["updates"]["records"], rule["matches"], rule["events"]) == (1, 2, 2)
    assert {kind: counts["delivered"] for kind, counts in rule["kinds"].items()} == {"ticket": 1, "comment": 1}
    assert report["totals"]["kinds"]["deletion"]["delivered"] == 1
    assert report["minutes"]["events"]["sent"] == 0
    said = capsys.readouterr().err
    assert "told: matches 2, tickets 1, comments 1, delivered 2" in said
    assert "3 delivered: 1 ticket, 1 comment, and 1 deletion" in said


def test_a_profile_that_is_new_takes_two_sendings(account: Playground, tmp_path: Path) -> None:
    """It is to be merged, and there is none: so it is put. No retry, and one profile."""
    account.set_faults(Fault(status=404, on="profiles", count=1))
    ended = support.run_here(support.config(account.url, tmp_path, rules=RULES), shop(0, 1, 0))
    assert ended.report["totals"]["kinds"]["profile"]["delivered"] == 1
    assert (ended.report["requests"]["sendings"], ended.report["requests"]["retries"]) == (2, 0)


def test_the_block_and_the_last_line_tell_kinds_and_both_limits(
    account: Playground, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The last line's words stay what they are: `events` are things of whatever kind."""
    caplog.set_level(logging.INFO)
    settings = support.config(account.url, tmp_path, rules=RULES, support_requests_per_minute=90)
    support.run_here(settings, shop(1, 1, 2))
    said = capsys.readouterr().err
    assert "filed: matches 2, object records 2, delivered 2" in said
    assert "4 delivered: 1 event, 1 profile, 2 object records" in said
    assert "Support's minute: " in said
    assert "90 allowed a minute" in said
    assert "run finished: delivered=4 " in caplog.text
    assert " events=4" in caplog.text
