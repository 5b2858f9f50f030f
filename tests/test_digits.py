"""Numbers that no double holds."""

from __future__ import annotations

import copy

import pytest

from target_zendesk_events.digits import Digits

WHOLE = [
    ("12345678901234567890", True), ("-12345678901234567890", True), ("1e400", True), ("1.5e400", True),
    ("1.50E+1", True), ("1.55e1", False), ("120e-1", True), ("12e-1", False), ("1e-400", False), ("0.10", False),
    ("12345678901234567.89", False), ("12345678901234567.00", True), ("1e99999999999999999999", True),
    ("1e-99999999999999999999", False), ("9" * 5_000, True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "is_whole"), WHOLE)
def test_it_is_whole_by_its_digits(text: str, is_whole: bool) -> None:
    """The nearest double of a large number is always whole, or infinite."""
    assert Digits(text).is_integer() is is_whole


def test_it_is_a_number_that_is_written_as_it_came() -> None:
    """It compares and computes as the nearest double; text, and a copy, have its digits."""
    number = Digits("12345678901234567.89")
    assert number > 5
    assert number + 1 == 12345678901234568.0 + 1
    assert f"{number} {number!r} {copy.deepcopy([number])[0]}" == " ".join(["12345678901234567.89"] * 3)
    assert str(Digits("12345678901234567890.00")) == "12345678901234567890"
