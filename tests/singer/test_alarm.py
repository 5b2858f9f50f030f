"""The pipe that ends a wait."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from target_zendesk_events.singer.waits import Alarm


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Leave no wake-up pipe behind."""
    before = signal.set_wakeup_fd(-1)
    yield
    signal.set_wakeup_fd(before, warn_on_full_buffer=False)


def test_the_pipe_stays_open_as_long_as_anybody_may_ring_it() -> None:
    """Then it is closed: a process that runs a target many times keeps no file open for each."""
    alarm = Alarm()
    end, ring = alarm.reading_end, alarm.ring
    del alarm
    ring()
    assert os.read(end, 9) == b"\0"
    del ring
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(end)


def test_a_closed_pipe_is_rung_by_no_signal_and_takes_none_from_another() -> None:
    """Else a signal would write into whatever file is opened next, or wake nobody."""
    first, second = Alarm(), Alarm()
    first.take_signals()
    del first
    assert signal.set_wakeup_fd(-1) == -1
    second.take_signals()
    third = Alarm()
    del third
    assert signal.set_wakeup_fd(-1) not in {-1, None}
