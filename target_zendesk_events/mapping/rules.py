"""The rules of a configuration: compiled once, and asked for by stream."""

from __future__ import annotations

import fnmatch
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from target_zendesk_events import lenient
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.kinds.profile import KNOWN_BY, STANDARD_IDENTIFIERS
from target_zendesk_events.mapping.created_at import Since, Timeline
from target_zendesk_events.mapping.identifiers import Cleaning
from target_zendesk_events.mapping.making import Surroundings
from target_zendesk_events.mapping.read_rule import read_rule
from target_zendesk_events.mapping.reading import Reading, constant_name_faults
from target_zendesk_events.mapping.rule import FieldFault, Rule, nearest
from target_zendesk_events.mapping.templates import templates_in
from target_zendesk_events.mapping.times import moment, time_zone
from target_zendesk_events.mapping.values import BadValueError

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["FieldFault", "Rule", "RuleBook", "compile_rules", "standard_identifier_note", "standard_identifier_notes"]


class RuleBook:
    """All rules, in their order."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Take the rules; labels that are the same get a number, so that counts stay apart."""
        self.rules = tuple(rules)
        self._by_stream: dict[str, tuple[Rule, ...]] = {}
        taken: set[str] = set()
        for rule in self.rules:
            rule.name = next(label for label in _labels(rule.name) if label not in taken)
            taken.add(rule.name)

    def for_stream(self, name: str) -> tuple[Rule, ...]:
        """Return the rules for a stream: by its name or a glob, case-sensitive."""
        found = self._by_stream.get(name)
        if found is None:
            found = tuple(rule for rule in self.rules if _is_for(rule, name))
            self._by_stream[name] = found
        return found

    def names_literally(self, stream: str) -> bool:
        """Return whether a rule names this stream itself, not by a glob."""
        return any(rule.stream == stream for rule in self.rules)

    def nearest(self, streams: Iterable[str]) -> list[tuple[Rule, str | None]]:
        """Return the rules that match none of the streams seen, each with the nearest stream, case put aside."""
        seen = list(dict.fromkeys(streams))
        return [(rule, _nearest(rule, seen)) for rule in self.rules if not any(_is_for(rule, one) for one in seen)]


MAX_DEPTH = 100
"""Levels of a rule, as of a record."""


def _is_too_deep(raw: Any) -> bool:  # noqa: ANN401 - any value
    level = [raw]
    for _ in range(MAX_DEPTH):
        level = [item for one in level if isinstance(one, Mapping | list) for item in _items(one)]
    return bool(level)


def _items(holder: Mapping[Any, Any] | list[Any]) -> Iterable[Any]:
    return holder.values() if isinstance(holder, Mapping) else holder


def compile_rules(  # noqa: PLR0913 - the settings that rules depend on
    raw: Sequence[Mapping[str, Any]],
    *,
    source: str | None = None,
    timezone: str = "UTC",
    blocked_values: Iterable[str] = (),
    since: dt.datetime | None = None,
    since_length: dt.timedelta | None = None,
    lines: Sequence[Mapping[str, int]] | None = None,
    wall: Callable[[], float] = time.time,
    certain: Callable[[], float] | None = None,
) -> RuleBook:
    """Return the rules, compiled. Raises ConfigurationError with every fault of every rule.

    A `source` of `""` is one that was given empty. `lines` holds for each rule the lines of its places in `rules_file`,
    by the names that faults give them; without it a fault names the rule by its number alone. `wall` is the clock, in
    Unix seconds: what is ahead of it may not stand on a timeline. `certain` is a better one, asked before an event is
    left out by the clock: for being ahead of it, or older than `since_length` says.
    """
    if not isinstance(raw, list | tuple):
        message = "rules: takes a list of rules [ZE205]"
        raise ConfigurationError(message)
    zone = _zone(timezone)
    surroundings = Surroundings(
        templates_in(zone),
        Cleaning(blocked_values),
        Timeline(zone, wall, certain),
        None if since is None else Since(moment(since, zone), since_length, certain or wall),
    )
    faults = constant_name_faults("source", source) if source else []
    rules: list[Rule] = []
    for index, one in enumerate(raw):
        reading = Reading(surroundings, source)
        if _is_too_deep(one):
            reading.fault("", f"is nested deeper than {MAX_DEPTH} levels [ZE208]")
        rule = None if reading.faults else read_rule(reading, lenient.whole(one))
        where = _where(index, one)
        faults += [f"{_line(lines[index], fault) if lines else ''}{where}: {fault}" for fault in reading.faults]
        if rule is not None:
            rules.append(rule)
    if faults:
        raise ConfigurationError(faults)
    return RuleBook(rules)


def check_known_by(rules: Iterable[Rule]) -> None:
    """Check that each rule's customers can be asked for. Raises ConfigurationError with each whose cannot."""
    faults = [
        f"rule '{rule.name}': unknown_customers asks Zendesk who is known, by external_id or email, and its profile "
        "has neither: give it one of them, or leave unknown_customers at create [ZE223]"
        for rule in rules
        if rule.constant_identifier_types
        and not rule.identifier_types_vary
        and not set(KNOWN_BY) & set(rule.constant_identifier_types)
    ]
    if faults:
        raise ConfigurationError(faults)


def standard_identifier_notes(rules: Iterable[Rule]) -> list[str]:
    """Return the note for each standard identifier type that rules name themselves."""
    used = {kind for rule in rules for kind in rule.constant_identifier_types}
    return [standard_identifier_note(kind) for kind in STANDARD_IDENTIFIERS if kind in used]


def standard_identifier_note(kind: str) -> str:
    """Return what Zendesk does with the value of a standard identifier type."""
    field = STANDARD_IDENTIFIERS[kind]
    return (
        f"identifiers of type '{kind}' are written onto the Zendesk user as its {field}: a wrong value spoils that user"
    )


def _zone(name: str) -> dt.tzinfo:
    try:
        return time_zone(name)
    except BadValueError as fault:
        message = f"timezone: {fault}"
        raise ConfigurationError(message) from fault


def _where(index: int, raw: Any) -> str:  # noqa: ANN401 - whatever the configuration holds
    stream = raw.get("stream") if isinstance(raw, Mapping) else None
    return f"rules[{index}]" + (f" ({stream})" if isinstance(stream, str) and stream else "")


def _line(lines: Mapping[str, int], fault: str) -> str:
    """Return the line of a fault, as the beginning of its sentence."""
    return f"rules_file line {line_of(lines, fault)}, "


def line_of(lines: Mapping[str, int], fault: str) -> int:
    """Return the line of the innermost place that a fault is about."""
    places = [place for place in lines if fault.startswith(tuple(_beginnings(place)))]
    return lines[max(places, key=len, default="")]


def _beginnings(place: str) -> Iterator[str]:
    """Yield how faults begin that are about a place: it is wrong, or lacks something, or its key means nothing."""
    if place:
        above, _, key = place.rpartition(".")
        yield from (f"{place}: ", f"`{place}.", f"{above}: unknown key '{key}'" if above else f"unknown key '{key}'")


def _labels(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in itertools.count(2))


def _is_for(rule: Rule, stream: str) -> bool:
    return rule.stream == stream or fnmatch.fnmatchcase(stream, rule.stream)


def _nearest(rule: Rule, streams: list[str]) -> str | None:
    folded = rule.stream.casefold()
    for stream in streams:
        if fnmatch.fnmatchcase(stream.casefold(), folded):
            return stream
    return nearest(rule.stream, dict.fromkeys(streams))
