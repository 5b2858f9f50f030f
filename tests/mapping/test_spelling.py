"""Identifiers: one customer has one spelling, whatever nobody sees around it."""

from __future__ import annotations

import pytest

from target_zendesk_events.mapping.identifiers import Cleaning
from target_zendesk_events.mapping.spelling import has_unseen, spelt

UNSEEN = [
    "\x00", "\t", "\n", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029",
    "\u00a0", "\u2007", "\u202f",
    "\u00ad", "\u180e", "\u200b", "\u200c", "\u200d", "\u2060", "\u2064", "\ufeff",
    "\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069",
]  # fmt: skip
"""Controls, no-break spaces, zero-width characters, marks of direction."""


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
@pytest.mark.parametrize("kind", ["email", "shop_id"])
def test_what_nobody_sees_makes_no_other_customer(kind: str, unseen: str) -> None:
    """Around a value it is trimmed; inside, the value is left out, since nobody knows which one is meant."""
    plain = "customer-1@example.com"
    for text in (unseen + plain, plain + unseen, f" {unseen} {plain}{unseen}{unseen} "):
        assert Cleaning().clean(kind, text) == (plain, "")
    assert Cleaning().clean(kind, f"customer{unseen}-1@example.com")[1] == "an unseen character"
    assert Cleaning().clean(kind, f" {unseen} ") == ("", "blank")


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_blocked_values_are_spelt_alike(unseen: str) -> None:
    """A blocked value is one with such a character around it too, in the setting and in the record."""
    assert Cleaning().clean("shop_id", f"{unseen}Guest")[1] == "blocked"
    assert Cleaning([f"House{unseen}"]).clean("shop_id", "house")[1] == "blocked"


@pytest.mark.parametrize(
    ("kind", "text", "sent"),
    [
        ("email", "jose\u0301-1@example.com", "jos\u00e9-1@example.com"),
        ("email", "JOSE\u0301-1@example.com", "jos\u00e9-1@example.com"),
        ("email", "J\u030c@example.com", "\u01f0@example.com"),
        ("shop_id", "A\u030a", "\u00c5"),
        ("shop_id", "\u212b", "\u00c5"),
        ("shop_id", "two words", "two words"),
        ("shop_id", "\u5ba2\u6237\u30001", "\u5ba2\u6237\u30001"),
    ],
)
def test_one_customer_has_one_spelling(kind: str, text: str, sent: str) -> None:
    """Composed and decomposed letters are the same value, in lower case too; plain spaces inside stay."""
    assert Cleaning().clean(kind, text) == (sent, "")
    assert spelt(sent) == sent
    assert not has_unseen(sent)
    assert Cleaning([text]).clean(kind, sent)[1] == "blocked"
