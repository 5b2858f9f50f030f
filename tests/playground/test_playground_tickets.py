"""The playground's tickets: made once for a key, found, changed, refused, deleted, and not too often."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.idempotency import IdempotencyKeys
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.refusals import Answer, Refusal
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.playground.store import Store

TICKETS = "/api/v2/tickets"
ASKING = {"email": "customer-1@example.com", "name": "A customer"}
Ask = Callable[..., requests.Response]
Made = Callable[..., int]


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    with Playground() as playground:
        yield playground


@pytest.fixture
def playground(served: Playground) -> Playground:
    served.clear()
    return served


@pytest.fixture
def ask(playground: Playground) -> Iterator[Ask]:
    """Send a request about tickets."""
    with requests.Session() as http:
        http.trust_env = False

        def ask(method: str, path: str = "", ticket: Any = None, key: str = "", **query: str) -> requests.Response:
            content = None if ticket is None else {"ticket": ticket}
            headers = {"Idempotency-Key": key} if key else {}
            return http.request(method, playground.url + TICKETS + path, json=content, headers=headers, params=query)

        yield ask


@pytest.fixture
def made(ask: Ask) -> Made:
    """Make a ticket; returns its id."""

    def made(**parts: Any) -> int:
        answer = ask("POST", "", ticket(**parts))
        assert answer.status_code == 201, answer.text
        return int(answer.json()["ticket"]["id"])

    return made


def ticket(**parts: Any) -> dict[str, Any]:
    return {"comment": {"body": "It is broken"}, **parts}


def test_a_ticket_is_made(ask: Ask) -> None:
    """201, with the ticket and its audit; it is read by its id."""
    sent = ticket(
        subject="Broken",
        requester=ASKING,
        external_id="i-1",
        priority="high",
        type="incident",
        tags=["a"],
        custom_fields=[{"id": 360001234567, "value": "eu"}],
    )
    answer = ask("POST", "", sent)
    assert answer.status_code == 201
    made = answer.json()["ticket"]
    kept = ("subject", "external_id", "priority", "type", "tags", "custom_fields")
    assert {name: made[name] for name in kept} == {name: sent[name] for name in kept}
    assert (made["status"], made["description"]) == ("new", "It is broken")
    assert answer.json()["audit"]["events"][0]["body"] == "It is broken"
    assert ask("GET", f"/{made['id']}").json()["ticket"] == made


def test_a_requester_who_is_unknown_is_made(playground: Playground, ask: Ask, made: Made) -> None:
    """By address, without case, once; a new one needs a name."""
    first = made(requester=ASKING)
    second = made(requester={"email": "Customer-1@Example.com"})
    whose = [ask("GET", f"/{number}").json()["ticket"]["requester_id"] for number in (first, second)]
    assert [user.name for user in playground.users()] == ["A customer"]
    assert whose == [int(playground.users()[0].id)] * 2
    assert made(requester_id=whose[0])
    refused = ask("POST", "", ticket(requester={"email": "customer-2@example.com"}))
    assert (refused.status_code, list(refused.json()["details"])) == (422, ["requester"])


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"comment": None}, {"comment"}),
        ({"comment": "It is broken"}, {"comment"}),
        ({"comment": {"body": " "}}, {"comment"}),
        ({"comment": {"body": "x", "public": "no"}}, {"comment"}),
        ({"comment": {"body": "x", "author_id": 99}}, {"comment"}),
        ({"requester_id": 99}, {"requester"}),
        ({"requester_id": "1"}, {"requester"}),
        ({"requester": "customer-1@example.com"}, {"requester"}),
        ({"requester": {"email": "customer-1"}}, {"requester"}),
        ({"requester": {"email": "customer-1@example.com", "name": 1}}, {"requester"}),
        ({"requester": ASKING, "requester_id": 1}, {"requester"}),
        ({"priority": "High"}, {"priority"}),
        ({"type": "bug"}, {"type"}),
        ({"status": 1, "subject": 1}, {"status", "subject"}),
        ({"external_id": 1}, {"external_id"}),
        ({"tags": "a b"}, {"tags"}),
        ({"custom_fields": {"360001234567": "eu"}}, {"custom_fields"}),
        ({"custom_fields": [{"id": "360001234567", "value": "eu"}]}, {"custom_fields"}),
        ({"group_id": "x", "due_at": "tomorrow"}, {"group_id", "due_at"}),
    ],
)
def test_a_ticket_that_is_none_is_refused(ask: Ask, parts: dict[str, Any], named: set[str]) -> None:
    """422 with what is wrong with which field; nothing is made, no requester either."""
    answer = ask("POST", "", ticket(**parts))
    assert answer.status_code == 422
    assert answer.json()["error"] == "RecordInvalid"
    assert set(answer.json()["details"]) == named
    assert ask("GET").json()["tickets"] == []


def test_a_key_makes_a_ticket_once(ask: Ask) -> None:
    """The same key and body: the same answer, told as a hit; another body: 400."""
    answers = [ask("POST", "", ticket(subject="a"), key="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.headers["x-idempotency-lookup"] for answer in answers] == ["miss", "hit"]
    assert answers[0].json() == answers[1].json()
    refused = ask("POST", "", ticket(subject="b"), key="k")
    assert (refused.status_code, refused.json()["error"]) == (400, "IdempotentRequestError")
    assert ask("POST", "", ticket(subject="a"), key="other").headers["x-idempotency-lookup"] == "miss"
    assert "x-idempotency-lookup" not in ask("POST", "", ticket(subject="a")).headers
    assert ask("GET").json()["count"] == 3


def test_a_key_makes_a_ticket_once_also_for_many_at_once(playground: Playground, ask: Ask) -> None:
    """Whoever comes first makes it; the others are told of it."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _posted(playground.url), range(16)))
    assert sorted(answer.headers["x-idempotency-lookup"] for answer in answers) == ["hit"] * 15 + ["miss"]
    assert ask("GET").json()["count"] == 1


def _posted(url: str) -> requests.Response:
    return requests.post(url + TICKETS, json={"ticket": ticket()}, headers={"Idempotency-Key": "k"}, timeout=5)


def test_a_refusal_uses_up_no_key(ask: Ask) -> None:
    """What was refused may be sent again, mended, under its key."""
    assert ask("POST", "", {}, key="k").status_code == 422
    assert ask("POST", "", ticket(), key="k").status_code == 201


def test_a_lost_answer_is_had_again_by_its_key(playground: Playground, ask: Ask) -> None:
    """The ticket is there once."""
    playground.set_faults(Fault(on="tickets", drop="after"))
    with pytest.raises(requests.ConnectionError):
        ask("POST", "", ticket(), key="k")
    assert ask("POST", "", ticket(), key="k").headers["x-idempotency-lookup"] == "hit"
    assert ask("GET").json()["count"] == 1


def test_a_key_is_kept_for_two_hours() -> None:
    """Not longer: then the same is done once more."""
    store, now, done = Store(), [1_000.0], list[int]()
    keys = IdempotencyKeys(store, lambda: now[0])

    def act() -> Answer:
        done.append(1)
        return Answer.of_json({"number": len(done)}, 201)

    first = keys.once("k", b"{}", act)
    now[0] += 7_199
    again = keys.once("k", b"{}", act)
    assert (json.loads(first.body), json.loads(again.body)) == ({"number": 1}, {"number": 1})
    with pytest.raises(Refusal):
        keys.once("k", b"[]", act)
    now[0] += 1
    assert json.loads(keys.once("k", b"[]", act).body) == {"number": 2}
    store.close()


def test_tickets_are_found_by_external_id(ask: Ask, made: Made) -> None:
    """Which is not unique; those that were deleted are gone."""
    first, _, third = made(external_id="a"), made(external_id="b"), made(external_id="a")
    assert [one["id"] for one in ask("GET", external_id="a").json()["tickets"]] == [first, third]
    ask("DELETE", f"/{first}")
    assert [one["id"] for one in ask("GET", external_id="a").json()["tickets"]] == [third]
    assert ask("GET", external_id="c").json() == {"tickets": [], "count": 0, "next_page": None, "previous_page": None}


def test_an_update_replaces_what_is_given(ask: Ask, made: Made) -> None:
    """Tags as a whole; a comment is added, the rest stays."""
    number = made(subject="a", tags=["x", "y"], priority="low")
    answer = ask("PUT", f"/{number}", {"tags": ["z"], "comment": {"body": "More", "public": False}, "priority": None})
    assert answer.status_code == 200
    changed = answer.json()["ticket"]
    assert (changed["subject"], changed["tags"], changed["priority"]) == ("a", ["z"], None)
    assert changed["description"] == "It is broken"
    comments = ask("GET", f"/{number}/comments").json()["comments"]
    assert [(one["body"], one["public"]) for one in comments] == [("It is broken", True), ("More", False)]
    assert ask("PUT", f"/{number}", {"status": "gone"}).status_code == 422
    assert ask("PUT", f"/{number}", {"status": "closed"}).status_code == 200
    assert ask("PUT", f"/{number}", {"subject": "b"}).status_code == 422


def test_a_safe_update_wants_the_last_stamp(ask: Ask, made: Made) -> None:
    """409 where the ticket has changed meanwhile."""
    number = made()
    stamp = ask("GET", f"/{number}").json()["ticket"]["updated_at"]
    safe = {"subject": "a", "safe_update": True, "updated_stamp": stamp}
    answers = [ask("PUT", f"/{number}", safe) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["error"] == "UpdateConflict"
    assert ask("PUT", f"/{number}", {"safe_update": True}).status_code == 422


def test_a_ticket_is_deleted_once(ask: Ask, made: Made) -> None:
    """204, then 404, and its id is nobody else's."""
    number = made()
    assert [ask("DELETE", f"/{number}").status_code for _ in range(2)] == [204, 404]
    assert [ask(method, f"/{number}", ticket()).status_code for method in ("GET", "PUT")] == [404, 404]
    assert ask("GET", "/x").json()["error"] == "RecordNotFound"
    assert made() > number


def test_one_ticket_is_changed_thirty_times_in_ten_minutes(ask: Ask, made: Made) -> None:
    """The next change is 429, that of another ticket is not."""
    number, other = made(), made()
    answers = [ask("PUT", f"/{number}", {"subject": str(index)}) for index in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert 590 <= int(answers[-1].headers["Retry-After"]) <= 600
    assert ask("PUT", f"/{other}", {"subject": "x"}).status_code == 200


def test_tickets_are_changed_a_hundred_times_a_minute(ask: Ask, made: Made) -> None:
    """Whichever they are; each answer says how many changes are left."""
    numbers = [made() for _ in range(4)]
    answers = [ask("PUT", f"/{numbers[index % 4]}", {"subject": "x"}) for index in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert answers[0].headers["zendesk-ratelimit-tickets-update"] == "total=100; remaining=99; resets=60"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_tickets_need_their_scopes() -> None:
    """`tickets:read` and `tickets:write`, or the broad ones: 403 else."""
    for scope, statuses in (("tickets:read", [200, 403]), ("tickets:write", [403, 201]), ("users:write", [403, 403])):
        with Playground(credentials=Credentials(access_token="token", scope=scope)) as playground:
            head = {"Authorization": "Bearer token"}
            read = requests.get(playground.url + TICKETS, headers=head, timeout=5)
            written = requests.post(playground.url + TICKETS, json={"ticket": ticket()}, headers=head, timeout=5)
            assert [read.status_code, written.status_code] == statuses
