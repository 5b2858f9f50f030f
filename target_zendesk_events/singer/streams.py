"""The streams a run has seen: which rules they meet, and what to say where none does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from target_zendesk_events.codes import without_code
from target_zendesk_events.errors import ConfigurationError, NoRulesError
from target_zendesk_events.kinds.profile import STANDARD_IDENTIFIERS

if TYPE_CHECKING:
    from target_zendesk_events.mapping.rules import Rule, RuleBook
    from target_zendesk_events.work import Match

logger = logging.getLogger("target-zendesk-events")

SECONDS_WITHOUT_RULES = 60.0
"""From the first SCHEMA on, the input is read for so long, for more SCHEMAs to propose rules for."""
TEST_STREAM = "meltano_test_stream"
"""The stream of the messages that `meltano config test` sends."""


SOURCE_TO_CHOOSE = (
    "# CHOOSE: the system that the events come from, a name that agents read and that never changes",
    "source: my_system",
)


class Streams:
    """The streams as rules see them, after stream maps."""

    def __init__(
        self, rule_book: RuleBook, *, has_ledger: bool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Hold streams against these rules; a ledger asks of each event what makes it the same."""
        self._rule_book = rule_book
        self.has_rules = bool(rule_book.rules)
        """Whether there are any rules."""
        self._has_ledger = has_ledger
        self._monotonic = monotonic
        self._reads_until: float | None = None
        self._seen: dict[str, tuple[Mapping[str, Any], Sequence[str]]] = {}
        self.untold: set[str] = set()
        """Standard identifier types that a record may bring, and of which the log has not told."""
        if any(rule.identifier_types_vary for rule in rule_book.rules):
            told = {kind for rule in rule_book.rules for kind in rule.constant_identifier_types}
            self.untold = set(STANDARD_IDENTIFIERS) - told

    def is_test(self, stream: str) -> bool:
        """Tell whether a stream is that of `meltano config test`, and no rule names it; a glob does not."""
        return stream == TEST_STREAM and not self._rule_book.names_literally(stream)

    def see(
        self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str], *, is_dropped: bool = False
    ) -> Sequence[Rule]:
        """Take in a stream's schema; return its rules: none where a stream map drops all its records.

        Raises ConfigurationError where one does not fit.
        """
        self._seen[stream] = (schema, key_properties)
        if is_dropped:
            return ()
        rules = self._rule_book.for_stream(stream)
        faults = [fault for rule in rules for fault in rule.check(schema)]
        for fault in faults:
            if not fault.fatal:
                logger.warning("stream %s: %s", stream, fault)
        fatal = [f"stream {stream} is stopped: {fault}" for fault in faults if fault.fatal]
        if self._has_ledger and not key_properties:
            fatal += [f"stream {stream} is stopped: {_keyless(rule)}" for rule in rules if rule.needs_keys]
        if fatal:
            raise ConfigurationError(fatal)
        return rules

    def tell_of_identifiers(self, matches: Sequence[Match]) -> None:
        """Log what Zendesk does with each standard identifier type that records brought, once."""
        from target_zendesk_events.mapping.rules import standard_identifier_note  # noqa: PLC0415 - loaded by now

        used = {one for match in matches if match.shipment for one in match.shipment.identifier_types()}
        for kind in sorted(used & self.untold):
            logger.info("%s", standard_identifier_note(kind))
        self.untold -= used

    @property
    def any_seen(self) -> bool:
        """Whether any stream was seen that rules are meant for."""
        return bool(self._seen)

    @property
    def any_matched(self) -> bool:
        """Whether a rule matches a stream that was seen."""
        return any(self._rule_book.for_stream(stream) for stream in self._seen)

    @property
    def lacks_rules(self) -> bool:
        """Whether a stream was seen that rules are meant for, and there are none."""
        return bool(self._seen) and not self.has_rules

    @property
    def has_seen_enough(self) -> bool:
        """Whether a run without rules has read on for as long as it may, for more SCHEMAs to propose rules for."""
        if not self.lacks_rules:
            return False
        now = self._monotonic()
        if self._reads_until is None:
            self._reads_until = now + SECONDS_WITHOUT_RULES
        return now >= self._reads_until

    def without_rules(self, empty: Collection[str], *, has_source: bool) -> NoRulesError:
        """Return the error of a run without rules: a rule to paste for each stream that was seen.

        `empty` names settings that were given as empty text; without a `source` of its own the proposal brings one.
        """
        from target_zendesk_events.mapping.proposal import propose  # noqa: PLC0415 - only where rules are missing

        proposals = [propose(stream, schema, list(keys)) for stream, (schema, keys) in self._seen.items()]
        unset = " and ".join(name for name in ("rules", "rules_file") if name in empty)
        why = f"{unset} came empty (is an environment variable unset?): " if unset else ""
        return NoRulesError(
            f"{why}there are no rules, so nothing is sent. Look through those proposed here, keep what is right, and "
            "put them into the setting rules, or into a YAML file that rules_file names [ZE235]",
            "\n".join(
                [*([] if has_source else SOURCE_TO_CHOOSE), "rules:", *(text.rstrip() for text in proposals), ""]
            ),
        )

    def without_match(self) -> ConfigurationError:
        """Return the error of a run whose rules match none of its streams."""
        sentences = [_unmatched(rule, near) for rule, near in self._rule_book.nearest(self._seen)]
        return ConfigurationError(
            "the rules match none of the streams that the tap sent, so nothing is sent and no STATE is written: "
            f"{'; '.join(map(without_code, sentences))} [ZE236]"
        )

    def warn_of_unmatched(self) -> None:
        """Log each rule that matched no stream, with the nearest."""
        if not self._seen:
            return
        for rule, near in self._rule_book.nearest(self._seen):
            logger.warning("%s", _unmatched(rule, near))


def _keyless(rule: Rule) -> str:
    return (
        f"rule '{rule.name}' needs `dedupe_key` (or an event `created_at` or `dedupe: false`, a ticket `external_id`), "
        "since the stream has no key properties and nothing else tells two things that it makes apart [ZE231]"
    )


def _unmatched(rule: Rule, near: str | None) -> str:
    hint = f"; the nearest is '{near}'" if near else ""
    return f"rule '{rule.name}' is for stream '{rule.stream}', which the tap did not send{hint} [ZE236]"
