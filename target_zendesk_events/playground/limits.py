"""How many requests an account may send a minute, counted as Zendesk counts: by arrival, in any sixty seconds."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

PLANS = {"team": 250, "growth": 250, "professional": 500, "enterprise": 700, "enterprise_plus": 1000}
SUPPORT_PLANS = {"team": 200, "growth": 400, "professional": 400, "enterprise": 700, "enterprise_plus": 2500}
SOURCES = 50
TYPES = 2_500
PROFILES_A_PERSON = 20


@dataclass(frozen=True)
class Verdict:
    """What the limit says to one arrival; `wait` is the seconds until there is room again."""

    admitted: bool
    limit: int
    remaining: int
    wait: float

    def headers(self) -> dict[str, str]:
        """Return the headers that tell the client where it stands."""
        reset = str(math.ceil(self.wait))
        headers = {
            "X-Rate-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.remaining),
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": reset,
        }
        return headers if self.admitted else {**headers, "Retry-After": str(max(1, math.ceil(self.wait)))}


class RateLimit:
    """A sliding window over the arrivals that were let in; one that is turned away takes no place."""

    def __init__(self, requests_per_minute: int | None, window: float = 60.0) -> None:
        """Let in `requests_per_minute` (none or 0: all) in any `window` seconds."""
        self.limit = requests_per_minute or 0
        self.window = window
        self._arrivals: deque[float] = deque()

    def admit(self, now: float) -> Verdict | None:
        """Judge one arrival at `now` (monotonic seconds); none where there is no limit."""
        if not self.limit:
            return None
        self.used(now)
        admitted = len(self._arrivals) < self.limit
        if admitted:
            self._arrivals.append(now)
        wait = max(0.0, self._arrivals[0] + self.window - now)
        return Verdict(admitted, self.limit, self.limit - len(self._arrivals), wait)

    def used(self, now: float) -> int:
        """Return how many places are taken at `now`."""
        while self._arrivals and self._arrivals[0] <= now - self.window:
            self._arrivals.popleft()
        return len(self._arrivals)

    def clear(self) -> None:
        """Forget every arrival."""
        self._arrivals.clear()


def limit_of(plan: str | None, requests_per_minute: int | None, plans: dict[str, int] | None = None) -> int | None:
    """Return the requests a minute: the number given, else the plan's (of events, or of `plans`), else none."""
    if requests_per_minute is not None:
        return requests_per_minute
    if plan is None:
        return None
    if plan not in PLANS:
        message = f"plan is {plan!r}; Zendesk's plans are {', '.join(PLANS)}"
        raise ValueError(message)
    return (plans or PLANS)[plan]
