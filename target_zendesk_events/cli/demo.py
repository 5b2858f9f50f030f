"""`zendesk-events demo`: the sample streams, sent through the real target to a playground, and what came of them."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from target_zendesk_events.cli import browser
from target_zendesk_events.cli.playground import VARIABLE
from target_zendesk_events.escaping import LOG_CONFIG

if TYPE_CHECKING:
    from rich.console import Console

    from target_zendesk_events.playground.server import Playground

TARGET = (sys.executable, "-c", "from target_zendesk_events.target import main; main()")
"""The real target, in this interpreter, wherever its script is."""
HOMES = (Path(__file__).parents[1], Path(__file__).parents[2])
"""Where `sample_streams` stands: in the package as it is installed, beside it in a clone."""
"""Under Meltano it names a file that gives the log another form."""
GLANCE_SECONDS = 0.2
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ \| ")


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What came of a sample; `timelines` has the bodies that Zendesk stored, by the customer's name, in order."""

    exit_code: int
    dead_letters: Mapping[str, int]
    state: Any
    timelines: Mapping[str, Sequence[Any]]

    def differences(self, expected: Result) -> list[str]:
        """Return a sentence for each part that is not as expected."""
        names = [field.name for field in dataclasses.fields(self)]
        parts = [(name, getattr(self, name), getattr(expected, name)) for name in names]
        return [f"{name} is {json.dumps(got)}, not {json.dumps(want)}" for name, got, want in parts if got != want]

    def __str__(self) -> str:
        """Return the result in a line."""
        events = sum(len(bodies) for bodies in self.timelines.values())
        letters = ", ".join(f"{count} {reason}" for reason, count in self.dead_letters.items())
        return f"{events} events delivered, {letters or 'nothing'} set aside, exit {self.exit_code}"


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """A case: a folder with `input.singer` and `rules.yml`, the sentence that it tells, and what must come of it."""

    folder: Path
    case: str
    expected: Result


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """A sample that was sent: what came of it, and what the target said on standard error."""

    result: Result
    said: str

    @property
    def report(self) -> str:
        """The target's report, without its log."""
        return "\n".join(line.rstrip() for line in self.said.splitlines() if not LOG_LINE.match(line)).strip("\n")


@click.command()
@click.option("--config", multiple=True, help="Accepted as the target accepts it, a file or ENV; not read.")
@click.option("--open", "opens", is_flag=True, help="Then show the timelines in the browser, until Ctrl-C.")
@click.pass_context
def demo(ctx: click.Context, /, opens: bool, **_: object) -> None:  # noqa: FBT001 - click's signature
    """Send sample streams to a local Zendesk, and show what it then holds.

    Nothing leaves the machine, and nothing stays on it. Exits 0 when all went as the samples say.

    Example: zendesk-events demo --open
    """
    from rich.console import Console  # noqa: PLC0415 - `--help` needs none of it

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may know no letters but ASCII's
    with browser.needing_extra():
        from target_zendesk_events.playground.server import Playground  # noqa: PLC0415 - an extra
        from target_zendesk_events.playground.wrapping import told_to_end  # noqa: PLC0415 - an extra

        console = Console(highlight=False, markup=False, emoji=False)
        with told_to_end() as end, Playground() as served:
            is_well = demonstrate(samples_in(sample_streams()), served, console, end)
            if opens:
                browser.show(served.url, end)
    ctx.exit(0 if is_well else 1)


def sample_streams() -> Path:
    """Return the folder of the samples that came with this package."""
    return next(home / "sample_streams" for home in HOMES if (home / "sample_streams").is_dir())


def samples_in(folder: Path) -> list[Sample]:
    """Return the samples of a folder: first those that go well, last those that stop."""
    samples = [_sample(path.parent) for path in folder.glob("*/expected.json")]
    return sorted(samples, key=lambda one: (one.expected.exit_code, len(one.expected.dead_letters), one.folder.name))


def demonstrate(samples: Sequence[Sample], served: Playground, console: Console, end: threading.Event) -> bool:
    """Send every sample, show what came of it, and tell whether all went as they say; aborts when `end` is set."""
    told: dict[str, Told] = {}
    is_well = True
    console.print(f"A local Zendesk on {served.url} takes what the target sends.\n", soft_wrap=True)
    for sample in samples:
        one = told[sample.folder.name] = send(sample, served, end)
        differences = one.result.differences(sample.expected)
        is_well = is_well and not differences
        console.print(sample.case, style="bold", soft_wrap=True)
        console.print(f"  {sample.folder.name}: {one.result}", soft_wrap=True)
        for difference in differences:
            console.print(f"  NOT as expected: {difference}", style="red", soft_wrap=True)
        if differences:
            console.print(one.said, soft_wrap=True)
    name, bodies, report = longest_timeline(told)
    console.print(f"\nWhat the timeline of {name} now holds:", style="bold", soft_wrap=True)
    _show_timeline(bodies, console)
    console.print(f"And the report of that run:\n\n{report}\n", soft_wrap=True)
    console.print("All went as the samples say." if is_well else "Not all went as the samples say.", style="bold")
    return is_well


def send(sample: Sample, served: Playground, end: threading.Event) -> Told:
    """Send a sample through the target, a process of its own, and return what came of it."""
    before = len(served.events())
    with tempfile.TemporaryDirectory(prefix="zendesk-events-demo-") as folder:
        config = Path(folder, "config.json")
        config.write_text(json.dumps({"rules_file": str(sample.folder / "rules.yml")}), encoding="utf-8")
        query = urlencode({"folder": folder, "write_state": 1})
        variables = {name: value for name, value in os.environ.items() if name != LOG_CONFIG}
        with (
            (sample.folder / "input.singer").open("rb") as messages,
            subprocess.Popen(  # noqa: S603 - the target itself
                [*TARGET, "--config", str(config)],
                stdin=messages,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                cwd=folder,
                env={**variables, VARIABLE: f"{served.url}/?{query}"},
            ) as target,
        ):
            written, said = _heard(target, end)
        letters = _letters(Path(folder))
    states = [json.loads(line) for line in written.splitlines()]
    result = Result(target.returncode, letters, states[-1] if states else None, _timelines(served, before))
    return Told(result, said)


def _heard(target: subprocess.Popen[str], end: threading.Event) -> tuple[str, str]:
    """Return what the target wrote until it ended; when `end` is set it is not waited for."""
    while not end.is_set():
        with contextlib.suppress(subprocess.TimeoutExpired):
            return target.communicate(timeout=GLANCE_SECONDS)
    target.kill()
    raise click.Abort


def longest_timeline(told: Mapping[str, Told]) -> tuple[str, Sequence[Any], str]:
    """Return the customer with the most events, those events, and the report of the run that brought them."""
    every = [(name, bodies, one.report) for one in told.values() for name, bodies in one.result.timelines.items()]
    return max(every, key=lambda one: len(one[1]), default=("nobody", [], ""))


def _sample(folder: Path) -> Sample:
    content = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return Sample(folder, content.pop("case"), Result(**content))


def _letters(folder: Path) -> dict[str, int]:
    """Return how many dead letters the run that wrote in `folder` left, by their reason."""
    counts: collections.Counter[str] = collections.Counter()
    for report in folder.glob("*/last-run.json"):
        for stream in json.loads(report.read_text(encoding="utf-8"))["streams"].values():
            counts.update(stream.get("dead_letters", {}))
    return dict(counts)


def _timelines(served: Playground, before: int) -> dict[str, list[Any]]:
    """Return what was stored after the first `before` events, by the customer's name."""
    names = {user.id: user.name for user in served.users()}
    timelines: dict[str, list[Any]] = {}
    for event in served.events()[before:]:
        timelines.setdefault(names[event.user_id], []).append(event.body)
    return timelines


def _show_timeline(bodies: Sequence[Any], console: Console) -> None:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("when (UTC)", "source", "type"):
        table.add_column(name, overflow="fold")
    table.add_column("description, properties", overflow="fold")
    for event in (body["event"] for body in bodies):
        properties = [f"{name}: {_shown(value)}" for name, value in event["properties"].items()]
        when = event["created_at"][:16].replace("T", " ")
        lines = [line for line in (event.get("description"), *properties) if line]
        table.add_row(when, event["source"], event["type"], "\n".join(lines))
    console.print(table)


def _shown(value: object) -> str:
    """Return a property as an agent sees it: an object with a display name is a link of that name."""
    if isinstance(value, dict) and "display_name" in value:
        return str(value["display_name"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
