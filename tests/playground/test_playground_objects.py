"""The playground's custom objects: made by an admin, their records made, changed, found, refused and deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

OBJECTS = "/api/v2/custom_objects"
RECORDS = OBJECTS + "/subscription/records"
Ask = Callable[..., requests.Response]
FIELDS: list[dict[str, Any]] = [
    {"key": "plan", "type": "dropdown", "custom_field_options": [{"name": "Gold", "value": "gold"}]},
    {"key": "note", "type": "text"},
    {"key": "story", "type": "textarea"},
    {"key": "active", "type": "checkbox"},
    {"key": "renews_on", "type": "date"},
    {"key": "seats", "type": "integer"},
    {"key": "price", "type": "decimal"},
    {"key": "code", "type": "regexp", "regexp_for_validation": "^[A-Z]{2}$"},
    {"key": "tags", "type": "multiselect", "custom_field_options": [{"name": n, "value": n} for n in "ab"]},
    {"key": "customer", "type": "lookup", "relationship_target_type": "zen:user"},
    {"key": "incident", "type": "lookup", "relationship_target_type": "zen:ticket"},
    {"key": "company", "type": "lookup", "relationship_target_type": "zen:organization"},
    {"key": "parent", "type": "lookup", "relationship_target_type": "zen:custom_object:subscription"},
]


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    with Playground(known_users=["7"]) as playground:
        yield playground


@pytest.fixture
def ask(served: Playground) -> Iterator[Ask]:
    """Send a request to a playground that has the object `subscription`, unless another path is asked for."""
    served.clear()
    with requests.Session() as http:
        http.trust_env = False

        def ask(method: str, path: str = RECORDS, content: Any = None, **query: str) -> requests.Response:
            return http.request(method, served.url + path, params=query, json=content)

        make(ask)
        yield ask


def make(ask: Ask, key: str = "subscription") -> None:
    """Make an object with a field of each type."""
    sent = {"key": key, "title": key.capitalize(), "title_pluralized": f"{key.capitalize()}s"}
    assert ask("POST", OBJECTS, {"custom_object": sent}).status_code == 201
    for field in FIELDS:
        answer = ask("POST", f"{OBJECTS}/{key}/fields", {"custom_object_field": {"title": field["key"], **field}})
        assert answer.status_code == 201, answer.text


def record(**parts: Any) -> dict[str, Any]:
    return {"custom_object_record": parts}


def details(answer: requests.Response) -> set[str]:
    """Return which fields a refusal names."""
    assert answer.status_code == 422, answer.text
    content = answer.json()
    assert content["error"] == "RecordInvalid"
    return set(content["details"])


def test_at_first_there_is_no_object(served: Playground) -> None:
    """An account starts without any; what is not there is answered 404 in Support's shape."""
    served.clear()
    assert requests.get(served.url + OBJECTS, timeout=5).json() == {"custom_objects": []}
    answer = requests.patch(served.url + RECORDS, json=record(), params={"external_id": "1"}, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (404, "RecordNotFound")
    assert requests.get(f"{served.url}{OBJECTS}/subscription/fields", timeout=5).status_code == 404


def test_objects_and_fields_are_told(ask: Ask) -> None:
    """The list, one of them, and its fields with type, title, options and target."""
    (listed,) = ask("GET", OBJECTS).json()["custom_objects"]
    assert listed == ask("GET", OBJECTS + "/subscription").json()["custom_object"]
    assert (listed["key"], listed["title_pluralized"]) == ("subscription", "Subscriptions")
    fields = ask("GET", OBJECTS + "/subscription/fields").json()["custom_object_fields"]
    assert [(field["key"], field["type"]) for field in fields] == [(field["key"], field["type"]) for field in FIELDS]
    assert all(field["active"] is True for field in fields)
    assert fields[0]["custom_field_options"] == [{"id": 1, "name": "Gold", "value": "gold"}]
    assert fields[9]["relationship_target_type"] == "zen:user"


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ({}, {"key", "type", "title"}),
        ({"key": "a b", "type": "text", "title": "A"}, {"key"}),
        ({"key": "plan", "type": "text", "title": "A"}, {"key"}),
        ({"key": "a", "type": "tagger", "title": "A"}, {"type"}),
        ({"key": "a", "type": "dropdown", "title": "A"}, {"custom_field_options"}),
        ({"key": "a", "type": "regexp", "title": "A", "regexp_for_validation": "("}, {"regexp_for_validation"}),
        ({"key": "a", "type": "lookup", "title": "A"}, {"relationship_target_type"}),
        (
            {"key": "a", "type": "lookup", "title": "A", "relationship_target_type": "zen:custom_object:none"},
            {"relationship_target_type"},
        ),
    ],
)
def test_a_field_that_is_none_is_refused(ask: Ask, field: dict[str, Any], named: set[str]) -> None:
    """With what is wrong of it."""
    assert details(ask("POST", OBJECTS + "/subscription/fields", {"custom_object_field": field})) == named


def test_an_object_that_is_none_is_refused(ask: Ask) -> None:
    """Key and titles are required, and a key is one object's."""
    assert details(ask("POST", OBJECTS, {"custom_object": {}})) == {"key", "title", "title_pluralized"}
    again = {"key": "subscription", "title": "x", "title_pluralized": "x"}
    assert details(ask("POST", OBJECTS, {"custom_object": again})) == {"key"}
    assert ask("POST", OBJECTS, {"object": again}).status_code == 400


def test_a_plan_has_so_many_objects() -> None:
    """The fourth of a Team's account is refused."""
    with Playground(plan="team") as playground:
        sent = [{"key": f"o{number}", "title": "x", "title_pluralized": "x"} for number in range(4)]
        answers = [
            requests.post(playground.url + OBJECTS, json={"custom_object": one}, timeout=5).status_code for one in sent
        ]
        assert answers == [201, 201, 201, 422]


def test_an_object_has_a_hundred_fields(ask: Ask) -> None:
    """The next one is refused."""
    path = OBJECTS + "/subscription/fields"
    sent = [{"key": f"f{number}", "type": "text", "title": "x"} for number in range(100 - len(FIELDS) + 1)]
    answers = [ask("POST", path, {"custom_object_field": field}).status_code for field in sent]
    assert answers == [201] * (100 - len(FIELDS)) + [422]


def test_an_upsert_makes_and_then_changes_only_what_is_given(ask: Ask) -> None:
    """201, then 200 with the same id; null takes a value away; what is not sent stays."""
    made = ask("PATCH", content=record(name="Gold", custom_object_fields={"seats": 3, "note": "x"}), external_id="1")
    changed = ask("PATCH", content=record(custom_object_fields={"seats": 4, "note": None}), external_id="1")
    assert (made.status_code, changed.status_code) == (201, 200)
    first, second = made.json()["custom_object_record"], changed.json()["custom_object_record"]
    assert (second["id"], second["name"], second["external_id"]) == (first["id"], "Gold", "1")
    assert second["custom_object_fields"] == {field["key"]: None for field in FIELDS} | {"seats": 4}
    assert ask("GET", f"{RECORDS}/{first['id']}").json()["custom_object_record"] == second


@pytest.mark.parametrize("query", [{}, {"external_id": "1", "name": "a"}, {"external_id": ""}])
def test_a_record_is_named_by_external_id_or_name(ask: Ask, query: dict[str, str]) -> None:
    """Exactly one of them: else the answer is 400."""
    assert ask("PATCH", content=record(), **query).status_code == 400
    assert ask("DELETE", **query).status_code == 400


def test_a_record_is_named_by_name_where_names_are_unique(ask: Ask) -> None:
    """An admin says so; before, the name finds nothing."""
    assert details(ask("PATCH", content=record(), name="a")) == {"name"}
    naming = {"custom_object_field": {"properties": {"is_unique": True}}}
    assert ask("PATCH", OBJECTS + "/subscription/fields/standard::name", naming).status_code == 200
    assert ask("PATCH", content=record(), name="a").status_code == 201
    assert ask("PATCH", content=record(custom_object_fields={"seats": 1}), name="a").status_code == 200
    assert details(ask("POST", content=record(name="a"))) == {"name"}
    assert ask("DELETE", name="a").status_code == 204


def test_with_autonumbering_no_name_may_be_sent(ask: Ask) -> None:
    """Zendesk counts up itself."""
    properties = {"autonumbering_enabled": True, "autonumbering_prefix": "S-", "autonumbering_padding": 3}
    ask(
        "PATCH",
        OBJECTS + "/subscription/fields/standard::name",
        {"custom_object_field": {"properties": properties}},
    )
    assert details(ask("POST", content=record(name="a"))) == {"name"}
    names = [ask("POST", content=record()).json()["custom_object_record"]["name"] for _ in range(2)]
    assert names == ["S-001", "S-002"]


FITTING: list[tuple[str, list[Any], list[Any]]] = [
    ("plan", ["gold", None], ["silver", "Gold", ["gold"], 1]),
    ("note", ["", "x"], [1, True, {}, []]),
    ("story", ["x\ny"], [1]),
    ("active", [True, False], ["true", 1, 0]),
    ("renews_on", ["2026-02-28"], ["2026-02-30", "2026-2-3", "2026-02-28T00:00:00Z", "28.02.2026", 1, ""]),
    ("seats", [0, -5, 10**15], [1.5, "1", True]),
    ("price", [1, 1.5], ["1.5", True]),
    ("code", ["DE"], ["de", "DEU", 1]),
    ("tags", [[], ["a"], ["a", "b"]], ["a", ["c"], [1]]),
    ("customer", ["7"], ["8", 7, "", "nobody"]),
    ("incident", [None], ["1", "x", "9" * 30]),
    ("company", [None], ["1"]),
    ("parent", [None], ["01H", ""]),
]


@pytest.mark.parametrize(("field", "fitting", "others"), FITTING, ids=[row[0] for row in FITTING])
def test_a_value_must_fit_its_field(ask: Ask, field: str, fitting: list[Any], others: list[Any]) -> None:
    """Each type takes its own values, null, and no others."""
    for value in fitting:
        answer = ask("PATCH", content=record(custom_object_fields={field: value}), external_id="1")
        assert answer.status_code in {200, 201}, answer.text
        assert answer.json()["custom_object_record"]["custom_object_fields"][field] == value
    for value in others:
        answer = ask("PATCH", content=record(custom_object_fields={field: value}), external_id="1")
        assert details(answer) == {field}, value


def test_a_lookup_finds_what_is_there(ask: Ask) -> None:
    """A record of the object that the field names, a user whom an event made, a ticket."""
    parent = ask("POST", content=record()).json()["custom_object_record"]["id"]
    profile = {"source": "shop", "type": "customer", "identifiers": [{"type": "email", "value": "c@example.com"}]}
    event = {"source": "shop", "type": "visit", "properties": {}}
    user = ask("POST", "/api/v2/user_profiles/events", {"profile": profile, "event": event}).json()["user_id"]
    ticket = ask("POST", "/api/v2/tickets", {"ticket": {"comment": {"body": "x"}}}).json()["ticket"]["id"]
    sent = record(custom_object_fields={"parent": parent, "customer": user, "incident": str(ticket)})
    assert ask("PATCH", content=sent, external_id="2").status_code == 201
    make(ask, "contract")
    other = ask("POST", OBJECTS + "/contract/records", record()).json()["custom_object_record"]["id"]
    assert details(ask("POST", content=record(custom_object_fields={"parent": other}))) == {"parent"}


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"custom_object_fields": {"plann": "gold"}}, {"plann"}),
        ({"custom_object_fields": []}, {"custom_object_fields"}),
        ({"fields": {}}, {"fields"}),
        ({"name": "x" * 256}, {"name"}),
        ({"name": " "}, {"name"}),
        ({"name": 1}, {"name"}),
        ({"external_id": "2"}, {"external_id"}),
        ({"custom_object_fields": {"story": "x" * 32 * 1024}}, {"base"}),
    ],
)
def test_a_record_that_does_not_fit_is_refused(ask: Ask, sent: dict[str, Any], named: set[str]) -> None:
    """And nothing of it is kept."""
    assert details(ask("PATCH", content={"custom_object_record": sent}, external_id="1")) == named
    assert ask("GET").json()["count"] == 0


def test_a_record_is_at_most_32_kilobytes(ask: Ask) -> None:
    """As the JSON of name, external id and fields, bytes and not letters; what was there counts with what comes."""
    room = 32 * 1024 - len(json.dumps({"name": None, "external_id": "1", "custom_object_fields": {"story": ""}}))
    assert ask("PATCH", content=record(custom_object_fields={"story": "x" * room}), external_id="1").status_code == 201
    assert details(ask("PATCH", content=record(custom_object_fields={"note": "x" * 20}), external_id="1")) == {"base"}


def test_an_external_id_is_one_records(ask: Ask) -> None:
    """A second of the same is refused, also by a change."""
    assert ask("POST", content=record(external_id="1")).status_code == 201
    assert details(ask("POST", content=record(external_id="1"))) == {"external_id"}
    other = ask("POST", content=record(external_id="2")).json()["custom_object_record"]["id"]
    assert details(ask("PATCH", f"{RECORDS}/{other}", record(external_id="1"))) == {"external_id"}


def test_records_are_found_by_external_ids(ask: Ask) -> None:
    """Those that are there, at most a hundred asked for; without a filter, page by page."""
    for number in range(3):
        ask("PATCH", content=record(), external_id=str(number))
    found = ask("GET", **{"filter[external_ids]": "2,0,nobody"}).json()
    assert [one["external_id"] for one in found["custom_object_records"]] == ["0", "2"]
    assert found["count"] == 2
    assert ask("GET", **{"filter[external_ids]": ",".join(map(str, range(101)))}).status_code == 400
    page = ask("GET", **{"page[size]": "2"}).json()
    assert (len(page["custom_object_records"]), page["count"], page["meta"]["has_more"]) == (2, 3, True)
    rest = requests.get(page["links"]["next"], timeout=5).json()
    assert [one["external_id"] for one in rest["custom_object_records"]] == ["2"]
    assert rest["meta"]["has_more"] is False


def test_a_record_is_deleted_once(ask: Ask) -> None:
    """204, then 404."""
    ask("PATCH", content=record(), external_id="1")
    assert [ask("DELETE", external_id="1").status_code for _ in range(2)] == [204, 404]
    assert ask("GET").json()["custom_object_records"] == []


def test_objects_need_broad_scopes_and_making_them_an_admin() -> None:
    """`read` and `write`, no narrow one: 403 else; an agent may write records, not say what an object is."""
    known = Credentials(access_token="token", scope="read users:write", role="agent")
    with Playground(credentials=known) as playground, requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = "Bearer token"
        assert http.get(playground.url + OBJECTS).status_code == 200
        assert http.patch(playground.url + RECORDS, json=record(), params={"external_id": "1"}).status_code == 403
    with Playground(credentials=Credentials(access_token="token", role="agent")) as playground:
        head = {"Authorization": "Bearer token"}
        sent = {"custom_object": {"key": "a", "title": "x", "title_pluralized": "x"}}
        assert requests.post(playground.url + OBJECTS, json=sent, headers=head, timeout=5).status_code == 403
        me = requests.get(playground.url + "/api/v2/users/me.json", headers=head, timeout=5).json()
        assert me["user"]["role"] == "agent"
