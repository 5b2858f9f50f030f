"""What waits for its next attempt, and until when. Pure."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Waiting(Generic[Item]):
    """Items by the time at which they are due; what is due earliest comes first, so that all take turns."""

    def __init__(self) -> None:
        """Start with nothing that waits."""
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, Item]] = []
        self._present: dict[Item, int] = {}

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._present)

    def add(self, item: Item, due: float) -> None:
        """Have an item wait until `due`."""
        number = next(self._numbers)
        self._present[item] = number
        heapq.heappush(self._heap, (due, number, item))

    def pop(self, now: float) -> Item | None:
        """Take out the item that is due first, if it is due by `now`."""
        if self.next_at > now or not self._heap:
            return None
        item = heapq.heappop(self._heap)[2]
        del self._present[item]
        return item

    def discard(self, item: Item) -> None:
        """Let an item wait no more."""
        self._present.pop(item, None)

    @property
    def next_at(self) -> float:
        """When the first item is due; infinity when nothing waits."""
        while self._heap and self._present.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf
