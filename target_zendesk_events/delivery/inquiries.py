"""The requests that concern many shipments: look-ups, jobs, and how jobs stand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

import msgspec

from target_zendesk_events.delivery.credentials import Credentials
from target_zendesk_events.delivery.directory import Directory
from target_zendesk_events.delivery.follow_up import FollowUp
from target_zendesk_events.delivery.in_flight import InFlight, Task
from target_zendesk_events.delivery.jobs import Jobs
from target_zendesk_events.delivery.next_step import Next
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.delivery.retries import is_singled_out
from target_zendesk_events.delivery.shipment import OpenShipment, Suspect
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.kinds.job import started_in, statuses_in
from target_zendesk_events.kinds.look_up import LookUp, found_in, request_of
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.zendesk.answers import Answer, Kind

LOOK_UP: Final = "look_ups"
FAILURES_TO_PART: Final = 3
"""Look-ups that were asked for together so often without an answer are asked for alone: one may be at fault."""
JOB_STATUSES: Final = "job_statuses"


class Inquiries:
    """Asks what is due, as limit and circuit allow; times are of the monotonic clock."""

    def __init__(  # noqa: PLR0913, PLR0917 - values, not owners
        self,
        directory: Directory,
        jobs: Jobs,
        follow_up: FollowUp,
        in_flight: InFlight,
        credentials: Credentials,
        renewal: Renewal,
        rate_limits: RateLimits,
        outage: Outage,
        suspicion: Suspicion[Suspect],
        max_in_flight: int,
    ) -> None:
        """Ask nothing yet; `max_in_flight` requests may be under way at once."""
        self._directory = directory
        self._jobs = jobs
        self._follow_up = follow_up
        self._in_flight = in_flight
        self._credentials = credentials
        self._renewal = renewal
        self._rate_limits = rate_limits
        self._outage = outage
        self._suspicion = suspicion
        self._max_in_flight = max_in_flight
        self._attempts: dict[str, tuple[int, float]] = {}
        self._failures: dict[LookUp, list[tuple[float, int]]] = {}
        self.may_come = True
        """Whether more records may come, whose look-ups could go along."""

    def ask(self, now: float, *, is_stopping: bool) -> list[OpenShipment]:
        """Ask what is due, a token first; return the shipments whose wait ended without a question.

        A stop looks nothing up, and asks for no token.
        """
        over = [] if is_stopping else self._directory.consult(now)
        if self._renewal.blocks:
            if not is_stopping and now >= self._wanted_at():
                self._credentials.renew(now)
            return over
        if now >= self._jobs.asks_at and self._may_ask(Bucket.SUPPORT, now):
            self._in_flight.ask(JOB_STATUSES, self._jobs.request(), Bucket.SUPPORT, now)
        for bucket in () if is_stopping else Bucket:
            while now >= self._looks_up_at(bucket) and self._may_ask(bucket, now):
                wanted = self._directory.take(bucket, now, may_come=self.may_come)
                self._suspicion.note_sent(wanted[0], now, f"look-up of {wanted[0].sort}")
                self._in_flight.ask(LOOK_UP, request_of(wanted), bucket, now, about=wanted)
        return over

    def next_at(self, now: float, *, is_stopping: bool) -> float:
        """Return when there is something to ask; infinity where only an answer helps. A stop looks nothing up."""
        if self._directory.has_fresh and not is_stopping:
            return now
        if self._renewal.blocks and not is_stopping:
            wanted_at = self._wanted_at()
            return math.inf if wanted_at == math.inf else max(wanted_at, self._renewal.asks_at(now))
        jobs_at = self._free_at(Bucket.SUPPORT, self._jobs.asks_at, now)
        if is_stopping:
            return jobs_at
        return min(jobs_at, *(self._free_at(bucket, self._looks_up_at(bucket), now) for bucket in Bucket))

    def _wanted_at(self) -> float:
        return min(self._jobs.asks_at, *(self._looks_up_at(bucket) for bucket in Bucket))

    def _looks_up_at(self, bucket: Bucket) -> float:
        return self._directory.asks_at(bucket, may_come=self.may_come)

    def took(
        self, task: Task, answer: Answer, now: float, *, waiting: int
    ) -> tuple[Next, Sequence[tuple[OpenShipment, Next]]]:
        """Take an answer; return what follows for all, and for each shipment that it tells of."""
        if task.asked == "job":
            return self._started(task.shipments, answer, now, waiting)
        if task.about:
            self._note_answer(task.about, answer, now)
        attempts, since = self._attempts.get(task.asked, (0, now))
        self._attempts[task.asked] = attempts + 1, since
        following = self._follow_up.of_inquiry(task, answer, attempts + 1, since, now, waiting)
        if following is None:
            del self._attempts[task.asked]
            for one in task.about:
                self._failures.pop(one, None)
            of_each = self._told(answer, now) if task.asked == JOB_STATUSES else self._found(task.about, answer, now)
            return Next(), of_each
        if task.asked == JOB_STATUSES:
            self._jobs.note_unanswered(following.again_at)
            return following, ()
        return following, self._unanswered(task.about, answer, following.again_at, now)

    def _unanswered(
        self, asked: Sequence[LookUp], answer: Answer, again_at: float, now: float
    ) -> list[tuple[OpenShipment, Next]]:
        """Ask again: each alone where they got no answer time and again; give up what gets none while others do."""
        if answer.kind is Kind.UNKNOWN:
            for one in asked:
                self._failures.setdefault(one, []).append((now, self._follow_up.successes))
        failures = self._failures.get(asked[0], [])
        if len(asked) == 1 and is_singled_out(failures, self._follow_up.successes, now):
            return self.refused(asked[0], answer)
        self._directory.ask_again(asked, again_at, alone=len(failures) >= FAILURES_TO_PART)
        return []

    def refused(self, item: Suspect, answer: Answer) -> list[tuple[OpenShipment, Next]]:
        """Return what follows for what was refused by its own fault, and for all that wait for such a look-up."""
        waiting = self._directory.give_up(item) if isinstance(item, LookUp) else [item]
        return [(one, Next(receipt=self._follow_up.refusal(one, answer))) for one in waiting]

    def _note_answer(self, asked: Sequence[LookUp], answer: Answer, now: float) -> None:
        """Note whether a look-up was taken, or turned away, which may be the account's fault, once it went alone."""
        is_turned_away = answer.kind is Kind.REFUSED and not answer.blames_request
        noted = msgspec.structs.replace(answer, kind=Kind.TURNED_AWAY) if is_turned_away else answer
        is_told = answer.kind is Kind.ACCEPTED or len(asked) == 1
        self._suspicion.note_answer(asked[0], noted, now, is_sending=is_told)

    def _started(
        self, shipments: Sequence[OpenShipment], answer: Answer, now: float, waiting: int
    ) -> tuple[Next, Sequence[tuple[OpenShipment, Next]]]:
        """Take the answer to the start of a job: it is under way, or its shipments go again, or each alone."""
        self._jobs.note_answer()
        following = self._follow_up.of_job(shipments, answer, now, waiting=waiting)
        status = started_in(answer.payload) if answer.kind is Kind.ACCEPTED else None
        if status is not None:
            self._jobs.add(status, shipments, now)
            return Next(), ()
        for one in shipments:
            one.goes_alone |= answer.kind is Kind.ACCEPTED  # nobody can ask how that job stands
        if answer.is_too_many_jobs:
            self._jobs.note_too_many(following.again_at)
            if not answer.retry_after:  # then others need not wait for it
                following = dataclasses.replace(following, holds_all_until=None)
        return following, [(one, following) for one in shipments]

    def _told(self, answer: Answer, now: float) -> list[tuple[OpenShipment, Next]]:
        """Return what follows for the items of the jobs that ended."""
        is_told = answer.kind is Kind.ACCEPTED
        ended = self._jobs.took(statuses_in(answer.payload), now) if is_told else self._jobs.lose_all()
        return [(one.shipment, self._follow_up.of_item(one, answer, now)) for one in ended]

    def _found(self, asked: Sequence[LookUp], answer: Answer, now: float) -> list[tuple[OpenShipment, Next]]:
        """Return the shipments whose wait is over: what they need is found, or is not there."""
        if answer.kind is not Kind.ACCEPTED and not answer.is_missing:
            if len(asked) > 1:
                self._directory.ask_again(asked, now, alone=True)  # one of them may be at fault
                return []
            return self.refused(asked[0], answer) if answer.blames_request else []  # else others are to tell
        found = found_in(answer.payload, asked) if answer.kind is Kind.ACCEPTED else {}
        return [(one, Next(again_at=now)) for one in self._directory.took(asked, found, now)]

    def _may_ask(self, bucket: Bucket, now: float) -> bool:
        return self._may_start(bucket, now) and self._rate_limits.of(bucket).grant(now, 1) > 0

    def _may_start(self, bucket: Bucket, at: float) -> bool:
        """Tell whether a request may start, the limit apart: nothing does while a token is due."""
        started, in_bucket = len(self._in_flight), self._in_flight.count(bucket)
        if started >= self._max_in_flight or self._renewal.blocks:
            return False
        return self._outage.may_start(started, at, in_bucket, bucket)

    def _free_at(self, bucket: Bucket, wanted_at: float, now: float) -> float:
        if wanted_at == math.inf:
            return math.inf
        free_at = self._rate_limits.of(bucket).free_at(max(now, wanted_at))
        may_start = self._may_start(bucket, max(now, self._outage.probe_at))
        return max(wanted_at, free_at, self._outage.probe_at) if free_at is not None and may_start else math.inf
