"""`last-run.json` and `last-run.prom`: how the last run went, for whoever watches."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from target_zendesk_events.errors import StorageError
from target_zendesk_events.outcome import metrics

LAST_RUN_FILE: Final = "last-run.json"
METRICS_FILE: Final = "last-run.prom"


def write(folder: Path, told: Mapping[str, Any]) -> None:
    """Write both in `folder`, readable by their owner alone. Raises StorageError."""
    _replace(folder / LAST_RUN_FILE, json.dumps(told, indent=2) + "\n")
    _replace(folder / METRICS_FILE, metrics.text(told, str(folder)))


def read(folder: Path) -> dict[str, Any] | None:
    """Return what it says; None where there is none, or none that can be read."""
    try:
        told = json.loads((folder / LAST_RUN_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and "schema_version" in told else None


def note_waiting(folder: Path, count: int) -> None:
    """Correct how many dead letters wait, where there is a last run. Raises StorageError."""
    told = read(folder)
    if told is not None:
        write(folder, {**told, "dead_letters_waiting": count})


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as fault:
        message = f"{path} cannot be written: {fault.strerror} [ZE603]"
        raise StorageError(message) from fault
