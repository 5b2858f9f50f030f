"""The playground's faults: what goes wrong on purpose, and what is stored meanwhile."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest
import requests

from target_zendesk_events.playground.faults import Fault, fault_from
from target_zendesk_events.playground.server import Playground

EVENTS = "/api/v2/user_profiles/events"
CUSTOMER = {"identifier": "shop:customer:email:customer-1@example.com"}


def body(kind: str = "visit"):
    identifiers = [{"type": "email", "value": "customer-1@example.com"}]
    profile = {"source": "shop", "type": "customer", "identifiers": identifiers}
    return {"profile": profile, "event": {"source": "shop", "type": kind, "properties": {}}}


@pytest.fixture(scope="module")
def served():
    with Playground() as playground:
        yield playground


@pytest.fixture
def playground(served):
    served.clear()
    return served


@pytest.fixture
def post(playground):
    """Post events of these types, one after the other; returns the answers, or the name of what broke."""

    def post(*kinds):
        return [_post(http, playground.url, kind) for kind in kinds or ("visit",)]

    with requests.Session() as http:
        http.trust_env = False
        yield post


def _post(http, url, kind):
    try:
        return http.post(url + EVENTS, json=body(kind), timeout=5, allow_redirects=False)
    except requests.ConnectionError as error:
        return "reset" if "reset" in str(error) else "closed"


def statuses(answers):
    return [answer.status_code for answer in answers]


def test_the_next_requests_fail(playground, post):
    """A fault strikes as often as it says, stores nothing, and is told of."""
    playground.set_faults(Fault(503, count=2))
    assert statuses(post("a", "b", "c")) == [503, 503, 202]
    assert [event.body["event"]["type"] for event in playground.events()] == ["c"]
    assert [attempt.fault is not None for attempt in playground.requests()] == [True, True, False]
    assert playground.faults()[0]["hits"] == 2


def test_a_fault_may_strike_only_some(playground, post):
    """By event type, by what the body contains, after the first few, each k-th."""
    playground.set_faults(
        Fault(500, event_type="a", count=None), Fault(502, contains='"b"'), Fault(504, skip=1, every=2, count=None)
    )
    assert statuses(post("a", "b", "a", "b", "c", "c", "c", "c", "c")) == [500, 502, 500, 202, 202, 504, 202, 504, 202]


def test_chance_can_be_repeated(playground, post):
    """The same seed gives the same luck, and `clear` comes back to the faults of the start."""
    fault = Fault(500, count=None, probability=0.5, seed=3)
    playground.set_faults(fault)
    first = statuses(post(*"abcdefghij"))
    playground.set_faults(fault)
    assert statuses(post(*"abcdefghij")) == first
    assert {202, 500} == set(first)
    playground.clear()
    assert playground.faults() == []


def test_an_event_may_be_stored_before_its_request_fails(playground, post):
    """The worst case: 500, though the event is on the timeline."""
    playground.set_faults(Fault(500, store=True))
    assert statuses(post()) == [500]
    assert len(playground.events()) == 1


@pytest.mark.parametrize(("reset", "seen"), [(True, "reset"), (False, "closed")])
@pytest.mark.parametrize(("drop", "stored"), [("before", 0), ("after", 1)])
def test_a_connection_may_be_dropped(playground, post, drop, stored, reset, seen):
    """Before or after the event was stored, with a reset or an orderly end, no answer comes."""
    playground.set_faults(Fault(drop=drop, reset=reset))
    assert post() == [seen]
    assert len(playground.events()) == stored
    (attempt,) = playground.requests()
    assert attempt.dropped
    assert attempt.status is None
    assert attempt.answered is not None


def test_retry_after_has_forms(playground, post):
    """As seconds, as a date, as whatever text, or missing."""
    playground.set_faults(
        Fault(429, retry_after=93),
        Fault(503, retry_after=30, retry_after_form="date"),
        Fault(429, retry_after="soon"),
        Fault(429),
    )
    seconds, date, text, missing = post("a", "b", "c", "d")
    assert seconds.headers["Retry-After"] == "93"
    assert 25 < parsedate_to_datetime(date.headers["Retry-After"]).timestamp() - time.time() <= 30
    assert text.headers["Retry-After"] == "soon"
    assert "Retry-After" not in missing.headers


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ("errors", {"errors": [{"code": "PermissionDenied", "id": "PermissionDenied", "title": "No"}]}),
        ("error_list", {"error": [{"code": "PermissionDenied", "title": "No"}]}),
        ("error_object", {"error": {"title": "PermissionDenied", "message": "No"}}),
        ("error_text", {"error": "PermissionDenied", "description": "No"}),
    ],
)
def test_errors_come_in_every_envelope(playground, post, shape, content):
    """Each JSON envelope that was seen can be had."""
    playground.set_faults(Fault(403, body=shape, message="No"))
    (answer,) = post()
    assert answer.json() == content


def test_errors_come_as_pages_texts_and_nothing(playground, post):
    """HTML, with a proxy's 200 too; plain text; an empty body; a redirect."""
    playground.set_faults(
        Fault(200, body="html", message="Sign <in>"),
        Fault(502, body="text", message="Bad gateway"),
        Fault(500, body="empty"),
        Fault(302, body="empty", location="https://example.com/", headers={"X-Proxy": "yes"}),
    )
    page, text, empty, moved = post("a", "b", "c", "d")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Sign &lt;in&gt;" in page.text
    assert text.text == "Bad gateway"
    assert empty.content == b""
    assert (moved.headers["Location"], moved.headers["X-Proxy"]) == ("https://example.com/", "yes")


def test_answers_may_be_late(playground, post):
    """`delay` waits before storing, `answer_delay` after; the true answer comes in the end."""
    playground.set_faults(Fault(delay=0.1, answer_delay=0.1))
    before = time.monotonic()
    assert statuses(post()) == [202]
    assert time.monotonic() - before >= 0.2


def test_a_timed_out_request_is_stored_all_the_same(playground):
    """A client that does not wait cannot know: its event is stored."""
    playground.set_faults(Fault(answer_delay=0.3))
    with pytest.raises(requests.ReadTimeout):
        requests.post(playground.url + EVENTS, json=body(), timeout=0.1)
    assert len(playground.events()) == 1


def test_answers_may_dribble(playground):
    """Byte by byte, so that no pause between two is long."""
    playground.set_faults(Fault(dribble=0.002))
    before = time.monotonic()
    assert requests.post(playground.url + EVENTS, json=body(), timeout=0.5).json()["status"] == "received"
    assert time.monotonic() - before >= 0.1


def test_every_answer_may_take_its_time(playground, post):
    """`set_delay` is for a network that is slow, not broken: requests at once overlap."""
    playground.set_delay(0.1)
    before = time.monotonic()
    assert statuses(post()) == [202]
    playground.set_delay(0)
    assert time.monotonic() - before >= 0.1
    (attempt,) = playground.requests()
    assert attempt.answered - attempt.arrived >= 0.1


@pytest.mark.parametrize(
    ("on", "method", "path"),
    [
        ("reads", "GET", EVENTS),
        ("profiles", "GET", "/api/v2/user_profiles"),
        ("token", "POST", "/oauth/tokens"),
        ("me", "GET", "/api/v2/users/me.json"),
        ("any", "GET", "/api/v2/oauth/tokens/current.json"),
    ],
)
def test_other_requests_fail_too(playground, on, method, path):
    """Reads, profiles, the token endpoint and `users/me` have faults of their own."""
    playground.set_faults(Fault(500, on=on))
    if on != "any":
        assert requests.post(playground.url + EVENTS, json=body(), timeout=5).status_code == 202
    assert requests.request(method, playground.url + path, params=CUSTOMER, timeout=5).status_code == 500


def test_faults_are_set_over_http(playground, post):
    """POST adds one or several, PUT replaces, GET tells, DELETE takes them away."""
    control = playground.url + "/playground/faults"
    assert requests.post(control, json={"status": 500}, timeout=5).status_code == 201
    assert requests.post(control, json=[{"status": 502}, {"drop": "after"}], timeout=5).status_code == 201
    assert [fault["status"] for fault in requests.get(control, timeout=5).json()["faults"]] == [500, 502, None]
    assert statuses(post("a", "b")) == [500, 502]
    assert requests.put(control, json=[{"status": 504}], timeout=5).status_code == 201
    assert statuses(post()) == [504]
    assert requests.delete(control, timeout=5).status_code == 204
    assert statuses(post()) == [202]


@pytest.mark.parametrize(
    "content",
    [
        {"status": 99},
        {"status": "500"},
        {"statu": 500},
        {"on": "nothing"},
        {"body": "xml"},
        {"drop": "now"},
        {"every": 0},
        {"probability": 2},
        {"retry_after_form": "weeks"},
        {"delay": "x"},
        {"delay": -1},
        {"answer_delay": 1e9},
        {"count": -1},
        {"skip": -1},
        {"every": 1.5},
        {"seed": []},
        {"contains": 5},
        {"store": "no"},
        {"drop": []},
        {"message": None},
        {"retry_after": 1e30, "retry_after_form": "date"},
        {"retry_after": "1\r\n2"},
        {"headers": {"X-Proxy": "\u65e5"}},
        {"headers": {"X-Proxy": 1}},
        {"job": "late"},
        {"results": "list"},
        {"failed_items": [1.5]},
        {"method": 1},
        "fault",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(playground, content):
    """A wrong field or value is answered 400 with a sentence."""
    with pytest.raises(ValueError, match=r"\w+"):
        fault_from(content)
    answer = requests.post(playground.url + "/playground/faults", json=content, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_limit_comes_before_faults():
    """A request that is turned away with 429 uses up no fault."""
    with Playground(requests_per_minute=1, faults=[Fault(500, skip=1)]) as playground:
        for _ in range(3):
            requests.post(playground.url + EVENTS, json=body(), timeout=5)
        assert [attempt.status for attempt in playground.requests()] == [202, 429, 429]
        assert playground.faults()[0]["hits"] == 0
