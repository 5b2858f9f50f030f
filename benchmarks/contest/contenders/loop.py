"""A bare loop of `requests`."""

from __future__ import annotations

from benchmarks.contest.contenders.contender import Launch, Place
from benchmarks.contest.judge import Books


class Loop:
    """The script that one writes first: posts order after order, and notes how far it came."""

    name = "loop"
    title = "bare loop of requests"
    environment = "loop"
    requirements = ("requests",)
    distributions = ("requests", "urllib3")
    settings = (
        "one session, `urllib3`'s Retry (10 attempts, backoff from 0.1 s, also of POST and of 5xx); the number of the "
        "last order that was answered is written into a file after each answer"
    )

    def prepare(self, place: Place) -> None:
        """Nothing is needed."""

    def launch(self, place: Place) -> Launch:
        """Start it on the file of orders."""
        arguments = [place.url, str(place.orders), str(place.folder / "last")]
        return Launch([*place.environment.program("loop"), *arguments])

    def books(self, place: Place) -> Books:
        """Return what its file says."""
        last = place.folder / "last"
        return place.books_of_watermark(int(last.read_text(encoding="utf-8")) if last.exists() else -1)

    def clean_up(self, place: Place) -> None:
        """Nothing was started."""
