"""A served account that grants less than is configured, on a real clock: the run finds it, in each bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

CONFIGURED = 250
GRANTED = 150
RECORDS = 310
"""Of each bucket: two minutes of what is granted, and a few for the third."""

TICKET: dict[str, Any] = {
    "stream": "incidents",
    "ticket": {
        "external_id": "{{ id }}",
        "requester": {"email": "{{ email }}", "name": "Customer {{ id }}"},
        "subject": "Incident {{ id }}",
        "comment": {"body": "It stands still.", "public": False},
    },
}


def test_from_the_second_minute_what_is_granted_is_used_and_hardly_an_answer_is_a_429(tmp_path: Path) -> None:
    """Where 150 of 250 are granted, fewer than 2 % of the second minute's answers are 429, and 0.9 of 150 are used.

    The events' bucket and Support's, side by side; what comes after the first minutes, and the way back, is simulated.
    """
    with Playground(requests_per_minute=GRANTED, support_requests_per_minute=GRANTED) as playground:
        settings = support.config(
            playground.url,
            tmp_path,
            requests_per_minute=CONFIGURED,
            support_requests_per_minute=CONFIGURED,
            rules=[{**support.RULE, "stream": "orders"}, TICKET],
        )
        streams = ("orders", "incidents")
        messages = [support.schema(stream) for stream in streams]
        messages += [support.record(stream, number) for number in range(RECORDS) for stream in streams]
        ended = support.run_here(settings, support.lines(messages))
        requests = playground.requests()
    assert ended.exit_code == 0
    for is_of_events in (True, False):
        ours = [one for one in requests if one.path.startswith("/api/v2/user_profiles") is is_of_events]
        first = min(one.arrived for one in ours)
        second_minute = [one.status for one in ours if 60 <= one.arrived - first < 120]
        limited = second_minute.count(429)
        assert limited < 0.02 * len(second_minute)
        assert len(second_minute) - limited >= 0.9 * GRANTED
