"""The requests of a run: how many of which kind, whose minute each took, and how long their answers took."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any, Final

ATTEMPTS: Final = ("sendings", "retries", "reads", "look_ups", "jobs", "job_statuses")
"""What takes a place in a minute. Others are `tokens`; answers 429 count as `limited`."""
SAMPLE_SIZE: Final = 2_000


class AnswerTimes:
    """A fair sample of the answers' times, for their quantiles."""

    def __init__(self) -> None:
        """Start with none."""
        self._seen = 0
        self._sample: list[float] = []
        self._random = random.Random(0)  # noqa: S311 - a sample, no secret

    def add(self, seconds: float) -> None:
        """Note one answer's time."""
        self._seen += 1
        if len(self._sample) < SAMPLE_SIZE:
            self._sample.append(seconds)
        elif (place := self._random.randrange(self._seen)) < SAMPLE_SIZE:
            self._sample[place] = seconds

    def quantile(self, share: float) -> float | None:
        """Return the time that `share` of the answers did not exceed; None without answers."""
        if not self._sample:
            return None
        ordered = sorted(self._sample)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


@dataclasses.dataclass(slots=True)
class Span:
    """Requests between the first of them and the last answer, by one clock."""

    sent: int = 0
    first_request_at: float | None = None
    last_answer_at: float | None = None

    def note_request(self, now: float) -> None:
        """Count one."""
        self.sent += 1
        if self.first_request_at is None:
            self.first_request_at = now

    def a_minute(self) -> float | None:
        """Return how many there were a minute; None where all was over within a second."""
        if self.first_request_at is None or self.last_answer_at is None:
            return None
        seconds = self.last_answer_at - self.first_request_at
        return self.sent * 60 / seconds if seconds >= 1 else None


@dataclasses.dataclass(slots=True)
class Minute(Span):
    """What was taken of one bucket's minutes, and by what."""

    things: int = 0
    """Those that requests were first sent for: a job's request is for many, a retry or a look-up for none."""
    open: int = 0
    """Those that are to be sent, and whose outcome is open."""
    kinds: set[str] = dataclasses.field(default_factory=set)
    """What kinds of things take its places."""
    seconds_waited: float = 0.0
    """In which something could have gone but for the limit."""
    limit_seen: int | None = None
    """The account's requests a minute, by the headers of the last answer that told it."""

    @property
    def things_a_request(self) -> float:
        """How many things a request settles, all told."""
        return self.things / self.sent if self.things else 1.0

    def minutes_for(self, things: int, allowed: int) -> float:
        """Return how long so many things take where `allowed` requests a minute are, as it went so far."""
        rate = self.a_minute()
        rate = float(allowed) if rate is None else max(1.0, min(rate, float(allowed)))
        return things / (rate * self.things_a_request)

    def as_object(self) -> dict[str, Any]:
        """Return it for `last-run.json`."""
        rate = self.a_minute()
        return {
            "sent": self.sent,
            "seconds_waited": round(self.seconds_waited, 3),
            "requests_a_minute": None if rate is None else round(rate, 1),
            "limit_seen": self.limit_seen,
        }
