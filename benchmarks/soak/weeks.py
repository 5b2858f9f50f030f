"""Weeks of hourly runs: each change of summer time and two month's ends in them, and what they leave behind."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.soak import account, shop
from benchmarks.soak.clock import Clock
from benchmarks.soak.judge import Judge, Piece, Verdict
from benchmarks.soak.pipeline import Ends, Pipeline
from benchmarks.soak.samples import rows_of, size_of
from benchmarks.soak.weather import Weather

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
WEEKS: Final = ("2027-03-13", "2027-03-27", "2027-10-30", "2027-11-06")
"""Where weeks begin (UTC): in them New York and Berlin go to summer time, and back; further weeks follow the last.

Between March and October the shop is closed for longer than the smallest plan's ledger remembers.
"""
A_DAY_BEGINS: Final = "2027-10-30T22:00:00"
"""A day from here on has Berlin's change back and the month's end in it, if it is an hour or two longer."""
TOKEN_SECONDS: Final = 600.0
QUOTA_DAYS: Final = 10
"""Of events, that a month may have: it is reached in weeks that are full."""
BRAKE_DAYS: Final = 2
CATCH_UP_RUNS: Final = 60
"""At the most: in fair weather, but for a month's quota and a day's brake."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger holds at the end of a week: bytes of its file, and rows by table."""

    size: int
    rows: dict[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Passed:
    """How the weeks went."""

    runs: int
    days: float
    ends: Ends
    ahead: list[Piece]
    verdict: Verdict
    kept: list[Kept]
    requests: int
    tokens: int
    hits: int


def spans(weeks: int) -> list[tuple[float, float]]:
    """Return so many weeks, in epoch seconds; 0 for a day and a bit."""
    if not weeks:
        begin = _epoch(A_DAY_BEGINS)
        return [(begin, begin + 27 * HOUR)]
    begins = [_epoch(one) for one in WEEKS[:weeks]]
    begins += [begins[-1] + WEEK * further for further in range(1, weeks - len(WEEKS) + 1)]
    return [(begin, begin + WEEK) for begin in begins]


def pass_weeks(  # noqa: PLR0913 - what a user may choose
    clock: Clock,
    folder: Path,
    open_spans: Sequence[tuple[float, float]],
    *,
    every: float,
    seed: int,
    tell: Callable[[str], None],
) -> Passed:
    """Run the pipeline every so many seconds, and at the end once a day until it has caught up."""
    history = shop.History(open_spans)
    chance = random.Random(seed)  # noqa: S311 - repeatable chance, no secret
    with account.Account(TOKEN_SECONDS) as playground:
        account.furnish(playground)
        weather = Weather(playground, clock, seed)
        settings: dict[str, Any] = {
            "data_dir": str(folder / "data"),
            "monthly_event_quota": QUOTA_DAYS * shop.EVENTS_A_DAY,
            "max_events_per_day": BRAKE_DAYS * shop.EVENTS_A_DAY,
        }
        pipeline = Pipeline(clock, playground, folder, settings)
        judge = Judge(playground, history, folder / "data")
        ahead: list[Piece] = []
        kept: list[Kept] = []
        runs = 0

        def run() -> int:
            nonlocal runs
            runs += 1
            code = pipeline.run(history, chance)
            ahead.extend(judge.ahead(pipeline.bookmarks, clock.time()))
            return code

        ledger = folder / "data" / "ledger.sqlite"
        for place, (begin, end) in enumerate(open_spans):
            pipeline.configure(refresh_token=playground.log_in() if place % 2 else None)
            with weather.watched():
                moment = begin
                while moment < end:
                    clock.leap_to(moment)
                    run()
                    moment += every
            kept.append(Kept(size_of(ledger), rows_of(ledger)))
            tell(f"week {place + 1}: {runs} runs, {pipeline.ends.codes}, {kept[-1]}")
        weather.clear_up()
        clock.leap_to(end)
        for _ in range(CATCH_UP_RUNS):
            if run() == 0:
                break
            clock.leap_to(clock.time() + DAY)
        requests = playground.requests()
        return Passed(
            runs,
            sum(end - begin for begin, end in open_spans) / DAY,
            pipeline.ends,
            ahead,
            judge.verdict(end),
            kept,
            len(requests),
            sum(one.path == "/oauth/tokens" for one in requests),
            sum(weather.hits.values()),
        )


def _epoch(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.timezone.utc).timestamp()
