"""Why records of a run were set aside: each reason, its number, and the line that showed it first. Pure."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Final

MAX_DISTINCT: Final = 50
"""Sentences that are told apart; further ones count under their reason alone."""
ADVICE: Final[Mapping[str, str]] = {
    "invalid": "mend the tap, whose records do not fit its own schema, or set validate_records to false",
    "unmappable": "mend the rule, or filter such records with `when`",
    "limit": "mend the rule: what it makes is more than Zendesk takes",
    "refused": "mend what Zendesk names in the dead letters",
    "conflict": "replay it: another change was under way at Zendesk",
    "server": "replay it with --held, which reads back whether Zendesk has it, and sends it if it has not",
    "unknown": "replay it with --held, which reads back whether Zendesk has it, and sends it if it has not",
    "unresolved": "send what it refers to, or mend the reference, then replay it",
    "unknown_customer": "make the customer's user in Zendesk and replay it, or set unknown_customers to create or skip",
}
_OTHERWISE: Final = "look at the dead letters and at Zendesk's state"


class Reasons:
    """Counts them for one stream; what is told names rules, places and fields, never a value."""

    def __init__(self) -> None:
        """Start with none."""
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()
        self._first_lines: dict[tuple[str, str], int] = {}

    def add(self, reason: str, why: str, line_number: int) -> None:
        """Count one; `why` is a sentence without a value, or empty; `line_number` is 0 where it is not known."""
        one = (reason, why)
        if one not in self._counts and len(self._counts) >= MAX_DISTINCT:
            one = (reason, "")
        self._counts[one] += 1
        self._first_lines.setdefault(one, line_number)

    def told(self) -> Iterator[str]:
        """Yield a sentence for each, the commonest first."""
        for one, count in self._counts.most_common():
            yield self._told(one, count)

    def advice(self) -> Iterator[str]:
        """Yield what to do about them, each once, in the same order."""
        yield from dict.fromkeys(ADVICE.get(reason, _OTHERWISE) for (reason, _), _ in self._counts.most_common())

    def commonest(self) -> str:
        """Return the sentence for the commonest, and what to do about it."""
        (one, count), *_ = self._counts.most_common(1)
        what = advice(one[0])
        return f"{self._told(one, count)}. {what[0].upper()}{what[1:]}"

    def _told(self, one: tuple[str, str], count: int) -> str:
        (reason, why), line_number = one, self._first_lines[one]
        where = f" (first in line {line_number:,} of the input)" if line_number else ""
        return f"{count:,} {reason}" + (f": {why}" if why else "") + where


def advice(reason: str) -> str:
    """Return what to do about letters of a reason."""
    return ADVICE.get(reason, _OTHERWISE)
