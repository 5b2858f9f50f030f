"""What `docs/backfill.md` says of bringing history in, a piece at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support import config, lines, record, run_here, schema, state

from target_zendesk_events.playground.server import Playground

DAYS = ("2026-09-01", "2026-10-15", "2026-11-10")
HISTORY = lines(
    [schema("orders"), *(record("orders", n, at=f"{day}T10:00:00Z") for n, day in enumerate(DAYS)), state(3)]
)


def numbers(settings: dict[str, Any]) -> tuple[int, int, int]:
    """Run over the whole history; return what was too old, delivered and known."""
    totals = run_here(settings, HISTORY).report["totals"]
    return totals["too_old"], totals["delivered"], totals["duplicate"]


def test_since_can_be_widened_step_by_step(playground: Playground, tmp_path: Path) -> None:
    """A full refresh with a wider `since` sends what is new by it, once: the ledger knew nothing of the rest."""
    settings = config(playground.url, tmp_path)
    assert numbers({**settings, "since": "2026-11-01"}) == (2, 1, 0)
    assert numbers({**settings, "since": "2026-10-01"}) == (1, 1, 1)
    assert numbers(settings) == (0, 1, 2)
    assert len(playground.events()) == len(DAYS)


def test_a_brake_that_ends_the_run_goes_on_where_it_was(playground: Playground, tmp_path: Path) -> None:
    """So a backfill that is run daily goes through the brake by pieces, and sends nothing twice."""
    settings = config(playground.url, tmp_path, max_events_per_day=2, max_in_flight=1)
    ended = run_here(settings, HISTORY)
    assert (ended.exit_code, ended.report["codes"], ended.states) == (1, ["ZE504"], [])
    assert len(playground.events()) == 2
    assert numbers({**settings, "max_events_per_day": 3}) == (0, 1, 2)
    assert len(playground.events()) == len(DAYS)
