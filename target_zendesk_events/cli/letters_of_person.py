"""Which dead letters hold a person's records: by what today's rules make of them, or by a value in their text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from target_zendesk_events import lenient
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.outcome.dead_letters import SUFFIX

if TYPE_CHECKING:
    from target_zendesk_events.mapping.rules import RuleBook

SHORTEST_VALUE = 6
"""Characters of a value that is looked for in a letter's text: a shorter one may stand there and mean another thing."""


def letters_of(
    folder: Path, rule_book: RuleBook, is_theirs: Callable[[Shipment], bool], values: Collection[str]
) -> Iterator[tuple[Path, int]]:
    """Yield each file that holds such letters, and how many."""
    told = [value.casefold() for value in values if len(value) >= SHORTEST_VALUE]
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        count = sum(_is_of(line, rule_book, is_theirs, told) for line in path.read_bytes().split(b"\n") if line.strip())
        if count:
            yield path, count


def _is_of(line: bytes, rule_book: RuleBook, is_theirs: Callable[[Shipment], bool], values: Collection[str]) -> bool:
    try:
        message = lenient.decode(line)
    except ValueError:
        return False
    if not isinstance(message, dict) or not isinstance(message.get("record"), dict):
        return False
    text = line.decode(errors="replace").casefold()
    if any(value in text for value in values):
        return True
    letter = message.get("dead_letter")
    stream = (letter.get("stream") if isinstance(letter, dict) else None) or message.get("stream")
    rules = rule_book.for_stream(str(stream))
    made = (match.shipment for rule in rules for match in rule.apply(message["record"], str(stream)))
    return any(is_theirs(one) for one in made if one is not None)
