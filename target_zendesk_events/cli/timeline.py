"""`zendesk-events timeline`: a customer's profile and events, read back from Zendesk."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from target_zendesk_events.cli.account import READS, Account, settings_of
from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.cli.customer import customer_of
from target_zendesk_events.escaping import escaped, say
from target_zendesk_events.mapping.values import json_text
from target_zendesk_events.moments import EPOCH, Moment, moment_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NOBODY = 1
"""The exit code where Zendesk knows nobody by that identifier."""
WIDTH_OF_FILES = 160


@click.command()
@click.argument("identifier")
@config_option
@click.option("--source", help="Events of this source alone.")
@click.option("--type", "kind", help="Events of this type alone; needs --source.")
@click.option("--start-time", help="Events from this time on: a date, or a time.")
@click.option("--end-time", help="Events up to this time.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@reporting_faults
def timeline(  # noqa: PLR0913 - click's signature
    identifier: str,
    config: dict[str, Any],
    *,
    source: str | None,
    kind: str | None,
    start_time: str | None,
    end_time: str | None,
    as_json: bool,
) -> None:
    """Show a customer's profile and events as Zendesk has them, the newest first.

    IDENTIFIER is source:type:identifier_type:value, or an e-mail address where one rule makes the rest plain. Times
    are this machine's. Ends with 1 if Zendesk knows no such profile.

    Example: zendesk-events timeline shop:customer:email:customer-7@example.com --config config.json
    """
    if kind is not None and source is None:
        message = "--type needs --source: Zendesk filters by both or by the source alone"
        raise click.UsageError(message)
    filters = {
        "filter[source]": source,
        "filter[type]": kind,
        "filter[start_time]": _instant("--start-time", start_time),
        "filter[end_time]": _instant("--end-time", end_time),
    }
    settings = settings_of(config, also=(READS,))
    customer = customer_of(identifier, settings)
    with Account(settings) as account:
        profile = account.profile(customer.query)
        events: list[Mapping[str, Any]] = []
        if profile is not None:
            events += account.events(str(profile.get("id")), **{name: text for name, text in filters.items() if text})
    events.sort(key=_moment, reverse=True)
    if as_json:
        click.echo(json.dumps({"profile": profile, "events": events}, indent=2, ensure_ascii=False))
    elif profile is not None:
        _show(profile, events)
    if profile is None:
        say("Zendesk knows no such profile: nothing was sent for it yet, or its source or type is another", err=True)
        sys.exit(NOBODY)


def _instant(option: str, text: str | None) -> str | None:
    """Return a time as Zendesk's filters take it; one without an offset is this machine's."""
    if text is None:
        return None
    try:
        local = dt.datetime.now().astimezone().tzinfo or dt.timezone.utc
        return str(moment_of(text, local))
    except (ValueError, ArithmeticError) as fault:
        message = f"{option} is no time; accepted: 2026-01-31, or 2026-01-31T12:00:00+01:00"
        raise click.UsageError(message) from fault


def _moment(event: Mapping[str, Any]) -> Moment:
    """Return when an event happened, for sorting: what bears no time that can be read comes last."""
    try:
        return moment_of(event.get("created_at"), dt.timezone.utc)
    except (ValueError, ArithmeticError):
        return Moment(EPOCH)


def _show(profile: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> None:
    from rich import box  # noqa: PLC0415 - drawn once
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    width = None if sys.stdout.isatty() else WIDTH_OF_FILES
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    for line in _about(profile):
        console.print(escaped(line), soft_wrap=True)
    if not events:
        console.print("no events", style="bold")
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("when", "source", "type", "description, properties"):
        table.add_column(name, overflow="fold")
    for event in events:
        table.add_row(
            _when(event.get("created_at")),
            *(escaped(str(event.get(name, ""))) for name in ("source", "type")),
            _told(event, console),
        )
    console.print(table)
    console.print(f"{len(events):,} events" if len(events) != 1 else "1 event", style="bold")


def _about(profile: Mapping[str, Any]) -> Iterator[str]:
    yield f"{profile.get('name') or 'without a name'} ({profile.get('source')}, {profile.get('type')})"
    for one in profile.get("identifiers") or ():
        yield f"  {one.get('type')} {one.get('value')}"
    for name, text in (profile.get("attributes") or {}).items():
        yield f"  {name}: {text}"
    yield f"  user {profile.get('user_id')}, profile {profile.get('id')}"


def _when(text: object) -> str:
    """Return a time in this machine's zone as people read it: date over time of day; what is no time as it is."""
    try:
        local = moment_of(text, dt.timezone.utc).as_datetime.astimezone()
    except (ValueError, ArithmeticError):
        return escaped(str(text or ""))
    return f"{local:%Y-%m-%d}\n{local:%H:%M:%S %Z}"


def _told(event: Mapping[str, Any], console: Console) -> Text:
    from rich.text import Text  # noqa: PLC0415

    told = [Text(escaped(event["description"]))] if event.get("description") else []
    return Text("\n").join([*told, *_tree(event.get("properties") or {}, "", is_linked=console.is_terminal)])


def _tree(value: Mapping[str, Any] | Sequence[Any], margin: str, *, is_linked: bool) -> Iterator[Text]:
    """Yield a line for each value of nested properties, what is within another further right, links as links."""
    from rich.text import Text  # noqa: PLC0415

    items = value.items() if isinstance(value, Mapping) else (("", item) for item in value)
    for name, item in items:
        label = f"{margin}{escaped(name)}:" if name else f"{margin}-"
        if isinstance(item, Mapping) and _is_link(item):
            yield Text(f"{label} ").append(_link(item, is_linked=is_linked))
        elif isinstance(item, Mapping | list) and item:
            yield Text(label)
            yield from _tree(item, margin + "  ", is_linked=is_linked)
        else:
            yield Text(f"{label} {escaped(item if isinstance(item, str) else json_text(item))}")


def _is_link(value: Mapping[str, Any]) -> bool:
    """Tell whether Zendesk shows an object as a link: it has a display name and an address of the web."""
    name, url = value.get("display_name"), value.get("url")
    return isinstance(name, str) and isinstance(url, str) and url.startswith(("https://", "http://"))


def _link(value: Mapping[str, Any], *, is_linked: bool) -> Text:
    """Return a link to click where a terminal makes one of it, else with its address beside it."""
    from rich.text import Text  # noqa: PLC0415

    name, url = escaped(value["display_name"]), escaped(value["url"])
    return Text(name, style=f"underline link {url}") if is_linked else Text(f"{name} <{url}>")
