"""`zendesk-events objects`: what an account lacks is told, made on demand, and read back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
OBJECTS = "/api/v2/custom_objects"
RULES = [
    {
        "stream": "subscriptions",
        "object": {
            "key": "subscription",
            "external_id": "{{ id }}",
            "name": "{{ plan }}",
            "fields": {
                "plan": "{{ plan }}",
                "renews_on": "{{ renews_on }}",
                "seats": "{{ seats }}",
                "customer": {"user": {"external_id": "{{ customer_id }}"}},
                "company": {"object": "company", "external_id": "{{ company_id }}"},
            },
        },
    },
]
COLUMNS = {
    "id": {"type": "string"},
    "plan": {"type": "string"},
    "renews_on": {"type": "string", "format": "date"},
    "seats": {"type": "integer"},
    "customer_id": {"type": "string"},
    "company_id": {"type": "string"},
}
NULLABLE = {"properties": {name: {**column, "type": ["null", column["type"]]} for name, column in COLUMNS.items()}}
CATALOG = {"streams": [{"tap_stream_id": "subscriptions", "schema": {"type": "object", "properties": COLUMNS}}]}


class Account:
    """An account, and a configuration whose rules name custom objects."""

    def __init__(self, playground: Playground, folder: Path, **settings: Any) -> None:
        """Write it down, and a catalog beside it."""
        self.playground = playground
        self.folder = folder
        content = {"rules": RULES, **settings}
        (folder / "config.json").write_text(json.dumps(support.config(playground.url, folder, **content)))
        (folder / "catalog.json").write_text(json.dumps(CATALOG))

    def objects(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run the verb."""
        command = ("objects", "--config", "config.json", *arguments)
        return support.command(None, self.folder, *command, given=given, program=VERBS)

    def told(self, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
        """Return the exit code, and the state and note of each object and field."""
        done = self.objects("--json", *arguments)
        told = json.loads(done.stdout)
        assert told["exit_code"] == done.returncode
        found = {one["key"]: (one["state"], one["note"]) for one in told["objects"]}
        for one in told["objects"]:
            found |= {f"{one['key']}.{field['key']}": (field["state"], field["note"]) for field in one["fields"]}
        return done.returncode, found

    def ask(self, method: str, path: str, content: Any = None, **query: str) -> Any:
        """Ask the account itself."""
        answer = requests.request(method, self.playground.url + path, json=content, params=query, timeout=5)
        answer.raise_for_status()
        return answer.json()

    def fields(self, key: str) -> dict[str, tuple[str, str | None]]:
        """Return the type and the target of each field of an object."""
        listed = self.ask("GET", f"{OBJECTS}/{key}/fields")["custom_object_fields"]
        return {one["key"]: (one["type"], one.get("relationship_target_type")) for one in listed}

    @property
    def posted(self) -> list[str]:
        """Where something was made."""
        return [one.path for one in self.playground.requests() if one.method != "GET"]


@pytest.fixture
def account(playground: Playground, tmp_path: Path) -> Account:
    return Account(playground, tmp_path)


def test_what_is_missing_is_told(account: Account) -> None:
    """Types come from the catalog; nothing is made; exit 1."""
    done = account.objects("--input", "catalog.json")
    shown = " ".join(done.stdout.decode().split())
    assert done.returncode == 1, done.stderr.decode()
    for part in (
        "subscription missing",
        "subscription plan text missing",
        "subscription renews_on date missing",
        "subscription seats integer missing",
        "subscription customer lookup to zen:user missing",
        "subscription company lookup to zen:custom_object:company missing",
        "company missing",
        "7 missing. zendesk-events objects --apply makes what has a type",
    ):
        assert part in shown
    assert account.posted == []


def test_apply_makes_it(account: Account) -> None:
    """Objects before fields, whatever refers to what; what was made fits, and exit 0 says so."""
    done = account.objects("--input", "catalog.json", "--apply", "--yes")
    assert done.returncode == 0, done.stderr.decode()
    assert [line for line in done.stderr.decode().splitlines() if line.startswith("made: ")] == [
        "made: object subscription",
        "made: object company",
        "made: field subscription.plan, text",
        "made: field subscription.renews_on, date",
        "made: field subscription.seats, integer",
        "made: field subscription.customer, lookup, zen:user",
        "made: field subscription.company, lookup, zen:custom_object:company",
    ]
    (subscription, company) = account.ask("GET", OBJECTS)["custom_objects"]
    assert (subscription["title"], subscription["title_pluralized"]) == ("Subscription", "Subscriptions")
    assert company["title_pluralized"] == "Companies"
    assert account.fields("subscription") == {
        "plan": ("text", None),
        "renews_on": ("date", None),
        "seats": ("integer", None),
        "customer": ("lookup", "zen:user"),
        "company": ("lookup", "zen:custom_object:company"),
    }
    assert {state for state, _ in account.told()[1].values()} == {"there"}
    before = account.posted
    assert account.objects("--input", "catalog.json", "--apply").returncode == 0
    assert account.posted == before


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"", 1), (b"y\n", 0)])
def test_apply_asks(account: Account, answer: bytes, code: int) -> None:
    """What is to be made is shown first; nothing is made without a yes."""
    done = account.objects("--input", "catalog.json", "--apply", given=answer)
    assert done.returncode == code
    assert (
        b"to be made: object subscription\nto be made: object company\nto be made: field subscription.plan"
        in done.stderr
    )
    assert bool(account.posted) == (code == 0)


def test_a_catalog_on_stdin_leaves_nobody_to_ask(account: Account) -> None:
    """With --yes it is taken."""
    given = json.dumps(CATALOG).encode()
    done = account.objects("--input", "-", "--apply", given=given)
    assert (done.returncode, b"leaves nobody to be asked" in done.stderr, account.posted) == (2, True, [])
    assert account.objects("--input", "-", "--apply", "--yes", given=given).returncode == 0


def test_messages_of_a_tap_do_for_a_catalog(account: Account) -> None:
    """Its SCHEMA says the types."""
    schema = {"type": "SCHEMA", "stream": "subscriptions", "schema": {"properties": COLUMNS}, "key_properties": ["id"]}
    done = account.objects("--input", "-", "--apply", "--yes", given=support.lines([schema]))
    assert done.returncode == 0, done.stderr.decode()
    assert account.fields("subscription")["seats"] == ("integer", None)


def test_what_has_no_type_is_not_made(account: Account) -> None:
    """Without a schema that is every field but the references; exit 1, for something is missing still."""
    assert account.objects("--apply", "--yes").returncode == 1
    assert set(account.fields("subscription")) == {"customer", "company"}
    code, found = account.told()
    assert (code, found["subscription.seats"]) == (
        1,
        ("missing", "its type is not known: give the stream's schema with --input FILE"),
    )


def test_a_field_of_another_type_is_told(account: Account) -> None:
    """It is there, and its records would be refused; it is not changed."""
    account.objects("--apply", "--yes")
    for key, kind in (("plan", "text"), ("renews_on", "date"), ("seats", "checkbox")):
        field = {"key": key, "type": kind, "title": key}
        account.ask("POST", f"{OBJECTS}/subscription/fields", {"custom_object_field": field})
    code, found = account.told("--input", "catalog.json")
    assert (code, found["subscription.seats"]) == (
        1,
        ("unfit", "rules make integer of it: records with it are refused"),
    )
    assert (found["subscription.plan"], account.told()[0]) == (("there", ""), 0)


def test_a_field_that_is_off_is_told(account: Account) -> None:
    """It is there, and not in use."""
    account.objects("--apply", "--yes")
    field = {"key": "plan", "type": "text", "title": "Plan", "active": False}
    account.ask("POST", f"{OBJECTS}/subscription/fields", {"custom_object_field": field})
    assert account.told()[1]["subscription.plan"] == ("there", "it is not active: switch it on in Zendesk")


def test_what_zendesk_refuses_to_make_is_told(playground: Playground, tmp_path: Path) -> None:
    """With its words; the rest is made, and exit 1 says that something is missing."""
    playground.set_faults(Fault(on="objects", status=422, body="error_text", contains='"seats"', count=None))
    account = Account(playground, tmp_path)
    done = account.objects("--input", "catalog.json", "--apply", "--yes")
    assert done.returncode == 1
    assert b"Zendesk refuses to make field subscription.seats (HTTP 422" in done.stderr
    assert b"[ZE410]" in done.stderr
    assert "seats" not in account.fields("subscription")
    assert len(account.fields("subscription")) == 4


def test_only_an_administrator_may_make_it(tmp_path: Path) -> None:
    """An agent's 403 says so, exit 2; what is missing is told to everybody."""
    with Playground(credentials=Credentials(access_token="static", role="agent")) as playground:
        account = Account(playground, tmp_path, access_token="static")
        assert account.objects().returncode == 1
        done = account.objects("--input", "catalog.json", "--apply", "--yes")
    assert done.returncode == 2
    assert b"an administrator's role: no other may make objects and fields [ZE302]" in done.stderr


def test_the_scope_is_told_too(tmp_path: Path) -> None:
    """A token that may not read custom objects is told what it lacks."""
    with Playground(credentials=Credentials(access_token="static", scope="users:read users:write")) as playground:
        done = Account(playground, tmp_path, access_token="static").objects()
    assert (done.returncode, b"the credentials need the scopes read and write" in done.stderr) == (2, True)


def test_a_record_is_read_back(account: Account) -> None:
    """By its object's key and its external id."""
    account.objects("--input", "catalog.json", "--apply", "--yes")
    record = {"name": "Gold", "custom_object_fields": {"plan": "gold", "seats": 3}}
    account.ask("PATCH", f"{OBJECTS}/subscription/records", {"custom_object_record": record}, external_id="a/7")
    done = account.objects("--show", "subscription", "a/7")
    assert done.returncode == 0, done.stderr.decode()
    shown = done.stdout.decode()
    for part in ("Gold (record ", "  external_id: a/7\n", "  plan: gold\n", "  seats: 3\n", "  renews_on: null\n"):
        assert part in shown
    told = json.loads(account.objects("--show", "subscription", "a/7", "--json").stdout)
    assert told["record"]["custom_object_fields"]["seats"] == 3
    done = account.objects("--show", "subscription", "8")
    assert (done.returncode, b"has no record of that external id" in done.stderr) == (1, True)
    done = account.objects("--show", "house", "8")
    assert (done.returncode, b"the account has no custom object house" in done.stderr) == (2, True)


def test_what_was_made_takes_what_a_run_sends(account: Account) -> None:
    """Each field is of the type that the rule makes of the stream's values."""
    account.objects("--input", "catalog.json", "--apply", "--yes")
    plain = {"plan": "gold", "renews_on": "2027-01-31", "seats": 3, "customer_id": None, "company_id": None}
    messages = [
        {"type": "SCHEMA", "stream": "subscriptions", "schema": NULLABLE, "key_properties": ["id"]},
        *({"type": "RECORD", "stream": "subscriptions", "record": {"id": one, **plain}} for one in ("1", "2")),
    ]
    settings = json.loads((account.folder / "config.json").read_text())
    ended, said = support.run_process(settings, support.lines(messages), account.folder)
    assert (ended.exit_code, ended.report["totals"]["delivered"]) == (0, 2), said
    told = json.loads(account.objects("--show", "subscription", "2", "--json").stdout)["record"]
    assert told["custom_object_fields"] == {
        **{name: value for name, value in plain.items() if not name.endswith("_id")},
        "customer": None,
        "company": None,
    }


def test_rules_at_fault_are_told_first(playground: Playground, tmp_path: Path) -> None:
    """Exit 2, and nobody is asked."""
    done = Account(playground, tmp_path, rules=[{"stream": "s", "object": {"external_id": "{{ id }}"}}]).objects()
    assert (done.returncode, b"object.key" in done.stderr) == (2, True)
    assert [one.path for one in playground.requests()] == []


def test_rules_without_objects_lack_none(playground: Playground, tmp_path: Path) -> None:
    """Nobody is asked."""
    done = Account(playground, tmp_path, rules=[support.RULE]).objects()
    assert (done.returncode, done.stdout) == (0, b"The rules name no custom object.\n")
    assert playground.requests() == []
