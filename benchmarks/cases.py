"""The promises about speed and memory, each measured."""

from __future__ import annotations

import concurrent.futures
import functools
import math
import re
import sys
from collections.abc import Callable, Iterator

from benchmarks import beside_empty, ledgers
from benchmarks.machines import machines, shared
from benchmarks.measuring import Sizes, delivery, in_turn, median, median_cpu
from benchmarks.objects import objects
from benchmarks.processes import Server, run, serving
from benchmarks.rows import Row, mebibytes, paced
from benchmarks.workshop import Workshop

Case = Callable[[Workshop, Sizes], Iterator[Row]]

LATENCY_SECONDS = 0.25
MAX_OVER_IDEAL = 1.03
MIN_OVER_SERIAL = 1.5
MIN_OVER_BARE = 1.1
MIN_OVER_RECORDS = 0.95
"""As fast, but for what disturbs a measurement."""
MAX_GROWTH = 1.2
MAX_PEAK_BYTES = 120 * 2**20
MAX_OVER_EMPTY = 1.3


def limit(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Keep the allowed rate full, without a 429. All three at once, each with a server of its own: they mostly wait."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        ours = pool.submit(_paced, workshop, sizes, "ours")
        serial = pool.submit(_paced, workshop, sizes, "serial")
        bare = pool.submit(_paced, workshop, sizes, "bare")
    seconds, server = ours.result()
    ideal = 60.0 * (math.ceil(sizes.paced_events / sizes.per_minute) - 1)
    yield Row(
        "limit",
        f"{sizes.paced_events} events, {sizes.per_minute} a minute, 250 ms each",
        ours=_said(seconds, server),
        serial=_said(*serial.result()),
        bare=_said(*bare.result()),
        wanted=f"no 429, <= {MAX_OVER_IDEAL} x {ideal:.0f} s",
        got=f"{seconds / ideal:.3f} x" if ideal else "",
        holds=server.counts == {**server.counts, "limited": 0, "accepted": sizes.paced_events}
        and seconds <= ideal * MAX_OVER_IDEAL,
    )


def _paced(workshop: Workshop, sizes: Sizes, who: str) -> tuple[float, Server]:
    orders, bodies = workshop.orders(sizes.paced_events), workshop.bodies(sizes.paced_events)
    with serving(LATENCY_SECONDS, sizes.per_minute) as server:
        if who == "ours":
            command = workshop.without_ledger(server.url, requests_per_minute=sizes.per_minute)
        else:
            command = workshop.serial(server.url) if who == "serial" else workshop.bare(server.url)
        seconds = run(command, bodies if who == "bare" else orders).seconds
    return seconds, server


def _said(seconds: float, server: Server) -> str:
    return f"{seconds:.1f} s\n{server.counts['limited']} x 429\nat most {server.counts['most_in_a_minute']} in 60 s"


def speed(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Deliver as fast as it goes, start-up included; without the ledger, and with it."""
    orders, bodies = workshop.orders(sizes.events), workshop.bodies(sizes.events)
    contenders = {
        "serial": functools.partial(delivery, workshop.serial, orders, sizes.events),
        "bare": functools.partial(delivery, workshop.bare, bodies, sizes.events),
        "ours": functools.partial(delivery, workshop.without_ledger, orders, sizes.events),
        "ledger": functools.partial(delivery, workshop.ours, orders, sizes.events),
    }
    runs = in_turn(sizes.rounds, contenders)
    serial, bare, ours, with_ledger = (median(runs[name]) for name in contenders)
    said = {name: f"{paced(sizes.events, median(of))}\n{median_cpu(of):.2f} s CPU" for name, of in runs.items()}
    measured = f"{sizes.events:,} events, no limit, no latency, start-up included"
    rivals = {"serial": said["serial"], "bare": said["bare"]}
    yield Row(
        "speed",
        measured,
        ours=said["ours"],
        wanted=f">= {MIN_OVER_SERIAL} x serial\n>= {MIN_OVER_BARE} x bare loop",
        got=f"{serial / ours:.2f} x\n{bare / ours:.2f} x",
        holds=serial / ours >= MIN_OVER_SERIAL and bare / ours >= MIN_OVER_BARE,
        **rivals,
    )
    yield Row(
        "speed",
        f"{measured}, with the ledger",
        ours=said["ledger"],
        wanted=">= 1 x bare loop",
        got=f"{bare / with_ledger:.2f} x",
        holds=bare >= with_ledger,
        **rivals,
    )


def files(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Read the same records from the packed files of BATCH messages as fast as from RECORDs; nothing is sent."""
    orders = workshop.orders(sizes.in_files, "draft")
    batches = workshop.batches(sizes.in_files, "draft")
    command = functools.partial(workshop.ours, "http://127.0.0.1:9", batch_config=workshop.batch_config)
    runs = in_turn(sizes.rounds, {"records": lambda: run(command(), orders), "files": lambda: run(command(), batches)})
    of_records, of_files = (median(runs[name]) for name in ("records", "files"))
    yield Row(
        "files",
        f"{sizes.in_files:,} records that a rule filters out, validated: in jsonl.gz files, and as RECORDs",
        ours=f"{paced(sizes.in_files, of_files)}\n{median_cpu(runs['files']):.2f} s CPU\n"
        f"{paced(sizes.in_files, of_records)} (RECORDs)\n{median_cpu(runs['records']):.2f} s CPU",
        wanted=f">= {MIN_OVER_RECORDS} x RECORDs",
        got=f"{of_records / of_files:.2f} x",
        holds=of_records / of_files >= MIN_OVER_RECORDS,
    )


def memory(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Hold no more for many records than for few."""
    few, many = (
        delivery(workshop.without_ledger, workshop.orders(count), count).peak_bytes for count in (sizes.few, sizes.many)
    )
    serial = delivery(workshop.serial, workshop.orders(sizes.few), sizes.few).peak_bytes
    yield Row(
        "memory",
        f"peak at {sizes.few:,} and at {sizes.many:,} delivered records",
        ours=f"{mebibytes(few)}\n{mebibytes(many)}",
        serial=mebibytes(serial),
        wanted=f"<= {MAX_GROWTH} x\n< {mebibytes(MAX_PEAK_BYTES)}",
        got=f"{many / few:.2f} x\n{mebibytes(many)}",
        holds=many <= few * MAX_GROWTH and many < MAX_PEAK_BYTES,
    )


def about(workshop: Workshop, sizes: Sizes) -> Iterator[Row]:
    """Start as fast as the SDK lets a target start, and import nothing that is not needed."""
    runs = in_turn(
        sizes.starts,
        {
            "empty": lambda: run([*workshop.empty(), "--about"]),
            "ours": lambda: run([workshop.target, "--about"]),
        },
    )
    empty, ours = median(runs["empty"]), median(runs["ours"])
    yield Row(
        "about",
        "--about, beside an empty SDK target's",
        ours=f"{ours * 1000:.0f} ms",
        serial=f"{empty * 1000:.0f} ms (empty)",
        wanted=f"<= {MAX_OVER_EMPTY} x",
        got=f"{ours / empty:.2f} x",
        holds=ours <= empty * MAX_OVER_EMPTY,
    )
    yield _imports(workshop)


def _imports(workshop: Workshop) -> Row:
    looks = [sys.executable, "-X", "importtime"]
    with serving() as server:
        sending = run([*looks, *workshop.ours(server.url)], workshop.orders(10)).errors
    asking = run([*looks, workshop.target, "--about"]).errors
    needless = sorted(_imported(sending) & {"sqlalchemy"}) + sorted(
        f"{name} (--about)" for name in _imported(asking) & {"sqlalchemy", "jinja2"}
    )
    return Row(
        "about",
        "modules imported by --about, and by a run that sends",
        ours=f"{len(_imported(asking))}\n{len(_imported(sending))}",
        wanted="no SQLAlchemy; no Jinja2 for --about",
        got=", ".join(needless) or "none of these",
        holds=not needless,
    )


def _imported(errors: str) -> set[str]:
    """Return the modules that `-X importtime` names."""
    return set(re.findall(r"^import time:.*\| +(\S+)$", errors, re.MULTILINE))


CASES: dict[str, Case] = {
    "limit": limit,
    "speed": speed,
    "known": beside_empty.known,
    "filtered": beside_empty.filtered,
    "one": beside_empty.one,
    "files": files,
    "memory": memory,
    "about": about,
    "keys": ledgers.keys,
    "objects": objects,
    "machines": machines,
    "shared": shared,
}
SLOW = frozenset({"limit", "machines"})
"""Cases that no size makes quick."""
