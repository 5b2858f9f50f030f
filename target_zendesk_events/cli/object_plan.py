"""What the account lacks of the custom objects and fields that rules name, and how it is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from target_zendesk_events.cli.account import Account, refusal
from target_zendesk_events.cli.field_shapes import Shape
from target_zendesk_events.cli.named_objects import NamedObject
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.zendesk.answers import Kind

OBJECTS_PATH: Final = "/api/v2/custom_objects"
THERE, MISSING, UNFIT = "there", "missing", "unfit"


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """An object (`field` is empty) or a field of one: of which type it is, or is to be, and how it stands with it."""

    object: str
    field: str
    type: str
    target: str
    state: str
    note: str = ""

    @property
    def can_be_made(self) -> bool:
        """Whether it is missing, and known well enough to be made."""
        return self.state == MISSING and (not self.field or bool(self.type))

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"field {self.object}.{self.field}" if self.field else f"object {self.object}"


def plan_of(account: Account, objects: Sequence[NamedObject]) -> list[Item]:
    """Return how the account stands to what rules name. Raises the error of a refusal."""
    there = {str(one.get("key")) for one in account.pages(OBJECTS_PATH, "custom_objects")}
    return [item for one in objects for item in _of_object(account, one, is_there=one.key in there)]


def to_be_made(items: Sequence[Item]) -> list[Item]:
    """Return what is missing and can be made: all objects before any field, which may refer to any of them."""
    return sorted((one for one in items if one.can_be_made), key=lambda one: bool(one.field))


def make(account: Account, items: Sequence[Item]) -> Iterator[tuple[Item, str]]:
    """Make items in their order; yield each with Zendesk's words where it refuses, else with nothing.

    Raises the error of any other refusal.
    """
    for item in items:
        path, name, body = _request(item)
        answer = account.answer("POST", path, {name: body})
        if answer.kind is Kind.ACCEPTED:
            yield item, ""
        elif answer.kind is Kind.REFUSED:
            yield item, f"Zendesk refuses to make {item.name} ({answer.summary}): {answer.message} [ZE410]"
        else:
            raise refusal(answer)


def record_of(account: Account, key: str, external_id: str) -> Mapping[str, Any] | None:
    """Return a record as Zendesk has it, None where there is none. Raises ConfigurationError without its object."""
    path = f"{OBJECTS_PATH}/{quote(key, safe='')}"
    if account.ask("GET", path).is_missing:
        account.who()  # else it is no account
        message = f"the account has no custom object {key}: zendesk-events objects tells which it lacks [ZE411]"
        raise ConfigurationError(message)
    found = account.pages(f"{path}/records", "custom_object_records", **{"filter[external_ids]": external_id})
    return next((one for one in found if one.get("external_id") == external_id), None)


def _of_object(account: Account, wanted: NamedObject, *, is_there: bool) -> Iterator[Item]:
    note = "records decide its fields: they are not compared" if wanted.is_open else ""
    yield Item(wanted.key, "", "", "", THERE if is_there else MISSING, note)
    path = f"{OBJECTS_PATH}/{quote(wanted.key, safe='')}/fields"
    found = account.pages(path, "custom_object_fields") if is_there and wanted.fields else ()
    fields = {str(one.get("key")): one for one in found}
    for name, shape in wanted.fields.items():
        yield _of_field(wanted.key, name, shape, fields.get(name))


def _of_field(key: str, name: str, shape: Shape, field: Mapping[str, Any] | None) -> Item:
    if field is None:
        return Item(key, name, shape.type, shape.target, MISSING, "" if shape.type else shape.why)
    kind, target = str(field.get("type")), str(field.get("relationship_target_type") or "")
    if not shape.fits(kind, target):
        wanted = " to ".join(filter(None, (shape.type or shape.sort, shape.target)))
        return Item(key, name, kind, target, UNFIT, f"rules make {wanted} of it: records with it are refused")
    is_off = field.get("active") is False
    return Item(key, name, kind, target, THERE, "it is not active: switch it on in Zendesk" if is_off else "")


def _request(item: Item) -> tuple[str, str, dict[str, str]]:
    """Return where an item is made, under which name its body stands there, and the body."""
    if not item.field:
        title = _title(item.object)
        return OBJECTS_PATH, "custom_object", {"key": item.object, "title": title, "title_pluralized": _plural(title)}
    body = {"key": item.field, "type": item.type, "title": _title(item.field)}
    target = {"relationship_target_type": item.target} if item.target else {}
    return f"{OBJECTS_PATH}/{quote(item.object, safe='')}/fields", "custom_object_field", {**body, **target}


def _title(key: str) -> str:
    """Return a key as a title, which people may change in Zendesk."""
    return key.replace("_", " ").replace("-", " ").strip().capitalize() or key


def _plural(title: str) -> str:
    if title.endswith("y") and title[-2:-1] not in "aeiou":
        return f"{title[:-1]}ies"
    return f"{title}es" if title.endswith(("s", "x", "ch", "sh")) else f"{title}s"
