"""What a run says of itself: the line while it runs, the block at its end, the last line and `last-run.json`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from target_zendesk_events.escaping import escaped
from target_zendesk_events.kinds.nouns import EVENT, several, told_apart
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.lengths import in_words
from target_zendesk_events.outcome.report import (
    MATCH_COUNTS,
    OUTCOMES,
    RECORD_COUNTS,
    SET_ASIDE_BEFORE,
    Report,
    RuleCounts,
    StreamCounts,
    by_kind,
)
from target_zendesk_events.outcome.requests import ATTEMPTS, Minute

SCHEMA_VERSION = 1
"""Of `last-run.json`: raised when a field goes or means something else, not when one is added."""
SECONDS_BETWEEN_LINES = 10.0
_AHEAD = "is `timezone` the zone of the tap's times without an offset?"
REQUESTS_OF_A_LONG_RUN = 1_000
"""From so many requests on, or after a minute, a run tells what its budget makes of what is left."""
THINGS_OF_A_LONG_RUN = 10_000
_A_MINUTE = {Bucket.EVENTS: "a minute", Bucket.SUPPORT: "a minute of Support's"}
_REQUESTS = {Bucket.EVENTS: "requests a minute", Bucket.SUPPORT: "of Support's requests a minute"}
_MINUTES = {Bucket.EVENTS: "the events' minute", Bucket.SUPPORT: "Support's minute"}
_ALLOWED = {Bucket.EVENTS: "requests_per_minute", Bucket.SUPPORT: "support_requests_per_minute"}
"""The settings, as `about` a run has them."""


def last_line(totals: Mapping[str, int]) -> str:
    """Return the last line: the outcomes first, then every other number of the run."""
    first = (*OUTCOMES, "undelivered")
    others = [name for name in totals if name not in first]
    return "run finished: " + " ".join(f"{name}={totals[name]}" for name in (*first, *others))


def progress_line(report: Report, allowed: Mapping[Bucket, int]) -> str:
    """Return one line on where the run stands; empty while there is nothing to tell.

    `allowed` are the requests a minute that the settings allow of each bucket.
    """
    parts = [part for part in (_stream_line(name, counts) for name, counts in report.streams.items()) if part]
    if not parts:
        return ""
    rates = {bucket: minute.a_minute() for bucket, minute in report.minutes.items()}
    told = [f"{rate:.0f} {_A_MINUTE[bucket]}" for bucket, rate in rates.items() if rate is not None]
    known = [(report.minutes[bucket], allowed[bucket]) for bucket, rate in rates.items() if rate is not None]
    minutes = max((minute.minutes_for(minute.open, limit) for minute, limit in known), default=0.0)
    ending = [f"about {in_words(minutes * 60)} left"] if minutes >= 1 else []
    return ", ".join(parts + told + ending)


def is_long(minute: Minute) -> bool:
    """Tell whether a run has sent for a minute, or a thousand requests, of one bucket."""
    rate = minute.a_minute()
    return minute.sent >= REQUESTS_OF_A_LONG_RUN or (rate is not None and minute.sent >= rate)


def budget_line(bucket: Bucket, minute: Minute, allowed: int, share_of_month: float | None) -> str:
    """Return what a bucket's budget makes of a long run; the month's quota is the events'."""
    lasts = in_words(THINGS_OF_A_LONG_RUN * 60 / (allowed * minute.things_a_request))
    further = f"each further {THINGS_OF_A_LONG_RUN:,} {several(minute.kinds)} take {lasts}"
    share = f"; {share_of_month:.1f} % of the month's quota is used" if share_of_month is not None else ""
    return f"at {allowed:,} {_REQUESTS[bucket]}, {further}{share if EVENT in minute.kinds else ''}"


def limit_line(bucket: Bucket, seen: int, allowed: int) -> str:
    """Return that the account allows less than the settings."""
    return (
        f"Zendesk's headers say that the account allows {seen:,} {_REQUESTS[bucket]}, and the settings {allowed:,}: "
        f"correct `plan`, or set `{_ALLOWED[bucket]}` below it"
    )


def as_object(report: Report, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return all numbers for `last-run.json`, after what `about` says of the run."""
    p50, p95 = report.answer_times.quantile(0.5), report.answer_times.quantile(0.95)
    return {
        "schema_version": SCHEMA_VERSION,
        **about,
        "totals": {**report.totals(), "kinds": report.kinds()},
        "streams": {name: counts.as_object() for name, counts in report.streams.items()},
        "requests": {
            "sent": report.attempts.sent,
            **{asked: report.requests[asked] for asked in (*ATTEMPTS, "tokens", "limited")},
        },
        "minutes": {bucket.value: minute.as_object() for bucket, minute in report.minutes.items()},
        "seconds_waited_for_limit": round(report.seconds_waited, 3),
        "requests_a_minute": _rounded(report.attempts.a_minute(), 1),
        "limit_seen": report.minutes[Bucket.EVENTS].limit_seen,
        "answer_seconds": {"p50": _rounded(p50, 4), "p95": _rounded(p95, 4)},
        "dead_letters_waiting": report.dead_letters_waiting,
    }


def block(report: Report, about: Mapping[str, Any], width: int = 110) -> str:
    """Return the readable block that ends a run."""
    from rich import box  # noqa: PLC0415 - drawn once, at the end
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console(file=io.StringIO(), width=width, force_terminal=False, highlight=False, markup=False, emoji=False)
    streams = Table("stream", box=box.SIMPLE, pad_edge=False)
    for name in ("records", *RECORD_COUNTS):
        streams.add_column(name, justify="right")
    for name, counts in report.streams.items():
        numbers = (counts.records, *(counts.counts[kind] for kind in RECORD_COUNTS))
        streams.add_row(escaped(name), *(f"{number:,}" for number in numbers))
    if report.streams:
        console.print(streams)
    for counts in report.streams.values():
        for rule, made in counts.rules.items():
            console.print(escaped(f"{rule}: {_numbers(made)}"), soft_wrap=True)
    for line in _facts(report, about):
        console.print(escaped(line), soft_wrap=True)
    output = console.file
    return output.getvalue().rstrip() if isinstance(output, io.StringIO) else ""


def _numbers(made: RuleCounts) -> str:
    """Return what a rule made, the counts that are zero left out; things to send are called by their kind."""
    counts = {"matches": made.matches, **{name: made.counts[name] for name in MATCH_COUNTS if name != "events"}}
    counts |= {several([kind]): numbers["events"] for kind, numbers in by_kind([made]).items()}
    counts |= {name: made.counts[name] for name in OUTCOMES}
    counts["undelivered"] = made.undelivered
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items() if count)


def _facts(report: Report, about: Mapping[str, Any]) -> list[str]:
    facts = []
    for name, counts in report.streams.items():
        for rule, made in counts.rules.items():
            for (kind, why), count in sorted(made.left_out.items()):
                facts.append(f"{rule}: identifier {kind} left out of {count:,} {several(made.kinds)} ({why})")
            if made.counts["changed"]:
                facts.append(f"{rule}: {made.counts['changed']:,} records changed since they were sent")
            if ahead := made.counts["ahead_of_clock"]:
                facts.append(f"{rule}: {ahead:,} events lie ahead of the clock, by a day at most: {_AHEAD}")
        facts += [f"{name}: set aside {reason}" for reason in counts.reasons.told()]
        if counts.stopped:
            facts.append(f"{name} stopped: {counts.stopped}")
    delivered = {kind: numbers["delivered"] for kind, numbers in report.kinds().items() if numbers["delivered"]}
    if delivered.keys() - {EVENT}:
        facts.append(f"{sum(delivered.values()):,} delivered: {told_apart(delivered)}")
    if report.attempts.sent:
        p50, p95 = (report.answer_times.quantile(share) or 0.0 for share in (0.5, 0.95))
        facts.append(
            f"{report.attempts.sent:,} requests, {report.requests['retries']:,} of them retries, "
            f"{report.requests['limited']:,} answered 429; answers took {p50 * 1000:.0f} ms (p50), "
            f"{p95 * 1000:.0f} ms (p95)"
        )
        facts += _limits(report, about)
    rejected, held = (sum(counts.total(name) for counts in report.streams.values()) for name in SET_ASIDE_BEFORE)
    if rejected or held:
        facts.append(
            f"of the duplicates, {rejected:,} were rejected and {held:,} held when they came first, and are not sent "
            "again: zendesk-events replay sends what waits in the dead letters (with --held: held ones too)"
        )
    facts.append(f"dead letters waiting: {report.dead_letters_waiting:,}")
    return facts


def _limits(report: Report, about: Mapping[str, Any]) -> Iterator[str]:
    """Yield how each limit was used that was; the events' alone is told without its name."""
    is_alone = not report.minutes[Bucket.SUPPORT].sent
    for bucket, minute in report.minutes.items():
        rate = minute.a_minute()
        if minute.sent:
            yield (
                ("" if is_alone else f"{_MINUTES[bucket]}: {minute.sent:,} request{'' if minute.sent == 1 else 's'}, ")
                + (f"{rate:.0f} requests a minute, " if rate is not None else "")
                + f"{about.get(_ALLOWED[bucket])} allowed a minute"
                + (f", {minute.limit_seen} by Zendesk's headers" if minute.limit_seen is not None else "")
                + f"; {minute.seconds_waited:.1f} s waited for the limit"
            )


def _stream_line(name: str, counts: StreamCounts) -> str:
    events = counts.total("events")
    done = events - counts.total("undelivered")
    kinds = {kind for rule in counts.rules.values() for kind in rule.kinds}
    return f"{name}: {done:,} of {events:,} {several(kinds)}" if events else ""


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
