"""A real write to one customer's timeline, and what it shows of that which Zendesk's documents leave open."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from target_zendesk_events.cli.account import PROFILES_PATH, Account, refusal
from target_zendesk_events.cli.customer import Customer
from target_zendesk_events.errors import AccountError
from target_zendesk_events.moments import moment_of
from target_zendesk_events.zendesk.answers import Answer, Kind

TYPE: Final = "zendesk_events_check"
PATIENCE_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.5
EVENTS_PATH: Final = f"{PROFILES_PATH}/events"


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """What the documents leave open, and what this account did."""

    question: str
    answer: str


def write_trial(account: Account, customer: Customer) -> Iterator[Fact]:
    """Put two events on the timeline, read them back, and yield what that shows. Raises the error of a refusal."""
    now = dt.datetime.now(dt.timezone.utc)
    earlier, later = now - dt.timedelta(hours=1), now
    first = account.answer("POST", EVENTS_PATH, _body(customer, earlier, {}))
    is_taken = first.kind is Kind.ACCEPTED
    yield Fact("are empty properties taken", "yes" if is_taken else f"no ({first.summary})")
    if not is_taken:
        _post(account, _body(customer, earlier, {"number": 1}))
    sent_at = time.monotonic()
    _post(account, _body(customer, later, {"number": 2}))
    yield from _of_reading(account, customer, (earlier, later), sent_at)


def _of_reading(account: Account, customer: Customer, sent: Sequence[dt.datetime], sent_at: float) -> Iterator[Fact]:
    while True:
        answer = account.ask("GET", EVENTS_PATH, **{"identifier": customer.query, **_near(sent)})
        stored = [] if answer.is_missing else _ours(answer, sent)
        waited = time.monotonic() - sent_at
        if len(stored) >= len(sent) or waited > PATIENCE_SECONDS:
            break
        time.sleep(PAUSE_SECONDS)
    if len(stored) < len(sent):
        yield Fact(
            "how soon can a new event be read", f"not within {waited:.0f} s: after a lost answer, events may double"
        )
        return
    yield Fact("how soon can a new event be read", f"within {max(waited, 0.1):.1f} s")
    times = [_time(one) for one in stored]
    yield Fact("in which order are events read", "oldest first" if times == sorted(times) else "newest first")
    digits = len(str(stored[0].get("created_at")).partition(".")[2].rstrip("Z"))
    kept = "is kept" if all(one in sent for one in times) else f"is cut to {digits} digits of a second"
    yield Fact("how is created_at given back", f"to the microsecond it {kept}")
    pages = [name for name in ("meta", "links") if answer.payload.get(name)]
    yield Fact("how are pages told", " and ".join(pages) or "a last page says nothing of it")
    yield Fact("which rate headers does it send", ", ".join(answer.rate_headers) or "none")


def _post(account: Account, body: object) -> None:
    answer = account.answer("POST", EVENTS_PATH, body)
    if answer.kind is Kind.REFUSED:
        message = f"Zendesk refuses an event for this customer ({answer.summary}): {answer.message} [ZE323]"
        raise AccountError(message)
    if answer.kind is not Kind.ACCEPTED:
        raise refusal(answer)


def _body(customer: Customer, created_at: dt.datetime, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "profile": {
            "source": customer.source,
            "type": customer.type,
            "identifiers": [{"type": customer.identifier_type, "value": customer.value}],
        },
        "event": {
            "source": customer.source,
            "type": TYPE,
            "description": "Written by zendesk-events check",
            "created_at": created_at.isoformat().replace("+00:00", "Z"),
            "properties": properties,
        },
    }


def _near(sent: Sequence[dt.datetime]) -> dict[str, str]:
    start = (sent[0] - dt.timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    return {"filter[start_time]": start}


def _ours(answer: Answer, sent: Sequence[dt.datetime]) -> list[Mapping[str, Any]]:
    """Return those of a page that are the events of this trial: within a second of the times sent."""
    events = [one for one in answer.payload["events"] if isinstance(one, dict) and one.get("type") == TYPE]
    return [one for one in events if any(abs((_time(one) - at).total_seconds()) < 1 for at in sent)]


def _time(event: Mapping[str, Any]) -> dt.datetime:
    try:
        return moment_of(event.get("created_at"), dt.timezone.utc).as_datetime
    except (ValueError, ArithmeticError):
        return dt.datetime.fromtimestamp(0, dt.timezone.utc)
