"""Which things of a preview its page holds."""

from __future__ import annotations

import pytest

from target_zendesk_events.cli.preview_page import PreviewPage
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile


def an_event(number: int) -> Event:
    """Return an event that can be told from others."""
    profile = Profile("shop", "customer", (Identifier("email", "customer-1@example.com"),))
    return Event(profile, "shop", f"type_{number}", {}, created_at="2026-03-01T00:00:00Z")


def held(page: PreviewPage) -> list[str]:
    """Return the types of the events that a page holds."""
    return [one.what.type for one in page.chosen() if isinstance(one.what, Event)]


@pytest.mark.parametrize(
    ("known", "most", "numbers"),
    [
        ([], 9, [0, 1, 2, 3]),
        ([0, 1], 9, [0, 1, 2, 3]),
        ([0, 1], 3, [0, 2, 3]),
        ([2, 3], 3, [0, 1, 2]),
        ([0, 1], 1, [2]),
    ],
)
def test_what_is_known_gives_way_to_what_is_new(known: list[int], most: int, numbers: list[int]) -> None:
    """In the order of the input."""
    page = PreviewPage()
    page.most = most
    for number in range(4):
        page.take(bytes([number]), an_event(number), 0.0, "known" if number in known else "new")
    assert held(page) == [f"type_{number}" for number in numbers]


def test_what_the_input_has_twice_is_there_once() -> None:
    """Unless it has no key, or nothing remembers keys: then it would show twice."""
    page = PreviewPage()
    page.take(b"1", an_event(1), 0.0, "new")
    page.take(b"1", an_event(1), 0.0, "known")
    page.take(b"2", an_event(2), 0.0, "new")
    page.take(b"2", an_event(2), 0.0, "new")
    page.take(None, an_event(3), 0.0, "new")
    page.take(None, an_event(3), 0.0, "new")
    assert held(page) == ["type_1", "type_2", "type_2", "type_3", "type_3"]
