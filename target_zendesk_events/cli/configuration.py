"""`--config` of every verb, read as the target reads it, and faults told as the target tells them."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from target_zendesk_events.errors import TargetError
from target_zendesk_events.escaping import escape_log
from target_zendesk_events.open_files import raise_limit
from target_zendesk_events.singer.command import log_fault
from target_zendesk_events.target import TargetZendeskEvents

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_OF_FILES = 160
NOWHERE = "http://127.0.0.1:9"
"""An account for those who have none yet; nothing is sent to it."""


def config_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb `--config` (repeatable, and ENV); it is handed the configuration as one mapping.

    A verb below another takes the other's where it is given none of its own.
    """
    return click.option(
        "--config",
        multiple=True,
        callback=_read,
        help="Configuration file location or 'ENV' to use environment variables.",
    )(command)


def offline(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with which nothing is sent or written, and no credentials or account are needed."""
    account = {} if config.get("subdomain") or config.get("api_url") else {"api_url": NOWHERE}
    return {**config, **account, "dry_run": True}


def screen() -> Console:
    """Return where tables are drawn: as wide as the terminal, wide in a file, and colours only on a terminal."""
    from rich.console import Console  # noqa: PLC0415 - drawn once

    width = None if sys.stdout.isatty() else WIDTH_OF_FILES
    return Console(highlight=False, markup=False, emoji=False, width=width)


def reporting_faults(verb: Callable[..., None]) -> Callable[..., None]:
    """Log like the target, and end with its exit code where the target's faults end a verb."""

    @functools.wraps(verb)
    def reporting(*arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the verb's own
        escape_log()
        raise_limit()
        logging.basicConfig(level=logging.INFO, format="%(levelname)-8s %(message)s", stream=sys.stderr)
        try:
            verb(*arguments, **options)
        except TargetError as fault:
            log_fault(fault)
            sys.exit(fault.exit_code)

    return reporting


def _read(context: click.Context, parameter: click.Option, value: tuple[str, ...]) -> dict[str, Any]:
    if not value and context.obj is not None:
        above: dict[str, Any] = context.obj
        return above
    given: dict[str, Any] = TargetZendeskEvents.cb_config(context, parameter, value).config
    return given
