"""Rules of every kind for the rows of a bent stream, an account for them, and what of each row has come to it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from bending import MARK, row

from target_zendesk_events.playground.server import Playground

PROFILE: dict[str, Any] = {"identifiers": {"email": "{{ email }}", "shop_customer_id": "{{ mark }}"}}
THING: dict[str, Any] = {"key": "thing", "external_id": "{{ mark }}"}
KINDS: dict[str, dict[str, Any]] = {
    "event": {
        "profile": PROFILE,
        "event": {
            "type": "{{ kind }}",
            "created_at": "{{ at }}",
            "description": "{{ note }} of {{ deep.a }}",
            "properties": {"mark": "{{ mark }}", "deep": "{{ deep }}", "amount": "{{ amount | round(2) }}"},
        },
    },
    "everything": {
        "profile": PROFILE,
        "event": {"type": "everything", "properties": "{{ record }}", "description": "{{ note }}"},
        "dedupe": False,
    },
    "profile": {
        "profile": {**PROFILE, "name": "{{ note }}", "attributes": {"mark": "{{ mark }}", "n": "{{ amount }}"}}
    },
    "ticket": {
        "ticket": {
            "external_id": "{{ mark }}",
            "requester": {"email": "{{ email }}", "name": "{{ note }}"},
            "subject": "{{ kind }} {{ note }}",
            "comment": {"body": "{{ deep | tojson }} {{ mark }}", "public": False},
            "tags": ["{{ kind }}"],
        }
    },
    "object": {
        "object": {
            **THING,
            "name": "{{ note }}",
            "fields": {"kind": "{{ kind }}", "amount": "{{ amount }}", "owner": {"user": {"email": "{{ email }}"}}},
        }
    },
    "change": {"ticket": {"id": "{{ number }}", "subject": "{{ note }}", "tags": ["{{ mark }}"]}},
    "comment": {"ticket": {"id": "{{ number }}", "comment": {"body": "{{ deep | tojson }}"}}},
    "profile deletion": {"delete": {"profile": {"source": "shop", "identifiers": {"shop_customer_id": "{{ mark }}"}}}},
    "object deletion": {"delete": {"object": "thing", "external_id": "{{ mark }}"}},
    "ticket deletion": {"delete": {"ticket": "{{ number }}"}},
}
OFTEN = ["event", "event", "everything", "profile", "ticket", "profile deletion"]
MIXTURES = [
    ["event", "profile"], ["event", "ticket", "profile"], ["event", "profile deletion"], ["ticket", "ticket deletion"],
    ["change", "comment"], ["everything", "object"], list(KINDS),
]  # fmt: skip
"""What rows are sent as all at once."""
SENT = [*([kind] for kind in (*OFTEN, *OFTEN, *OFTEN, *KINDS)), *MIXTURES]


DONE = {
    "event": r"POST /api/v2/user_profiles/events (?!.*everything)",
    "everything": r"POST /api/v2/user_profiles/events .*everything",
    "profile": r"P(ATCH|UT) /api/v2/user_profiles ",
    "ticket": r"POST /api/v2/tickets ",
    "object": r"PATCH /api/v2/custom_objects/thing/records ",
    "change": r"PUT /api/v2/tickets/.*tags",
    "comment": r"PUT /api/v2/tickets/.*comment",
    "profile deletion": r"GET /api/v2/user_profiles ",
    "object deletion": r"DELETE /api/v2/custom_objects/thing/records ",
    "ticket deletion": r"DELETE /api/v2/tickets/\d+ ",
}
"""The request that has done what a rule says of the row that stands in it, once it was accepted; a deletion's also once
there is nothing of that name."""
OF_TICKETS, OF_OBJECTS = {"change", "comment", "ticket deletion"}, {"object", "object deletion"}


def rule(kind: str, what: dict[str, Any], stream: str = "*") -> dict[str, Any]:
    """Return a rule, with a name of its own."""
    return {"stream": stream, "name": kind, **what}


def rules(kinds: Collection[str], first_ticket: int = 0) -> list[dict[str, Any]]:
    """Return the rules of these kinds; rows name tickets from that number on."""
    text = json.dumps([rule(kind, KINDS[kind]) for kind in kinds])
    named: list[dict[str, Any]] = json.loads(text.replace("{{ number }}", f"{{{{ number + {first_ticket} }}}}"))
    return named


EVERY_RULE = [
    *rules(KINDS),
    rule("some", {**KINDS["event"], "when": "amount > 3 and kind != 'other'", "dedupe_key": "{{ mark }}{{ amount }}"}),
]


def account(playground: Playground, kinds: Collection[str]) -> int:
    """Put there what rules of these kinds find or name: of the first rows a user and a profile, a record, a ticket.

    Returns the number of the first ticket.
    """
    asked: list[tuple[str, dict[str, Any]]] = []
    known = [row("orders", number)["record"] for number in range(3)]
    if OF_OBJECTS & set(kinds):
        asked.append(("custom_objects", {"custom_object": {"key": "thing", "title": "T", "title_pluralized": "T"}}))
        for key, kind in (("kind", "text"), ("amount", "decimal"), ("owner", "lookup")):
            field = {"key": key, "type": kind, "title": key, "relationship_target_type": "zen:user"}
            asked.append(("custom_objects/thing/fields", {"custom_object_field": field}))
        for one in known:
            record = {"external_id": one["mark"], "custom_object_fields": {}}
            asked.append(("custom_objects/thing/records", {"custom_object_record": record}))
    if OF_OBJECTS & set(kinds) or "profile deletion" in kinds:
        for one in known:
            named = {"email": one["email"], "shop_customer_id": one["mark"]}
            whose = [{"type": kind, "value": value} for kind, value in named.items()]
            profile = {"source": "shop", "type": "customer", "identifiers": whose}
            event = {"source": "shop", "type": "made", "properties": {}}
            asked.append(("user_profiles/events", {"profile": profile, "event": event}))
    if OF_TICKETS & set(kinds):
        asked += [("tickets", {"ticket": {"comment": {"body": "made"}}})] * 3
    for path, body in asked:
        status = playground.receive("POST", f"/api/v2/{path}", json.dumps(body).encode())
        assert status // 100 == 2, (path, status)
    return int(playground.tickets()[0]["id"]) if OF_TICKETS & set(kinds) else 0


def settled(
    playground: Playground, letters: Path, kinds: Collection[str], since: int, first_ticket: int
) -> set[tuple[str, str]]:
    """Return of which rows what was done or waits in dead letters; of requests those after number `since` tell."""
    found = set(_done(playground, since, first_ticket)) | set(_done_by_jobs(playground))
    for path in letters.glob("*.singer"):
        for line in path.read_bytes().splitlines():
            for mark in _marks(line.decode(errors="replace")):
                named = re.findall(r'"rules":\["([^"]*)"\]}', line.decode(errors="replace"))
                found |= {(kind, mark) for kind in named or kinds}
    return found


def _done(playground: Playground, since: int, first_ticket: int) -> Iterator[tuple[str, str]]:
    """Yield what requests have done."""
    there: set[str] = set()
    for one in playground.requests():
        if one.number <= since or one.status is None or not (one.status < 400 or one.status == 404):
            continue
        text = f"{one.method} {one.path} {one.query} {json.dumps(one.body)}"
        kinds = {kind for kind, pattern in DONE.items() if re.match(pattern, text)}
        marks = _marks(text)
        if "ticket deletion" in kinds:
            marks = {f"{MARK}{int(one.path.rpartition('/')[2]) - first_ticket:03d}"}
        if "profile deletion" in kinds and one.status < 400:
            there |= marks
            continue
        if re.match("DELETE /api/v2/user_profiles/", text):
            kinds, marks = {"profile deletion"}, there
        for kind in kinds:
            if one.status < 400 or kind.endswith("deletion"):
                yield from ((kind, mark) for mark in marks)


def _done_by_jobs(playground: Playground) -> Iterator[tuple[str, str]]:
    """Yield what the items of jobs have done."""
    for job in playground.jobs():
        kind = "object deletion" if job["action"].startswith("delete") else "object"
        for entry in job["results"] or ():
            if entry["success"]:
                yield from ((kind, mark) for mark in _marks(json.dumps(job["items"][entry["index"]])))


def _marks(text: str) -> set[str]:
    return set(re.findall(MARK + r"\d{3}", text))
