"""How long something takes, in words."""

from __future__ import annotations

import pytest

from target_zendesk_events.lengths import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (0.6, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (44.4 * 60, "44 minutes"),
        (7_199, "120 minutes"),
        (7_200, "2 hours"),
        (47 * 3_600, "47 hours"),
        (4_000 * 86_400, "4,000 days"),
    ],
)
def test_a_length_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    """Of which there are two; nobody counts 7,199 seconds."""
    assert in_words(seconds) == words
