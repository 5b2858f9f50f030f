"""One rule, compiled: what it makes of a record, and whether it fits a schema."""

from __future__ import annotations

import dataclasses
import difflib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_zendesk_events.kinds.event import Event, Profile
from target_zendesk_events.mapping import identifiers, properties
from target_zendesk_events.mapping.created_at import Since, Timeline
from target_zendesk_events.mapping.parts import Part, UnmappableError
from target_zendesk_events.mapping.templates import Scope, Templates
from target_zendesk_events.mapping.values import BadValueError
from target_zendesk_events.moments import Moment
from target_zendesk_events.work import LeftOut, Match, NoShipment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_zendesk_events.mapping.expectations import Case

SAYS_NO = ("false", "no", "0")
"""Texts that are true to Jinja, and hardly ever meant so."""


@dataclasses.dataclass(frozen=True, slots=True)
class FieldFault:
    """A template names a field that the schema does not declare; fatal where the schema declares all it has."""

    rule: str
    place: str
    field: str
    nearest: str | None
    fatal: bool

    def __str__(self) -> str:
        """Return the sentence for the log."""
        nearest = f"; the nearest is '{self.nearest}'" if self.nearest else ""
        if self.fatal:
            why = "which the schema lacks"
            return f"rule '{self.rule}': {self.place} names the field '{self.field}', {why}{nearest} [ZE230]"
        return (
            f"rule '{self.rule}': {self.place} names the field '{self.field}', which the schema does not declare"
            f" (nor rules out): it is null where records lack it{nearest} [ZE230]"
        )


@dataclasses.dataclass(frozen=True, slots=True)
class ProfileParts:
    """The templates of the request's `profile` object."""

    source: Part
    type: Part
    identifiers: identifiers.Pairs | identifiers.Yielded
    name: Part | None
    user_id: Part | None
    attributes: tuple[tuple[str, Part], ...]

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield from (one for one in (self.source, self.type, self.name, self.user_id) if one is not None)
        yield from self.identifiers.parts()
        yield from (part for _, part in self.attributes)


@dataclasses.dataclass(frozen=True, slots=True)
class EventParts:
    """The templates of the request's `event` object."""

    source: Part
    type: Part
    properties: properties.ObjectOf | properties.Yielded
    description: Part | None
    created_at: Part | None

    def parts(self) -> Iterator[Part]:
        """Yield every template in it."""
        yield from (one for one in (self.source, self.type, self.created_at, self.description) if one is not None)
        yield from self.properties.parts()


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """What every rule of a set shares."""

    templates: Templates
    cleaning: identifiers.Cleaning
    timeline: Timeline
    since: Since | None


class Rule:
    """A rule, ready for records."""

    def __init__(  # noqa: PLR0913 - a rule has that many parts
        self,
        *,
        name: str,
        stream: str,
        when: Part | None,
        profile: ProfileParts,
        event: EventParts,
        dedupe_key: Part | None,
        dedupe: bool,
        cases: Sequence[Case],
        surroundings: Surroundings,
    ) -> None:
        """Take the parts, compiled; `stream` is a name or a glob."""
        self.name = name
        self.stream = stream
        self.dedupe = dedupe
        self.cases = cases
        self._when = when
        self._profile = profile
        self._event = event
        self._dedupe_key = dedupe_key
        self._with = surroundings
        self._built_ins = frozenset().union(*(part.value.built_ins for part in self._parts()))

    @property
    def has_dedupe_key(self) -> bool:
        """The rule says itself what makes two events the same."""
        return self._dedupe_key is not None

    @property
    def has_created_at(self) -> bool:
        """The events carry the time at which they happened."""
        return self._event.created_at is not None

    @property
    def constant_origin(self) -> tuple[str, str] | None:
        """The profile's source and type, where no record decides them."""
        source, kind = self._profile.source.fixed, self._profile.type.fixed
        return (source, kind) if source and kind else None

    @property
    def constant_identifier_types(self) -> tuple[str, ...]:
        """The identifier types that no record decides."""
        return self._profile.identifiers.constant_types

    @property
    def identifier_types_vary(self) -> bool:
        """Whether a record decides an identifier's type."""
        return self._profile.identifiers.types_vary

    def check(self, schema: Mapping[str, Any]) -> list[FieldFault]:
        """Return the fields that templates name and the schema lacks, in the order of the rule."""
        declared = schema.get("properties") or {}
        is_open = schema.get("additionalProperties", False) is not False or bool(schema.get("patternProperties"))
        fatal = bool(declared) and not is_open
        missing = {
            (part.place, field): None
            for part in self._parts()
            for field in sorted(part.value.fields)
            if field not in declared
        }
        return [FieldFault(self.name, place, field, nearest(field, declared), fatal) for place, field in missing]

    def apply(self, record: Mapping[str, Any], stream: str) -> Match:
        """Return the event that the rule makes of a record, or why there is none. `stream` is its stream's name."""
        built_in = {"record": record, "stream": stream} if self._built_ins else None
        try:
            return self._match(Scope(record, built_in))
        except UnmappableError as error:
            message = f"rule '{self.name}': {error}"
            return Match(
                self.name,
                no_shipment=NoShipment.UNMAPPABLE,
                message=message,
                dedupe=self.dedupe,
                left_out=error.left_out,
                seen=self._seen(record),
            )

    def _seen(self, record: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the fields that the rule names; all but the tap's own (`_sdc_*`) where it takes the whole record."""
        if "record" in self._built_ins:
            return {name: value for name, value in record.items() if not name.startswith("_sdc_")}
        return {name: record.get(name) for part in self._parts() for name in part.value.fields}

    def _match(self, scope: Scope) -> Match:
        if self._when is not None and not _is_wanted(self._when, scope):
            return Match(self.name, no_shipment=NoShipment.FILTERED, dedupe=self.dedupe)
        created_at = self._moment(scope)
        if created_at is not None and self._with.since is not None and self._with.since.is_after(created_at):
            return Match(self.name, no_shipment=NoShipment.TOO_OLD, dedupe=self.dedupe)
        profile, left_out = self._profile_of(scope)
        event = self._event_of(scope, profile, None if created_at is None else str(created_at))
        key = None if self._dedupe_key is None else self._dedupe_key.required_text(scope)
        is_ahead = created_at is not None and self._with.timeline.is_ahead(created_at)
        return Match(
            self.name, shipment=event, dedupe_key=key, dedupe=self.dedupe, left_out=left_out, is_ahead=is_ahead
        )

    def _moment(self, scope: Scope) -> Moment | None:
        part = self._event.created_at
        if part is None:
            return None
        value = part.of(scope)
        if value is None:
            raise UnmappableError(part.place, "is null [ZE710]")
        try:
            return self._with.timeline.moment(value)
        except BadValueError as error:
            raise part.unmappable(error) from error

    def _profile_of(self, scope: Scope) -> tuple[Profile, tuple[LeftOut, ...]]:
        parts = self._profile
        found, left_out = identifiers.identifiers(parts.identifiers, scope, self._with.cleaning)
        user_id = None if parts.user_id is None else parts.user_id.text(scope)
        profile = Profile(
            source=parts.source.required_text(scope),
            type=parts.type.required_text(scope),
            identifiers=found,
            name=None if parts.name is None else parts.name.text(scope),
            user_id=(user_id or "").strip() or None,
            attributes={name: text for name, part in parts.attributes if (text := part.text(scope)) is not None},
        )
        return profile, left_out

    def _event_of(self, scope: Scope, profile: Profile, created_at: str | None) -> Event:
        parts = self._event
        return Event(
            profile=profile,
            source=parts.source.required_text(scope),
            type=parts.type.required_text(scope),
            properties=parts.properties.json(scope),
            description=None if parts.description is None else parts.description.text(scope),
            created_at=created_at,
        )

    def _parts(self) -> Iterator[Part]:
        if self._when is not None:
            yield self._when
        yield from self._profile.parts()
        yield from self._event.parts()
        if self._dedupe_key is not None:
            yield self._dedupe_key


def _is_wanted(when: Part, scope: Scope) -> bool:
    """Return what `when` says of a record. Raises UnmappableError for a text that says no: Jinja takes it for yes."""
    value = when.of(scope)
    if value is True or value is False:
        return value
    if isinstance(value, str) and value.strip().lower() in SAYS_NO:
        raise UnmappableError(when.place, "yields a text that says no, and any text counts as yes: compare it [ZE717]")
    return bool(value) if not isinstance(value, float | Decimal) else value != 0


def nearest(word: str, known: Mapping[str, Any]) -> str | None:
    """Return the known name most like a word, without regard to case; None where nothing is known."""
    folded = word.casefold()
    return max(
        known,
        key=lambda one: difflib.SequenceMatcher(None, folded, one.casefold()).ratio(),
        default=None,
    )
