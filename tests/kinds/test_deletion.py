"""What is taken away: by which request, in whose lane, and that what is not there is gone."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import requests

from target_zendesk_events.kinds.deletion import ProfileDeletion, RecordDeletion, TicketDeletion
from target_zendesk_events.kinds.look_up import LookUp, found_in, request_of
from target_zendesk_events.kinds.object_record import ObjectRecord
from target_zendesk_events.kinds.profile import Identifier, Profile, ProfileUpsert
from target_zendesk_events.kinds.shipment import Bucket, Claim, Missing, Request
from target_zendesk_events.kinds.ticket import TicketUpdate
from target_zendesk_events.playground.server import Playground

NOW = Claim(0.0)
PROFILE = Profile("shop", "customer", (Identifier("shop_id", "7"), Identifier("email", "customer-7@example.com")))
OF_PROFILE = ProfileDeletion(PROFILE)
OF_RECORD = RecordDeletion("subscription", "s/7")
OF_TICKET = TicketDeletion("35")
ALL: list[Any] = [OF_PROFILE, OF_RECORD, OF_TICKET]
WANTED = LookUp("profile", "shop:customer:shop_id", "7")


@pytest.mark.parametrize(
    ("deletion", "path"),
    [
        (OF_PROFILE, "/api/v2/user_profiles/01%2FAB"),
        (OF_RECORD, "/api/v2/custom_objects/subscription/records?external_id=s%2F7"),
        (OF_TICKET, "/api/v2/tickets/35"),
    ],
)
def test_a_deletion_has_no_body(deletion: Any, path: str) -> None:
    """A profile goes by the id that was found for it."""
    assert deletion.request(NOW, {WANTED: "01/AB"}) == Request("DELETE", path)


@pytest.mark.parametrize("deletion", ALL)
def test_what_is_not_there_is_gone(deletion: Any) -> None:
    """So a 404 is a success, and so is a look-up that finds nothing; a second deletion does no harm."""
    assert deletion.kind == "deletion"
    assert deletion.when_missing(NOW, {}) is Missing.DONE
    assert deletion.when_not_found() is Missing.DONE
    assert deletion.when_unknown("hold", 1e9, is_readable=False) == "retry"
    assert deletion.read_back(NOW) is None
    assert deletion.known_by() is None
    assert (deletion.names(), deletion.identifier_types()) == ((), ())
    assert (deletion.names_itself, deletion.tells_time, deletion.content()) == (True, False, {"deleted": True})
    assert deletion.bucket is (Bucket.EVENTS if deletion is OF_PROFILE else Bucket.SUPPORT)
    assert deletion.appearance(NOW) == msgspec.structs.replace(deletion).appearance(NOW)
    others: list[Any] = [
        ProfileDeletion(msgspec.structs.replace(PROFILE, type="lead")),
        RecordDeletion("subscription", "8"),
        TicketDeletion("36"),
    ]
    assert len({one.appearance(NOW) for one in (*ALL, *others)}) == len(ALL) + len(others)


@pytest.mark.parametrize(
    ("deletion", "thing"),
    [
        (OF_PROFILE, ProfileUpsert(PROFILE)),
        (OF_RECORD, ObjectRecord("subscription", "s/7", {})),
        (OF_TICKET, TicketUpdate("35", {"status": "solved"})),
    ],
)
def test_a_deletion_is_of_the_thing_that_it_takes_away(deletion: Any, thing: Any) -> None:
    """It has its identity, and so its place in the ledger; and it keeps its place in the thing's lane."""
    assert deletion.identity() == thing.identity()
    assert deletion.content() != thing.content()
    assert deletion.lane_keys() == thing.lane_keys()
    assert deletion.customer() == thing.customer()


def test_a_profile_is_looked_up_by_its_first_identifier() -> None:
    """Which must be one that can be asked for; its person may be forgotten."""
    assert OF_PROFILE.look_ups() == [WANTED]
    assert (OF_RECORD.look_ups(), OF_TICKET.look_ups()) == ((), ())
    assert OF_PROFILE.persons() == PROFILE.lane_keys()
    assert (OF_RECORD.persons(), OF_TICKET.persons()) == ((), ())
    assert [one.limit_fault() for one in ALL] == ["", "", ""]
    colon = msgspec.structs.replace(PROFILE, identifiers=(Identifier("urn", "a:b"),))
    assert "holds a colon" in ProfileDeletion(colon).limit_fault()


def test_records_of_one_object_are_deleted_in_one_job() -> None:
    """Of which each item is an external id; the others go alone."""
    job = OF_RECORD.batch()
    assert job is not None
    assert job == RecordDeletion("subscription", "8").batch() != RecordDeletion("contract", "8").batch()
    assert job != ObjectRecord("subscription", "s/7", {}).batch()
    assert OF_RECORD.item({}) == "s/7"
    assert json.loads(job.request(["s/7", "8"]).body or b"") == {
        "job": {"action": "delete_by_external_id", "items": ["s/7", "8"]}
    }
    assert (OF_PROFILE.batch(), OF_TICKET.batch(), OF_PROFILE.item({}), OF_TICKET.item({})) == (None,) * 4
    assert (OF_RECORD.origin, OF_TICKET.origin) == (("subscription",), ())


def test_a_deletion_is_told_in_the_words_of_its_rule() -> None:
    """Masked where anybody may see it."""
    assert OF_PROFILE.shown(NOW) == {"delete": {"profile": PROFILE.as_object()}}
    assert OF_RECORD.shown(NOW) == {"delete": {"object": "subscription", "external_id": "s/7"}}
    assert OF_TICKET.shown(NOW) == {"delete": {"ticket": "35"}}
    assert OF_PROFILE.masked() == {"delete": {"profile": PROFILE.masked()}}
    assert OF_RECORD.masked() == {"delete": {"object": "subscription", "external_id": "<3 characters>"}}
    assert OF_TICKET.masked() == {"delete": {"ticket": "<2 characters>"}}


def test_an_account_takes_what_is_sent() -> None:
    """A profile that is there is found and goes; one that is not is not found."""
    with Playground() as served:
        made = ProfileUpsert(PROFILE)
        assert send(served, made.request(NOW, {})).status_code == 404
        again = made.when_missing(NOW, {})
        assert isinstance(again, Request)
        assert send(served, again).status_code == 201
        assert send(served, made.request(NOW, {})).status_code == 200
        found = found_in(send(served, request_of([WANTED])).json(), [WANTED])
        assert send(served, OF_PROFILE.request(NOW, found)).status_code == 204
        assert send(served, request_of([WANTED])).status_code == 404
        assert send(served, OF_TICKET.request(NOW, {})).status_code == 404
        assert send(served, OF_RECORD.request(NOW, {})).status_code == 404


def send(served: Playground, request: Request) -> requests.Response:
    """Send what a kind asks to be sent."""
    headers = {**request.headers, "Content-Type": "application/json"}
    return requests.request(request.method, served.url + request.path, data=request.body, headers=headers, timeout=5)
