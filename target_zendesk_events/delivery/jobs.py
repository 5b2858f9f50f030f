"""The jobs under way: which shipments each holds, when to ask how they stand, and what became of each item. Pure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.kinds.job import ItemResult, JobStatus, status_request
from target_zendesk_events.kinds.shipment import Request

MAX_OPEN: Final = 10
"""Jobs at once, of the 30 that Zendesk lets all users of an account queue and run."""
FIRST_WAIT_SECONDS: Final = 1.0
WAIT_GROWTH: Final = 1.5
MAX_WAIT_SECONDS: Final = 15.0
MAX_MISSES: Final = 3
"""Times in a row that Zendesk may tell nothing of a job before its outcome counts as lost."""


@dataclasses.dataclass(slots=True, eq=False)
class OpenJob:
    """One job; times are of the monotonic clock."""

    id: str
    shipments: Sequence[OpenShipment]
    external_ids: Sequence[str]
    since: float
    asks_at: float
    wait: float = FIRST_WAIT_SECONDS
    misses: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """A shipment whose job came to an end, and what became of it; `goes_alone` where the whole job failed."""

    shipment: OpenShipment
    result: ItemResult
    goes_alone: bool = False


class Jobs:
    """Keeps the open jobs; times are of the monotonic clock."""

    def __init__(self, max_seconds: float, reached: Callable[[str], None] = lambda _: None) -> None:
        """Give a job up as lost that is under way for longer than `max_seconds`; tell `reached` of each step."""
        self._reached = reached
        self._max_seconds = max_seconds
        self._open: dict[str, OpenJob] = {}
        self._shipments: set[OpenShipment] = set()
        self._starting = 0
        self._not_before = -math.inf
        self.is_asking = False
        """Whether the answer to how they stand is awaited."""

    def __len__(self) -> int:
        """Count the jobs under way."""
        return len(self._open)

    def __contains__(self, shipment: OpenShipment) -> bool:
        """Tell whether a shipment is in a job under way."""
        return shipment in self._shipments

    # starting

    def free(self, now: float) -> int:
        """Return how many more may be started now."""
        return 0 if now < self._not_before else MAX_OPEN - len(self._open) - self._starting

    @property
    def free_at(self) -> float:
        """When one may be started, as far as the clock decides; infinity where one must end first."""
        return self._not_before if len(self._open) + self._starting < MAX_OPEN else math.inf

    def note_start(self) -> None:
        """The request that starts one goes out."""
        self._starting += 1

    def note_answer(self) -> None:
        """The answer to such a request came."""
        self._starting -= 1

    def note_too_many(self, until: float) -> None:
        """Zendesk has as many as it takes, of all users of the account: start none before `until`."""
        self._not_before = until

    def add(self, status: JobStatus, shipments: Sequence[OpenShipment], now: float) -> None:
        """A job was started."""
        external_ids = [_external_id(one) for one in shipments]
        self._open[status.id] = OpenJob(status.id, shipments, external_ids, now, now + FIRST_WAIT_SECONDS)
        self._shipments.update(shipments)
        self._reached("job started")

    # asking how they stand

    @property
    def asks_at(self) -> float:
        """When to ask how they stand; infinity while that is under way, or nothing is."""
        return math.inf if self.is_asking else min((job.asks_at for job in self._open.values()), default=math.inf)

    def request(self) -> Request:
        """Return the request that asks how all of them stand."""
        self.is_asking = True
        return status_request(self._open)

    def note_unanswered(self, until: float) -> None:
        """The question was not answered: ask again at `until`."""
        self.is_asking = False
        for job in self._open.values():
            job.asks_at = until

    def took(self, told: Mapping[str, JobStatus], now: float) -> list[Ended]:
        """Take how the jobs stand; return what became of the shipments of those that ended."""
        self.is_asking = False
        ended: list[Ended] = []
        for job in list(self._open.values()):
            status = told.get(job.id)
            job.misses = 0 if status is not None else job.misses + 1
            job.asks_at = now + job.wait
            job.wait = min(job.wait * WAIT_GROWTH, MAX_WAIT_SECONDS)
            if status is not None and not status.is_under_way:
                ended += self._end(job, status)
            elif job.misses >= MAX_MISSES or now - job.since > self._max_seconds:
                ended += self._lose(job)
        return ended

    def lose_all(self) -> list[Ended]:
        """Give all jobs up as lost, since nobody may ask how they stand: what they hold goes alone."""
        self.is_asking = False
        jobs = list(self._open.values())
        return [dataclasses.replace(one, goes_alone=True) for job in jobs for one in self._lose(job)]

    def _end(self, job: OpenJob, status: JobStatus) -> Iterator[Ended]:
        self._close(job)
        if not status.is_completed:
            yield from (Ended(one, ItemResult(None), goes_alone=True) for one in job.shipments)
            return
        for shipment, result in zip(job.shipments, status.of_items(job.external_ids), strict=True):
            yield Ended(shipment, result, goes_alone=result.is_done is None)

    def _lose(self, job: OpenJob) -> list[Ended]:
        self._close(job)
        return [Ended(one, ItemResult(None)) for one in job.shipments]

    def _close(self, job: OpenJob) -> None:
        del self._open[job.id]
        self._shipments.difference_update(job.shipments)
        self._reached("job ended")


def _external_id(shipment: OpenShipment) -> str:
    """Return by which name a result may tell of a shipment: its item is that name, or an object that has it."""
    item = shipment.what.item(shipment.found)
    return str(item.get("external_id")) if isinstance(item, Mapping) else str(item)
