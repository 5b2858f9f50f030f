"""What computes for longer than a second is given up."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable

import pytest

from target_zendesk_events.singer.in_time import TakesTooLongError, in_time
from target_zendesk_events.singer.sink import _may_take_long


def search() -> None:
    """Search for what takes a time that doubles with each letter."""
    re.search(r"^(a+)+$", "a" * 60 + "!")


def count() -> None:
    """Count without an end."""
    while True:
        pass


def fail() -> None:
    """Fail."""
    raise ZeroDivisionError


@pytest.mark.parametrize("act", [search, count])
def test_it_is_given_up_after_a_second(act: Callable[[], None]) -> None:
    """Python's own instructions and its patterns alike; the timer and its handler are as before."""
    began = time.process_time()
    with pytest.raises(TakesTooLongError):
        in_time(act)
    assert 0.5 < time.process_time() - began < 5
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL


def test_waiting_is_not_computing() -> None:
    """A machine that was asleep meanwhile costs no record."""
    in_time(lambda: time.sleep(1.2))


def test_what_it_raises_is_raised() -> None:
    """And what is done in another thread has no limit, since signals come to the main one."""
    with pytest.raises(ZeroDivisionError):
        in_time(fail)
    done: list[bool] = []
    other = threading.Thread(target=lambda: in_time(lambda: done.append(True)))
    other.start()
    other.join()
    assert done


LISTS = {"a": {"type": ["null", "string", "array"], "items": {"$ref": "#/definitions/a"}}}


@pytest.mark.parametrize(
    ("schema", "may"),
    [
        ({}, False),
        ({"properties": {"a": {"type": "string", "maxLength": 5}}}, False),
        ({"properties": {"a": {"anyOf": [{"type": "null"}, {"pattern": "^a"}]}}}, True),
        ({"properties": {"a": {"patternProperties": {"^a": {}}}}}, True),
        ({"properties": {"a": {"type": "array", "uniqueItems": True}}}, True),
        ({"properties": {"a": {"$ref": "#/definitions/a"}}, "definitions": LISTS}, False),
        ({"properties": {"a": {"$ref": "#/definitions/a"}}, "definitions": {"a": {"anyOf": [{}]}}}, True),
        ({"properties": {"a": {"allOf": [{}]}}, "definitions": LISTS}, True),
    ],
)
def test_schemas_that_may_take_long(schema: object, may: bool) -> None:
    """Only those pay for the timer."""
    assert _may_take_long(schema) is may
