"""`zendesk-events check`: who one is to a served Zendesk, what one may do there, and what stands in the way."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import support

from target_zendesk_events.playground.desk import Habits
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
CLIENT = {"client_id": "events_pipeline", "client_secret": "opens-nothing"}
CUSTOMER = "shop:customer:email:customer-1@example.com"


def check(playground: Playground, folder: Path, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the verb."""
    (folder / "config.json").write_text(json.dumps(support.config(playground.url, folder, **settings)))
    given = ("check", "--config", str(folder / "config.json"), *arguments)
    return support.command(None, folder, *given, program=VERBS)


def told(playground: Playground, folder: Path, *arguments: str, **settings: Any) -> dict[str, tuple[str, str]]:
    """Return what is found first, by what was looked at."""
    shown = json.loads(check(playground, folder, "--json", *arguments, **settings).stdout)
    return {one["check"]: (one["result"], one["message"]) for one in reversed(shown["checks"])}


def all_told(playground: Playground, folder: Path, **settings: Any) -> list[tuple[str, str]]:
    """Return all that is found: what was looked at, and the message."""
    shown = json.loads(check(playground, folder, "--json", **settings).stdout)
    return [(one["check"], one["message"]) for one in shown["checks"]]


def test_an_account_that_is_well(tmp_path: Path) -> None:
    """Nothing is written there, and nothing here."""
    with Playground(credentials=Credentials(**CLIENT), plan="team") as playground:
        done = check(playground, tmp_path, requests_per_minute=225, **CLIENT)
        shown = done.stdout.decode()
        assert (done.returncode, done.stderr) == (0, b"")
        for part in (
            "ok       credentials  OAuth client credentials of Playground agent (user 1)",
            "ok       role         admin",
            "ok       scopes       users:read users:write",
            "ok       token        ends in 30 minutes, and is renewed ahead of that",
            "ok       events API",
            "x-rate-limit: 250",
            "ok       clock",
        ):
            assert part in shown
        assert {one.method for one in playground.requests()} == {"GET", "POST"}
        assert [one.path for one in playground.requests() if one.method == "POST"] == ["/oauth/tokens"]
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("settings", "name", "part"),
    [
        ({**CLIENT, "client_secret": "another"}, "credentials", "make a new one if it is lost"),
        ({"access_token": "another"}, "credentials", "Zendesk does not take the credentials (HTTP 401 invalid_token"),
        ({}, "credentials", "Zendesk does not take the credentials"),
        (
            {**CLIENT, "oauth_scope": "tickets:write"},
            "scopes",
            "users:write is missing, which it takes to put events onto timelines: set oauth_scope to users:read",
        ),
    ],
)
def test_credentials_at_fault(tmp_path: Path, settings: dict[str, str], name: str, part: str) -> None:
    """Each is told with what to do; exit 2, as a run."""
    with Playground(credentials=Credentials(**CLIENT)) as playground:
        result, message = told(playground, tmp_path, **settings)[name]
        assert (result, part in message) == ("fault", True), message
        assert check(playground, tmp_path, **settings).returncode == 2


def test_what_a_token_cannot_read_is_told(tmp_path: Path) -> None:
    """It may post, which is all that a run without reading back needs."""
    with Playground(credentials=Credentials(**CLIENT, scope="users:write")) as playground:
        found = told(playground, tmp_path, **CLIENT)
    assert found["credentials"][0] == "unknown"
    assert found["scopes"][0] == "warning"
    assert found["events API"][0] == "fault"


@pytest.mark.parametrize(
    ("fault", "name", "result", "part", "code"),
    [
        (Fault(on="me", status=200, headers={"content-type": "text/html"}, count=None), "credentials", "fault", "", 1),
        (Fault(on="reads", status=403, count=None), "events API", "fault", "the account the Events API", 2),
        (Fault(on="any", status=404, count=None), "credentials", "fault", "check subdomain or api_url", 2),
        (Fault(on="any", status=429, retry_after=600, count=None), "credentials", "fault", "try again in 600 s", 1),
    ],
)
def test_an_account_at_fault(tmp_path: Path, fault: Fault, name: str, result: str, part: str, code: int) -> None:
    """Its address, its limit, its plan, or what stands before it."""
    with Playground(faults=[fault]) as playground:
        done = check(playground, tmp_path, "--json")
        found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}[name]
        assert (found["result"], part in found["message"], done.returncode) == (result, True, code), found


TICKETS = [{"stream": "incidents", "ticket": {"external_id": "{{ id }}", "comment": {"body": "{{ text }}"}}}]
CONTRACTS = [
    {
        "stream": "contracts",
        "object": {
            "key": "contract",
            "external_id": "{{ id }}",
            "fields": {"plan": "{{ plan }}", "owner": {"user": {"external_id": "{{ owner }}"}}},
        },
    }
]


@pytest.mark.parametrize(
    ("scope", "result", "part", "code"),
    [
        ("users:read tickets:read tickets:write", "ok", "tickets:read tickets:write users:read", 0),
        ("read write", "ok", "read write", 0),
        ("users:read tickets:write", "warning", "tickets:read is missing, which it takes to look for a ticket", 0),
        ("users:read users:write", "fault", "tickets:write is missing, which it takes to write tickets", 2),
    ],
)
def test_scopes_are_held_against_what_the_rules_take(
    tmp_path: Path, scope: str, result: str, part: str, code: int
) -> None:
    """What rules are refused without is a fault, what only a lost answer takes a warning; events are not asked for."""
    with Playground(credentials=Credentials(**CLIENT)) as playground:
        settings = {**CLIENT, "rules": TICKETS, "oauth_scope": scope}
        done = check(playground, tmp_path, "--json", **settings)
        found = [one for one in json.loads(done.stdout)["checks"] if one["check"] == "scopes"]
        assert found[0]["result"] == result
        assert part in found[0]["message"]
        assert done.returncode == code
        assert not any("user_profiles" in one.path for one in playground.requests())


def test_objects_and_fields_that_are_missing_are_told(playground: Playground, tmp_path: Path) -> None:
    """With the next step; once they are there, that is told."""
    done = check(playground, tmp_path, rules=CONTRACTS)
    assert done.returncode == 2
    assert b"fault    objects      object contract is missing: zendesk-events objects --apply makes it" in done.stdout
    assert b"contract.plan" not in done.stdout
    make = {"custom_object": {"key": "contract", "title": "Contract", "title_pluralized": "Contracts"}}
    path = f"{playground.url}/api/v2/custom_objects"
    requests.post(path, json=make, timeout=5).raise_for_status()
    for field in ({"key": "owner", "type": "text", "title": "Owner"}, {"key": "plan", "type": "text", "title": "Plan"}):
        found = [one[1] for one in all_told(playground, tmp_path, rules=CONTRACTS) if one[0] == "objects"]
        assert any("field contract.plan is missing" in one for one in found)
        requests.post(f"{path}/contract/fields", json={"custom_object_field": field}, timeout=5).raise_for_status()
    unfit = "field contract.owner is of type text; rules make lookup to zen:user of it: records with it are refused"
    assert told(playground, tmp_path, rules=CONTRACTS)["objects"] == ("fault", f"{unfit} [ZE412]")
    plain = [{**CONTRACTS[0], "object": {"key": "contract", "external_id": "{{ id }}", "fields": {"plan": "{{ p }}"}}}]
    assert told(playground, tmp_path, rules=plain)["objects"] == (
        "ok",
        "the account has those that rules name: contract",
    )


def test_both_limits_are_told(tmp_path: Path) -> None:
    """That of events, and Support's, each against its setting."""
    with Playground(plan="growth") as playground:
        found = told(playground, tmp_path, requests_per_minute=225, support_requests_per_minute=500)
    assert (found["rate limit"][0], "x-rate-limit: 250" in found["rate limit"][1]) == ("ok", True)
    assert found["support rate"][0] == "warning"
    assert "x-rate-limit: 400" in found["support rate"][1]
    assert "support_requests_per_minute is 500, above it" in found["support rate"][1]


def test_a_clock_that_is_wrong_is_told(tmp_path: Path) -> None:
    """By how much; what is left of a token is counted by Zendesk's."""
    program = "import time; right = time.time; time.time = lambda: right() + 3 * 86_400; "
    with Playground(credentials=Credentials(**CLIENT)) as playground:
        (tmp_path / "config.json").write_text(json.dumps(support.config(playground.url, tmp_path, **CLIENT)))
        wrong = [*VERBS[:2], program + VERBS[2]]
        done = support.command(None, tmp_path, "check", "--config", str(tmp_path / "config.json"), program=wrong)
    assert b"warning  clock        this machine's clock is 3 days ahead of Zendesk's" in done.stdout
    assert b"token        ends in 30 minutes" in done.stdout


def test_a_rate_above_the_accounts_is_told(tmp_path: Path) -> None:
    """By the headers that the account sends."""
    with Playground(plan="team") as playground:
        result, message = told(playground, tmp_path, requests_per_minute=500)["rate limit"]
    assert (result, "requests_per_minute is 500, above it" in message) == ("warning", True)


def test_api_tokens_days_are_counted(tmp_path: Path) -> None:
    """They all end on one day."""
    known = Credentials(email="agent@example.com", api_token="opens-nothing")
    with Playground(credentials=known) as playground:
        found = told(playground, tmp_path, email=known.email, api_token=known.api_token)
    days = (dt.date(2027, 4, 30) - dt.datetime.now(dt.timezone.utc).date()).days
    assert found["settings"][0] == "warning"
    assert f"ends API tokens on 2027-04-30, in {days} days" in found["settings"][1]
    assert "scopes" not in found


@pytest.mark.parametrize("habits", [Habits(), Habits(newest_first=False, read_delay=1.5, with_meta=False)])
def test_a_write_teaches_what_documents_leave_open(tmp_path: Path, habits: Habits) -> None:
    """Two events on the timeline of whom one names, and each fact as this account has it."""
    with Playground(habits=habits, plan="team") as playground:
        done = check(playground, tmp_path, "--write", CUSTOMER, "--json")
        assert len(playground.events()) == 2
    learnt = {one["question"]: one["answer"] for one in json.loads(done.stdout)["learnt"]}
    assert learnt["are empty properties taken"] == "yes"
    assert learnt["in which order are events read"] == ("newest first" if habits.newest_first else "oldest first")
    seconds = float(learnt["how soon can a new event be read"].split()[1])
    assert habits.read_delay <= seconds < habits.read_delay + 3
    assert learnt["how are pages told"] == ("meta and links" if habits.with_meta else "links")
    assert "is kept" in learnt["how is created_at given back"]
    assert "x-rate-limit" in learnt["which rate headers does it send"]


def test_a_write_that_is_refused_is_told(tmp_path: Path) -> None:
    """With Zendesk's own words: it is the user's own terminal."""
    with Playground(faults=[Fault(on="events", status=400, message="No such thing", count=None)]) as playground:
        done = check(playground, tmp_path, "--write", CUSTOMER)
        assert done.returncode == 2
        assert b"Zendesk refuses an event for this customer" in done.stdout
        assert b"No such thing" in done.stdout


def test_nothing_is_written_where_something_is_at_fault(tmp_path: Path) -> None:
    """What stands in the way of a run stands in the way of the trial."""
    with Playground(faults=[Fault(on="reads", status=403, count=None)]) as playground:
        assert check(playground, tmp_path, "--write", CUSTOMER).returncode == 2
        assert playground.events() == []
