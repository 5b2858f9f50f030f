"""The tests that stand in a file of their own, each for a stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.mapping.expectations import Case
from target_zendesk_events.mapping.read_cases import read_case
from target_zendesk_events.mapping.reading import Faults
from target_zendesk_events.mapping.rules import RuleBook, line_of
from target_zendesk_events.mapping.syntax import did_you_mean


def compile_cases(
    raw: Sequence[Any], lines: Sequence[Mapping[str, int]], path: str, rule_book: RuleBook, zone: dt.tzinfo
) -> list[Case]:
    """Return the cases; `lines` are those of their places, `zone` that of times without an offset.

    Raises ConfigurationError with every fault of every case, such as a stream that no rule takes.
    """
    faults: list[str] = []
    cases: list[Case] = []
    for one, places in zip(raw, lines, strict=True):
        reading = Faults()
        case = read_case(reading, one, zone)
        if case is not None:
            cases.append(case)
            if not rule_book.for_stream(case.stream):
                near = did_you_mean(case.stream, [rule.stream for rule in rule_book.rules])
                reading.fault("stream", f"no rule is for '{case.stream}'{near} [ZE241]")
        faults += [f"{path}, line {line_of(places, fault)}: {fault}" for fault in reading.faults]
    if faults:
        raise ConfigurationError(faults)
    return cases
