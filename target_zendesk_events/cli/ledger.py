"""`zendesk-events ledger`: what was sent, was this row sent, what to forget, and where to go on."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from target_zendesk_events import settings as known
from target_zendesk_events.cli.configuration import config_option, reporting_faults, screen
from target_zendesk_events.delivery.cost import Cost
from target_zendesk_events.delivery.dry_run import DryRun
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.escaping import escaped, say
from target_zendesk_events.from_settings import EVENTS, compile_book, digests_of, ledger_of, run_name
from target_zendesk_events.kinds.nouns import several
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.ledger import copying
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.inquiry import SET_ASIDE_STATUS, Count, Inquiry, PastRun
from target_zendesk_events.ledger.ledger import Entry, Standing, Usage
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.lengths import in_words
from target_zendesk_events.mapping.values import json_text
from target_zendesk_events.moments import in_utc
from target_zendesk_events.settings.storage import read_ledger_url, start_folder
from target_zendesk_events.target import TargetZendeskEvents
from target_zendesk_events.work import Match, Outcome, Work


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]...")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.pass_context
@reporting_faults
def ledger(context: click.Context, config: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001 - click's signature
    """Show what was sent: by stream, kind and status, the month's use and its forecast, and the newest runs.

    Example: zendesk-events ledger --config config.json
    """
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    settings = _settings(config, reads_only=True)
    kept = _open(settings)
    inquiry = Inquiry(kept)
    counts, month, runs = inquiry.counts(), inquiry.month(settings.monthly_event_quota), inquiry.runs()
    sent = kept.usage()
    sizes = inquiry.sizes(runs)
    note = kept.note
    kept.close()
    streams, kinds = _by_stream(counts), _by_kind(counts, sent)
    today = sent.of(EVENTS)[1]
    if as_json:
        told = {"streams": streams, "kinds": kinds, "month": month.as_object(), "today": today}
        click.echo(json.dumps({**told, "runs": [_as_object(one, sizes) for one in runs]}, indent=2))
        return
    say(note)
    for stream, statuses in streams.items():
        for status, count in statuses.items():
            say(f"{stream}: {count:,} {status.replace('_', ' ')}")
    for line in lines_of(kinds):
        say(line)
    say(f"this account sent {month}; {today:,} today")
    _draw(runs, sizes)


def _by_stream(counts: Sequence[Count]) -> dict[str, dict[str, int]]:
    """Return how many shipments of a stream have a status."""
    streams: dict[str, dict[str, int]] = {}
    for one in counts:
        statuses = streams.setdefault(one.stream, {})
        status = one.status.replace(" ", "_")
        statuses[status] = statuses.get(status, 0) + one.number
    return streams


def _by_kind(counts: Sequence[Count], sent: Usage) -> dict[str, dict[str, Any]]:
    """Return how many shipments of a kind have a status, and how many were sent this month and today.

    A record that yielded none is of no kind.
    """
    kinds = used_by_kind(sent)
    for one in counts:
        if one.status != SET_ASIDE_STATUS:
            statuses = kinds.setdefault(one.kind, {"month": 0, "today": 0}).setdefault("outcomes", {})
            statuses[one.status] = statuses.get(one.status, 0) + one.number
    return kinds


def used_by_kind(sent: Usage) -> dict[str, dict[str, Any]]:
    """Return how many shipments of each kind were sent this month, and today."""
    return {kind: {"month": month, "today": today} for kind, (month, today) in sorted(sent.sent.items())}


def lines_of(kinds: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say of each kind but events how many of it there are: what was sent of events has a line of its own."""
    for kind, counts in kinds.items():
        if kind != EVENTS:
            outcomes = "".join(f"{count:,} {status}, " for status, count in counts.get("outcomes", {}).items())
            yield f"{several([kind])}: {outcomes}{counts['month']:,} sent this month (UTC), {counts['today']:,} today"


def _as_object(run: PastRun, sizes: Mapping[int, int]) -> dict[str, Any]:
    ended = None if run.ended is None else in_utc(run.ended)
    times = {"run": run.name, "started": in_utc(run.started), "ended": ended}
    return {**times, "end": run.end, "exit_code": run.exit_code, "events": sizes.get(run.number, 0)}


def _draw(runs: Sequence[PastRun], sizes: Mapping[int, int]) -> None:
    from rich import box  # noqa: PLC0415 - drawn once
    from rich.table import Table  # noqa: PLC0415

    table = Table("run", "started (UTC)", "took", "end", box=box.SIMPLE, pad_edge=False)
    table.add_column("things", justify="right")
    for run in runs:
        took = "" if run.ended is None else in_words(run.ended - run.started)
        started = f"{dt.datetime.fromtimestamp(run.started, dt.timezone.utc):%Y-%m-%d %H:%M:%S}"
        table.add_row(escaped(run.name), started, took, run.end, f"{sizes.get(run.number, 0):,}")
    if runs:
        screen().print(table)


@ledger.command()
@config_option
@reporting_faults
def find(config: dict[str, Any]) -> None:
    """Tell of each record on standard input (Singer messages) whether it was sent, when, and how it ended."""
    target = Finding(config={**config, "dry_run": True})
    target.listen(sys.stdin)
    sys.exit(target.exit_code)


@ledger.command()
@click.option("--stream", help="Forget what was sent of this stream.")
@click.option("--run", help="Forget what this run sent.")
@click.option(
    "--unseen-days", type=click.IntRange(0), help="Forget what no tap has sent for so many days, and up to six more."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@reporting_faults
def prune(config: dict[str, Any], stream: str | None, run: str | None, unseen_days: int | None, yes: bool) -> None:  # noqa: FBT001 - click's signature
    """Forget on purpose what was sent. What is forgotten is sent again when a tap sends its record again."""
    if stream is None and run is None and unseen_days is None:
        message = "say what to forget: --stream, --run or --unseen-days; several of them narrow it down"
        raise click.UsageError(message)
    if not yes:
        click.confirm("What is forgotten is sent again when its records come again. Forget it?", abort=True, err=True)
    kept = _open(_settings(config, reads_only=False))
    count = Inquiry(kept).prune(stream=stream, run=run, unseen_days=unseen_days)
    kept.close()
    say(f"{count:,} forgotten: sent again when their records come again")


@ledger.command("copy")
@click.option("--to", "url", required=True, help="The new ledger's URL, as ledger_url takes it. Secret.")
@config_option
@reporting_faults
def copy_ledger(config: dict[str, Any], url: str) -> None:
    """Copy the ledger, every account's, into an empty database, before all its pipelines go on with that one.

    A password may stand in PGPASSWORD or ~/.pgpass instead of the URL.

    Example: zendesk-events ledger copy --config config.json --to postgresql://events@db.example.com/ledger
    """
    settings = _settings(config, reads_only=True)
    if settings.ledger_url is None:
        message = "ledger_url is none: there is no ledger to copy [ZE620]"
        raise ConfigurationError(message)
    source = database_of(settings.ledger_url, time.time)
    target = database_of(_target(url, settings), time.time)
    with contextlib.closing(source), contextlib.closing(target):
        counts = copying.copy(source, target)
    of_tables = ", ".join(f"{count:,} {table}" for table, count in counts.items() if count)
    say(f"{source.note} is copied to {target.note}: {of_tables}")
    say("now set ledger_url to it wherever it named the old one: what is sent by the old one from here on shows twice")


def _target(url: str, settings: known.Settings) -> str:
    try:
        target = read_ledger_url(url, settings.data_dir, start_folder(os.environ))
    except ValueError as fault:
        raise ConfigurationError(str(fault).replace("ledger_url", "--to", 1)) from None
    if target is None:
        message = "--to names no ledger [ZE116]"
        raise ConfigurationError(message)
    return target


class Finding(TargetZendeskEvents):
    """The target as a dry run that asks the ledger of each thing to send, and prints what it holds."""

    def __init__(self, *, config: Any = None) -> None:  # noqa: ANN401 - the SDK's signature
        """Ask the ledger in place of a dry run."""
        super().__init__(config=config)
        kept = self.run.ledger
        self._inquiry = Inquiry(kept) if isinstance(kept, SqlLedger) else None
        if isinstance(self.run.engine, DryRun):
            self.run.engine.observer = self

    holds_limits = False

    def note_set_aside(self, work: Work, rule: str, reason: str, why: str) -> None:
        """What it was to yield was never made: nothing is known of them."""

    def note_end(self, cost: Cost) -> None:
        """Nothing is to be sent."""

    def note_shipment(self, work: Work, match: Match, what: Shipment, key: bytes | None, entry: Entry) -> None:
        """Say what the ledger holds of it."""
        found = self._inquiry.sent(key) if self._inquiry is not None and key is not None else None
        which = f"{work.stream} {json_text(work.key_values) if work.key_values else 'record'} {match.rule}"
        if found is None:
            say(f"{which}: not sent")
            return
        if what.content() is not None and (entry.standing is Standing.NEW or entry.outcome is Outcome.DUPLICATE):
            say(f"{which}: not sent with this content; another of the same is {found.status}, of {_time(found.at)}")
            return
        attempts = "1 attempt" if found.attempts == 1 else f"{found.attempts} attempts"
        request = f", request id {found.request_id}" if found.request_id else ""
        say(f"{which}: {found.status}, first sent {_time(found.at)}, {attempts}, run {found.run}{request}")


def opened(settings: known.Settings) -> SqlLedger | None:
    """Return the ledger of the settings, None where there is none. Raises StorageError and ConfigurationError."""
    digests = digests_of(settings, compile_book(settings))
    kept = ledger_of(settings, run_name(), digests, must_stop=lambda: False)
    return kept if isinstance(kept, SqlLedger) else None


def _settings(config: dict[str, Any], *, reads_only: bool) -> known.Settings:
    now = dt.datetime.now(dt.timezone.utc)
    return known.read_settings({**config, "dry_run": reads_only}, os.environ, now=now)


def _open(settings: known.Settings) -> SqlLedger:
    kept = opened(settings)
    if kept is None:
        message = "ledger_url names no ledger yet: it is none, or nothing was sent so far"
        raise ConfigurationError(message)
    return kept


def _time(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
