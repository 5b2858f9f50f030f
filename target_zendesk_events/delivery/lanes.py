"""Who waits for whom: one customer's shipments go out one at a time, in the order they came."""

from __future__ import annotations

import collections
import heapq
import itertools
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Lanes(Generic[Item]):
    """A line for each lane key (an identifier or a user id); an item may go when it heads all of its lines.

    An item stays in its lines until it is settled or taken out, so what shares a key with it waits: while it is
    queued, in flight or waiting for a retry. Nothing is remembered of what has left.
    """

    def __init__(self) -> None:
        """Start with nobody in line."""
        self._numbers = itertools.count()
        self._lines: dict[Hashable, collections.deque[Item]] = {}
        self._entries: dict[Item, tuple[int, tuple[Hashable, ...]]] = {}
        self._ahead: dict[Item, int] = {}
        self._ready: list[tuple[int, Item]] = []

    def __len__(self) -> int:
        """Count the items that are in line, in flight or waiting for a retry."""
        return len(self._entries)

    def __contains__(self, item: Item) -> bool:
        """Tell whether an item has not left yet."""
        return item in self._entries

    def __iter__(self) -> Iterator[Item]:
        """Go through all items in the order they came."""
        return iter(self._entries)

    def add(self, item: Item, lane_keys: Iterable[Hashable]) -> None:
        """Put an item at the end of the lines of its lane keys."""
        distinct = tuple(dict.fromkeys(lane_keys))
        number = next(self._numbers)
        self._entries[item] = (number, distinct)
        ahead = 0
        for lane_key in distinct:
            line = self._lines.setdefault(lane_key, collections.deque())
            ahead += bool(line)
            line.append(item)
        if ahead:
            self._ahead[item] = ahead
        else:
            heapq.heappush(self._ready, (number, item))

    def has_ready(self) -> bool:
        """Tell whether an item heads all of its lines and was not yet handed out."""
        while self._ready and self._ready[0][1] not in self._entries:
            heapq.heappop(self._ready)
        return bool(self._ready)

    def count_ready(self) -> int:
        """Count the items that may go, as an upper bound."""
        return len(self._ready)

    def next(self) -> Item:
        """Hand out the earliest item that heads all of its lines; it keeps them until it leaves."""
        if not self.has_ready():
            msg = "no item is ready"
            raise IndexError(msg)
        return heapq.heappop(self._ready)[1]

    def give_back(self, item: Item) -> None:
        """Take back an item that `next` handed out and that was not used: it is ready again, at its old place."""
        heapq.heappush(self._ready, (self._entries[item][0], item))

    def leave(self, item: Item) -> None:
        """Let an item leave its lines, settled or given up; whoever comes to head all of theirs becomes ready."""
        _, lane_keys = self._entries.pop(item)
        self._ahead.pop(item, None)
        for lane_key in lane_keys:
            line = self._lines[lane_key]
            headed = line[0] is item
            if headed:
                line.popleft()
            else:
                line.remove(item)
            if not line:
                del self._lines[lane_key]
            elif headed:
                self._step_up(line[0])

    def _step_up(self, item: Item) -> None:
        self._ahead[item] -= 1
        if not self._ahead[item]:
            del self._ahead[item]
            heapq.heappush(self._ready, (self._entries[item][0], item))
