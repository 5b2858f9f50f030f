"""What an answer tells the rate limit of its bucket."""

from __future__ import annotations

import time
from typing import cast

import pytest

from target_zendesk_events.delivery.in_flight import InFlight
from target_zendesk_events.delivery.workers import Workers
from target_zendesk_events.kinds.request import Bucket, Request
from target_zendesk_events.limits.rate_limit import RateLimit
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.zendesk.answers import TOO_MANY_JOBS_CODE, Answer, Kind
from target_zendesk_events.zendesk.client import Client


class Zendesk:
    """Gives the same answer to every request."""

    def __init__(self, answer: Answer) -> None:
        """Give this one."""
        self._answer = answer

    def send(self, request: Request) -> Answer:
        """Answer a request."""
        del request
        return self._answer


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        (Answer(Kind.ACCEPTED, 200), 100),
        (Answer(Kind.ACCEPTED, 200, remaining=0), 100),
        (Answer(Kind.ACCEPTED, 200, remaining=0, reset=30), 4),
        (Answer(Kind.LIMITED, 429), 1),
        (Answer(Kind.LIMITED, 429, code=TOO_MANY_JOBS_CODE), 100),
        (Answer(Kind.UNKNOWN, 503), 100),
    ],
)
def test_429s_and_headers_lower_the_rate_of_their_bucket_alone(answer: Answer, allowed: int) -> None:
    """Not what Zendesk says of too many jobs, and not the other bucket's."""
    limits = RateLimits({bucket: RateLimit(100) for bucket in Bucket})
    in_flight = InFlight(cast("Client", Zendesk(answer)), Workers(4, lambda: None), limits, Report())
    for now in range(4):
        in_flight.ask("look_ups", Request("GET", "users"), Bucket.SUPPORT, float(now))
    ends_at = time.monotonic() + 10
    taken = 0
    while taken < 4 and time.monotonic() < ends_at:
        taken += len(list(in_flight.take(5.0)))
    in_flight.close()
    assert taken == 4
    assert limits.of(Bucket.SUPPORT).found.places(5.0) == allowed
    assert limits.of(Bucket.EVENTS).found.places(5.0) == 100
