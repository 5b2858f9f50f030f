"""The `object` of a rule, compiled: a record of a custom object, and what its fields refer to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.object_record import ObjectRecord, Reference
from target_zendesk_events.mapping.external_ids import external_id, name_of
from target_zendesk_events.mapping.making import Made
from target_zendesk_events.mapping.parts import Part, UnmappableError
from target_zendesk_events.mapping.values import json_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_zendesk_events.mapping.identifiers import Cleaning
    from target_zendesk_events.mapping.making import Surroundings
    from target_zendesk_events.mapping.profile import ProfileParts
    from target_zendesk_events.mapping.properties import ListOf
    from target_zendesk_events.mapping.templates import Scope

FIELDS = "object.fields"


@dataclasses.dataclass(frozen=True, slots=True)
class ReferenceParts:
    """The template of what a field refers to: a user by `external_id` or `email`, a record by its object's key."""

    sort: str
    by: str
    value: Part

    def of(self, scope: Scope, cleaning: Cleaning) -> Reference | None:
        """Return what one record refers to; None for null. Raises UnmappableError."""
        text = name_of(self.value, self.by if self.sort == "user" else "external_id", scope, cleaning)
        return None if text is None else Reference(LookUp(self.sort, self.by, text))

    def parts(self) -> Iterator[Part]:
        """Yield the template."""
        yield self.value


@dataclasses.dataclass(frozen=True, slots=True)
class Fields:
    """The fields written out in the rule. A null is kept: it clears the field."""

    items: tuple[tuple[str, Part | ListOf | ReferenceParts], ...]

    def of(self, scope: Scope, cleaning: Cleaning) -> dict[str, Any]:
        """Return the fields of one record. Raises UnmappableError."""
        return {
            name: item.of(scope, cleaning) if isinstance(item, ReferenceParts) else item.json(scope)
            for name, item in self.items
        }

    def parts(self) -> Iterator[Part]:
        """Yield every template."""
        for _, item in self.items:
            yield from item.parts()


@dataclasses.dataclass(frozen=True, slots=True)
class YieldedFields:
    """One expression that yields all fields. A null is kept: it clears the field."""

    part: Part

    def of(self, scope: Scope, cleaning: Cleaning) -> dict[str, Any]:  # noqa: ARG002 - it refers to nobody
        """Return the fields of one record; null gives none. Raises UnmappableError."""
        value = self.part.of(scope)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise UnmappableError(self.part.place, "yields something other than an object [ZE716]")
        try:
            return {str(name): json_value(item) for name, item in value.items()}
        except Exception as error:
            raise self.part.unmappable(error) from error

    def parts(self) -> Iterator[Part]:
        """Yield the expression."""
        yield self.part


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectParts:
    """The templates of a custom object's record."""

    key: str
    external_id: Part
    name: Part | None
    fields: Fields | YieldedFields

    @property
    def profile(self) -> ProfileParts | None:
        """It writes none."""
        return None

    @property
    def tells_apart(self) -> bool:
        """A record is told by its external id."""
        return True

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield from (one for one in (self.external_id, self.name) if one is not None)
        yield from self.fields.parts()

    def make(self, scope: Scope, surroundings: Surroundings) -> Made:
        """Return the object's record of one of the tap's. Raises UnmappableError."""
        record = ObjectRecord(
            key=self.key,
            external_id=external_id(self.external_id, scope, surroundings.cleaning),
            name=None if self.name is None else self.name.text(scope),
            fields=self.fields.of(scope, surroundings.cleaning),
        )
        return Made((record,))
