"""The pages in a real Chromium: alive, searched, by keyboard, in the dark, on a phone, for a screen reader."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import support
from accessibility import lacks
from chromium import chromium
from playwright.sync_api import Browser, Page, expect

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.server

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
EVENTS = "/api/v2/user_profiles/events"
LONG = "x" * 300
Post = Callable[..., str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with chromium() as browser:
        yield browser


@pytest.fixture
def post(playground: Playground) -> Post:
    """Post an event of a customer, with what is given; returns the address of its timeline."""

    def post(email: str = "customer-1@example.com", **parts: Any) -> str:
        event = {"source": "shop", "type": "order_paid", "properties": {}, **parts}
        sent = {"event": event, "profile": whose(email)}
        answer = requests.post(playground.url + EVENTS, json=sent, timeout=5)
        return f"{playground.url}/agent/users/{answer.json().get('user_id')}"

    return post


def whose(email: str = "customer-1@example.com") -> dict[str, Any]:
    """Return the profile of a customer."""
    return {"source": "shop", "type": "customer", "identifiers": [{"type": "email", "value": email}]}


class Watching:
    """Pages of a browser, and what must not be: a request to elsewhere, a word on the console, an error."""

    def __init__(self, browser: Browser, url: str) -> None:
        """Look at what is served at `url`."""
        self._browser = browser
        self._url = url
        self.faults: list[str] = []

    def open(self, address: str, **options: Any) -> Page:
        """Open a page in a window of its own."""
        page = self._browser.new_context(**options).new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda one: None if one.url.startswith(self._url) else self.faults.append(one.url))
        page.on("console", lambda one: self.faults.append(one.text))
        page.on("pageerror", lambda one: self.faults.append(str(one)))
        page.goto(address)
        return page


@pytest.fixture
def watching(browser: Browser, playground: Playground) -> Iterator[Watching]:
    """Give windows; at the end nothing was asked of another host, and nothing went wrong in any."""
    watching = Watching(browser, playground.url)
    yield watching
    for context in browser.contexts:
        context.close()
    assert watching.faults == []


def filled(post: Post) -> str:
    """Put a little of everything onto the timelines; returns the address of one that has all of it."""
    item = {"display_name": "Blue kettle", "url": "https://shop.example.com/kettle"}
    post("customer-2@example.com", type="signed_up", created_at="2026-03-01T08:00:00Z")
    post("customer-3@example.com", type="x" * 41)
    post(type="order_shipped", properties={"item": item, "lines": [{"sku": "K-1", "tags": ["a", None]}], "none": {}})
    return post(description="Two\nlines", properties={LONG: LONG, "deep": {"deeper": {"deepest": {"bottom": LONG}}}})


def belongings(playground: Playground, address: str) -> None:
    """Put records and tickets beside a timeline, with long words in them."""
    user = address.rpartition("/")[2]

    def put(path: str, content: dict[str, Any]) -> None:
        answer = requests.post(f"{playground.url}/api/v2/{path}", json=content, timeout=5)
        assert answer.status_code == 201, answer.text

    titles = {"title": "Subscription", "title_pluralized": "Subscriptions"}
    put("custom_objects", {"custom_object": {"key": "subscription", **titles}})
    customer = {"key": "customer", "type": "lookup", "title": "Customer", "relationship_target_type": "zen:user"}
    for field in (customer, {"key": "note", "type": "text", "title": LONG}):
        put("custom_objects/subscription/fields", {"custom_object_field": field})
    for number in range(2):
        record = {
            "external_id": f"{LONG[:200]}{number}",
            "custom_object_fields": {"customer": user, "note": LONG[:200]},
        }
        put("custom_objects/subscription/records", {"custom_object_record": record})
        ticket = {"subject": "Broken", "tags": [LONG], "requester_id": int(user), "comment": {"body": "x"}}
        put("tickets", {"ticket": ticket})


def test_what_arrives_shows_without_a_reload(watching: Watching, post: Post) -> None:
    """At its place, said politely once; focus and scrolling stay where they are, and so does what was opened."""
    for number in range(20):
        address = post(type=f"type_{number}", created_at=f"2026-03-{number + 1:02}T10:00:00Z")
    page = watching.open(address, viewport={"width": 1000, "height": 500})
    page.evaluate("window.isTheSame = true")
    page.locator("#event-2 .when").focus()
    top = page.locator("#event-2").bounding_box()
    post(type="order_shipped")
    expect(page.get_by_role("heading", name="order_shipped")).to_be_visible()
    expect(page.locator("#news")).to_have_text("1 new event: order_shipped")
    assert page.locator("h4").all_inner_texts()[:2] == ["order_shipped", "type_19"]
    assert page.evaluate("document.activeElement.closest('li').id") == "event-2"
    assert page.evaluate("window.isTheSame")
    assert page.locator("#event-2").bounding_box() == pytest.approx(top, abs=1)
    assert page.locator("#news").get_attribute("role") == "status"
    assert "21 events" in page.locator("main").inner_text()
    post(type="a")
    post(type="b")
    expect(page.locator("#news")).to_have_text(re.compile("2 new events|1 new event: b"))


def test_an_order_of_customers_that_changes_leaves_the_focus(
    watching: Watching, post: Post, playground: Playground
) -> None:
    """The customer of the newest event comes first; the link that has the focus keeps it on its way."""
    for number in range(3):
        post(f"customer-{number}@example.com", created_at=f"2026-03-0{number + 1}T10:00:00Z")
    page = watching.open(playground.url)
    page.get_by_role("link", name="customer-0@").focus()
    post("customer-0@example.com")
    expect(page.locator(".customers a").first).to_have_text("customer-0@example.com")
    assert page.evaluate("document.activeElement.textContent") == "customer-0@example.com"
    expect(page.locator("#news")).to_have_text("1 new event")


def test_customers_are_searched_as_one_types(watching: Watching, post: Post, playground: Playground) -> None:
    """The number found is said; the address can be given on; without script, Enter does the same."""
    filled(post)
    page = watching.open(playground.url)
    field = page.get_by_role("searchbox", name="Search by name or identifier")
    field.press_sequentially("MER-2@")
    expect(page.locator(".customers a")).to_have_text(["customer-2@example.com"])
    expect(page.locator("form").get_by_role("status")).to_have_text("1 customer found")
    expect(field).to_be_focused()
    assert page.url == f"{playground.url}/?q=MER-2%40"
    field.fill("")
    expect(page.locator(".customers a")).to_have_count(2)
    plain = watching.open(playground.url, java_script_enabled=False)
    plain.get_by_role("searchbox").fill("customer-2")
    plain.keyboard.press("Enter")
    expect(plain.locator(".customers a")).to_have_text(["customer-2@example.com"])


def test_the_keyboard_alone_is_enough(watching: Watching, post: Post, playground: Playground) -> None:
    """Past the navigation, to a search, to a customer, to an event's exact time, to what was refused."""
    filled(post)
    page = watching.open(playground.url)
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_in_viewport()
    press("Enter")
    press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("customer-1")
    expect(page.locator(".customers a")).to_have_count(1)
    press("Tab")
    press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("customer-1@example.com")
    for _ in range(5):
        press("Tab")
    expect(page.locator(":focus")).to_have_attribute("href", "#profiles")
    press("Tab")
    exact = page.locator(":focus .exact")
    expect(exact).to_have_css("opacity", "1")
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", exact.inner_text())
    press("Escape")
    expect(exact).to_have_css("opacity", "0")
    for _ in range(2):
        press("Shift+Tab")
    expect(page.locator(":focus")).to_have_text("Account")
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    details = page.locator("details", has_text="The last one")
    details.locator("summary").focus()
    press("Enter")
    expect(details).to_contain_text("event.type is longer than 40 characters")


def test_what_was_opened_stays_open(watching: Watching, post: Post, playground: Playground) -> None:
    """On the account's page, while more is refused."""
    filled(post)
    page = watching.open(playground.url + "/account")
    page.get_by_text("The last one").click()
    post(type="y" * 41)
    expect(page.locator(".latest li")).to_have_count(2)
    expect(page.locator("#news")).to_have_text("1 more request refused")
    expect(page.locator(".latest")).to_be_visible()


def test_records_and_tickets_show_without_a_reload(watching: Watching, post: Post, playground: Playground) -> None:
    """Beside the timeline; the words at its top lead to them."""
    address = post()
    page = watching.open(address)
    belongings(playground, address)
    expect(page.locator("#tickets + ul h3")).to_have_text(["Broken new", "Broken new"])
    expect(page.locator("#records + ul > li")).to_have_count(2)
    page.get_by_role("link", name="2 tickets").click()
    expect(page.get_by_role("heading", name="Tickets")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("name", ["customers", "customer", "account"])
def test_eyes_and_screen_readers_get_what_they_need(
    name: str, width: int, scheme: Any, watching: Watching, post: Post, playground: Playground
) -> None:
    """Landmarks, one heading of each page, names, contrast of WCAG's AA; nothing to scroll sideways at 360 pixels."""
    timeline = filled(post)
    (first, *_) = playground.events()
    belongings(playground, timeline)
    playground.receive("POST", EVENTS, json.dumps({**first.body, "profile": whose()}).encode(), "already there")
    address = {"customers": playground.url, "customer": timeline, "account": playground.url + "/account"}[name]
    page = watching.open(address, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true })")
    assert lacks(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 3 * 128) == (scheme == "dark")


FAULTY = """<!DOCTYPE html><html><title>Faulty</title><style>body { background: #fff } p { color: #999 }</style>
<main><h1 id="a">One</h1><h3 id="a">Three</h3><p aria-labelledby="no">pale</p><a href="/x"></a></main>
<main><input style="border: 1px solid #ddd"></main></html>"""


def test_what_a_page_lacks_is_seen(browser: Browser) -> None:
    """The check of the last test finds each fault of a page that has them."""
    page = browser.new_context().new_page()
    page.set_content(FAULTY)
    assert sorted(lacks(page)) == [
        "2 landmarks are called main ''",
        "a link has no name",
        "a textbox has no name",
        "aria-labelledby names no, which is not there",
        'p. "pale" has a contrast of 2.85',
        "the edge of input has a contrast of 1.36",
        "the heading 'Three' of level 3 follows one of level 1",
        "the id a is there 2 times",
        "there are 0 of banner, and there should be one",
        "there are 0 of contentinfo, and there should be one",
        "there are 2 of main, and there should be one",
        "title or language is missing",
    ]
    page.context.close()


def test_links_lead_where_they_say_and_others_are_none(watching: Watching, post: Post) -> None:
    """Only those that Zendesk shows as such; what looks like markup is text."""
    script = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
    page = watching.open(
        post(
            description=script,
            properties={
                script: script,
                "item": {"display_name": "Blue kettle", "url": "https://shop.example.com/kettle"},
                "trap": {"display_name": "trap", "url": "javascript:document.title='taken'"},
            },
        )
    )
    post(type="arrived", description=script)
    expect(page.get_by_role("heading", name="arrived")).to_be_visible()
    assert page.locator("article a:not(.when)").all_inner_texts() == ["Blue kettle"]
    assert page.get_by_role("link", name="Blue kettle").get_attribute("href") == "https://shop.example.com/kettle"
    assert page.title() == "customer-1@example.com · playground"
    assert page.locator("main img, main script").count() == 0


def test_a_page_whose_playground_has_ended_says_so(browser: Browser) -> None:
    """What was last shown stays."""
    with Playground() as served:
        page = browser.new_context().new_page()
        page.goto(served.url)
    expect(page.locator("#news")).to_contain_text("Nothing answers here any more")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    page.context.close()


@pytest.mark.parametrize("verb", ["demo", "preview"])
def test_verbs_open_the_pages(verb: str, browser: Browser, tmp_path: Path) -> None:
    """`demo --open` and `preview --page`, from the command line to the browser."""
    (tmp_path / "config.json").write_text(json.dumps({"source": "shop", "rules": [support.RULE]}))
    (tmp_path / "input.singer").write_bytes(support.lines([support.schema("orders"), support.record("orders", 1)]))
    preview = ("preview", "--config", "config.json", "--input", "input.singer", "--page")
    arguments = {"demo": ("demo", "--open"), "preview": preview}[verb]
    with subprocess.Popen(
        [*VERBS, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ
    ) as process:
        assert process.stderr is not None
        watching = Watching(browser, process.stderr.readline().split()[2])
        page = watching.open(watching._url)  # noqa: SLF001
        page.get_by_role("link", name="customer-1@example.com").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("customer-1@example.com")
        assert ("Nothing was sent" in page.content()) == (verb == "preview")
        assert (lacks(page), watching.faults) == ([], [])
        page.context.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
