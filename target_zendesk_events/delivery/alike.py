"""Events that look the same on a customer's timeline and go shortly after one another, so that none stands in for all.

Zendesk gives an event no id that we know: when one of them is read back, the others are found too. How many went before
it tells how many must be found for it to be there.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from typing import Final

from target_zendesk_events.delivery.posting import Posting
from target_zendesk_events.delivery.verify import CLOCK_TOLERANCE_SECONDS
from target_zendesk_events.event import canonical

APART_SECONDS: Final = CLOCK_TOLERANCE_SECONDS + 2.0
"""Events further apart are told from each other by the times at which Zendesk received them."""


@dataclasses.dataclass(slots=True)
class _Row:
    """Events that look the same, none far from the one before: how many were sent, since when, and until when."""

    count: int
    first_sent_at: float
    last_answer_at: float


class Alike:
    """Remembers what was sent in the last seconds; times are of the monotonic clock."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._rows: collections.OrderedDict[bytes, _Row] = collections.OrderedDict()

    def note_departure(self, posting: Posting, now: float) -> None:
        """An event is about to go for the first time: note in it those that look the same and went shortly before."""
        while self._rows and next(iter(self._rows.values())).last_answer_at < now - APART_SECONDS:
            self._rows.popitem(last=False)
        row = self._rows.get(_looks(posting))
        if row is not None:
            posting.alike, posting.first_sent_at = row.count, row.first_sent_at

    def note_stored(self, posting: Posting, now: float) -> None:
        """An event was stored, or may have been."""
        if posting.first_sent_at is not None:
            looks = _looks(posting)
            self._rows[looks] = _Row(posting.alike + 1, posting.first_sent_at, now)
            self._rows.move_to_end(looks)


def _looks(posting: Posting) -> bytes:
    """Return a hash of the customer and of all that is compared when the event is read back."""
    profile, event = posting.event.profile, posting.event.as_object()
    who = [profile.source, profile.type, profile.user_id, *sorted([one.type, one.value] for one in profile.identifiers)]
    return hashlib.blake2b(canonical([who, event]), digest_size=16).digest()
