"""What a ticket is that is made once, changed, or commented on: its requests, its key, how it is found again."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
import requests

from target_zendesk_events.kinds.shipment import Bucket, Claim, Missing, Request
from target_zendesk_events.kinds.ticket import ByExternalId, Ticket, TicketComment, TicketUpdate
from target_zendesk_events.playground.server import Playground

NOW = Claim(1_793_527_200.0, b"\x01\xff")
"""2026-11-01 10:00 UTC."""
FIELDS: dict[str, Any] = {
    "external_id": "i/7",
    "requester": {"email": "customer-7@example.com", "name": "Customer 7"},
    "subject": "Incident 7",
    "tags": ["incident"],
    "custom_fields": [{"id": 3600, "value": "eu"}],
    "comment": {"body": "It broke", "public": False},
}
MADE = Ticket(FIELDS)
NAMELESS = Ticket({"requester_id": 42, "comment": {"body": "It broke"}})
UPDATE = TicketUpdate("35", {"status": "solved", "priority": None})
COMMENT = TicketComment("35", {"body": "Done", "public": True}, (("email", "customer-7@example.com"),))
ALL: list[Any] = [MADE, NAMELESS, UPDATE, COMMENT]


def test_a_ticket_is_made_under_the_key_of_the_ledger() -> None:
    """So that Zendesk makes no second one of a second sending; without a key there is no such header."""
    request = MADE.request(NOW, {})
    assert (request.method, request.path) == ("POST", "/api/v2/tickets")
    assert request.headers == {"Idempotency-Key": "01ff"}
    assert json.loads(request.body or b"") == {"ticket": FIELDS}
    assert MADE.request(Claim(0.0), {}).headers == {}


def test_a_ticket_is_changed_and_commented_on_by_its_number() -> None:
    """Each in a request of its own; a null goes as null: it clears the field."""
    changed, said = UPDATE.request(NOW, {}), COMMENT.request(NOW, {})
    assert (changed.method, changed.path, changed.headers) == ("PUT", "/api/v2/tickets/35", {})
    assert json.loads(changed.body or b"") == {"ticket": {"status": "solved", "priority": None}}
    assert (said.method, said.path, said.headers) == ("PUT", "/api/v2/tickets/35", {})
    assert json.loads(said.body or b"") == {"ticket": {"comment": {"body": "Done", "public": True}}}


@pytest.mark.parametrize("what", ALL)
def test_what_is_sent_of_tickets_draws_on_supports_minute(what: Any) -> None:
    """A 404 refuses it, unless it is new; it is looked up nowhere, goes alone, and its customer need not be known."""
    assert what.bucket is Bucket.SUPPORT
    assert what.kind == ("comment" if what is COMMENT else "ticket")
    assert what.when_missing(NOW, {}) is (Missing.ASTRAY if isinstance(what, Ticket) else Missing.REFUSED)
    assert what.when_not_found() is Missing.REFUSED
    assert (what.look_ups(), what.names(), what.identifier_types()) == ((), (), ())
    assert (what.batch(), what.known_by(), what.origin, what.tells_time) == (None, None, (), False)
    assert what.limit_fault() == ""
    assert what.appearance(NOW) == msgspec.structs.replace(what).appearance(NOW)
    others = [
        TicketUpdate("36", UPDATE.fields),
        TicketUpdate("35", {"status": "new"}),
        TicketComment("36", COMMENT.comment),
        TicketComment("35", {"body": "No"}),
    ]
    assert len({one.appearance(NOW) for one in (*ALL, *others)}) == len(ALL) + len(others)


def test_an_external_id_tells_a_ticket_from_others() -> None:
    """Without one it is the row that tells, and what is said."""
    assert (MADE.names_itself, MADE.identity()) == (True, {"external_id": "i/7"})
    assert (NAMELESS.names_itself, NAMELESS.identity()) == (False, NAMELESS.fields)
    assert MADE.lane_keys() == (("ticket", "external_id", "i/7"),)
    assert NAMELESS.lane_keys() == ()
    assert MADE.customer() == [{"email": "customer-7@example.com", "name": "Customer 7"}, None]
    assert NAMELESS.customer() == [None, 42]


def test_a_change_is_known_by_its_content_and_a_comment_is_made_once() -> None:
    """Both stand in the lane of their ticket."""
    assert (UPDATE.names_itself, UPDATE.identity(), UPDATE.content()) == (True, ["ticket", "35"], UPDATE.fields)
    assert COMMENT.identity() == ["ticket", "35", {"body": "Done", "public": True}]
    assert not COMMENT.names_itself
    assert [one.content() is None for one in ALL] == [True, True, False, True]
    assert UPDATE.lane_keys() == COMMENT.lane_keys() == (("ticket", "35"),)
    assert UPDATE.customer() == COMMENT.customer() == ["35"]


def test_whom_a_ticket_names_may_be_forgotten() -> None:
    """By the address, or by Zendesk's number of the user; a comment with the ticket that it is on."""
    assert MADE.persons() == (("email", "customer-7@example.com"),)
    assert NAMELESS.persons() == ("42",)
    assert UPDATE.persons() == ()
    assert COMMENT.persons() == (("email", "customer-7@example.com"),)
    assert TicketUpdate("35", {"requester": {"email": "a@example.com"}}).persons() == (("email", "a@example.com"),)


@pytest.mark.parametrize(
    ("what", "policy", "seconds", "is_readable", "what_to_do"),
    [
        (MADE, "hold", 6_000.0, True, "retry"),
        (MADE, "verify", 6_001.0, True, "verify"),
        (MADE, "verify", math.inf, False, "hold"),
        (MADE, "retry", math.inf, True, "verify"),
        (MADE, "hold", math.inf, True, "verify"),
        (MADE, "retry", math.inf, False, "hold"),
        (NAMELESS, "verify", 6_000.0, False, "retry"),
        (NAMELESS, "verify", math.inf, False, "hold"),
        (UPDATE, "hold", math.inf, False, "retry"),
        (UPDATE, "verify", 0.0, True, "retry"),
        (COMMENT, "verify", 0.0, False, "hold"),
        (COMMENT, "retry", 0.0, False, "retry"),
        (COMMENT, "hold", 0.0, False, "hold"),
    ],
)
def test_after_a_lost_answer(what: Any, policy: str, seconds: float, is_readable: bool, what_to_do: str) -> None:
    """A ticket goes again while its key holds, and is looked for later; a change goes again; a comment may not."""
    assert what.when_unknown(policy, seconds, is_readable=is_readable) == what_to_do


def test_a_ticket_is_looked_for_by_its_external_id() -> None:
    """Nothing else can be."""
    asked = MADE.read_back(NOW)
    assert asked == ByExternalId("i/7")
    request = asked.request("")
    assert (request.method, request.path) == ("GET", "/api/v2/tickets?external_id=i%2F7")
    assert request.holds == ("tickets", True)
    assert asked.request("a=").path.endswith("&page%5Bafter%5D=a%3D")
    assert [one.read_back(NOW) for one in ALL[1:]] == [None, None, None]


@pytest.mark.parametrize(
    ("stored", "sent_at", "is_it"),
    [
        ({"external_id": "i/7", "created_at": "2026-11-01T10:00:00Z"}, 1_793_527_200.0, True),
        ({"external_id": "i/7", "created_at": "2026-11-01T09:59:58Z"}, 1_793_527_200.0, True),
        ({"external_id": "i/7", "created_at": "2026-11-01T09:59:57Z"}, 1_793_527_200.0, False),
        ({"external_id": "i/7", "created_at": "2020-11-01T09:59:57Z"}, None, True),
        ({"external_id": "i/7"}, 1_793_527_200.0, True),
        ({"external_id": "i/8", "created_at": "2026-11-01T10:00:00Z"}, 1_793_527_200.0, False),
        ({"created_at": "2026-11-01T10:00:00Z"}, 1_793_527_200.0, False),
    ],
)
def test_an_older_ticket_of_the_same_external_id_is_another(
    stored: dict[str, Any],
    sent_at: float | None,
    is_it: bool,
) -> None:
    """External ids need not be unique; clocks may differ by two seconds."""
    assert ByExternalId("i/7").is_it(stored, sent_at) is is_it


def test_a_masked_ticket_shows_the_names_of_its_fields() -> None:
    """Its owner sees all of it, with the number of the one that is changed."""
    assert MADE.masked() == {
        "ticket": {
            "external_id": "<3 characters>",
            "requester": "<object of 2>",
            "subject": "<10 characters>",
            "tags": "<list of 1>",
            "custom_fields": "<list of 1>",
            "comment": "<object of 2>",
        }
    }
    assert UPDATE.masked() == {"ticket": {"id": "<2 characters>", "status": "<6 characters>", "priority": None}}
    comment = {"body": "<4 characters>", "public": True}
    assert COMMENT.masked() == {"ticket": {"id": "<2 characters>", "comment": comment}}
    assert MADE.shown(NOW) == MADE.item({}) == {"ticket": FIELDS}
    assert UPDATE.shown(NOW) == {"ticket": {"id": "35", "status": "solved", "priority": None}}
    assert COMMENT.shown(NOW) == {"ticket": {"id": "35", "comment": {"body": "Done", "public": True}}}


def test_an_account_takes_what_is_sent() -> None:
    """The same key makes one ticket, which is found by its external id, changed and commented on."""
    made = Ticket({"external_id": "i/7", "subject": "Incident 7", "comment": {"body": "It broke"}})
    with Playground() as served:
        first, again = (send(served, made.request(NOW, {})) for _ in range(2))
        assert first["ticket"]["id"] == again["ticket"]["id"]
        (found,) = send(served, ByExternalId("i/7").request(""))["tickets"]
        assert ByExternalId("i/7").is_it(found, None)
        number = str(found["id"])
        changed = send(served, TicketUpdate(number, {"status": "solved"}).request(NOW, {}))
        assert changed["ticket"]["status"] == "solved"
        assert send(served, TicketComment(number, {"body": "Done"}).request(NOW, {}))["ticket"]["id"] == found["id"]


def send(served: Playground, request: Request) -> Any:
    """Send what a kind asks to be sent, and return the body of a success."""
    sent = {"data": request.body, "headers": {**request.headers, "Content-Type": "application/json"}}
    answer = requests.request(request.method, served.url + request.path, timeout=5, **sent)  # type: ignore[arg-type]
    assert answer.ok, answer.text
    return answer.json()
