"""What the soak has to show: a row for each promise, with what was measured and whether it holds."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.table import Table

from benchmarks.rows import mebibytes
from benchmarks.soak.judge import Piece, Verdict
from benchmarks.soak.resident import Lived
from benchmarks.soak.samples import Sample, settled, slope
from benchmarks.soak.weeks import Passed

MOST_MEMORY_A_WEEK: Final = 4 * 2**20
"""By which a process may grow in a week, in bytes, along the median of slopes, beside what its ledger grows by.

SQLite keeps up to 16 MB of the ledger's pages in memory, and the ids of 100,000 look-ups are remembered: neither is
full in a week.
"""
LEAST_DAYS: Final = 2.0
"""In less, a slope tells nothing."""
MOST_BYTES_A_KEY: Final = 256
BYTES_OF_NO_KEY: Final = 2**17
"""What a ledger takes that holds none: a page for each table and index."""
SHOWN: Final = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One promise; `holds` is None where nothing was promised."""

    what: str
    measured: str
    wanted: str = ""
    holds: bool | None = None


def table(all_rows: Iterable[Row], title: str) -> Table:
    """Return the rows as one table."""
    made = Table(title=title, show_lines=True)
    for heading in ("what", "measured", "wanted", "holds"):
        made.add_column(heading)
    verdicts = {True: "[green]yes[/]", False: "[bold red]NO[/]", None: "-"}
    for row in all_rows:
        made.add_row(row.what, row.measured, row.wanted, verdicts[row.holds])
    return made


def of_weeks(passed: Passed) -> Iterator[Row]:
    """Yield what came of the weeks."""
    ends = passed.ends
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(ends.codes.items()))
    sentences = ", ".join(f"{code} {count}" for code, count in sorted(ends.sentences.items()))
    yield Row(
        "weeks: runs",
        f"{passed.runs} in {passed.days:.0f} days; exit codes {codes}; exit 1: {sentences or 'none'}"
        + "".join(f"\n{one}" for one in ends.unexpected[:SHOWN]),
        "0, 1, 143, and killed (-9, -15)",
        not ends.unexpected,
    )
    yield Row(
        "weeks: requests", f"{passed.requests:,}, of these {passed.tokens:,} for tokens; {passed.hits:,} met a fault"
    )
    yield Row("weeks: STATE ahead", _shown(passed.ahead), "never, looked at after each run", not passed.ahead)
    yield from _of_records("weeks", passed.verdict)
    yield from _of_ledger(passed)


def _of_records(when: str, verdict: Verdict) -> Iterator[Row]:
    yield Row(f"{when}: lost", f"{_shown(verdict.lost)} of {verdict.records:,} records", "0", not verdict.lost)
    yield Row(f"{when}: held in the dead letters", _shown(verdict.waiting))
    yield Row(f"{when}: doubled", _shown(verdict.doubled), "0", not verdict.doubled)
    yield Row(f"{when}: not the newest content", _shown(verdict.outdated), "0", not verdict.outdated)
    yield Row(f"{when}: at a wrong time", _shown(verdict.mistimed), "0", not verdict.mistimed)


def _of_ledger(passed: Passed) -> Iterator[Row]:
    tables = [{name.removeprefix("zendesk_events_"): count for name, count in one.rows.items()} for one in passed.kept]
    said = [
        f"{mebibytes(kept.size)}: {of['keys']:,} keys, {of['runs']:,} runs, {of['counts']:,} counts, {of['ids']:,} ids"
        for kept, of in zip(passed.kept, tables, strict=True)
    ]
    held = itertools.accumulate((of["keys"] for of in tables), max)  # a file keeps the room of what was forgotten
    most = max((kept.size - BYTES_OF_NO_KEY) / keys for kept, keys in zip(passed.kept, held, strict=True))
    yield Row(
        "weeks: ledger at their ends",
        "\n".join(said) + f"\n{most:.0f} bytes a key at most",
        f"<= {mebibytes(BYTES_OF_NO_KEY)} and {MOST_BYTES_A_KEY} bytes a key, of the most that there were",
        most <= MOST_BYTES_A_KEY,
    )


def of_life(lived: Lived) -> Iterator[Row]:
    """Yield what came of the process that lived for days."""
    looks = settled(lived.samples)
    days = lived.samples[-1].days
    yield Row("life: the process", f"{days:.1f} days, then SIGTERM: exit {lived.code}", "exit 143", lived.code == 143)  # noqa: PLR2004
    yield Row("life: requests", f"{lived.requests:,}, of these {lived.tokens:,} for tokens; {lived.hits:,} met a fault")
    yield Row("life: STATE ahead", _shown(lived.ahead), "never", not lived.ahead)
    yield from _of_records("life", lived.verdict)
    memory = 7 * slope([(one.days, one.memory - one.ledger) for one in looks])
    shown = ", ".join(mebibytes(looks[len(looks) * place // 4 - (place == 4)].memory) for place in range(5))  # noqa: PLR2004
    yield Row(
        "life: memory",
        f"{shown}; less the ledger's pages {memory / 2**20:+.1f} MiB a week",
        f"<= {mebibytes(MOST_MEMORY_A_WEEK)} a week, less the ledger's pages",
        None if days < LEAST_DAYS else memory <= MOST_MEMORY_A_WEEK,
    )
    for name, words in (("files", "open files"), ("threads", "threads")):
        before, after = _halves(looks, name)
        holds = None if days < LEAST_DAYS else after <= before
        yield Row(f"life: {words}", f"at most {before}, then {after}", "no more in the second half", holds)
    ledger = [one for one in looks if one.ledger]
    yield Row("life: ledger", _from_to(ledger, "ledger"))


def _halves(looks: Sequence[Sample], name: str) -> tuple[int, int]:
    half = len(looks) // 2
    return max(getattr(one, name) for one in looks[:half]), max(getattr(one, name) for one in looks[half:])


def _from_to(looks: Sequence[Sample], name: str) -> str:
    return f"{mebibytes(getattr(looks[0], name))} to {mebibytes(getattr(looks[-1], name))}"


def _shown(pieces: Sequence[Piece] | Sequence[str]) -> str:
    named = ", ".join(one if isinstance(one, str) else f"{one[0]} {one[1]}" for one in pieces[:SHOWN])
    return f"{len(pieces)}" + (f" ({named}{', ...' if len(pieces) > SHOWN else ''})" if pieces else "")
