"""The playground's limits: requests a minute by arrival, and how many sources and types an account has."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.playground.limits import PLANS, SUPPORT_PLANS, RateLimit, limit_of
from target_zendesk_events.playground.server import Playground

EVENTS = "/api/v2/user_profiles/events"


def body(number: int = 1, source: str = "shop", kind: str = "visit"):
    identifiers = [{"type": "email", "value": f"customer-{number}@example.com"}]
    profile = {"source": "shop", "type": "customer", "identifiers": identifiers}
    return {"profile": profile, "event": {"source": source, "type": kind, "properties": {}}}


@pytest.fixture(scope="module")
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_plans_have_their_limits():
    """The numbers are the documented ones, a number given wins, and an unknown plan is named."""
    assert [limit_of(plan, None) for plan in PLANS] == [250, 250, 500, 700, 1_000]
    assert [limit_of(plan, None, SUPPORT_PLANS) for plan in PLANS] == [200, 400, 400, 700, 2_500]
    assert limit_of("team", 3) == 3
    assert limit_of(None, None) is None
    with pytest.raises(ValueError, match="plan is 'huge'"):
        limit_of("huge", None)


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5))
def test_no_window_lets_in_more_than_the_limit(gaps, limit):
    """For any arrivals, no sixty seconds hold more than the limit of those let in; what it says to wait is enough."""
    rate, now, admitted = RateLimit(limit), 0.0, []
    for gap in gaps:
        now += gap
        verdict = rate.admit(now)
        assert verdict is not None
        if verdict.admitted:
            admitted.append(now)
        else:
            assert int(verdict.headers()["Retry-After"]) >= verdict.wait
            assert admitted[-limit] + 60 == pytest.approx(now + verdict.wait)
    for first, beyond in zip(admitted, admitted[limit:], strict=False):
        assert beyond - first >= 60 - 1e-6


def test_above_the_limit_the_answer_is_429(http):
    """Events, reads and profiles share one bucket; a 429 says when to come back, and nothing of it is stored."""
    with Playground(requests_per_minute=3) as playground:
        first = http.post(playground.url + EVENTS, json=body())
        http.get(playground.url + EVENTS, params={"identifier": "shop:customer:email:customer-1@example.com"})
        third = http.post(playground.url + EVENTS, json={})
        fourth = http.post(playground.url + EVENTS, json=body())
        assert [attempt.status for attempt in playground.requests()] == [202, 200, 400, 429]
        assert len(playground.events()) == 1
        assert http.get(playground.url + "/api/v2/users/me").status_code == 200
        assert "X-Rate-Limit" not in http.get(playground.url + "/playground/events").headers
    assert (first.headers["X-Rate-Limit"], first.headers["X-Rate-Limit-Remaining"]) == ("3", "2")
    assert (third.headers["ratelimit-limit"], third.headers["ratelimit-remaining"]) == ("3", "0")
    assert 0 < int(fourth.headers["ratelimit-reset"]) <= 60
    assert 59 <= int(fourth.headers["Retry-After"]) <= 60
    assert fourth.json()["errors"][0]["code"] == "TooManyRequests"


SUPPORT = (
    "/api/v2/custom_objects",
    "/api/v2/tickets",
    "/api/v2/users/me",
    "/api/v2/users/search?query=a",
    "/api/v2/job_statuses/show_many?ids=a",
)


def test_support_has_a_minute_of_its_own(http):
    """Objects, tickets, users and jobs share it; events and profiles have theirs, and neither uses the other's."""
    with Playground(requests_per_minute=2, support_requests_per_minute=len(SUPPORT)) as playground:
        served = [http.get(playground.url + path) for path in SUPPORT]
        refused = http.get(playground.url + SUPPORT[0])
        events = [http.post(playground.url + EVENTS, json=body()) for _ in range(3)]
        playground.set_limit(None, "support")
        assert http.get(playground.url + SUPPORT[0]).status_code == 200
    assert [answer.status_code for answer in served] == [200] * len(SUPPORT)
    assert [answer.headers["X-Rate-Limit-Remaining"] for answer in served] == ["4", "3", "2", "1", "0"]
    assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (429, "0")
    assert 59 <= int(refused.headers["Retry-After"]) <= 60
    assert [answer.status_code for answer in events] == [202, 202, 429]


def test_after_retry_after_there_is_room(http):
    """A window may be shortened for trials; when it has passed, requests are let in again."""
    with Playground(requests_per_minute=1, window=0.2) as playground:
        answers = [http.post(playground.url + EVENTS, json=body()).status_code]
        while answers[-1] != 202 or len(answers) == 1:
            answers.append(http.post(playground.url + EVENTS, json=body()).status_code)
        arrivals = [attempt.arrived for attempt in playground.requests() if attempt.status == 202]
    assert answers[1] == 429
    assert arrivals[1] - arrivals[0] >= 0.2


def test_without_a_limit_nothing_is_said(http):
    """No limit, no headers about it; a limit can be set while it serves."""
    with Playground() as playground:
        assert "X-Rate-Limit" not in http.post(playground.url + EVENTS, json=body()).headers
        playground.set_limit(1)
        assert http.post(playground.url + EVENTS, json=body()).headers["X-Rate-Limit"] == "1"


def test_a_plan_sets_the_limit(http):
    """`plan` alone is enough."""
    with Playground(plan="enterprise") as playground:
        assert http.post(playground.url + EVENTS, json=body()).headers["X-Rate-Limit"] == "700"
    with Playground(plan="enterprise_plus") as playground:
        assert http.get(playground.url + "/api/v2/tickets").headers["X-Rate-Limit"] == "2500"


def test_an_account_has_fifty_event_sources(http):
    """The fifty-first source is refused, and its customer is not created by it."""
    with Playground() as playground:
        for index in range(50):
            http.post(playground.url + EVENTS, json=body(source=f"source_{index}"))
        refused = http.post(playground.url + EVENTS, json=body(2, source="source_50"))
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["code"] == "TooManyEventSources"
        assert http.post(playground.url + EVENTS, json=body(source="source_0")).status_code == 202
        assert len(playground.users()) == 1


def test_an_account_has_2500_event_types(http, tmp_path):
    """The type after the 2,500th is refused."""
    file = tmp_path / "received.sqlite"
    with Playground(database=file) as playground:
        http.post(playground.url + EVENTS, json=body(kind="type_0"))
    with closing(sqlite3.connect(file)) as database, database:
        database.executemany(
            "INSERT INTO events SELECT ?, ?, profile_id, request, source, ?, description, properties, created_at,"
            " received_at, moment, received FROM events WHERE number = 1",
            [(number + 1, f"id_{number}", f"type_{number}") for number in range(1, 2_499)],
        )
    with Playground(database=file) as playground:
        answers = [http.post(playground.url + EVENTS, json=body(kind=kind)) for kind in ("last", "beyond", "type_7")]
        assert len(playground.events()) == 2_501
    assert [answer.status_code for answer in answers] == [202, 400, 202]
    assert answers[1].json()["errors"][0]["code"] == "TooManyEventTypes"
