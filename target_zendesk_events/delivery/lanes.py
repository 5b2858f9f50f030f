"""Who waits for whom: one customer's shipments go out one at a time, in the order they came."""

from __future__ import annotations

import collections
import heapq
import itertools
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

from target_zendesk_events.delivery.line import Line

Item = TypeVar("Item", bound=Hashable)


class Lanes(Generic[Item]):
    """A lane for each lane key (an identifier or a user id); an item may go when it heads all of its lanes.

    An item stays in its lanes until it is settled or taken out, so what shares a key with it waits: while it is
    queued, in flight or waiting for a retry. What refers to others does not stand in their lanes, but an item that
    takes one of them away waits for it too. Nothing is remembered of what has left.
    """

    def __init__(self) -> None:
        """Start with nobody in them."""
        self._numbers = itertools.count()
        self._lanes: dict[Hashable, collections.deque[Item]] = {}
        self._entries: dict[Item, tuple[int, tuple[Hashable, ...], Line]] = {}
        self._ahead: dict[Item, int] = {}
        self._references: dict[Item, tuple[Hashable, ...]] = {}
        self._referring: dict[Hashable, dict[Item, None]] = {}
        self._behind: dict[Item, list[Item]] = {}
        self._ready: dict[Line, list[tuple[int, Item]]] = {line: [] for line in Line}

    def __len__(self) -> int:
        """Count the items that are in their lanes, in flight or waiting for a retry."""
        return len(self._entries)

    def __contains__(self, item: Item) -> bool:
        """Tell whether an item has not left yet."""
        return item in self._entries

    def __iter__(self) -> Iterator[Item]:
        """Go through all items in the order they came."""
        return iter(self._entries)

    def add(
        self,
        item: Item,
        lane_keys: Iterable[Hashable],
        line: Line = Line.EVENTS,
        *,
        refers_to: Iterable[Hashable] = (),
        takes_away: bool = False,
    ) -> None:
        """Put an item at the end of the lanes of its lane keys; at their heads, it is ready in this line.

        It may refer to what stands in other lanes; where it `takes_away` what its own are of, all that refers to that,
        and came before, goes before.
        """
        distinct = tuple(dict.fromkeys(lane_keys))
        number = next(self._numbers)
        self._entries[item] = (number, distinct, line)
        ahead = self._wait_for_references(item, distinct) if takes_away else 0
        self._refer(item, tuple(dict.fromkeys(refers_to)))
        for lane_key in distinct:
            lane = self._lanes.setdefault(lane_key, collections.deque())
            ahead += bool(lane)
            lane.append(item)
        if ahead:
            self._ahead[item] = ahead
        else:
            heapq.heappush(self._ready[line], (number, item))

    def holds(self, lane_keys: Iterable[Hashable]) -> bool:
        """Tell whether any item stands in one of these lanes."""
        return any(lane_key in self._lanes for lane_key in lane_keys)

    def is_behind(self, item: Item, lane_key: Hashable) -> bool:
        """Tell whether an item that came before this one stands in a lane, which need not be one of its own."""
        lane = self._lanes.get(lane_key)
        return lane is not None and self._entries[lane[0]][0] < self._entries[item][0]

    def has_ready(self, line: Line) -> bool:
        """Tell whether an item of this line heads all of its lanes and was not yet handed out."""
        ready = self._ready[line]
        while ready and ready[0][1] not in self._entries:
            heapq.heappop(ready)
        return bool(ready)

    @property
    def any_ready(self) -> bool:
        """Whether an item of any line is ready."""
        return any(self.has_ready(line) for line in Line)

    def count_ready(self, line: Line) -> int:
        """Count the items that may go, as an upper bound."""
        return len(self._ready[line])

    def next(self, line: Line) -> Item:
        """Hand out the earliest item of a line that heads all of its lanes; it keeps them until it leaves."""
        if not self.has_ready(line):
            msg = "no item is ready"
            raise IndexError(msg)
        return heapq.heappop(self._ready[line])[1]

    def give_back(self, item: Item, line: Line) -> None:
        """Take back an item that `next` handed out and that was not used: it is ready again, at its old place."""
        heapq.heappush(self._ready[line], (self._entries[item][0], item))

    def leave(self, item: Item) -> None:
        """Let an item leave its lanes, settled or given up; whoever comes to head all of theirs becomes ready."""
        _, lane_keys, _ = self._entries.pop(item)
        self._ahead.pop(item, None)
        for lane_key in lane_keys:
            lane = self._lanes[lane_key]
            headed = lane[0] is item
            if headed:
                lane.popleft()
            else:
                lane.remove(item)
            if not lane:
                del self._lanes[lane_key]
            elif headed:
                self._step_up(lane[0])
        for name in self._references.pop(item, ()):
            del self._referring[name][item]
            if not self._referring[name]:
                del self._referring[name]
        for waiting in self._behind.pop(item, ()):
            if waiting in self._entries:
                self._step_up(waiting)

    def _refer(self, item: Item, names: tuple[Hashable, ...]) -> None:
        if names:
            self._references[item] = names
        for name in names:
            self._referring.setdefault(name, {})[item] = None

    def _wait_for_references(self, item: Item, names: Iterable[Hashable]) -> int:
        """Note that an item goes after all that refer to one of these names; return how many those are."""
        referring = dict.fromkeys(one for name in names for one in self._referring.get(name, ()))
        for one in referring:
            self._behind.setdefault(one, []).append(item)
        return len(referring)

    def _step_up(self, item: Item) -> None:
        self._ahead[item] -= 1
        if not self._ahead[item]:
            del self._ahead[item]
            number, _, line = self._entries[item]
            heapq.heappush(self._ready[line], (number, item))
