"""The playground's pages, in the user's browser where there is one, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager

import click

EXTRA = ("starlette", "uvicorn", "h11", "anyio")
NOT_INSTALLED = 2
DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""Variables without which a browser, on Linux, would take over the terminal."""


@contextmanager
def needing_extra() -> Iterator[None]:
    """Say in a line how to install the playground where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        click.echo("The playground is an extra: pip install 'target-zendesk-events[playground]'", err=True)
        raise click.exceptions.Exit(NOT_INSTALLED) from None


def show(url: str, end: threading.Event) -> None:
    """Open a page where there is a terminal and a browser, and stay until `end`; the address is told in any case."""
    click.echo(f"Look at {url} (Ctrl-C ends it)", err=True)
    if sys.stderr.isatty() and _has_display():
        threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
    while not end.wait(1.0):  # a wait without end would keep a signal that comes just before it
        pass


def _has_display() -> bool:
    return sys.platform != "linux" or any(map(os.environ.get, DISPLAYS))
