"""`zendesk-events test`: the tests beside rules, run as a person and as CI run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import support

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
DOCS = Path(__file__).parents[2] / "docs" / "rules.md"
RULES = """\
source: shop
rules:
- name: orders
  stream: orders
  profile: {identifiers: {email: "{{ email }}"}}
  event: {type: "order_{{ status }}", created_at: "{{ at }}"}
  tests:
  - name: a paid order
    record: {status: paid, email: A@example.com, at: 2026-11-01}
    expect: {event: {type: %s, created_at: "2026-11-01T00:00:00Z"}}
- name: refunds
  stream: order*
  when: status == 'refunded'
  profile: {identifiers: {email: "{{ email }}"}}
  event: {type: "refunded in {{ stream }}"}
  tests:
  - stream: orders_eu
    record: {status: refunded, email: a@example.com}
    expect: {event: {type: refunded in orders_eu}}
"""


def run(folder: Path, *options: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the verb in a folder; without an account or credentials."""
    return support.command({"rules_file": "rules.yml", **settings}, folder, *options, program=[*VERBS, "test"])


def rules(folder: Path, kind: str = "order_paid") -> None:
    """Write a rules file whose first test expects an event of this type."""
    (folder / "rules.yml").write_text(RULES % kind)


def test_tests_that_hold_end_with_0(tmp_path: Path) -> None:
    """One line; and nothing is made."""
    rules(tmp_path)
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"2 passed, 0 failed\n", b"")
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "rules.yml"}


EVERY_KIND = """\
source: shop
rules:
- stream: customers
  when: not deleted_at
  profile: {identifiers: {shop_id: "{{ id }}"}, method: replace}
  tests:
  - {record: {id: 7}, expect: {profile: {identifiers: {shop_id: "7"}, method: replace}}}
- stream: subscriptions
  object:
    key: subscription
    external_id: "{{ id }}"
    fields: {plan: "{{ plan }}", customer: {user: {external_id: "{{ customer }}"}}}
  tests:
  - record: {id: 7, customer: 31}
    expect: {object: {external_id: "7", fields: {plan: null, customer: {user: {external_id: "31"}}}}}
  - {record: {id: null}, expect: {unmappable: object.external_id}}
  - {record: {id: 7, plan: LONG}, expect: {limit: "32,768"}}
- stream: incidents
  ticket: {id: "{{ ticket }}", status: solved, custom_fields: {360: "{{ why }}"}, comment: {body: "{{ text }}"}}
  tests:
  - record: {ticket: 35, why: heat, text: Done}
    expect: {ticket: {id: "35", status: solved, custom_fields: {360: heat}, comment: {body: Done}}}
  - {record: {ticket: T, text: Done}, expect: {unmappable: whole number}}
- stream: customers
  when: deleted_at
  delete: {profile: {identifiers: {shop_id: "{{ id }}"}}}
  tests:
  - {record: {id: 7, deleted_at: 1}, expect: {delete: {profile: {identifiers: {shop_id: "7"}}}}}
  - {record: {id: 7}, expect: filtered}
""".replace("LONG", "x" * 33_000)


def test_every_kind_is_tested_in_the_words_of_its_rule(tmp_path: Path) -> None:
    """A ticket's change and its comment are told as one."""
    (tmp_path / "rules.yml").write_text(EVERY_KIND)
    done = run(tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (b"8 passed, 0 failed\n", b"", 0)
    (tmp_path / "rules.yml").write_text(EVERY_KIND.replace("body: Done", "body: Do"))
    assert b'  ticket.comment.body\n  - "Do"\n  + "Done"\n' in run(tmp_path).stdout


def test_what_differs_is_shown_as_a_diff(tmp_path: Path) -> None:
    """Exit 1; with file, line, rule and the test's name."""
    rules(tmp_path, "order_payed")
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stdout.decode() == (
        "failed: rules.yml:8 orders: a paid order\n"
        "  event.type\n"
        '  - "order_payed"\n'
        '  + "order_paid"\n'
        "\n"
        "1 passed, 1 failed (- expected, + what came)\n"
    )


def test_it_is_told_to_programs_too(tmp_path: Path) -> None:
    """As JSON on standard output, and as JUnit's XML in a file."""
    rules(tmp_path, "order_payed")
    done = run(tmp_path, "--json", "--junit", "report.xml")
    told = json.loads(done.stdout)
    assert (done.returncode, told["totals"]) == (1, {"passed": 1, "failed": 1})
    assert told["tests"][0] == {
        "name": "a paid order",
        "where": "rules.yml:8",
        "stream": "orders",
        "rule": "orders",
        "passed": False,
        "differences": [{"place": "event.type", "expected": '"order_payed"', "came": '"order_paid"'}],
    }
    suite = ET.parse(tmp_path / "report.xml").getroot()[0]  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite[0].attrib == {"classname": "orders", "name": "a paid order", "file": "rules.yml", "line": "8"}
    assert suite[0][0].text == 'event.type: expected "order_payed", came "order_paid"'
    assert len(suite[1]) == 0
    done = run(tmp_path, "--junit", "no/such/folder.xml")
    assert (done.returncode, b"--junit no/such/folder.xml cannot be written" in done.stderr) == (1, True)


def test_a_file_of_their_own_takes_records_through_all_rules_of_a_stream(tmp_path: Path) -> None:
    """`rules.test.yml` beside `rules.yml`; a refund is an order too here."""
    rules(tmp_path)
    test = {"stream": "orders", "record": {"status": "refunded", "email": "a@example.com", "at": "2026-11-01"}}
    expect = [{"event": {"type": "order_refunded"}}, {"event": {"type": "refunded in orders"}}]
    path = tmp_path / "rules.test.yml"
    path.write_text(json.dumps([{**test, "expect": expect}]))
    assert run(tmp_path).stdout == b"3 passed, 0 failed\n"
    path.write_text(json.dumps({"x-a": 1, "tests": [{**test, "expect": expect[0]}]}))
    done = run(tmp_path)
    assert done.returncode == 1
    assert b"failed: rules.test.yml:1 orders\n  outcomes\n  - sent\n  + orders: sent; refunds: sent\n" in done.stdout
    path.write_text("tests: []\nother: 1\n")
    done = run(tmp_path)
    assert done.returncode == 2
    assert b"rules.test.yml, line 2: 'other' is no key of a file of tests" in done.stderr
    assert b"rules.test.yml, line 1: holds no tests" in done.stderr


def test_a_test_says_when_it_takes_place(tmp_path: Path) -> None:
    """For a `since` that is a length, and for what would be yet to come."""
    text = (RULES % "order_paid").replace("2026-11-01", "2099-11-01")
    (tmp_path / "rules.yml").write_text(text)
    assert b"is more than a day ahead of this machine's clock" in run(tmp_path).stdout
    (tmp_path / "rules.yml").write_text(text.replace("    record:", "    now: 2099-11-02\n    record:"))
    assert run(tmp_path, since="30 days").returncode == 0
    (tmp_path / "rules.yml").write_text((RULES % "order_paid").replace("2026-11-01", "2019-11-01"))
    done = run(tmp_path, since="30 days")
    assert done.returncode == 1
    assert b"  - sent\n  + too_old\n  `since` counts back from today: `now` in the test says from when\n" in done.stdout


def test_limits_and_keys_hold_as_in_a_run(tmp_path: Path) -> None:
    """What Zendesk would refuse is no event; nor are two that the ledger could not tell apart."""
    one = {**support.RULE, "event": {"type": "{{ kind }}", "source": "shop"}, "dedupe_key": "{{ id }}"}
    record = {"id": 1, "kind": "x" * 41, "email": "a@example.com"}
    tests = [{"stream": "a", "record": record, "expect": {"limit": "has 41 characters; Zendesk takes 40"}}]
    tests.append({"stream": "a", "record": {**record, "kind": "x"}, "expect": {"unmappable": "the same key"}})
    done = run(tmp_path, rules_file="", rules=[{**one, "tests": tests}, {**one, "when": "kind == 'x'"}], source="shop")
    assert done.stdout.decode() == "2 passed, 0 failed\n"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rules_file": ""}, b"there are no tests: write some beside a rule"),
        ({"rules_file": "none.yml"}, b"where no file is"),
        ({"timezone": "Mars"}, b"timezone"),
    ],
)
def test_what_cannot_be_tested_is_a_fault(tmp_path: Path, settings: dict[str, Any], said: bytes) -> None:
    """Exit 2: a pipeline that tests nothing is not green."""
    rules(tmp_path)
    done = run(tmp_path, **settings)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_the_target_passes_over_tests(tmp_path: Path) -> None:
    """A run is the same with them and without; but it refuses what is none."""
    rule = {**support.RULE, "tests": [{"stream": "orders", "record": {}, "expect": "filtered"}]}
    messages = support.lines([support.schema("orders"), support.record("orders", 1)])
    settings = support.config("http://127.0.0.1:9", tmp_path, rules=[rule], dry_run=True)
    done = support.command(settings, tmp_path, given=messages)
    assert (done.returncode, b"1 event would be sent" in done.stderr) == (0, True)
    done = support.command({**settings, "rules": [{**rule, "tests": [{}]}]}, tmp_path, given=messages)
    assert (done.returncode, b"tests[0]: `record` is missing" in done.stderr) == (2, True)


def test_the_tests_in_the_documents_hold(tmp_path: Path) -> None:
    """Those of docs/rules.md, beside the rule and in a file of their own."""
    _, _, page = DOCS.read_text().partition("\n## Tests\n")
    blocks = [one.split("```")[0] for one in page.partition("\n## ")[0].split("```yaml\n")[1:]]
    for name, block in zip(("rules.yml", "rules.test.yml"), blocks, strict=True):
        (tmp_path / name).write_text(block)
    assert run(tmp_path).stdout == b"5 passed, 0 failed\n"
