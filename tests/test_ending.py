"""The exit code tells the truth, and a signal decides it."""

from __future__ import annotations

import pytest

from target_zendesk_events.ending import exit_code
from target_zendesk_events.errors import ConfigurationError, OutageError, TargetError
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.signals import GRACE_SECONDS, SECONDS_OF_ONE_SIGNAL, Signals
from target_zendesk_events.work import Match, Outcome

MEND, AGAIN = ConfigurationError("mend"), OutageError("again")


def report(delivered: int = 0, rejected: int = 0) -> Report:
    """Return the report of a run of one stream."""
    made = Report()
    for outcome, count in ((Outcome.DELIVERED, delivered), (Outcome.REJECTED, rejected)):
        for _ in range(count):
            made.count_record("orders", "matched")
            made.count_match("orders", Match("rule"))
            made.count_outcome("orders", Match("rule"), outcome)
            if outcome is Outcome.REJECTED:
                made.count_letter("orders", "refused")
                made.count_set_aside("orders")
    return made


@pytest.mark.parametrize(
    ("signal_number", "faults", "made", "counts_set_aside", "code"),
    [
        (15, [MEND], report(), False, 143),
        (2, [], report(), False, 130),
        (1, [], report(), False, 129),
        (None, [AGAIN, MEND], report(rejected=9), True, 2),
        (None, [AGAIN], report(rejected=9), True, 1),
        (None, [], report(delivered=9, rejected=1), True, 3),
        (None, [], report(delivered=9, rejected=1), False, 0),
        (None, [], report(rejected=5), False, 3),
        (None, [], report(rejected=4), False, 0),
        (None, [], report(delivered=1, rejected=5), False, 0),
        (None, [], report(), True, 0),
    ],
)
def test_the_first_that_applies_is_the_exit_code(
    signal_number: int | None, faults: list[TargetError], made: Report, counts_set_aside: bool, code: int
) -> None:
    """A signal, then what is to be mended, then what running again may help, then what was set aside."""
    assert exit_code(signal_number, faults, made, counts_set_aside=counts_set_aside) == code


def test_the_first_signal_decides_and_a_late_one_ends_at_once() -> None:
    """What comes within two seconds belongs to the first; after eight nothing is waited for any more."""
    now = 100.0
    signals = Signals(lambda: now)
    assert (signals.any_came, signals.is_grace_over) == (False, False)
    signals.take(2)
    signals.take(15)
    now += SECONDS_OF_ONE_SIGNAL
    signals.take(15)
    assert (signals.first, signals.end_at_once, signals.is_grace_over) == (2, False, False)
    now += GRACE_SECONDS
    assert (signals.end_at_once, signals.is_grace_over) == (False, True)
    signals.take(15)
    assert (signals.first, signals.end_at_once) == (2, True)
