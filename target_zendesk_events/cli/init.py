"""`zendesk-events init`: a rules file from a tap's catalog or its stream, to read, correct and preview."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import IO, Any

import click

from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.cli.first_look import would_be_set_aside
from target_zendesk_events.cli.next_steps import next_steps
from target_zendesk_events.cli.rules_text import FOR_EDITORS, SCHEMA_FILE, fresh, read_existing
from target_zendesk_events.cli.tap_output import read_output
from target_zendesk_events.errors import InputError, StorageError
from target_zendesk_events.escaping import say
from target_zendesk_events.mapping.proposal import to_choose
from target_zendesk_events.settings.storage import absolute, start_folder

USUAL_FILE = "rules.yml"
NONE_WRITTEN = "first: every rule is commented out; the file says why of each, and what to do"
SELECTS_NONE = (
    "the catalog selects no stream, and a tap sends what is selected (Meltano selects all): save it to a file, write "
    '"selected": true into the metadata of each stream whose breadcrumb is [], and run the tap with --catalog FILE'
)


@click.command()
@config_option
@click.option("--input", "given", type=click.File("rb"), default="-", help="A catalog, or messages. [default: stdin]")
@click.option("--rules-file", metavar="FILE", help=f"Where to write. [default: the setting, or {USUAL_FILE}]")
@click.option("--force", is_flag=True, help="Write the file anew if it is there: what stands in it goes.")
@click.option("--schema", is_flag=True, help="Print what a rules file may hold, as JSON Schema for editors, and end.")
@reporting_faults
def init(config: dict[str, Any], given: IO[bytes], rules_file: str | None, force: bool, schema: bool) -> None:  # noqa: FBT001 - click's signature
    """Write a rule for every stream of a tap: from its catalog (`--discover`) or from its messages.

    A file that is there is added to: streams that its rules cover are left as they are. Commented out are streams that
    look like nobody's events, or take a custom object. The rules' JSON Schema goes beside it, for editors.

    Example: some-tap --config tap.json --discover | zendesk-events init --config config.json
    """
    if schema:
        click.echo(_schema(), nl=False)
        return
    text = given.read()
    output = read_output(text)
    streams = output.streams
    if not streams:
        message = "there is no stream in the input: give a tap's catalog (--discover) or its messages [ZE408]"
        raise InputError(message)
    start = start_folder(os.environ)
    path = Path(rules_file) if rules_file else absolute(config.get("rules_file") or USUAL_FILE, start)
    before = None if force else read_existing(path)
    new = [one for one in streams if before is None or not before.covers(one[0])]
    remarks = would_be_set_aside(new, text, config) if output.has_records else {}
    has_source = bool(config.get("source"))
    _write(path, before.added(new, remarks) if before else fresh(new, remarks, has_source=has_source))
    _write_schema(path.with_name(SCHEMA_FILE))
    shown = str(path.relative_to(start) if path.is_relative_to(start) else path)
    aside = sum(bool(to_choose(*one)) for one in new)
    told = (
        f"{len(new) - aside} rules written, {aside} commented out, {len(streams) - len(new)} streams left as they are"
    )
    say(f"{shown}: {told}", err=True)
    if before and SCHEMA_FILE not in before.text:
        say(f"for an editor, as its first line: {FOR_EDITORS}", err=True)
    if output.selects_none:
        say(SELECTS_NONE, err=True)
    if aside == len(new) and not (before and before.streams):
        say(NONE_WRITTEN, err=True)
    for line in next_steps(config, shown, start):
        say(line, err=True)


def _schema() -> str:
    return resources.files("target_zendesk_events").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        message = f"{path} cannot be written: {fault.strerror} [ZE603]"
        raise StorageError(message) from fault


def _write_schema(path: Path) -> None:
    """Write the schema, or renew it after an upgrade; a file of that name that is none of ours is left alone."""
    ours = _schema()
    try:
        is_ours = json.loads(path.read_bytes()).get("description") == json.loads(ours)["description"]
    except FileNotFoundError:
        is_ours = True
    except (OSError, ValueError, AttributeError):
        is_ours = False
    if is_ours:
        _write(path, ours)
