"""What a report tells of a run's requests is what went out, and how long each minute was waited for."""

from __future__ import annotations

import collections

import mixed
import pytest
from mixed import house, user, work

from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Shipment


def test_each_request_is_counted_in_its_minute() -> None:
    """Events, profiles that are new, records in a job and one alone, look-ups, and questions how jobs stand."""
    here, zendesk = house()
    zendesk.users = {f"c-{number}" for number in range(30)}
    things: list[Shipment] = [mixed.event(0, "a"), mixed.event(1, "b"), mixed.profile(2, "c")]
    things += [mixed.record(number, number, customer=user(f"c-{number}")) for number in range(3, 30)]
    things += [mixed.record(30, 30, key="contract")]
    here.take(*(work(number, one) for number, one in enumerate(things)))
    here.run()
    told, minutes = here.report.requests, here.report.minutes
    counted = [one for one in zendesk.requests if one.asked not in {"token", "who"}]
    assert here.report.attempts.sent == len(counted)
    assert {bucket: minute.sent for bucket, minute in minutes.items()} == collections.Counter(zendesk.buckets)
    assert (told["jobs"], told["look_ups"], told["sendings"], told["retries"]) == (1, 1, 5, 0)
    assert told["job_statuses"] == len(zendesk.sent("GET", "show_many")) - told["look_ups"]
    assert [(minute.things, minute.open) for minute in minutes.values()] == [(3, 0), (28, 0)]
    assert [minute.kinds for minute in minutes.values()] == [{"event", "profile"}, {"object"}]


def test_a_wait_for_support_s_minute_is_not_one_for_the_events() -> None:
    """Of eight records alone, with three requests a minute: two waits of a minute. The two events go at once."""
    here, _ = house(per_minute=3)
    events = [work(number, mixed.event(number, number)) for number in range(2)]
    here.take(*events, *(work(number, mixed.record(number, number, key=f"k-{number}")) for number in range(2, 10)))
    here.run()
    waited = {bucket: minute.seconds_waited for bucket, minute in here.report.minutes.items()}
    assert waited == {Bucket.EVENTS: 0.0, Bucket.SUPPORT: pytest.approx(120, abs=3)}
    assert here.report.seconds_waited == waited[Bucket.SUPPORT]


def test_a_look_up_that_waits_for_its_minute_counts_as_a_wait() -> None:
    """Nothing else is ready: four users are asked for by email, two a minute, before anything can go."""
    here, zendesk = house(per_minute=2)
    zendesk.users = {f"customer-{number}@example.com" for number in range(4)}
    one, two, three, four = (user(f"customer-{number}@example.com", "email") for number in range(4))
    here.take(work(0, mixed.record(0, 0, a=one, b=two, c=three, d=four)))
    here.run()
    assert len(zendesk.sent("GET", "users/search")) == 4
    assert here.report.minutes[Bucket.SUPPORT].seconds_waited == pytest.approx(120, abs=3)
