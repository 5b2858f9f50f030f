"""The threads that post: each takes a prepared call, makes it, and puts what came back on a queue."""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from target_zendesk_events.zendesk.answers import Answer

Job = TypeVar("Job")
Call = Callable[[], Answer]


class Workers(Generic[Job]):
    """Up to `count` daemon threads, started as they are needed; `wake` is called from them when an answer waits."""

    def __init__(self, count: int, wake: Callable[[], None]) -> None:
        """Start no thread yet."""
        self._count = count
        self._wake = wake
        self._calls: queue.SimpleQueue[tuple[Job, Call] | None] = queue.SimpleQueue()
        self._answers: collections.deque[tuple[Job, Answer | BaseException]] = collections.deque()
        self._threads = 0
        self._busy = 0

    def start(self, job: Job, call: Call) -> None:
        """Have one thread make this call; its answer comes back with `job`."""
        self._busy += 1
        if self._busy > self._threads and self._threads < self._count:
            self._threads += 1
            threading.Thread(target=self._work, name=f"worker-{self._threads}", daemon=True).start()
        self._calls.put((job, call))

    def has_answers(self) -> bool:
        """Tell whether an answer waits to be taken."""
        return bool(self._answers)

    def take(self) -> list[tuple[Job, Answer | BaseException]]:
        """Return the answers that wait, or what a call raised in place of one."""
        taken: list[tuple[Job, Answer | BaseException]] = []
        while self._answers:
            self._busy -= 1
            taken.append(self._answers.popleft())
        return taken

    def abandon(self) -> None:
        """Give up on one call: the thread that makes it may never come back, so another may take its place."""
        self._count += 1

    def close(self) -> None:
        """Let the idle threads end; one that waits for an answer ends with the process."""
        for _ in range(self._threads):
            self._calls.put(None)

    def _work(self) -> None:
        while (task := self._calls.get()) is not None:
            job, call = task
            try:
                answer: Answer | BaseException = call()
            except BaseException as fault:  # noqa: BLE001 - the main thread looks at it
                answer = fault
            self._answers.append((job, answer))
            self._wake()
