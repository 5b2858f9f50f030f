"""What sending would take, by kind and by bucket."""

from __future__ import annotations

import pytest

from target_zendesk_events.delivery.cost import Cost, Reckoning
from target_zendesk_events.kinds.deletion import TicketDeletion
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.object_record import ObjectRecord, Reference
from target_zendesk_events.kinds.profile import Identifier, Profile, ProfileUpsert
from target_zendesk_events.kinds.shipment import Bucket, Shipment

PROFILE = Profile("shop", "customer", (Identifier("email", "customer-1@example.com"),))
EVENT = Event(PROFILE, "shop", "order", {})
RATES = {Bucket.EVENTS: 60, Bucket.SUPPORT: 30}


def cost(*things: Shipment, quota: int | None = None) -> Cost:
    """Return what some things would take."""
    reckoning = Reckoning(RATES, quota)
    for one in things:
        reckoning.add(one)
    return reckoning.cost()


@pytest.mark.parametrize(
    ("things", "sent", "deletions"),
    [
        ([], "0 events", 0),
        ([EVENT] * 1_200, "1,200 events", 0),
        ([ProfileUpsert(PROFILE)] * 2, "2 profiles", 0),
        ([EVENT, ProfileUpsert(PROFILE), EVENT], "3 things (2 events, 1 profile)", 0),
        ([ObjectRecord("a", "1", {}), TicketDeletion("7")], "1 object record", 1),
        ([TicketDeletion("7")], "nothing", 1),
    ],
)
def test_what_is_sent_is_told_by_kind(things: list[Shipment], sent: str, deletions: int) -> None:
    """Deletions apart."""
    assert (cost(*things).sent, cost(*things).deletions) == (sent, deletions)


def test_the_slower_bucket_says_how_long_it_takes() -> None:
    """Both are used at once; only events draw on the month's quota."""
    events = cost(*[EVENT] * 120, *[TicketDeletion("7")] * 30, quota=1_000)
    assert (events.minutes, events.bucket) == (2.0, Bucket.EVENTS)
    assert str(events) == "2 minutes at 60 a minute, 12.0 % of the month's quota"
    support = cost(*[EVENT] * 60, *[TicketDeletion("7")] * 60)
    assert (support.minutes, str(support)) == (2.0, "2 minutes at 30 a minute of Support's")
    assert cost(ProfileUpsert(PROFILE), quota=10).share_of_month is None


def test_the_requests_of_both_minutes_are_told() -> None:
    """A request each for events and profiles; those of Support's for the rest."""
    told = cost(EVENT, ProfileUpsert(PROFILE), *[ObjectRecord("a", str(number), {}) for number in range(101)])
    assert told.requests == {Bucket.EVENTS: 2, Bucket.SUPPORT: 2}


@pytest.mark.parametrize(
    ("checks", "requests"), [(False, {Bucket.EVENTS: 3}), (True, {Bucket.EVENTS: 3, Bucket.SUPPORT: 1})]
)
def test_customers_that_are_asked_for_first_take_support_s_minute(checks: bool, requests: dict[Bucket, int]) -> None:
    """Each once, by the first identifier that Zendesk's users have."""
    reckoning = Reckoning(RATES, None, checks_customers=checks)
    for one in (EVENT, EVENT, ProfileUpsert(PROFILE)):
        reckoning.add(one)
    assert reckoning.cost().requests == requests


def test_what_may_share_a_request_does() -> None:
    """A hundred records of an object a job, a hundred users a look-up, an address alone; each is asked for once."""
    records = [ObjectRecord("a", str(number), {}) for number in range(201)]
    assert cost(*records).minutes == pytest.approx(3 / 30)
    assert cost(*records, ObjectRecord("b", "1", {})).minutes == pytest.approx(4 / 30)
    users = [Reference(LookUp("user", "external_id", str(number % 150))) for number in range(201)]
    referring = [ObjectRecord("a", str(number), {"user": user}) for number, user in enumerate(users)]
    assert cost(*referring).minutes == pytest.approx(5 / 30)
    payer = Reference(LookUp("user", "email", "customer-1@example.com"))
    assert cost(ObjectRecord("a", "1", {"payer": payer})).minutes == pytest.approx(2 / 30)
