"""What the contest asks of a contender, and what it gives to each."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from benchmarks.contest.environments import Environment
from benchmarks.contest.judge import Books, Numbers
from benchmarks.contest.tap import bookmark


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where one run of one contender takes place: `folder` is its own, and holds what it keeps between its starts."""

    folder: Path
    environment: Environment
    url: str
    orders: Path
    count: int

    @property
    def states(self) -> Path:
        """The file that a Singer target's output goes to."""
        return self.folder / "states.jsonl"

    @property
    def cwd(self) -> Path:
        """The folder in which it is started."""
        return self.folder / "cwd"

    @property
    def everything(self) -> Numbers:
        """The numbers of all orders."""
        return frozenset(range(self.count))

    @property
    def tap(self) -> list[str]:
        """The command of the tap."""
        return [sys.executable, "-m", "benchmarks.contest.tap", str(self.orders), str(self.states)]

    def books_of_watermark(self, watermark: int) -> Books:
        """Return the books of who holds as done all up to a number, that one too."""
        done = frozenset(range(watermark + 1))
        return Books(delivered=done, pending=self.everything - done)

    def books_of_state(self) -> Books:
        """Return the books of a Singer target that has nothing but the last STATE that it let through."""
        return self.books_of_watermark(bookmark(self.states))


@dataclasses.dataclass(frozen=True, slots=True)
class Launch:
    """How a contender is started: behind a tap, its output kept as STATE, or alone; `variables` beside the usual."""

    command: list[str]
    tap: list[str] | None = None
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Contender(Protocol):
    """One way to send records, used as its documents say."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    def title(self) -> str:
        """What it is called in the table."""

    @property
    def environment(self) -> str:
        """The name of its environment: contenders of one kind share it."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """What pip is asked for."""

    @property
    def distributions(self) -> tuple[str, ...]:
        """Whose versions are told."""

    @property
    def settings(self) -> str:
        """How it is set up, told under the table."""

    def prepare(self, place: Place) -> None:
        """Write what it is configured with. Raises UnavailableError where this machine lacks something."""

    def launch(self, place: Place) -> Launch:
        """Return how to start it now, the first time or after it was killed."""

    def books(self, place: Place) -> Books:
        """Return what it holds now, told from what it keeps; it is not running."""

    def clean_up(self, place: Place) -> None:
        """Stop what was started for it."""
