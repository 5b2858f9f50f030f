"""The requests under way: started, counted in the minute's budget, and given up on when no answer comes."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.delivery.workers import Call, Workers
from target_zendesk_events.errors import StorageError
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.request import Bucket, Request
from target_zendesk_events.limits.found_rate import Place, Told
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.zendesk.answers import Answer, Kind, no_answer
from target_zendesk_events.zendesk.client import Client

OVERDUE_SECONDS: Final = 65.0
"""No request takes longer: the client gives up after 60 s, and who dribbles headers is given up on here."""
LEASE_LAPSED: Final = "LeaseLapsed"
"""The code of an answer that says: nothing was sent, since another run may have taken the shipment over."""


OF_ONE: Final = ("send", "read")
"""What is asked for one shipment: to take it, or what its customer has."""


@dataclasses.dataclass(slots=True, eq=False)
class Task:
    """One request under way: for shipments, of which a job has many, or for all, as a token.

    `bucket` is whose minute it takes; None: it is not counted.
    """

    asked: str
    shipments: tuple[OpenShipment, ...]
    started: float
    bucket: Bucket | None = None
    about: Sequence[LookUp] = ()
    """What a look-up asks for."""
    is_abandoned: bool = False
    place: Place | None = None
    """In that minute."""


class InFlight:
    """Starts requests in worker threads, and takes their answers."""

    def __init__(
        self,
        client: Client,
        workers: Workers[Task],
        rate_limits: RateLimits,
        report: Report,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Send with `client`; count each attempt for a shipment in `rate_limits`, and all in `report`."""
        self._reached = reached
        self._client = client
        self._workers = workers
        self._rate_limits = rate_limits
        self._report = report
        self._tasks: set[Task] = set()
        self._shipments: set[OpenShipment] = set()
        self._fault: StorageError | None = None

    def __len__(self) -> int:
        """Count the requests that have no answer yet."""
        return len(self._tasks)

    def count(self, bucket: Bucket) -> int:
        """Count those for shipments that take a bucket's minute."""
        return sum(one.bucket is bucket for one in self._tasks)

    def __contains__(self, shipment: OpenShipment) -> bool:
        """Tell whether a request for this shipment is under way."""
        return shipment in self._shipments

    @property
    def has_answers(self) -> bool:
        """Whether an answer waits to be taken."""
        return self._workers.has_answers()

    @property
    def overdue_at(self) -> float:
        """When the oldest request is given up on; infinity when none is under way."""
        return min((task.started for task in self._tasks), default=math.inf) + OVERDUE_SECONDS

    def send(self, shipment: OpenShipment, now: float, may_go: Callable[[], bool]) -> None:
        """Post a shipment, or read back what its customer has; `may_go` is asked in the last moment before."""
        bucket = shipment.what.bucket
        if shipment.verification is not None:
            self._report.count_request("reads", now, bucket)
            reading = shipment.verification.request()
            self._start(Task("read", (shipment,), now, bucket), functools.partial(self._client.send, reading))
            return
        is_retry = shipment.attempts > 0 and shipment.instead is None
        self._report.count_request("retries" if is_retry else "sendings", now, bucket, things=_untried([shipment]))
        _note_attempt(shipment, now)
        sending = shipment.instead or shipment.what.request(shipment.claim, shipment.found)
        shipment.went_instead, shipment.instead = shipment.instead is not None, None
        self._start(Task("send", (shipment,), now, bucket), functools.partial(_send_if, may_go, self._client, sending))

    def send_job(self, shipments: Sequence[OpenShipment], now: float, may_go: Callable[[], bool]) -> None:
        """Start a job of shipments of one batch."""
        batch = shipments[0].batch
        if batch is None:
            msg = "what goes alone is in no job"
            raise ValueError(msg)
        bucket = shipments[0].what.bucket
        self._report.count_request("jobs", now, bucket, things=_untried(shipments))
        for one in shipments:
            _note_attempt(one, now)
        request = batch.request([one.what.item(one.found) for one in shipments])
        task = Task("job", tuple(shipments), now, bucket)
        self._start(task, functools.partial(_send_if, may_go, self._client, request))

    def ask(self, asked: str, request: Request, bucket: Bucket, now: float, about: Sequence[LookUp] = ()) -> None:
        """Ask for what shipments need to know; `asked`, and what it is about, come back with the answer."""
        self._report.count_request(asked, now, bucket)
        self._start(Task(asked, (), now, bucket, about), functools.partial(self._client.send, request))

    def renew(self, now: float) -> None:
        """Ask for a token."""
        self._report.count_request("tokens", now, None)
        self._start(Task("token", (), now), self._client.renew)

    def ask_who(self, now: float, asked: str) -> None:
        """Ask who the credentials belong to; `asked` comes back with the answer."""
        self._start(Task(asked, (), now), self._client.who_am_i)

    def take(self, now: float) -> Iterable[tuple[Task, Answer]]:
        """Yield each answer that waits, and an unknown outcome for each request that is overdue."""
        for task, answer in self._workers.take():
            if isinstance(answer, BaseException):
                self._note_fault(task, answer)
            elif not task.is_abandoned:
                yield self._ended(task, answer, now)
        if now >= self.overdue_at:
            for task in [one for one in self._tasks if now >= one.started + OVERDUE_SECONDS]:
                task.is_abandoned = True
                self._workers.abandon()
                yield self._ended(task, no_answer(Kind.UNKNOWN, "Overdue"), now)

    def take_fault(self) -> StorageError | None:
        """Return what kept a token from being stored, if anything did since the last time."""
        fault, self._fault = self._fault, None
        return fault

    def close(self) -> None:
        """Let idle threads end."""
        self._workers.close()

    def _note_fault(self, task: Task, fault: BaseException) -> None:
        self._tasks.discard(task)
        self._shipments.difference_update(task.shipments)
        if not isinstance(fault, StorageError):
            raise fault
        self._fault = fault

    def _ended(self, task: Task, answer: Answer, now: float) -> tuple[Task, Answer]:
        self._tasks.discard(task)
        self._shipments.difference_update(task.shipments)
        self._reached("answered")
        if task.bucket is not None and task.place is not None:
            is_limited = answer.kind is Kind.LIMITED and not answer.is_too_many_jobs
            told = Told(task.place, is_limited=is_limited, remaining=answer.remaining, reset=answer.reset)
            self._rate_limits.of(task.bucket).end(now, told)
            self._report.count_answer(answer.seconds, answer.limit, now, task.bucket)
            self._report.requests["limited"] += answer.kind is Kind.LIMITED
        return task, answer

    def _start(self, task: Task, call: Call) -> None:
        self._tasks.add(task)
        self._shipments.update(task.shipments)
        if task.bucket is not None:
            task.place = self._rate_limits.of(task.bucket).start(task.started)
        self._workers.start(task, call)
        self._reached("sent")


def _send_if(may_go: Callable[[], bool], client: Client, request: Request) -> Answer:
    """Send in a worker thread, unless what allowed it has lapsed since: then nothing is sent."""
    return client.send(request) if may_go() else no_answer(Kind.NOT_SENT, LEASE_LAPSED)


def _untried(shipments: Iterable[OpenShipment]) -> int:
    return sum(one.attempts == 0 for one in shipments)


def _note_attempt(shipment: OpenShipment, now: float) -> None:
    shipment.attempts += 1
    if shipment.first_sent_at is None:
        shipment.first_sent_at = now
