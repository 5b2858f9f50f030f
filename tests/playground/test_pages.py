"""The playground's pages as they go over the wire: what they show, what they escape, what they let in."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.pages import ASSETS
from target_zendesk_events.playground.server import Playground

EVENTS = "/api/v2/user_profiles/events"
SCRIPT = "<script>alert(1)</script>"
Post = Callable[..., requests.Response]
ADDRESSES = ("/", "/account", "/agent/users/360000000001", *(f"/assets/{one}" for one in ASSETS))


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def post(playground: Playground, http: requests.Session) -> Post:
    """Post an event of a customer; what is given replaces the plain parts."""

    def post(email: str = "customer-1@example.com", **parts: Any) -> requests.Response:
        event = {"source": "shop", "type": "order_paid", "properties": {}}
        profile = {"source": "shop", "type": "customer", "identifiers": [{"type": "email", "value": email}]}
        sent = {
            "event": {**event, **{name: value for name, value in parts.items() if name != "profile"}},
            "profile": {**profile, **parts.get("profile", {})},
        }
        return http.post(playground.url + EVENTS, json=sent)

    return post


@pytest.fixture
def page(playground: Playground, http: requests.Session) -> Callable[[str], str]:
    """Get a page."""

    def page(path: str = "/") -> str:
        return http.get(playground.url + path).text

    return page


def path_of(answer: requests.Response) -> str:
    """Return the address of the timeline that an event went to."""
    return f"/agent/users/{answer.json()['user_id']}"


def words(page: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())


def test_no_value_of_a_customer_is_markup(
    post: Post, page: Callable[[str], str], put: Callable[..., dict[str, Any]]
) -> None:
    """In a name, an identifier, an attribute, a property's name and value, a link, a source, a type, a description."""
    path = path_of(
        post(
            email=f"{SCRIPT}@example.com",
            source=SCRIPT,
            type=SCRIPT + '"',
            description=SCRIPT,
            properties={
                SCRIPT: SCRIPT,
                "link": {"display_name": SCRIPT, "url": 'https://example.com/"><script>'},
                "trap": {"display_name": "trap", "url": "javascript:alert(1)"},
                "list": [SCRIPT, [SCRIPT]],
            },
            profile={"name": SCRIPT, "attributes": {SCRIPT: SCRIPT}},
        )
    )
    post(email=f"{SCRIPT}@example.com", type="x" * 41)
    make_object(put, title=SCRIPT, title_pluralized=SCRIPT)
    fields = {"customer": path.rpartition("/")[2], "note": SCRIPT}
    put("custom_objects/deal/records", custom_object_record={"name": SCRIPT, "custom_object_fields": fields})
    ticket = {"subject": SCRIPT, "tags": [SCRIPT], "external_id": SCRIPT, "comment": {"body": SCRIPT}}
    put("tickets", ticket={**ticket, "requester_id": int(fields["customer"])})
    for address in ("/", f"/?q={SCRIPT}", path, "/account"):
        text = page(address)
        assert re.findall("<script[^>]*>", text) == ['<script src="/assets/page.js" defer>']
        assert "javascript:" not in re.findall('(?:href|src|action)="([^"]*)"', text)
        assert not re.findall(r"href=\"(?!/|#|\?|https?://)", text)
        assert SCRIPT in html.unescape(text)


@pytest.fixture
def put(playground: Playground, http: requests.Session) -> Callable[..., dict[str, Any]]:
    """Send something to Support's API; returns the answer."""

    def put(path: str, method: str = "POST", **content: Any) -> dict[str, Any]:
        answer = http.request(method, f"{playground.url}/api/v2/{path}", json=content)
        assert answer.status_code in {200, 201}, answer.text
        told: dict[str, Any] = answer.json()
        return told

    return put


def make_object(put: Callable[..., dict[str, Any]], **naming: Any) -> None:
    """Make an object whose records may refer to a customer."""
    put("custom_objects", custom_object={"key": "deal", "title": "Deal", "title_pluralized": "Deals", **naming})
    for key, kind in (("customer", "lookup"), ("note", "text"), ("tags", "multiselect")):
        options = [{"name": value, "value": value} for value in ("a", "b")]
        field = {"key": key, "type": kind, "title": key.capitalize(), "custom_field_options": options}
        put("custom_objects/deal/fields", custom_object_field={**field, "relationship_target_type": "zen:user"})


def test_records_and_tickets_stand_beside_the_timeline(
    post: Post, page: Callable[[str], str], put: Callable[..., dict[str, Any]]
) -> None:
    """Those that refer to the customer, the last changed first; of no other customer, and none that was deleted."""
    path, other = path_of(post()), path_of(post("customer-2@example.com"))
    make_object(put)
    for number in (1, 2):
        fields = {"customer": path.rpartition("/")[2], "note": f"note {number}", "tags": ["a", "b"]}
        sent = {"name": f"Deal {number}", "custom_object_fields": fields}
        put(f"custom_objects/deal/records?external_id=d-{number}", "PATCH", custom_object_record=sent)
    asking = {"email": "customer-1@example.com"}
    sent = {"subject": "Broken", "priority": "high", "tags": ["x"], "requester": asking, "comment": {"body": "x"}}
    number = put("tickets", ticket=sent)["ticket"]["id"]
    put(f"tickets/{number}", "PUT", ticket={"status": "open", "comment": {"body": "y"}})
    said = words(page(path))
    for part in (
        "1 event · 1 profile · 1 ticket · 2 records",
        "Tickets Broken open Priority high Tags x Comments 2 just now",
        "Records Deal 2 Deal External id d-2 Note note 2 Tags a b just now Deal 1 Deal External id d-1 Note note 1",
    ):
        assert part in said
    assert not re.search("Tickets|Records", words(page(other)))


def test_many_fields_of_a_record_are_folded(
    post: Post, page: Callable[[str], str], put: Callable[..., dict[str, Any]]
) -> None:
    """Eight are shown, the rest behind a word on how many."""
    path = path_of(post())
    make_object(put)
    fields: dict[str, Any] = {"customer": path.rpartition("/")[2]}
    for number in range(10):
        put("custom_objects/deal/fields", custom_object_field={"key": f"f{number}", "type": "text", "title": "x"})
        fields[f"f{number}"] = f"value {number}"
    put("custom_objects/deal/records", custom_object_record={"name": "Deal", "custom_object_fields": fields})
    assert "x value 7 2 more fields of Deal x value 8 x value 9 just now" in words(page(path))


def test_who_only_asked_has_a_page(
    playground: Playground, page: Callable[[str], str], put: Callable[..., dict[str, Any]]
) -> None:
    """A requester is a customer without a profile."""
    asking = {"email": "customer-1@example.com", "name": "A customer"}
    for _ in range(51):
        put("tickets", ticket={"requester": asking, "comment": {"body": "x"}})
    (user,) = playground.users()
    said = words(page(f"/agent/users/{user.id}"))
    assert "A customer User 360000000001 · 0 events · 51 tickets" in said
    assert re.search(r"Profiles None\. On the Zendesk user email customer-1@example.com Tickets Ticket \d+ new", said)
    assert "and 1 older one" in said


def test_supports_minute_stands_beside_the_events(
    playground: Playground, page: Callable[[str], str], put: Callable[..., dict[str, Any]], post: Post
) -> None:
    """What of each limit is used, and how many objects and jobs there are."""
    playground.set_limit(10)
    playground.set_limit(20, "support")
    post()
    make_object(put)
    said = words(page("/account"))
    playground.set_limit(None)
    playground.set_limit(None, "support")
    for part in (
        "Events and profiles 1 of 10 in the last 60 seconds",
        "Tickets, objects, users and jobs 4 of 20 in the last 60 seconds",
        "4 requests in this hour",
        "Custom objects 1 of 50 Which custom objects Deals 0",
        "Jobs queued or working 0 of 30",
    ):
        assert part in said


@pytest.mark.parametrize("path", ADDRESSES)
def test_nothing_from_elsewhere_is_let_in(
    path: str, playground: Playground, http: requests.Session, post: Post
) -> None:
    """Every page says so in its headers, and none has a style or script within."""
    post()
    answer = http.get(playground.url + path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert policy[0] == "default-src 'self'"
    assert {"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'"} == set(policy[1:])
    assert not re.search(r" style=| on\w+=|<style|https?://(?!127\.0\.0\.1|www\.w3\.org)", answer.text)


def test_a_page_that_the_browser_holds_is_not_sent_again(
    playground: Playground, http: requests.Session, post: Post
) -> None:
    """304 until something arrives."""
    path = path_of(post())
    held = http.get(playground.url + path).headers["ETag"]
    again = http.get(playground.url + path, headers={"If-None-Match": held})
    assert (again.status_code, again.content) == (304, b"")
    post()
    changed = http.get(playground.url + path, headers={"If-None-Match": held})
    assert (changed.status_code, "2 events" in words(changed.text)) == (200, True)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("", ["Ångström & Sons", "b-2@example.com"]),
        ("ångSTRÖM %26", ["Ångström & Sons"]),
        ("B-2@", ["b-2@example.com"]),
        ("c-77", ["Ångström & Sons"]),
        ("9001", ["Ångström & Sons"]),
        ("%25", []),
    ],
)
def test_customers_are_found_by_name_identifier_and_id(
    sought: str, found: list[str], post: Post, page: Callable[[str], str]
) -> None:
    """By a part of it, whatever the capitals; the newest first."""
    post("b-2@example.com", created_at="2026-03-01T00:00:00Z")
    identifiers = [{"type": "email", "value": "a-1@example.com"}, {"type": "shop_customer_id", "value": "C-77"}]
    name, created_at = "Ångström & Sons", "2026-03-02T00:00:00Z"
    post(created_at=created_at, profile={"name": name, "identifiers": identifiers, "user_id": "9001"})
    text = page(f"/?q={sought}")
    assert [html.unescape(one) for one in re.findall('<a href="/agent/users/[0-9]+">([^<]*)</a>', text)] == found
    assert ("Nobody of that name" in text) == (not found)


def test_a_long_list_has_pages(post: Post, page: Callable[[str], str]) -> None:
    """A hundred events on each, newest first, and a way to and fro."""
    for number in range(101):
        path = path_of(post(type=f"type_{number:03}", created_at="2026-03-01T00:00:00Z"))
    first, second = page(path), page(path + "?page=2")
    assert re.findall("type_[0-9]+(?=</h4>)", first) == [f"type_{number:03}" for number in range(100, 0, -1)]
    assert re.findall("type_[0-9]+(?=</h4>)", second) == ["type_000"]
    assert ('href="?page=2"' in first, 'href="?page=1"' in second) == (True, True)
    assert "type_100" in page(path + "?page=0") + page(path + "?page=x")


def test_properties_of_any_depth_are_shown(post: Post, page: Callable[[str], str]) -> None:
    """Beyond a dozen levels as JSON."""
    deep: Any = "bottom"
    for _ in range(200):
        deep = {"down": [deep]}
    assert "bottom" in page(path_of(post(properties=deep)))


@pytest.mark.parametrize(
    ("number", "folded"), [(14, None), (15, "5 more properties"), (1_200, "1,190 more properties")]
)
def test_many_properties_are_folded(number: int, folded: str | None, post: Post, page: Callable[[str], str]) -> None:
    """All are there, in their order; beyond the first ten where there are many behind a word on how many."""
    text = page(path_of(post(properties={f"name_{place}": place for place in range(number)})))
    assert re.findall("<dt>name_([0-9]+)</dt>", text) == [str(place) for place in range(number)]
    assert re.findall("<summary>(.*)</summary>", text) == ([folded] if folded else [])


def test_the_account_page_tells_what_was_refused_and_why(
    playground: Playground, post: Post, page: Callable[[str], str], http: requests.Session
) -> None:
    """By status, code and reason; of which event of whom; what was stored all the same, and what was cut off."""
    playground.set_limit(3)
    playground.set_faults(
        Fault(status=503, message="Down", store=True, event_type="stored"),
        Fault(drop="before", event_type="cut"),
    )
    post("a@example.com", type="x" * 41)
    post("b@example.com", type="stored")
    with pytest.raises(requests.ConnectionError):
        post("c@example.com", type="cut")
    for _ in range(2):
        post("d@example.com", type="late")
    http.get(playground.url + "/api/v2/nowhere")
    playground.set_limit(None)
    said = words(page("/account"))
    for part in (
        "429 TooManyRequests 2 times, last just now The account's limit of requests a minute is reached",
        "400 InvalidEventTypeLength 1 time, last just now event.type is longer than 40 characters",
        "503 ServiceUnavailable 1 time, last just now Down (a fault)",
        "cut off Dropped 1 time, last just now The connection was cut before the request was served, as a fault asked",
        "404 RecordNotFound 1 time",
        "stored of b@example.com: Down (a fault); stored all the same",
        "late of d@example.com: The account's limit of requests a minute is reached",
    ):
        assert part in said


def test_the_account_page_tells_limits_and_their_use(
    playground: Playground, post: Post, page: Callable[[str], str]
) -> None:
    """Names of sources and types with their numbers, the most profiles of a customer, the last minute's requests."""
    playground.set_limit(10)
    for source in ("shop", "shop", "app"):
        post(source=source, profile={"source": source})
    post(type="x" * 41)
    said = words(page("/account"))
    playground.set_limit(None)
    for part in (
        "4 of 10 in the last 60 seconds",
        "4 requests in this hour, 4 in the busiest minute",
        "1 refused.",
        "Sources of events 2 of 50 Which sources of events shop 2 app 1",
        "Types of events 1 of 2,500",
        "Profiles of one customer 2 of 20",
    ):
        assert part in said


def test_an_hour_that_is_long_past_is_drawn(tmp_path: Any, http: requests.Session) -> None:
    """A database that is opened again shows its last hour of requests."""
    file = tmp_path / "received.sqlite"
    with Playground(database=file) as playground:
        http.get(playground.url + EVENTS)
    with Playground(database=file) as playground:
        playground._store.run("UPDATE requests SET arrived_at = '2026-01-02T03:04:05.000000Z'")  # noqa: SLF001
        assert "1 request in this hour, 1 in the busiest minute" in words(http.get(playground.url + "/account").text)


def test_no_other_name_of_this_machine_is_answered(playground: Playground, http: requests.Session) -> None:
    """A site that gives its own name this machine's address reads nothing."""
    for host, status in (("evil.example", 400), ("localhost:1234", 200)):
        assert http.get(playground.url + "/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("path", ["/assets/page.html", "/assets/..%2fserver.py", "/agent/users/5", "/nowhere"])
def test_what_is_not_there_is_404(path: str, playground: Playground, http: requests.Session) -> None:
    """Templates and modules are no assets."""
    assert http.get(playground.url + path).status_code == 404
