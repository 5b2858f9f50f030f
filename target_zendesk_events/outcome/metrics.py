"""`last-run.prom`: the numbers of `last-run.json` for Prometheus, as its node exporter's textfile collector reads them.

Facts: the OpenMetrics specification, "Text Format"; node_exporter's README, "Textfile Collector", which takes what both
OpenMetrics and Prometheus's older text format allow: so all are gauges, of a run that is over, and bear no time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from target_zendesk_events.outcome.report import OUTCOMES, RECORD_COUNTS

Labels = dict[str, str]
Samples = Iterator[tuple[Labels, float | None]]
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class _Family(NamedTuple):
    name: str
    says: str
    samples: Samples


def text(told: Mapping[str, Any], data_dir: str) -> str:
    """Return what `last-run.json` tells as metrics, each labelled with its `data_dir`: a machine may have several."""
    lines: list[str] = []
    for family in _families(told):
        samples = [(labels, value) for labels, value in family.samples if value is not None]
        if samples:
            name = f"zendesk_events_{family.name}"
            lines += [f"# HELP {name} {family.says}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_written({'data_dir': data_dir, **labels})} {value!r}" for labels, value in samples]
    return "\n".join([*lines, "# EOF", ""])


def _families(told: Mapping[str, Any]) -> Iterator[_Family]:
    about = {name: str(told[name]) for name in ("run", "command", "version")}
    streams, requests = told["streams"], told["requests"]
    yield _Family("last_run_info", "Which run was the last.", _one(1, about))
    yield _Family("last_run_start_timestamp_seconds", "When the last run started.", _one(_seconds(told["started"])))
    yield _Family("last_run_end_timestamp_seconds", "When the last run ended.", _one(_seconds(told["ended"])))
    yield _Family("last_run_exit_code", "How the last run ended.", _one(told["exit_code"]))
    yield _Family(
        "last_run_fault",
        "1 for each code of a sentence that ended the last run or stopped a stream.",
        (({"code": code}, 1) for code in told["codes"]),
    )
    yield _Family(
        "last_run_records",
        "Records of the last run, by what became of them.",
        (({"stream": name, "count": count}, one[count]) for name, one in streams.items() for count in RECORD_COUNTS),
    )
    yield _Family(
        "last_run_set_aside_records",
        "Records of the last run that went to the dead letters, whole or in part.",
        (({"stream": name}, one["set_aside"]) for name, one in streams.items()),
    )
    yield _Family(
        "last_run_things",
        "Things to send of the last run, by kind and outcome.",
        (
            ({"kind": kind, "outcome": outcome}, one[outcome])
            for kind, one in told["totals"]["kinds"].items()
            for outcome in (*OUTCOMES, "undelivered")
        ),
    )
    yield _Family(
        "stream_settled_timestamp_seconds",
        "When the newest record of a stream of the last run was settled.",
        (({"stream": name}, _seconds(one["settled"])) for name, one in streams.items()),
    )
    yield _Family(
        "last_run_requests",
        "Requests of the last run; limited are those that were answered 429.",
        (({"asked": asked}, count) for asked, count in requests.items() if asked != "sent"),
    )
    yield _Family(
        "last_run_limit_wait_seconds",
        "How long something could have gone but for a limit.",
        (({"limit": bucket}, one["seconds_waited"]) for bucket, one in told["minutes"].items()),
    )
    yield _Family(
        "last_run_answer_seconds",
        "How long answers took.",
        (({"quantile": f"0.{name[1:]}"}, seconds) for name, seconds in told["answer_seconds"].items()),
    )
    yield _Family("dead_letters_waiting", "Records in the dead letters.", _one(told["dead_letters_waiting"]))


def _one(value: float | None, labels: Labels | None = None) -> Samples:
    yield labels or {}, value


def _seconds(time: str | None) -> float | None:
    return None if time is None else dt.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def _written(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()) + "}"
