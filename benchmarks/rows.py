"""What was measured, and how it is shown: one table, a row for each number that was promised."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from rich.table import Table

_VERDICTS = {True: "[green]yes[/]", False: "[bold red]NO[/]", None: "-"}


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One number of ours beside those of the others; `holds` is None where nothing was promised or measured."""

    case: str
    measured: str
    ours: str
    serial: str = ""
    bare: str = ""
    wanted: str = ""
    got: str = ""
    holds: bool | None = None


def table(rows: Iterable[Row], title: str) -> Table:
    """Return the rows as one table."""
    made = Table(title=title, show_lines=True)
    for heading in ("case", "measured", "SDK sink, serial", "bare loop, 8 threads", "ours", "wanted", "got", "holds"):
        made.add_column(heading)
    for row in rows:
        made.add_row(row.case, row.measured, row.serial, row.bare, row.ours, row.wanted, row.got, _VERDICTS[row.holds])
    return made


def paced(count: int, seconds: float) -> str:
    """Say how long so many took, and how many that is a second."""
    return f"{seconds:.2f} s\n{count / seconds:,.0f}/s"


def mebibytes(count: float) -> str:
    """Say a number of bytes."""
    return f"{count / 2**20:.1f} MiB"
