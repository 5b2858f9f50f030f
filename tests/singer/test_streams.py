"""A run without rules reads on for a minute from its first SCHEMA, and no longer."""

from __future__ import annotations

from target_zendesk_events.mapping.rules import RuleBook
from target_zendesk_events.singer.streams import Streams


def test_without_rules_a_minute_is_enough() -> None:
    """Nothing ends before a SCHEMA came; then 60 seconds count."""
    now = 100.0
    streams = Streams(RuleBook(()), has_ledger=False, monotonic=lambda: now)
    assert not streams.has_seen_enough
    streams.see("orders", {"properties": {}}, ("id",), is_dropped=False)
    assert not streams.has_seen_enough
    now += 59.0
    assert not streams.has_seen_enough
    now += 1.0
    assert streams.has_seen_enough
