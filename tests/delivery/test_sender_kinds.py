"""The sender with things of all kinds, on a fake clock: jobs, look-ups, profiles and two minutes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import mixed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixed import POISON, KindsZendesk, house, user, work
from test_sender import (
    CONFLICT,
    DENIED,
    EXPIRED,
    FAILED,
    FAILED_AND_STORED,
    NOT_SENT,
    House,
    Reply,
    check_numbers,
    limited,
)

from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.profile import Method
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.work import Work
from target_zendesk_events.zendesk.answers import Answer, Kind

SLOW_JOB = ("completed", 30.0)


def number_of(shipment: Any) -> int:
    """Return the number of a shipment's record."""
    number: int = json.loads(shipment.open_record.work.line)["number"]
    return number


def check_rates(zendesk: KindsZendesk, per_minute: Mapping[Bucket, int]) -> None:
    """No 60 seconds hold more arrivals of a bucket than its limit."""
    counted = [one for one in zendesk.requests if one.asked not in {"token", "who"}]
    assert len(counted) == len(zendesk.buckets)
    for bucket, limit in per_minute.items():
        pairs = zip(counted, zendesk.buckets, strict=True)
        arrivals = sorted(one.arrived for one, whose in pairs if whose is bucket)
        for earlier, later in zip(arrivals, arrivals[limit:], strict=False):
            assert later - earlier > 60


def check_floors(zendesk: KindsZendesk) -> None:
    """No attempt in a bucket starts between an answer of that bucket with Retry-After and the end of its wait."""
    counted = [one for one in zendesk.requests if one.asked not in {"token", "who"}]
    for (answered, until), bucket in zip(zendesk.floors, zendesk.floor_buckets, strict=True):
        for request, whose in zip(counted, zendesk.buckets, strict=True):
            assert whose is not bucket or not answered < request.sent < until


@dataclasses.dataclass
class Judge:
    """Holds a run against its promises from outside: by what Zendesk answered, and by the dead letters."""

    house: House
    lane_keys: dict[int, set[Any]] = dataclasses.field(default_factory=dict)
    in_lane: dict[Any, list[int]] = dataclasses.field(default_factory=dict)
    final: set[int] = dataclasses.field(default_factory=set)
    """Records whose last answer has come."""
    in_job: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def watch(self) -> None:
        """Look at each request as it starts, and at each answer as it comes."""
        self.house.hands.on_start = self.started
        self.house.hands.on_answer = self.answered

    def note(self, number: int, one: Work) -> None:
        """Note a record that goes in."""
        what = one.matches[0].shipment
        self.lane_keys[number] = set() if what is None else set(what.lane_keys())
        for key in self.lane_keys[number]:
            self.in_lane.setdefault(key, []).append(number)

    def settled(self) -> set[int]:
        """Return the records that are final, or set aside durably."""
        return self.final | {number for number, _ in self.house.letters.written[: self.house.letters.durable]}

    def started(self, task: Any) -> None:
        """A thing starts only when every earlier one that shares a lane has its outcome, and no two at once."""
        numbers = [number_of(one) for one in task.shipments]
        out = [number_of(one) for other in self.house.hands.in_flight for one in other.shipments]
        taken = [key for number in [*numbers, *out] for key in self.lane_keys[number]]
        assert len(taken) == len(set(taken))
        assert len(numbers) <= 100
        over = self.final | {one for one, _ in self.house.letters.written}
        for number in numbers:
            assert all(one in over for key in self.lane_keys[number] for one in self.in_lane[key] if one < number)
        starting = sum(one.asked == "job" for one in self.house.hands.in_flight) + (task.asked == "job")
        assert starting + len(self.house.sender._jobs) <= 10  # noqa: SLF001 - what no word of the sender tells

    def answered(self, task: Any, answer: Answer) -> None:
        """Note what is final by this answer."""
        if answer.kind is not Kind.ACCEPTED:
            return
        if task.asked == "send":
            self.final.add(number_of(task.shipments[0]))
        elif task.asked == "read":
            number = number_of(task.shipments[0])
            if any(one["properties"]["number"] == number for one in answer.payload["events"]):
                self.final.add(number)
        elif task.asked == "job":
            self.in_job[answer.payload["job_status"]["id"]] = [number_of(one) for one in task.shipments]
        elif task.asked == "job_statuses":
            for told in answer.payload["job_statuses"]:
                if told["status"] == "completed" and told["results"]:
                    numbers = self.in_job[told["id"]]
                    self.final |= {numbers[one["index"]] for one in told["results"] if one["success"]}


NAMES = st.sampled_from(["a", "b", "c"])
RECORDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["event", "profile", "object", "object", "object", "object"]),
        "name": NAMES,
        "id_type": st.sampled_from(["shop_id", "external_id"]),
        "method": st.sampled_from(list(Method)),
        "key": st.sampled_from(["subscription", "subscription", "contract"]),
        "plan": st.sampled_from(["gold", "gold", "gold", POISON]),
        "refers_to": st.sampled_from([None, None, "known", "a", "b", "by email", "a contract"]),
        "count": st.sampled_from([1, 1, 1, 2, 130]),
        "state_after": st.booleans(),
        "pause": st.sampled_from([0.0, 0.0, 0.0, 0.3, 2.0, 40.0]),
    }
)
REPLIES = st.one_of(
    st.builds(Reply, latency=st.sampled_from([0.0, 0.25, 3.0, 30.0]), stores=st.just(True)),
    st.sampled_from(
        [
            mixed.REFUSED,
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
FATES = st.tuples(
    st.sampled_from(["completed", "completed", "failed", "killed", "fewer", "reversed"]),
    st.sampled_from([0.0, 1.0, 30.0]),
) | st.sampled_from([("forgotten", 1.0), ("stuck", 0.0)])
REFERENCES = {
    "known": user("known"),
    "a": user("a"),
    "b": user("b"),
    "by email": user("known@example.com", "email"),
    "a contract": LookUp("object", "contract", "s-a"),
}


def random_work(number: int, one: Mapping[str, Any], place: int) -> Work:
    """Return a record that yields a thing of some kind; the further of several are of names of their own."""
    name = one["name"] if not place else f"{one['name']}-{number}"
    if one["kind"] == "event":
        return work(number, mixed.event(number, name, one["id_type"]))
    if one["kind"] == "profile":
        return work(number, mixed.profile(number, name, one["method"]))
    fields = {} if one["refers_to"] is None else {"customer": REFERENCES[one["refers_to"]]}
    return work(number, mixed.record(number, name, one["plan"], key=one["key"], **fields))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    records=st.lists(RECORDS, max_size=15),
    plan=st.lists(REPLIES, max_size=20),
    fates=st.lists(FATES, max_size=6),
    per_minute=st.sampled_from([2, 5, 1_000]),
    support_per_minute=st.sampled_from([2, 7, 1_000]),
    max_in_flight=st.sampled_from([1, 3, 32]),
    batch_size=st.sampled_from([1, 3, 100]),
    policy=st.sampled_from(["retry", "hold", "verify"]),
    arrives_at=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_every_promise_holds_for_random_kinds_answers_and_fates(
    records: list[dict[str, Any]],
    plan: list[Reply],
    fates: list[tuple[str, float]],
    per_minute: int,
    support_per_minute: int,
    max_in_flight: int,
    batch_size: int,
    policy: str,
    arrives_at: float,
) -> None:
    """What shares an identity keeps its order, STATE is never ahead, both minutes are walls, everything is settled."""
    here, zendesk = house(
        plan,
        per_minute=per_minute,
        support_per_minute=support_per_minute,
        max_in_flight=max_in_flight,
        batch_size=batch_size,
        policy=policy,
        renews=True,
        max_outage_seconds=3_000.0,
        visible_after=8.0,
    )
    zendesk.arrives_at = arrives_at
    zendesk.fates = list(fates)
    zendesk.users |= {"known", "known@example.com"}
    works: dict[int, Work] = {}
    judge = Judge(here)
    judge.watch()
    here.on_state = lambda value: check_state(value, works, judge.settled())
    upto = -1
    here.checkpoints.see("rows")
    for one in records:
        here.pass_time(here.clock.now + one["pause"])
        if here.sender.is_stopping:
            break
        for place in range(one["count"]):
            number = len(works)
            works[number] = random_work(number, one, place)
            judge.note(number, works[number])
            here.sender.take(works[number])
            if here.sender.wants_step:
                here.step()
        if one["state_after"]:
            upto = len(works) - 1
            here.checkpoints.note(json.dumps({"upto": upto}).encode())
    here.run()
    check_numbers(here.report)
    check_rates(zendesk, {Bucket.EVENTS: per_minute, Bucket.SUPPORT: support_per_minute})
    check_floors(zendesk)
    assert here.hands.most <= max_in_flight
    assert not here.was_busy
    if here.sender.failure is not None:
        return
    assert here.report.totals()["undelivered"] == 0
    assert judge.settled() == set(works)
    assert here.settling.open_bytes == 0
    check_content(zendesk, works, judge.final)
    check_unresolved(here, works, judge.final)
    if upto >= 0:
        assert json.loads(here.states[-1][1]) == {"upto": upto}


def check_state(value: bytes, works: Mapping[int, Work], settled: set[int]) -> None:
    """Every record before a STATE is settled when it goes out."""
    assert {number for number in works if number <= json.loads(value)["upto"]} <= settled


def check_content(zendesk: KindsZendesk, works: Mapping[int, Work], final: set[int]) -> None:
    """Of each record of an object, what Zendesk has is no older than the newest that was delivered."""
    newest: dict[tuple[str, str], int] = {}
    for number in sorted(final):
        what: Any = works[number].matches[0].shipment
        if what.kind == "object":
            newest[what.key, what.external_id] = number
    for identity, number in newest.items():
        assert zendesk.records[identity]["custom_object_fields"]["number"] >= number


def check_unresolved(here: House, works: Mapping[int, Work], final: set[int]) -> None:
    """Nothing is set aside for want of what an earlier record made."""
    made: dict[Any, int] = {}
    for number in sorted(final, reverse=True):
        what: Any = works[number].matches[0].shipment
        for key in what.lane_keys():
            made[key] = number
    for number, note in here.letters.written:
        if note.reason == "unresolved":
            shipment = works[number].matches[0].shipment
            assert shipment is not None
            for one in shipment.look_ups():
                names = (tuple(one), (one.by, one.value))
                assert all(made.get(name, number) >= number for name in names)
