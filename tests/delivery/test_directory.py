"""Who is who: what is looked up together, what alone, what is remembered, and who waits for it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import pytest

from target_zendesk_events.delivery.directory import MAX_REMEMBERED, SECONDS_OF_ABSENCE, SECONDS_TO_GATHER, Directory
from target_zendesk_events.delivery.shipment import OpenRecord, OpenShipment
from target_zendesk_events.kinds.deletion import ProfileDeletion, RecordDeletion
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.object_record import ObjectRecord, Reference
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import NoLedger
from target_zendesk_events.outcome.checkpoints import Checkpoints
from target_zendesk_events.work import Match, Work

NOW = 1_000.0
SUPPORT = Bucket.SUPPORT
CUSTOMER = Profile("shop", "customer", (Identifier("shop_id", "7"),))
PROFILE = LookUp("profile", "shop:customer:shop_id", "7")


class Shelf(NoLedger):
    """A ledger that keeps ids, and counts how often it is asked for which."""

    def __init__(self) -> None:
        """Keep none."""
        super().__init__()
        self.kept: dict[bytes, str] = {}
        self.asked: list[Collection[bytes]] = []

    def ids(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Return those that it keeps."""
        self.asked.append(hashes)
        return {one: self.kept[one] for one in hashes if one in self.kept}

    def note_ids(self, ids: Mapping[bytes, str]) -> None:
        """Keep these."""
        self.kept.update(ids)

    def drop_ids(self, hashes: Collection[bytes]) -> None:
        """Forget these."""
        for one in hashes:
            del self.kept[one]


class Room:
    """A directory with its shelf."""

    def __init__(self, *, checks_customers: bool = False, max_remembered: int = MAX_REMEMBERED) -> None:
        """Know nobody."""
        self.shelf = Shelf()
        self.keys = Keys("acme", b"secret")
        self.directory = Directory(
            self.shelf, self.keys, checks_customers=checks_customers, max_remembered=max_remembered
        )

    def wait(self, *shipments: OpenShipment, now: float = NOW) -> None:
        """Have shipments wait for what they lack, as departures do."""
        for one in shipments:
            wanted = self.directory.missing(one, now)
            assert wanted is not None
            self.directory.park(one, wanted)

    def take(self, now: float = NOW, *, may_come: bool = False, bucket: Bucket = SUPPORT) -> Sequence[LookUp]:
        """Take what one request is to ask for."""
        return self.directory.take(bucket, now, may_come=may_come)

    def asked_in_turn(self, now: float = NOW, *, may_come: bool = False) -> list[int]:
        """Return how many each request asks for, until nothing is due."""
        counts = []
        while self.directory.asks_at(SUPPORT, may_come=may_come) <= now:
            counts.append(len(self.take(now, may_come=may_come)))
        return counts


def open_shipment(what: Shipment) -> OpenShipment:
    """Return a shipment on its way."""
    work = Work(b"{}", "s", "s", matches=[Match("rule", what)])
    return OpenShipment(
        OpenRecord(work, Checkpoints(per_stream=False).arrive("s"), 1), work.matches[0], what, b"", lambda: None
    )


def user(name: object, by: str = "external_id") -> LookUp:
    """Return the look-up of a user."""
    return LookUp("user", by, str(name))


def referring(*wanted: LookUp) -> OpenShipment:
    """Return a shipment of a record that refers to these."""
    fields = {f"field_{place}": Reference(one) for place, one in enumerate(wanted)}
    return open_shipment(ObjectRecord("subscription", "s-1", fields))


def test_a_hundred_of_a_family_are_asked_for_in_one_request() -> None:
    """Two hundred and fifty users cost three requests, once no more may come."""
    room = Room()
    room.wait(*(referring(user(number)) for number in range(250)))
    assert room.directory.consult(NOW) == []
    assert room.asked_in_turn() == [100, 100, 50]


def test_each_once_however_many_refer_to_it() -> None:
    """A thousand shipments of ten users ask for ten."""
    room = Room()
    room.wait(*(referring(user(number % 10)) for number in range(1_000)))
    room.directory.consult(NOW)
    assert room.asked_in_turn() == [10]


def test_a_request_that_is_not_full_waits_half_a_second_for_more() -> None:
    """As long as more may come; a full one goes at once."""
    room = Room()
    room.wait(*(referring(user(number)) for number in range(99)))
    room.directory.consult(NOW)
    assert room.directory.asks_at(SUPPORT, may_come=True) == NOW + SECONDS_TO_GATHER
    assert room.directory.asks_at(SUPPORT, may_come=False) == NOW
    assert room.take(NOW + 0.49, may_come=True) == ()
    room.wait(referring(user(99)), now=NOW + 0.2)
    room.directory.consult(NOW + 0.2)
    assert len(room.take(NOW + 0.2, may_come=True)) == 100
    assert room.directory.asks_at(SUPPORT, may_come=True) == math.inf


def test_families_are_asked_for_apart() -> None:
    """Users by external id, users by email and records of two objects make four requests, emails one each."""
    room = Room()
    wanted = [
        user(1),
        user(2),
        user("a", "email"),
        user("b", "email"),
        LookUp("object", "x", "1"),
        LookUp("object", "y", "1"),
    ]
    room.wait(*(referring(one) for one in wanted))
    room.directory.consult(NOW)
    assert sorted(room.asked_in_turn()) == [1, 1, 1, 1, 2]


def test_each_bucket_asks_for_its_own() -> None:
    """A profile's id takes the events' minute."""
    room = Room()
    room.wait(referring(PROFILE), referring(user(1)))
    room.directory.consult(NOW)
    assert room.take(bucket=Bucket.EVENTS) == [PROFILE]
    assert room.take(bucket=Bucket.EVENTS) == ()
    assert room.take() == [user(1)]


def test_the_ledger_is_asked_once_for_what_nobody_asked_for_yet() -> None:
    """All that is new in one question; what it knows is not asked of Zendesk."""
    room = Room()
    known, other = referring(user(1)), referring(user(2))
    room.shelf.kept[room.keys.of_look_up(user(1))] = "42"
    room.wait(known, other)
    assert room.directory.consult(NOW) == [known]
    assert [len(one) for one in room.shelf.asked] == [2]
    assert room.directory.missing(known, NOW) is None
    assert known.found == {user(1): "42"}
    room.directory.consult(NOW)
    assert len(room.shelf.asked) == 1
    assert room.take() == [user(2)]


def test_what_is_being_asked_for_is_not_asked_for_again() -> None:
    """A shipment that comes while the answer is awaited waits for the same one; the ledger is asked once too."""
    room = Room()
    first, second = referring(user(1)), referring(user(1))
    room.wait(first)
    room.directory.consult(NOW)
    asked = room.take()
    room.wait(second)
    assert room.directory.consult(NOW) == []
    assert room.directory.asks_at(SUPPORT, may_come=False) == math.inf
    assert len(room.shelf.asked) == 1
    assert room.directory.took(asked, {user(1): "42"}, NOW) == [first, second]


def test_what_was_found_is_kept_in_memory_and_in_the_ledger() -> None:
    """The next shipment waits for nothing, and so does the next run."""
    room = Room()
    room.wait(referring(user(1)))
    room.directory.consult(NOW)
    room.directory.took(room.take(), {user(1): "42"}, NOW)
    later = referring(user(1))
    assert room.directory.missing(later, NOW + 10_000) is None
    assert later.found == {user(1): "42"}
    assert room.shelf.kept == {room.keys.of_look_up(user(1)): "42"}


def test_a_shipment_waits_for_each_of_its_references_in_turn() -> None:
    """It goes when all are found."""
    room = Room()
    one = referring(user(1), user(2))
    room.wait(one)
    room.directory.consult(NOW)
    assert room.directory.took(room.take(), {user(1): "41"}, NOW) == [one]
    room.wait(one)
    room.directory.consult(NOW)
    assert room.directory.took(room.take(), {user(2): "42"}, NOW) == [one]
    assert room.directory.missing(one, NOW) is None
    assert one.found == {user(1): "41", user(2): "42"}


def test_what_is_not_there_is_asked_for_again_after_a_minute() -> None:
    """Until then nobody asks; then somebody may have made it."""
    room = Room()
    one = referring(user(1))
    room.wait(one)
    room.directory.consult(NOW)
    assert room.directory.took(room.take(), {}, NOW) == [one]
    assert room.directory.missing(one, NOW + SECONDS_OF_ABSENCE - 0.1) is None
    assert one.not_found == user(1)
    assert room.directory.missing(referring(user(1)), NOW + SECONDS_OF_ABSENCE) == user(1)


def test_what_was_not_there_and_is_now_is_found() -> None:
    """A shipment that waited for something else meanwhile is not held to what was so before."""
    room = Room()
    one = referring(user(1))
    room.wait(one)
    room.directory.consult(NOW)
    room.directory.took(room.take(), {}, NOW)
    assert room.directory.missing(one, NOW) is None
    room.wait(one, now=NOW + SECONDS_OF_ABSENCE)
    room.directory.consult(NOW + SECONDS_OF_ABSENCE)
    room.directory.took(room.take(NOW + SECONDS_OF_ABSENCE), {user(1): "42"}, NOW + SECONDS_OF_ABSENCE)
    assert room.directory.missing(one, NOW + SECONDS_OF_ABSENCE) is None
    assert one.not_found is None
    assert one.found == {user(1): "42"}


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        (
            user("c-1"),
            Event(Profile("shop", "customer", (Identifier("external_id", "c-1"),)), "shop", "order_paid", {}),
        ),
        (LookUp("object", "contract", "k"), ObjectRecord("contract", "k", {})),
    ],
)
def test_what_was_made_meanwhile_is_asked_for_again(wanted: LookUp, made: Shipment) -> None:
    """Neither what was so before it was made counts, nor an answer to a question that is older."""
    room = Room()
    first, second = referring(wanted), referring(wanted)
    room.wait(first)
    room.directory.consult(NOW)
    asked = room.take()
    room.directory.heed_delivered(made)
    room.wait(second)
    assert room.directory.took(asked, {}, NOW) == []
    asked = room.take()
    assert asked == [wanted]
    assert room.directory.took(asked, {}, NOW) == [first, second]
    assert room.directory.missing(first, NOW) is None
    room.directory.heed_delivered(made)
    assert room.directory.missing(first, NOW) == wanted


@pytest.mark.parametrize("found", [{}, {PROFILE: "01P"}])
def test_a_profiles_id_is_asked_for_at_each_deletion(found: dict[LookUp, str]) -> None:
    """The next record makes the profile anew, under another id: that one is to be deleted then."""
    room = Room()
    first, second = (open_shipment(ProfileDeletion(CUSTOMER)) for _ in range(2))
    room.wait(first)
    room.directory.consult(NOW)
    room.directory.took(room.take(bucket=Bucket.EVENTS), found, NOW)
    assert room.directory.missing(first, NOW) is None
    room.directory.heed_delivered(first.what)
    assert room.directory.missing(second, NOW) == PROFILE
    assert room.shelf.kept == {}


def test_the_id_of_a_record_that_was_deleted_is_forgotten() -> None:
    """Made anew it has another one; one that was changed keeps its own."""
    room, wanted = Room(), LookUp("object", "contract", "k")
    room.wait(referring(wanted))
    room.directory.consult(NOW)
    room.directory.took(room.take(), {wanted: "01R"}, NOW)
    room.directory.heed_delivered(ObjectRecord("contract", "k", {"plan": "gold"}))
    assert room.directory.missing(referring(wanted), NOW) is None
    room.directory.heed_delivered(RecordDeletion("contract", "k"))
    assert room.directory.missing(referring(wanted), NOW) == wanted
    assert room.shelf.kept == {}


def test_what_got_no_answer_is_asked_for_again_from_then_on() -> None:
    """Together, and those that came meanwhile with them."""
    room = Room()
    room.wait(*(referring(user(number)) for number in range(3)))
    room.directory.consult(NOW)
    room.directory.ask_again(room.take(), NOW + 7)
    room.wait(referring(user(3)), now=NOW + 1)
    room.directory.consult(NOW + 1)
    assert room.directory.asks_at(SUPPORT, may_come=True) == NOW + 7
    assert room.asked_in_turn(NOW + 7, may_come=True) == [4]


def test_those_that_disturb_each_other_are_asked_for_alone() -> None:
    """One of a hundred may be at fault for a refusal of all; what comes later is asked for together again."""
    room = Room()
    room.wait(*(referring(user(number)) for number in range(3)))
    room.directory.consult(NOW)
    room.directory.ask_again(room.take(), NOW, alone=True)
    room.wait(*(referring(user(number)) for number in range(3, 6)))
    room.directory.consult(NOW)
    assert sorted(room.asked_in_turn()) == [1, 1, 1, 3]


def test_nothing_is_remembered_for_ever() -> None:
    """A run may live for months: of what was found the newest is kept, and nothing of what was asked for alone."""
    room = Room(max_remembered=10)
    for number in range(60):
        one = user(number)
        if number % 3 == 0:
            room.shelf.kept[room.keys.of_look_up(one)] = "7"
        room.wait(referring(one))
        room.directory.consult(NOW)
        if taken := room.take():
            room.directory.ask_again(taken, NOW, alone=True)
            if number % 3 == 1:
                room.directory.took(room.take(), {one: "7"}, NOW)
            else:
                room.directory.give_up(*room.take())
    held = {name: len(value) for name, value in vars(room.directory).items() if isinstance(value, (dict, set))}
    assert max(held.values()) <= 10, held


def test_a_comma_in_a_name_is_asked_for_alone() -> None:
    """Among others nobody could tell it from two names."""
    room = Room()
    room.wait(*(referring(user(name)) for name in ("a", "b,c", "d")))
    room.directory.consult(NOW)
    assert sorted(room.asked_in_turn()) == [1, 2]


def test_a_shipment_that_was_given_up_waits_no_more() -> None:
    """Its stream stopped; others that wait for the same go on."""
    room = Room()
    gone, other = referring(user(1)), referring(user(1))
    room.wait(gone, other)
    room.directory.discard(gone)
    room.directory.consult(NOW)
    assert room.directory.took(room.take(), {user(1): "42"}, NOW) == [other]


@pytest.mark.parametrize(
    ("found", "is_stranger"),
    [({}, True), ({user("e@example.com", "email"): "42"}, False), ({user("c-1"): "41"}, False)],
)
def test_a_customer_is_known_by_any_standard_identifier(found: dict[LookUp, str], is_stranger: bool) -> None:
    """One after the other is asked for until one is found; a stranger has none."""
    room = Room(checks_customers=True)
    identifiers = (Identifier("shop_id", "1"), Identifier("external_id", "c-1"), Identifier("email", "e@example.com"))
    one = open_shipment(Event(Profile("shop", "customer", identifiers), "shop", "order_paid", {}))
    for _ in range(2):
        wanted = room.directory.missing(one, NOW)
        if wanted is not None:
            room.directory.park(one, wanted)
            room.directory.consult(NOW)
            asked = room.take()
            room.directory.took(asked, {key: found[key] for key in asked if key in found}, NOW)
    assert room.directory.missing(one, NOW) is None
    assert one.is_of_stranger is is_stranger


def test_nobody_asks_for_a_customer_where_all_are_created() -> None:
    """That is Zendesk's own way."""
    room = Room()
    identifiers = (Identifier("external_id", "c-1"),)
    one = open_shipment(Event(Profile("shop", "customer", identifiers), "shop", "order_paid", {}))
    assert room.directory.missing(one, NOW) is None
    assert not one.is_of_stranger
