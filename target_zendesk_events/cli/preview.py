"""`zendesk-events preview`: what a run would send, to look at before anything is sent."""

from __future__ import annotations

import collections
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click

from target_zendesk_events.cli.configuration import config_option, offline, reporting_faults, screen
from target_zendesk_events.cli.preview_page import PreviewPage
from target_zendesk_events.cli.preview_tables import show_things
from target_zendesk_events.delivery.cost import Cost
from target_zendesk_events.delivery.dry_run import DryRun
from target_zendesk_events.ending import EXIT_SET_ASIDE
from target_zendesk_events.escaping import escaped
from target_zendesk_events.kinds.nouns import DELETION, EVENT
from target_zendesk_events.kinds.profile import STANDARD_IDENTIFIERS
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Claim, Shipment
from target_zendesk_events.ledger.ledger import Entry, Standing
from target_zendesk_events.mapping.rules import standard_identifier_note
from target_zendesk_events.target import TargetZendeskEvents
from target_zendesk_events.work import Match, Work

if TYPE_CHECKING:
    from target_zendesk_events.errors import TargetError
    from target_zendesk_events.outcome.report import RuleCounts

STANDINGS = ("new", "changed", "known")
NO_RECORDS = (
    "The input holds no records. Many taps send only what a catalog selects, which they take with --catalog FILE, or "
    "what is newer than their STATE."
)
WOULD_BE_REFUSED = 1
ENDED_BY_SIGNAL = 128


class Previewing(TargetZendeskEvents):
    """The target as a dry run that keeps the first things of each rule, and counts what the ledger knows of all."""

    holds_limits = True
    limit = 3
    page: PreviewPage | None = None
    cost: Cost | None = None

    def __init__(self, *, config: Any = None) -> None:  # noqa: ANN401 - the SDK's signature
        """Watch the dry run."""
        self.shown: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = collections.defaultdict(list)
        self.standings: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.identifier_types: set[str] = set()
        super().__init__(config=config)
        if isinstance(self.run.engine, DryRun):
            self.run.engine.observer = self

    def note_set_aside(self, work: Work, rule: str, reason: str, why: str) -> None:
        """The report has the reason and its line."""

    def note_shipment(self, work: Work, match: Match, what: Shipment, key: bytes | None, entry: Entry) -> None:
        """Keep one of the first, as Zendesk would get it."""
        standing = "known" if entry.standing is Standing.SETTLED else "changed" if entry.changed else "new"
        place = (work.stream, match.rule)
        self.standings[place][standing] += 1
        self.identifier_types.update(what.identifier_types())
        if self.page is not None:
            self.page.take(key, what, self.run.ledger.now(), standing)
        if len(self.shown[place]) < self.limit:
            self.shown[place].append((standing, what.shown(Claim(self.run.ledger.now()))))

    def note_end(self, cost: Cost) -> None:
        """Keep the cost."""
        self.cost = cost

    def tell(self, fault: TargetError | None) -> None:  # noqa: ARG002 - it is told in the log
        """Say nothing of a run: what is shown is shown by the verb."""
        if self.exit_code in {0, EXIT_SET_ASIDE} and self.run.report.any_set_aside():
            self.exit_code = WOULD_BE_REFUSED

    @property
    def written_onto_users(self) -> list[str]:
        """Return what Zendesk does with the identifiers of standard types that would be sent."""
        notes = (standard_identifier_note(kind) for kind in sorted(self.identifier_types & STANDARD_IDENTIFIERS.keys()))
        return list(notes)

    @property
    def would_be_set_aside(self) -> Iterator[str]:
        """Yield a sentence for each reason of each stream."""
        for name, counts in self.run.report.streams.items():
            for reason in (*counts.reasons.told(), *filter(None, [counts.stopped])):
                yield f"{name}: {reason}"

    def as_object(self) -> dict[str, Any]:
        """Return all of it for `--json`."""
        streams = {}
        for name, counts in self.run.report.streams.items():
            told = counts.as_object()
            for rule, numbers in told["rules"].items():
                numbers |= {standing: self.standings[name, rule][standing] for standing in STANDINGS}
                numbers["shown"] = [{"standing": one, **body} for one, body in self.shown[name, rule]]
            streams[name] = {**told, "reasons": list(counts.reasons.told())}
        cost = self.cost
        return {
            "totals": self.run.report.totals(),
            "streams": streams,
            "written_onto_users": self.written_onto_users,
            "cost": None if cost is None else _cost_as_object(cost),
        }


@click.command()
@config_option
@click.option(
    "--input", "messages", type=click.File("rb"), default="-", help="A file of Singer messages. [default: stdin]"
)
@click.option(
    "--limit", type=click.IntRange(0), default=3, show_default=True, help="So many things of each rule are shown."
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option("--page", "on_page", is_flag=True, help="Then show the timelines in the browser, until Ctrl-C.")
@reporting_faults
def preview(config: dict[str, Any], messages: IO[bytes], limit: int, as_json: bool, on_page: bool) -> None:  # noqa: FBT001 - click's signature
    """Show what a run would send: the first things of each rule as Zendesk would get them, and what they would cost.

    Nothing is sent or written, no credentials are needed, and the customers' values are shown. Ends with 1 if anything
    would be set aside.

    Example: some-tap --config tap.json | zendesk-events preview --config config.json
    """
    logging.disable(logging.INFO)  # warnings and faults stand beside the tables; no log of a run
    target = Previewing(config=offline(config))
    target.limit = limit
    target.page = PreviewPage() if on_page else None
    target.listen(messages)  # type: ignore[arg-type]  # the reader takes bytes
    show(target, as_json=as_json)


def show(target: Previewing, *, as_json: bool) -> NoReturn:
    """Print what a run would send, and end with the exit code that says whether it would set anything aside."""
    if as_json:
        click.echo(json.dumps(target.as_object(), indent=2, ensure_ascii=False))
    else:
        _show(target)
    if target.page is not None and target.exit_code < ENDED_BY_SIGNAL:
        target.page.show(list(target.would_be_set_aside))
    sys.exit(target.exit_code)


def _show(target: Previewing) -> None:
    console = screen()
    for name, counts in target.run.report.streams.items():
        untaken = "" if target.run.rule_book.for_stream(name) else ", which no rule is for"
        console.print(f"{escaped(name)}: {counts.records:,} records{untaken}", style="bold", soft_wrap=True)
        for rule, made in counts.rules.items():
            console.print(f"  {escaped(rule)}: {_told(made, target.standings[name, rule])}", soft_wrap=True)
            show_things(target.shown[name, rule], console)
            for (kind, why), count in sorted(made.left_out.items()):
                console.print(f"  identifier {escaped(kind)} left out of {count:,} ({why})", soft_wrap=True)
        for reason in counts.reasons.told():
            console.print(f"  would be set aside: {escaped(reason)}", style="red", soft_wrap=True)
        for cure in counts.reasons.advice():
            console.print(f"  to do: {cure}", soft_wrap=True)
        if counts.stopped:
            console.print(f"  {escaped(counts.stopped)}", style="red", soft_wrap=True)
        console.print()
    if not target.run.report.streams:
        console.print(NO_RECORDS, soft_wrap=True)
    for note in target.written_onto_users:
        console.print(note, soft_wrap=True)
    if (cost := target.cost) is not None:
        deleted = f" and delete {cost.deletions:,}" if cost.deletions else ""
        console.print(f"A run would send {cost.sent}{deleted}, in about {cost}.", style="bold", soft_wrap=True)


def _told(made: RuleCounts, standings: Mapping[str, int]) -> str:
    """Return what a rule makes of a stream, the numbers that are zero left out."""
    numbers = {name: standings[name] for name in STANDINGS}
    numbers |= {
        name.replace("_", " "): made.counts[name]
        for name in ("filtered", "too_old", "forgotten", "unmappable", "rejected")
    }
    return ", ".join(f"{count:,} {name}" for name, count in numbers.items() if count) or "nothing"


def _cost_as_object(cost: Cost) -> dict[str, Any]:
    """Return what a run would take: by kind (`sent`), deletions apart."""
    return {
        "sent": {kind: count for kind, count in cost.counts.items() if kind != DELETION},
        "deletions": cost.deletions,
        "events": cost.counts.get(EVENT, 0),
        "requests": {bucket.value: cost.requests.get(bucket, 0) for bucket in Bucket},
        "minutes": cost.minutes,
        "percent_of_month": cost.share_of_month,
    }
