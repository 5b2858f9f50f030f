"""Lanes, held against a model that is too simple to be wrong."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.line import Line

LANE_KEYS = st.lists(st.sampled_from([("email", "a"), ("email", "b"), ("phone", "a"), "user 1", "user 2"]), max_size=4)


class AgainstTheModel(RuleBasedStateMachine):
    """An item may go when no earlier one that is still in line shares a handle with it; the earliest goes first.

    One that takes away goes after the earlier ones that refer to its handles, too.
    """

    @initialize()
    def start(self) -> None:
        """Start with nobody in line."""
        self.lanes: Lanes[int] = Lanes()
        self.lane_keys: dict[int, set[object]] = {}
        self.references: dict[int, set[object]] = {}
        self.takes_away: set[int] = set()
        self.handed_out: set[int] = set()
        self.count = 0

    @rule(lane_keys=LANE_KEYS, refers_to=LANE_KEYS, takes_away=st.booleans())
    def add(self, lane_keys: list[object], refers_to: list[object], takes_away: bool) -> None:
        """Another item comes; a handle may be named twice."""
        self.lanes.add(self.count, lane_keys, refers_to=refers_to, takes_away=takes_away)
        self.lane_keys[self.count] = set(lane_keys)
        self.references[self.count] = set(refers_to)
        self.takes_away.update([self.count] if takes_away else [])
        self.count += 1

    def ready(self) -> list[int]:
        """Return who may go and has not gone, in order."""
        return [
            one
            for one, lane_keys in self.lane_keys.items()
            if one not in self.handed_out
            and not any(other < one and lane_keys & self.held_by(other, one) for other in self.lane_keys)
        ]

    def held_by(self, other: int, one: int) -> set[object]:
        """Return the handles for which an earlier item holds up one."""
        return self.lane_keys[other] | (self.references[other] if one in self.takes_away else set())

    @precondition(lambda self: self.ready())
    @rule()
    def hand_out(self) -> None:
        """The earliest that may go is handed out, and keeps its lines."""
        expected = self.ready()[0]
        assert self.lanes.next(Line.EVENTS) == expected
        self.handed_out.add(expected)

    @precondition(lambda self: self.handed_out)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """One that was handed out and not used has its old place again."""
        one = data.draw(st.sampled_from(sorted(self.handed_out)))
        self.lanes.give_back(one, Line.EVENTS)
        self.handed_out.remove(one)

    @precondition(lambda self: self.lane_keys)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Anyone may leave: at the head, in the midst, handed out or not."""
        one = data.draw(st.sampled_from(sorted(self.lane_keys)))
        self.lanes.leave(one)
        del self.lane_keys[one]
        self.handed_out.discard(one)

    @invariant()
    def agree(self) -> None:
        """Both say who is in line, and whether anyone may go."""
        assert self.lanes.has_ready(Line.EVENTS) == bool(self.ready())
        assert list(self.lanes) == list(self.lane_keys)
        assert len(self.lanes) == len(self.lane_keys)
        assert all(one in self.lanes for one in self.lane_keys)

    def teardown(self) -> None:
        """Nothing is remembered of what has left."""
        for one in list(self.lane_keys):
            self.leave_silently(one)
        assert self.lanes._lanes == {}  # noqa: SLF001 - what is kept shows nowhere else
        for kept in (self.lanes._ahead, self.lanes._references, self.lanes._referring, self.lanes._behind):  # noqa: SLF001
            assert kept == {}

    def leave_silently(self, one: int) -> None:
        """Let one leave at the end."""
        self.lanes.leave(one)
        del self.lane_keys[one]


AgainstTheModel.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestLanes = AgainstTheModel.TestCase


def test_nobody_ready_is_an_error() -> None:
    """`next` without anybody ready raises IndexError."""
    with pytest.raises(IndexError):
        Lanes().next(Line.EVENTS)


def test_an_item_without_handles_waits_for_nobody() -> None:
    """What shares nothing goes at once."""
    lanes: Lanes[str] = Lanes()
    lanes.add("first", [])
    lanes.add("second", [])
    assert [lanes.next(Line.EVENTS), lanes.next(Line.EVENTS)] == ["first", "second"]
