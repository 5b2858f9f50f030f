"""What a record of a custom object is: its requests, its job, its references, its limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests

from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.object_record import ObjectRecord, Reference
from target_zendesk_events.kinds.shipment import Bucket, Claim, Missing, Request
from target_zendesk_events.playground.server import Playground

NOW = Claim(0.0)
USER = LookUp("user", "external_id", "c-7")
CONTRACT = LookUp("object", "contract", "k/9")
PAYER = LookUp("user", "email", "customer-7@example.com")
FOUND = {USER: "42", CONTRACT: "01ABC", PAYER: "43"}
RECORD = ObjectRecord(
    "subscription",
    "s&1",
    {
        "plan": "gold",
        "seats": 3,
        "tags": ["a", "b"],
        "ends_on": None,
        "customer": Reference(USER),
        "again": Reference(USER),
        "contract": Reference(CONTRACT),
        "payer": Reference(PAYER),
    },
    name="gold of 7",
)
ITEM = {
    "external_id": "s&1",
    "name": "gold of 7",
    "custom_object_fields": {
        "plan": "gold",
        "seats": 3,
        "tags": ["a", "b"],
        "ends_on": None,
        "customer": "42",
        "again": "42",
        "contract": "01ABC",
        "payer": "43",
    },
}
WRITTEN = {
    "plan": "gold",
    "seats": 3,
    "tags": ["a", "b"],
    "ends_on": None,
    "customer": {"user": {"external_id": "c-7"}},
    "again": {"user": {"external_id": "c-7"}},
    "contract": {"object": "contract", "external_id": "k/9"},
    "payer": {"user": {"email": "customer-7@example.com"}},
}


def test_one_record_is_made_or_changed_by_its_external_id() -> None:
    """Each reference stands as the id that was found, and a null as null: it clears the field."""
    request = RECORD.request(NOW, FOUND)
    assert (request.method, request.path) == ("PATCH", "/api/v2/custom_objects/subscription/records?external_id=s%261")
    assert json.loads(request.body or b"") == {"custom_object_record": ITEM}
    assert RECORD.item(FOUND) == ITEM
    assert "name" not in ObjectRecord("subscription", "1", {}).item({})
    assert RECORD.when_missing(NOW, FOUND) is Missing.REFUSED


def test_records_of_one_object_share_a_job() -> None:
    """Up to a hundred; those of another object do not."""
    job = RECORD.batch()
    other = msgspec.structs.replace(RECORD, external_id="2").batch()
    assert job is not None
    assert job.max_items == 100
    assert job == other
    assert hash(job) == hash(other)
    assert job != msgspec.structs.replace(RECORD, key="contract").batch()
    request = job.request([ITEM, ITEM])
    assert (request.method, request.path) == ("POST", "/api/v2/custom_objects/subscription/jobs")
    assert request.holds == ("job_status", False)
    assert json.loads(request.body or b"") == {
        "job": {"action": "create_or_update_by_external_id", "items": [ITEM, ITEM]}
    }


def test_whom_it_refers_to_is_looked_up_once() -> None:
    """What is not found sets the record aside; the users among them may be forgotten."""
    assert RECORD.look_ups() == [USER, CONTRACT, PAYER]
    assert RECORD.when_not_found() is Missing.REFUSED
    assert RECORD.known_by() is None
    assert RECORD.persons() == [("external_id", "c-7"), ("email", "customer-7@example.com")]


def test_a_record_is_told_by_its_external_id_and_known_by_its_content() -> None:
    """References are known as the rule has them: their ids are Zendesk's."""
    assert RECORD.identity() == ["object", "subscription", "s&1"]
    assert RECORD.content() == {"name": "gold of 7", "fields": WRITTEN}
    assert RECORD.lane_keys() == (("object", "subscription", "s&1"),)
    assert RECORD.origin == ("subscription",)
    assert RECORD.customer() == ["subscription", "s&1"]
    assert (RECORD.names_itself, RECORD.tells_time) == (True, False)
    assert RECORD.appearance(NOW) != msgspec.structs.replace(RECORD, external_id="2").appearance(NOW)


def test_a_record_draws_on_supports_minute_and_may_be_sent_twice() -> None:
    """So a lost answer is never read back, whatever the policy; nothing is written onto a user."""
    assert (RECORD.kind, RECORD.bucket) == ("object", Bucket.SUPPORT)
    assert RECORD.when_unknown("hold", 1e9, is_readable=False) == "retry"
    assert RECORD.read_back(NOW) is None
    assert RECORD.identifier_types() == ()
    assert RECORD.names() == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, ""),
        ({"name": "x" * 255}, ""),
        ({"name": None}, ""),
        ({"name": "x" * 256}, "object.name has 256 characters; Zendesk takes 255"),
        ({"fields": {"a": "x" * (32 * 1024 - 8)}}, ""),
        ({"fields": {"a": "x" * (32 * 1024 - 7)}}, "object.fields has 32,769 bytes; Zendesk takes 32,768 a record"),
    ],
)
def test_what_zendesk_would_refuse_is_named(change: dict[str, Any], word: str) -> None:
    """A name of 255 characters and 32 KB are within."""
    fault = msgspec.structs.replace(RECORD, **change).limit_fault()
    assert fault == (f"{word} [ZE732]" if word else "")


def test_a_masked_record_shows_the_object_and_its_fields_names() -> None:
    """Its owner sees it as the rule has it, filled in: the ids are yet to be looked up."""
    assert RECORD.masked() == {
        "object": {
            "key": "subscription",
            "external_id": "<3 characters>",
            "name": "<9 characters>",
            "fields": {
                "plan": "<4 characters>",
                "seats": "<number>",
                "tags": "<list of 2>",
                "ends_on": None,
                "customer": "<object of 1>",
                "again": "<object of 1>",
                "contract": "<object of 2>",
                "payer": "<object of 1>",
            },
        }
    }
    assert RECORD.shown(NOW) == {
        "object": {"key": "subscription", "external_id": "s&1", "name": "gold of 7", "fields": WRITTEN}
    }
    assert "name" not in ObjectRecord("subscription", "1", {}).shown(NOW)["object"]
    assert "name" not in ObjectRecord("subscription", "1", {}).masked()["object"]


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    """Serve an account that has the object, with two fields."""
    with Playground(job_seconds=0) as playground:
        objects = "/api/v2/custom_objects"
        titles = {"title": "Subscription", "title_pluralized": "Subscriptions"}
        ask(playground, "POST", objects, {"custom_object": {"key": "subscription", **titles}})
        for key, kind in (("plan", "text"), ("seats", "integer")):
            field = {"key": key, "type": kind, "title": key}
            ask(playground, "POST", f"{objects}/subscription/fields", {"custom_object_field": field})
        yield playground


def ask(served: Playground, method: str, path: str, content: Any = None) -> Any:
    """Return the body of an answer that is a success."""
    answer = requests.request(method, served.url + path, json=content, timeout=5)
    assert answer.ok, answer.text
    return answer.json()


def send(served: Playground, request: Request) -> Any:
    """Send what a kind asks to be sent."""
    return ask(served, request.method, request.path, None if request.body is None else json.loads(request.body))


def test_an_account_takes_what_is_sent(served: Playground) -> None:
    """Alone and in a job; only what is given changes, and a null clears."""
    first = ObjectRecord("subscription", "a/1", {"plan": "gold", "seats": 3}, name="one")
    made = send(served, first.request(NOW, {}))["custom_object_record"]
    changed = send(served, msgspec.structs.replace(first, fields={"plan": None}).request(NOW, {}))
    assert changed["custom_object_record"]["id"] == made["id"]
    fields = changed["custom_object_record"]["custom_object_fields"]
    assert (fields["plan"], fields["seats"]) == (None, 3)
    second = msgspec.structs.replace(first, external_id="2")
    status = send(served, second.batch().request([first.item({}), second.item({})]))["job_status"]
    done = ask(served, "GET", f"/api/v2/job_statuses/{status['id']}")["job_status"]
    assert [one["success"] for one in done["results"]] == [True, True]
