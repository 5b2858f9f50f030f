"""Dead letters as a person, or a script, looks at them: a table of groups, or one with its record."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import json
from pathlib import Path

import click
import msgspec

from target_zendesk_events import lenient
from target_zendesk_events.cli.configuration import screen
from target_zendesk_events.cli.ledger import opened
from target_zendesk_events.escaping import escaped, say
from target_zendesk_events.from_settings import DEAD_LETTERS_FOLDER
from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.outcome import last_run
from target_zendesk_events.outcome.discarded import DISCARDED_FILE
from target_zendesk_events.outcome.letters import Choice, Letter
from target_zendesk_events.outcome.listing import Group, Waiting, chosen, groups_of, waiting_in
from target_zendesk_events.outcome.reasons import advice
from target_zendesk_events.outcome.replay import ReplayFiles
from target_zendesk_events.settings import Settings


def show_all(folder: Path, choice: Choice, *, as_json: bool) -> None:
    """Print the chosen letters in groups. Raises StorageError."""
    waiting = waiting_in(folder)
    listed = chosen(waiting, choice)
    groups = groups_of(listed)
    if as_json:
        counts = {"waiting": len(waiting), "listed": len(listed), "held": sum(one.is_held for _, one in listed)}
        click.echo(json.dumps({**counts, "groups": [group.as_object() for group in groups]}, indent=2))
        return
    if groups:
        _draw(groups)
    say(_sum(waiting, listed, folder))


def show_one(folder: Path, number: int, *, as_json: bool) -> None:
    """Print one letter with its record and why it was set aside. Raises StorageError."""
    waiting = waiting_in(folder)
    if not 1 <= number <= len(waiting):
        message = f"there is no dead letter {number:,}: {len(waiting):,} wait in {folder}"
        raise click.BadParameter(message, param_hint="--show")
    _, letter = waiting[number - 1]
    record = _record_of(letter)
    if as_json:
        encoded = msgspec.json.encode({"number": number, "dead_letter": letter.note, "record": msgspec.Raw(record)})
        click.echo(_indented(encoded))
        return
    say(f"dead letter {number:,} of {len(waiting):,}")
    for name, value in letter.note.items():
        if value not in {None, "", 0} if isinstance(value, str | int | None) else name != "rules":
            say(f"  {name}: {value}")
    say(f"what to do: {advice(letter.reason)}")
    say("record:")
    for line in _indented(record).splitlines():
        say(f"  {line}")


def throw_away(settings: Settings, choice: Choice, why: str, *, must_ask: bool) -> None:
    """Discard the chosen letters, held ones too, and say so in the ledger and in `last-run.json`.

    Raises StorageError and ConfigurationError.
    """
    folder = settings.data_dir / DEAD_LETTERS_FOLDER
    bag = ReplayFiles(folder, choice, with_held=True)
    bag.open()
    try:
        _throw_away(bag, settings, why, must_ask=must_ask)
    finally:
        bag.close()
    tell_of_busy(bag)


def tell_of_busy(bag: ReplayFiles) -> None:
    """Say which files another run still writes."""
    for path in bag.busy:
        say(f"{path.name} is still written by another run, and was left alone", err=True)


def _throw_away(bag: ReplayFiles, settings: Settings, why: str, *, must_ask: bool) -> None:
    folder = settings.data_dir / DEAD_LETTERS_FOLDER
    going = bag.going
    if not going:
        say(_sum(waiting_in(folder), [], folder))
        return
    if must_ask:
        numbers = collections.Counter(one.reason for one in going)
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in numbers.most_common())
        click.confirm(
            f"{len(going):,} dead letters ({reasons}) are sent by nothing any more. Throw them away?",
            abort=True,
            err=True,
        )
    cleared = bag.discard(why, dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"))
    ledger = opened(settings)
    if ledger is not None:
        Inquiry(ledger).discard(cleared)
        ledger.close()
    waiting = waiting_in(folder)
    last_run.note_waiting(settings.data_dir, len(waiting))
    say(f"{len(going):,} dead letters thrown away, a line for each in {folder / DISCARDED_FILE}; {len(waiting):,} wait")


def _draw(groups: list[Group]) -> None:
    from rich import box  # noqa: PLC0415 - drawn once
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("stream", "reason", "rule", "field"):
        table.add_column(name, overflow="fold")
    for name in ("letters", "oldest (UTC)", "first"):
        table.add_column(name, justify="right")
    table.add_column("why, of the newest", overflow="fold", ratio=1)
    for group in groups:
        names = (group.stream, group.reason, group.rule or "", group.field or "")
        numbers = (f"{group.count:,}", _when(group.oldest), f"{group.first}")
        why = f"{group.why} [{group.code}]" if group.code else group.why
        table.add_row(*map(escaped, names), *numbers, escaped(why))
    screen().print(table)


def _sum(waiting: Waiting, listed: Waiting, folder: Path) -> str:
    if not waiting:
        return f"no dead letters wait in {folder}"
    if not listed:
        return f"of the {len(waiting):,} dead letters in {folder} none is meant"
    held = sum(letter.is_held for _, letter in listed)
    which = "" if len(listed) == len(waiting) else f"{len(listed):,} of "
    aside = f", {held:,} of them held" if held else ""
    return f"{which}{len(waiting):,} dead letters wait in {folder}{aside}; --show NUMBER prints one with its record"


def _record_of(letter: Letter) -> bytes:
    """Return the record as the tap wrote it; a line that is none as a text."""
    try:
        return bytes(lenient.members(letter.line)["record"])
    except (ValueError, KeyError):
        return msgspec.json.encode(letter.line.decode(errors="replace"))


def _indented(text: bytes) -> str:
    with contextlib.suppress(msgspec.MsgspecError):  # as a tap may write it, and only Python's JSON reads it
        text = msgspec.json.format(text, indent=2)
    return text.decode(errors="replace")


def _when(time: dt.datetime | None) -> str:
    return "" if time is None else f"{time.astimezone(dt.timezone.utc):%Y-%m-%d %H:%M}"
