"""Answers that are remembered by their Idempotency-Key, so that a request that comes again does nothing twice."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from .refusals import JSON, Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store import Store

KEPT_SECONDS = 7_200
HEADER, LOOKUP = "idempotency-key", "x-idempotency-lookup"


class IdempotencyKeys:
    """The keys of the last two hours."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        """Remember in `store`."""
        self._store = store
        self._clock = clock

    def once(self, key: str | None, body: bytes, act: Callable[[], Answer]) -> Answer:
        """Act, unless it was done under this key: then answer as before. Refuses the key with another body."""
        if not key:
            return act()
        now, digest = self._clock(), hashlib.sha256(body).hexdigest()
        self._store.run("DELETE FROM idempotency_keys WHERE began <= ?", now - KEPT_SECONDS)
        known = self._store.row("SELECT digest, answer FROM idempotency_keys WHERE key = ?", key)
        if known is None:
            answer = act()
            sql = "INSERT INTO idempotency_keys (key, digest, answer, began) VALUES (?, ?, ?, ?)"
            self._store.run(sql, key, digest, answer.body, now)
            return Answer(answer.status, answer.body, {**answer.headers, LOOKUP: "miss"})
        if known["digest"] != digest:
            raise Refusal(400, "IdempotentRequestError", "The key was used with another body", "error_text")
        return Answer(201, known["answer"], {"content-type": JSON, LOOKUP: "hit"})
