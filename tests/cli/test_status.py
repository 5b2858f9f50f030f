"""`zendesk-events status`: what an operator alarms on, with nothing asked of Zendesk and nothing written."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
ORDERS = [support.schema("orders"), *(support.record("orders", number) for number in range(2))]
RULES = [{**support.RULE, "stream": "orders"}, {**support.RULE, "stream": "log*"}]


class Watch:
    """A target, and an operator who looks at it."""

    def __init__(self, playground: Playground, folder: Path, ledger_url: str) -> None:
        """Let nothing have run yet."""
        self.playground, self.folder, self.ledger_url = playground, folder, ledger_url
        self.settings = support.config(
            playground.url, folder, ledger_url=ledger_url, rules=RULES, monthly_event_quota=200, fail_on_set_aside=True
        )

    def run(self, *messages: dict[str, Any]) -> support.Ended:
        """Run the target."""
        return support.run_here(self.settings, support.lines(messages))

    def look(self, *options: str, **settings: Any) -> tuple[int, dict[str, Any]]:
        """Return the exit code of the verb, and what it says as JSON."""
        (self.folder / "config.json").write_text(json.dumps({**self.settings, **settings}))
        arguments = ("status", "--config", "config.json", "--json", *options)
        done = support.command(None, self.folder, *arguments, program=VERBS)
        assert done.stdout, done.stderr.decode()
        return done.returncode, json.loads(done.stdout)

    def age(self, hours: float) -> None:
        """Let the ledger's ages grow."""
        database = database_of(self.ledger_url, time.time)
        database.execute("UPDATE zendesk_events_streams SET settled = settled - ?", (hours * 3_600,))
        database.close()


@pytest.fixture
def watch(tmp_path: Path, ledger_url: str) -> Iterator[Watch]:
    with Playground() as playground:
        yield Watch(playground, tmp_path, ledger_url)


def test_it_tells_what_an_operator_alarms_on(watch: Watch) -> None:
    """Ages of streams, the longest silent first; the last run, what waits, the month, and that nothing runs."""
    watch.run(support.schema("logins"), support.record("logins", 1))
    watch.age(3)
    watch.playground.set_faults(Fault(status=400, contains="customer-1@", count=None))
    assert watch.run(*ORDERS).exit_code == 3
    asked, files = len(watch.playground.requests()), sorted((watch.folder / "data").rglob("*"))
    code, told = watch.look()
    assert code == 0
    assert [(one["stream"], one["dead_letters"]) for one in told["streams"]] == [("logins", 0), ("orders", 1)]
    assert told["streams"][0]["age_seconds"] == pytest.approx(3 * 3_600, abs=60)
    assert told["streams"][1]["age_seconds"] < 60
    run = told["last_run"]
    assert (run["exit_code"], run["end"], run["command"], run["stopped_by"]) == (3, "exit 3", "target", None)
    assert run["started"] <= run["ended"] <= told["time"]
    assert (told["dead_letters"]["waiting"], told["dead_letters"]["held"]) == (1, 0)
    assert (told["month"]["sent"], told["month"]["quota"], told["month"]["percent"]) == (2, 200, 1.0)
    assert told["kinds"] == {"event": {"month": 2, "today": 2}}
    assert (told["running"], told["alarms"]) == ([], [])
    assert len(watch.playground.requests()) == asked
    assert sorted((watch.folder / "data").rglob("*")) == files
    shown = support.command(None, watch.folder, "status", "--config", "config.json", program=VERBS).stdout.decode()
    assert re.search(r"3 hours ago +logins +20.* 0 *\n.*seconds? ago +orders +20.* 1 *\n", shown)
    for part in ("last run: exit 3, started ", "dead letters waiting: 1, 0 of them held",
                 "2 events this month (UTC), 1.0 % of the quota of 200", "running now: nothing"):  # fmt: skip
        assert part in shown


@pytest.mark.parametrize(
    ("options", "alarm"),
    [
        (["--max-age", "4h", "--max-waiting", "1", "--max-month", "1"], ""),
        (["--max-age", "2h"], "logins: the newest settled record is 3 hours old, more than 2h"),
        (["--max-age", "2h", "--max-age", "logins=1d"], ""),
        (
            ["--max-age", "logins=170 minutes"],
            "logins: the newest settled record is 3 hours old, more than 170 minutes",
        ),
        (["--max-age", "refunds=1d"], "refunds: no record of it was settled yet"),
        (["--max-waiting", "0"], "1 dead letters wait, more than 0"),
        (["--max-month", "0.5"], "1.0 % of the month's quota is used, more than 0.5 %"),
    ],
)
def test_a_threshold_that_is_passed_ends_with_1(tmp_path: Path, options: list[str], alarm: str) -> None:
    """And says which, on the terminal too."""
    with Playground() as playground:
        watch = Watch(playground, tmp_path, f"sqlite:///{tmp_path}/ledger.sqlite")
        watch.run(support.schema("logins"), support.record("logins", 1))
        watch.age(3)
        playground.set_faults(Fault(status=400, contains="customer-1@", count=None))
        watch.run(*ORDERS)
    code, told = watch.look(*options)
    if not alarm:
        assert (code, told["alarms"]) == (0, [])
        return
    assert (code, len(told["alarms"])) == (1, 1)
    assert told["alarms"][0].startswith(alarm)
    arguments = ("status", "--config", "config.json", *options)
    assert f"ALARM {alarm}" in support.command(None, tmp_path, *arguments, program=VERBS).stdout.decode()


def test_what_is_known_or_filtered_keeps_a_stream_fresh(watch: Watch) -> None:
    """A tap that has nothing new is no alarm; records that are not settled are one."""
    watch.run(*ORDERS)
    watch.age(5)
    assert watch.look("--max-age", "1h")[0] == 1
    watch.run(*ORDERS)
    assert watch.look("--max-age", "1h")[0] == 0
    watch.age(5)
    watch.playground.set_faults(Fault(status=403, count=None))
    watch.run(support.schema("orders"), *(support.record("orders", 10 + number) for number in range(4)))
    code, told = watch.look("--max-age", "1h")
    assert (code, told["last_run"]["end"], told["last_run"]["stopped_by"]) == (1, "exit 2", "CredentialsError")
    watch.settings["rules"] = [{**RULES[0], "when": "id > 99"}]
    watch.run(*ORDERS)
    assert watch.look("--max-age", "1h")[0] == 0


def test_a_run_under_way_is_told_and_one_that_was_killed_too(watch: Watch) -> None:
    """It holds its lease; once that has lapsed, nobody does, and the last run is that before."""
    watch.run()
    with support.Live({**watch.settings, "requests_per_minute": 2}, watch.folder) as live:
        live.write(support.lines([*ORDERS, *(support.record("orders", 10 + number) for number in range(20))]))
        support.until(lambda: len(watch.playground.events()) == 2)
        _, told = watch.look("--max-age", "1h")
        (run,) = told["running"]
        assert (told["silent"], told["last_run"]["end"], told["alarms"]) == ([], "exit 0", [])
        live.process.send_signal(signal.SIGKILL)
        live.process.wait()
    support.until(lambda: not watch.look()[1]["running"])
    _, told = watch.look()
    assert (told["silent"], told["last_run"]["end"]) == ([run], "exit 0")
    shown = support.command(None, watch.folder, "status", "--config", "config.json", program=VERBS).stdout.decode()
    assert f"not ended: {run['run']} since {run['since']}: it was cut off" in shown


def test_streams_are_those_that_rules_are_for(watch: Watch) -> None:
    """One that no rule is for any more alarms nobody; one that a rule names, and that never came, is told."""
    watch.run(*ORDERS, support.schema("logins"), support.record("logins", 1))
    rules = [RULES[1], {**support.RULE, "stream": "refunds"}]
    _, told = watch.look("--max-age", "1h", rules=rules)
    assert [(one["stream"], one["settled"] is None) for one in told["streams"]] == [
        ("logins", False),
        ("refunds", True),
    ]
    assert told["alarms"] == []


def test_before_the_first_run_nothing_is_known(tmp_path: Path) -> None:
    """And nothing is made; whoever gives an age is told that no record is."""
    with Playground() as playground:
        watch = Watch(playground, tmp_path, f"sqlite:///{tmp_path}/data/ledger.sqlite")
    code, told = watch.look()
    assert (code, told["last_run"], told["month"], told["dead_letters"]["waiting"]) == (0, None, None, 0)
    code, told = watch.look("--max-age", "9w")
    assert (code, told["alarms"]) == (1, ["no record was settled yet"])
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_without_a_ledger_the_last_run_tells(tmp_path: Path) -> None:
    """Of its own streams; of the month nothing is known, and a threshold for it is a wrong use."""
    with Playground() as playground:
        watch = Watch(playground, tmp_path, "none")
        watch.run(*ORDERS)
        code, told = watch.look("--max-age", "1h")
    assert (code, told["month"], told["last_run"]["end"]) == (0, None, "exit 0")
    assert [one["stream"] for one in told["streams"] if one["age_seconds"] is not None] == ["orders"]
    arguments = ("status", "--config", "config.json", "--max-month", "80")
    assert support.command(None, tmp_path, *arguments, program=VERBS).returncode == 2


@pytest.mark.parametrize(
    ("options", "settings"), [(["--max-age", "soon"], {}), (["--max-waiting", "-1"], {}), ([], {"plan": "gold"})]
)
def test_faults_of_the_configuration_end_with_2(tmp_path: Path, options: list[str], settings: dict[str, Any]) -> None:
    """So that no alarm is mistaken for one, nor one for an alarm."""
    (tmp_path / "config.json").write_text(json.dumps({**support.config("http://127.0.0.1:9", tmp_path), **settings}))
    arguments = ("status", "--config", "config.json", *options)
    assert support.command(None, tmp_path, *arguments, program=VERBS).returncode == 2
