"""Which STATE is safe, held against a model that keeps everything."""

from __future__ import annotations

import collections
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_zendesk_events.outcome.checkpoints import MAX_PENDING, Checkpoints, Position, Settled

STREAMS = ("orders", "logins", "carts")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.sampled_from(STREAMS)),
        st.tuples(st.just("skip"), st.sampled_from(STREAMS)),
        st.tuples(st.just("settle"), st.integers(0, 5)),
        st.tuples(st.just("state"), st.sampled_from(["whole", "bookmarks", "beside", "fewer"])),
        st.tuples(st.just("ask"), st.just(0)),
    ),
    max_size=60,
)


class Tap:
    """Writes records and STATEs; knows what is settled."""

    def __init__(self, *, per_stream: bool) -> None:
        """Start with streams that were seen, and one that never is."""
        self.checkpoints = Checkpoints(per_stream=per_stream)
        for stream in STREAMS:
            self.checkpoints.see(stream)
        self.open: list[tuple[int, Position]] = []
        self.unsettled: list[tuple[int, str]] = []
        self.upto = dict.fromkeys(STREAMS, -1)
        self.count = 0
        self.emitted: list[Any] = []

    def record(self, stream: str) -> None:
        """A record comes, numbered over all streams."""
        self.open.append((self.count, self.checkpoints.arrive(stream)))
        self.unsettled.append((self.count, stream))
        self.upto[stream] = self.count
        self.count += 1

    def skip(self, stream: str) -> None:
        """A record comes that will never be settled."""
        self.checkpoints.skip(stream)
        self.unsettled.append((self.count, stream))
        self.upto[stream] = self.count
        self.count += 1

    def settle(self, index: int) -> None:
        """One of the open records is settled."""
        if self.open:
            number, position = self.open.pop(index % len(self.open))
            self.checkpoints.settle(position)
            self.unsettled = [one for one in self.unsettled if one[0] != number]

    def state(self, form: str) -> None:
        """A STATE comes: an opaque one, one with bookmarks, with a key beside them, or with fewer streams."""
        value: dict[str, Any] = {"bookmarks": {**self.upto, "unseen": self.count - 1}}
        if form == "whole":
            value = {"upto": self.count - 1}
        if form == "beside":
            value["beside"] = self.count - 1
        if form == "fewer":
            value["bookmarks"] = {"orders": self.upto["orders"]}
        self.checkpoints.note(json.dumps(value).encode())

    def ask(self) -> None:
        """What goes out is safe for every part of it."""
        value = self.checkpoints.safe()
        if value is None:
            return
        passed = json.loads(value)
        self.emitted.append(passed)
        for name, upto in passed.get("bookmarks", {}).items():
            owed = [number for number, stream in self.unsettled if name in {stream, "unseen"}]
            assert all(number > upto for number in owed), name
        for beside in ("upto", "beside"):
            assert all(number > passed.get(beside, -1) for number, _ in self.unsettled)


@settings(max_examples=400, deadline=None)
@given(steps=STEPS, per_stream=st.booleans())
def test_no_state_is_ahead_of_what_is_settled(steps: list[tuple[str, Any]], per_stream: bool) -> None:
    """Every bookmark, every key beside them and every opaque STATE waits for the records before it."""
    tap = Tap(per_stream=per_stream)
    for act, argument in steps:
        if act == "ask":
            tap.ask()
        else:
            getattr(tap, act)(argument)
    tap.ask()
    for stream in STREAMS:
        upto = [one["bookmarks"][stream] for one in tap.emitted if stream in one.get("bookmarks", {})]
        assert upto == sorted(upto), "a bookmark that went out never goes back"


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, per_stream=st.booleans())
def test_when_all_is_settled_the_last_state_has_gone_out(steps: list[tuple[str, Any]], per_stream: bool) -> None:
    """After the last receipt the tap's newest STATE is out, with all that it held."""
    tap = Tap(per_stream=per_stream)
    newest = None
    for act, argument in steps:
        if act == "skip":
            continue
        if act == "state":
            newest = (argument, dict(tap.upto), tap.count - 1)
        if act == "ask":
            tap.ask()
        else:
            getattr(tap, act)(argument)
    while tap.open:
        tap.settle(0)
    tap.ask()
    if newest is None:
        assert tap.emitted == []
        return
    form, upto, number = newest
    expected: dict[str, Any] = {"bookmarks": {**upto, "unseen": number}}
    if form == "whole":
        expected = {"upto": number}
    if form == "beside":
        expected["beside"] = number
    if form == "fewer":
        expected["bookmarks"] = {"orders": upto["orders"]}
    assert tap.emitted[-1] == expected


@pytest.mark.parametrize("per_stream", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        b'{"bookmarks": {"orders": {"at": 1.0, "id": 123456789012345678901234567890, "x": 1e5}}}',
        b'{"bookmarks":{"orders":{"partitions":[{"context":{"id":1},"since":"2026-01-01T00:00:00Z"}]}}}',
        '{"bookmarks":{"orders":"caf\u00e9 \\u00e9 \\/"}}'.encode(),
    ],
)
def test_bookmarks_stay_the_bytes_that_the_tap_wrote(value: bytes, per_stream: bool) -> None:
    """Floats, big numbers, partitions and escapes of a bookmark go out byte for byte."""
    checkpoints = Checkpoints(per_stream=per_stream)
    checkpoints.see("orders")
    checkpoints.note(value)
    passed = checkpoints.safe()
    assert passed is not None
    inner = value[value.index(b'{"orders"') : -1]
    assert passed == value or inner.split(b":", 1)[1].strip().removesuffix(b"}") in passed


@pytest.mark.parametrize("value", [b"{}", b"7", b'"text"', b"[1, 2]", b'{"a" :  1.50}', b'{"bookmarks": 3}', b"true"])
@pytest.mark.parametrize("per_stream", [False, True])
def test_a_state_of_any_form_goes_out_whole(value: bytes, per_stream: bool) -> None:
    """What has no bookmarks by stream is passed on as it was written, blanks and all."""
    checkpoints = Checkpoints(per_stream=per_stream)
    checkpoints.note(value)
    assert checkpoints.safe() == value
    assert checkpoints.safe() is None


def test_null_is_no_state() -> None:
    """A STATE without a value would make Meltano forget what it had: it is not passed on."""
    checkpoints = Checkpoints()
    checkpoints.note(b"null")
    assert checkpoints.safe() is None


def test_a_stopped_stream_holds_nobody_else_back() -> None:
    """Per stream, others' bookmarks advance while one is stuck at its last safe value."""
    tap = Tap(per_stream=True)
    tap.state("bookmarks")
    tap.checkpoints.safe()
    tap.skip("orders")
    tap.record("logins")
    tap.settle(0)
    tap.checkpoints.note(b'{"bookmarks":{"orders":0,"logins":1}}')
    passed = tap.checkpoints.safe()
    assert passed is not None
    assert json.loads(passed)["bookmarks"] == {"orders": -1, "logins": 1}


def test_a_stream_stuck_for_long_holds_nobody_else_back() -> None:
    """However many STATEs come while one stream is stuck, the others' bookmarks still go out."""
    checkpoints = Checkpoints(per_stream=True)
    for stream in ("orders", "logins"):
        checkpoints.see(stream)
    checkpoints.note(b'{"bookmarks":{"orders":-1,"logins":-1}}')
    checkpoints.safe()
    checkpoints.skip("orders")
    for number in range(3 * MAX_PENDING):
        checkpoints.settle(checkpoints.arrive("logins"))
        checkpoints.note(json.dumps({"bookmarks": {"orders": 0, "logins": number}}).encode())
        passed = checkpoints.safe()
        assert passed is not None
        assert json.loads(passed) == {"bookmarks": {"orders": -1, "logins": number}}


def test_several_streams_stuck_at_different_places_never_go_back() -> None:
    """Thinning keeps each stuck stream's newest safe bookmark: none that went out is followed by an older one."""
    checkpoints = Checkpoints(per_stream=True)
    streams = ("orders", "logins", "carts")
    for stream in streams:
        checkpoints.see(stream)
    upto = dict.fromkeys(streams, 0)
    newest = dict.fromkeys(streams, -1)
    for number in range(1, 3 * MAX_PENDING):
        for index, stream in enumerate(streams):
            if index and number > 7 * index:
                checkpoints.skip(stream)
            else:
                checkpoints.settle(checkpoints.arrive(stream))
            upto[stream] = number
        checkpoints.note(json.dumps({"bookmarks": upto}).encode())
        passed = checkpoints.safe()
        assert passed is not None
        bookmarks = json.loads(passed)["bookmarks"]
        assert all(bookmarks[stream] >= newest[stream] for stream in streams)
        newest = bookmarks
    assert newest == {"orders": 3 * MAX_PENDING - 1, "logins": 7, "carts": 14}


def test_pending_states_are_thinned_and_the_newest_is_kept() -> None:
    """While nothing is settled, thousands of STATEs are kept as a few; the newest goes out in the end."""
    checkpoints = Checkpoints()
    tickets = []
    for number in range(5_000):
        tickets.append(checkpoints.arrive("orders"))
        checkpoints.note(str(number).encode())
    assert len(checkpoints._pending) <= MAX_PENDING  # noqa: SLF001 - what is kept shows nowhere else
    assert checkpoints.safe() is None
    for position in tickets[:2_500]:
        checkpoints.settle(position)
    passed = checkpoints.safe()
    assert passed is not None
    assert int(passed) < 2_500
    for position in tickets[2_500:]:
        checkpoints.settle(position)
    assert checkpoints.safe() == b"4999"


@pytest.mark.parametrize("per_stream", [False, True])
def test_states_go_out_all_along_a_backlog(per_stream: bool) -> None:
    """With 2,000 records open at any time and a STATE after each, STATEs go out, a few hundred behind at most."""
    checkpoints = Checkpoints(per_stream=per_stream)
    checkpoints.see("orders")
    tickets: collections.deque[Position] = collections.deque()
    newest = -1
    for number in range(12_000):
        tickets.append(checkpoints.arrive("orders"))
        checkpoints.note(json.dumps({"bookmarks": {"orders": number}}).encode())
        if len(tickets) == 2_000:
            checkpoints.settle(tickets.popleft())
            passed = checkpoints.safe()
            newest = json.loads(passed)["bookmarks"]["orders"] if passed else newest
            assert newest >= number - 2_400


def test_no_state_before_each_stream_in_it_has_a_safe_value() -> None:
    """Per stream, the first STATE waits until every stream in it has a value that is safe."""
    checkpoints = Checkpoints(per_stream=True)
    orders, logins = checkpoints.arrive("orders"), checkpoints.arrive("logins")
    checkpoints.note(b'{"bookmarks":{"orders":1,"logins":2}}')
    checkpoints.settle(logins)
    assert checkpoints.safe() is None
    checkpoints.settle(orders)
    assert checkpoints.safe() is not None


def test_the_bookmark_of_an_unseen_stream_waits_for_all() -> None:
    """A bookmark whose name is no stream seen may speak for any of them."""
    checkpoints = Checkpoints(per_stream=True)
    position = checkpoints.arrive("orders")
    checkpoints.note(b'{"bookmarks":{"parent":1}}')
    assert checkpoints.safe() is None
    checkpoints.settle(position)
    assert checkpoints.safe() == b'{"bookmarks":{"parent":1}}'


@given(order=st.permutations(range(12)))
def test_settled_knows_how_far_there_is_no_gap(order: list[int]) -> None:
    """`upto` is the first number that is not settled, in whatever order they are."""
    line = Settled()
    for _ in order:
        line.arrive()
    done: set[int] = set()
    for number in order:
        line.settle(number)
        done.add(number)
        assert line.upto == next(one for one in range(13) if one not in done)
    assert not line._beyond, "what lies behind is forgotten"  # noqa: SLF001 - what is kept shows nowhere else


def test_a_stuck_line_keeps_nothing_of_what_comes_after() -> None:
    """Behind a record that is never settled, nothing more is remembered."""
    line = Settled()
    line.stick()
    for _ in range(1_000):
        line.settle(line.arrive())
    assert line.upto == 0
    assert not line._beyond  # noqa: SLF001 - what is kept shows nowhere else


def test_a_line_that_sticks_still_moves_up_to_where_it_sticks() -> None:
    """Of three records the third is never settled: the two before it are, in any order, and the next is the fourth."""
    line = Settled()
    first, second = line.arrive(), line.arrive()
    line.stick()
    assert line.arrived == 3
    assert line.arrive() == 3
    line.settle(second)
    line.settle(first)
    assert line.upto == 2


def test_a_line_sticks_where_it_stuck_first() -> None:
    """A second record that is never settled moves nothing: what lies between the two is not kept."""
    line = Settled()
    line.stick()
    between = line.arrive()
    line.stick()
    line.settle(between)
    assert not line._beyond  # noqa: SLF001 - what is kept shows nowhere else


def gone_out(places: Sequence[int], *, settled: int = 0) -> list[int]:
    """Return which STATEs go out while records are settled one by one; each came after so many records as it says.

    The first `settled` records are settled before the last STATE comes, and nobody asks what is safe until then.
    """
    checkpoints = Checkpoints()
    tickets: list[Position] = []
    for place in places:
        while len(tickets) < place:
            tickets.append(checkpoints.arrive("orders"))
        if place == places[-1]:
            for ticket in tickets[:settled]:
                checkpoints.settle(ticket)
        checkpoints.note(str(place).encode())
    passed = [checkpoints.safe()]
    for ticket in tickets[settled:]:
        checkpoints.settle(ticket)
        passed.append(checkpoints.safe())
    return [int(value) for value in passed if value is not None]


def test_up_to_two_hundred_states_wait_and_each_goes_out() -> None:
    """Nothing is thinned before there is no room, and what is safe when the next one comes makes room."""
    assert gone_out(range(1, 201)) == list(range(1, 201))
    assert gone_out(range(1, 202), settled=1) == list(range(1, 202))


@pytest.mark.parametrize(
    ("places", "kept"),
    [
        # one after each record, from the first record or from the thousandth
        ([*range(1, 202)], [*range(1, 200, 2), 200, 201]),
        ([*range(1_001, 1_202)], [*range(1_001, 1_200, 2), 1_200, 1_201]),
        # over 200 records a step is 2, and what is just a step ahead is kept
        ([*range(1, 200), 201, 202], [*range(1, 200, 2), 201, 202]),
        # many over few records, then few over many
        ([*range(1, 101), *range(110, 1_101, 10), 1_101], [*range(1, 101, 11), *range(120, 1_101, 20), 1_101]),
        # one far before, or far behind, the others
        ([1, *range(1_001, 1_200), 1_200], [1, *range(1_001, 1_199, 12), 1_199, 1_200]),
        ([*range(1, 200), 1_199, 1_200], [*range(1, 200, 12), 1_199, 1_200]),
    ],
)
def test_where_two_hundred_wait_half_are_kept_evenly_over_the_records(places: list[int], kept: list[int]) -> None:
    """The first and the newest are kept, and between them those that lie two hundredths of the records apart."""
    assert gone_out(places) == kept


def test_states_without_a_record_between_them_are_one() -> None:
    """The newest of them takes the place of the others, which thin nothing."""
    checkpoints = Checkpoints()
    tickets = []
    for number in range(150):
        tickets.append(checkpoints.arrive("orders"))
        checkpoints.note(str(number).encode())
    for number in range(150, 300):
        checkpoints.note(str(number).encode())
    tickets.append(checkpoints.arrive("orders"))
    checkpoints.note(b"300")
    passed = []
    for ticket in tickets:
        checkpoints.settle(ticket)
        passed.append(checkpoints.safe())
    assert passed == [str(number).encode() for number in (*range(149), 299, 300)]


def test_what_a_replaced_state_holds_is_not_lost() -> None:
    """Its bookmark is safe, and goes out, while the one in its place waits for a stream of its own."""
    checkpoints = Checkpoints(per_stream=True)
    checkpoints.settle(checkpoints.arrive("logins"))
    checkpoints.arrive("orders")
    checkpoints.note(b'{"bookmarks":{"logins":1}}')
    checkpoints.note(b'{"bookmarks":{"logins":1,"orders":2}}')
    assert checkpoints.safe() == b'{"bookmarks":{"logins":1}}'


def test_without_per_stream_a_bookmark_waits_for_all_records() -> None:
    """A plain `Checkpoints` trusts a STATE only as a whole."""
    checkpoints = Checkpoints()
    checkpoints.see("logins")
    position = checkpoints.arrive("orders")
    checkpoints.note(b'{"bookmarks":{"logins":1}}')
    assert checkpoints.safe() is None
    checkpoints.settle(position)
    assert checkpoints.safe() == b'{"bookmarks":{"logins":1}}'


def test_the_bookmark_of_a_stream_without_records_waits_for_nobody() -> None:
    """A stream that a SCHEMA named speaks for itself, also where the SCHEMA comes after the STATE."""
    checkpoints = Checkpoints(per_stream=True)
    checkpoints.see("logins")
    checkpoints.arrive("orders")
    checkpoints.note(b'{"bookmarks":{"logins":1}}')
    assert checkpoints.safe() == b'{"bookmarks":{"logins":1}}'
    checkpoints.arrive("orders")
    checkpoints.note(b'{"bookmarks":{"carts":2}}')
    assert checkpoints.safe() is None
    checkpoints.see("carts")
    assert checkpoints.safe() == b'{"bookmarks":{"carts":2}}'


def test_of_a_state_with_bookmarks_and_one_without_the_newer_goes_out() -> None:
    """A tap that changes the form of its STATE is followed, to and fro."""
    checkpoints = Checkpoints(per_stream=True)
    checkpoints.see("orders")
    for value in (b'{"bookmarks":{"orders":1}}', b'{"upto":2}', b'{"bookmarks":{"orders":3}}'):
        position = checkpoints.arrive("orders")
        checkpoints.note(value)
        checkpoints.settle(position)
        assert checkpoints.safe() == value
