"""`zendesk-events objects`: the custom objects and fields that rules name, held against those that the account has."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import IO, Any, Final, NoReturn

import click

from target_zendesk_events.cli.account import Account, settings_of
from target_zendesk_events.cli.configuration import config_option, reporting_faults, screen
from target_zendesk_events.cli.named_objects import named_objects
from target_zendesk_events.cli.object_plan import MISSING, THERE, UNFIT, Item, make, plan_of, record_of, to_be_made
from target_zendesk_events.cli.tap_output import read_output
from target_zendesk_events.escaping import escaped, say
from target_zendesk_events.from_settings import compile_book
from target_zendesk_events.mapping.values import json_text

LACKING: Final = 1
"""The exit code where something is missing, or does not fit; and where a record is not there."""
COLOURS: Final = {THERE: "green", MISSING: "red", UNFIT: "red"}


@click.command()
@config_option
@click.option(
    "--input", "given", type=click.File("rb"), help="A tap's catalog or messages, for the types of fields; - for stdin."
)
@click.option(
    "--apply", "applies", is_flag=True, help="Make what is missing, which takes an administrator; asks first."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--show", nargs=2, metavar="KEY EXTERNAL_ID", help="Read one record back instead.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@reporting_faults
def objects(  # noqa: PLR0913 - click's signature
    config: dict[str, Any],
    *,
    given: IO[bytes] | None,
    applies: bool,
    yes: bool,
    show: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """Show which custom objects and fields the rules name, and which of them the account lacks.

    Fields get their types from the streams' schemas, so --apply takes a tap's catalog (--discover) or messages. Ends
    with 0 if nothing is missing, with 1 if something is and was not made.

    Example: zendesk-events objects --config config.json --input catalog.json --apply
    """
    asks = applies and not yes
    if asks and given is not None and given.name == "<stdin>":
        message = "--input - leaves nobody to be asked: add --yes, or give --input a file"
        raise click.UsageError(message)
    settings = settings_of(config, also=("read", "write") if applies else ("read",))
    with Account(settings) as account:
        if show is not None:
            _show_record(account, *show, as_json=as_json)
        schemas = {name: schema for name, schema, _ in read_output(given.read()).streams} if given else {}
        compile_book(settings)  # what follows reads valid rules
        wanted = named_objects(settings.rules, schemas)
        items = plan_of(account, wanted) if wanted else []
        lacking = to_be_made(items)
        if applies and lacking:
            _make(account, lacking, asks=asks)
            items = plan_of(account, wanted)
    exit_code = LACKING if any(one.state != THERE for one in items) else 0
    if as_json:
        told = {"account": settings.base_url, "objects": _as_objects(items), "exit_code": exit_code}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _show(items)
    sys.exit(exit_code)


def _make(account: Account, items: Sequence[Item], *, asks: bool) -> None:
    """Make what is missing, and say so; a person who is asked sees what that is."""
    if asks:
        for one in items:
            say(f"to be made: {_described(one)}", err=True)
        click.confirm("A field keeps its type. Make them?", abort=True, err=True)
    for item, refusal in make(account, items):
        say(refusal or f"made: {_described(item)}", err=True)


def _described(item: Item) -> str:
    return ", ".join(filter(None, (item.name, item.type, item.target)))


def _as_objects(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the plan for `--json`."""
    found: dict[str, dict[str, Any]] = {}
    for one in items:
        standing = {"state": one.state, "note": one.note}
        if not one.field:
            found[one.object] = {"key": one.object, **standing, "fields": []}
        else:
            found[one.object]["fields"].append(
                {"key": one.field, "type": one.type, "relationship_target_type": one.target, **standing}
            )
    return list(found.values())


def _show(items: Sequence[Item]) -> None:
    from rich import box  # noqa: PLC0415 - drawn once
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = screen()
    if not items:
        console.print("The rules name no custom object.", soft_wrap=True)
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("object", "field", "type", "", ""):
        table.add_column(name, overflow="fold")
    for one in items:
        kind = " to ".join(filter(None, (one.type, one.target)))
        texts = (escaped(text) for text in (one.object, one.field, kind))
        table.add_row(*texts, Text(one.state, style=COLOURS[one.state]), escaped(one.note))
    console.print(table)
    lacking = [one for one in items if one.state == MISSING]
    if not lacking:
        return
    console.print(f"{len(lacking):,} missing.", style="bold")
    if to_be_made(items):
        console.print("zendesk-events objects --apply makes what has a type, as an administrator.", soft_wrap=True)


def _show_record(account: Account, key: str, external_id: str, *, as_json: bool) -> NoReturn:
    """Print a record as Zendesk has it, and end."""
    record = record_of(account, key, external_id)
    if as_json:
        click.echo(json.dumps({"record": record}, indent=2, ensure_ascii=False))
    elif record is not None:
        say(f"{record.get('name') or 'without a name'} (record {record.get('id')})")
        for name in ("external_id", "created_at", "updated_at"):
            say(f"  {name}: {record.get(name)}")
        for name, value in (record.get("custom_object_fields") or {}).items():
            say(f"  {name}: {value if isinstance(value, str) else json_text(value)}")
    if record is None:
        say(f"the object {key} has no record of that external id", err=True)
        sys.exit(LACKING)
    sys.exit(0)
