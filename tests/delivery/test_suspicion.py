"""Whose fault a refusal is: the table of what is seen after it."""

from __future__ import annotations

import math

import pytest

from target_zendesk_events.delivery.suspicion import QUIET_SECONDS, Suspicion
from target_zendesk_events.errors import AccountError, CredentialsError
from target_zendesk_events.zendesk.answers import Answer, Kind

TAKEN = Answer(Kind.ACCEPTED, 202)
PAGE = Answer(Kind.DENIED, 403, is_page=True, ray="8c1f2e3d4a5b6c7d-FRA")
DENIED = Answer(Kind.DENIED, 403, code="PermissionDenied")
SUSPENDED = Answer(Kind.TURNED_AWAY, 402)
REFUSED = Answer(Kind.REFUSED, 400)
FAILED = Answer(Kind.UNKNOWN, 500)
ANSWERS = {"+": TAKEN, "p": PAGE, "d": DENIED, "s": SUSPENDED, "r": REFUSED, "5": FAILED}


def seen(story: str) -> Suspicion[str]:
    """Return what a story leaves: `a>` sends a, `a+` answers it; letters of answers as above."""
    suspicion: Suspicion[str] = Suspicion()
    for now, step in enumerate(story.split()):
        item, what = step[0], step[1]
        if what == ">":
            suspicion.note_sent(item, now)
        else:
            suspicion.note_answer(item, ANSWERS[what], now, is_sending=True)
    return suspicion


def own(suspicion: Suspicion[str]) -> str:
    """Return those whose own fault it was."""
    found = ""
    while (one := suspicion.take_own()) is not None:
        found += one[0]
    return found


@pytest.mark.parametrize(
    ("story", "culprits"),
    [
        ("a> ap", ""),
        ("a> ap b> b+", "a"),
        ("a> ad b> b+", "a"),
        ("a> as b> b+", "a"),
        ("a> b> c> ap b+ c+", ""),  # what was under way with it proves nothing: an account can be suspended meanwhile
        ("a> b> ap bp c> c+", "ab"),
        ("a> b> ap b+ c> cp d> d+", "ac"),
        ("a> ap b> br", ""),
        ("a> ap b> b5", ""),
        ("a> ap b> b5 c> c+", "a"),
        ("a> ap b> bp c> c+ d> dp", "ab"),
        ("a> ar b> b+", ""),
    ],
)
def test_only_what_was_sent_afterwards_and_taken_convicts(story: str, culprits: str) -> None:
    """An acceptance clears the account for all whose refusal had come back before it was sent."""
    suspicion = seen(story)
    assert own(suspicion) == culprits
    assert suspicion.failure() is None


@pytest.mark.parametrize(
    ("story", "is_accounts"),
    [
        ("a> as b> bs", False),
        ("a> as b> bs c> cs", True),
        ("a> ad b> bp c> cs", True),
        ("a> b> c> as bs cs", True),
        ("a> b> c> d> as bs cs", False),  # one is under way still, and may be taken
        ("a> b> c> d> as bs cs d+", False),
        ("a> b> c> d> e> b+ cs ds es as", True),  # in the order of sending: answers overtake each other
        ("a> b> c> d> as b+ cs ds", False),
        ("a> as b> br c> cs d> d5 e> es", True),
    ],
)
def test_three_in_a_row_are_the_accounts(story: str, is_accounts: bool) -> None:
    """Counted in the order of sending, when nothing is under way that could yet be taken."""
    assert (seen(story).failure() is not None) is is_accounts


def test_the_error_says_what_can_be_mended() -> None:
    """Rights, where Zendesk itself says 403; else the account or the way there."""
    assert isinstance(seen("a> ad b> bd c> cd").failure(), CredentialsError)
    fault = seen("a> ap b> bp c> cp").failure()
    assert isinstance(fault, AccountError)
    assert "HTTP 403 (cf-ray 8c1f2e3d4a5b6c7d-FRA)" in str(fault)
    assert isinstance(seen("a> as b> bs c> cs").failure(), AccountError)


def test_with_nothing_else_to_send_a_read_is_asked() -> None:
    """Ten seconds after the last answer; at once where nothing more can come; never while an answer is due."""
    suspicion = seen("a> ap")
    assert suspicion.reads_at(more_may_come=True) == 1 + QUIET_SECONDS
    assert suspicion.reads_at(more_may_come=False) == 1
    assert seen("a> ap b>").reads_at(more_may_come=False) == math.inf
    assert seen("a> a+").reads_at(more_may_come=False) == math.inf
    suspicion.note_read()
    assert suspicion.reads_at(more_may_come=False) == math.inf


@pytest.mark.parametrize(
    ("story", "read", "culprits", "is_accounts"),
    [
        ("a> ap", Answer(Kind.ACCEPTED, 200), "a", False),
        ("a> as b> bs", Answer(Kind.ACCEPTED, 200), "ab", False),
        ("a> as", Answer(Kind.REFUSED, 402), "", True),
        ("a> ap", PAGE, "", True),
        ("a> ap", DENIED, "a", False),  # Zendesk itself answered: the read has passed the firewall
        ("a> ad", DENIED, "", True),
        ("a> ap b> bd", DENIED, "", True),
        ("a> ap", Answer(Kind.EXPIRED, 401), "", True),
        ("a> ap", FAILED, "", False),
    ],
)
def test_the_read_tells(story: str, read: Answer, culprits: str, is_accounts: bool) -> None:
    """Served, it was each one's own fault; refused as well, the account's; a failure says nothing yet."""
    suspicion = seen(story)
    suspicion.note_read()
    suspicion.note_read_answer(read, 100.0)
    assert own(suspicion) == culprits
    assert (suspicion.failure() is not None) is is_accounts
    if not culprits and not is_accounts:
        assert 100.0 < suspicion.reads_at(more_may_come=False) < math.inf


def test_what_was_refused_while_the_read_was_under_way_waits_on() -> None:
    """The read says nothing of what was refused after it went out."""
    suspicion = seen("a> ap b>")
    suspicion.note_read()
    suspicion.note_answer("b", PAGE, 9.0, is_sending=True)
    suspicion.note_read_answer(Answer(Kind.ACCEPTED, 200), 10.0)
    assert own(suspicion) == "a"
    assert suspicion.is_open


def test_who_was_given_up_is_suspected_no_more() -> None:
    """Its stream was stopped."""
    suspicion = seen("a> ap")
    suspicion.discard("a")
    assert not suspicion.is_open
    suspicion.note_answer("b", TAKEN, 3.0, is_sending=False)
    assert suspicion.take_own() is None
