"""The playground's faults for profiles, users, objects, jobs and tickets: every kind can be struck, and it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import requests

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

OBJECT = "/api/v2/custom_objects/subscription"
QUERY = {"identifier": "shop:customer:email:customer-1@example.com"}
PROFILE = {"source": "shop", "type": "customer", "identifiers": [{"type": "email", "value": "customer-1@example.com"}]}
JOB = {"job": {"action": "create", "items": [{"external_id": "2"}]}}
Ask = Callable[["Request"], requests.Response]


class Request(NamedTuple):
    """A request of one kind; the true answer to it, and where what it does is seen, if it does anything."""

    method: str
    path: str
    status: int
    seen: str | None = None
    query: dict[str, str] | None = None
    content: Any = None


REQUESTS = {
    "profiles": Request("PUT", "/api/v2/user_profiles", 201, "users", QUERY, {"profile": PROFILE}),
    "users": Request("GET", "/api/v2/users/show_many", 200, None, {"external_ids": "1"}),
    "objects": Request(
        "PATCH", OBJECT + "/records", 201, "records", {"external_id": "1"}, {"custom_object_record": {"name": "x"}}
    ),
    "jobs": Request("POST", OBJECT + "/jobs", 201, "records", None, JOB),
    "job_statuses": Request("GET", "/api/v2/job_statuses/show_many", 200, None, {"ids": "1"}),
    "tickets": Request("POST", "/api/v2/tickets", 201, "tickets", None, {"ticket": {"comment": {"body": "x"}}}),
}


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    with Playground(job_seconds=0) as playground:
        yield playground


@pytest.fixture
def playground(served: Playground) -> Playground:
    served.clear()
    sent = {"key": "subscription", "title": "x", "title_pluralized": "x"}
    requests.post(served.url + "/api/v2/custom_objects", json={"custom_object": sent}, timeout=5)
    return served


@pytest.fixture
def ask(playground: Playground) -> Iterator[Ask]:
    """Send a request, and wait half a second at the most."""
    with requests.Session() as http:
        http.trust_env = False
        yield lambda one: http.request(
            one.method, playground.url + one.path, params=one.query, json=one.content, timeout=0.5
        )


def held(playground: Playground, name: str | None) -> int:
    """Return how many there are of what a request makes."""
    return len(getattr(playground, name)()) if name else 0


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_kind_can_be_struck_and_it_alone(playground: Playground, ask: Ask, kind: str) -> None:
    """By a 429 and a 503, with nothing done; the others are served."""
    playground.set_faults(Fault(429, on=kind, retry_after=7), Fault(503, on=kind))
    one = REQUESTS[kind]
    others = [other for name, other in REQUESTS.items() if name != kind]
    assert [ask(other).status_code for other in others] == [other.status for other in others]
    refused = [ask(one), ask(one)]
    assert [answer.status_code for answer in refused] == [429, 503]
    assert refused[0].headers["Retry-After"] == "7"
    assert ask(one).status_code == one.status


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_answer_can_be_lost(playground: Playground, ask: Ask, kind: str) -> None:
    """Before anything is done, after it, or by a server that hangs."""
    one = REQUESTS[kind]
    playground.set_faults(Fault(on=kind, drop="before"), Fault(on=kind, drop="after"))
    for made in (0, 1):
        with pytest.raises(requests.ConnectionError):
            ask(one)
        assert held(playground, one.seen) == (made if one.seen else 0)
    playground.set_faults(Fault(on=kind, answer_delay=2))
    with pytest.raises(requests.ReadTimeout):
        ask(one)


def test_a_fault_may_strike_one_verb_or_one_record(playground: Playground, ask: Ask) -> None:
    """Such as the PUT that follows a PATCH, or the record whose external id stands in the query."""
    put = REQUESTS["profiles"]
    patch = put._replace(method="PATCH", content={"profile": {"name": "x"}})
    playground.set_faults(Fault(500, on="profiles", method="PUT"), Fault(502, on="objects", contains="id-2"))
    assert [ask(one).status_code for one in (patch, put, put, patch)] == [404, 500, 201, 200]
    record = REQUESTS["objects"]
    records = [record._replace(query={"external_id": f"id-{number}"}) for number in (1, 2, 2)]
    assert [ask(one).status_code for one in records] == [201, 502, 201]
