"""Builds the rooms of one run out of its settings, each given the values that it needs and no more."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from target_zendesk_events import settings as known
from target_zendesk_events.delivery.building import Terms, build
from target_zendesk_events.delivery.dry_run import DryRun
from target_zendesk_events.delivery.sender import Sender
from target_zendesk_events.delivery.workers import Workers
from target_zendesk_events.from_settings import (
    DEAD_LETTERS_FOLDER,
    authenticator,
    compile_book,
    digests_of,
    ledger_of,
    make_data_dir,
    quotas_of,
    run_name,
)
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.ledger.clocks import RunClock
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import Ledger
from target_zendesk_events.limits.brakes import Names, Quota, Quotas
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.outcome.checkpoints import Checkpoints
from target_zendesk_events.outcome.dead_letters import DeadLetters
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.zendesk.client import Client

if TYPE_CHECKING:
    from target_zendesk_events.mapping.digests import Digests
    from target_zendesk_events.mapping.rules import RuleBook

EVENTS, DELETIONS = "event", "deletion"
"""The kinds of shipment that have limits of their own."""
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """The rooms of one run that the target speaks with."""

    name: str
    rule_book: RuleBook
    engine: Sender | DryRun
    ledger: Ledger
    dead_letters: DeadLetters
    checkpoints: Checkpoints
    report: Report
    client: Client
    quota: Quota
    digests: Digests
    keys: Keys | None
    """What makes fingerprints of records, where the ledger is asked for them before anything is made of one."""
    data_dir: Path | None
    """Where the run may write; None for a dry run."""
    is_passing: bool
    """Whether this machine looks like a container that goes when the run ends."""
    notes: tuple[str, ...]
    """What to log before anything else: where the ledger is."""

    def close(self, exit_code: int | None = None) -> None:
        """Let go of files, connections and the ledger, which keeps how the run ended."""
        self.dead_letters.close()
        self.ledger.close(exit_code)
        self.client.close()


def assemble(  # noqa: PLR0913 - values, not owners
    settings: known.Settings,
    version: str,
    wake: Callable[[], None],
    write_state: Callable[[bytes], None],
    *,
    must_stop: Callable[[], bool],
    reached: Callable[[str], None],
    sends_held_blindly: bool,
) -> Run:
    """Build everything; nothing is sent and no thread is started. Raises ConfigurationError and StorageError."""
    from target_zendesk_events.mapping.rules import standard_identifier_notes  # noqa: PLC0415 - Jinja takes its time

    clock = RunClock()
    rule_book = compile_book(settings, clock)
    client = Client(
        base_url=settings.base_url,
        auth=authenticator(settings),
        timeout_seconds=settings.request_timeout_seconds,
        max_connections=settings.max_in_flight,
        user_agent=f"target-zendesk-events/{version}",
    )
    if not settings.dry_run:
        client.auth.check()
        make_data_dir(settings.data_dir)
    name = run_name()
    digests = digests_of(settings, rule_book)
    ledger = ledger_of(settings, name, digests, must_stop)
    clock.tell, clock.heed = ledger.now, ledger.heed
    if not settings.dry_run:
        clock.ask = client.server_time
    dead_letters = DeadLetters(settings.data_dir / DEAD_LETTERS_FOLDER, name)
    checkpoints, report = Checkpoints(per_stream=settings.state_per_stream), Report()
    usage = ledger.usage()
    keys = Keys(settings.account, ledger.secret, is_kept=settings.ledger_url is not None)
    names = Names(usage.names, ledger.secret)
    quotas = quotas_of(settings, usage, ledger.now)
    engine: Sender | DryRun
    if settings.dry_run:
        engine = DryRun(
            ledger,
            report,
            keys,
            names,
            per_minute={
                Bucket.EVENTS: settings.requests_per_minute,
                Bucket.SUPPORT: settings.support_requests_per_minute,
            },
            monthly_event_quota=settings.monthly_event_quota,
            has_ledger=settings.ledger_url is not None,
            checks_customers=settings.unknown_customers != "create",
        )
    else:
        engine = build(
            Terms(
                max_in_flight=settings.max_in_flight,
                batch_size_rows=settings.batch_size_rows,
                max_outage_seconds=settings.max_outage_seconds,
                max_set_aside_percent=settings.max_set_aside_percent,
                on_unknown_outcome=settings.on_unknown_outcome,
                sends_held_blindly=sends_held_blindly,
                unknown_customers=settings.unknown_customers,
            ),
            client=client,
            workers=Workers(settings.max_in_flight, wake),
            ledger=ledger,
            dead_letters=dead_letters,
            checkpoints=checkpoints,
            report=report,
            keys=keys,
            names=names,
            quotas=Quotas(quotas),
            rate_limits=RateLimits(
                {
                    Bucket.EVENTS: ledger.rate_limit(settings.requests_per_minute, Bucket.EVENTS),
                    Bucket.SUPPORT: ledger.rate_limit(settings.support_requests_per_minute, Bucket.SUPPORT),
                }
            ),
            write_state=write_state,
            reached=reached,
        )
    return Run(
        name=name,
        rule_book=rule_book,
        engine=engine,
        ledger=ledger,
        dead_letters=dead_letters,
        checkpoints=checkpoints,
        report=report,
        client=client,
        quota=quotas[EVENTS],
        digests=digests,
        keys=None if settings.dry_run or settings.ledger_url is None else keys,
        data_dir=None if settings.dry_run else settings.data_dir,
        is_passing=looks_passing(settings),
        notes=(ledger.note, *standard_identifier_notes(rule_book.rules)),
    )


def throwaway_warning(run: Run) -> list[str]:
    """Return the sentence for a ledger that was just made on a machine which looks like a container that will go."""
    if not run.ledger.is_new_file or not run.is_passing:
        return []
    sentence = (
        f"the ledger and the dead letters were just made under {run.data_dir}, and this machine looks like a "
        "container that goes when the run ends: then every run starts without memory, and events show twice. Mount a "
        "disk there, set data_dir to one that stays, or set ledger_url to a PostgreSQL database"
    )
    return [sentence]


def lost_letters_warning(run: Run) -> list[str]:
    """Return the sentence for dead letters that are the first in a folder which will go with its container."""
    if not run.dead_letters.was_made or run.ledger.is_new_file or not run.is_passing:
        return []
    sentence = (
        f"dead letters were just made under {run.data_dir}, and this machine looks like a container that goes "
        "when the run ends: then they are lost, though STATE has passed their records. Mount a disk there, set "
        "data_dir to one that stays, or set max_set_aside_percent to 0, so that a stream stops at the first of them"
    )
    return [sentence]


def looks_passing(settings: known.Settings) -> bool:
    """Tell whether this machine looks like a container that is thrown away; in a playground that does not matter."""
    is_container = "KUBERNETES_SERVICE_HOST" in os.environ or any(Path(mark).exists() for mark in CONTAINER_MARKS)
    return is_container and settings.playground is None
