"""One record, one Work: validated, mapped by its stream's rules, and handed to the sender."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import fastjsonschema
from singer_sdk import RecordSink
from singer_sdk.exceptions import InvalidJSONSchema, InvalidRecord
from singer_sdk.sinks.core import BaseJSONSchemaValidator

from target_zendesk_events.lenient import MAX_DEPTH
from target_zendesk_events.singer.in_time import TakesTooLongError, in_time
from target_zendesk_events.singer.schemas import as_meant
from target_zendesk_events.work import DeadLetter, Draft, Fingerprint, Match, Work

if TYPE_CHECKING:
    from singer_sdk import Target

    from target_zendesk_events.mapping.rules import Rule
    from target_zendesk_events.mapping.templates import Scope


TOO_DEEP = f"the record is nested deeper than {MAX_DEPTH} [ZE703]"


RECORDS_BETWEEN_METRICS = 100


class FastValidator(BaseJSONSchemaValidator):
    """Checks records against their schema with compiled code, fifteen times as fast as the SDK's own validator."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Compile the schema. Raises fastjsonschema's JsonSchemaDefinitionException."""
        super().__init__(schema)
        self._check = fastjsonschema.compile(as_meant(schema), use_default=False, use_formats=False)

    def validate(self, record: dict[str, Any]) -> None:
        """Raise InvalidRecord, naming the field and the rule it breaks, never its value."""
        try:
            self._check(record)
        except fastjsonschema.JsonSchemaValueException as fault:
            place = re.sub(r"^data\.?", "", fault.name or "") or "the record"
            message = f"{place} does not hold what the schema says of it: {fault.rule} [ZE701]"
            raise InvalidRecord(message, record) from None


class EventSink(RecordSink):
    """One stream, as its rules see it."""

    rules: Sequence[Rule] = ()
    takes_as_is = False
    """Whether the stream's map changes nothing: then it need not be asked."""
    fingerprint: Callable[[Work, str], Fingerprint] | None = None
    """Tells by what the ledger may know a record that a rule wants, where it is asked before anything is made of it."""
    _uncounted = 0
    is_test_stream = False
    """Whether these are the messages that `meltano config test` sends."""

    def __init__(
        self, target: Target, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Take the schema as the stream maps left it."""
        super().__init__(target, stream_name, schema, key_properties)
        self._may_take_long = _may_take_long(schema)

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """Return the compiled validator, or the SDK's where that cannot read the schema; None where none is wanted."""
        if not self.validate_schema:
            return None
        if any(not _resolves(reference, self.schema) for reference in _references(self.schema)):
            message = "the schema refers to what it does not hold"
            raise InvalidJSONSchema(message)
        try:
            return FastValidator(self.schema)
        except _NO_FAST_CHECK:
            return super().get_validator()

    def fill(self, work: Work, record: Mapping[str, Any] | None, *, is_too_deep: bool = False) -> None:
        """Put into `work` what the rules make of its record; None was dropped by a stream map, `is_too_deep` is cut."""
        if record is None or not self.rules:
            return
        work.key_values = self._key_of(record)
        work.invalid = TOO_DEEP if is_too_deep else self._fault_of(record)
        if work.invalid:
            return
        rules = self.rules if work.replayed is None else _restricted(self.rules, work.replayed)
        passed_over: list[Match] = []
        wanted: list[tuple[Rule, Scope]] = []
        for rule in rules:
            scope = rule.scope(record, self.stream_name)
            said = rule.pass_over(scope)
            passed_over += said
            if not said:
                wanted.append((rule, scope))
        work.matches = passed_over
        work.draft = self._draft_of(work, wanted)
        if work.draft is None:
            work.matches = [*passed_over, *itertools.chain.from_iterable(rule.make(scope) for rule, scope in wanted)]

    def _draft_of(self, work: Work, wanted: Sequence[tuple[Rule, Scope]]) -> Draft | None:
        """Return the one event that the rules want to make of a record, where the ledger may know that record."""
        if self.fingerprint is None or work.replayed is not None or work.key_values is None or len(wanted) != 1:
            return None
        ((rule, scope),) = wanted
        if not rule.is_repeatable:
            return None
        return Draft(rule.name, self.fingerprint(work, rule.name), functools.partial(rule.make, scope))

    def _key_of(self, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the record's key properties; None where there are none, or one of them is null or missing."""
        values: dict[str, Any] = {}
        for name in self._key_properties:
            value = record.get(name)
            if value is None:
                return None
            values[name] = value
        return values or None

    def count(self) -> None:
        """Count a record for the SDK's metric, which is told of many at once."""
        self._uncounted += 1
        if self._uncounted >= RECORDS_BETWEEN_METRICS:
            self._tell_metric()

    def clean_up(self) -> None:
        """Let the SDK tell its last metric."""
        self._tell_metric()
        super().clean_up()

    def _tell_metric(self) -> None:
        self.record_counter_metric.increment(self._uncounted)
        self._uncounted = 0

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Nothing is sent from here: the target hands each record to the sender itself."""

    def _fault_of(self, record: Mapping[str, Any]) -> str:
        if self._validator is not None:
            try:
                if self._may_take_long:
                    in_time(functools.partial(self._validator.validate, record))  # type: ignore[arg-type]
                else:
                    self._validator.validate(record)  # type: ignore[arg-type]
            except InvalidRecord as fault:
                return _without_values(fault)
            except TakesTooLongError:
                return "the record takes longer than a second to be checked [ZE703]"
            except RecursionError:
                return "the record, or its schema, is nested too deeply to be checked [ZE703]"
            except ArithmeticError:
                return "the record holds a number too large to be checked [ZE703]"
        return ""

    def _remove_sdc_metadata_from_schema(self) -> None:
        """Keep the tap's own `_sdc_*` fields: a rule may want `_sdc_deleted_at`."""

    def _parse_timestamps_in_record(self, record: dict[str, Any], schema: dict[str, Any], treatment: Any) -> None:  # noqa: ANN401 - the SDK's signature
        """Leave dates and times as the tap wrote them."""

    def _after_process_record(self, context: dict[str, Any]) -> None:
        """Log nothing for each record."""


_NO_FAST_CHECK = (
    fastjsonschema.JsonSchemaDefinitionException, RecursionError, re.error, ValueError, KeyError, SyntaxError,
)  # fmt: skip
"""What compiling a schema may raise; SyntaxError: a number of more digits than Python reads."""


def _without_values(fault: InvalidRecord) -> str:
    """Return what is wrong with a record, naming field and rule; the SDK's own validator would quote the value."""
    path, broken = (getattr(fault.__cause__, name, None) for name in ("json_path", "validator"))  # jsonschema's
    if path is None:
        return str(fault.error_message)
    place = path.removeprefix("$").removeprefix(".") or "the record"
    return f"{place} does not hold what the schema says of it: {broken}"


def _restricted(rules: Sequence[Rule], replayed: DeadLetter) -> Sequence[Rule]:
    """Return the rules that a replay restricts itself to; all where it names none, or none of them is left."""
    return [rule for rule in rules if rule.name in replayed.rules] or rules


def _references(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield every `$ref`."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _resolves(reference: str, schema: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell whether a reference points into the schema itself: nothing is fetched from elsewhere."""
    if not reference.startswith("#"):
        return False
    for part in reference[1:].split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdigit() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, dict) and name in schema:
            schema = schema[name]
        else:
            return False
    return reference in {"", "#"} or reference.startswith("#/")


_LONG = frozenset({"pattern", "patternProperties", "uniqueItems"})
"""What takes a time that grows faster than a record: with unlucky texts, or with lists of many objects."""
_AGAIN = frozenset({"anyOf", "oneOf", "allOf", "not", "if", "dependencies", "dependentSchemas", "contains"})
"""What holds one value against several schemas: where one of them refers to what is around it, each level doubles."""


def _may_take_long(schema: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell whether to check a record against the schema may take long; a name of a field that says so counts too.

    A `$ref` alone does not, such as that of a list within a list, which classic taps of databases define everywhere.
    """
    keywords: set[str] = set()
    left = [schema]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            keywords.update(one)
            one = list(one.values())
        if isinstance(one, list):
            left += one
    return not _LONG.isdisjoint(keywords) or ("$ref" in keywords and not _AGAIN.isdisjoint(keywords))
