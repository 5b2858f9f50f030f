"""The playground's users: who is known by which id, and who is found by a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from target_zendesk_events.playground.desk import Habits
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

SHOW, SEARCH = "/api/v2/users/show_many", "/api/v2/users/search"
Ask = Callable[..., requests.Response]
Known = Callable[..., int]


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    with Playground(known_users=["7"]) as playground:
        yield playground


@pytest.fixture
def ask(served: Playground) -> Ask:
    """Read a path."""
    served.clear()
    return lambda path, **query: requests.get(served.url + path, params=query, timeout=5)


@pytest.fixture
def known(served: Playground) -> Known:
    """Make a user by an event with these identifiers; returns its id."""
    return lambda **identifiers: made(served, **identifiers)


def made(playground: Playground, **identifiers: str) -> int:
    whose = [{"type": kind, "value": value} for kind, value in identifiers.items()]
    profile = {"source": "shop", "type": "customer", "identifiers": whose}
    event = {"source": "shop", "type": "visit", "properties": {}}
    sent = {"profile": profile, "event": event}
    return int(requests.post(playground.url + "/api/v2/user_profiles/events", json=sent, timeout=5).json()["user_id"])


def ids(answer: requests.Response) -> list[int]:
    """Return whom an answer tells of."""
    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == len(answer.json()["users"])
    return [user["id"] for user in answer.json()["users"]]


def test_users_are_known_by_external_id_without_case(ask: Ask, known: Known) -> None:
    """Who is not known is missing."""
    first, second = known(external_id="Ab1", email="customer-1@example.com"), known(external_id="2")
    assert ids(ask(SHOW, external_ids="2,aB1,nobody")) == [second, first]
    shown = ask(SHOW, external_ids="ab1").json()["users"][0]
    assert (shown["external_id"], shown["email"], shown["role"]) == ("Ab1", "customer-1@example.com", "end-user")


def test_users_are_known_by_id(ask: Ask, known: Known) -> None:
    """Those whom events made, and those who were said to be there."""
    user = known(email="customer-1@example.com")
    assert ids(ask(SHOW, ids=f"{user},7,8,{'9' * 40}")) == [user, 7]


@pytest.mark.parametrize("query", [{}, {"ids": "1", "external_ids": "1"}, {"ids": "x"}, {"ids": ","}])
def test_what_makes_no_sense_is_refused(ask: Ask, query: dict[str, str]) -> None:
    """One of the two lists, of numbers where they are ids."""
    assert ask(SHOW, **query).status_code == 400


def test_a_hundred_may_be_asked_for(ask: Ask) -> None:
    """Not one more."""
    statuses = [ask(SHOW, external_ids=",".join(map(str, range(number)))).status_code for number in (100, 101)]
    assert statuses == [200, 400]


@pytest.mark.parametrize(
    "query",
    [
        {"query": "email:Customer-1@example.com"},
        {"query": 'email:"customer-1@example.com"'},
        {"query": "external_id:X1"},
        {"external_id": "x1"},
        {"query": "customer-1@"},
    ],
)
def test_a_search_finds_a_user(ask: Ask, known: Known, query: dict[str, str]) -> None:
    """By address, by external id, by a part of either."""
    user = known(external_id="x1", email="customer-1@example.com")
    known(external_id="x2", email="customer-2@example.com")
    assert ids(ask(SEARCH, **query)) == [user]


def test_a_search_finds_nobody_or_is_refused(ask: Ask) -> None:
    """An empty list for who is not there; 400 for no question, or two."""
    assert ids(ask(SEARCH, query="email:customer-1@example.com")) == []
    assert [ask(SEARCH, **query).status_code for query in ({}, {"query": "a", "external_id": "b"})] == [400, 400]


def test_a_search_may_lag_behind() -> None:
    """A new user is known at once, and found by a search later."""
    with Playground(habits=Habits(search_delay=60)) as playground:
        user = made(playground, external_id="1")
        asked: dict[str, Any] = {"external_id": "1"}
        assert requests.get(playground.url + SEARCH, params=asked, timeout=5).json()["users"] == []
        known = requests.get(playground.url + SHOW, params={"external_ids": "1"}, timeout=5).json()["users"]
        assert [one["id"] for one in known] == [user]


def test_reading_users_needs_its_scope() -> None:
    """`users:read`, or the broad `read`."""
    for scope, status in (("users:read", 200), ("read", 200), ("write", 403)):
        with Playground(credentials=Credentials(access_token="token", scope=scope)) as playground:
            head = {"Authorization": "Bearer token"}
            answer = requests.get(playground.url + SEARCH, params={"query": "a"}, headers=head, timeout=5)
            assert answer.status_code == status
