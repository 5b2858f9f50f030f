"""The SDK's RecordSink, posting record by record."""

from __future__ import annotations

import json

from benchmarks.contest.contenders.contender import Launch, Place
from benchmarks.contest.judge import Books


class SerialSink:
    """A target of the Singer SDK's own kind, as its template makes one."""

    name = "serial"
    title = "SDK's serial sink"
    environment = "serial"
    requirements = ("singer-sdk", "requests")
    distributions = ("singer-sdk", "requests")
    settings = (
        "a RecordSink with one `requests` session and `urllib3`'s Retry (10 attempts, backoff from 0.1 s, also of POST "
        "and of 5xx); the SDK lets STATE through at the end, and every 5 minutes"
    )

    def prepare(self, place: Place) -> None:
        """Write its configuration."""
        (place.folder / "config.json").write_text(json.dumps({"api_url": place.url}), encoding="utf-8")

    def launch(self, place: Place) -> Launch:
        """Start it behind the tap."""
        config = str(place.folder / "config.json")
        return Launch([*place.environment.program("serial_sink"), "--config", config], tap=place.tap)

    def books(self, place: Place) -> Books:
        """Return what its STATE says."""
        return place.books_of_state()

    def clean_up(self, place: Place) -> None:
        """Nothing was started."""
