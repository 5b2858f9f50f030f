"""The contenders' commands and what they are fed, all in one folder that is gone afterwards."""

from __future__ import annotations

import itertools
import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

from benchmarks import samples

THREADS_OF_BARE_LOOP = 8
NO_LIMIT = 100_000
"""Requests a minute, the most that the setting takes: more than any of the contenders reaches in one run."""


class Workshop:
    """Makes inputs and commands; a run of ours gets a `data_dir` of its own unless it is given one."""

    def __init__(self, folder: Path) -> None:
        """Keep everything under `folder`."""
        self._folder = folder
        self._numbers = itertools.count()
        self.target = str(Path(sysconfig.get_path("scripts")) / "target-zendesk-events")

    def orders(self, count: int, status: str = "paid", different: int | None = None, first: int = 0) -> Path:
        """Return a tap's output with so many orders, from the first on; after `different` ones they come again."""
        path = self._folder / f"{count}-{status}-{different or count}-{first}.singer"
        return path if path.exists() else samples.write_messages(path, count, status, different, first)

    def batches(self, count: int, status: str = "paid") -> Path:
        """Return a file of a tap's output with so many orders, in files that BATCH messages name."""
        path = self._folder / f"{count}-{status}.batches"
        return path if path.exists() else samples.write_batches(path, count, status)

    @property
    def batch_config(self) -> dict[str, Any]:
        """The setting with which those files may be read."""
        return {"storage": {"root": self._folder.as_uri()}}

    def bodies(self, count: int) -> Path:
        """Return a file with the bodies of so many orders, one a line."""
        path = self._folder / f"{count}.bodies"
        return path if path.exists() else samples.write_bodies(path, count)

    def items(self, count: int) -> Path:
        """Return a file with so many records of a custom object, one a line."""
        path = self._folder / f"{count}.items"
        return path if path.exists() else samples.write_items(path, count)

    def ours(self, url: str, data_dir: Path | None = None, **settings: Any) -> list[str]:  # noqa: ANN401 - any setting
        """Return the command of our target, with one rule."""
        given = {
            "api_url": url,
            "source": samples.SOURCE,
            "rules": [samples.RULE],
            "requests_per_minute": NO_LIMIT,
            "support_requests_per_minute": NO_LIMIT,
            "data_dir": str(data_dir or self.data_dir()),
        }
        return [self.target, "--config", self._config({**given, **settings})]

    def without_ledger(self, url: str, **settings: Any) -> list[str]:  # noqa: ANN401 - any setting
        """Return the command of our target, its ledger switched off."""
        return self.ours(url, ledger_url="none", **settings)

    def serial(self, url: str) -> list[str]:
        """Return the command of the SDK's own sink with one session."""
        return [sys.executable, "-m", "benchmarks.serial", "--config", self._config({"api_url": url})]

    def bare(self, url: str) -> list[str]:
        """Return the command of the bare loop, to be fed with bodies."""
        return [sys.executable, "-m", "benchmarks.loop", url + samples.EVENTS_PATH, str(THREADS_OF_BARE_LOOP)]

    def upserts(self, url: str) -> list[str]:
        """Return the command of the loop that upserts one record a request, to be fed with items."""
        return [sys.executable, "-m", "benchmarks.upserts", url + samples.RECORDS_PATH, str(THREADS_OF_BARE_LOOP)]

    def empty(self) -> list[str]:
        """Return the command of an empty SDK target, started the way that console scripts are."""
        return [sys.executable, "-c", "from benchmarks.empty import EmptyTarget; EmptyTarget.cli()"]

    def data_dir(self) -> Path:
        """Return a fresh `data_dir`, not made yet."""
        return self._folder / f"data-{next(self._numbers)}"

    def _config(self, settings: dict[str, Any]) -> str:
        path = self._folder / f"config-{next(self._numbers)}.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        return str(path)
