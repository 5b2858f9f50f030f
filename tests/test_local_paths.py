"""Where a named file lies."""

from __future__ import annotations

import pytest

from target_zendesk_events.local_paths import local_paths


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/a/b.jsonl", ["/a/b.jsonl"]),
        ("b.jsonl", ["b.jsonl"]),
        ("2026-11-01T10:00.jsonl", ["2026-11-01T10:00.jsonl"]),
        ("orders:1.jsonl", ["orders:1.jsonl"]),
        ("/a/b%20c", ["/a/b%20c"]),
        ("file:///a/b.jsonl", ["/a/b.jsonl"]),
        ("FILE:///a", ["/a"]),
        ("file:/a/b", ["/a/b"]),
        ("file://localhost/a", ["/a"]),
        ("file://out/b.jsonl", ["out/b.jsonl"]),
        ("local:///a", ["/a"]),
        ("file:///a%20b", ["/a b", "/a%20b"]),
        ("s3://bucket/a", []),
        ("https://example.com/a", []),
        ("", [""]),
    ],
)
def test_a_text_stands_for_a_path(text: str, paths: list[str]) -> None:
    """Or for none on this machine."""
    assert local_paths(text) == paths
