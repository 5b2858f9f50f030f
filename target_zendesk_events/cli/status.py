"""`zendesk-events status`: what an operator alarms on, from the ledger and `data_dir`, without network."""

from __future__ import annotations

import collections
import datetime as dt
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from target_zendesk_events import settings as known
from target_zendesk_events.cli.alarms import Age, Thresholds, age_option
from target_zendesk_events.cli.configuration import config_option, reporting_faults, screen
from target_zendesk_events.cli.ledger import lines_of, opened, used_by_kind
from target_zendesk_events.escaping import escaped, say
from target_zendesk_events.from_settings import DEAD_LETTERS_FOLDER, compile_book
from target_zendesk_events.ledger.forecast import Month
from target_zendesk_events.ledger.inquiry import Inquiry, PastRun
from target_zendesk_events.lengths import in_words
from target_zendesk_events.moments import UTC, in_utc, moment_of
from target_zendesk_events.outcome import last_run
from target_zendesk_events.outcome.listing import waiting_in

ALARM = 1
"""The exit code where a threshold that was given is passed."""
GLOB = frozenset("*?[")


@click.command()
@config_option
@click.option(
    "--max-age",
    "ages",
    multiple=True,
    metavar="[STREAM=]LENGTH",
    callback=age_option,
    help="Alarm if a stream's newest settled record is older: 2h, orders=1d. Repeatable.",
)
@click.option("--max-waiting", type=click.IntRange(0), help="Alarm if more dead letters wait.")
@click.option("--max-month", type=click.FloatRange(0), metavar="PERCENT", help="Alarm if more of the quota is used.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@reporting_faults
def status(
    config: dict[str, Any],
    ages: Mapping[str, Age],
    max_waiting: int | None,
    max_month: float | None,
    as_json: bool,  # noqa: FBT001 - click's signature
) -> None:
    """Show the age of each stream's newest settled record, the last run's end, what waits, the month, who is running.

    Ends with 0, or with 1 where a threshold that was given is passed. Nothing is asked of Zendesk, and nothing written.

    Example: zendesk-events status --config config.json --max-age 2h --max-waiting 100
    """
    logging.disable(logging.INFO)
    now = dt.datetime.now(dt.timezone.utc)
    settings = known.read_settings({**config, "dry_run": True}, os.environ, now=now)
    if max_month is not None and not (settings.monthly_event_quota and settings.ledger_url):
        message = "--max-month needs a ledger, and `plan` or `monthly_event_quota` in the settings"
        raise click.UsageError(message)
    told = _status_of(settings)
    told["alarms"] = alarms = list(Thresholds(ages, max_waiting, max_month).passed(told))
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        _show(told)
    sys.exit(ALARM if alarms else 0)


def _status_of(settings: known.Settings) -> dict[str, Any]:
    """Return all that is known. Raises StorageError and ConfigurationError."""
    letters = [letter for _, letter in waiting_in(settings.data_dir / DEAD_LETTERS_FOLDER)]
    waiting = collections.Counter(letter.seen_as for letter in letters)
    oldest = min((letter.time for letter in letters if letter.time is not None), default=None)
    report = last_run.read(settings.data_dir)
    now, settled, runs, month, kinds = _known_to_ledger(settings)
    newest = itertools.takewhile(lambda one: not one.is_over, runs)
    if month is None and report is not None:
        settled = _settled_in(report)
    return {
        "account": settings.account,
        "time": in_utc(now),
        "streams": [
            {
                "stream": stream,
                "age_seconds": None if at is None else max(0, round(now - at)),
                "settled": None if at is None else in_utc(at),
                "dead_letters": waiting[stream],
            }
            for stream, at in _covered(settings, settled)
        ],
        "last_run": _last_run(runs, report, has_ledger=month is not None),
        "dead_letters": {
            "waiting": len(letters),
            "held": sum(letter.is_held for letter in letters),
            "oldest": None if oldest is None else in_utc(oldest.timestamp()),
        },
        "month": None if month is None else month.as_object(),
        "kinds": kinds,
        "running": [{"run": one.name, "since": in_utc(one.started)} for one in runs if one.is_live],
        "silent": [{"run": one.name, "since": in_utc(one.started)} for one in newest if one.is_silent],
    }


def _known_to_ledger(
    settings: known.Settings,
) -> tuple[float, dict[str, float | None], list[PastRun], Month | None, dict[str, Any]]:
    """Return its time, when each stream's newest record was settled, its runs, the month, and what was sent by kind.

    The month is None without a ledger.
    """
    ledger = opened(settings)
    if ledger is None:
        return time.time(), {}, [], None, {}
    inquiry = Inquiry(ledger)
    month, kinds = inquiry.month(settings.monthly_event_quota), used_by_kind(ledger.usage())
    found = ledger.now(), inquiry.settled(), inquiry.runs(), month, kinds
    ledger.close()
    return found


def _settled_in(report: Mapping[str, Any]) -> dict[str, float | None]:
    """Return when the last run settled the newest record of each stream."""
    times = {name: counts.get("settled") for name, counts in report.get("streams", {}).items()}
    return {
        name: None if text is None else moment_of(text, UTC).as_datetime.timestamp() for name, text in times.items()
    }


def _covered(settings: known.Settings, settled: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
    """Return the streams that rules are for, those named whole in a rule too: the longest silent first."""
    book = compile_book(settings)
    named = (rule.stream for rule in book.rules if GLOB.isdisjoint(rule.stream))
    streams = {**dict.fromkeys(named), **{name: at for name, at in settled.items() if book.for_stream(name)}}
    return sorted(streams.items(), key=lambda one: (one[1] is None, one[1] or 0.0, one[0]))


def _last_run(runs: list[PastRun], report: Mapping[str, Any] | None, *, has_ledger: bool) -> dict[str, Any] | None:
    """Return the newest run that came to its end: the ledger knows of those of other machines, the report why."""
    names = ("command", "stopped_by", "codes")
    run = next((one for one in runs if one.is_over), None)
    if run is None:
        if has_ledger or report is None:
            return None
        told = {name: report.get(name) for name in ("run", "started", "ended", "exit_code", *names)}
        return {**told, "end": f"exit {told['exit_code']}"}
    why = report if report is not None and report.get("run") == run.name else {}
    times = {"started": in_utc(run.started), "ended": None if run.ended is None else in_utc(run.ended)}
    return {
        "run": run.name, **times, "exit_code": run.exit_code, **{name: why.get(name) for name in names}, "end": run.end,
    }  # fmt: skip


def _show(told: Mapping[str, Any]) -> None:
    from rich import box  # noqa: PLC0415 - drawn once
    from rich.table import Table  # noqa: PLC0415

    drawn = screen()
    table = Table("newest settled", "stream", "at", box=box.SIMPLE, pad_edge=False)
    table.add_column("dead letters", justify="right")
    for one in told["streams"]:
        age = "never" if one["age_seconds"] is None else f"{in_words(one['age_seconds'])} ago"
        table.add_row(age, escaped(one["stream"]), one["settled"] or "", f"{one['dead_letters']:,}")
    if told["streams"]:
        drawn.print(table)
    for line in _lines(told):
        say(line)
    for alarm in told["alarms"]:
        drawn.print(f"ALARM {escaped(alarm)}", style="red", soft_wrap=True)


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    run = told["last_run"]
    if run is None:
        yield "last run: none yet"
    else:
        ended = f", ended {run['ended']}" if run["ended"] else ""
        why = f" by {run['stopped_by']}" if run["stopped_by"] else ""
        yield f"last run: {run['end']}{why}, started {run['started']}{ended} ({run['run']})"
    letters = told["dead_letters"]
    since = f", {letters['held']:,} of them held; the oldest of {letters['oldest']}" if letters["waiting"] else ""
    yield f"dead letters waiting: {letters['waiting']:,}{since}"
    month = told["month"]
    known_month = month and Month(month["sent"], month["quota"], month["forecast"])
    yield str(known_month or "the month: nothing is known, for there is no ledger")
    yield from lines_of(told["kinds"])
    running = [f"{one['run']} since {one['since']}" for one in told["running"]]
    yield f"running now: {', '.join(running) or 'nothing'}"
    for one in told["silent"]:
        why = "it was cut off, or has nothing to send and waits for its tap"
        yield f"not ended: {one['run']} since {one['since']}: {why}"
