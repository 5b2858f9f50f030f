"""What makes two events the same."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.work import Match, NoShipment, Work

KEYS = Keys("acme.zendesk.com", b"secret")
ANN, BEN = Identifier("email", "ann@example.com"), Identifier("email", "ben@example.com")
EVENT = Event(
    Profile("shop", "customer", (ANN, Identifier("shop_id", "7"))),
    "shop",
    "order",
    {"total": 1, "note": None},
    created_at="2026-11-01T10:00:00Z",
)


def work(match: Match | None = None, **others: Any) -> Work:
    """Return a record with this match."""
    plain: dict[str, Any] = {"line": b"{}", "source_stream": "orders", "stream": "orders", "key_values": {"id": 1}}
    return Work(**{**plain, "matches": [match] if match else [], **others})


def key(match: Match | None = None, keys: Keys = KEYS, **others: Any) -> bytes | None:
    """Return the key of an event of a record."""
    one = match or Match("rule", EVENT)
    return keys.of_shipment(work(one, **others), one)


def changed(**fields: Any) -> Match:
    """Return a match with another event."""
    return Match("rule", msgspec.structs.replace(EVENT, **fields))


@pytest.mark.parametrize(
    "match",
    [
        Match("another rule", EVENT),
        changed(properties={"note": None, "total": 1.0}),
        changed(properties={"total": 1}),
        changed(profile=Profile("shop", "customer", (BEN,))),
    ],
)
def test_with_key_properties_the_event_object_makes_the_key(match: Match) -> None:
    """Order of keys, nulls, the way a number is written, the profile and the rule's name make no difference."""
    assert key(match) == key()


@pytest.mark.parametrize(
    ("match", "others"),
    [
        (changed(properties={"total": 2}), {}),
        (changed(type="refund"), {}),
        (changed(source="till"), {}),
        (changed(created_at="2026-11-01T10:00:01Z"), {}),
        (changed(description="An order"), {}),
        (None, {"key_values": {"id": 2}}),
        (None, {"stream": "carts"}),
        (None, {"keys": Keys("other.zendesk.com", b"secret")}),
        (None, {"keys": Keys("acme.zendesk.com", b"another")}),
    ],
)
def test_what_is_another_event_has_another_key(match: Match | None, others: dict[str, Any]) -> None:
    """Another event object, row, stream, account or ledger is another key."""
    assert key(match, **others) != key()


def test_without_key_properties_the_customer_counts() -> None:
    """Then profile's source, type and identifiers are part of it, in any order."""
    turned = changed(profile=Profile("shop", "customer", EVENT.profile.identifiers[::-1]))
    other = changed(profile=Profile("shop", "customer", (BEN,)))
    named = changed(profile=msgspec.structs.replace(EVENT.profile, name="Ann"))
    nothing: list[dict[str, Any] | None] = [None, {}]
    for none in nothing:
        assert key(turned, key_values=none) == key(key_values=none)
        assert key(named, key_values=none) == key(key_values=none)
        assert key(other, key_values=none) != key(key_values=none)


def test_a_dedupe_key_decides_alone() -> None:
    """Beside stream, source and type nothing else matters where the rule gives a key; another value is another key."""
    one = key(Match("rule", EVENT, dedupe_key="1:paid"))
    bare = msgspec.structs.replace(EVENT, properties={})
    assert one == key(Match("rule", bare, dedupe_key="1:paid"), key_values={"id": 9})
    assert one != key(Match("rule", EVENT, dedupe_key="1:shipped"))
    assert one != key(Match("rule", msgspec.structs.replace(EVENT, type="refund"), dedupe_key="1:paid"))


def test_dedupe_false_has_no_key() -> None:
    """Equal records are different events then."""
    assert key(Match("rule", EVENT, dedupe=False)) is None


def test_parts_cannot_run_into_one_another() -> None:
    """A source that ends like a type begins makes no equal keys."""
    assert key(changed(source="ab", type="c")) != key(changed(source="a", type="bc"))


def test_rules_without_a_key_never_share_one() -> None:
    """`dedupe: false` says that equal records are different events, beside whatever other rules."""
    refund = msgspec.structs.replace(EVENT, type="refund")
    free = [Match("third", EVENT, dedupe=False), Match("fourth", EVENT, dedupe=False)]
    told = KEYS.told_apart(work(matches=[Match("first", EVENT), Match("second", refund), *free]))
    assert [match.no_shipment for match in told] == [None] * 4


def test_two_rules_with_one_key_send_nothing() -> None:
    """Each counts one unmappable; a third rule's event still goes."""
    matches = [
        Match("first", EVENT),
        Match("second", EVENT),
        Match("third", msgspec.structs.replace(EVENT, type="refund")),
    ]
    told = KEYS.told_apart(work(matches=matches))
    assert [match.no_shipment for match in told] == [NoShipment.UNMAPPABLE, NoShipment.UNMAPPABLE, None]
    assert told[0].message == "two rules give this record the same key: give each rule a `dedupe_key` [ZE723]"
    assert told[2].shipment is not None


def test_two_rules_without_deduplication_do_not_collide() -> None:
    """With `dedupe: false` in both, both go; so do a rule with a key and one without."""
    for dedupe in (False, True):
        matches = [Match("first", EVENT, dedupe=False), Match("second", EVENT, dedupe=dedupe)]
        assert list(KEYS.told_apart(work(matches=matches))) == matches


def test_where_one_rule_cannot_map_the_other_s_event_goes() -> None:
    """An unmappable match collides with nothing."""
    matches = [Match("first", no_shipment=NoShipment.UNMAPPABLE), Match("second", EVENT)]
    assert list(KEYS.told_apart(work(matches=matches))) == matches


def test_a_row_is_known_by_its_rule_and_key_properties() -> None:
    """A changed record has its old row; another rule or row has not; without key properties there is none."""
    match = Match("rule", EVENT)
    row = KEYS.of_row(work(match), match)
    other = changed(properties={"total": 9})
    assert row == KEYS.of_row(work(other), other)
    assert row != KEYS.of_row(work(match, key_values={"id": 2}), match)
    assert row != KEYS.of_row(work(match), Match("another", EVENT))
    assert KEYS.of_row(work(match, key_values=None), match) is None


def test_a_key_tells_nothing_and_is_short() -> None:
    """Sixteen bytes, and the same each time."""
    assert len(key() or b"") == 16
    assert key() == key()


BARE = msgspec.structs.replace(EVENT, created_at=None)


@pytest.mark.parametrize(
    "match",
    [Match("rule", EVENT), Match("rule", BARE, dedupe_key="7"), Match("rule", BARE, dedupe=False)],
)
def test_a_record_without_a_whole_key_is_told_by_something_else(match: Match) -> None:
    """Its event's own time, the rule's `dedupe_key`, or the word that equal records are different."""
    assert KEYS.told_apart(work(match, key_values=None))[0].shipment is not None


def test_a_record_without_a_whole_key_and_a_time_is_unmappable() -> None:
    """A null tells no row from another: two customers' events would be taken for one."""
    (told,) = KEYS.told_apart(work(Match("rule", BARE), key_values=None))
    assert told.no_shipment is NoShipment.UNMAPPABLE
    assert told.message == (
        "rule 'rule' needs `dedupe_key` (or an event `created_at` or `dedupe: false`, a ticket `external_id`), since a "
        "key property is null or missing in this record, and a null tells no row from another [ZE721]"
    )
    assert KEYS.told_apart(work(Match("rule", BARE)))[0].shipment is BARE


def test_without_a_ledger_nothing_has_to_tell_events_apart() -> None:
    """Then each record is new."""
    keys = Keys("acme.zendesk.com", b"secret", is_kept=False)
    assert keys.told_apart(work(Match("rule", BARE), key_values=None))[0].shipment is BARE


def test_two_rules_are_enough_to_collide() -> None:
    """Where both give the record the same key, neither sends."""
    told = KEYS.told_apart(work(matches=[Match("first", EVENT), Match("second", EVENT)]))
    assert [match.no_shipment for match in told] == [NoShipment.UNMAPPABLE] * 2


def test_what_sends_nothing_has_no_key() -> None:
    """A match without an event, filtered or unmappable, is no event to know again."""
    assert key(Match("rule", no_shipment=NoShipment.FILTERED)) is None


def aside(record: bytes = b'{"id": 1}', match: Match | None = None, why: str = "no email", **others: Any) -> str:
    """Return the key of a record that was set aside."""
    return KEYS.of_aside(work(line=b'{"type": "RECORD", "record": %s}' % record, **others), match, why).hex()


def test_a_record_set_aside_is_known_by_its_key_its_rule_and_why() -> None:
    """What else stands in it may change; another row, rule, reason or stream is another record set aside."""
    assert aside() == aside(b'{"id": 1, "exported": 5}') == aside(match=None, key_values={"id": 1.0})
    rules = [aside(match=Match("rule")), aside(match=Match("other"))]
    others = [aside(key_values={"id": 2}), *rules, aside(why="no name"), aside(stream="carts")]
    assert len({aside(), *others}) == 6


def test_without_a_key_it_is_known_by_what_the_rule_saw() -> None:
    """Or, where no rule saw it, by all but the tap's own fields."""
    saw = [aside(b"{}", Match("rule", seen={"email": email}), key_values=None) for email in ("", "", None, "a")]
    assert len(set(saw)) == 3
    texts = [b'{"id":1}', b'{"id": 1, "_sdc_batched_at": 5}', b'{"_sdc_extracted_at":6,"id":1}', b'{"id":2}', b"{}"]
    assert len({aside(text, key_values=None) for text in texts}) == 3


def test_a_record_that_is_no_utf_8_is_known_by_its_bytes() -> None:
    """Bytes that are no character still tell one record from another."""
    texts = (b'{"id": "\xff"}', b'{"id": "\xfe"}', b'{"id": ""}')
    assert len({aside(text, key_values=None) for text in texts}) == 3


def test_the_ledger_of_an_earlier_version_knows_its_events_again() -> None:
    """These keys stand in users' ledgers: where one changes, every event that was sent goes out a second time."""
    match = Match("rule", EVENT)
    keyed = (
        key(),
        key(key_values=None),
        key(Match("rule", EVENT, dedupe_key="1:paid")),
        KEYS.of_row(work(match), match),
    )
    assert [one.hex() for one in keyed if one] == [
        "c7d2597dad4b3d2b80cc0ec38eccf36e",
        "37369e3bbb956770b159a985280fc66f",
        "2086a7e396995906a24d134678a4b461",
        "49c22b9dcbac326eb23ae549bd78270e",
    ]
    assert aside(b'{"id":1}', None, "no") == "7c2892dfd09df997160e921b19437ace"


def test_a_record_that_nothing_tells_from_others_keeps_what_its_rule_saw() -> None:
    """So that it is known when the tap sends it again: the event, and whose it would have been."""
    (told,) = KEYS.told_apart(work(Match("rule", BARE), key_values=None))
    assert told.seen == [
        {"source": "shop", "type": "order", "properties": {"total": 1, "note": None}},
        ["shop", "customer", ["email", "ann@example.com"], ["shop_id", "7"]],
    ]


def test_where_a_rule_kept_nothing_a_record_set_aside_is_known_by_its_fields() -> None:
    """As one that is invalid is, and not as every other that the rule cannot map."""
    rule = Match("rule")
    fields = (b'{"id": 1}', b'{"id": 1, "_sdc_batched_at": 5}', b'{"id": 2}')
    assert len({aside(one, rule, key_values=None) for one in fields}) == 2


class Thing(Event, frozen=True):
    """A thing of which the newest content, its properties, replaces the last; its source and type say which it is."""

    kind: ClassVar[str] = "object"

    def identity(self) -> Any:
        """Return which it is."""
        return ["object", self.source, self.type]

    def content(self) -> Any:
        """Return what replaces the last."""
        return self.properties

    @property
    def tells_time(self) -> bool:
        """It has no time."""
        return False


class Deletion(Thing, frozen=True):
    """The taking away of such a thing."""

    kind: ClassVar[str] = "deletion"


class Ticket(Event, frozen=True):
    """What its identity alone tells from others."""

    names_itself: ClassVar[bool] = True


def thing(sort: type[Event] = Thing, *, dedupe_key: str | None = None, dedupe: bool = True, **fields: Any) -> Match:
    """Return a match that makes a thing."""
    given = {"profile": EVENT.profile, "source": "shop", "type": "plan", "properties": {"n": 1}, **fields}
    return Match("rule", sort(**given), dedupe_key=dedupe_key, dedupe=dedupe)


def test_a_thing_is_the_same_whatever_stream_and_row_it_comes_of() -> None:
    """Its key is the account's and what it is: neither its content nor a `dedupe_key` nor its kind make it another."""
    same = [
        key(thing(), stream="carts", key_values={"id": 2}),
        key(thing(properties={"n": 2}), key_values=None),
        key(thing(dedupe_key="7")),
        key(thing(Deletion)),
    ]
    assert same == [key(thing())] * 4
    others = [key(thing(type="seat")), key(thing(), keys=Keys("other.zendesk.com", b"secret")), key()]
    assert len({key(thing()), *others}) == 4
    assert key(thing(dedupe=False)) is None


def test_a_thing_goes_again_when_its_content_differs() -> None:
    """Or, where its rule has a `dedupe_key`, when that does; what empties a field is not what leaves it alone."""
    content = KEYS.of_content
    assert content(thing(properties={"b": None, "a": 1.0})) == content(thing(properties={"a": 1, "b": None}))
    assert content(thing(dedupe_key="7")) == content(thing(dedupe_key="7", properties={"n": 2}))
    others = [
        thing(),
        thing(Deletion),
        thing(dedupe_key="7"),
        thing(Deletion, dedupe_key="7"),
        thing(dedupe_key="8"),
        thing(properties={"n": 2}),
        thing(properties={"n": [{"m": None}]}),
        thing(properties={"n": [{}]}),
    ]
    assert len({content(one) for one in others}) == len(others)
    assert content(Match("rule", EVENT)) is None
    assert content(Match("rule")) is None


def test_a_thing_is_no_row_s_newer_version() -> None:
    """That its content changes is what it is for."""
    assert KEYS.of_row(work(thing()), thing()) is None
    assert KEYS.of_row(work(), Match("rule", no_shipment=NoShipment.UNMAPPABLE)) is not None


def test_nothing_more_is_needed_to_tell_a_thing_apart() -> None:
    """Neither for what names itself."""
    for match in (thing(), thing(Ticket, created_at=None)):
        assert KEYS.told_apart(work(match, key_values=None)) == [match]


def test_what_names_itself_is_the_same_whatever_row_it_comes_of() -> None:
    """In its stream; a `dedupe_key` still decides alone."""
    assert key(thing(Ticket), key_values={"id": 2}) == key(thing(Ticket), key_values=None) == key(thing(Ticket))
    others = [
        key(thing(Ticket), stream="carts"),
        key(thing(Ticket, properties={"n": 2})),
        key(thing(Ticket, dedupe_key="7")),
    ]
    assert len({key(thing(Ticket)), *others}) == 4


def test_two_rules_cannot_fill_one_thing_from_one_record() -> None:
    """Each would undo the other in every run."""
    told = KEYS.told_apart(work(matches=[thing(), thing(properties={"n": 2}), thing(type="seat")]))
    assert [match.no_shipment for match in told] == [NoShipment.UNMAPPABLE, NoShipment.UNMAPPABLE, None]
    assert told[0].message.startswith("two rules make of this record the same thing")
    assert told[0].seen != told[1].seen


def test_a_look_up_is_known_by_what_zendesk_compares() -> None:
    """Users by external id without case; records of an object letter by letter."""
    of = KEYS.of_look_up
    assert of(LookUp("user", "external_id", "A1")) == of(LookUp("user", "external_id", "a1"))
    others = [
        LookUp("user", "external_id", "a1"),
        LookUp("user", "email", "a1"),
        LookUp("object", "external_id", "a1"),
        LookUp("object", "external_id", "A1"),
    ]
    assert len({of(one) for one in others}) == 4


def test_the_ledger_of_an_earlier_version_knows_its_things_again() -> None:
    """These stand in users' ledgers: where one changes, every thing is sent once more."""
    hashes = (
        key(thing()),
        key(thing(Ticket)),
        KEYS.of_content(thing()),
        KEYS.of_content(thing(dedupe_key="7")),
        KEYS.of_look_up(LookUp("user", "email", "a@example.com")),
    )
    assert [one.hex() for one in hashes if one] == [
        "b517f93fab3497b844f34e7142a245d4",
        "5f4d7a21177db16918e23687dcb00549",
        "93911179d2eac68240422bc031ca064f",
        "703021778c514056a901e7f1c68f3d7c",
        "a8e16e3be72be0892a9c2f54d67f183e",
    ]
