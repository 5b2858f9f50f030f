"""The target of this house, under each of its policies for a lost answer."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

from benchmarks.contest import orders
from benchmarks.contest.contenders.contender import Launch, Place
from benchmarks.contest.environments import environment_variables
from benchmarks.contest.judge import Books
from benchmarks.contest.tap import bookmark
from benchmarks.processes import ROOT

RULE = {
    "stream": orders.STREAM,
    "profile": {"identifiers": {"email": "{{ email }}", "shop_customer_id": "{{ customer_id }}"}},
    "event": {
        "type": orders.EVENT_TYPE,
        "created_at": "{{ updated_at }}",
        "description": "Order {{ id }}: {{ item }}",
        "properties": {"number": "{{ id }}", "total": "{{ total }}", "currency": "{{ currency }}"},
    },
}
INSTALLED = {"PYTHONPATH": ""}
"""What is installed runs, not what lies here."""
PER_MINUTE = 100_000
"""As good as no limit: none of the others has one here."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ours:
    """The target as it is installed, with its ledger."""

    policy: str

    @property
    def name(self) -> str:
        """One contender a policy."""
        return self.policy

    @property
    def title(self) -> str:
        """As the setting has it."""
        return f"this target, {self.policy}"

    environment = "ours"
    requirements = (str(ROOT),)
    distributions = ("target-zendesk-events", "singer-sdk")

    @property
    def settings(self) -> str:
        """All that is no default."""
        held = ", `max_set_aside_percent: 100` (a sixth is held)" if self.policy == "hold" else ""
        return f"`on_unknown_outcome: {self.policy}`, `requests_per_minute: {PER_MINUTE}`{held}; SQLite ledger"

    def prepare(self, place: Place) -> None:
        """Write its configuration."""
        config = {
            "api_url": place.url,
            "source": orders.SOURCE,
            "data_dir": str(place.folder / "data"),
            "requests_per_minute": PER_MINUTE,
            "on_unknown_outcome": self.policy,
            "max_set_aside_percent": 100 if self.policy == "hold" else 10,
            "rules": [RULE],
        }
        _config(place).write_text(json.dumps(config), encoding="utf-8")

    def launch(self, place: Place) -> Launch:
        """Start it behind the tap."""
        command = [place.environment.script("target-zendesk-events"), "--config", str(_config(place))]
        return Launch(command, place.tap, INSTALLED)

    def books(self, place: Place) -> Books:
        """Return what its STATE and its dead letters say, beside what its ledger counts."""
        set_aside = frozenset(_letters(place.folder / "data" / "dead-letters"))
        done = frozenset(range(bookmark(place.states) + 1))
        pending = place.everything - done - set_aside
        return Books(done - set_aside, set_aside, pending, counted=None if pending else _counted(place))

    def clean_up(self, place: Place) -> None:
        """Nothing was started."""


def _config(place: Place) -> Path:
    return place.folder / "config.json"


def _letters(folder: Path) -> set[int]:
    """Return the numbers of the records in the dead letters, of whole lines alone."""
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.singer")] if folder.exists() else []
    messages = [json.loads(line) for text in texts for line in text.rpartition("\n")[0].splitlines()]
    return {message["record"]["id"] for message in messages if message["type"] == "RECORD"}


def _counted(place: Place) -> int:
    """Return how many events the ledger has as delivered."""
    command = [place.environment.script("zendesk-events"), "ledger", "--config", str(_config(place)), "--json"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, check=True, env={**environment_variables(), **INSTALLED}
    )
    return sum(row["delivered"] for row in json.loads(done.stdout)["streams"].values())
