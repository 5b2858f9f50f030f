"""The promises about records of custom objects: jobs carry many times what a loop does, at the same limit."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path

from benchmarks import samples
from benchmarks.measuring import Sizes, in_turn, median, median_cpu, own_work, start
from benchmarks.processes import Finished, Server, run, serving
from benchmarks.rows import Row, mebibytes, paced
from benchmarks.workshop import Workshop

LATENCY_SECONDS = 0.25
MIN_OVER_LOOP = 50
MIN_AGAIN_A_SECOND = 15_000
MAX_PEAK_BYTES = 120 * 2**20


def objects(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Send records at Support's limit, beside a loop of one record a request; then all of them once more.

    The loop sends one more than a minute lets in: its pace for however many. Both at once: they mostly wait.
    """
    folder, few = workshop.data_dir(), min(sizes.objects, sizes.support_per_minute + 1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        by_jobs = pool.submit(_ours, workshop, sizes, folder)
        by_loop = pool.submit(_loop, workshop, sizes, few)
    (ours, server), (loop, loop_server) = by_jobs.result(), by_loop.result()
    began = start(workshop).seconds
    rate, loop_rate = 60 * sizes.objects / max(0.001, ours.seconds - began), 60 * few / loop.seconds
    yield Row(
        "objects",
        f"{sizes.objects:,} records of an object ({few:,} by the loop), {sizes.support_per_minute} requests a minute, "
        "250 ms each",
        ours=f"{ours.seconds:.1f} s, {rate:,.0f}/min without start-up\n{_said(server)}\n{mebibytes(ours.peak_bytes)}",
        bare=f"{loop.seconds:.1f} s, {loop_rate:,.0f}/min\n{_said(loop_server)}\n(a record a request)",
        wanted=f"no 429, >= {MIN_OVER_LOOP} x the loop\n< {mebibytes(MAX_PEAK_BYTES)}",
        got=f"{rate / loop_rate:.0f} x\n{mebibytes(ours.peak_bytes)}",
        holds=server.counts["limited"] == 0 and rate >= MIN_OVER_LOOP * loop_rate and ours.peak_bytes < MAX_PEAK_BYTES,
    )
    yield _again(workshop, sizes, folder, server.url)


def _ours(workshop: Workshop, sizes: Sizes, folder: Path) -> tuple[Finished, Server]:
    with serving(LATENCY_SECONDS, sizes.support_per_minute) as server:
        finished = run(_command(workshop, sizes, folder, server.url), workshop.orders(sizes.objects))
    return finished, server


def _loop(workshop: Workshop, sizes: Sizes, few: int) -> tuple[Finished, Server]:
    with serving(LATENCY_SECONDS, sizes.support_per_minute) as server:
        finished = run(workshop.upserts(server.url), workshop.items(few))
    return finished, server


def _again(workshop: Workshop, sizes: Sizes, folder: Path, url: str) -> Row:
    """Run once more over what was delivered, where nobody answers any more: what sends anything does not end well."""
    command = _command(workshop, sizes, folder, url)
    runs = in_turn(
        sizes.rounds,
        {
            "again": lambda: run(command, workshop.orders(sizes.objects)),
            "start": lambda: start(workshop, folder),
        },
    )
    own = own_work(runs["again"], runs["start"])
    computed = median_cpu(runs["again"]) - median_cpu(runs["start"])
    return Row(
        "objects",
        f"a second run over the {sizes.objects:,} records, the server gone",
        ours=f"{paced(sizes.objects, median(runs['again']))}\n"
        f"{sizes.objects / own:,.0f}/s without start-up, {computed:.2f} s CPU",
        wanted=f"nothing sent\n>= {MIN_AGAIN_A_SECOND:,}/s of its own work",
        got=f"nothing\n{sizes.objects / own:,.0f}/s",
        holds=sizes.objects / own >= MIN_AGAIN_A_SECOND,
    )


def _command(workshop: Workshop, sizes: Sizes, folder: Path, url: str) -> list[str]:
    return workshop.ours(
        url,
        folder,
        rules=[samples.OBJECT_RULE],
        support_requests_per_minute=sizes.support_per_minute,
        max_outage_seconds=5,
    )


def _said(server: Server) -> str:
    return f"{server.counts['requests']} requests, {server.counts['limited']} x 429"
