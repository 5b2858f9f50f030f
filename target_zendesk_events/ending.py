"""How a run ends: the exit code that tells the truth, and what is said and written of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from target_zendesk_events.assembly import Run, lost_letters_warning
from target_zendesk_events.errors import StorageError
from target_zendesk_events.ledger.ledger import Ledger
from target_zendesk_events.moments import in_utc
from target_zendesk_events.outcome.progress import Progress
from target_zendesk_events.outcome.report import Report

if TYPE_CHECKING:
    from target_zendesk_events.errors import TargetError

logger = logging.getLogger("target-zendesk-events")

EXIT_SET_ASIDE = 3
QUOTA_WARNING_PERCENT = 80


def exit_code(
    signal_number: int | None, faults: Sequence[TargetError], report: Report, *, counts_set_aside: bool
) -> int:
    """Return the first that applies: a signal, what is to be mended, what running again may help, what was set aside.

    `counts_set_aside` says that anything set aside matters; else only a stream that set aside all it had.
    """
    if signal_number is not None:
        return 128 + signal_number
    if faults:
        return max(one.exit_code for one in faults)
    if report.only_set_aside() or (counts_set_aside and report.any_set_aside()):
        return EXIT_SET_ASIDE
    return 0


def fault_of_open_claims(ledger: Ledger) -> TargetError | None:
    """Warn of what runs which are gone may have sent; return what kept the ledger from telling."""
    try:
        left_open = ledger.left_open()
    except StorageError as fault:
        return fault
    if left_open:
        logger.warning(
            "%d things of runs that were cut off may have been sent, and their records did not come again: "
            "their outcome stays unknown",
            left_open,
        )
    return None


def tell(run: Run, progress: Progress, about: Mapping[str, Any]) -> None:
    """Log what the user should know, write `last-run.json`, and say the last line. Raises StorageError.

    `about` says of the run what the report does not, its `exit_code` among it.
    """
    report = run.report
    about = {"run": run.name, **about, "ended": in_utc(run.ledger.now())}
    share = run.quota.share_of_month()
    if share is not None and share >= QUOTA_WARNING_PERCENT:
        logger.warning("%.0f %% of the month's quota (monthly_event_quota) is used", share)
    for line in lost_letters_warning(run):
        logger.warning("%s", line)
    for rule, count in report.only_filtered().items():
        logger.warning(
            "rule '%s' filtered out every record that it matched, %s: look at its `when`", rule, f"{count:,}"
        )
    report.dead_letters_waiting = run.dead_letters.waiting()
    if run.data_dir is not None:
        progress.write_last_run(run.data_dir, about)
    progress.say_end(about, _level(report, about["exit_code"]))


def _level(report: Report, code: int) -> int:
    if code in {1, 2}:
        return logging.ERROR
    return logging.WARNING if report.any_set_aside() else logging.INFO
