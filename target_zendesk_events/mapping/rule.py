"""One rule, compiled: what it makes of a record, and whether it fits a schema."""

from __future__ import annotations

import dataclasses
import difflib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_zendesk_events.mapping.event import EventParts
from target_zendesk_events.mapping.making import Making, Surroundings
from target_zendesk_events.mapping.parts import Part, UnmappableError
from target_zendesk_events.mapping.templates import Scope
from target_zendesk_events.work import Match, NoShipment

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


class Rule:
    """A rule, ready for records."""

    def __init__(  # noqa: PLR0913 - a rule has that many parts
        self,
        *,
        name: str,
        stream: str,
        when: Part | None,
        making: Making,
        dedupe_key: Part | None,
        dedupe: bool,
        cases: Sequence[Case],
        surroundings: Surroundings,
    ) -> None:
        """Take the parts, compiled; `stream` is a name or a glob, `making` what is sent, of whatever kind."""
        self.name = name
        self.stream = stream
        self.dedupe = dedupe
        self.cases = cases
        self._when = when
        self._making = making
        self._dedupe_key = dedupe_key
        self._with = surroundings
        self.is_repeatable = (
            dedupe and isinstance(making, EventParts) and surroundings.since is None and not self.identifier_types_vary
        )
        """Whether it makes one event of a record, and of the same record the same one at any time."""
        self._built_ins = frozenset().union(*(part.value.built_ins for part in self._parts()))

    @property
    def needs_keys(self) -> bool:
        """Whether only the stream's key properties tell two things that it makes apart."""
        return self.dedupe and self._dedupe_key is None and not self._making.tells_apart

    @property
    def constant_origin(self) -> tuple[str, str] | None:
        """The source and type of the profile that is written, where there is one and no record decides them."""
        profile = self._making.profile
        source, kind = (profile.source.fixed, profile.type.fixed) if profile else ("", "")
        return (source, kind) if source and kind else None

    @property
    def constant_identifier_types(self) -> tuple[str, ...]:
        """The identifier types that no record decides."""
        profile = self._making.profile
        return () if profile is None else profile.identifiers.constant_types

    @property
    def identifier_types_vary(self) -> bool:
        """Whether a record decides an identifier's type."""
        profile = self._making.profile
        return profile is not None and profile.identifiers.types_vary

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

    def apply(self, record: Mapping[str, Any], stream: str) -> list[Match]:
        """Return what the rule makes of a record: one thing to send or more, or why it makes none.

        `stream` is the name of the record's stream.
        """
        scope = self.scope(record, stream)
        return self.pass_over(scope) or self.make(scope)

    def scope(self, record: Mapping[str, Any], stream: str) -> Scope:
        """Return a record as the rule's templates see it."""
        return Scope(record, {"record": record, "stream": stream} if self._built_ins else None)

    def pass_over(self, scope: Scope) -> list[Match]:
        """Return that `when` does not want a record, or fails on it; nothing where something is to be made of it."""
        try:
            if self._when is None or _is_wanted(self._when, scope):
                return []
        except UnmappableError as error:
            return [self._unmappable(error, scope)]
        return [Match(self.name, no_shipment=NoShipment.FILTERED, dedupe=self.dedupe)]

    def make(self, scope: Scope) -> list[Match]:
        """Return what the rule makes of a record that it wants, or why it makes nothing."""
        try:
            return self._made(scope)
        except UnmappableError as error:
            return [self._unmappable(error, scope)]

    def _unmappable(self, error: UnmappableError, scope: Scope) -> Match:
        return Match(
            self.name,
            no_shipment=NoShipment.UNMAPPABLE,
            message=f"rule '{self.name}': {error}",
            dedupe=self.dedupe,
            left_out=error.left_out,
            seen=self._seen(scope.record),
        )

    def _seen(self, record: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the fields that the rule names; all but the tap's own (`_sdc_*`) where it takes the whole record."""
        if "record" in self._built_ins:
            return {name: value for name, value in record.items() if not name.startswith("_sdc_")}
        return {name: record.get(name) for part in self._parts() for name in part.value.fields}

    def _made(self, scope: Scope) -> list[Match]:
        made = self._making.make(scope, self._with)
        if made is None:
            return [Match(self.name, no_shipment=NoShipment.TOO_OLD, dedupe=self.dedupe)]
        key = None if self._dedupe_key is None else self._dedupe_key.required_text(scope)
        return [
            Match(
                self.name,
                shipment=shipment,
                dedupe_key=key,
                dedupe=self.dedupe,
                left_out=made.left_out,
                is_ahead=made.is_ahead,
            )
            for shipment in made.shipments
        ]

    def _parts(self) -> Iterator[Part]:
        if self._when is not None:
            yield self._when
        yield from self._making.parts()
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
