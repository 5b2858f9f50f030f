"""What is said of a wait, and when."""

from __future__ import annotations

import math

import pytest

from target_zendesk_events.delivery.lookout import SECONDS_APART, SECONDS_TO_FIRST_WORD, Words


def said(waits: list[tuple[float, float]], until: float, step: float = 0.5) -> list[float]:
    """Return when something was said of waits, each from a time to another; the clock moves by `step`."""
    words, found, now = Words(), [], 0.0
    while now <= until:
        since = next((begin for begin, end in waits if begin <= now < end), None)
        if words.note(now, since) is not None:
            found.append(now)
        now += step
    return found


@pytest.mark.parametrize(
    ("waits", "times"),
    [
        ([], []),
        ([(10, 11)], []),
        ([(10, 12)], [11.5, 12]),
        ([(10, 30)], [11.5, 21.5, 30]),
        ([(10, 1_000)], [11.5, 21.5, 41.5, 81.5, 161.5, 321.5, 621.5, 921.5, 1_000]),
        ([(10, 12), (12, 14)], [11.5, 14]),
        ([(10, 12), (13, 15), (16, 18), (200, 203)], [11.5, 12, 201.5, 203]),
        ([(10, 12), (20, 60)], [11.5, 12, 40, 60]),
    ],
)
def test_a_wait_is_told_of_soon_then_seldom_and_when_it_is_over(
    waits: list[tuple[float, float]], times: list[float]
) -> None:
    """Within two seconds, then after 10, 20, 40 and at most 300; a moment's wait, and its end, are not told of."""
    assert said(waits, 1_200) == times


def test_it_says_when_it_has_something_to_say() -> None:
    """Its next word is due at a time; without a wait, never."""
    words = Words()
    assert words.next_at == math.inf
    words.note(5.0, 5.0)
    assert words.next_at == 5.0 + SECONDS_TO_FIRST_WORD < 7.0
    assert words.note(words.next_at, 5.0) == SECONDS_TO_FIRST_WORD
    assert words.note(60.0, None) == 55.0
    assert words.next_at == math.inf
    assert SECONDS_APART > 0
