"""`last-run.prom` in a parser of its own: valid as OpenMetrics and as Prometheus's text, number for number."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.profile import Identifier, Profile
from target_zendesk_events.outcome import last_run, metrics
from target_zendesk_events.outcome.report import OUTCOMES, Report
from target_zendesk_events.outcome.summary import as_object
from target_zendesk_events.work import Match, Outcome

PAGE = Path(__file__).parents[2] / "docs" / "run-report.md"
ABOUT: dict[str, Any] = {
    "run": "20261129T140728Z-5d4071",
    "command": "target",
    "version": "0.1.0",
    "started": "2026-11-29T14:07:27Z",
    "ended": "2026-11-29T14:07:28Z",
    "exit_code": 1,
    "requests_per_minute": 225,
    "support_requests_per_minute": 100,
    "stopped_by": "OutageError",
    "codes": ["ZE501"],
}
ODD = 'or"de\\rs\n'


def told() -> dict[str, Any]:
    """Return a report with a stream of an odd name."""
    report = Report()
    report.count_record(ODD, "matched")
    report.count_record("logins", "unmatched")
    report.stream(ODD).settled_at = 1_764_425_247
    report.dead_letters_waiting = 7
    return as_object(report, ABOUT)


def samples(text: str, parse: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return what a parser reads, by name and labels; nothing is told twice."""
    read = [one for family in parse(text) for one in family.samples]
    assert {one.labels.pop("data_dir") for one in read} == {"/srv/data"}
    values = {(one.name, frozenset(one.labels.items())): one.value for one in read}
    assert len(values) == len(read)
    return values


@pytest.mark.parametrize("parse", [openmetrics.text_string_to_metric_families, parser.text_string_to_metric_families])
def test_a_parser_reads_what_the_report_tells(parse: Any) -> None:
    """Times in epoch seconds, a label for each name, and nothing where nothing is known."""
    values = samples(metrics.text(told(), "/srv/data"), parse)

    def value(name: str, **labels: str) -> float | None:
        return values.get((f"zendesk_events_{name}", frozenset(labels.items())))

    assert value("last_run_info", run=ABOUT["run"], command="target", version="0.1.0") == 1
    assert value("last_run_start_timestamp_seconds") == 1_795_961_247
    assert value("last_run_end_timestamp_seconds") == 1_795_961_248
    assert value("last_run_exit_code") == 1
    assert value("last_run_fault", code="ZE501") == 1
    assert value("last_run_records", stream=ODD, count="matched") == 1
    assert value("last_run_records", stream="logins", count="unmatched") == 1
    assert value("stream_settled_timestamp_seconds", stream=ODD) == 1_764_425_247
    assert value("stream_settled_timestamp_seconds", stream="logins") is None
    assert value("last_run_answer_seconds", quantile="0.95") is None
    assert value("last_run_requests", asked="limited") == 0
    assert value("last_run_limit_wait_seconds", limit="support") == 0
    assert value("dead_letters_waiting") == 7


def test_things_are_told_by_kind_and_outcome() -> None:
    """What is open still is undelivered."""
    report = Report()
    event = Event(Profile("shop", "customer", (Identifier("email", "customer-1@example.com"),)), "shop", "paid", {})
    for outcome in (Outcome.DELIVERED, None):
        match = Match("paid", event)
        report.count_match("orders", match)
        if outcome is not None:
            report.count_outcome("orders", match, outcome)
    lines = metrics.text(as_object(report, ABOUT), "d").splitlines()
    made = [line.partition("{")[2] for line in lines if line.startswith("zendesk_events_last_run_things{")]
    assert 'data_dir="d",kind="event",outcome="delivered"} 1' in made
    assert 'data_dir="d",kind="event",outcome="undelivered"} 1' in made
    assert 'data_dir="d",kind="event",outcome="held"} 0' in made


def test_it_is_written_beside_the_report_and_follows_its_corrections(tmp_path: Path) -> None:
    """Readable by its owner alone; a report that is none of ours is left as it is."""
    last_run.write(tmp_path, told())
    path = tmp_path / last_run.METRICS_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    waiting = f'zendesk_events_dead_letters_waiting{{data_dir="{tmp_path}"}} '
    assert waiting + "7" in path.read_text()
    last_run.note_waiting(tmp_path, 2)
    assert waiting + "2" in path.read_text()
    assert json.loads((tmp_path / last_run.LAST_RUN_FILE).read_bytes())["dead_letters_waiting"] == 2
    (tmp_path / last_run.LAST_RUN_FILE).write_text("{}")
    last_run.note_waiting(tmp_path, 3)
    assert (tmp_path / last_run.LAST_RUN_FILE).read_text() == "{}"
    assert waiting + "2" in path.read_text()


def test_each_metric_is_documented() -> None:
    """The page has each by its name, with its labels, and no other."""
    report = told() | {"answer_seconds": {"p50": 0.1, "p95": 0.2}}
    report["totals"]["kinds"] = {"event": dict.fromkeys([*OUTCOMES, "undelivered"], 0)}
    written: dict[str, set[str]] = {}
    for family in parser.text_string_to_metric_families(metrics.text(report, "d")):
        written[family.name] = {name for one in family.samples for name in one.labels} - {"data_dir"}
    section = PAGE.read_text(encoding="utf-8").partition("## last-run.prom\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `zendesk_events_")]
    assert {row[0].strip("| `"): set(re.findall(r"`(\w+)`", row[1])) for row in rows} == written
