"""`last-run.json` has one documented shape, however a run ends."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from target_zendesk_events.outcome import metrics
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

ORDERS = [support.schema("orders"), *(support.record("orders", number) for number in range(3))]
REPLAY = [*support.TARGET[:2], "from target_zendesk_events.cli import main; main()", "replay"]


class Ends:
    """Runs that end in every way, each with a report; all in one folder."""

    def __init__(self, playground: Playground, folder: Path) -> None:
        """Begin with none."""
        self.playground, self.folder = playground, folder
        self.settings = support.config(playground.url, folder)

    def run(self, *messages: dict[str, Any], **settings: Any) -> dict[str, Any]:
        """Run the real command line; return its report."""
        ended, said = support.run_process({**self.settings, **settings}, support.lines(messages), self.folder)
        assert (ended.report["exit_code"], ended.report["command"]) == (ended.exit_code, "target"), said
        return ended.report

    def good(self) -> dict[str, Any]:
        """Deliver what is new, with each kind of number that a rule counts."""
        self.run(*ORDERS)
        time_ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
        return self.run(
            *ORDERS, support.record("orders", 4, at=time_ahead), support.record("orders", 0, kind="changed")
        )

    def set_aside(self) -> dict[str, Any]:
        """Have some refused."""
        self.playground.set_faults(Fault(status=400, count=None))
        report = self.run(*ORDERS[:1], *(support.record("orders", 10 + number) for number in range(6)))
        self.playground.set_faults()
        return report

    def stopped_stream(self) -> dict[str, Any]:
        """Have a rule that does not fit."""
        return self.run(*ORDERS, rules=[{**support.RULE, "dedupe_key": "{{ no_such }}"}])

    def failed(self) -> dict[str, Any]:
        """Have the account refuse everything."""
        self.playground.set_faults(Fault(status=403, count=None))
        report = self.run(*ORDERS[:1], *(support.record("orders", 20 + number) for number in range(4)))
        self.playground.set_faults()
        return report

    def empty(self) -> dict[str, Any]:
        """Have no input."""
        return self.run()

    def killed(self) -> dict[str, Any]:
        """Be told to stop."""
        with support.Live(self.settings, self.folder) as live:
            live.write(support.lines([ORDERS[0], support.record("orders", 30)]))
            support.until(lambda: any("customer-30" in json.dumps(one.body) for one in self.playground.events()))
            live.process.send_signal(signal.SIGTERM)
            assert live.process.wait(10) == 128 + signal.SIGTERM
        return support.report_in(self.folder / "data")

    def replayed(self) -> dict[str, Any]:
        """Send again what was set aside."""
        (self.folder / "config.json").write_text(json.dumps(self.settings))
        done = support.command(None, self.folder, "--config", "config.json", program=REPLAY)
        assert done.returncode == 0, done.stderr.decode()
        return support.report_in(self.folder / "data")


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    with Playground() as playground:
        yield Ends(playground, tmp_path)


def names_in(told: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the schema's properties that a report has, each with its place."""
    for name, below in schema.get("properties", {}).items():
        if name in told:
            yield name
            inner = told[name] if isinstance(told[name], dict) else {}
            yield from (f"{name}.{one}" for one in names_in(inner, below))
    for key, below in told.items() if isinstance(schema.get("additionalProperties"), dict) else ():
        if isinstance(below, dict) and key not in schema.get("properties", {}):
            yield from (f"*.{one}" for one in names_in(below, schema["additionalProperties"]))


def places_in(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all of the schema's properties, each with its place."""
    for name, below in schema.get("properties", {}).items():
        yield from (name, *(f"{name}.{one}" for one in places_in(below)))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from (f"*.{one}" for one in places_in(schema["additionalProperties"]))


def test_every_end_has_the_documented_shape_and_every_field_is_met(ends: Ends) -> None:
    """Good, with what was set aside, failed, stopped, killed, empty, a replay: valid, and no field is there in vain."""
    reports = {
        name: getattr(ends, name)()
        for name in ("good", "set_aside", "stopped_stream", "failed", "empty", "killed", "replayed")
    }
    codes = {name: report["exit_code"] for name, report in reports.items()}
    assert codes == {
        "good": 0, "set_aside": 3, "stopped_stream": 2, "failed": 2, "empty": 0, "killed": 143, "replayed": 0,
    }  # fmt: skip
    assert reports["replayed"]["command"] == "replay"
    assert [name for name, report in reports.items() if report["stopped_by"]] == ["failed"]
    met = {place for report in reports.values() for place in names_in(report, support.LAST_RUN_SCHEMA)}
    assert sorted(set(places_in(support.LAST_RUN_SCHEMA)) - met) == []
    for report in reports.values():
        assert report["started"] <= report["ended"]
        assert metrics.text(report, "d").endswith("\n# EOF\n")
    assert (ends.folder / "data" / "last-run.prom").read_text() == metrics.text(
        reports["replayed"], str(ends.folder / "data")
    )


def test_a_stream_s_newest_settled_record_has_its_time(ends: Ends) -> None:
    """One that was filtered out or known counts; one that no rule is for, or that was not settled, does not."""
    rules = [{**support.RULE, "stream": "orders", "when": "id != 1"}]
    assert ends.run(*ORDERS, rules=rules)["streams"]["orders"]["settled"] is not None
    only_filtered = ends.run(*ORDERS[:1], support.record("orders", 1), rules=rules)
    assert only_filtered["started"] <= only_filtered["streams"]["orders"]["settled"] <= only_filtered["ended"]
    assert ends.run(*ORDERS[:2], rules=rules)["streams"]["orders"]["settled"] is not None
    nobodys = ends.run(*ORDERS, support.schema("logins"), support.record("logins", 1), rules=rules)
    assert nobodys["streams"]["logins"]["settled"] is None
    assert ends.failed()["streams"]["orders"]["settled"] is None


def test_a_dry_run_leaves_the_report_of_the_last_run(ends: Ends) -> None:
    """It writes nothing."""
    before = ends.good()
    support.run_process({**ends.settings, "dry_run": True}, support.lines(ORDERS), ends.folder)
    assert support.report_in(ends.folder / "data") == before
