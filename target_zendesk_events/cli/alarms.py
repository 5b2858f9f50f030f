"""When an operator is to be woken: thresholds as they are written, and what passes them. Pure."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from target_zendesk_events import settings as known
from target_zendesk_events.lengths import in_words

EVERY: Final = ""
"""Stands for every stream that has no threshold of its own."""
_SHORT: Final = re.compile(r"([0-9]{1,9})\s*([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclasses.dataclass(frozen=True, slots=True)
class Age:
    """How old something may be, and how it was written."""

    text: str
    length: dt.timedelta


def age_option(context: click.Context, option: click.Option, values: tuple[str, ...]) -> dict[str, Age]:
    """Return ages by stream, of `2h`, `orders=1d` and the like; EVERY's where no stream is named."""
    ages: dict[str, Age] = {}
    for value in values:
        stream, _, text = value.rpartition("=")
        found = _SHORT.fullmatch(text.strip())
        length = known.read_length(f"{found[1]} {_UNITS[found[2]]}" if found else text.strip())
        if length is None:
            message = f"{text!r} is no length; accepted: 30m, 2h, 1d, 2 hours, and STREAM=2h for one stream"
            raise click.BadParameter(message, context, option)
        ages[stream] = Age(text.strip(), length)
    return ages


@dataclasses.dataclass(frozen=True, slots=True)
class Thresholds:
    """What may not be passed; None, or no age, for what nobody is to be woken for."""

    ages: Mapping[str, Age]
    max_waiting: int | None
    max_month: float | None

    def passed(self, told: Mapping[str, Any]) -> Iterator[str]:
        """Yield a sentence for each that is passed by what `status` tells."""
        yield from self._ages_passed({one["stream"]: one["age_seconds"] for one in told["streams"]})
        waiting = told["dead_letters"]["waiting"]
        if self.max_waiting is not None and waiting > self.max_waiting:
            yield f"{waiting:,} dead letters wait, more than {self.max_waiting:,}"
        percent = told["month"]["percent"] if told["month"] else None
        if self.max_month is not None and percent is not None and percent > self.max_month:
            yield f"{percent:.1f} % of the month's quota is used, more than {self.max_month:g} %"

    def _ages_passed(self, ages: Mapping[str, float | None]) -> Iterator[str]:
        for stream, age in ages.items():
            limit = self.ages.get(stream, self.ages.get(EVERY))
            if age is not None and limit is not None and age > limit.length.total_seconds():
                yield f"{stream}: the newest settled record is {in_words(age)} old, more than {limit.text}"
        for stream in self.ages:
            if stream != EVERY and ages.get(stream) is None:
                yield f"{stream}: no record of it was settled yet"
        if EVERY in self.ages and all(age is None for age in ages.values()):
            yield "no record was settled yet"
