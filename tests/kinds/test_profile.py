"""What a profile that is sent alone is: its requests, its identity, its content, its limits."""

from __future__ import annotations

import json
import math

import msgspec
import pytest

from target_zendesk_events.kinds.profile import Identifier, Method, Profile, ProfileUpsert
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Claim, Missing, Request

NOW = Claim(0.0)
PROFILE = Profile(
    "shop",
    "customer",
    (Identifier("shop_id", "7/a"), Identifier("email", "customer-7@example.com")),
    name="Customer 7",
    user_id="42",
    attributes={"plan": "gold"},
)
MERGED = ProfileUpsert(PROFILE)
REPLACED = ProfileUpsert(PROFILE, Method.REPLACE)
PATH = "/api/v2/user_profiles?identifier=shop%3Acustomer%3Ashop_id%3A7%2Fa"


def test_a_merge_changes_the_profile_of_the_first_identifier() -> None:
    """By a PATCH with the whole profile; where there is none, a PUT of the same makes it."""
    request = MERGED.request(NOW, {})
    assert (request.method, request.path) == ("PATCH", PATH)
    assert json.loads(request.body or b"") == {
        "profile": {
            "source": "shop",
            "type": "customer",
            "identifiers": [
                {"type": "shop_id", "value": "7/a"},
                {"type": "email", "value": "customer-7@example.com"},
            ],
            "name": "Customer 7",
            "user_id": "42",
            "attributes": {"plan": "gold"},
        }
    }
    assert MERGED.when_missing(NOW, {}) == Request("PUT", PATH, request.body)


def test_a_replacement_is_put_at_once() -> None:
    """A 404 to it calls for nothing else."""
    assert REPLACED.request(NOW, {}) == MERGED.when_missing(NOW, {})
    assert REPLACED.when_missing(NOW, {}) is Missing.ASTRAY


def test_a_profile_is_told_by_its_first_identifier() -> None:
    """All the rest is content: a change of it is sent again; what is the same is not."""
    turned = msgspec.structs.replace(PROFILE, identifiers=PROFILE.identifiers[::-1])
    assert MERGED.identity() == ["profile", "shop", "customer", "shop_id", "7/a"]
    assert ProfileUpsert(turned).identity() == ["profile", "shop", "customer", "email", "customer-7@example.com"]
    assert REPLACED.identity() == MERGED.identity()
    others = [
        MERGED,
        REPLACED,
        ProfileUpsert(msgspec.structs.replace(PROFILE, name=None)),
        ProfileUpsert(msgspec.structs.replace(PROFILE, attributes={})),
        ProfileUpsert(msgspec.structs.replace(PROFILE, identifiers=PROFILE.identifiers[:1])),
    ]
    assert len({json.dumps(one.content()) for one in others}) == len(others)
    assert len({one.appearance(NOW) for one in others}) == len(others)


def test_a_profile_draws_on_the_events_minute_and_may_be_sent_twice() -> None:
    """So a lost answer is never read back."""
    assert (MERGED.kind, MERGED.bucket) == ("profile", Bucket.EVENTS)
    assert MERGED.when_unknown("hold", math.inf, is_readable=False) == "retry"
    assert (MERGED.names_itself, MERGED.tells_time) == (True, False)
    assert MERGED.read_back(NOW) is None
    assert MERGED.batch() is None
    assert MERGED.look_ups() == ()


def test_a_profile_goes_in_order_with_its_customers_events() -> None:
    """It shares their lanes, and their person is forgotten with it."""
    keys = [("shop_id", "7/a"), ("email", "customer-7@example.com"), "42"]
    assert MERGED.lane_keys() == keys
    assert MERGED.persons() == keys
    assert list(MERGED.identifier_types()) == ["shop_id", "email"]
    assert MERGED.origin == ("shop", "customer")
    assert MERGED.customer() == ["shop", "customer", ["email", "customer-7@example.com"], ["shop_id", "7/a"]]
    assert MERGED.names() == (("profile source", "shop", 50), ("profile type", "customer", 2_500))


@pytest.mark.parametrize(
    ("profile", "word"),
    [
        (msgspec.structs.replace(PROFILE, source="x" * 41), "profile.source has 41"),
        (msgspec.structs.replace(PROFILE, source="Zendesk"), "keeps for itself"),
        (msgspec.structs.replace(PROFILE, type=""), "profile.type is empty"),
        (msgspec.structs.replace(PROFILE, identifiers=PROFILE.identifiers * 11), "22 entries"),
        (msgspec.structs.replace(PROFILE, identifiers=()), "0 entries"),
        (msgspec.structs.replace(PROFILE, source="a:b"), "holds a colon"),
        (msgspec.structs.replace(PROFILE, type="a:b"), "holds a colon"),
        (msgspec.structs.replace(PROFILE, identifiers=(Identifier("urn", "se:cret"),)), "holds a colon"),
    ],
)
def test_what_zendesk_would_refuse_is_named_without_its_value(profile: Profile, word: str) -> None:
    """The limits are those of an event's profile; and the first identifier must fit into a query."""
    assert word in ProfileUpsert(profile).limit_fault()
    assert "se:cret" not in ProfileUpsert(profile).limit_fault()


def test_a_colon_in_a_later_identifier_does_no_harm() -> None:
    """The profile is asked for by the first."""
    later = msgspec.structs.replace(PROFILE, identifiers=(*PROFILE.identifiers, Identifier("urn", "a:b")))
    assert ProfileUpsert(later).limit_fault() == ""


def test_a_masked_profile_shows_names_types_and_sources_alone() -> None:
    """With its method; its owner sees all of it."""
    assert MERGED.masked() == {
        "profile": {
            "source": "shop",
            "type": "customer",
            "identifiers": [
                {"type": "shop_id", "value": "<3 characters>"},
                {"type": "email", "value": "<22 characters>"},
            ],
            "name": "<10 characters>",
            "user_id": "<2 characters>",
            "attributes": {"plan": "<4 characters>"},
            "method": "merge",
        }
    }
    assert REPLACED.shown(NOW) == {"profile": {**PROFILE.as_object(), "method": "replace"}}
    assert MERGED.item({}) == {"profile": PROFILE.as_object()}
