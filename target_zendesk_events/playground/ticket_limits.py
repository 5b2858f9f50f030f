"""How often tickets may be changed and deleted, beside Support's minute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .limits import RateLimit
from .refusals import Answer, Refusal

if TYPE_CHECKING:
    from .limits import Verdict

UPDATES, UPDATES_OF_ONE, DELETIONS = 100, 30, 400
WINDOWS_OF_ONE = 10
"""Minutes in which one ticket may be changed so often."""
UPDATE, DELETE = "zendesk-ratelimit-tickets-update", "zendesk-ratelimit-tickets-delete"


class TicketLimits:
    """A minute for changes, one for deletions, and ten for each ticket; a minute is `window` seconds."""

    def __init__(self, window: float = 60.0) -> None:
        """Start with all of them free."""
        self._window = window
        self.clear()

    def clear(self) -> None:
        """Forget what came."""
        self._updates = RateLimit(UPDATES, self._window)
        self._deletions = RateLimit(DELETIONS, self._window)
        self._of_one: dict[int, RateLimit] = {}

    def update(self, ticket_id: int, now: float) -> dict[str, str]:
        """Let a change of a ticket in, or refuse it; returns the header that says how many are left."""
        of_one = self._of_one.setdefault(ticket_id, RateLimit(UPDATES_OF_ONE, self._window * WINDOWS_OF_ONE))
        _judge(of_one.admit(now), UPDATE, f"A ticket is changed at most {UPDATES_OF_ONE} times in ten minutes")
        return _judge(self._updates.admit(now), UPDATE, f"Tickets are changed at most {UPDATES} times a minute")

    def delete(self, now: float) -> dict[str, str]:
        """Let a deletion in, or refuse it."""
        return _judge(self._deletions.admit(now), DELETE, f"At most {DELETIONS} tickets are deleted a minute")


class LimitReached(Refusal):
    """A refusal until some time has passed."""

    def __init__(self, title: str, headers: dict[str, str]) -> None:
        """Say which limit it is."""
        super().__init__(429, "TooManyRequests", title, "error_text")
        self._headers = headers

    def answer(self) -> Answer:
        """Return the answer that carries this refusal."""
        plain = super().answer()
        return Answer(plain.status, plain.body, {**plain.headers, **self._headers})


def _judge(verdict: Verdict | None, name: str, title: str) -> dict[str, str]:
    if verdict is None:
        return {}
    resets = math.ceil(verdict.wait)
    headers = {name: f"total={verdict.limit}; remaining={verdict.remaining}; resets={resets}"}
    if not verdict.admitted:
        raise LimitReached(title, {**headers, "retry-after": str(max(1, resets))})
    return headers
