"""`zendesk-events replay`: sends dead letters again, and takes out of their files what was settled."""

from __future__ import annotations

import datetime as dt
import functools
import io
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import NoReturn

import click

from target_zendesk_events import settings as known
from target_zendesk_events.cli import letters
from target_zendesk_events.cli.configuration import config_option, offline, reporting_faults
from target_zendesk_events.cli.preview import Previewing
from target_zendesk_events.cli.preview import show as show_preview
from target_zendesk_events.escaping import say
from target_zendesk_events.from_settings import DEAD_LETTERS_FOLDER
from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.outcome.letters import REASONS, Choice
from target_zendesk_events.outcome.replay import ReplayFiles
from target_zendesk_events.target import TargetZendeskEvents


class Replaying(TargetZendeskEvents):
    """The target, with its STATE kept: here it counts the letters of each stream that are settled."""

    command = "replay"
    _settled: Mapping[str, int] = {}
    _letters: ReplayFiles

    def replay(self, bag: ReplayFiles) -> None:
        """Send what the files hold, and take out of them what is settled then. Raises StorageError."""
        self._letters = bag
        with io.BytesIO() if self.settings.dry_run else tempfile.TemporaryFile(dir=self.settings.data_dir) as messages:
            messages.writelines(line + b"\n" for line in bag.messages())
            messages.seek(0)
            self.listen(messages)  # type: ignore[arg-type]  # the reader takes bytes

    def all_settled(self) -> None:
        """Clear away what is settled, and what the ledger remembers of it as set aside."""
        if self.settings.dry_run:
            return
        cleared = self._letters.take_out(self._settled)
        if isinstance(self.run.ledger, SqlLedger):
            Inquiry(self.run.ledger).clear(cleared)

    def _write_state(self, value: bytes) -> None:
        self._settled = json.loads(value)["bookmarks"]


class SendingBlindly(Replaying):
    """The same, for those who looked at the timelines themselves."""

    sends_held_blindly = True


class Trying(Previewing):
    """What a replay would do, with nothing sent."""

    command = "replay"


@click.command()
@config_option
@click.option("--reason", multiple=True, type=click.Choice(REASONS), help="Only what was set aside so. Repeatable.")
@click.option("--stream", multiple=True, help="Only this stream's. Repeatable.")
@click.option("--since", help="Only what was set aside since: a date, a time, or a length such as '2 days'.")
@click.option("--list", "lists", is_flag=True, help="Send nothing: show what waits, by stream, reason, rule and field.")
@click.option("--show", type=int, metavar="NUMBER", help="Send nothing: print one with its record and why.")
@click.option("--try", "tries", is_flag=True, help="Send nothing: show what the rules make of it now, as preview does.")
@click.option(
    "--discard", metavar="WHY", help="Send nothing: throw it away; what, when and why is kept in a line each."
)
@click.option("--yes", is_flag=True, help="With --discard: do not ask.")
@click.option("--json", "as_json", is_flag=True, help="With --list, --show or --try: print it as JSON.")
@click.option("--held", is_flag=True, help="What is held too: it is read back first, and sent if it is not there.")
@click.option("--blindly", is_flag=True, help="With --held: send without reading back; what is there is there twice.")
@reporting_faults
def replay(  # noqa: PLR0913, PLR0917 - click hands every option over
    config: dict[str, object],
    reason: tuple[str, ...],
    stream: tuple[str, ...],
    since: str | None,
    lists: bool,  # noqa: FBT001 - click's signature
    show: int | None,
    tries: bool,  # noqa: FBT001
    discard: str | None,
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    held: bool,  # noqa: FBT001
    blindly: bool,  # noqa: FBT001
) -> None:
    """Send again what was set aside, and clear away what is settled.

    Each record runs only through the rules that failed; what fails again goes into a new file. Rules and settings are
    those of --config, so mend them first.

    Example: zendesk-events replay --config config.json --list
    """
    acts = {"--list": lists, "--show": show is not None, "--try": tries, "--discard": discard is not None}
    wanted = [name for name, is_wanted in acts.items() if is_wanted]
    needs = {
        "--blindly needs --held": blindly and not held,
        "--json needs --list, --show or --try": as_json and (not wanted or discard is not None),
        "--discard needs a reason": discard is not None and not discard.strip(),
        f"{' and '.join(wanted)} are different things: ask for one": len(wanted) > 1,
    }
    for message in (message for message, lacks in needs.items() if lacks):
        raise click.UsageError(message)
    choose = functools.partial(_choice, frozenset(reason), frozenset(stream), since)
    if tries:
        _try(config, choose, with_held=held, as_json=as_json)
    if not wanted:
        _send(config, choose, with_held=held, blindly=blindly)
    settings = known.read_settings(offline(config), os.environ, now=dt.datetime.now(dt.timezone.utc))
    choice = choose(settings.timezone)
    if discard is not None:
        letters.throw_away(settings, choice, discard.strip(), must_ask=not yes)
    elif show is not None:
        letters.show_one(settings.data_dir / DEAD_LETTERS_FOLDER, show, as_json=as_json)
    else:
        letters.show_all(settings.data_dir / DEAD_LETTERS_FOLDER, choice, as_json=as_json)


def _choice(reasons: frozenset[str], streams: frozenset[str], since: str | None, timezone: dt.tzinfo) -> Choice:
    """Return which letters are meant; a time without an offset is in the zone of the settings."""
    if since is None:
        return Choice(reasons, streams)
    try:
        return Choice(reasons, streams, known.read_since(since, timezone, dt.datetime.now(dt.timezone.utc)))
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="--since") from fault


def _try(
    config: dict[str, object], choose: Callable[[dt.tzinfo], Choice], *, with_held: bool, as_json: bool
) -> NoReturn:
    """Show what a replay would send, and what it would set aside again."""
    logging.disable(logging.INFO)
    target = Trying(config=offline(config))
    bag = ReplayFiles(target.run.dead_letters.folder, choose(target.settings.timezone), with_held=with_held)
    bag.open()
    bag.close()
    target.listen(io.BytesIO(b"".join(line + b"\n" for line in bag.messages())))  # type: ignore[arg-type]  # as a replay
    _tell_of_the_rest(bag)
    show_preview(target, as_json=as_json)


def _send(
    config: dict[str, object], choose: Callable[[dt.tzinfo], Choice], *, with_held: bool, blindly: bool
) -> NoReturn:
    target = (SendingBlindly if blindly else Replaying)(config={**config, "state_per_stream": True})
    choice = choose(target.settings.timezone)
    bag = ReplayFiles(target.run.dead_letters.folder, choice, with_held=with_held)
    bag.open()
    try:
        target.replay(bag)
    finally:
        bag.close()
    say(f"dead letters waiting now: {target.run.dead_letters.waiting():,}", err=True)
    _tell_of_the_rest(bag)
    sys.exit(target.exit_code)


def _tell_of_the_rest(bag: ReplayFiles) -> None:
    letters.tell_of_busy(bag)
    if bag.held:
        way = "--held reads back whether Zendesk has what they were sent for, and sends what it has not"
        say(f"{bag.held} held letters wait: {way}", err=True)
