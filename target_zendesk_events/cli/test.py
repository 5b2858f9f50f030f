"""`zendesk-events test`: the tests of rules, and a diff of what is not as they expect it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from target_zendesk_events.cli.configuration import config_option, offline, reporting_faults
from target_zendesk_events.errors import StorageError
from target_zendesk_events.escaping import escaped

if TYPE_CHECKING:
    from target_zendesk_events.cli.trials import Trial

SOME_FAILED = 1


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print what came of each test as JSON.")
@click.option("--junit", metavar="FILE", help="Write JUnit's XML for CI too.")
@reporting_faults
def test(config: dict[str, Any], as_json: bool, junit: str | None) -> None:  # noqa: FBT001 - click's signature
    """Run the tests of the rules, without network or credentials: records, and what is to become of them.

    They stand under `tests` of a rule, or in rules.test.yml beside rules.yml. Ends with 1 if one fails.

    Example: zendesk-events test --config config.json
    """
    from target_zendesk_events.cli.trials import run_tests  # noqa: PLC0415 - Jinja takes its time

    logging.disable(logging.INFO)
    trials = run_tests(offline(config))
    if junit is not None:
        _write_junit(trials, junit)
    if as_json:
        click.echo(json.dumps(_as_object(trials), indent=2, ensure_ascii=False))
    else:
        _show(trials)
    sys.exit(SOME_FAILED if any(one.differences for one in trials) else 0)


def _counts(trials: Sequence[Trial]) -> tuple[int, int]:
    failed = sum(bool(one.differences) for one in trials)
    return len(trials) - failed, failed


def _as_object(trials: Sequence[Trial]) -> dict[str, Any]:
    passed, failed = _counts(trials)
    tests = [
        {
            "name": one.name,
            "where": one.where,
            "stream": one.case.stream,
            "rule": one.rule or None,
            "passed": not one.differences,
            "differences": [
                {"place": found.place, "expected": found.expected, "came": found.came} for found in one.differences
            ],
        }
        for one in trials
    ]
    return {"totals": {"passed": passed, "failed": failed}, "tests": tests}


def _show(trials: Sequence[Trial]) -> None:
    from rich.console import Console  # noqa: PLC0415 - drawn once

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for one in trials:
        if not one.differences:
            continue
        of = f"{one.where} {one.rule or one.case.stream}" + (f": {one.case.name}" if one.case.name else "")
        console.print(f"failed: {escaped(of)}", style="bold")
        for found in one.differences:
            console.print(f"  {escaped(found.place)}")
            console.print(f"  - {escaped(found.expected)}", style="red")
            console.print(f"  + {escaped(found.came)}", style="green")
        if one.hint:
            console.print(f"  {one.hint}")
        console.print()
    passed, failed = _counts(trials)
    legend = f"{passed:,} passed, {failed:,} failed" + (" (- expected, + what came)" if failed else "")
    console.print(legend, style="bold red" if failed else "bold green")


def _write_junit(trials: Sequence[Trial], path: str) -> None:
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - for CI alone

    passed, failed = _counts(trials)
    counts = {"name": "zendesk-events test", "tests": str(passed + failed), "failures": str(failed)}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts)
    for one in trials:
        about = {"classname": one.rule or one.case.stream, "name": one.name}
        about |= {"file": one.path, "line": str(one.line)} if one.line is not None else {}
        element = ET.SubElement(suite, "testcase", {name: escaped(text) for name, text in about.items()})
        if one.differences:
            said = [f"{found.place}: expected {found.expected}, came {found.came}" for found in one.differences]
            failure = ET.SubElement(element, "failure", {"message": escaped(said[0])})
            failure.text = "\n".join(map(escaped, [*said, *([one.hint] if one.hint else [])]))
    try:
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as fault:
        message = f"--junit {path} cannot be written: {fault.strerror} [ZE603]"
        raise StorageError(message) from fault
