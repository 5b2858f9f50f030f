"""The playground's profiles: who a customer is, and the endpoints that say so."""

from __future__ import annotations

import pytest
import requests

from target_zendesk_events.playground.checks import Identifier
from target_zendesk_events.playground.customers import shown_name
from target_zendesk_events.playground.server import Playground

EVENTS = "/api/v2/user_profiles/events"
PROFILES = "/api/v2/user_profiles"
EMAIL = {"type": "email", "value": "customer-1@example.com"}
OTHER_EMAIL = {"type": "email", "value": "customer-2@example.com"}
SHOP_ID = {"type": "shop_id", "value": "1"}
CUSTOMER = {"identifier": "shop:customer:email:customer-1@example.com"}


@pytest.fixture(scope="module")
def served():
    with Playground() as playground:
        yield playground


@pytest.fixture
def playground(served):
    served.clear()
    return served


@pytest.fixture
def post(playground):
    """Post an event about the customer of these identifiers; returns the answer."""

    def post(*identifiers, source="shop", kind="customer", path=EVENTS, **profile):
        sent = {"source": source, "type": kind, "identifiers": list(identifiers), **profile}
        event = {"source": "shop", "type": "visit", "properties": {}}
        return http.post(playground.url + path, json={"profile": sent, "event": event})

    with requests.Session() as http:
        http.trust_env = False
        yield post


@pytest.fixture
def ask(playground):
    """Send a request to a profile endpoint."""

    def ask(method, path, profile=None, **query):
        content = None if profile is None else {"profile": profile}
        return http.request(method, playground.url + path, params=query, json=content)

    with requests.Session() as http:
        http.trust_env = False
        yield ask


def test_the_first_event_creates_a_profile_and_an_anonymous_user(playground, post):
    """Where no identifier is standard the user that is made has nothing written onto it."""
    post(SHOP_ID)
    (user,) = playground.users()
    assert (user.name, user.identities) == ("shop_id user 1", [])


def test_later_events_add_identifiers(playground, post):
    """Identifiers come together on one profile, and any of them finds it."""
    first = post(SHOP_ID).json()
    second = post(SHOP_ID, EMAIL).json()
    third = post(EMAIL).json()
    assert first == second == third
    assert playground.users()[0].profiles[0]["identifiers"] == [SHOP_ID, EMAIL]


def test_standard_identifiers_are_written_onto_the_user(playground, post):
    """Email and twitter lower-cased, the others as they are."""
    post({"type": "email", "value": "Customer-1@Example.com"}, {"type": "external_id", "value": "X1"}, SHOP_ID)
    assert playground.users()[0].identities == [EMAIL, {"type": "external_id", "value": "X1"}]


def test_a_standard_identifier_finds_the_user_from_another_source(playground, post):
    """One user, one profile for each source and type."""
    shop, web = post(EMAIL).json(), post(EMAIL, source="web").json()
    assert shop["user_id"] == web["user_id"]
    assert shop["profile_id"] != web["profile_id"]
    assert [profile["source"] for profile in playground.users()[0].profiles] == ["shop", "web"]


def test_other_identifiers_mean_nothing_to_another_source(post):
    """A shop's customer number says nothing to the web site."""
    assert post(SHOP_ID).json()["user_id"] != post(SHOP_ID, source="web").json()["user_id"]


def test_identifiers_of_two_profiles_are_refused(playground, post):
    """An event whose identifiers belong to two profiles is refused, and joins nothing."""
    post(SHOP_ID)
    post({"type": "card", "value": "2"})
    answer = post(SHOP_ID, {"type": "card", "value": "2"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "IdentifiersMatchMultipleProfiles"
    assert len(playground.events()) == 2


def test_identifiers_of_two_users_are_refused(playground, post):
    """An event whose identifiers belong to two users is refused, and adds nothing to either."""
    post(EMAIL)
    post(OTHER_EMAIL, source="web")
    answer = post(EMAIL, OTHER_EMAIL)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "IdentifiersMatchMultipleUsers"
    assert [user.identities for user in playground.users()] == [[EMAIL], [OTHER_EMAIL]]


def test_a_user_id_that_contradicts_the_identifiers_is_refused(post):
    """`user_id` counts as one more sign of who is meant."""
    post(EMAIL, user_id="7")
    assert post(EMAIL, user_id="8").status_code == 400
    assert post(EMAIL, path="/api/v2/users/8/events").status_code == 400
    assert post(SHOP_ID, user_id="7").json()["user_id"] == "7"


@pytest.mark.parametrize("user_id", ["9" * 19, "9" * 25])
def test_a_number_too_long_for_a_user_id_names_no_user(post, ask, user_id):
    """Where a user is asked for or named, it is told so."""
    assert post(EMAIL, user_id=user_id).status_code == 400
    assert post(EMAIL, path=f"/api/v2/users/{user_id}/events").status_code == 404
    assert ask("GET", f"/api/v2/users/{user_id}/events").status_code == 400
    assert ask("GET", f"/api/v2/users/{user_id}/profiles").status_code == 404


def test_a_profile_holds_twenty_identifiers(playground, post):
    """Twenty identifiers may come together, not one more."""
    cards = [{"type": f"card_{index}", "value": "1"} for index in range(20)]
    assert post(*cards).status_code == 202
    assert post(*cards[:19], EMAIL).status_code == 400
    assert len(playground.users()[0].profiles[0]["identifiers"]) == 20


def test_a_person_has_twenty_profiles(post):
    """The twenty-first source or type of profile for one person is refused."""
    assert [post(EMAIL, kind=f"kind_{index}").status_code for index in range(21)] == [202] * 20 + [400]


def test_an_account_has_fifty_profile_sources(post):
    """The fifty-first is refused, those known are not."""
    for index in range(50):
        post({"type": "id", "value": "1"}, source=f"source_{index}")
    assert post({"type": "id", "value": "1"}, source="source_50").status_code == 400
    assert post({"type": "id", "value": "2"}, source="source_49").status_code == 202


@pytest.mark.parametrize(
    ("identifiers", "name"),
    [
        ([("shop_id", "1")], "shop_id user 1"),
        ([("shop_id", "1"), ("sdk", "s")], "SDK user s"),
        ([("sdk", "s"), ("facebook", "f")], "Facebook user f"),
        ([("facebook", "f"), ("twitter", "t")], "Twitter user t"),
        ([("twitter", "t"), ("phone_number", "+15550100")], "User +15550100"),
        ([("phone_number", "+15550100"), ("external_id", "x")], "User x"),
        ([("external_id", "x"), ("email", "customer-1@example.com")], "customer-1@example.com"),
    ],
)
def test_a_nameless_profile_is_shown_by_its_best_identifier(identifiers, name):
    """The order is Zendesk's: email, external id, phone, twitter, facebook, sdk, then whatever came first."""
    assert shown_name([Identifier(*one) for one in identifiers]) == name


def test_a_profile_is_read_three_ways(post, ask):
    """By identifier query, by id, and by its user."""
    ids = post(EMAIL, name="A customer", attributes={"tier": "gold"}).json()
    by_query = ask("GET", PROFILES, **CUSTOMER).json()["profile"]
    by_id = ask("GET", f"{PROFILES}/{ids['profile_id']}").json()["profile"]
    (by_user,) = ask("GET", f"/api/v2/users/{ids['user_id']}/profiles").json()["profiles"]
    assert by_query == by_id == by_user
    assert (by_id["name"], by_id["attributes"], by_id["identifiers"]) == ("A customer", {"tier": "gold"}, [EMAIL])
    assert ask("GET", PROFILES).status_code == 400
    assert ask("GET", PROFILES, identifier="shop:customer:email:nobody@example.com").status_code == 404
    assert ask("GET", f"{PROFILES}/nobody").status_code == 404


def test_put_replaces(post, ask):
    """What a PUT leaves out is lost: name, attributes and identifiers."""
    post(EMAIL, SHOP_ID, name="A customer", attributes={"tier": "gold"})
    answer = ask("PUT", PROFILES, {"source": "shop", "type": "customer", "identifiers": [EMAIL]}, **CUSTOMER)
    assert answer.status_code == 200
    profile = answer.json()["profile"]
    assert (profile["name"], profile["attributes"]) == (EMAIL["value"], {})
    assert profile["identifiers"] == [EMAIL]


def test_put_creates(playground, ask):
    """A PUT for a customer who is unknown answers 201."""
    sent = {"source": "shop", "type": "customer", "identifiers": [EMAIL], "name": "A customer"}
    assert ask("PUT", PROFILES, sent, **CUSTOMER).status_code == 201
    assert playground.users()[0].name == "A customer"
    assert ask("PUT", PROFILES, {**sent, "source": "web"}, **CUSTOMER).status_code == 400


def test_patch_merges(post, ask):
    """A PATCH adds identifiers, changes name and attributes, and leaves the rest."""
    profile_id = post(EMAIL, name="A customer", attributes={"tier": "gold"}).json()["profile_id"]
    answer = ask("PATCH", PROFILES, {"attributes": {"city": "Oslo"}, "identifiers": [SHOP_ID]}, **CUSTOMER)
    assert answer.status_code == 200
    renamed = ask("PATCH", f"{PROFILES}/{profile_id}", {"name": "Another name"}).json()["profile"]
    assert (renamed["name"], renamed["attributes"]) == ("Another name", {"tier": "gold", "city": "Oslo"})
    assert renamed["identifiers"] == [EMAIL, SHOP_ID]


def test_patch_cannot_move_or_make_a_profile(post, ask):
    """A PATCH of another source is refused; of a profile that is not there it is 404."""
    post(EMAIL)
    post(OTHER_EMAIL)
    assert ask("PATCH", PROFILES, {"source": "web"}, **CUSTOMER).status_code == 400
    assert ask("PATCH", PROFILES, {"identifiers": [OTHER_EMAIL]}, **CUSTOMER).status_code == 400
    assert ask("PATCH", f"{PROFILES}/nobody", {"name": "x"}).status_code == 404
    absent = ask("PATCH", PROFILES, {"name": "x"}, identifier="shop:customer:email:customer-3@example.com")
    assert (absent.status_code, absent.json()["errors"][0]["code"]) == (404, "ProfileNotFound")


def test_patch_cannot_give_a_profile_to_another_user(post, ask):
    """A `user_id` must be the profile's own, also where it comes alone."""
    ids, other = post(EMAIL).json(), post(OTHER_EMAIL).json()
    path = f"{PROFILES}/{ids['profile_id']}"
    assert ask("PATCH", path, {"user_id": ids["user_id"]}).status_code == 200
    assert ask("PATCH", path, {"user_id": other["user_id"]}).status_code == 400
    assert ask("PATCH", path, {"user_id": "nobody", "name": "x"}).status_code == 400


def test_delete_takes_the_events_along(playground, post, ask):
    """A deleted profile answers 204 once, and its events are gone, those of others not."""
    profile_id = post(EMAIL).json()["profile_id"]
    post(OTHER_EMAIL)
    answer = ask("DELETE", f"{PROFILES}/{profile_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert [event.body["profile"]["identifiers"] for event in playground.events()] == [[OTHER_EMAIL]]
    assert ask("DELETE", f"{PROFILES}/{profile_id}").status_code == 404
