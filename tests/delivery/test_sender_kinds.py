"""The sender with things of all kinds, on a fake clock: jobs, look-ups, profiles and two minutes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import mixed
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixed import MISSING, POISON, Kept, KindsZendesk, house, user, work
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
    outcomes,
)

from target_zendesk_events.kinds.deletion import RecordDeletion
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.object_record import ObjectRecord
from target_zendesk_events.kinds.profile import Method
from target_zendesk_events.kinds.request import Bucket, Request
from target_zendesk_events.kinds.ticket import Ticket
from target_zendesk_events.signals import GRACE_SECONDS
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
    knows_address: bool = False
    """Whether any answer showed that Zendesk is there: until then a 404 says nothing."""
    deletes: dict[Any, list[int]] = dataclasses.field(default_factory=dict)
    """The deletions of each profile, by its look-up."""
    in_job: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def watch(self) -> None:
        """Look at each request as it starts, and at each answer as it comes."""
        self.house.hands.on_start = self.started
        self.house.hands.on_answer = self.answered

    def note(self, number: int, one: Work) -> None:
        """Note a record that goes in."""
        what = one.matches[0].shipment
        self.lane_keys[number] = set() if what is None else set(what.lane_keys())
        for wanted in () if what is None or what.kind != "deletion" else what.look_ups():
            self.deletes.setdefault(wanted, []).append(number)
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
        assert starting + len(self.house.sender._inquiries._jobs) <= 10  # noqa: SLF001 - what no word of the sender tells

    def answered(self, task: Any, answer: Answer) -> None:
        """Note what is final by this answer."""
        if answer.is_missing and task.shipments and task.shipments[0].what.kind == "deletion":
            self.final.add(number_of(task.shipments[0]))
        over = self.final | {one for one, _ in self.house.letters.written}
        self.knows_address |= answer.kind is Kind.ACCEPTED and task.asked != "token"
        for one in task.about if answer.is_missing and self.knows_address else ():
            first = next((number for number in self.deletes[one] if number not in over), None)
            self.final.update(() if first is None else (first,))  # None: it waited, and was asked for again
        if answer.kind is not Kind.ACCEPTED:
            return
        if task.asked == "send":
            self.final.add(number_of(task.shipments[0]))
        elif task.asked == "read":
            number = number_of(task.shipments[0])
            if any(one["properties"]["number"] == number for one in answer.payload.get("events", ())):
                self.final.add(number)
        else:
            self._answered_of_jobs(task, answer)

    def _answered_of_jobs(self, task: Any, answer: Answer) -> None:
        if task.asked == "job":
            self.in_job[answer.payload["job_status"]["id"]] = [number_of(one) for one in task.shipments]
        elif task.asked == "job_statuses":
            for told in answer.payload["job_statuses"]:
                if told["status"] == "completed" and told["results"]:
                    numbers = self.in_job[told["id"]]
                    self.final |= {numbers[one["index"]] for one in told["results"] if one["success"]}


NAMES = st.sampled_from(["a", "b", "c"])
RECORDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["event", "profile", *["object"] * 4, "deletion", "record", "ticket", "comment"]),
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
    if one["kind"] == "deletion":
        return work(number, mixed.deletion(name))
    if one["kind"] == "record":
        return work(number, RecordDeletion(one["key"], f"s-{name}"))
    if one["kind"] == "ticket":
        return work(number, mixed.ticket(number))
    if one["kind"] == "comment":
        return work(number, mixed.comment(number, name))
    fields = {} if one["refers_to"] is None else {"customer": REFERENCES[one["refers_to"]]}
    return work(number, mixed.record(number, name, one["plan"], key=one["key"], **fields))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    made = [one["external_id"] for one in zendesk.tickets]
    assert len(made) == len(set(made))
    if policy != "retry":
        assert len(zendesk.comments) == len(set(zendesk.comments))
        assert len(here.stored_numbers) == len(set(here.stored_numbers))
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
    deleted: dict[tuple[str, str], int] = {}
    for number, one in works.items():
        what: Any = one.matches[0].shipment
        if isinstance(what, RecordDeletion):
            deleted[what.key, what.external_id] = number
        elif what.kind == "object" and number in final:
            newest[what.key, what.external_id] = number
    for identity, number in newest.items():
        if deleted.get(identity, -1) < number:
            assert zendesk.records[identity]["custom_object_fields"]["number"] >= number


def check_unresolved(here: House, works: Mapping[int, Work], final: set[int]) -> None:
    """Nothing is set aside for want of what an earlier record made, unless one between the two took it away."""
    last: dict[Any, str] = {}
    unresolved = {number for number, note in here.letters.written if note.reason == "unresolved"}
    for number, one in works.items():
        what: Any = one.matches[0].shipment
        for wanted in what.look_ups() if number in unresolved else ():
            names = (tuple(wanted), (wanted.by, wanted.value))
            assert all(last.get(name, "deletion") == "deletion" for name in names)
        if number in final:
            last.update(dict.fromkeys(what.lane_keys(), what.kind))


# jobs


def test_a_poisoned_item_among_a_hundred_is_set_aside_and_ninety_nine_are_delivered() -> None:
    """One job, one question; the dead letter holds Zendesk's words."""
    here, zendesk = house()
    here.take(
        *(work(number, mixed.record(number, number, POISON if number == 41 else "gold")) for number in range(100))
    )
    here.run()
    assert outcomes(here.report) == {"delivered": 99, "rejected": 1}
    assert [(number, note.reason) for number, note in here.letters.written] == [(41, "refused")]
    assert here.letters.written[0][1].message == "RecordInvalid: no such plan"
    assert [len(one.items) for one in zendesk.jobs.values()] == [100]
    assert len(zendesk.requests) <= 3


@pytest.mark.parametrize("fate", ["failed", "killed"])
def test_a_job_that_fails_as_a_whole_goes_again_one_by_one(fate: str) -> None:
    """One bad record never takes 99 down."""
    here, zendesk = house()
    zendesk.fates = [(fate, 1.0)]
    here.take(
        *(work(number, mixed.record(number, number, POISON if number == 41 else "gold")) for number in range(100))
    )
    here.run()
    assert outcomes(here.report) == {"delivered": 99, "rejected": 1}
    assert len(zendesk.jobs) == 1
    assert len(zendesk.sent("PATCH", "records")) == 100


def test_a_job_that_zendesk_forgot_goes_again_as_a_job() -> None:
    """Nothing says that an item was at fault, and to send them again does no harm."""
    here, zendesk = house()
    zendesk.fates = [("forgotten", 1.0)]
    here.take(*(work(number, mixed.record(number, number)) for number in range(100)))
    here.run()
    assert outcomes(here.report) == {"delivered": 100}
    assert len(zendesk.jobs) == 2


def test_what_two_jobs_lost_goes_alone() -> None:
    """Where nobody can tell how jobs stand, the record's own answer tells."""
    here, zendesk = house()
    zendesk.fates = [("forgotten", 1.0), ("forgotten", 1.0)]
    here.take(*(work(number, mixed.record(number, number)) for number in range(3)))
    here.run()
    assert outcomes(here.report) == {"delivered": 3}
    assert (len(zendesk.jobs), len(zendesk.sent("PATCH", "records"))) == (2, 3)


def test_a_record_of_an_object_that_is_not_there_is_set_aside_with_what_makes_it() -> None:
    """The likeliest first mistake names its cure, in the dead letter and in the log."""
    here, zendesk = house()
    zendesk.reply_to = lambda request: MISSING if request.method == "PATCH" else None
    here.take(work(0, mixed.record(0, 0)))
    here.run()
    assert outcomes(here.report) == {"rejected": 1}
    (_, note), *_ = here.letters.written
    assert note.message.endswith("zendesk-events objects --apply makes it")
    assert "zendesk-events objects --apply" in here.report.stream("rows").reasons.commonest()


@pytest.mark.parametrize("per_minute", [2, 1_000])
def test_what_is_referred_to_is_deleted_after_what_refers_to_it(per_minute: int) -> None:
    """In the order of the input, also where the reference is yet to be looked up when the deletion could go."""
    here, zendesk = house(support_per_minute=per_minute, max_in_flight=1, batch_size=1)
    here.take(
        work(0, mixed.record(0, "a", key="contract")),
        work(1, mixed.record(1, "a", customer=LookUp("object", "contract", "s-a"))),
        work(2, RecordDeletion("contract", "s-a")),
    )
    here.run()
    assert outcomes(here.report) == {"delivered": 3}
    assert list(zendesk.records) == [("subscription", "s-a")]


def test_a_look_up_that_is_never_answered_holds_back_its_own_record_alone() -> None:
    """It is asked for alone after some failures, and given up while others are sent."""
    here, zendesk = house()
    poison = "c-41"

    def reply_to(request: Request) -> Reply | None:
        return FAILED if "show_many" in request.path and poison in request.path else None

    zendesk.reply_to = reply_to
    zendesk.users.update(f"c-{number}" for number in range(60))
    referring = [mixed.record(number, number, customer=mixed.user(f"c-{number % 60}")) for number in range(200)]
    here.take(*(work(number, referring[number]) for number in range(60)))
    for number in range(60, 200):
        here.pass_time(here.clock.now + 5)
        if number % 60 != 41:
            here.take(work(number, referring[number]))
    here.run()
    assert outcomes(here.report) == {"delivered": 197, "rejected": 1}
    assert here.sender.failure is None


def test_a_lost_answer_to_the_start_of_a_job_starts_another_whatever_the_policy() -> None:
    """What the first did, the second does again to the same effect."""
    here, zendesk = house([FAILED_AND_STORED], policy="hold")
    here.take(*(work(number, mixed.record(number, number)) for number in range(100)))
    here.run()
    assert outcomes(here.report) == {"delivered": 100}
    assert len(zendesk.jobs) == 2


def test_ten_jobs_are_open_at_once_and_others_fill_up_meanwhile() -> None:
    """Three thousand records that come at once make jobs of a hundred, ten at a time."""
    here, zendesk = house(max_in_flight=32)
    zendesk.fates = [("completed", 20.0)] * 30
    here.take(*(work(number, mixed.record(number, number)) for number in range(2_000)))
    began = here.clock.now
    here.run()
    assert [len(one.items) for one in zendesk.jobs.values()] == [100] * 20
    assert sum(one <= began + 15 for one in zendesk.sent("POST", "jobs")) == 10
    assert outcomes(here.report) == {"delivered": 2_000}


def test_two_items_of_one_identity_never_share_a_job() -> None:
    """The second waits for the first one's end, so the newest content wins."""
    here, zendesk = house()
    here.take(*(work(number, mixed.record(number, number % 3)) for number in range(9)))
    here.run()
    for job in zendesk.jobs.values():
        names = [one["external_id"] for one in job.items]
        assert len(names) == len(set(names))
    assert {one["custom_object_fields"]["number"] for one in zendesk.records.values()} == {6, 7, 8}


def test_too_many_jobs_hold_back_jobs_alone() -> None:
    """Others of the account have thirty under way: a ticket, and how one's own jobs stand, go on meanwhile."""
    here, zendesk = house()
    refusals = [Reply(Kind.LIMITED, 429, code="TooManyJobs")] * 3
    zendesk.reply_to = lambda request: refusals.pop() if request.path.endswith("/jobs") and refusals else None
    here.take(*(work(number, mixed.record(number, number)) for number in range(2)))
    here.pass_time(here.clock.now + 0.3)
    began = here.clock.now
    here.take(*(work(number, mixed.ticket(number)) for number in range(2, 30)))
    here.run()
    assert len(zendesk.jobs) == 1
    assert max(zendesk.sent("POST", "tickets")) <= began + 2 < zendesk.sent("POST", "jobs")[-1]
    assert outcomes(here.report) == {"delivered": 30}


# what replaces the last


def test_a_b_a_is_sent_three_times_and_what_did_not_change_costs_nothing() -> None:
    """The ledger knows the content that was last sent, in later runs too."""
    ledger = Kept()
    plans = ["gold", "silver", "gold", "gold"]
    for take in range(2):
        here, zendesk = house(ledger=ledger)
        for number, plan in enumerate(plans if take == 0 else ["gold", "gold"]):
            here.take(work(number, ObjectRecord("subscription", "s-1", {"plan": plan})))
            here.pass_time(here.clock.now + 10)
        here.run()
        assert len(zendesk.sent("PATCH", "records")) == (3 if take == 0 else 0)
        assert outcomes(here.report) == ({"delivered": 3, "duplicate": 1} if take == 0 else {"duplicate": 2})


def test_a_merge_of_a_profile_costs_a_second_request_the_first_time_alone() -> None:
    """PATCH, and PUT where there is none yet: that 404 is no fault, neither of the profile nor of the address."""
    here, zendesk = house()
    for number in range(3):
        here.take(work(number, mixed.profile(number, "a")))
        here.pass_time(here.clock.now + 10)
    here.run()
    assert [method for _, method, _ in zendesk.paths] == ["PATCH", "PUT", "PATCH", "PATCH"]
    assert outcomes(here.report) == {"delivered": 3}
    assert here.sender.failure is None


def test_a_replacement_of_a_profile_is_one_put() -> None:
    """What is there does not matter."""
    here, zendesk = house()
    here.take(work(0, mixed.profile(0, "a", Method.REPLACE)))
    here.run()
    assert [method for _, method, _ in zendesk.paths] == ["PUT"]


# two minutes


@pytest.mark.parametrize("hurt", list(Bucket))
def test_a_429_in_one_bucket_leaves_the_other_full(hurt: Bucket) -> None:
    """The one waits as long as it was asked to; the other keeps its rate."""
    here, zendesk = house(per_minute=60, support_per_minute=60, max_in_flight=32)
    refusals = {hurt: [limited(100.0)]}

    def reply_to(request: Request) -> Reply | None:
        bucket = Bucket.EVENTS if request.path.startswith("/api/v2/user_profiles") else Bucket.SUPPORT
        return refusals[bucket].pop() if refusals.get(bucket) else None

    zendesk.reply_to = reply_to
    began = here.clock.now
    profiles = [work(2 * number, mixed.profile(number, number, Method.REPLACE)) for number in range(150)]
    tickets = [work(2 * number + 1, mixed.ticket(number)) for number in range(150)]
    here.take(*(one for pair in zip(profiles, tickets, strict=True) for one in pair))
    here.run()
    ends = {
        Bucket.EVENTS: max(zendesk.sent("PUT", "user_profiles")),
        Bucket.SUPPORT: max(zendesk.sent("POST", "tickets")),
    }
    other = Bucket.SUPPORT if hurt is Bucket.EVENTS else Bucket.EVENTS
    assert 120 <= ends[other] - began <= 120 * 1.03
    assert ends[hurt] - began >= 100
    check_rates(zendesk, {Bucket.EVENTS: 60, Bucket.SUPPORT: 60})
    check_floors(zendesk)
    assert outcomes(here.report) == {"delivered": 300}


def test_an_outage_is_the_accounts() -> None:
    """Where events fail one after the other, tickets are not tried at their full rate: one probe goes at a time."""
    here, zendesk = house(max_in_flight=32, policy="retry")
    broken_until = here.clock.now + 60
    zendesk.reply_to = lambda request: FAILED if zendesk.time.now < broken_until else None  # noqa: ARG005
    zendesk.decide = lambda number: FAILED if zendesk.time.now < broken_until else None  # noqa: ARG005
    here.take(*(work(number, mixed.event(number, number)) for number in range(20)))
    here.take(*(work(number, mixed.ticket(number)) for number in range(20, 40)))
    here.pass_time(broken_until - 30)
    seen = len(zendesk.requests)
    here.pass_time(broken_until - 1)
    assert len(zendesk.requests) - seen <= 5
    here.run()
    assert outcomes(here.report) == {"delivered": 40}


# tickets


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
@pytest.mark.parametrize("reply", [FAILED, FAILED_AND_STORED, Reply(Kind.UNKNOWN, None, stores=True)])
def test_a_ticket_whose_answer_was_lost_is_made_once(policy: str, reply: Reply) -> None:
    """It is sent again under its key, whatever the policy: Zendesk remembers that for two hours."""
    here, zendesk = house([reply], policy=policy)
    here.take(work(0, mixed.ticket(0)))
    here.run()
    assert len(zendesk.tickets) == 1
    assert len(zendesk.sent("POST", "tickets")) == 2
    assert outcomes(here.report) == {"delivered": 1}


@pytest.mark.parametrize("policy", ["verify", "retry", "hold"])
@pytest.mark.parametrize("wait", [6_500.0, 9_000.0])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_ticket_that_is_to_wait_longer_than_its_key_lasts_is_not_sent_again(
    is_named: bool, wait: float, policy: str
) -> None:
    """It is looked for by its external id after the wait; without one it is held. A 429 after a lost answer, too."""
    unnamed = Ticket({"subject": "s", "comment": {"body": "b"}})
    for replies in ([Reply(Kind.UNKNOWN, 503, retry_after=wait, stores=True)], [FAILED_AND_STORED, limited(wait)]):
        here, zendesk = house(replies, policy=policy, max_outage_seconds=10_000.0)
        here.take(work(0, mixed.ticket(0) if is_named else unnamed))
        here.run()
        assert len(zendesk.tickets) == 1
        assert len(zendesk.sent("POST", "tickets")) == len(replies)
        assert outcomes(here.report) == {"delivered" if is_named else "held": 1}


@pytest.mark.parametrize(
    ("hours", "was_made", "policy", "posts"),
    [
        (1, True, "verify", 1),
        (3, True, "verify", 0),
        (3, False, "verify", 1),
        (1, True, "hold", 1),
        (3, True, "hold", 0),
    ],
)
def test_a_ticket_that_a_run_which_is_gone_may_have_made(hours: int, was_made: bool, policy: str, posts: int) -> None:
    """Within two hours its key makes no second; later it is looked for by its external id, whatever the policy."""
    ledger = Kept()
    gone, first = house([FAILED_AND_STORED if was_made else FAILED], ledger=ledger, policy=policy)
    gone.take(work(0, mixed.ticket(0)))
    gone.pass_time(gone.clock.now + 0.1)
    ledger.crash()
    here, zendesk = house(ledger=ledger, policy=policy)
    here.clock.now += hours * 3_600
    zendesk.tickets, zendesk.used_keys = first.tickets, first.used_keys if hours == 1 else set()
    here.take(work(0, mixed.ticket(0)))
    here.run()
    assert len(zendesk.tickets) == 1
    assert len(zendesk.sent("POST", "tickets")) == posts
    assert outcomes(here.report) == {"delivered": 1}


@pytest.mark.parametrize(
    ("policy", "expected"), [("verify", {"held": 1}), ("hold", {"held": 1}), ("retry", {"delivered": 1})]
)
def test_a_comment_whose_answer_was_lost_is_not_made_twice_unless_so_wanted(policy: str, expected: Any) -> None:
    """Nothing tells one comment from another, and a second would reach the customer."""
    here, zendesk = house([FAILED_AND_STORED], policy=policy)
    here.take(work(0, mixed.comment(0, "7")))
    here.run()
    assert outcomes(here.report) == expected
    assert len(zendesk.comments) == (2 if policy == "retry" else 1)


# deletions


def test_a_profile_that_came_again_after_its_deletion_is_deleted_again() -> None:
    """Each deletion asks for the id of today, also where there was nothing a moment ago."""
    here, zendesk = house()
    here.take(
        work(0, mixed.deletion("a")),
        work(1, mixed.event(1, "a")),
        work(2, mixed.deletion("a")),
        work(3, mixed.event(3, "a")),
        work(4, mixed.profile(4, "a")),
        work(5, mixed.deletion("a")),
    )
    here.run()
    assert len(zendesk.deleted_profiles) == 2
    assert zendesk.profiles == {}
    assert outcomes(here.report) == ({"delivered": 6})


# the end of a run


def test_a_stop_with_open_jobs_ends_within_the_grace_and_the_next_run_sends_them_again() -> None:
    """How they stand is asked until then; what has no end is left claimed, and no STATE passes it."""
    ledger = Kept()
    here, zendesk = house(ledger=ledger)
    zendesk.fates = [("completed", 3.0), ("completed", 60.0)]
    here.checkpoints.see("rows")
    here.take(*(work(number, mixed.record(number, number)) for number in range(100)))
    here.checkpoints.note(b'{"upto": 99}')
    here.take(*(work(number, mixed.record(number, number)) for number in range(100, 150)))
    here.take(*(work(number, mixed.event(number, number)) for number in range(150, 160)))
    here.checkpoints.note(b'{"upto": 159}')
    here.pass_time(here.clock.now + 1)
    stopped_at = here.clock.now
    here.sender.stop()
    here.run()
    assert here.clock.now <= stopped_at + GRACE_SECONDS
    assert [value for _, value in here.states] == [b'{"upto": 99}']
    assert outcomes(here.report) == {"delivered": 110, "undelivered": 50}
    assert len(ledger.open) == 50
    assert not here.was_busy
    ledger.crash()
    again, other = house(ledger=ledger)
    again.take(*(work(number, mixed.record(number, number)) for number in range(160)))
    again.run()
    assert sorted(len(one.items) for one in other.jobs.values()) == [10, 50]
    assert outcomes(again.report) == {"delivered": 60, "duplicate": 100}


def test_a_stop_with_nothing_but_look_ups_under_way_ends_at_once() -> None:
    """Nothing more is looked up, and nothing is claimed."""
    ledger = Kept()
    here, zendesk = house(ledger=ledger)
    here.take(*(work(number, mixed.record(number, number, customer=user(f"c-{number}"))) for number in range(150)))
    here.sender.stop()
    here.run()
    assert zendesk.requests == []
    assert not ledger.open
    assert outcomes(here.report) == {"undelivered": 150}
