"""The `properties` of an event: an object of templates, a list of field names, or one expression."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from target_zendesk_events.mapping.parts import Part, UnmappableError

if TYPE_CHECKING:
    from target_zendesk_events.mapping.templates import Scope

PLACE = "event.properties"


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object of templates, nested as one likes; nulls are left out."""

    items: tuple[tuple[str, ObjectOf | ListOf | Part], ...]

    def json(self, scope: Scope) -> dict[str, Any]:
        """Return the object for one record."""
        return {name: value for name, item in self.items if (value := item.json(scope)) is not None}

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        for _, item in self.items:
            yield from item.parts()


@dataclasses.dataclass(frozen=True, slots=True)
class ListOf:
    """A list inside such an object."""

    items: tuple[ObjectOf | ListOf | Part, ...]

    def json(self, scope: Scope) -> list[Any]:
        """Return the list for one record, nulls and all: leaving one out would move the others."""
        return [item.json(scope) for item in self.items]

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        for item in self.items:
            yield from item.parts()


@dataclasses.dataclass(frozen=True, slots=True)
class Yielded:
    """One expression that yields the whole object."""

    part: Part

    def json(self, scope: Scope) -> dict[str, Any]:
        """Return the object for one record; null gives an empty one."""
        value = self.part.json(scope)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise UnmappableError(self.part.place, "yields something other than an object [ZE716]")
        return dict(value)

    def parts(self) -> Iterator[Part]:
        """Yield the expression."""
        yield self.part
