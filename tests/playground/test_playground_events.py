"""The playground's events: what it takes in, what it refuses, and what it shows when asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from target_zendesk_events.playground.desk import Habits
from target_zendesk_events.playground.server import Playground

EVENTS = "/api/v2/user_profiles/events"
CUSTOMER = "shop:customer:email:customer-1@example.com"


@pytest.fixture(scope="module")
def served():
    with Playground(known_users=["7"]) as playground:
        yield playground


@pytest.fixture
def playground(served):
    served.clear()
    return served


@pytest.fixture(scope="module")
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def body(event: dict[str, Any] | None = None, profile: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a request body that Zendesk takes, with changes; a change to `...` takes the field away."""
    whole = {
        "profile": {
            "source": "shop",
            "type": "customer",
            "identifiers": [{"type": "email", "value": "customer-1@example.com"}],
            **(profile or {}),
        },
        "event": {"source": "shop", "type": "order_paid", "properties": {"total": 12.5}, **(event or {})},
    }
    return {name: {k: v for k, v in part.items() if v is not ...} for name, part in whole.items()}


def identifiers(number: int) -> list[dict[str, str]]:
    return [{"type": f"id_{index}", "value": "1"} for index in range(number)]


def test_an_event_is_received(playground, http):
    """A good event is answered 202 with the profile's and the user's id, and is on the timeline as it was sent."""
    sent = body()
    answer = http.post(playground.url + EVENTS, json=sent)
    (event,) = playground.events()
    assert answer.status_code == 202
    assert answer.json() == {"profile_id": event.profile_id, "status": "received", "user_id": event.user_id}
    assert event.body == sent
    assert answer.headers["X-Zendesk-Request-Id"]


REFUSED = {
    "InvalidEvent": {"profile": body()["profile"]},
    "InvalidProfile": {"event": body()["event"]},
    "InvalidEventSource": body({"source": ...}),
    "InvalidEventSourceLength": body({"source": "s" * 41}),
    "InvalidEventSourceReserved": body({"source": "ZenDesk"}),
    "InvalidEventType": body({"type": 5}),
    "InvalidEventTypeLength": body({"type": "t" * 41}),
    "InvalidEventProperties": body({"properties": ...}),
    "InvalidEventDescription": body({"description": None}),
    "InvalidEventCreatedAt": body({"created_at": "2026-11-23"}),
    "InvalidEventReadOnlyField": body({"id": "1"}),
    "InvalidProfileSource": body(profile={"source": ""}),
    "InvalidProfileSourceLength": body(profile={"source": "s" * 41}),
    "InvalidProfileSourceReserved": body(profile={"source": "zendesk"}),
    "InvalidProfileType": body(profile={"type": ...}),
    "InvalidProfileTypeLength": body(profile={"type": "t" * 41}),
    "InvalidProfileIdentifiers": body(profile={"identifiers": []}),
    "InvalidIdentifierValue": body(profile={"identifiers": [{"type": "id", "value": 5}]}),
    "InvalidIdentifierType": body(profile={"identifiers": [{"value": "5"}]}),
    "InvalidIdentifierTypeLength": body(profile={"identifiers": [{"type": "t" * 61, "value": "5"}]}),
    "DuplicateProfileIdentifiers": body(profile={"identifiers": [{"type": "id", "value": "5"}] * 2}),
    "InvalidProfileName": body(profile={"name": 5}),
    "InvalidProfileAttributes": body(profile={"attributes": {"age": 5}}),
    "UserNotFound": body(profile={"user_id": "8"}),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_breaks_a_rule_is_refused(playground, http, code):
    """Each documented rule has its own 400, in the envelope of the reference, and nothing is stored."""
    answer = http.post(playground.url + EVENTS, json=REFUSED[code])
    assert answer.status_code == 400
    assert [(error["code"], error["id"]) for error in answer.json()["errors"]] == [(code, code)]
    assert playground.events() == []
    assert playground.users() == []


@pytest.mark.parametrize(
    "part",
    [
        {"properties": []},
        {"properties": "text"},
        {"received_at": "2026-11-23T10:00:00Z"},
        {"created_at": 1795475889},
        {"created_at": "2026-11-23 10:00:00Z"},
        {"created_at": "2026-11-23T10:00:00"},
        {"created_at": "2026-13-23T10:00:00Z"},
        {"created_at": "tomorrow"},
    ],
)
def test_more_events_are_refused(playground, http, part):
    """Properties are an object, `received_at` is read-only, and `created_at` is an ISO-8601 date-time."""
    assert http.post(playground.url + EVENTS, json=body(part)).status_code == 400


@pytest.mark.parametrize("part", [{"identifiers": identifiers(21)}, {"identifiers": ["5"]}, {"identifiers": None}])
def test_more_profiles_are_refused(playground, http, part):
    """A profile has one to twenty identifiers, each an object."""
    assert http.post(playground.url + EVENTS, json=body(profile=part)).status_code == 400


@pytest.mark.parametrize(
    ("event", "profile"),
    [
        ({"source": "s" * 40, "type": "t" * 40}, {"source": "s" * 40, "type": "t" * 40}),
        ({"created_at": "2026-11-23T10:00:00.123456789+02:00"}, {}),
        ({"properties": {}}, {"identifiers": identifiers(20)}),
        ({"description": "d" * 5_000}, {"identifiers": [{"type": "t" * 60, "value": "ü"}]}),
        ({"source": "zendesk-shop"}, {"name": "A customer", "attributes": {"tier": "gold"}}),
    ],
)
def test_what_keeps_to_the_limits_is_received(playground, http, event, profile):
    """Each limit may be reached."""
    assert http.post(playground.url + EVENTS, json=body(event, profile)).status_code == 202


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", None, 415),
        (b"no json", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"event": NaN}', "application/json", 400),
        (b'{"event": "\xff"}', "application/json", 400),
        (b'{"event": "\\ud800"}', "application/json", 400),
        (b"[" * 100_000, "application/json; charset=utf-8", 400),
    ],
)
def test_a_body_must_be_a_json_object(playground, http, content, kind, status):
    """What is no JSON object, or does not say that it is JSON, is refused, and is kept among the requests."""
    headers = {"Content-Type": kind} if kind else {}
    answer = http.post(playground.url + EVENTS, data=content, headers=headers)
    assert answer.status_code == status
    assert [attempt.status for attempt in playground.requests()] == [status]


def test_a_profile_may_be_named_by_its_id(playground, http):
    """An event can be posted to a profile that exists; to one that does not, the answer is 404."""
    profile_id = http.post(playground.url + EVENTS, json=body()).json()["profile_id"]
    event = {"event": body()["event"]}
    assert http.post(f"{playground.url}/api/v2/user_profiles/{profile_id}/events", json=event).status_code == 202
    assert http.post(f"{playground.url}/api/v2/user_profiles/nobody/events", json=event).status_code == 404
    assert [event.profile_id for event in playground.events()] == [profile_id, profile_id]


def test_a_user_may_be_named_by_its_id(playground, http):
    """An event can be posted to a user who exists, whose profile it becomes; else the answer is 404."""
    answer = http.post(f"{playground.url}/api/v2/users/7/events", json=body())
    assert answer.json()["user_id"] == "7"
    assert http.post(f"{playground.url}/api/v2/users/8/events", json=body()).status_code == 404
    assert http.post(f"{playground.url}/api/v2/users/x/events", json=body()).status_code == 404
    assert len(http.get(f"{playground.url}/api/v2/users/7/events").json()["events"]) == 1
    assert http.get(f"{playground.url}/api/v2/users/8/events").status_code == 400


def test_any_user_id_is_believed_without_a_list_of_them(http):
    """A trial needs no users: without `known_users` every number names one."""
    with Playground() as playground:
        answer = http.post(playground.url + EVENTS, json=body(profile={"user_id": "123456"}))
        assert answer.json()["user_id"] == "123456"


def test_events_are_read_back(playground, http):
    """A read shows the event's fields with an id, times in UTC and the properties as they were sent."""
    http.post(playground.url + EVENTS, json=body({"created_at": "2026-11-23T10:00:00+02:00", "description": "Paid"}))
    page = http.get(playground.url + EVENTS, params={"identifier": CUSTOMER}).json()
    (event,) = page["events"]
    assert event["id"]
    assert event["received_at"]
    assert event["created_at"] == "2026-11-23T08:00:00.000000Z"
    assert event["properties"] == {"total": 12.5}
    assert (event["source"], event["type"], event["description"]) == ("shop", "order_paid", "Paid")
    assert page["links"] == [{"next": ""}]
    assert page["meta"] == {"after_cursor": "", "has_more": False}


def test_pages_follow_one_another(playground, http):
    """Following the links reads every event once, newest first, and the last page links nowhere."""
    for hour in (1, 3, 2, 4, 5):
        http.post(playground.url + EVENTS, json=body({"created_at": f"2026-11-23T0{hour}:00:00Z"}))
    link = f"{playground.url}{EVENTS}?identifier={CUSTOMER}&page[size]=2"
    hours, pages = [], 0
    while link:
        page = http.get(link).json()
        hours += [event["created_at"][12] for event in page["events"]]
        link, pages = page["links"][0]["next"], pages + 1
    assert hours == ["5", "4", "3", "2", "1"]
    assert pages == 3


@pytest.mark.parametrize(
    ("filters", "types"),
    [
        ({}, {"a", "b", "c"}),
        ({"filter[source]": "shop"}, {"a", "b"}),
        ({"filter[source]": "shop", "filter[type]": "b"}, {"b"}),
        ({"filter[start_time]": "2026-11-23T02:00:00Z"}, {"b", "c"}),
        ({"filter[end_time]": "2026-11-23T02:00:00Z"}, {"a", "b"}),
        ({"filter[start_time]": "2026-11-23T02:30:00+00:30", "filter[end_time]": "2026-11-23T02:00:00Z"}, {"b"}),
    ],
)
def test_reads_can_be_filtered(playground, http, filters, types):
    """A read can be narrowed by source, by type within a source, and by times, both ends included."""
    for hour, (source, kind) in enumerate([("shop", "a"), ("shop", "b"), ("web", "c")], start=1):
        event = {"source": source, "type": kind, "created_at": f"2026-11-23T0{hour}:00:00Z"}
        http.post(playground.url + EVENTS, json=body(event))
    page = http.get(playground.url + EVENTS, params={"identifier": CUSTOMER, **filters}).json()
    assert {event["type"] for event in page["events"]} == types


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"identifier": "shop:customer:email"}, 400),
        ({"identifier": "shop::email:customer-1@example.com"}, 400),
        ({"identifier": "shop:customer:email:customer-2@example.com"}, 404),
        ({"identifier": CUSTOMER, "filter[type]": "a"}, 400),
        ({"identifier": CUSTOMER, "filter[start_time]": "yesterday"}, 400),
        ({"identifier": CUSTOMER, "page[size]": "none"}, 400),
        ({"identifier": CUSTOMER, "page[size]": "9" * 5_000}, 400),
        ({"identifier": CUSTOMER, "page[after]": "none"}, 400),
        ({"identifier": CUSTOMER, "page[after]": "nan:1"}, 400),
        ({"identifier": CUSTOMER, "page[after]": "inf:99999999999999999999999"}, 400),
        ({"identifier": CUSTOMER.upper().replace("SHOP:CUSTOMER:EMAIL", "shop:customer:email")}, 200),
    ],
)
def test_reads_are_checked(playground, http, query, status):
    """A read without a full identifier query, or with a filter that makes no sense, is refused."""
    http.post(playground.url + EVENTS, json=body())
    assert http.get(playground.url + EVENTS, params=query).status_code == status


def test_open_questions_are_options(http):
    """Order, page size, delay and `meta` of a read, which no document settles, can be had either way."""
    habits = Habits(page_size=1, newest_first=False, with_meta=False)
    with Playground(habits=habits) as playground:
        for hour in (2, 1):
            http.post(playground.url + EVENTS, json=body({"created_at": f"2026-11-23T0{hour}:00:00Z"}))
        page = http.get(playground.url + EVENTS, params={"identifier": CUSTOMER, "page[size]": "50"}).json()
    assert [event["created_at"][12] for event in page["events"]] == ["1"]
    assert "meta" not in page
    assert page["links"][0]["next"]


def test_a_stored_event_may_stay_unseen_for_a_while(http):
    """With `read_delay` an event is stored at once and can be read only later."""
    with Playground(habits=Habits(read_delay=60)) as playground:
        http.post(playground.url + EVENTS, json=body())
        assert http.get(playground.url + EVENTS, params={"identifier": CUSTOMER}).json()["events"] == []
        assert len(playground.events()) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v2/user_profiles/events/bulk", 404),
        ("PUT", EVENTS, 405),
        ("GET", "/api/v2/views", 404),
        ("POST", "/api/v2/users/me", 405),
    ],
)
def test_only_documented_paths_exist(playground, http, method, path, status):
    """What the contract does not list is answered 404, or 405 where the path has other verbs."""
    answer = http.request(method, playground.url + path, json={})
    assert answer.status_code == status
    assert answer.headers["X-Zendesk-Request-Id"]


def test_requests_tell_their_story(playground, http):
    """Every attempt is kept with arrival, answer, body and the profile it reached, and with no secret of its header."""
    http.post(playground.url + EVENTS, json=body(), headers={"Authorization": "Bearer not-to-be-kept"})
    http.post(playground.url + EVENTS, json=body({"type": ""}))
    first, second = playground.requests()
    assert (first.method, first.path, first.status, second.status) == ("POST", EVENTS, 202, 400)
    assert first.arrived <= first.answered <= second.arrived <= second.answered
    assert first.profile_id == playground.events()[0].profile_id
    assert (first.authorization, second.authorization) == ("Bearer", None)
    assert "not-to-be-kept" not in repr(first)


def test_it_can_be_asked_over_http(playground, http):
    """The control routes tell the same as the methods, and are no requests themselves."""
    http.post(playground.url + EVENTS, json=body())
    events = http.get(playground.url + "/playground/events").json()["events"]
    requests_seen = http.get(playground.url + "/playground/requests").json()["requests"]
    users = http.get(playground.url + "/playground/users").json()["users"]
    assert [event["body"] for event in events] == [event.body for event in playground.events()]
    assert [attempt["status"] for attempt in requests_seen] == [202]
    assert users[0]["identities"] == [{"type": "email", "value": "customer-1@example.com"}]
    assert http.delete(playground.url + "/playground").status_code == 204
    assert (playground.events(), playground.requests(), playground.users()) == ([], [], [])


def test_an_agent_sees_a_timeline(playground, http):
    """The pages list the customers and show one's events: objects as tables, addresses of the web as links.

    Times are in UTC, and other values are shown as they were sent: `true` is no `True`.
    """
    item = {"display_name": "A <lamp>", "url": "https://example.com/lamp"}
    trap = {"display_name": "trap", "url": "javascript:alert(1)"}
    user_id = http.post(
        playground.url + EVENTS,
        json=body(
            {
                "properties": {"item": item, "trap": trap, "sizes": [1, {"deep": True}], "gone": None},
                "description": "<b>",
                "created_at": "2026-03-02T10:15:00+01:00",
            }
        ),
    ).json()["user_id"]
    assert f'href="/agent/users/{user_id}"' in http.get(playground.url + "/").text
    page = http.get(f"{playground.url}/agent/users/{user_id}").text
    assert '<a href="https://example.com/lamp" rel="noopener noreferrer">A &lt;lamp&gt;</a>' in page
    assert 'href="javascript' not in page
    assert "&lt;b&gt;" in page
    shown = " ".join(re.sub("<[^>]*>", " ", page).split())
    assert "2026-03-02 09:15:00 UTC" in shown
    assert "sizes 1 deep true gone null" in shown
    assert http.get(f"{playground.url}/agent/users/5").status_code == 404


def test_a_database_outlives_the_playground(tmp_path, http):
    """With `database` what was received is there when it is opened again."""
    file = tmp_path / "received.sqlite"
    for _ in range(2):
        with Playground(database=file) as playground:
            http.post(playground.url + EVENTS, json=body())
    with Playground(database=file) as playground:
        assert len(playground.events()) == 2
        assert len(playground.users()) == 1


def test_the_same_port_can_be_served_again(http):
    """An outage can be played: closed, nothing answers; opened again on its port, the same client goes on."""
    with Playground() as playground:
        port = playground.port
    with pytest.raises(requests.ConnectionError):
        http.get(playground.url + "/")
    with Playground(port=port) as playground:
        assert http.post(playground.url + EVENTS, json=body()).status_code == 202
