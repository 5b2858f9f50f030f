"""Where a shipment waits for its turn: a line takes one minute's places, and holds no other line up."""

from __future__ import annotations

import enum

from target_zendesk_events.kinds.request import Bucket


class Line(enum.Enum):
    """A line before the counter."""

    EVENTS = "events"
    """Events and profiles, a request each."""
    SUPPORT = "support"
    """What takes Support's minute, a request each."""
    JOBS = "jobs"
    """What shares a request with others, as a job: it takes Support's minute too."""

    @property
    def bucket(self) -> Bucket:
        """Whose minute it takes."""
        return Bucket.EVENTS if self is Line.EVENTS else Bucket.SUPPORT
