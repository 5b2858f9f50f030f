"""Runs the tests of rules: each record goes through the rules as in a run, with no tap, no ledger and no network."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from target_zendesk_events import settings as known
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.from_settings import compile_book
from target_zendesk_events.kinds.shipment import Claim
from target_zendesk_events.ledger.clocks import RunClock
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.mapping.cases import compile_cases
from target_zendesk_events.mapping.expectations import SENT, Came, Case, Difference, differences
from target_zendesk_events.settings.rules_file import read_tests_file
from target_zendesk_events.work import Match, Work

if TYPE_CHECKING:
    from target_zendesk_events.mapping.rules import Rule, RuleBook

ONE_ROW = {"row": 1}
"""Key properties, which no test has: with any, two rules for one record can be told apart."""
NO_TESTS = (
    "there are no tests: write some beside a rule, as in `tests: [{record: {id: 7}, expect: {event: {type: paid}}}]`, "
    "or into a file of their own, rules.test.yml beside rules.yml [ZE242]"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """A test that was run: where it stands, its rule (empty in a file of its own), and what differs."""

    where: str
    path: str
    line: int | None
    rule: str
    case: Case
    differences: Sequence[Difference]
    hint: str

    @property
    def name(self) -> str:
        """What it is called: by its writer, else by its place."""
        return self.case.name or self.where


def run_tests(config: Mapping[str, Any]) -> list[Trial]:
    """Run every test of a configuration, beside its rules and in a file of its own. Raises ConfigurationError."""
    bench = _Bench(config)
    trials = [*_beside_rules(bench), *_in_their_file(bench)]
    if not trials:
        raise ConfigurationError(NO_TESTS)
    return trials


class _Bench:
    """The rules, compiled for the time of each test: `since` and what is yet to come hang on it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._today = dt.datetime.now(dt.timezone.utc)
        self._books: dict[dt.datetime | None, tuple[known.Settings, RuleBook]] = {}

    def at(self, now: dt.datetime | None) -> tuple[known.Settings, RuleBook]:
        """Return settings and rules as of a time; None for today. Raises ConfigurationError."""
        if now not in self._books:
            moment = now or self._today
            settings = known.read_settings(self._config, os.environ, now=moment)
            clock = RunClock()
            clock.tell = moment.timestamp
            self._books[now] = settings, compile_book(settings, clock)
        return self._books[now]

    def trial(self, case: Case, where: str, path: str, line: int | None, index: int | None) -> Trial:
        """Run a case: through the rule of this index, or through all of its stream."""
        settings, book = self.at(case.now)
        rules = book.for_stream(case.stream)
        chosen = None if index is None else book.rules[index]
        came = list(self._came(settings, rules, case, chosen))
        found = differences(case.expected, came)
        counts_back = settings.since_length is not None and case.now is None
        is_too_old = bool(found) and counts_back and any(one.outcome == "too_old" for one in came)
        hint = "`since` counts back from today: `now` in the test says from when" if is_too_old else ""
        return Trial(where, path, line, chosen.name if chosen else "", case, found, hint)

    def _came(self, settings: known.Settings, rules: Sequence[Rule], case: Case, chosen: Rule | None) -> Iterator[Came]:
        made = [(rule, match) for rule in rules for match in rule.apply(case.record, case.stream)]
        work = Work(b"", case.stream, case.stream, matches=[match for _, match in made], key_values=ONE_ROW)
        matches = Keys(settings.account, b"").told_apart(work)
        now = (case.now or self._today).timestamp()
        for rule in rules if chosen is None else [chosen]:
            of_rule = (match for (one, _), match in zip(made, matches, strict=True) if one is rule)
            yield _together([_told(match, now) for match in of_rule])


def _beside_rules(bench: _Bench) -> Iterator[Trial]:
    settings, book = bench.at(None)
    for index, rule in enumerate(book.rules):
        for case in rule.cases:
            lines = settings.rules_lines
            line = lines[index][case.place] if lines else None
            path = _from_here(settings.rules_path)
            where = f"{path}:{line}" if lines else f"rules[{index}].{case.place}"
            yield bench.trial(case, where, path, line, index)


def _in_their_file(bench: _Bench) -> Iterator[Trial]:
    settings, book = bench.at(None)
    found = None if settings.rules_path is None else read_tests_file(settings.rules_path)
    if found is None:
        return
    path = _from_here(found.path)
    cases = compile_cases(found.tests, found.lines, path, book, settings.timezone)
    for case, places in zip(cases, found.lines, strict=True):
        yield bench.trial(case, f"{path}:{places['']}", path, places[""], None)


def _from_here(path: Path | None) -> str:
    """Return a path as it is written from the working directory; empty for none."""
    here = Path.cwd()
    return "" if path is None else str(path.relative_to(here) if path.is_relative_to(here) else path)


def _told(match: Match, now: float) -> Came:
    """Return what a rule made of a record, as Zendesk would get it."""
    left_out = [(one.type, one.why) for one in match.left_out]
    if match.shipment is None:
        outcome = match.no_shipment.value if match.no_shipment else ""
        return Came(match.rule, outcome, message=match.message, left_out=left_out)
    fault = match.shipment.limit_fault()
    if fault:
        return Came(match.rule, "limit", message=fault, left_out=left_out)
    body = json.loads(msgspec.json.encode(match.shipment.shown(Claim(now))))
    return Came(match.rule, SENT, body, left_out=left_out)


def _together(came: Sequence[Came]) -> Came:
    """Return as one what one rule made of a record: a ticket's change and the comment on it go one after the other."""
    refused = next((one for one in came if one.outcome != SENT), None)
    if refused is not None or len(came) == 1:
        return refused or came[0]
    body: dict[str, Any] = {}
    for one in came:
        for part, fields in one.body.items():
            body[part] = {**body.get(part, {}), **fields}
    return dataclasses.replace(came[0], body=body)
