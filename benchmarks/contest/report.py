"""The contest's table, and what stands under it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from rich.table import Table

from benchmarks.contest.race import Finish

HEADINGS = (
    "contender",
    "lost",
    "doubled",
    "out of order",
    "STATE or watermark ahead",
    "requests a delivered event",
    "set aside",
    "starts",
    "minutes",
    "void",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One contender's runs, in their order, or why there are none; `versions` and `settings` go under the table."""

    title: str
    versions: str
    settings: str
    finishes: Sequence[Finish] = ()
    unavailable: str = ""

    def cells(self) -> list[str]:
        """Return the row: each figure once a run."""
        if self.unavailable:
            return [self.title, "not to be had here", *[""] * (len(HEADINGS) - 2)]
        verdicts = [finish.verdict for finish in self.finishes]
        return [
            self.title,
            _each(f"{one.lost:,}" for one in verdicts),
            _each(f"{one.doubled:,}" for one in verdicts),
            _each(f"{one.out_of_order:,}" for one in verdicts),
            _each(f"{one.ahead:,}" for one in verdicts),
            _each(f"{one.requests_a_delivered:.2f}" for one in verdicts),
            _each(f"{one.set_aside:,}" for one in verdicts),
            _each(f"{finish.starts}" for finish in self.finishes),
            _each(f"{finish.seconds / 60:.1f}" for finish in self.finishes),
            _each("VOID" if one.void else "no" for one in verdicts),
        ]

    def notes(self) -> list[str]:
        """Return what stands under the table about it."""
        notes = [f"{self.title} ({self.versions}): {self.settings}." if self.versions else f"{self.title}."]
        if self.unavailable:
            return [*notes, f"{self.title} took no part: {self.unavailable}"]
        for run, finish in enumerate(self.finishes, 1):
            notes += [f"{self.title}, run {run}, is void: {reason}" for reason in finish.verdict.void]
        return notes

    @property
    def is_void(self) -> bool:
        """Whether one of its runs counts for nothing."""
        return any(finish.verdict.void for finish in self.finishes)


def _each(figures: Iterable[str]) -> str:
    listed = list(figures)
    return listed[0] if len(set(listed)) == 1 else " / ".join(listed)


def table(entries: Iterable[Entry], title: str) -> Table:
    """Return the entries as one table for a terminal."""
    made = Table(title=title, show_lines=True)
    for heading in HEADINGS:
        made.add_column(heading)
    for entry in entries:
        made.add_row(*entry.cells())
    return made


def markdown(entries: Iterable[Entry]) -> list[str]:
    """Return the lines of the same table for a document."""
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(entry.cells() for entry in entries)]
    return ["| " + " | ".join(row) + " |" for row in rows]


def broken_promises(name: str, finishes: Iterable[Finish]) -> list[str]:
    """Return which of this target's promises a run has broken; the others have promised nothing."""
    promised = {
        "verify": ("lost", "doubled", "out_of_order", "ahead"),
        "retry": ("lost", "out_of_order", "ahead"),
        "hold": ("lost", "doubled", "out_of_order", "ahead"),
    }.get(name, ())
    return [
        f"{name}: {getattr(finish.verdict, figure):,} {figure.replace('_', ' ')} instead of 0"
        for finish in finishes
        for figure in promised
        if getattr(finish.verdict, figure)
    ]
