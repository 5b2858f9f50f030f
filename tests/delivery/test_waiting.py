"""What waits for its next attempt, held against a sorted list."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.delivery.waiting import Waiting

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 5), st.integers(0, 9)),
        st.tuples(st.just("discard"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("pop"), st.just(0), st.integers(0, 9)),
        st.tuples(st.just("pop any"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(acts=ACTS)
def test_waiting_agrees_with_a_sorted_list(acts: list[tuple[str, int, int]]) -> None:
    """What is due first comes first, what was added first among those; an item waits once, by its newest time."""
    waiting: Waiting[int] = Waiting()
    model: dict[int, tuple[float, int]] = {}
    for turn, (act, item, moment) in enumerate(acts):
        if act == "add":
            waiting.add(item, moment)
            model[item] = (moment, turn)
        elif act == "discard":
            waiting.discard(item)
            model.pop(item, None)
        else:
            now = math.inf if act == "pop any" else moment
            due = sorted((when, one) for one, when in model.items() if when[0] <= now)
            assert waiting.pop(now) == (due[0][1] if due else None)
            if due:
                del model[due[0][1]]
        assert len(waiting) == len(model)
        assert waiting.next_at == min((when[0] for when in model.values()), default=math.inf)


def test_nothing_waits_at_first() -> None:
    """An empty room has nothing to give, whatever the time."""
    waiting: Waiting[str] = Waiting()
    assert waiting.pop(math.inf) is None
    assert waiting.next_at == math.inf
