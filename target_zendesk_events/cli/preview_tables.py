"""The first things of a rule in a table, as Zendesk would get them: a table for each kind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from target_zendesk_events.escaping import escaped
from target_zendesk_events.mapping.values import json_text

if TYPE_CHECKING:
    from rich.console import Console

Fields = Mapping[str, Any]
Cells = Sequence[Sequence[str]]
"""Of one thing: the lines of each column."""


def show_things(things: Sequence[tuple[str, Fields]], console: Console) -> None:
    """Print things, each with what the ledger knows of it, and its body."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    for kind, some in itertools.groupby(things, key=lambda thing: _kind_of(thing[1])):
        layout = _LAYOUTS[kind]
        table = Table(box=box.SIMPLE, pad_edge=False)
        for name in ("", *layout.columns):
            table.add_column(name, overflow="fold")
        for standing, body in some:
            table.add_row(standing, *("\n".join(map(escaped, lines)) for lines in layout.cells(body)))
        console.print(table)


def _kind_of(body: Fields) -> str:
    return next(kind for kind in _LAYOUTS if kind in body)


def _event(body: Fields) -> Cells:
    event = body["event"]
    told = [event["description"]] if "description" in event else []
    when = event["created_at"].removesuffix("Z").split("T")
    return _customer(body["profile"]), when, [event["source"]], [event["type"]], [*told, *_tree(event["properties"])]


def _profile(body: Fields) -> Cells:
    profile = body["profile"]
    return _customer(profile), [profile["source"]], [profile["type"]], [profile["method"]]


def _object(body: Fields) -> Cells:
    record = body["object"]
    name = [record["name"]] if "name" in record else []
    return [record["key"]], [record["external_id"]], [*name, *_tree(record["fields"])]


def _ticket(body: Fields) -> Cells:
    ticket = body["ticket"]
    number = [f"no. {ticket['id']}"] if "id" in ticket else ["made once"]
    return number, list(_tree({name: value for name, value in ticket.items() if name != "id"}))


def _deletion(body: Fields) -> Cells:
    deleted = body["delete"]
    if "profile" in deleted:
        profile = deleted["profile"]
        return ([f"profile of {profile['source']} {profile['type']}", *_customer(profile)],)
    if "object" in deleted:
        return ([f"record of {deleted['object']}", deleted["external_id"]],)
    return ([f"ticket no. {deleted['ticket']}"],)


class _Layout(NamedTuple):
    columns: tuple[str, ...]
    cells: Callable[[Fields], Cells]


_LAYOUTS: Mapping[str, _Layout] = {
    "event": _Layout(("customer", "when (UTC)", "source", "type", "description, properties"), _event),
    "profile": _Layout(("customer", "source", "type", "method"), _profile),
    "object": _Layout(("object", "external id", "name, fields"), _object),
    "ticket": _Layout(("ticket", "fields"), _ticket),
    "delete": _Layout(("deleted",), _deletion),
}
"""By the key of a body that only this kind has; an event has a profile beside it, so it comes first."""


def _customer(profile: Fields) -> list[str]:
    lines = [f"{one['type']} {one['value']}" for one in profile["identifiers"]]
    lines += [f"{name} {profile[name]}" for name in ("name", "user_id") if name in profile]
    return lines + [f"{name}: {text}" for name, text in profile.get("attributes", {}).items()]


def _tree(fields: Fields) -> Iterator[str]:
    for name, value in fields.items():
        yield f"{name}: {value if isinstance(value, str) else _referred(value) or json_text(value)}"


def _referred(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return in words what is yet to be looked up; nothing for any other value."""
    if not isinstance(value, Mapping):
        return ""
    if value.keys() == {"object", "external_id"}:
        return f"the {value['object']} {value['external_id']}, to be looked up"
    user = value.get("user")
    if value.keys() == {"user"} and isinstance(user, Mapping):
        ((by, name),) = user.items()
        return f"the user of {by} {name}, to be looked up"
    return ""
