"""`zendesk-events replay`: sends dead letters again, and takes out of their files what was settled."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping

import click

from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.escaping import say
from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.outcome.replay import ReplayFiles
from target_zendesk_events.target import TargetZendeskEvents


class Replaying(TargetZendeskEvents):
    """The target, with its STATE kept: here it counts the letters of each stream that are settled."""

    _settled: Mapping[str, int] = {}
    _letters: ReplayFiles

    def replay(self, letters: ReplayFiles) -> None:
        """Send what the files hold, and take out of them what is settled then. Raises StorageError."""
        self._letters = letters
        with tempfile.TemporaryFile(dir=self.settings.data_dir) as messages:
            messages.writelines(line + b"\n" for line in letters.messages())
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


@click.command()
@config_option
@click.option("--held", is_flag=True, help="Held events too: they are read back first, and sent if they are not there.")
@click.option("--blindly", is_flag=True, help="With --held: send without reading back; what is there shows twice.")
@reporting_faults
def replay(config: dict[str, object], held: bool, blindly: bool) -> None:  # noqa: FBT001 - click's signature
    """Send again what was set aside, and clear away what is settled.

    Each record runs only through the rules that failed; what fails again goes into a new file. Rules and settings are
    those of --config, so mend them first.
    """
    if blindly and not held:
        message = "--blindly needs --held"
        raise click.UsageError(message)
    target = (SendingBlindly if blindly else Replaying)(config={**config, "state_per_stream": True})
    bag = ReplayFiles(target.run.dead_letters.folder, with_held=held)
    bag.open()
    try:
        target.replay(bag)
    finally:
        bag.close()
    say(f"dead letters waiting now: {target.run.dead_letters.waiting():,}", err=True)
    for path in bag.busy:
        say(f"{path.name} is still written by another run, and was left alone", err=True)
    if bag.held:
        way = "--held reads back whether they are on their timelines, and sends what is not"
        say(f"{bag.held} held letters wait: {way}", err=True)
    sys.exit(target.exit_code)
