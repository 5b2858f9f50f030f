"""The promises about reading, each beside an SDK target that reads and does nothing, in one run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import ledgers
from benchmarks.measuring import Sizes, in_turn, median, median_cpu
from benchmarks.processes import Finished, run, serving
from benchmarks.rows import Row, mebibytes, paced
from benchmarks.workshop import Workshop

MIN_OVER_EMPTY_KNOWN = 3.0
MIN_OVER_EMPTY_FILTERED = 7.0
MAX_PEAK_BYTES = 100 * 2**20
MAX_GROWTH = 1.1
"""From a tenth of the rows to all: flat, but for what disturbs a measurement."""
MAX_SECONDS_MORE = 0.25


def known(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Read rows of which the ledger, as large as they are many, knows the events: each is looked up, nothing is sent.

    They are some thousand orders over and over: to deliver a million first would take minutes.
    """
    folder = workshop.data_dir()
    with serving() as server:
        run(workshop.ours(server.url, folder), workshop.orders(sizes.known))
        ledgers.grow(folder, sizes.known, sizes.rows)
        url = server.url
        rows = _Rows(workshop, sizes, "paid", lambda: workshop.ours(url, folder))
        yield from rows.measured("known", f"rows of which a ledger of {sizes.rows:,} keys knows", MIN_OVER_EMPTY_KNOWN)
    sent = server.counts["requests"] - sizes.known
    yield Row("known", "requests for all of these", ours=f"{sent}", wanted="none", got=f"{sent}", holds=sent == 0)


def filtered(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Read rows that a rule filters out; nothing is looked up or sent."""
    rows = _Rows(workshop, sizes, "draft", lambda: workshop.ours("http://127.0.0.1:9"))
    yield from rows.measured("filtered", "rows that a rule filters out", MIN_OVER_EMPTY_FILTERED)


def one(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Deliver one event, from the start of the process to its end."""
    source = workshop.orders(1)
    with serving() as server:
        url = server.url
        runs = in_turn(
            sizes.starts,
            {"empty": lambda: run(workshop.empty(), source), "ours": lambda: run(workshop.ours(url), source)},
        )
    more = median(runs["ours"]) - median(runs["empty"])
    computed = median_cpu(runs["ours"]) - median_cpu(runs["empty"])
    yield Row(
        "one",
        "a run of one record, start to end; ours delivers it",
        ours=_of_one(runs["ours"]),
        serial=f"{_of_one(runs['empty'])} (empty)",
        wanted=f"<= {MAX_SECONDS_MORE} s more",
        got=f"{more:.2f} s more\n{computed:.2f} s CPU more",
        holds=max(more, computed) <= MAX_SECONDS_MORE and server.counts["accepted"] == sizes.starts,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """Many rows of one status, for our target and for the empty one."""

    workshop: Workshop
    sizes: Sizes
    status: str
    ours: Callable[[], list[str]]

    def measured(self, case: str, what: str, wanted: float) -> Iterator[Row]:
        """Yield how fast they are read beside the empty target, by the clock and by what is computed; and the peak."""
        sizes = self.sizes
        all_rows, few_rows = self._source(sizes.rows), self._source(sizes.few_rows)
        runs = in_turn(
            sizes.long_rounds,
            {
                "empty": lambda: run(self.workshop.empty(), all_rows),
                "ours": lambda: run(self.ours(), all_rows),
                "few": lambda: run(self.ours(), few_rows),
            },
        )
        empty, ours = runs["empty"], runs["ours"]
        by_clock, by_cpu = median(empty) / median(ours), median_cpu(empty) / median_cpu(ours)
        yield Row(
            case,
            f"{sizes.rows:,} {what}",
            ours=_of_many(sizes.rows, ours),
            serial=f"{_of_many(sizes.rows, empty)} (empty)",
            wanted=f">= {wanted} x empty",
            got=f"{by_clock:.2f} x\n{by_cpu:.2f} x of CPU",
            holds=min(by_clock, by_cpu) >= wanted,
        )
        few, many = (max(one.peak_bytes for one in runs[name]) for name in ("few", "ours"))
        yield Row(
            case,
            f"peak at {sizes.few_rows:,} and at {sizes.rows:,} such rows",
            ours=f"{mebibytes(few)}\n{mebibytes(many)}",
            serial=f"{mebibytes(max(one.peak_bytes for one in empty))} (empty)",
            wanted=f"<= {MAX_GROWTH} x\n< {mebibytes(MAX_PEAK_BYTES)}",
            got=f"{many / few:.2f} x\n{mebibytes(many)}",
            holds=many <= few * MAX_GROWTH and many < MAX_PEAK_BYTES,
        )

    def _source(self, count: int) -> Path:
        return self.workshop.orders(count, self.status, different=self.sizes.known)


def _of_many(count: int, runs: list[Finished]) -> str:
    return f"{paced(count, median(runs))}\n{median_cpu(runs):.2f} s CPU"


def _of_one(runs: list[Finished]) -> str:
    return f"{median(runs):.2f} s\n{median_cpu(runs):.2f} s CPU"
