"""hotglue's SDK for targets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.contest import orders
from benchmarks.contest.contenders.contender import Launch, Place
from benchmarks.contest.judge import Books


class Hotglue:
    """A HotglueSink, run as the platform runs one: on the whole input each time, with the last target's state."""

    name = "hotglue"
    title = "hotglue's target SDK"
    environment = "hotglue"
    requirements = ("hotglue-singer-sdk",)
    distributions = ("hotglue-singer-sdk",)
    settings = (
        "a HotglueSink; its own retries (10 attempts, backoff from 0.1 s, by the hooks that it has for that); what it "
        "writes at its end is given to its next start as `incremental_target_state.json`, as the platform does"
    )

    def prepare(self, place: Place) -> None:
        """Write its configuration."""
        (place.folder / "config.json").write_text(json.dumps({"api_url": place.url}), encoding="utf-8")
        _secrets(place).mkdir()

    def launch(self, place: Place) -> Launch:
        """Start it on the whole input, with the state of the last one that came to its end."""
        state = _state(place)
        if state:
            kept = json.dumps(state)
            (_secrets(place) / "incremental_target_state.json").write_text(kept, encoding="utf-8")
        tap = [sys.executable, "-m", "benchmarks.contest.tap", str(place.orders), str(place.folder / "no-states")]
        config = str(place.folder / "config.json")
        return Launch([*place.environment.program("hotglue_target"), "--config", config], tap)

    def books(self, place: Place) -> Books:
        """Return what its state says."""
        bookmarks = _state(place).get("bookmarks", {}).get(orders.STREAM, [])
        done = frozenset(int(one["id"]) for one in bookmarks if one.get("success"))
        return Books(delivered=done, pending=place.everything - done)

    def clean_up(self, place: Place) -> None:
        """Nothing was started."""


def _secrets(place: Place) -> Path:
    """Return the folder in which it looks: one up from where it is started."""
    return place.folder / ".secrets"


def _state(place: Place) -> dict[str, dict[str, list[dict[str, str]]]]:
    lines = place.states.read_text(encoding="utf-8").splitlines() if place.states.exists() else []
    states: list[dict[str, dict[str, list[dict[str, str]]]]] = [json.loads(line) for line in lines if line[:1] == "{"]
    return states[-1] if states else {}
