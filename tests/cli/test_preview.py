"""`zendesk-events preview`: what a run would send, with nothing sent, written or asked for."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import forked
import pytest
import support

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
EVENT = {
    **support.RULE["event"],
    "description": "Order {{ id }}",
    "properties": {"number": "{{ id }}", "a": {"b": [1]}},
}
RULES = [{**support.RULE, "event": EVENT}]
MESSAGES = [support.schema("orders"), *(support.record("orders", number) for number in range(5))]


def preview(
    folder: Path, messages: list[dict[str, Any]], *options: str, **settings: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run the verb; the customers' values are shown."""
    path = folder / "config.json"
    path.write_text(json.dumps({"source": "shop", "data_dir": "data", "rules": RULES, **settings}))
    arguments = ("preview", "--config", str(path), *options)
    return support.command(None, folder, *arguments, given=support.lines(messages), program=VERBS)


def test_it_shows_the_first_of_each_rule_as_zendesk_would_get_them(tmp_path: Path) -> None:
    """Without an account or credentials; nothing is made, and no log stands between the tables."""
    done = preview(tmp_path, MESSAGES)
    shown = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert "orders: 5 records" in shown
    assert "5 new" in shown
    assert [shown.count(f"customer-{number}@example.com") for number in range(5)] == [1, 1, 1, 0, 0]
    assert "Order 2" in shown
    assert 'a: {"b": [1]}' in shown
    assert "identifiers of type 'email' are written onto the Zendesk user as its email" in shown
    assert "A run would send 5 events" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_credentials_that_are_not_whole_do_not_matter(tmp_path: Path) -> None:
    """As where the secret is in the environment, and only the file is given."""
    done = preview(tmp_path, MESSAGES, subdomain="acme", client_id="pipeline")
    assert (done.returncode, b"5 new" in done.stdout) == (0, True), done.stderr.decode()


def test_as_many_are_shown_as_are_asked_for(tmp_path: Path) -> None:
    """Of each rule; none at all too."""
    assert preview(tmp_path, MESSAGES, "--limit", "5").stdout.count(b"Order ") == 5
    assert preview(tmp_path, MESSAGES, "--limit", "0").stdout.count(b"Order ") == 0


def test_what_would_be_set_aside_is_told_with_its_line(tmp_path: Path) -> None:
    """Exit 1; reasons name rule, place and line."""
    bad = [
        support.record("orders", 6, kind=None),
        support.record("orders", 7, kind="x" * 41),
        support.record("orders", "8"),
    ]
    done = preview(tmp_path, [*MESSAGES, *bad])
    assert done.returncode == 1
    for part in (
        "set aside: 1 unmappable: rule '*:{{ kind }}': event.type: is null [ZE710] (first in line 7 of the input)",
        "1 limit: event.type has 41 characters; Zendesk takes 40 [ZE730] (first in line 8 of the input)",
        "1 invalid: id does not hold what the schema says of it: type [ZE701] (first in line 9 of the input)",
    ):
        assert part in done.stdout.decode()


def test_what_to_do_is_told_too(tmp_path: Path) -> None:
    """For each reason; for a stream that no rule is for; for a tap that sends nothing."""
    other = [support.schema("pages"), support.record("pages", 1)]
    bad = [support.record("orders", 6, kind=None), support.record("orders", "7")]
    shown = preview(tmp_path, [*MESSAGES, *bad, *other], rules=[{**RULES[0], "stream": "orders"}]).stdout.decode()
    assert "  to do: mend the rule, or filter such records with `when`\n" in shown
    assert "or set validate_records to false\n" in shown
    assert "pages: 1 records, which no rule is for\n" in shown
    done = preview(tmp_path, [support.schema("orders")])
    assert (done.returncode, b"The input holds no records." in done.stdout) == (0, True)


def test_a_stream_that_a_rule_does_not_fit_is_told(tmp_path: Path) -> None:
    """As the run itself would: exit 2."""
    rules = [{**support.RULE, "event": {**EVENT, "type": "{{ knd }}"}}]
    done = preview(tmp_path, MESSAGES, rules=rules)
    assert done.returncode == 2
    assert b"stream orders is stopped: rule '*:{{ knd }}': event.type names the field 'knd'" in done.stdout


def test_it_tells_what_changed_since_the_last_run(tmp_path: Path) -> None:
    """By the ledger: new, changed, known."""
    with Playground() as playground:
        settings = support.config(playground.url, tmp_path, rules=RULES)
        support.run_process(settings, support.lines(MESSAGES), tmp_path)
        sent = len(playground.requests())
        now = [support.record("orders", 4, kind="refunded"), support.record("orders", 5)]
        done = preview(tmp_path, [*MESSAGES, *now], "--json", **settings)
        assert len(playground.requests()) == sent
    told = json.loads(done.stdout)
    (rule,) = told["streams"]["orders"]["rules"].values()
    assert (rule["new"], rule["changed"], rule["known"]) == (1, 1, 5)
    assert [one["standing"] for one in rule["shown"]] == ["known"] * 3
    assert rule["shown"][0]["profile"]["identifiers"] == [{"type": "email", "value": "customer-0@example.com"}]
    assert told["cost"]["events"] == 2


EVERY_KIND: list[dict[str, Any]] = [
    {"stream": "orders", **{key: RULES[0][key] for key in ("profile", "event")}},
    {"stream": "orders", "name": "customers", "profile": {"identifiers": {"shop_id": "{{ id }}"}, "method": "replace"}},
    {
        "stream": "orders",
        "object": {
            "key": "order",
            "external_id": "{{ id }}",
            "name": "Order {{ id }}",
            "fields": {
                "kind": "{{ kind }}",
                "payer": {"user": {"email": "{{ email }}"}},
                "parent": {"object": "order", "external_id": "p-{{ id }}"},
                "note": None,
            },
        },
    },
    {"stream": "orders", "ticket": {"subject": "Order {{ id }}", "comment": {"body": "It broke"}}},
    {
        "stream": "orders",
        "name": "update",
        "ticket": {"id": "{{ id + 30 }}", "status": "new", "comment": {"body": "a"}},
    },
    {"stream": "orders", "delete": {"profile": {"identifiers": {"old_id": "{{ id }}"}}}},
    {"stream": "orders", "name": "gone", "delete": {"object": "order", "external_id": "old-{{ id }}"}},
]
"""A rule of each kind, and of each thing that can be deleted by what is not looked up."""


def test_every_kind_is_shown_and_counted(tmp_path: Path) -> None:
    """Deletions apart; what is yet to be looked up is said in words."""
    done = preview(tmp_path, MESSAGES[:2], rules=EVERY_KIND)
    assert (done.returncode, done.stderr) == (0, b"")
    words = " ".join(done.stdout.decode().split())
    for part in (
        "shop_id 0 shop customer replace",
        "order 0 Order 0 kind: order_paid payer: the user of email customer-0@example.com, to be looked up",
        "parent: the order p-0, to be looked up note: null",
        'made once subject: Order 0 comment: {"body": "It broke"}',
        "no. 30 status: new",
        'no. 30 comment: {"body": "a"}',
        "profile of shop customer old_id 0",
        "record of order old-0",
        "A run would send 6 things (1 event, 1 profile, 1 object record, 2 tickets, 1 comment) and delete 2, in",
    ):
        assert part in words, words
    told = json.loads(preview(tmp_path, MESSAGES[:2], "--json", rules=EVERY_KIND).stdout)["cost"]
    assert told["sent"] == {"event": 1, "profile": 1, "object": 1, "ticket": 2, "comment": 1}
    assert (told["deletions"], told["events"]) == (2, 1)
    assert told["requests"] == {"events": 4, "support": 7}


def test_a_thousand_records_are_shown_at_once(tmp_path: Path) -> None:
    """In less than two seconds, from the start of the process."""
    messages = [support.schema("orders"), *(support.record("orders", number) for number in range(1_000))]
    begun = time.monotonic()
    done = preview(tmp_path, messages)
    assert (done.returncode, time.monotonic() - begun < 4) == (0, True)
    assert b"1,000 new" in done.stdout


@pytest.mark.parametrize("bad", [0, 2])
def test_its_sums_are_those_of_a_dry_run(tmp_path: Path, bad: int) -> None:
    """Every number of the report."""
    messages = [*MESSAGES, *(support.record("orders", 10 + number, kind=None) for number in range(bad))]
    with Playground() as playground:
        settings = support.config(playground.url, tmp_path, rules=RULES, dry_run=True)
        told = json.loads(preview(tmp_path, messages, "--json", **settings).stdout)["totals"]
        done = support.command(settings, tmp_path, given=support.lines(messages))
        last = done.stderr.decode().splitlines()[-1].partition("run finished: ")[2]
        assert {name: int(count) for name, count in (one.split("=") for one in last.split())} == told


class Shown:
    """The verb with `--page`, while it shows: what it said, and the pages that it serves."""

    def __init__(self, folder: Path, messages: list[dict[str, Any]], *options: str, **settings: Any) -> None:
        """Wait until it tells the address; its temporary files, if it made any, would be in `folder`."""
        (folder / "config.json").write_text(json.dumps({"source": "shop", "rules": RULES, **settings}))
        (folder / "input.singer").write_bytes(support.lines(messages))
        arguments = ["preview", "--config", "config.json", "--input", "input.singer", "--page", *options]
        self.process = forked.Popen(
            [*VERBS, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        assert self.process.stderr is not None
        self.said = ""
        while "Look at http://127.0.0.1:" not in self.said:
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        self.url = line.split()[2]

    def page(self, path: str = "/") -> str:
        """Return a page."""
        with urllib.request.urlopen(self.url + path, timeout=10) as page:  # noqa: S310 - loopback
            text: str = page.read().decode()
        return text

    def end(self) -> tuple[int, str]:
        """Send what Ctrl-C sends; return the exit code and what stood on standard output."""
        self.process.send_signal(signal.SIGINT)
        output, _ = self.process.communicate(timeout=20)
        return self.process.returncode, output


def test_its_page_shows_what_would_be_on_the_timelines(tmp_path: Path) -> None:
    """All of it, though fewer are in the table, and once what the input has twice; nothing is left of it."""
    shown = Shown(tmp_path, [*MESSAGES, support.record("orders", 4)], "--limit", "1")
    front = shown.page()
    assert "Nothing was sent" in front
    assert "5 events on 5 timelines" in front
    assert [number for number in range(6) if f"customer-{number}@example.com" in front] == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "input.singer"]
    code, output = shown.end()
    assert (code, output.count("Order ")) == (0, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "input.singer"]


def test_its_page_shows_profiles_and_new_tickets_too(tmp_path: Path) -> None:
    """What is about things that are in the account alone is told by number; a deletion is never put there."""
    shown = Shown(tmp_path, MESSAGES[:2], rules=EVERY_KIND)
    assert "The tables alone tell of 5, which are about what is there already.\n" in shown.said
    front = shown.page()
    assert "1 events on" in front or "1 event on" in front
    assert "customer-0@example.com" in front
    assert shown.end()[0] == 0


def test_its_page_has_what_the_ledger_knows_too(tmp_path: Path) -> None:
    """As the timelines would look after the run."""
    with Playground() as playground:
        settings = support.config(playground.url, tmp_path, rules=RULES)
        support.run_process(settings, support.lines(MESSAGES), tmp_path)
        now = [support.record("orders", 4, kind="refunded"), support.record("orders", 5)]
        shown = Shown(tmp_path, [*MESSAGES[:-1], *now], **settings)
        front = shown.page()
        assert "6 events on 6 timelines" in front
        notes = [
            re.findall("already there|(?<=>)changed", shown.page(path)) for path in re.findall('/agent[^"]*', front)
        ]
        assert sorted(notes) == [[], *[["already there"]] * 4, ["changed"]]
        shown.end()


def test_its_page_says_what_would_be_set_aside(tmp_path: Path) -> None:
    """And the exit code stays that of the preview; the JSON is whole."""
    shown = Shown(tmp_path, [*MESSAGES, support.record("orders", 6, kind=None)], "--json")
    assert 'Some records <a href="/account">would be set aside</a>.' in shown.page()
    account = shown.page("/account")
    assert "orders: 1 unmappable: rule &#39;*:{{ kind }}&#39;: event.type: is null" in account
    assert "Requests a minute" not in account
    code, output = shown.end()
    assert (code, json.loads(output)["totals"]["events"]) == (1, 5)


def test_a_terminal_with_a_browser_is_shown_the_page(tmp_path: Path) -> None:
    """The browser gets the address that is told."""
    opened = tmp_path / "opened"
    (tmp_path / "browser").write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    (tmp_path / "browser").chmod(0o700)
    (tmp_path / "config.json").write_text(json.dumps({"source": "shop", "rules": RULES}))
    (tmp_path / "input.singer").write_bytes(support.lines(MESSAGES))
    terminal, inside = pty.openpty()
    verb = forked.Popen(
        [*VERBS, "preview", "--config", "config.json", "--input", "input.singer", "--page"],
        stdout=subprocess.DEVNULL,
        stderr=inside,
        cwd=tmp_path,
        env={**os.environ, "BROWSER": f"{tmp_path}/browser %s"},
    )
    os.close(inside)
    support.until(lambda: opened.exists() and opened.read_text().endswith("\n"))
    said = os.read(terminal, 1_000).decode()  # whole by now: it is told before the browser is asked
    verb.send_signal(signal.SIGTERM)
    assert (verb.wait(20), opened.read_text().strip()) == (0, said.partition("Look at ")[2].split()[0])
    os.close(terminal)


def test_a_page_without_the_playground_is_refused_before_the_input_is_read(tmp_path: Path) -> None:
    """One line, exit 2."""
    code = "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None; " + VERBS[2]
    (tmp_path / "config.json").write_text(json.dumps({"source": "shop", "rules": RULES}))
    done = forked.run(
        [sys.executable, "-c", code, "preview", "--config", "config.json", "--page"],
        capture_output=True,
        cwd=tmp_path,
        check=False,
        timeout=20,
    )
    assert done.returncode == 2
    assert done.stderr == b"The playground is an extra: pip install 'target-zendesk-events[playground]'\n"
