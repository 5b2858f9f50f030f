"""What things of each kind are called where people read of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

EVENT: Final = "event"
DELETION: Final = "deletion"
NOUNS: Final[Mapping[str, tuple[str, str]]] = {
    EVENT: ("event", "events"),
    "profile": ("profile", "profiles"),
    "object": ("object record", "object records"),
    "ticket": ("ticket", "tickets"),
    "comment": ("comment", "comments"),
    DELETION: ("deletion", "deletions"),
}
"""By `Shipment.kind`, in the order in which they are told: one, and several."""


def counted(kind: str, number: int) -> str:
    """Return a number of things of one kind, as in `1 object record`."""
    one, several = NOUNS[kind]
    return f"{number:,} {one if number == 1 else several}"


def told_apart(numbers: Mapping[str, int]) -> str:
    """Return numbers of things by kind, zeros left out: `20 profiles, 248 object records, and 3 deletions`."""
    parts = [counted(kind, numbers[kind]) for kind in NOUNS if numbers.get(kind) and kind != DELETION]
    if numbers.get(DELETION):
        parts.append(("and " if parts else "") + counted(DELETION, numbers[DELETION]))
    return ", ".join(parts)


def several(kinds: Iterable[str]) -> str:
    """Return what things of these kinds are called together: `events`, or `things` where kinds are mixed."""
    found = set(kinds)
    return NOUNS[found.pop()][1] if len(found) == 1 else "things"
