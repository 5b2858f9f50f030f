"""The OAuth scopes that are asked for do for all that a run does with its rules, and are no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

CLIENT = {"client_id": "events_pipeline", "client_secret": "opens-nothing"}
PROFILE = {"identifiers": {"email": "{{ email }}"}}
CONTRACT = {"key": "contract", "external_id": "{{ id }}", "fields": {"plan": "{{ kind }}"}}
TICKET = {"external_id": "{{ id }}", "subject": "It broke", "comment": {"body": "{{ kind }}"}}


def ask(playground: Playground, method: str, path: str, content: Any = None, **query: str) -> Any:
    """Ask the account itself, as its owner."""
    headers = {"Authorization": "Bearer owner"}
    url = f"{playground.url}/api/v2/{path}"
    answer = requests.request(method, url, json=content, params=query, headers=headers, timeout=5)
    answer.raise_for_status()
    return answer.json()


@pytest.mark.parametrize(
    ("rule", "settings", "scope", "lost"),
    [
        ({"profile": PROFILE, "event": {"type": "paid"}}, {}, "users:read users:write", ("POST", "events")),
        (
            {"profile": PROFILE, "event": {"type": "paid"}},
            {"on_unknown_outcome": "retry"},
            "users:write",
            ("POST", "events"),
        ),
        ({"profile": PROFILE}, {}, "users:write", ("PATCH", "profiles")),
        ({"profile": PROFILE}, {"unknown_customers": "set_aside"}, "users:read users:write", ("PATCH", "profiles")),
        ({"object": CONTRACT}, {}, "read write", ("PATCH", "objects")),
        ({"ticket": TICKET}, {}, "tickets:read tickets:write", ("POST", "tickets")),
        ({"ticket": TICKET}, {"on_unknown_outcome": "hold"}, "tickets:read tickets:write", ("POST", "tickets")),
        ({"ticket": {"id": "{{ ticket }}", "priority": "high"}}, {}, "tickets:write", ("PUT", "tickets")),
        ({"delete": {"profile": PROFILE}}, {}, "users:read users:write", ("DELETE", "profiles")),
        ({"delete": {"object": "contract", "external_id": "{{ id }}"}}, {}, "read write", ("DELETE", "objects")),
        ({"delete": {"ticket": "{{ ticket }}"}}, {}, "tickets:write", ("DELETE", "tickets")),
    ],
)
def test_what_is_asked_for_is_enough(
    tmp_path: Path, rule: Any, settings: dict[str, Any], scope: str, lost: tuple[str, str]
) -> None:
    """For sending, for looking up, and for what a lost answer takes; the token has these scopes alone."""
    known = Credentials(**CLIENT, access_token="owner")
    with Playground(credentials=known) as playground:
        ticket = prepare(playground)
        rules = [{"stream": "orders", **rule}]
        config = support.config(playground.url, tmp_path, **{**CLIENT, "rules": rules, **settings})
        columns = {**support.SCHEMA, "properties": {**support.SCHEMA["properties"], "ticket": {"type": "integer"}}}
        messages = [
            {**support.schema("orders"), "schema": columns},
            support.record("orders", 1, ticket=ticket),
        ]
        method, on = lost
        playground.set_faults(Fault(on=on, method=method, drop="after"))
        ended, said = support.run_process(config, support.lines(messages), tmp_path)
        totals = ended.report["totals"]
        assert (ended.exit_code, totals["undelivered"], totals["rejected"]) == (0, 0, 0), said
        assert sum(one.fault is not None for one in playground.requests()) == 1
        (granted,) = {one.body["scope"] for one in playground.requests() if one.path == "/oauth/tokens"}
        assert granted == scope


def prepare(playground: Playground) -> int:
    """Make what the rules change or take away; return the ticket's number."""
    ask(
        playground,
        "POST",
        "custom_objects",
        {"custom_object": {"key": "contract", "title": "C", "title_pluralized": "Cs"}},
    )
    field = {"key": "plan", "type": "text", "title": "Plan"}
    ask(playground, "POST", "custom_objects/contract/fields", {"custom_object_field": field})
    record = {"custom_object_record": {"name": "One", "custom_object_fields": {}}}
    ask(playground, "PATCH", "custom_objects/contract/records", record, external_id="1")
    one = {"type": "email", "value": "customer-1@example.com"}
    event = {"source": "shop", "type": "seen", "properties": {}}
    profile = {"source": "shop", "type": "customer", "identifiers": [one]}
    ask(playground, "POST", "user_profiles/events", {"profile": profile, "event": event})
    return int(ask(playground, "POST", "tickets", {"ticket": {"comment": {"body": "x"}}})["ticket"]["id"])
