"""Look-ups, and how jobs stand, on a fake clock: they hold to limit, circuit, token and places as all else does."""

from __future__ import annotations

from collections.abc import Callable

import mixed
import pytest
from mixed import house, user, work
from test_sender import DENIED, EXPIRED, FAILED, Reply, limited, outcomes

from target_zendesk_events.errors import AddressError, CredentialsError, OutageError
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.request import Request
from target_zendesk_events.zendesk.answers import Kind


def only(ending: str, *replies: Reply) -> Callable[[Request], Reply | None]:
    """Return what answers the first requests whose path holds a text."""
    left = list(replies)

    def reply_to(request: Request) -> Reply | None:
        return left.pop(0) if left and ending in request.path else None

    return reply_to


def test_users_are_asked_for_a_hundred_at_a_time() -> None:
    """A thousand records of two hundred users cost two look-ups."""
    here, zendesk = house()
    zendesk.users = {f"c-{number}" for number in range(200)}
    for start in range(0, 1_000, 100):
        here.take(
            *(work(one, mixed.record(one, one, customer=user(f"c-{one % 200}"))) for one in range(start, start + 100))
        )
        here.step()
    here.run()
    assert len(zendesk.sent("GET", "users/show_many")) == 2
    assert len(zendesk.jobs) == 10
    assert outcomes(here.report) == {"delivered": 1_000}


def test_what_is_looked_up_is_asked_for_at_once() -> None:
    """Three users by email, one after the other, and then the record: a second, a quarter of it for each answer."""
    here, zendesk = house()
    zendesk.users = {f"customer-{number}@example.com" for number in range(3)}
    began = here.clock.now
    first, second, third = (user(f"customer-{number}@example.com", "email") for number in range(3))
    here.take(work(0, mixed.record(0, 0, a=first, b=second, c=third)))
    here.run()
    assert outcomes(here.report) == {"delivered": 1}
    assert here.clock.now - began <= 1.1
    assert not here.was_busy


def test_look_ups_leave_places_for_what_is_under_way() -> None:
    """With four at once, fifty users are asked for by email four at a time."""
    here, zendesk = house(max_in_flight=4)
    zendesk.users = {f"customer-{number}@example.com" for number in range(50)}
    records = [mixed.record(one, one, customer=user(f"customer-{one}@example.com", "email")) for one in range(50)]
    here.take(*(work(number, one) for number, one in enumerate(records)))
    here.run()
    assert here.hands.most == 4
    assert not here.was_busy
    assert len(zendesk.sent("GET", "users/search")) == 50
    assert outcomes(here.report) == {"delivered": 50}


def test_a_look_up_that_gets_a_401_waits_for_the_new_token() -> None:
    """It is asked once more, when the token is there."""
    here, zendesk = house(renews=True)
    zendesk.token_plan.extend([Reply(status=200), Reply(status=200, latency=5.0)])
    zendesk.users = {"c-1"}
    zendesk.reply_to = only("show_many", EXPIRED)
    here.take(work(0, mixed.record(0, 0, customer=user("c-1"))))
    here.run()
    first, second = zendesk.sent("GET", "users/show_many")
    assert second - first >= 5
    assert sum(one.asked == "token" for one in zendesk.requests) == 2
    assert outcomes(here.report) == {"delivered": 1}


def test_a_token_that_ends_while_a_job_is_under_way_is_renewed() -> None:
    """Though nothing is left to be sent: how the job stands is asked with the new one."""
    here, zendesk = house(renews=True, max_outage_seconds=300.0)
    zendesk.fates = [("completed", 30.0)]
    zendesk.reply_to = only("job_statuses", EXPIRED)
    here.take(*(work(number, mixed.record(number, number)) for number in range(2)))
    here.run()
    assert sum(one.asked == "token" for one in zendesk.requests) == 2
    assert len(zendesk.sent("GET", "job_statuses/show_many")) < 12
    assert outcomes(here.report) == {"delivered": 2}


@pytest.mark.parametrize("reply", [limited(30.0), Reply(Kind.UNKNOWN, 503, retry_after=30.0)])
def test_a_look_up_waits_and_the_others_go_on(reply: Reply) -> None:
    """Events, and records that refer to nobody, are delivered meanwhile, as far as their minutes let."""
    here, zendesk = house()
    zendesk.users = {"c-1"}
    zendesk.reply_to = only("show_many", reply)
    here.take(work(0, mixed.record(0, 0, customer=user("c-1"))))
    here.pass_time(here.clock.now + 1)
    began = here.clock.now
    here.take(*(work(number, mixed.event(number, number)) for number in range(1, 51)))
    here.run()
    events = zendesk.sent("POST", "events")
    assert len(events) == 50
    assert max(events) <= began + 3
    assert zendesk.sent("GET", "show_many")[1] >= began + 29
    assert outcomes(here.report) == {"delivered": 51}


def test_one_of_a_hundred_that_is_at_fault_takes_no_other_down() -> None:
    """Refused together, each is asked for alone; only what is refused then is set aside, in Zendesk's words."""
    here, zendesk = house()
    zendesk.users = {f"c-{number}" for number in range(10)}
    zendesk.reply_to = lambda request: mixed.REFUSED if "show_many" in request.path and "c-3" in request.path else None
    here.take(*(work(one, mixed.record(one, one, customer=user(f"c-{one}"))) for one in range(10)))
    here.run()
    assert len(zendesk.sent("GET", "users/show_many")) == 11
    assert [(number, note.reason) for number, note in here.letters.written] == [(3, "refused")]
    assert outcomes(here.report) == {"delivered": 9, "rejected": 1}


def test_a_look_up_that_fails_for_a_while_is_tried_again() -> None:
    """With growing waits, as everything is."""
    here, zendesk = house()
    zendesk.users = {"c-1"}
    zendesk.reply_to = only("show_many", *[FAILED] * 4)
    here.take(work(0, mixed.record(0, 0, customer=user("c-1"))))
    here.run()
    times = zendesk.sent("GET", "users/show_many")
    assert len(times) == 5
    assert times[4] - times[3] > times[1] - times[0]
    assert outcomes(here.report) == {"delivered": 1}


def test_without_the_right_to_look_up_the_run_ends() -> None:
    """Nothing is set aside for that: the credentials are to be mended."""
    here, zendesk = house()
    zendesk.reply_to = only("show_many", DENIED)
    here.take(work(0, mixed.record(0, 0, customer=user("c-1"))))
    here.run()
    assert isinstance(here.sender.failure, CredentialsError)
    assert outcomes(here.report) == {"undelivered": 1}


def test_what_an_earlier_record_makes_is_waited_for() -> None:
    """A record that refers to a customer whose event goes before it is not looked up until that was taken."""
    here, zendesk = house()
    here.take(
        work(0, mixed.event(0, "c-1", "external_id")),
        work(1, mixed.record(1, 1, customer=user("c-1"))),
        work(2, mixed.record(2, 2, key="contract")),
        work(3, mixed.record(3, 3, contract=LookUp("object", "contract", "s-2"))),
    )
    here.run()
    assert outcomes(here.report) == {"delivered": 4}
    assert len(zendesk.sent("GET", "users/show_many")) == 1


def test_what_was_not_there_and_was_made_since_by_this_run_is_found_at_once() -> None:
    """That nobody was there a moment ago is no reason to set aside a record which comes after the one that makes it."""
    here, _ = house()
    here.take(work(0, mixed.record(0, 0, customer=user("c-1"))))
    here.pass_time(here.clock.now + 3)
    assert [(number, note.reason) for number, note in here.letters.written] == [(0, "unresolved")]
    here.take(
        work(1, mixed.event(1, "c-1", "external_id")),
        work(2, mixed.record(2, 2, customer=user("c-1"))),
    )
    here.pass_time(here.clock.now + 3)
    here.take(work(3, mixed.record(3, 3, customer=user("c-1"))))
    here.run()
    assert outcomes(here.report) == {"delivered": 3, "rejected": 1}


def test_what_is_not_there_takes_no_place_of_the_minute() -> None:
    """Twenty deletions of what is not there cost twenty look-ups, five a minute, and nothing else."""
    here, zendesk = house(per_minute=5)
    here.take(work(20, mixed.event(20, "a customer")))
    here.pass_time(here.clock.now + 1)
    here.take(*(work(number, mixed.deletion(number)) for number in range(20)))
    began = here.clock.now
    here.run()
    assert len(zendesk.requests) == 21
    assert here.clock.now < began + 4 * 61
    assert outcomes(here.report) == {"delivered": 21}


def test_a_refused_look_up_is_no_absence() -> None:
    """A deletion whose profile Zendesk did not tell of is set aside, not done; a 404 alone says that it is gone."""
    here, zendesk = house()
    zendesk.reply_to = only("user_profiles", mixed.REFUSED, mixed.MISSING)
    here.take(work(0, mixed.deletion("a")), work(1, mixed.deletion("b")))
    here.run()
    assert [(number, note.reason, note.status) for number, note in here.letters.written] == [(0, "refused", 422)]
    assert outcomes(here.report) == {"delivered": 1, "rejected": 1}


def test_a_404_counts_as_absence_only_where_zendesk_is_at_the_address() -> None:
    """Before the run's first success it is asked who the credentials belong to; then the look-up is made again."""
    here, zendesk = house()
    here.take(*(work(number, mixed.deletion(number)) for number in range(8)))
    here.run()
    assert [one.asked for one in zendesk.requests] == [*["GET user_profiles"] * 8, "who", *["GET user_profiles"] * 8]
    assert outcomes(here.report) == {"delivered": 8}


def test_at_a_wrong_address_nothing_counts_as_deleted_or_as_unresolved() -> None:
    """Where no Zendesk answers, the run ends: nothing is settled."""
    here, zendesk = house()
    zendesk.reply_to = lambda request: mixed.MISSING  # noqa: ARG005
    zendesk.who_plan.extend([Reply(Kind.REFUSED, 404)] * 3)
    here.take(work(0, mixed.deletion("a")), work(1, mixed.record(1, 1, customer=user("c-1"))))
    here.run()
    assert isinstance(here.sender.failure, AddressError)
    assert outcomes(here.report) == {"undelivered": 2}


def test_what_waits_for_a_suspect_holds_no_run_open() -> None:
    """An event was denied, and a record that refers to its customer waits: whose fault it is, is found out."""
    here, zendesk = house()
    zendesk.decide = lambda number: DENIED  # noqa: ARG005
    here.take(work(0, mixed.event(0, "c-1", "external_id")), work(1, mixed.record(1, 1, customer=user("c-1"))))
    here.run(5_000.0)
    assert not here.was_busy
    assert len(zendesk.requests) < 10


def test_a_stop_waits_for_no_job_that_may_not_be_asked_for_in_time() -> None:
    """A `Retry-After` that is too long ends the run at once, with jobs open, too."""
    here, zendesk = house()
    zendesk.reply_to = only("job_statuses", limited(3_600.0))
    here.take(work(0, mixed.record(0, 0)), work(1, mixed.record(1, 1)))
    here.run()
    assert isinstance(here.sender.failure, OutageError)
    (asked,) = zendesk.sent("GET", "show_many")
    assert here.clock.now < asked + 1
    assert outcomes(here.report) == {"undelivered": 2}
