"""Brakes: what stops a stream or the run before it does harm."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from target_zendesk_events.errors import BrakeError
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.kinds.shipment import CountedName
from target_zendesk_events.limits.brakes import DELETIONS_A_DAY, Names, Quota, Quotas, SetAsideShare

NOON = 1_795_435_200.0
"""2026-11-23 12:00 UTC."""
DAY = 86_400.0


def share(percent: int, *, good: int, bad: int) -> list[str]:
    """Return what was said at each record set aside, after `good` records that were not."""
    one = SetAsideShare(percent)
    for _ in range(good):
        one.note_record("orders")
    said = []
    for _ in range(bad):
        one.note_record("orders")
        said.append(one.note_set_aside("orders"))
    return said


def test_a_share_means_nothing_before_fifty_records() -> None:
    """With 49 records all set aside nothing stops; with the fiftieth it does."""
    assert share(10, good=0, bad=49) == [""] * 49
    assert share(10, good=0, bad=50)[-1]


@pytest.mark.parametrize(
    ("good", "bad", "stops"), [(90, 10, False), (89, 11, True), (900, 100, False), (899, 101, True)]
)
def test_a_stream_stops_above_its_share(good: int, bad: int, stops: bool) -> None:
    """Ten per cent may be set aside, and not one record more."""
    assert bool(share(10, good=good, bad=bad)[-1]) is stops


def test_zero_stops_at_the_first() -> None:
    """With `max_set_aside_percent` 0 the first one stops the stream; with 100 none ever does."""
    assert share(0, good=1_000, bad=1)[0]
    assert share(0, good=0, bad=1)[0]
    assert not any(share(100, good=0, bad=200))


def test_the_sentence_names_the_numbers_and_the_window() -> None:
    """Stream, counts, since when they are counted, and the setting."""
    one = SetAsideShare(0)
    for _ in range(1_200):
        one.note_record("orders")
    said = one.note_set_aside("orders")
    for part in ("stream orders is stopped", "1 of the 1,200 records", "today (UTC)", "max_set_aside_percent (0)"):
        assert part in said


def test_streams_are_held_apart_and_earlier_runs_count() -> None:
    """Another stream's records are no excuse; today's earlier runs are."""
    one = SetAsideShare(10, lambda stream: (1_000, 100) if stream == "orders" else (0, 0))
    one.note_record("logins")
    assert not one.note_set_aside("logins")
    one.note_record("orders")
    assert one.note_set_aside("orders")


def names_of(
    source: str = "shop", kind: str = "order", profile_source: str = "shop", profile_type: str = "c"
) -> Sequence[CountedName]:
    """Return the names of an event."""
    return Event(Profile(profile_source, profile_type, (Identifier("email", "a@b"),)), source, kind, {}).names()


@pytest.mark.parametrize(
    ("field", "limit", "words"),
    [
        ("source", 50, "event source"),
        ("kind", 2_500, "event type"),
        ("profile_source", 50, "profile source"),
        ("profile_type", 2_500, "profile type"),
    ],
)
def test_one_name_too_many_is_explained(field: str, limit: int, words: str) -> None:
    """The last name that the account takes passes, the next does not, and those known go on; no value is named."""
    names = Names({}, b"secret")
    for number in range(limit):
        assert names.admit(names_of(**{field: f"secret {number}"})) == ""
    said = names.admit(names_of(**{field: "secret too many"}))
    assert words in said
    assert str(limit) in said
    assert "secret" not in said
    assert names.admit(names_of(**{field: "secret 0"})) == ""


def test_an_event_that_is_not_admitted_takes_no_names() -> None:
    """The other names of an event that is stopped are not used up, and none of it goes to the ledger."""
    names = Names({}, b"secret")
    for number in range(50):
        names.admit(names_of(source=str(number)))
    fresh = list(names.fresh)
    assert names.admit(names_of(source="new", kind="new"))
    assert names.fresh == fresh


def test_names_of_earlier_runs_count_as_hashes() -> None:
    """What the ledger holds of them are hashes; a known name is not fresh, and takes no new place."""
    first = Names({}, b"secret")
    first.admit(names_of(source="shop"))
    known: dict[str, frozenset[bytes]] = {}
    for kind, digest in first.fresh:
        known[kind] = known.get(kind, frozenset()) | {digest}
    assert not any(b"shop" in digest for _, digest in first.fresh)
    later = Names(known, b"secret")
    later.admit(names_of(source="shop"))
    assert later.fresh == []


def test_what_was_counted_is_handed_over_once() -> None:
    """The counts of records and of those set aside since the last commit are taken by the ledger once."""
    one = SetAsideShare(10)
    one.note_record("orders")
    assert not one.has_fresh
    assert one.has_counted
    one.note_set_aside("orders")
    assert one.has_fresh
    assert one.take_fresh() == ({"orders": 1}, {"orders": 1})
    assert one.take_fresh() == ({}, {})
    assert not one.has_counted


def quota(now: list[float], **limits: int | None) -> Quota:
    """Return a quota on a clock of one hand."""
    given: dict[str, int | None] = {"per_month": None, "per_day": None, **limits}
    return Quota(per_month=given["per_month"], per_day=given["per_day"], wall=lambda: now[0])


def test_the_day_s_brake_is_released_at_midnight_utc() -> None:
    """Two a day are two a day; the next day has two more."""
    now = [NOON]
    brake = quota(now, per_day=2)
    assert [brake.take() for _ in range(3)] == [True, True, False]
    brake.use()
    brake.use()
    assert isinstance(brake.error(), BrakeError)
    for word in ("backfill", "`since`", "max_events_per_day", "STATE is safe"):
        assert word in str(brake.error())
    now[0] += DAY / 2 - 1
    assert not brake.take()
    now[0] += 1
    assert brake.take()


def test_the_month_s_quota_lasts_the_month() -> None:
    """A used up month is named, and is free again on the first of the next."""
    now = [NOON]
    brake = quota(now, per_month=1, per_day=5)
    assert brake.take()
    brake.use()
    now[0] += DAY
    assert not brake.take()
    assert "monthly_event_quota" in str(brake.error())
    now[0] += 7 * DAY
    assert brake.take()


def test_a_place_that_needed_no_event_is_given_back() -> None:
    """What turns out to be a duplicate costs nothing."""
    brake = quota([NOON], per_day=1)
    assert brake.take()
    brake.give_back()
    assert brake.take()
    assert not brake.take()


def test_what_other_runs_send_counts_too() -> None:
    """The ledger's count takes the place of this run's own, and what this run has under way comes on top."""
    brake = quota([NOON], per_day=5)
    assert brake.take()
    assert brake.take()
    brake.use()
    brake.recount(3, 3)
    assert brake.take()
    assert not brake.take()


def test_without_limits_nothing_brakes() -> None:
    """None is no limit."""
    brake = quota([NOON])
    assert all(brake.take() for _ in range(10_000))


def test_a_record_set_aside_is_held_against_those_of_earlier_runs() -> None:
    """It may be the first that this run sees of its stream."""
    one = SetAsideShare(10, lambda _: (1_000, 100))
    assert "101 of the 1,000 records" in one.note_set_aside("orders")


def test_an_account_whose_names_are_all_used_goes_on_with_them() -> None:
    """With fifty sources in the ledger each of them passes in the next run, and a fifty-first does not."""
    first = Names({}, b"secret")
    for number in range(50):
        first.admit(names_of(source=str(number)))
    used = frozenset(digest for kind, digest in first.fresh if kind == "event source")
    assert len(used) == 50
    later = Names({"event source": used}, b"secret")
    assert [later.admit(names_of(source=str(number))) for number in range(50)] == [""] * 50
    assert later.admit(names_of(source="50"))


def test_the_ledger_of_an_earlier_version_knows_its_names_again() -> None:
    """These hashes stand in users' ledgers: where one changes, each name takes a second place in the account."""
    names = Names({}, b"secret")
    names.admit(names_of(source="shop", kind="order", profile_source="shop", profile_type="c"))
    assert [(kind, digest.hex()) for kind, digest in names.fresh] == [
        ("event source", "055972f65fc23c90"),
        ("event type", "970dd21d261df3a0"),
        ("profile source", "055972f65fc23c90"),
        ("profile type", "e61099c38eaa175f"),
    ]


def test_what_the_ledger_counts_is_used_from_the_start() -> None:
    """Earlier runs of the day and of the month count before anything is sent."""
    assert not Quota(per_month=None, per_day=5, used_today=5, wall=lambda: NOON).take()
    assert not Quota(per_month=5, per_day=None, used_this_month=5, wall=lambda: NOON).take()


def test_an_event_sent_is_one_event() -> None:
    """Three a day are three, sent one after the other."""
    brake = quota([NOON], per_day=3)
    sent = 0
    while brake.take():
        brake.use()
        sent += 1
    assert sent == 3


def test_what_other_runs_send_counts_for_the_month_too() -> None:
    """The ledger's count of the month takes the place of this run's own."""
    brake = quota([NOON], per_month=5)
    brake.recount(5, 0)
    assert not brake.take()


def test_the_share_of_the_month_is_told_in_per_cent() -> None:
    """What is under way counts; without a quota there is no share of one."""
    brake = quota([NOON], per_month=50, per_day=1_000)
    brake.recount(39, 7)
    assert brake.share_of_month() == 78.0
    assert brake.take()
    assert brake.share_of_month() == 80.0
    assert quota([NOON], per_day=5).share_of_month() is None
    assert quota([NOON], per_month=0).share_of_month() is None


def test_the_brake_that_stopped_the_run_is_the_one_named() -> None:
    """With both set, the day's brake is named while the month has room."""
    brake = quota([NOON], per_month=1_000, per_day=2)
    assert brake.take()
    assert brake.take()
    assert str(brake.error()).startswith(
        "2 events were sent today (UTC) or are under way, as many as max_events_per_day"
    )
    brake.recount(1_000, 2)
    assert str(brake.error()).startswith("the month's quota is used up: monthly_event_quota is 1,000 events.")


def deletions(per_day: int) -> Quota:
    """Return the brake on deletions."""
    return Quota(per_month=None, per_day=per_day, wall=lambda: NOON, sentence=DELETIONS_A_DAY)


def test_each_kind_has_a_quota_of_its_own_or_none() -> None:
    """A used up brake on deletions leaves events as many as they had; what has none goes."""
    quotas = Quotas({"event": quota([NOON], per_day=2), "deletion": deletions(1)})
    assert [quotas.take("deletion") for _ in range(2)] == [True, False]
    assert [quotas.take("event") for _ in range(2)] == [True, True]
    assert all(quotas.take("ticket") for _ in range(1_000))
    quotas.give_back("ticket")
    quotas.use("ticket")
    quotas.give_back("deletion")
    assert quotas.take("deletion")
    quotas.use("deletion")
    assert not quotas.take("deletion")
    quotas.recount({"deletion": (0, 0)})
    assert quotas.take("deletion")


def test_the_quota_that_refused_is_the_one_that_is_named() -> None:
    """So the sentence tells what to look at."""
    quotas = Quotas({"event": quota([NOON], per_day=1), "deletion": deletions(1)})
    quotas.recount({"event": (1, 1), "deletion": (1, 1), "ticket": (9, 9)})
    assert not quotas.take("event")
    assert "max_events_per_day" in str(quotas.error())
    assert not quotas.take("deletion")
    assert str(quotas.error()) == (
        "1 things were deleted today (UTC) or are under way, as many as max_deletions_per_day allows: if that is "
        "meant, raise `max_deletions_per_day` or run again tomorrow, else mend the rule's `when`; nothing is lost, "
        "STATE is safe [ZE505]"
    )
