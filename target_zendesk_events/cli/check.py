"""`zendesk-events check`: whether a run would get in, as whom, and what it may do there."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any, Final

import click

from target_zendesk_events.cli.account import READS, WRITES, Account, settings_of
from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.cli.customer import customer_of
from target_zendesk_events.cli.findings import FAULT, OK, UNKNOWN, WARNING, Findings
from target_zendesk_events.cli.trial_write import write_trial
from target_zendesk_events.errors import TargetError
from target_zendesk_events.escaping import escaped

COLOURS: Final = {OK: "green", WARNING: "yellow", FAULT: "red", UNKNOWN: "yellow"}


@click.command()
@config_option
@click.option(
    "--write", metavar="IDENTIFIER", help="Put two events on this customer's timeline, and tell what that shows."
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@reporting_faults
def check(config: dict[str, Any], write: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's signature
    """Check the account: who the credentials are, what they may do, limits, the token's life, the clock.

    Nothing is written unless --write names a customer (source:type:identifier_type:value): it gets two events of type
    zendesk_events_check, which can only be taken off with the whole profile. Ends as a run would: 0, 1 or 2.

    Example: zendesk-events check --config config.json --config ENV
    """
    settings = settings_of(config, also=(READS,) if write is None else (READS, WRITES), warns=False)
    customer = None if write is None else customer_of(write, settings)
    with Account(settings) as account:
        findings = Findings(settings, account)
        findings.find()
        if customer is not None and not findings.exit_code:
            try:
                findings.learnt += write_trial(account, customer)
            except TargetError as fault:
                findings.note_fault("write", fault)
    if as_json:
        told = {
            "account": settings.base_url,
            "checks": [dataclasses.asdict(one) for one in findings.found],
            "learnt": [dataclasses.asdict(one) for one in findings.learnt],
            "exit_code": findings.exit_code,
        }
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _show(settings.base_url, findings)
    sys.exit(findings.exit_code)


def _show(account: str, findings: Findings) -> None:
    from rich.console import Console  # noqa: PLC0415 - it heeds NO_COLOR
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(escaped(account), style="bold", soft_wrap=True)
    for one in findings.found:
        mark = Text(f"{one.result:<8}", style=COLOURS[one.result])
        console.print(mark.append(f" {one.check:<12} {escaped(one.message)}", style="default"), soft_wrap=True)
    if findings.learnt:
        console.print("what the documents leave open, and this account shows:", style="bold", soft_wrap=True)
    for fact in findings.learnt:
        console.print(f"  {escaped(fact.question)}: {escaped(fact.answer)}", soft_wrap=True)
