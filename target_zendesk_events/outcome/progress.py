"""Says how a run goes: lines in the log, a live line on a terminal, and the files and blocks that end it."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_zendesk_events.escaping import escaped, say_beside_log
from target_zendesk_events.outcome import last_run, summary

if TYPE_CHECKING:
    from rich.live import Live

    from target_zendesk_events.kinds.request import Bucket
    from target_zendesk_events.outcome.report import Report

logger = logging.getLogger("target-zendesk-events")

SECONDS_BETWEEN_LIVE_LINES = 0.5


class Progress:
    """Tells of one run's numbers while they grow, and once more when it ends."""

    def __init__(
        self,
        report: Report,
        allowed: Mapping[Bucket, int],
        share_of_month: Callable[[], float | None] = lambda: None,
    ) -> None:
        """Tell of `report`, on a terminal with one line that is drawn anew.

        `allowed` are the requests a minute of each bucket by the settings; `share_of_month` is in percent.
        """
        self._share_of_month = share_of_month
        self._told_budget: set[Bucket] = set()
        self._told_limit: set[Bucket] = set()
        self._report = report
        self._allowed = allowed
        self._next_at = time.monotonic() + summary.SECONDS_BETWEEN_LINES
        self._live: Live | None = None
        self._is_terminal = sys.stderr.isatty()
        if self._is_terminal:
            self._next_at = time.monotonic() + SECONDS_BETWEEN_LIVE_LINES

    @property
    def next_at(self) -> float:
        """When there is something to say next, by the monotonic clock."""
        return self._next_at

    def say_progress(self, now: float) -> None:
        """Say where the run stands, if it is time; and once, when it is known to be a long one, what that costs."""
        self._say_budget()
        self._say_limit()
        if now < self._next_at:
            return
        self._next_at = now + (SECONDS_BETWEEN_LIVE_LINES if self._is_terminal else summary.SECONDS_BETWEEN_LINES)
        line = summary.progress_line(self._report, self._allowed)
        if not line:
            return
        if self._is_terminal:
            self._draw(line)
        else:
            logger.info("%s", line)

    def say_end(self, about: Mapping[str, Any], level: int) -> None:
        """Show the block, and write the last line: its numbers stand beside it as structured extras."""
        self._say_limit()
        if self._live is not None:
            self._live.stop()
        with contextlib.suppress(OSError):  # a full disk behind standard error is no fault of the run
            say_beside_log(summary.block(self._report, about))
        totals = self._report.totals()
        logger.log(level, "%s", summary.last_line(totals), extra={**about, **totals})

    def _say_budget(self) -> None:
        for bucket, minute in self._report.minutes.items():
            if bucket not in self._told_budget and summary.is_long(minute):
                self._told_budget.add(bucket)
                share = self._share_of_month()
                logger.info("%s", summary.budget_line(bucket, minute, self._allowed[bucket], share))

    def _say_limit(self) -> None:
        """Say once, when an answer's headers have told it, that the account allows less than the settings."""
        for bucket, minute in self._report.minutes.items():
            seen, allowed = minute.limit_seen, self._allowed[bucket]
            if seen is not None and seen < allowed and bucket not in self._told_limit:
                self._told_limit.add(bucket)
                logger.warning("%s", summary.limit_line(bucket, seen, allowed))

    def write_last_run(self, folder: Path, about: Mapping[str, Any]) -> None:
        """Write `last-run.json`. Raises StorageError."""
        last_run.write(folder, summary.as_object(self._report, about))

    def _draw(self, line: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.live import Live  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        if self._live is None:
            console = Console(stderr=True, soft_wrap=True)  # a line of the log stays one line
            self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._live.start()
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__:
                    handler.setStream(sys.stderr)  # Live's own, which keeps the line below what is logged
        self._live.update(Text(escaped(line)), refresh=True)
