"""The sender as a whole, on a fake clock: no threads, no network; a Zendesk that answers as it is told."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import heapq
import itertools
import json
import math
import random
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_zendesk_events.delivery.building import Terms, build
from target_zendesk_events.delivery.intake import MAX_OPEN_BYTES
from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.lookalikes import APART_SECONDS
from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.errors import (
    AccountError,
    AddressError,
    BrakeError,
    CredentialsError,
    OutageError,
    StorageError,
    TargetError,
)
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.request import Request as Sent
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import NEW, Entry, Keyed, Settlement, Standing
from target_zendesk_events.limits.brakes import Names, Quota, Quotas
from target_zendesk_events.limits.rate_limit import RateLimit
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.outcome.checkpoints import Checkpoints
from target_zendesk_events.outcome.dead_letters import DeadLetters, Note
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.work import DeadLetter, Draft, Fingerprint, Match, NoShipment, Outcome, Work
from target_zendesk_events.zendesk.answers import Answer, Kind
from target_zendesk_events.zendesk.refusals import OF_TOKENS

EPOCH = 1_790_000_000.0
CREATED_AT = "2026-11-01T10:00:00Z"
PATIENCE = 20
"""Steps at one moment of the clock: more than that is a busy loop."""


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        """Start somewhere after zero, as a monotonic clock does."""
        self.now = 1_000.0

    def monotonic(self) -> float:
        """Return the time of the run."""
        return self.now

    def wall(self) -> float:
        """Return the time of day, in epoch seconds."""
        return EPOCH + self.now


@dataclasses.dataclass(frozen=True)
class Reply:
    """How Zendesk answers one request, and whether it stores the event; `latency` is in seconds."""

    kind: Kind = Kind.ACCEPTED
    status: int | None = 202
    latency: float = 0.25
    retry_after: float | None = None
    stores: bool = False
    raises: Exception | None = None
    code: str = ""


ACCEPTED = Reply(stores=True)
REFUSED = Reply(Kind.REFUSED, 400)
CONFLICT = Reply(Kind.CONFLICT, 409)
FAILED = Reply(Kind.UNKNOWN, 500)
FAILED_AND_STORED = Reply(Kind.UNKNOWN, 500, stores=True)
LOST_AND_STORED = Reply(Kind.UNKNOWN, None, stores=True)
NOT_SENT = Reply(Kind.NOT_SENT, None)
EXPIRED = Reply(Kind.EXPIRED, 401)
DENIED = Reply(Kind.DENIED, 403)


def limited(retry_after: float | None) -> Reply:
    """Return a 429."""
    return Reply(Kind.LIMITED, 429, retry_after=retry_after)


class Auth:
    """Credentials that may be renewed."""

    refusals = OF_TOKENS

    def __init__(self, *, renews: bool = False) -> None:
        """Start without a token where there is one to mint."""
        self.renews = renews
        self.generation = 0

    def renewal_due(self, now: float) -> bool:  # noqa: ARG002 - the signature of all
        """Tell whether there is no token yet."""
        return self.renews and not self.generation


@dataclasses.dataclass(frozen=True)
class Request:
    """One request as Zendesk saw it."""

    asked: str
    number: int | None
    sent: float
    answered: float
    arrived: float


class Zendesk:
    """Answers each request by a plan, one reply a request, and then takes everything; keeps timelines."""

    def __init__(self, clock: Clock, plan: Sequence[Reply] = (), *, visible_after: float = 0.0) -> None:
        """Answer by `plan`; what is stored can be read after `visible_after` seconds."""
        self.auth = Auth()
        self._clock = clock
        self._visible_after = visible_after
        self.plan = collections.deque(plan)
        self.decide: Callable[[int], Reply | None] = lambda number: None  # noqa: ARG005
        self.read_reply: Callable[[], Reply | None] = lambda: None
        self.token_plan: collections.deque[Reply] = collections.deque()
        self.who_plan: collections.deque[Reply] = collections.deque()
        self.arrives_at = 0.5
        """Where between sending and answer a request arrives, as a share."""
        self.requests: list[Request] = []
        self.stored: list[tuple[float, dict[str, Any]]] = []
        self.floors: list[tuple[float, float]] = []
        self.ahead = 0.0
        """Seconds by which its clock is ahead of this machine's."""

    def send(self, request: Sent) -> Answer:
        """Take an event, or not; or give events back."""
        return self._read() if request.body is None else self.post(request.body)

    def post(self, body: bytes) -> Answer:
        """Take an event, or not."""
        message = json.loads(body)
        number = message["event"]["properties"]["number"]
        reply = self.decide(number) or (self.plan.popleft() if self.plan else ACCEPTED)
        if reply.stores:
            received = dt.datetime.fromtimestamp(self._clock.wall() + self.ahead, dt.timezone.utc).isoformat()
            self.stored.append((self._clock.now, {**message["event"], "received_at": received}))
        return self._answer("post", number, reply)

    def _read(self) -> Answer:
        """Give back what can be read by now; one customer sees all, which a reader must cope with."""
        reply = self.read_reply()
        if reply is not None:
            return self._answer("read", None, reply)
        events = [event for stored_at, event in self.stored if stored_at + self._visible_after <= self._clock.now]
        return self._answer("read", None, Reply(status=200), {"events": events})

    def renew(self) -> Answer:
        """Mint a token."""
        reply = self.token_plan.popleft() if self.token_plan else Reply(status=200)
        if reply.kind is Kind.ACCEPTED and reply.raises is None:
            self.auth.generation += 1
        return self._answer("token", None, reply)

    def who_am_i(self) -> Answer:
        """Say who asks."""
        return self._answer("who", None, self.who_plan.popleft() if self.who_plan else Reply(status=200))

    def _answer(self, asked: str, number: int | None, reply: Reply, payload: Any = None) -> Answer:
        now = self._clock.now
        arrived = now + reply.latency * self.arrives_at
        self.requests.append(Request(asked, number, now, now + reply.latency, arrived))
        if reply.retry_after is not None:
            self.floors.append((now + reply.latency, now + reply.latency + reply.retry_after))
        if reply.raises is not None:
            raise reply.raises
        return Answer(
            reply.kind,
            reply.status,
            reply.code,
            retry_after=reply.retry_after,
            served_at=None if reply.status is None else self._clock.wall() + reply.latency + self.ahead,
            seconds=reply.latency,
            token=self.auth.generation,
            payload=payload,
        )


class Hands:
    """Workers without threads: an answer comes back when the clock has reached its time."""

    def __init__(self, clock: Clock) -> None:
        """Have nothing to do."""
        self._clock = clock
        self._numbers = itertools.count()
        self._answers: list[tuple[float, int, Any, Answer | Exception]] = []
        self.in_flight: dict[Any, Any] = {}
        self.most = 0
        self.on_start: Callable[[Any], None] = lambda task: None  # noqa: ARG005
        self.on_answer: Callable[[Any, Answer], None] = lambda task, answer: None  # noqa: ARG005

    @property
    def next_at(self) -> float:
        """When the next answer comes."""
        return self._answers[0][0] if self._answers else math.inf

    def start(self, job: Any, call: Callable[[], Answer]) -> None:
        """Make the call at once; its answer is kept until its time."""
        self.on_start(job)
        self.in_flight[job] = job.shipments[0] if job.shipments else None
        self.most = max(self.most, len(self.in_flight))
        try:
            answer: Answer | Exception = call()
            seconds = answer.seconds if isinstance(answer, Answer) else 0.0
        except TargetError as fault:
            answer, seconds = fault, 0.25
        heapq.heappush(self._answers, (self._clock.now + seconds, next(self._numbers), job, answer))

    def has_answers(self) -> bool:
        """Tell whether the time of an answer has come."""
        return self.next_at <= self._clock.now

    def take(self) -> list[tuple[Any, Answer | BaseException]]:
        """Return the answers whose time has come, or what a call raised."""
        taken: list[tuple[Any, Answer | BaseException]] = []
        while self.has_answers():
            _, _, job, answer = heapq.heappop(self._answers)
            self.in_flight.pop(job, None)
            if not isinstance(answer, Exception):
                self.on_answer(job, answer)
            taken.append((job, answer))
        return taken

    def abandon(self) -> None:
        """One call may never come back."""

    def close(self) -> None:
        """There are no threads to end."""


class Letters:
    """Dead letters in memory: durable after `sync`."""

    def __init__(self) -> None:
        """Hold none."""
        self.written: list[tuple[int, Note]] = []
        self.durable = 0
        self.fault: StorageError | None = None

    def schema_of(self, stream: str) -> None:
        """Keep no SCHEMA."""

    def add(self, stream: str, line: bytes, note: Note, *_: Any) -> None:  # noqa: ARG002 - the signature of the real one
        """Take one."""
        if self.fault is not None:
            raise self.fault
        self.written.append((json.loads(line)["number"], note))

    def sync(self) -> bool:
        """Make all durable."""
        self.durable, changed = len(self.written), len(self.written) > self.durable
        return changed


def unknown(seconds: float = 60.0, **others: Any) -> Entry:
    """Return what the ledger says of what a run that is gone may have sent, so long before the clock begins."""
    return Entry(Standing.UNKNOWN, sent_since=Clock().wall() - seconds, **others)


class Memory:
    """A ledger in memory that tells what it is asked."""

    def __init__(self, standings: Mapping[int, Sequence[Entry]] | None = None) -> None:
        """Answer claims in their order with these entries, then with NEW."""
        self.entries = collections.deque(standings[0] if standings else ())
        self.known: dict[bytes, Entry] = {}
        self.sent: dict[str, tuple[int, int]] | None = None
        self.claims = 0
        self.settled: list[Settlement] = []
        self.released: list[Keyed] = []
        self.on_exchange: Callable[[], None] = lambda: None
        self.beats = 0
        self.lapses_at_beat = 0
        """The number of the heartbeat that finds the lease lapsed."""
        self.lapses_at_sending = 0
        """How often the lease is found lapsed in the moment before a sending."""
        self.clock = Clock()

    def now(self) -> float:
        """Return the time of day."""
        return self.clock.wall()

    def heed(self, served_at: float) -> None:
        """Keep the clock as it is."""

    def seen(self, events: Sequence[Keyed]) -> list[Entry]:
        """Know what was put into `known`."""
        return [self.known.get(one.key or b"", NEW) for one in events]

    def delivered(self, fingerprints: Sequence[Fingerprint]) -> Sequence[Fingerprint]:  # noqa: ARG002
        """Know no record by its text."""
        return ()

    def exchange(self, settled: Sequence[Settlement], wanted: Sequence[Keyed], tally: Any) -> list[Entry]:  # noqa: ARG002
        """Note outcomes, and grant claims."""
        self.on_exchange()
        self.settled += settled
        self.claims += len(wanted)
        if self.claims > 100_000:
            raise AssertionError("the ledger is asked without end")
        return [self.entries.popleft() if self.entries else NEW for _ in wanted]

    def share_before(self, stream: str) -> tuple[int, int]:  # noqa: ARG002
        """Know of no earlier run."""
        return 0, 0

    def release(self, events: Sequence[Keyed]) -> None:
        """Take claims back."""
        self.released += events

    def heartbeat(self) -> bool:
        """Hold the lease, unless it is to lapse."""
        self.beats += 1
        return self.beats != self.lapses_at_beat

    def holds_lease(self) -> bool:
        """Hold the lease, unless it is to lapse."""
        self.lapses_at_sending -= 1
        return self.lapses_at_sending < 0

    def ids(self, hashes: Collection[bytes]) -> dict[bytes, str]:  # noqa: ARG002 - the signature of all
        """Know no id."""
        return {}

    def note_ids(self, ids: Mapping[bytes, str]) -> None:
        """Keep none."""

    def drop_ids(self, hashes: Collection[bytes]) -> None:
        """Keep none."""

    def close(self) -> None:
        """Nothing is open."""


class House:
    """The delivery rooms of one run around a fake Zendesk, and the loop that a reader would drive."""

    def __init__(
        self,
        plan: Sequence[Reply] = (),
        *,
        per_minute: int = 1_000,
        max_in_flight: int = 8,
        batch_size: int = 100,
        policy: str = "retry",
        per_stream: bool = False,
        max_set_aside_percent: int = 100,
        max_outage_seconds: float = 900.0,
        per_day: int | None = None,
        renews: bool = False,
        visible_after: float = 0.0,
        ledger: Memory | None = None,
        names: Names | None = None,
        letters: DeadLetters | None = None,
        support_per_minute: int | None = None,
        serve: Callable[..., Zendesk] = Zendesk,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Build everything; `serve` makes the Zendesk."""
        self.clock = Clock()
        self.zendesk = serve(self.clock, plan, visible_after=visible_after)
        self.zendesk.auth = Auth(renews=renews)
        self.hands = Hands(self.clock)
        self.letters = Letters()
        self.ledger = ledger or Memory()
        self.ledger.clock = self.clock
        self.report = Report()
        self.states: list[tuple[float, bytes]] = []
        self.on_state: Callable[[bytes], None] = lambda value: None  # noqa: ARG005
        self.was_busy = False
        """Whether the sender wanted to be called again at once, time and again, and did nothing."""
        self.checkpoints = Checkpoints(per_stream=per_stream)
        written: Any = letters or self.letters
        kept: Any = self.ledger
        client: Any = self.zendesk
        hands: Any = self.hands
        self.sender = build(
            Terms(max_in_flight, batch_size, max_outage_seconds, max_set_aside_percent, policy),
            client=client,
            workers=hands,
            ledger=kept,
            dead_letters=written,
            checkpoints=self.checkpoints,
            report=self.report,
            keys=Keys("acme", b"secret"),
            names=names or Names({}, b"secret"),
            quotas=Quotas({"event": Quota(per_month=None, per_day=per_day, wall=self.clock.wall)}),
            rate_limits=RateLimits(
                {Bucket.EVENTS: RateLimit(per_minute), Bucket.SUPPORT: RateLimit(support_per_minute or per_minute)}
            ),
            write_state=self._write_state,
            reached=reached,
            monotonic=self.clock.monotonic,
            wall=self.clock.wall,
        )
        self.lanes = self.sender._lanes  # noqa: SLF001 - what no word of the sender tells
        self.outage = self.sender._outage  # noqa: SLF001
        self.settling = self.sender._settling  # noqa: SLF001
        self.sender.allow_state()

    def _write_state(self, value: bytes) -> None:
        self.on_state(value)
        self.states.append((self.clock.now, value))

    def step(self) -> float | None:
        """Let the sender do all that it can do now."""
        return self.sender.step()

    def pass_time(self, until: float) -> None:
        """Let the sender work until the clock reaches `until`."""
        while not self.sender.is_done:
            seconds = self._settle_down()
            moment = min(self.hands.next_at, math.inf if seconds is None else self.clock.now + seconds)
            if moment > until:
                break
            self.clock.now = moment
        self.clock.now = max(self.clock.now, until)

    def run(self, most: float = 100_000.0) -> None:
        """Let the sender work until it is done, as the reader does after the input's end."""
        if not self.sender.is_stopping:
            self.sender.finish()
        until = self.clock.now + most
        while True:
            seconds = self._settle_down()
            if self.sender.is_done:
                break
            moment = min(self.hands.next_at, math.inf if seconds is None else self.clock.now + seconds)
            assert moment < until, "the run never ends"
            self.clock.now = moment
        self.sender.end()

    def _settle_down(self) -> float | None:
        """Step until there is nothing to do at this moment."""
        for _ in range(PATIENCE):
            seconds = self.step()
            if self.sender.is_done or seconds is None or seconds > 0:
                return seconds
        self.was_busy = True
        return None if self.hands.next_at < math.inf else 0.1

    def take(self, *works: Work) -> None:
        """Take records in, and close the batch."""
        for work in works:
            self.sender.take(work)
        self.sender.close_batch()

    def posts(self, number: int | None = None) -> list[Request]:
        """Return the posts, or those of one event."""
        posts = [one for one in self.zendesk.requests if one.asked == "post"]
        return posts if number is None else [one for one in posts if one.number == number]

    @property
    def stored_numbers(self) -> list[int]:
        """Return the numbers of the events on all timelines, in the order of storing."""
        return [event["properties"]["number"] for _, event in self.zendesk.stored]


def event(
    number: int,
    *customers: str,
    kind: str = "order_paid",
    created_at: str | None = CREATED_AT,
    user_id: str | None = None,
) -> Event:
    """Return an event of a customer with these identifiers."""
    identifiers = tuple(Identifier("shop_id", customer) for customer in customers)
    profile = Profile("shop", "customer", identifiers, user_id=user_id)
    return Event(profile, "shop", kind, {"number": number}, created_at=created_at)


def work(number: int, *customers: str, stream: str = "orders", size: int = 0, **others: Any) -> Work:
    """Return a record with one event."""
    message = {"type": "RECORD", "number": number, "record": {"number": number}, "filling": "x" * size}
    line = json.dumps(message).encode()
    one = event(number, *(customers or (f"customer {number}",)), **others)
    return Work(line, stream, stream, matches=[Match("rule", one)], key_values={"number": number})


def key_of(one: Work) -> bytes:
    """Return the key of a record's only event."""
    key = Keys("acme", b"secret").of_shipment(one, one.matches[0])
    assert key is not None
    return key


def outcomes(report: Report) -> dict[str, int]:
    """Return how many events ended in each way, zeros left out."""
    totals = report.totals()
    names = (*(one.value for one in Outcome), "undelivered")
    return {name: totals[name] for name in names if totals[name]}


def check_numbers(report: Report) -> None:
    """The sums of promise 7 hold, for each stream, each rule and the run."""
    for name, stream in report.streams.items():
        assert stream.records == sum(stream.counts[kind] for kind in ("invalid", "unmatched", "skipped", "matched"))
        for rule in report.streams[name].rules.values():
            counted = rule.as_object()
            parts = ("filtered", "too_old", "unmappable", "events")
            assert counted["matches"] == sum(counted[part] for part in parts)
            ends = ("delivered", "duplicate", "forgotten", "rejected", "held", "undelivered")
            assert counted["events"] == sum(counted[end] for end in ends)
            assert counted["undelivered"] >= 0


def check_rate(requests: Sequence[Request], per_minute: int) -> None:
    """No 60 seconds hold more arrivals than the limit."""
    arrivals = sorted(one.arrived for one in requests if one.asked in {"post", "read"})
    for earlier, later in zip(arrivals, arrivals[per_minute:], strict=False):
        assert later - earlier > 60


def check_floors(zendesk: Zendesk) -> None:
    """No attempt starts between an answer with Retry-After and the end of its wait."""
    for answered, until in zendesk.floors:
        for request in zendesk.requests:
            assert request.asked == "token" or not answered < request.sent < until


# the whole, at random

REPLIES = st.one_of(
    st.builds(Reply, latency=st.sampled_from([0.0, 0.25, 3.0, 30.0]), stores=st.just(True)),
    st.sampled_from(
        [
            REFUSED,
            CONFLICT,
            FAILED,
            FAILED_AND_STORED,
            NOT_SENT,
            limited(1.0),
            limited(93.0),
            limited(None),
            Reply(Kind.UNKNOWN, 503, retry_after=7.0, stores=True),
            Reply(Kind.UNKNOWN, 503, retry_after=2.0, latency=5.0),
            EXPIRED,
            DENIED,
            Reply(Kind.TURNED_AWAY, 402, latency=5.0),
        ]
    ),
)
CUSTOMERS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=3, unique=True)


@dataclasses.dataclass
class Judge:
    """Holds a run against promises 1 and 4, from outside: by what Zendesk answered and by the dead letters."""

    house: House
    handles: dict[int, set[str]]
    final: set[int] = dataclasses.field(default_factory=set)
    """Events whose last answer has come."""

    def watch(self) -> None:
        """Look at each request as it starts, and at each answer as it comes."""
        self.house.hands.on_start = self.started
        self.house.hands.on_answer = self.answered

    def settled(self) -> set[int]:
        """Return the events that are final, or set aside durably."""
        return self.final | {number for number, _ in self.house.letters.written[: self.house.letters.durable]}

    def started(self, task: Any) -> None:
        """An event starts only when every earlier one that shares a handle has its outcome."""
        if not task.shipments:
            return
        number = task.shipments[0].what.identity()["properties"]["number"]
        letters = {one for one, _ in self.house.letters.written}
        earlier = {one for one in self.handles if one < number and self.handles[one] & self.handles[number]}
        assert earlier <= self.final | letters
        assert all(one is not task.shipments[0] for one in self.house.hands.in_flight.values())

    def answered(self, task: Any, answer: Answer) -> None:
        """Note which events are final by this answer."""
        if not task.shipments:
            return
        number = task.shipments[0].what.identity()["properties"]["number"]
        was_read = task.asked == "read" and answer.kind is Kind.ACCEPTED
        if task.asked == "send" and answer.kind is Kind.ACCEPTED:
            self.final.add(number)
        if was_read and any(one["properties"]["number"] == number for one in answer.payload["events"]):
            self.final.add(number)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    records=st.lists(
        st.fixed_dictionaries(
            {
                "customers": CUSTOMERS,
                "stream": st.sampled_from(["orders", "logins"]),
                "what": st.sampled_from(["event"] * 6 + ["invalid", "unmappable", "filtered", "unmatched", "limit"]),
                "is_draft": st.booleans(),
                "state_after": st.booleans(),
                "pause": st.sampled_from([0.0, 0.0, 0.0, 0.3, 2.0, 40.0]),
            }
        ),
        max_size=25,
    ),
    plan=st.lists(REPLIES, max_size=30),
    reads=st.lists(st.sampled_from([Reply(status=200), FAILED, limited(7.0), EXPIRED, DENIED]), max_size=5),
    per_minute=st.sampled_from([2, 5, 1_000]),
    max_in_flight=st.sampled_from([1, 3, 32]),
    batch_size=st.sampled_from([1, 3, 100]),
    policy=st.sampled_from(["retry", "hold", "verify"]),
    per_stream=st.booleans(),
    arrives_at=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_every_promise_holds_for_random_customers_answers_and_latencies(
    records: list[dict[str, Any]],
    plan: list[Reply],
    reads: list[Reply],
    per_minute: int,
    max_in_flight: int,
    batch_size: int,
    policy: str,
    per_stream: bool,
    arrives_at: float,
) -> None:
    """A customer's events keep their order, STATE is never ahead, the limit is a wall, and everything is settled."""
    house = House(
        plan,
        per_minute=per_minute,
        max_in_flight=max_in_flight,
        batch_size=batch_size,
        policy=policy,
        per_stream=per_stream,
        renews=True,
        max_outage_seconds=5_000.0,
        visible_after=8.0,
    )
    house.zendesk.arrives_at = arrives_at
    house.zendesk.who_plan.extend(reads)
    works = [random_work(number, one) for number, one in enumerate(records)]
    sent = [number for number, one in enumerate(records) if one["what"] == "event"]
    judge = Judge(house, {number: set(records[number]["customers"]) for number in sent})
    judge.watch()
    owed = [number for number, one in enumerate(records) if one["what"] in {"event", "invalid", "unmappable", "limit"}]
    house.on_state = lambda value: check_state(value, records, owed, judge.settled())
    upto: dict[str, int] = {}
    for number, (one, record) in enumerate(zip(works, records, strict=True)):
        house.pass_time(house.clock.now + record["pause"])
        if house.sender.is_stopping:
            break
        house.checkpoints.see(record["stream"])
        house.sender.take(one)
        upto[record["stream"]] = number
        if record["state_after"]:
            value = {"bookmarks": upto} if per_stream else {"upto": number}
            house.checkpoints.note(json.dumps(value).encode())
        if house.sender.wants_step:
            house.step()
    house.run()
    check_numbers(house.report)
    check_rate(house.zendesk.requests, per_minute)
    check_floors(house.zendesk)
    assert house.hands.most <= max_in_flight
    assert not house.was_busy
    stored = house.stored_numbers
    if policy != "retry":
        assert len(stored) == len(set(stored))
    posts = [one for one in house.zendesk.requests if one.asked == "post"]
    assert house.report.requests["sendings"] + house.report.requests["retries"] == len(posts)
    if house.sender.failure is not None:
        return
    assert house.report.totals()["undelivered"] == 0
    assert judge.settled() == set(owed)
    assert set(stored) >= judge.final
    assert house.settling.open_bytes == 0
    written = [number for number, one in enumerate(records) if one["state_after"]]
    if written:
        last = json.loads(house.states[-1][1])
        expected = {one["stream"]: number for number, one in enumerate(records) if number <= written[-1]}
        assert last == ({"bookmarks": expected} if per_stream else {"upto": written[-1]})


def random_work(number: int, record: Mapping[str, Any]) -> Work:
    """Return a record that yields an event, or one of the reasons why not."""
    one = work(number, *record["customers"], stream=record["stream"])
    if record["what"] == "invalid":
        one.invalid, one.matches = "id does not hold what the schema says", ()
    elif record["what"] == "unmappable":
        one.matches = [Match("rule", no_shipment=NoShipment.UNMAPPABLE, message="profile.identifiers: none is left")]
    elif record["what"] == "filtered":
        one.matches = [Match("rule", no_shipment=NoShipment.FILTERED)]
    elif record["what"] == "unmatched":
        one.matches = ()
    elif record["what"] == "limit":
        one.matches = [Match("rule", event(number, *record["customers"], kind="x" * 41))]
    return drafted(one) if record["is_draft"] and record["what"] in {"event", "unmappable", "limit"} else one


def drafted(one: Work) -> Work:
    """Return a record of which its event is made once the ledger does not know it."""
    matches, one.matches = one.matches, ()
    one.draft = Draft("rule", Fingerprint(1, 1), lambda: matches)
    return one


def check_state(value: bytes, records: Sequence[Mapping[str, Any]], owed: Sequence[int], settled: set[int]) -> None:
    """Every record before a STATE is settled when it goes out."""
    passed = json.loads(value)
    for number in owed:
        upto = passed["upto"] if "upto" in passed else passed["bookmarks"].get(records[number]["stream"], -1)
        assert number > upto or number in settled


# promise 4


def test_a_waiting_retry_holds_its_lane_and_no_slot() -> None:
    """With one slot, other customers go on while one waits for its retry; its own next event does not."""
    house = House([FAILED], max_in_flight=1)
    house.take(work(0, "a"), work(1, "a"), work(2, "b"))
    house.run()
    assert house.stored_numbers == [2, 0, 1]


def test_an_event_waits_for_all_with_which_it_shares_a_handle() -> None:
    """An event of two customers' handles goes after both, and what shares only with it goes after it."""
    house = House()
    slow = Reply(stores=True, latency=10.0)
    house.zendesk.decide = lambda number: slow if number == 1 else None
    house.take(work(0, "a"), work(1, "b"), work(2, "a", "b"), work(3, "a"), work(4, "c"))
    house.run()
    sent = {one.number: one.sent for one in house.posts()}
    assert sent[2] >= sent[1] + 10
    assert sent[3] > sent[2]
    assert sent[4] == sent[0]


def test_an_event_waits_for_those_of_the_same_user() -> None:
    """A `user_id` says who the customer is as an identifier does."""
    house = House([Reply(stores=True, latency=10.0)])
    house.take(work(0, "a", user_id="7"), work(1, "b", user_id="7"), work(2, "c", user_id="8"))
    house.run()
    sent = {one.number: one.sent for one in house.posts()}
    assert sent[1] >= sent[0] + 10
    assert sent[2] == sent[0]


# promise 5


def test_the_wait_of_one_retry_frees_no_place_ahead_of_its_time() -> None:
    """While one event waits long for its retry, others do not use places that are still held."""
    house = House(per_minute=20)
    house.zendesk.decide = lambda number: FAILED if number == 0 and len(house.posts(0)) < 7 else None
    house.take(work(0))
    numbers = itertools.count(1)
    while len(house.posts(0)) < 7:
        tried = len(house.posts(0))
        house.pass_time(house.clock.now + 0.5)
        if len(house.posts(0)) > tried:
            house.take(work(next(numbers)))  # a success between: one event that fails is no outage
    for _ in range(30):
        house.pass_time(house.clock.now + 0.2)
        house.take(work(next(numbers)))
    house.run()
    check_rate(house.zendesk.requests, 20)


def test_a_retry_after_stops_everybody() -> None:
    """After a 429 that says 93 s no request of any customer starts for 93 s."""
    house = House([limited(93.0)])
    house.take(work(0))
    house.pass_time(house.clock.now + 1)
    house.take(work(1), work(2))
    house.run()
    check_floors(house.zendesk)
    assert sorted(house.stored_numbers) == [0, 1, 2]


@pytest.mark.parametrize("reply", [Reply(Kind.UNKNOWN, 503, retry_after=20.0), limited(20.0)])
@pytest.mark.parametrize("policy", ["retry", "verify", "hold"])
def test_every_retry_after_is_a_floor_for_all(reply: Reply, policy: str) -> None:
    """A Retry-After with a 503 stops all customers too, whatever becomes of its own event."""
    house = House([reply], policy=policy)
    house.take(work(0))
    house.pass_time(house.clock.now + 1)
    house.take(work(1))
    house.run()
    check_floors(house.zendesk)


def test_a_retry_after_with_a_conflict_is_a_floor_for_all() -> None:
    """A 409 with Retry-After stops all customers until then."""
    house = House([Reply(Kind.CONFLICT, 409, retry_after=20.0)])
    house.take(work(0))
    house.pass_time(house.clock.now + 1)
    house.take(work(1))
    house.run()
    check_floors(house.zendesk)


def test_a_retry_after_beyond_the_longest_outage_ends_the_run_at_once() -> None:
    """One day of Retry-After ends the run in the moment it is read, and says until when."""
    house = House([limited(86_400.0)])
    began = house.clock.now
    house.take(work(0), work(1, "customer 0"))
    house.run()
    assert house.clock.now < began + 1
    assert isinstance(house.sender.failure, OutageError)
    assert "UTC" in str(house.sender.failure)
    assert outcomes(house.report) == {"undelivered": 2}


def test_the_rate_is_kept_full() -> None:
    """With 250 a minute and a quarter of a second's latency, 800 events end within three per cent of 180 seconds."""
    house = House(per_minute=250, max_in_flight=32)
    began = house.clock.now
    house.take(*(work(number) for number in range(800)))
    house.run()
    assert 180 <= house.clock.now - began <= 180 * 1.03
    check_rate(house.zendesk.requests, 250)
    waited = {bucket: minute.seconds_waited for bucket, minute in house.report.minutes.items()}
    assert waited == {Bucket.EVENTS: pytest.approx(178, abs=2), Bucket.SUPPORT: 0.0}
    assert house.report.seconds_waited == waited[Bucket.EVENTS]


def test_the_budget_holds_across_a_pause() -> None:
    """A tap that pauses does not lift the wall when it comes back."""
    house = House(per_minute=5)
    for number in range(40):
        house.take(work(number))
        house.pass_time(house.clock.now + (3.0 if number % 7 else 55.0))
    house.run()
    check_rate(house.zendesk.requests, 5)


# unknown outcomes


def test_hold_never_sends_again_what_may_be_stored() -> None:
    """With `hold`, an event whose answer was lost is set aside, and posted once."""
    house = House([FAILED_AND_STORED, FAILED], policy="hold")
    house.take(work(0), work(1), work(2))
    house.run()
    assert outcomes(house.report) == {"delivered": 1, "held": 2}
    assert [note.reason for _, note in house.letters.written] == ["unknown", "unknown"]
    assert len(house.posts()) == 3


def test_hold_sends_again_what_has_not_left() -> None:
    """With `hold`, what was never sent is sent again: its outcome is known."""
    house = House([NOT_SENT], policy="hold")
    house.take(work(0))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}


def test_verify_finds_what_was_stored() -> None:
    """With `verify`, a stored event whose answer was lost is read back, counted delivered, and not posted again."""
    house = House([FAILED_AND_STORED], policy="verify", visible_after=6.0)
    house.take(work(0))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}
    assert len(house.posts()) == 1


def test_verify_resends_what_is_not_there() -> None:
    """With `verify`, an event that was not stored is posted again after three reads in ten seconds."""
    house = House([FAILED], policy="verify")
    house.take(work(0))
    house.run()
    first, second = house.posts()
    assert sum(one.asked == "read" for one in house.zendesk.requests) == 3
    assert second.sent - first.answered > 10
    assert outcomes(house.report) == {"delivered": 1}


def test_verify_gives_a_new_event_its_time_in_an_outage_too() -> None:
    """While the circuit is open, an event is still read back over ten seconds before it is taken for lost."""
    house = House([FAILED_AND_STORED] * 5, policy="verify", visible_after=9.5)
    house.take(*(work(number) for number in range(5)))
    house.run()
    assert sorted(house.stored_numbers) == list(range(5))


def test_an_event_proven_stored_ends_the_clock_of_an_outage() -> None:
    """What was read back as stored shows that Zendesk took it: a quiet tap then ends no run."""
    house = House([FAILED_AND_STORED], policy="verify")
    house.take(work(0))
    house.pass_time(house.clock.now + 2_000)
    assert not house.sender.is_stopping
    assert outcomes(house.report) == {"delivered": 1}


def test_a_quiet_tap_after_a_held_event_ends_no_run() -> None:
    """Where nothing waits to be sent, no outage lasts: an event held long ago is no reason to stop."""
    house = House([FAILED], policy="hold")
    house.take(work(0))
    house.pass_time(house.clock.now + 2_000)
    assert not house.sender.is_stopping


@pytest.mark.parametrize("reply", [Reply(Kind.DENIED, 403), Reply(Kind.REFUSED, 400)])
def test_verify_acts_as_retry_where_reading_is_refused(reply: Reply) -> None:
    """Without the right to read, the event is posted again."""
    house = House([FAILED], policy="verify")
    house.zendesk.read_reply = lambda: reply
    house.take(work(0))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}


@pytest.mark.parametrize(
    "reply",
    [
        CONFLICT,
        FAILED,
        limited(None),
        NOT_SENT,
    ],
)
def test_a_read_that_fails_is_repeated_later(reply: Reply) -> None:
    """Whatever a read is answered, it is asked again after a wait, and its event is never set aside for it."""
    house = House([FAILED_AND_STORED], policy="verify")
    replies = collections.deque([reply] * 6)
    house.zendesk.read_reply = lambda: replies.popleft() if replies else None
    house.take(work(0))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}
    reads = [one for one in house.zendesk.requests if one.asked == "read"]
    assert all(later.sent - earlier.answered >= 0.25 for earlier, later in itertools.pairwise(reads))


def test_an_event_of_a_run_that_is_gone_is_verified_too() -> None:
    """What the ledger calls unknown is read back before it is sent; without the right to read it is sent again."""
    house = House(policy="verify", ledger=Memory({0: [unknown()]}))
    house.zendesk.read_reply = lambda: DENIED
    house.take(work(0))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}


@pytest.mark.parametrize("in_the_way", [0, 1], ids=["readings alone", "sendings too"])
def test_many_events_of_runs_that_are_gone_are_verified_where_a_sixth_of_the_answers_fail(in_the_way: int) -> None:
    """Readings that are answered show that Zendesk is there: those that fail between them are no outage."""
    chance = random.Random(7)  # noqa: S311 - chance, no secret

    def fails() -> Reply | None:
        return FAILED if chance.random() < 1 / 6 else None

    ledger = Memory({0: [NEW] * in_the_way + [unknown()] * 400})
    house = House([FAILED] * in_the_way, policy="verify", ledger=ledger, max_in_flight=32, per_minute=100_000)
    house.zendesk.read_reply, house.zendesk.decide = fails, lambda _: fails()
    began = house.clock.now
    house.take(*(work(number) for number in range(in_the_way + 400)))
    house.run()
    assert outcomes(house.report) == {"delivered": in_the_way + 400}
    assert house.clock.now - began < 180


@pytest.mark.parametrize("ahead", [-3_600.0, 0.0, 3_600.0])
@pytest.mark.parametrize("lost", [FAILED_AND_STORED, LOST_AND_STORED], ids=["with an answer", "without one"])
@pytest.mark.parametrize("asleep", [0.0, 8.0])
def test_an_event_is_found_whatever_the_clocks_say(ahead: float, lost: Reply, asleep: float) -> None:
    """Zendesk's clock may differ from ours, and an answer may be looked at late: what was stored is found."""
    house = House([lost], policy="verify")
    house.zendesk.ahead = ahead
    house.take(work(0))
    house.sender.finish()
    house.step()
    house.clock.now += asleep
    house.run()
    assert outcomes(house.report) == {"delivered": 1}
    assert house.stored_numbers == [0]


def test_an_event_of_a_run_that_is_gone_is_found_whatever_the_clocks_say() -> None:
    """What a run that is gone has stored is found by the time since it was sent, not by the time of day."""
    house = House(policy="verify", ledger=Memory({0: [unknown()]}))
    house.zendesk.ahead = -3_600.0
    received = dt.datetime.fromtimestamp(house.clock.wall() - 3_600.0 - 59.0, dt.timezone.utc).isoformat()
    house.zendesk.stored.append((0.0, {**event(0, "customer 0").as_object(), "received_at": received}))
    house.take(work(0))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}
    assert house.stored_numbers == [0]


def test_an_equal_event_from_before_the_run_that_is_gone_is_another_s() -> None:
    """What Zendesk received before that run sent its own is not taken for it: the event is sent again."""
    house = House(policy="verify", ledger=Memory({0: [unknown()]}))
    received = dt.datetime.fromtimestamp(house.clock.wall() - 70.0, dt.timezone.utc).isoformat()
    house.zendesk.stored.append((0.0, {**event(0, "customer 0").as_object(), "received_at": received}))
    house.take(work(0))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}
    assert len(house.posts()) == 1


@pytest.mark.parametrize("created_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_verify_copes_with_the_ends_of_time(created_at: str) -> None:
    """An event of a year that databases write for never, or for always, is read back like any other."""
    house = House([FAILED_AND_STORED], policy="verify")
    house.take(work(0, created_at=created_at))
    house.run()
    assert outcomes(house.report) == {"delivered": 1}


def test_an_event_without_a_time_bears_that_of_its_claim_and_can_be_verified() -> None:
    """To the millisecond; it is found by it, and does not move when it goes again after an outage."""
    house = House([NOT_SENT, FAILED_AND_STORED], policy="verify")
    claimed_at = "2026-09-21T14:30:00.000Z"
    house.take(work(0, created_at=None))
    house.pass_time(house.clock.now + 400)
    assert [one["created_at"] for _, one in house.zendesk.stored] == [claimed_at]
    assert len(house.posts()) == 2
    assert outcomes(house.report) == {"delivered": 1}


def test_an_event_without_a_time_of_a_run_that_is_gone_is_found_by_its_claim() -> None:
    """What was stored under that time is not sent again; what was not bears it still."""
    for is_stored in (True, False):
        house = House(policy="verify")
        house.ledger.entries.append(unknown(60.25, claimed_at=house.clock.wall() - 60.25))
        one = event(0, "customer 0", created_at="2026-09-21T14:28:59.750Z")
        received = dt.datetime.fromtimestamp(house.clock.wall() - 60.0, dt.timezone.utc).isoformat()
        if is_stored:
            house.zendesk.stored.append((0.0, {**one.as_object(), "received_at": received}))
        house.take(work(0, created_at=None))
        house.run()
        assert [stored["created_at"] for _, stored in house.zendesk.stored] == ["2026-09-21T14:28:59.750Z"]
        assert outcomes(house.report) == {"delivered": 1}


@pytest.mark.parametrize("ahead", [7_200.0, 400 * 86_400.0])
def test_what_was_claimed_by_a_clock_that_was_ahead_is_found(ahead: float) -> None:
    """Zendesk has it from before its claim, as the ledger tells it: it is the same all the same."""
    house = House(policy="verify")
    claimed_at = house.clock.wall() - 60.0 + ahead
    house.ledger.entries.append(Entry(Standing.UNKNOWN, claimed_at=claimed_at))
    received = dt.datetime.fromtimestamp(house.clock.wall() - 60.0, dt.timezone.utc).isoformat()
    house.zendesk.stored.append((0.0, {**event(0, "customer 0").as_object(), "received_at": received}))
    house.take(work(0))
    house.run()
    assert (len(house.zendesk.stored), len(house.posts())) == (1, 0)
    assert outcomes(house.report) == {"delivered": 1}


def test_an_event_that_fails_while_others_succeed_is_held() -> None:
    """One poisoned event ends as held, reason `server`, and nobody else waits for it."""
    house = House()
    house.zendesk.decide = lambda number: FAILED if number == 0 else None
    house.take(work(0))
    for number in range(1, 60):
        house.take(work(number))
        house.pass_time(house.clock.now + 10)
    house.run()
    assert outcomes(house.report) == {"delivered": 59, "held": 1}
    assert [note.reason for _, note in house.letters.written] == ["server"]


def test_an_event_whose_reading_always_fails_is_held_at_last() -> None:
    """Where neither posting nor reading back of one event works while others succeed, the run still ends."""
    house = House(policy="verify")
    house.zendesk.decide = lambda number: FAILED if number == 0 else None
    house.zendesk.read_reply = lambda: FAILED
    house.take(work(0))
    for number in range(1, 200):
        house.take(work(number))
        house.pass_time(house.clock.now + 10)
    house.run()
    assert outcomes(house.report) == {"delivered": 199, "held": 1}


# an outage


def test_an_outage_ends_the_run_in_time() -> None:
    """With nothing accepted for 900 s the run stops, names what it saw last, and STATE stays behind."""
    house = House()
    house.zendesk.decide = lambda _: FAILED
    began = house.clock.now
    house.take(*(work(number) for number in range(20)))
    house.checkpoints.note(b'{"upto":19}')
    house.run()
    assert isinstance(house.sender.failure, OutageError)
    assert "HTTP 500" in str(house.sender.failure)
    assert 900 <= house.clock.now - began <= 910
    assert house.states == []
    assert len(house.posts()) < 45


def test_an_open_circuit_probes_with_turns_and_longer_waits() -> None:
    """When 32 requests fail at once, probes go one at a time after 1, 2, 4 ... 60 s, each with another event."""
    house = House(max_in_flight=32)
    house.zendesk.decide = lambda _: FAILED
    house.take(*(work(number) for number in range(32)))
    house.run()
    probes = house.posts()[32:]
    gaps = [later.sent - earlier.answered for earlier, later in itertools.pairwise(house.posts()[31:])]
    assert gaps[:6] == pytest.approx([1, 2, 4, 8, 16, 32], abs=0.01)
    assert gaps[6:] == pytest.approx([60] * len(gaps[6:]), abs=0.01)
    assert len({one.number for one in probes}) == len(probes)


@pytest.mark.parametrize("policy", ["retry", "verify"])
def test_poisoned_events_that_open_the_circuit_let_others_probe(policy: str) -> None:
    """While the circuit is open, an event that was never tried takes its turn: it may be the one that closes it."""
    house = House(policy=policy, max_in_flight=1)
    house.zendesk.decide = lambda number: FAILED if number < 6 else None
    house.zendesk.read_reply = lambda: FAILED
    house.take(*(work(number) for number in range(20)))
    house.run()
    assert house.stored_numbers == list(range(6, 20))


def test_one_event_alone_opens_no_circuit_for_others() -> None:
    """Five failures in a row of one event, posted or read back, are no outage while others wait."""
    house = House(policy="verify", per_minute=6)
    house.zendesk.decide = lambda number: FAILED if number == 0 else None
    house.zendesk.read_reply = lambda: FAILED
    house.take(*(work(number, "customer 0") for number in range(4)))
    house.pass_time(house.clock.now + 200)
    assert not house.outage.is_open


def test_recovery_is_no_stampede() -> None:
    """After an outage the number under way grows twofold with each success."""
    house = House(max_in_flight=32)
    healthy_at = house.clock.now + 30
    house.zendesk.decide = lambda _: FAILED if house.clock.now < healthy_at else None
    house.take(*(work(number) for number in range(100)))
    house.run()
    after = [one for one in house.posts() if one.sent >= healthy_at]
    assert [one.sent for one in after].count(after[0].sent) == 1
    assert [one.sent for one in after].count(after[1].sent) == 2
    assert outcomes(house.report) == {"delivered": 100}


def test_a_limited_account_ends_the_run_with_both_causes() -> None:
    """429s for 900 s end the run, which names the rate limit and the quota."""
    house = House()
    house.zendesk.decide = lambda _: limited(30.0)
    house.take(*(work(number) for number in range(5)))
    house.run()
    assert isinstance(house.sender.failure, OutageError)
    assert "limit" in str(house.sender.failure)
    assert "quota" in str(house.sender.failure)
    check_floors(house.zendesk)


# credentials


def test_a_token_is_minted_once_before_the_first_request() -> None:
    """Nothing is posted before the first token is there, and one is enough."""
    house = House(renews=True)
    house.take(work(0), work(1))
    house.run()
    asked = [one.asked for one in house.zendesk.requests]
    assert asked == ["token", "post", "post"]


def test_a_401_renews_the_token_once_for_all() -> None:
    """Several 401s to one token lead to one new token, and their events go again."""
    house = House([ACCEPTED] + [EXPIRED] * 3, renews=True)
    house.take(*(work(number) for number in range(4)))
    house.run()
    assert [one.asked for one in house.zendesk.requests].count("token") == 2
    assert outcomes(house.report) == {"delivered": 4}


def test_a_401_to_a_token_minted_for_a_401_ends_the_run() -> None:
    """A second 401 in a row ends the run with exit code 2."""
    house = House([EXPIRED] * 2, renews=True)
    house.take(work(0))
    house.run()
    assert isinstance(house.sender.failure, CredentialsError)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (DENIED, CredentialsError),
        (Reply(Kind.TURNED_AWAY, 402), AccountError),
        (Reply(Kind.ASTRAY, 301), AddressError),
    ],
)
@pytest.mark.parametrize("max_in_flight", [1, 3, 32])
def test_what_is_wrong_for_all_ends_the_run(reply: Reply, error: type[TargetError], max_in_flight: int) -> None:
    """Refusals of all and a redirect stop the run; no event is lost or set aside, and no claim is left."""
    house = House([reply] * 40, max_in_flight=max_in_flight)
    house.take(*(work(number) for number in range(3)), work(3, "customer 0"))
    house.checkpoints.note(b'{"upto":3}')
    house.run()
    assert isinstance(house.sender.failure, error)
    assert len(house.posts()) <= 3
    assert outcomes(house.report) == {"undelivered": 4}
    assert house.states == []
    assert house.letters.written == []


# whose fault: what the read is answered

SUSPENDED = Reply(Kind.TURNED_AWAY, 402)
READ_REFUSED = Reply(Kind.REFUSED, 402)
SERVED = Reply(status=200)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([SERVED], {"rejected": 1}),
        ([READ_REFUSED], {"undelivered": 1}),
        ([FAILED, limited(7.0), SERVED], {"rejected": 1}),
        ([FAILED, NOT_SENT, READ_REFUSED], {"undelivered": 1}),
        ([EXPIRED, SERVED], {"rejected": 1}),
        ([EXPIRED, EXPIRED], {"undelivered": 1}),
    ],
)
def test_a_read_tells_whose_fault_it_is(answers: list[Reply], outcome: dict[str, int]) -> None:
    """Asked again while it says nothing, after a new token for a 401; no `Retry-After` is cut short."""
    house = House([SUSPENDED], renews=True)
    house.zendesk.who_plan.extend(answers)
    house.take(work(0))
    house.checkpoints.note(b'{"upto":0}')
    house.run()
    assert outcomes(house.report) == outcome
    assert (house.states == []) is ("undelivered" in outcome)
    assert isinstance(house.sender.failure, AccountError) is ("undelivered" in outcome)
    check_floors(house.zendesk)
    assert not house.was_busy
    assert len([one for one in house.zendesk.requests if one.asked == "who"]) == len(answers)


def test_a_read_that_never_says_anything_is_an_outage() -> None:
    """The run ends after the longest outage, exit 1: nothing is settled that nobody knows."""
    house = House([SUSPENDED], max_outage_seconds=300.0)
    house.zendesk.who_plan.extend([FAILED] * 1_000)
    house.take(work(0))
    house.run()
    assert isinstance(house.sender.failure, OutageError)
    assert outcomes(house.report) == {"undelivered": 1}
    assert len([one for one in house.zendesk.requests if one.asked == "who"]) < 30


def test_what_is_under_suspicion_has_no_claim_and_no_place() -> None:
    """A crash then leaves nothing unknown; its place in the day's brake is another's."""
    house = House([SUSPENDED], per_day=2)
    house.take(work(0))
    house.pass_time(house.clock.now + 5)
    assert [one.key for one in house.ledger.released] == [key_of(work(0))]
    house.take(work(1), work(2))
    house.run()
    assert outcomes(house.report) == {"rejected": 1, "delivered": 2}


def test_a_floor_holds_the_read_too() -> None:
    """What a `Retry-After` asked for is not cut short to see whose fault a refusal was."""
    house = House([limited(93.0), SUSPENDED], max_in_flight=2)
    house.take(work(0), work(1))
    house.run()
    check_floors(house.zendesk)
    assert outcomes(house.report) == {"rejected": 1, "delivered": 1}


def test_a_404_refuses_an_event_only_after_a_success() -> None:
    """Before the first 2xx a 404 is a wrong address; after it, the record is refused."""
    missing = Reply(Kind.REFUSED, 404)
    lost = House([missing])
    lost.take(work(0))
    lost.run()
    assert isinstance(lost.sender.failure, AddressError)
    house = House([ACCEPTED, missing])
    house.take(work(0), work(1, "customer 0"))
    house.run()
    assert outcomes(house.report) == {"delivered": 1, "rejected": 1}


def test_a_check_of_the_credentials_waits_for_a_token() -> None:
    """Without a token nobody could be asked for, so one is minted first; with one, the owner is asked at once."""
    house = House(renews=True)
    house.sender.check_credentials()
    house.run()
    assert [one.asked for one in house.zendesk.requests] == ["token", "who"]
    known = House()
    known.sender.check_credentials()
    known.run()
    assert [one.asked for one in known.zendesk.requests] == ["who"]


def test_a_check_of_the_credentials_ends_where_there_is_no_token() -> None:
    """A token that is refused ends the run; so does one that is not to be had for now: nothing was checked then."""
    house = House(renews=True)
    house.zendesk.token_plan.append(DENIED)
    house.sender.check_credentials()
    house.run()
    assert isinstance(house.sender.failure, CredentialsError)
    passing = House(renews=True)
    passing.zendesk.token_plan.append(FAILED)
    passing.sender.check_credentials()
    passing.run()
    assert isinstance(passing.sender.failure, OutageError)
    for one in (house, passing):
        assert [request.asked for request in one.zendesk.requests] == ["token"]


def test_waiting_for_a_token_is_no_busy_loop() -> None:
    """While a token is asked for, the sender waits for its answer and does not ask to be called at once."""
    house = House(renews=True)
    house.zendesk.token_plan.append(Reply(status=200, latency=5.0))
    house.take(work(0))
    house.run()
    assert not house.was_busy


def test_a_token_endpoint_that_fails_is_an_outage() -> None:
    """A token endpoint that answers 500 is asked again, later and later, and ends the run after 900 s."""
    house = House(renews=True)
    house.zendesk.token_plan.extend([FAILED] * 1_000)
    began = house.clock.now
    house.take(work(0))
    house.run()
    assert isinstance(house.sender.failure, OutageError)
    assert house.clock.now - began == pytest.approx(900, abs=10)
    assert len(house.zendesk.requests) < 40


def test_a_429_of_the_token_endpoint_opens_no_circuit() -> None:
    """The token endpoint's 429s are waited for; they are no failures, and both causes are named at the end."""
    house = House(renews=True)
    house.zendesk.token_plan.extend([limited(2.0)] * 6)
    house.take(work(0))
    house.pass_time(house.clock.now + 12)
    assert not house.outage.is_open
    assert house.outage.saw_limit


def test_a_retry_after_of_the_token_endpoint_beyond_the_longest_outage_ends_the_run_at_once() -> None:
    """A token endpoint that asks to wait for a day ends the run at once."""
    house = House(renews=True)
    house.zendesk.token_plan.append(limited(86_400.0))
    began = house.clock.now
    house.take(work(0))
    house.run()
    assert isinstance(house.sender.failure, OutageError)
    assert house.clock.now < began + 10


def test_a_rotated_token_that_cannot_be_stored_loses_no_answer() -> None:
    """A token file that cannot be written stops the run, and what was accepted meanwhile is settled."""
    house = House(renews=True)
    house.take(work(0))
    house.pass_time(house.clock.now + 0.3)
    house.zendesk.plan.extend([EXPIRED, Reply(latency=0.5, stores=True)])
    house.zendesk.token_plan.append(Reply(raises=StorageError("the token file cannot be written")))
    house.take(work(1), work(2))
    house.run()
    assert isinstance(house.sender.failure, StorageError)
    assert outcomes(house.report) == {"delivered": 2, "undelivered": 1}


# a stop


def test_a_stop_starts_nothing_and_takes_what_comes_within_eight_seconds() -> None:
    """On a stop the answers of the next eight seconds count; nothing new starts."""
    house = House([Reply(latency=7.0, stores=True), Reply(latency=30.0, stores=True)], max_in_flight=2)
    house.take(work(0), work(1), work(2))
    house.checkpoints.note(b'{"upto":2}')
    house.step()
    began = house.clock.now
    house.sender.stop()
    house.run()
    assert house.clock.now == pytest.approx(began + 8)
    assert outcomes(house.report) == {"delivered": 1, "undelivered": 2}
    assert len(house.posts()) == 2
    assert house.states == []


def test_a_stop_counts_what_was_not_looked_up() -> None:
    """Records whose events were not made yet are counted as those whose events were."""
    house = House()
    house.take(drafted(work(0)), work(1))
    house.sender.stop()
    house.sender.end()
    assert outcomes(house.report) == {"undelivered": 2}
    check_numbers(house.report)


def test_a_stop_waits_for_nobody_when_nothing_is_under_way() -> None:
    """A stop with only waiting events is done at once."""
    house = House([FAILED])
    house.take(work(0))
    house.pass_time(house.clock.now + 0.25)
    house.sender.stop()
    assert house.sender.is_done


def test_the_end_of_an_outage_is_no_busy_loop() -> None:
    """While the last requests of a stopping run are under way, the sender waits for them."""
    house = House(max_outage_seconds=10.0)
    house.zendesk.decide = lambda number: Reply(Kind.UNKNOWN, 500, latency=0.25 if number else 17.0)
    house.take(work(0), work(1))
    house.run()
    assert isinstance(house.sender.failure, OutageError)
    assert not house.was_busy


def test_claims_of_what_is_not_stored_are_taken_back() -> None:
    """A stop releases the claim of an event that was not sent, and none of what is under way."""
    house = House([NOT_SENT, Reply(latency=30.0, stores=True)])
    works = [work(0), work(1)]
    house.take(*works)
    house.pass_time(house.clock.now + 0.25)
    house.sender.stop()
    house.run()
    assert [one.key for one in house.ledger.released] == [key_of(works[0])]


def test_claims_of_what_was_read_back_and_is_not_there_are_taken_back() -> None:
    """An event that was proven not to be stored is no unknown outcome to the next run."""
    house = House([FAILED, NOT_SENT], policy="verify")
    one = work(0)
    house.take(one)
    while len(house.posts()) < 2:
        house.pass_time(house.clock.now + 0.1)
    house.pass_time(house.clock.now + 0.3)
    house.sender.stop()
    house.run()
    assert [claim.key for claim in house.ledger.released] == [key_of(one)]


def test_what_is_known_not_to_be_stored_is_claimed_no_longer_while_it_waits() -> None:
    """A run that is killed meanwhile leaves no unknown outcome of it to the next."""
    house = House([limited(30.0)])
    one = work(0)
    house.take(one)
    house.pass_time(house.clock.now + 10)
    assert [claim.key for claim in house.ledger.released] == [key_of(one)]
    house.run()
    assert house.stored_numbers == [0]
    assert house.ledger.claims == 2


def test_claims_that_may_have_been_sent_are_kept() -> None:
    """A stop releases no claim of an event that may have been sent."""
    house = House([FAILED])
    house.take(work(0))
    house.pass_time(house.clock.now + 0.25)
    house.sender.stop()
    house.run()
    assert house.ledger.released == []


# a stopped stream


def test_a_stream_over_its_share_stops_and_others_go_on() -> None:
    """Above `max_set_aside_percent` a stream stops, its rest stays undelivered, and STATE does not pass it."""
    house = House(max_set_aside_percent=10, max_in_flight=1)
    house.zendesk.decide = lambda number: REFUSED if number < 60 else None
    house.take(*(work(number) for number in range(60)), *(work(number, stream="logins") for number in range(60, 70)))
    house.checkpoints.note(b'{"upto":69}')
    house.run()
    assert set(house.sender.stopped) == {"orders"}
    assert house.report.streams["logins"].total("delivered") == 10
    assert house.report.streams["orders"].total("rejected") == 7
    assert house.states == []
    check_numbers(house.report)


def test_nothing_of_a_stopped_stream_is_sent_any_more() -> None:
    """What stands in the open batch when its stream stops is not sent."""
    house = House()
    house.sender.take(work(0))
    house.sender.take(work(1, stream="logins"))
    house.sender.stop_stream("orders", TargetError("a reason"))
    house.run()
    assert house.stored_numbers == [1]
    assert outcomes(house.report) == {"delivered": 1, "undelivered": 1}


def test_nothing_after_one_name_too_many_is_sent() -> None:
    """The first source or type too many stops its stream there: no later event of it goes out before its time."""
    names = Names({"event type": frozenset(bytes([number // 256, number % 256]) for number in range(2_499))}, b"secret")
    house = House(names=names)
    house.take(work(0), work(1, kind="one too many"), work(2), work(3, stream="logins"))
    house.run()
    assert set(house.sender.stopped) == {"orders"}
    assert house.stored_numbers in ([3], [0, 3])


def test_a_stream_that_stops_in_the_midst_of_setting_out_breaks_nothing() -> None:
    """A stream that stops by the outcome of an event that was to go leaves the others of that moment alone."""
    held = unknown()
    house = House(policy="hold", max_set_aside_percent=0, ledger=Memory({0: [held]}))
    house.take(work(0), work(1), work(2, stream="logins"))
    house.run()
    assert house.stored_numbers == [2]
    assert outcomes(house.report) == {"delivered": 1, "held": 1, "undelivered": 1}


def test_a_stopped_stream_gives_its_room_back() -> None:
    """The bytes of a stopped stream's records do not keep others from being read."""
    house = House()
    house.take(work(0, size=MAX_OPEN_BYTES))
    assert not house.sender.has_room
    house.sender.stop_stream("orders", TargetError("a reason"))
    assert house.sender.has_room


def test_a_stopped_stream_gives_its_claims_back() -> None:
    """Another run need not wait for what this one will not send."""
    house = House([NOT_SENT])
    one = work(0)
    house.take(one)
    house.pass_time(house.clock.now + 0.25)
    house.sender.stop_stream("orders", TargetError("a reason"))
    assert [claim.key for claim in house.ledger.released] == [key_of(one)]


def test_an_answer_for_a_stopped_stream_still_counts() -> None:
    """A request that was under way when its stream stopped is settled by its answer."""
    house = House()
    house.take(work(0), work(1, "customer 0"))
    house.step()
    house.sender.stop_stream("orders", TargetError("a reason"))
    house.run()
    assert outcomes(house.report) == {"delivered": 1, "undelivered": 1}


# the ledger's door


def test_what_the_ledger_has_settled_is_a_duplicate() -> None:
    """A known event is not sent, and only a record with `dead_letter` sends a refused one again."""
    works = [work(number) for number in range(4)]
    works[2].replayed = works[3].replayed = DeadLetter(("rule",))
    ledger = Memory()
    ends = [Outcome.DELIVERED, Outcome.REJECTED, Outcome.REJECTED, Outcome.DELIVERED]
    for one, outcome in zip(works, ends, strict=True):
        ledger.known[key_of(one)] = Entry(Standing.SETTLED, outcome)
    house = House(ledger=ledger)
    house.take(*works)
    house.run()
    assert house.stored_numbers == [2]
    assert outcomes(house.report) == {"delivered": 1, "duplicate": 3}


def test_what_another_run_is_sending_is_asked_for_again() -> None:
    """An event that another run has claimed is asked for twice a second, and settled as its duplicate."""
    busy = Entry(Standing.BUSY)
    house = House(ledger=Memory({0: [busy, busy, Entry(Standing.SETTLED, Outcome.DELIVERED)]}))
    began = house.clock.now
    house.take(work(0))
    house.run()
    assert house.clock.now - began == pytest.approx(1.0)
    assert outcomes(house.report) == {"duplicate": 1}
    assert house.posts() == []


def test_a_busy_event_is_no_busy_loop_while_the_circuit_is_open() -> None:
    """In an outage too, an event that another run has claimed is asked for twice a second at most."""
    house = House(ledger=Memory())
    for number in range(5):
        house.outage.note_failure(number, house.clock.now - 100, waiting=9, cause="HTTP 500")
    house.ledger.entries.extend([Entry(Standing.BUSY)] * 1_000_000)
    house.take(work(0))
    house.pass_time(house.clock.now + 10)
    assert house.ledger.claims < 30


def test_nothing_is_sent_on_a_lease_that_has_lapsed() -> None:
    """Asked in the last moment before the sending: what another run has sent meanwhile is a duplicate."""
    ledger = Memory({0: [NEW, Entry(Standing.SETTLED, Outcome.DELIVERED)]})
    ledger.lapses_at_sending = 1
    house = House(ledger=ledger)
    house.take(work(0))
    house.run()
    assert house.stored_numbers == []
    assert outcomes(house.report) == {"duplicate": 1}


def test_a_lapse_makes_waiting_retries_claim_anew() -> None:
    """What waits for its next attempt while the lease lapses may have been sent by another run."""
    ledger = Memory({0: [NEW, Entry(Standing.SETTLED, Outcome.DELIVERED)]})
    house = House([NOT_SENT], ledger=ledger)
    house.take(work(0))
    house.pass_time(house.clock.now + 0.25)
    ledger.lapses_at_beat = ledger.beats + 1
    house.run()
    assert house.stored_numbers == []
    assert outcomes(house.report) == {"duplicate": 1}


def test_the_lease_is_looked_after_while_everybody_waits() -> None:
    """During a long `Retry-After` nothing else wakes the run, and its claims must stay its own."""
    house = House([limited(93.0)])
    house.take(work(0))
    house.run()
    assert house.ledger.beats >= 93 / 3


# events that look the same


def lookalikes(*plan: Reply) -> tuple[House, list[Work]]:
    """Return a house, and records of one customer whose events look the same though their keys differ."""
    house = House(plan, policy="verify", visible_after=1.0)
    works = [work(0, "one customer") for _ in range(4)]
    for number, one in enumerate(works):
        one.key_values = {"id": number}
    return house, works


@pytest.mark.parametrize(
    "plan", [[ACCEPTED, FAILED], [FAILED, FAILED], [ACCEPTED, ACCEPTED, FAILED_AND_STORED, FAILED]]
)
def test_an_event_that_looks_the_same_does_not_stand_in_for_one_that_was_lost(plan: list[Reply]) -> None:
    """As many must be found as were sent."""
    house, works = lookalikes(*plan)
    house.take(*works)
    house.run()
    assert house.stored_numbers == [0] * 4
    assert outcomes(house.report) == {"delivered": 4}


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0])
def test_one_that_was_stored_is_found_beside_those_that_look_the_same(seconds: float) -> None:
    """However long after the others it was sent, it is not sent again."""
    house, works = lookalikes(ACCEPTED, FAILED_AND_STORED, ACCEPTED, LOST_AND_STORED)
    for one in works:
        house.take(one)
        house.pass_time(house.clock.now + seconds)
    house.run()
    assert house.stored_numbers == [0] * 4
    assert len(house.posts()) == 4


def test_what_went_long_before_is_not_remembered() -> None:
    """The times at which Zendesk received them tell such events apart; a long run remembers seconds, not all."""
    house, works = lookalikes()
    house.take(works[0])
    house.pass_time(house.clock.now + 1)
    shipments = []
    house.hands.on_start = lambda task: shipments.append(task.shipments[0])
    for one, seconds in zip(works[1:], (APART_SECONDS - 2, APART_SECONDS + 1, 0), strict=True):
        house.pass_time(house.clock.now + seconds)
        house.take(one)
        house.pass_time(house.clock.now + 0.5)
    assert [one.lookalikes for one in shipments] == [1, 0, 1]


def test_how_many_look_the_same_outlives_the_run() -> None:
    """The run after a crash knows from the ledger that the one which it finds is not the one which it looks for."""
    house, works = lookalikes()
    house.ledger.entries.append(unknown(lookalikes=1))
    house.zendesk.post(json.dumps({"event": event(0, "one customer").as_object()}).encode())
    house.take(works[1])
    house.run()
    assert house.stored_numbers == [0] * 2


# brakes, disks, STATE


def test_the_day_s_brake_ends_the_run() -> None:
    """Beyond `max_events_per_day` nothing more is sent; retries do not count."""
    house = House([FAILED], per_day=3, max_in_flight=1)
    house.take(*(work(number) for number in range(5)))
    house.run()
    assert isinstance(house.sender.failure, BrakeError)
    assert len(house.stored_numbers) <= 3
    check_numbers(house.report)


def test_a_retry_takes_no_second_place_of_the_day() -> None:
    """An event counts once, however many attempts it takes."""
    house = House([FAILED, NOT_SENT], per_day=1)
    house.take(work(0))
    house.run()
    assert house.sender.failure is None
    assert outcomes(house.report) == {"delivered": 1}


@pytest.mark.parametrize("entries", [[Entry(Standing.SETTLED, Outcome.DELIVERED)], [Entry(Standing.BUSY)] * 3])
def test_what_another_run_sends_takes_no_place_of_the_day(entries: list[Entry]) -> None:
    """An event that turns out to be settled, or another run's, as it is claimed leaves its place to the next."""
    house = House(per_day=1, max_in_flight=1, ledger=Memory({0: [*entries, NEW]}))
    house.take(work(0), work(1))
    house.pass_time(house.clock.now + 2)
    assert len(house.stored_numbers) == 1


def test_what_has_a_place_of_the_day_is_settled_before_the_brake_ends_the_run() -> None:
    """An event of a run that is gone is read back, though others wait that get no place any more."""
    house = House(policy="verify", per_day=1, ledger=Memory({0: [unknown()]}))
    house.zendesk.post(json.dumps({"event": event(0, "customer 0").as_object()}).encode())
    house.take(work(0), work(1), work(2))
    house.run()
    assert isinstance(house.sender.failure, BrakeError)
    assert outcomes(house.report) == {"delivered": 1, "undelivered": 2}
    assert house.stored_numbers == [0]
    assert not house.was_busy


def test_a_stopped_stream_gives_its_places_of_the_day_back() -> None:
    """What will not be sent does not keep others from it."""
    house = House([NOT_SENT, NOT_SENT], per_day=2)
    house.take(work(0), work(1))
    house.pass_time(house.clock.now + 0.25)
    house.sender.stop_stream("orders", TargetError("a reason"))
    house.take(work(2, stream="logins"), work(3, stream="logins"))
    house.run()
    assert sorted(house.stored_numbers) == [2, 3]
    assert house.sender.failure is None


@pytest.mark.parametrize("entry", [Entry(Standing.BUSY), Entry(Standing.SETTLED, Outcome.DELIVERED)])
def test_what_another_run_has_gives_its_place_back_though_its_stream_stops_then(entry: Entry) -> None:
    """It counts where it was sent, also when its stream stops in the moment in which that is told."""
    held = unknown()
    house = House(policy="hold", max_set_aside_percent=0, per_day=2, ledger=Memory({0: [held, entry]}))
    house.take(work(0), work(1))
    house.pass_time(house.clock.now + 1)
    assert set(house.sender.stopped) == {"orders"}
    house.take(work(2, stream="logins"))
    house.run()
    assert house.stored_numbers == [2]
    assert house.sender.failure is None


def test_a_doubtful_event_of_a_stopped_stream_keeps_its_place_of_the_day() -> None:
    """It may stand on a timeline, and its claim stays."""
    house = House([FAILED], per_day=1)
    house.take(work(0))
    house.pass_time(house.clock.now + 0.25)
    house.sender.stop_stream("orders", TargetError("a reason"))
    house.take(work(2, stream="logins"))
    house.run()
    assert house.stored_numbers == []
    assert isinstance(house.sender.failure, BrakeError)


def test_what_was_refused_takes_no_place_of_the_day() -> None:
    """The brake counts events on timelines, in this run as in the next."""
    house = House([REFUSED, REFUSED], per_day=3, max_in_flight=1)
    house.take(*(work(number) for number in range(5)))
    house.run()
    assert house.sender.failure is None
    assert outcomes(house.report) == {"delivered": 3, "rejected": 2}


def test_what_other_runs_send_takes_places_of_the_day() -> None:
    """Runs at the same time share the brake through the ledger."""
    house = House(per_day=3, max_in_flight=1, ledger=Memory())
    house.ledger.sent = {"event": (2, 2)}
    house.take(work(0), work(1))
    house.run()
    assert isinstance(house.sender.failure, BrakeError)
    assert house.stored_numbers == [0]


def test_a_dead_letter_is_durable_before_the_ledger_calls_it_settled() -> None:
    """A crash between the two repeats the letter; the other way round it would lose the record."""
    house = House([REFUSED])
    durable: list[int] = []
    house.ledger.on_exchange = lambda: durable.append(house.letters.durable)
    house.take(work(0))
    house.run()
    assert durable == [0, 1]


def test_a_record_of_two_events_is_settled_with_the_last_of_them() -> None:
    """STATE waits for each of its events, and then goes out."""
    house = House([ACCEPTED, Reply(latency=10.0, stores=True)])
    one = work(0)
    one.matches = [Match("rule", event(0, "a")), Match("other rule", event(1, "b"))]
    house.take(one, work(2))
    house.checkpoints.note(b'{"upto":2}')
    house.pass_time(house.clock.now + 9)
    assert outcomes(house.report) == {"delivered": 2, "undelivered": 1}
    assert house.states == []
    house.run()
    assert [value for _, value in house.states] == [b'{"upto":2}']


def test_dead_letters_that_cannot_be_written_stop_the_run() -> None:
    """Without dead letters nothing more is settled or sent, and STATE does not pass the record."""
    house = House([REFUSED], max_in_flight=1)
    house.letters.fault = StorageError("the disk is full")
    house.take(work(0), work(1))
    house.checkpoints.note(b'{"upto":1}')
    house.run()
    assert isinstance(house.sender.failure, StorageError)
    assert house.states == []
    assert len(house.posts()) == 1


def test_a_letter_replays_under_the_schema_of_its_time(tmp_path: Path) -> None:
    """A record that is refused after its stream's SCHEMA changed stands under the SCHEMA that it came with."""
    letters = DeadLetters(tmp_path, "run")
    letters.note_schema("orders", b'{"type":"SCHEMA","stream":"orders","schema":{"old":1}}')
    house = House([REFUSED], letters=letters)
    house.take(work(0))
    house.step()
    letters.note_schema("orders", b'{"type":"SCHEMA","stream":"orders","schema":{"new":1}}')
    house.run()
    letters.close()
    first, _ = next(tmp_path.iterdir()).read_bytes().splitlines()
    assert json.loads(first)["schema"] == {"old": 1}


def test_replays_that_are_refused_again_are_not_well() -> None:
    """Five replayed records that are all set aside again are a stream that set aside five and delivered none."""
    house = House([REFUSED] * 5)
    works = [work(number) for number in range(5)]
    for one in works:
        one.replayed = DeadLetter(("rule",))
    house.take(*works)
    house.run()
    assert house.report.only_set_aside() == ["orders"]


def test_replays_do_not_count_in_the_share() -> None:
    """`max_set_aside_percent` looks at records that come for the first time: replays neither add to it nor thin it."""
    house = House([REFUSED] * 60 + [ACCEPTED] * 600, max_set_aside_percent=10, max_in_flight=1)
    works = [work(number) for number in range(660)]
    for one in works[60:]:
        one.replayed = DeadLetter(("rule",))
    house.take(*works)
    house.run()
    assert set(house.sender.stopped) == {"orders"}


def test_replays_that_are_refused_stop_no_stream() -> None:
    """However many replayed records are set aside again, their stream goes on with what is new."""
    house = House([ACCEPTED] * 60 + [REFUSED] * 60, max_set_aside_percent=10, max_in_flight=1)
    works = [work(number) for number in range(120)]
    for one in works[60:]:
        one.replayed = DeadLetter(("rule",))
    house.take(*works)
    house.run()
    assert house.sender.stopped == {}
    assert outcomes(house.report) == {"delivered": 60, "rejected": 60}


@pytest.mark.parametrize(("known", "stops"), [(600, False), (500, True)])
def test_duplicates_are_records_in_the_share(known: int, stops: bool) -> None:
    """The share is of all that the tap sent, what is known included: 60 of 660 are fewer than a tenth."""
    ledger = Memory()
    works = [work(number) for number in range(known + 60)]
    for one in works[:known]:
        ledger.known[key_of(one)] = Entry(Standing.SETTLED, Outcome.DELIVERED)
    house = House([REFUSED] * 60, max_set_aside_percent=10, max_in_flight=1, ledger=ledger)
    house.take(*works)
    house.run()
    assert set(house.sender.stopped) == ({"orders"} if stops else set())


def test_state_goes_out_once_a_second_at_most_and_the_last_always() -> None:
    """STATEs follow what is settled within a second, at most about one a second, and the last one always."""
    house = House()
    for number in range(50):
        house.take(work(number))
        house.checkpoints.note(json.dumps({"upto": number}).encode())
        house.pass_time(house.clock.now + 0.1)
    house.run()
    times = [moment for moment, _ in house.states]
    assert house.states[-1][1] == b'{"upto": 49}'
    assert all(later - earlier >= 0.99 for earlier, later in itertools.pairwise(times[:-1]))
    assert len(times) >= 5


def test_an_event_leaves_at_once_and_its_state_follows_while_the_tap_is_silent() -> None:
    """An event leaves within a second of its arrival, and its STATE goes out though no more input comes."""
    house = House()
    house.sender.take(work(0))
    house.checkpoints.note(b'{"upto":0}')
    arrived = house.clock.now
    house.pass_time(arrived + 2)
    assert house.posts()[0].sent <= arrived + 1
    assert [value for _, value in house.states] == [b'{"upto":0}']


def test_a_full_window_takes_nothing_more() -> None:
    """With 2,000 open events there is no room for another record; as they settle, room comes back."""
    house = House()
    house.take(*(work(number) for number in range(2_000)))
    assert not house.sender.has_room
    house.pass_time(house.clock.now + 1)
    assert house.sender.has_room


def test_handles_are_forgotten_with_their_events() -> None:
    """Nothing is remembered of settled events: lanes are empty when all is settled."""
    house = House()
    house.take(*(work(number, f"customer {number % 7}") for number in range(50)))
    house.run()
    assert len(house.lanes) == 0
    assert not lines_of(house.lanes)


def lines_of(lanes: Lanes[OpenShipment]) -> Mapping[Hashable, Any]:
    """Return the lines that lanes keep."""
    return lanes._lanes  # noqa: SLF001 - what is kept shows nowhere else
