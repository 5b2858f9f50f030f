"""Records in the files of BATCH messages, on the real command line: they go the way of RECORDs, killed or not."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import forked
import pytest
import support
from support import Live, until
from test_crashes import DRIVER, STEPS

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

REPLAY = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()", "replay"]


@pytest.fixture
def playground() -> Iterator[Playground]:
    with Playground() as served:
        yield served


def row(number: int, **fields: Any) -> bytes:
    """Return a line of a file."""
    return json.dumps(support.record("orders", number, **fields)["record"]).encode() + b"\n"


def batch(*paths: Path, **encoding: str) -> dict[str, Any]:
    """Return a BATCH message of these files."""
    plain = {"format": "jsonl", "compression": "gzip"}
    return {
        "type": "BATCH",
        "stream": "orders",
        "encoding": {**plain, **encoding},
        "manifest": [path.as_uri() for path in paths],
    }


def packed(path: Path, rows: Sequence[bytes]) -> Path:
    """Write a file of rows, packed."""
    path.write_bytes(gzip.compress(b"".join(rows)))
    return path


def numbers(playground: Playground) -> list[int]:
    """Return the records whose events are on timelines."""
    return sorted(event.body["event"]["properties"]["number"] for event in playground.events())


def run(playground: Playground, folder: Path, *messages: dict[str, Any], **settings: Any) -> tuple[support.Ended, str]:
    """Run the target over messages."""
    return support.run_process(support.config(playground.url, folder, **settings), support.lines(messages), folder)


def test_files_are_delivered_among_records(playground: Playground, tmp_path: Path) -> None:
    """In their order, STATE after them; the files stay; sent again, all are duplicates, as files or as RECORDs."""
    first = packed(tmp_path / "first.jsonl.gz", [row(1), b"\n", row(2)])
    second = packed(tmp_path / "second.jsonl.gz", [row(3), row(4)])
    third = tmp_path / "third.jsonl"
    third.write_bytes(row(6)[:-1])
    messages = [
        support.schema("orders"),
        support.record("orders", 0),
        batch(first, second),
        support.record("orders", 5),
        batch(third, compression="none"),
        support.state({"upto": 6}),
    ]
    ended, said = run(playground, tmp_path, *messages)
    assert (ended.exit_code, ended.states, ended.letters) == (0, [{"upto": 6}], [])
    assert numbers(playground) == list(range(7))
    assert ended.report["streams"]["orders"]["records"] == 7
    assert "line 2 of file 1 of 2 of the BATCH in line 3 of the input is blank" in said
    again, _ = run(playground, tmp_path, *messages)
    records = [support.schema("orders"), *(support.record("orders", number) for number in range(7))]
    as_records, _ = run(playground, tmp_path, *records)
    for later in (again, as_records):
        assert later.report["streams"]["orders"]["rules"]["*:{{ kind }}"]["duplicate"] == 7
    assert len(numbers(playground)) == 7
    assert all(path.exists() for path in (first, second, third))


def test_order_within_a_customer_holds(playground: Playground, tmp_path: Path) -> None:
    """One customer's events go out in the order of the files' lines, those of RECORDs around them in their place."""
    mine = {"email": "customer@example.com"}
    files = [packed(tmp_path / f"{part}.gz", [row(part * 10 + at, **mine) for at in range(10)]) for part in (1, 2)]
    before, after = (support.record("orders", number, **mine) for number in (1, 40))
    run(playground, tmp_path, support.schema("orders"), before, batch(*files), after)
    sent = [event.body["event"]["properties"]["number"] for event in playground.events()]
    assert sent == [1, *range(10, 30), 40]


def test_maps_schemas_and_rules_hold(playground: Playground, tmp_path: Path) -> None:
    """Stream maps see the rows, the schema and `validate_records` hold, rules filter; nothing passes by them."""
    path = packed(tmp_path / "a.gz", [row(1), row(2), row(3, at=7), row(4), row(5)])
    ended, _ = run(
        playground, tmp_path, support.schema("orders"), batch(path), support.state(1),
        stream_maps={"orders": {"__filter__": "id != 2", "kind": "'mapped'"}},
        rules=[{**support.RULE, "when": "id != 4"}],
    )  # fmt: skip
    assert (ended.exit_code, ended.states) == (0, [1])
    assert {event.body["event"]["type"] for event in playground.events()} == {"mapped"}
    assert numbers(playground) == [1, 5]
    assert [(one["record"]["id"], one["dead_letter"]["reason"]) for one in ended.letters] == [(3, "invalid")]


def test_a_dead_letter_needs_no_file(playground: Playground, tmp_path: Path) -> None:
    """It holds the row as it was written, as a RECORD; the file gone, a replay sends it."""
    odd = row(1).replace(b'"id": 1', b'"id"  :1, "amount": 1.50')
    path = packed(tmp_path / "a.gz", [odd, row(2)])
    playground.set_faults(Fault(status=422, count=None, contains="customer-1@"))
    ended, _ = run(playground, tmp_path, support.schema("orders"), batch(path), support.state(1))
    assert (ended.exit_code, len(ended.letters)) == (0, 1)
    (letters,) = (tmp_path / "data" / "dead-letters").glob("*.singer")
    assert b'{"type":"RECORD","stream":"orders","record":' + odd.strip() in letters.read_bytes()
    path.unlink()
    playground.set_faults()
    done = forked.run(
        [*REPLAY, "--config", str(tmp_path / "config.json")], capture_output=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert numbers(playground) == [1, 2]


BROKEN: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "file 2 of 2 of the BATCH in line 4 of the input is not there"),
    "damaged": (gzip.compress(row(1) + row(3))[:-12], "file 2 of 2 of the BATCH in line 4 of the input is damaged"),
    "cut off": (
        gzip.compress(row(3) + row(4)[:20]),
        "line 2 of file 2 of 2 of the BATCH in line 4 of the input (20 bytes)",
    ),
    "no object": (gzip.compress(b'["customer-secret@example.com"]\n'), "line 1 of file 2 of 2 of the BATCH in line 4"),
    "no JSON": (gzip.compress(b"customer-secret\xff\n"), "line 1 of file 2 of 2 of the BATCH in line 4"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_stops_the_run(case: str, playground: Playground, tmp_path: Path) -> None:
    """Exit 1; what came before it is delivered, the STATE after it is not written, its content and name not said."""
    content, where = BROKEN[case]
    fine, broken = packed(tmp_path / "fine.gz", [row(2)]), tmp_path / "customer-secret.gz"
    if content is not None:
        broken.write_bytes(content)
    ended, said = run(
        playground, tmp_path, support.schema("orders"), support.record("orders", 1), support.state({"upto": 1}),
        batch(fine, broken), support.record("orders", 9), support.state({"upto": 9}),
    )  # fmt: skip
    assert (ended.exit_code, ended.states) == (1, [{"upto": 1}])
    assert where in said
    assert "customer-secret" not in said
    assert "Traceback" not in said
    assert numbers(playground)[:2] == [1, 2]
    assert 9 not in numbers(playground)
    assert ended.report["stopped_by"] == "InputError"
    broken.write_bytes(gzip.compress(row(3) + row(4)))
    mended, _ = run(
        playground, tmp_path, support.schema("orders"), batch(fine, broken), support.record("orders", 9),
        support.state({"upto": 9}),
    )  # fmt: skip
    assert (mended.exit_code, mended.states) == (0, [{"upto": 9}])
    assert sorted(set(numbers(playground))) == numbers(playground) == [1, 2, 3, 4, 9]


def test_a_file_elsewhere_needs_batch_config(playground: Playground, tmp_path: Path) -> None:
    """Outside the working directory a file is read under `storage.root` alone."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    messages = [support.schema("orders"), batch(packed(outside / "a.gz", [row(1)])), support.state(1)]
    ended, said = run(playground, inside, *messages)
    assert (ended.exit_code, ended.states, numbers(playground)) == (1, [], [])
    assert "ZE421" in said
    ended, _ = run(playground, inside, *messages, batch_config={"storage": {"root": outside.as_uri()}})
    assert (ended.exit_code, ended.states, numbers(playground)) == (0, [1], [1])


def test_a_batch_before_its_schema_stops_the_run(playground: Playground, tmp_path: Path) -> None:
    """As a RECORD does."""
    ended, said = run(playground, tmp_path, batch(packed(tmp_path / "a.gz", [row(1)])))
    assert (ended.exit_code, numbers(playground)) == (1, [])
    assert "line 1 of the input (" in said
    assert "is a BATCH that came before the SCHEMA of its stream" in said


def test_parquet_rows_are_records(playground: Playground, tmp_path: Path) -> None:
    """Of their own types: numbers keep their digits, times are text."""
    arrow = pytest.importorskip("pyarrow", reason="the SDK's extra `parquet` is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [json.loads(row(number)) for number in range(250)]
    table = arrow.Table.from_pylist(rows).append_column(
        "amount", arrow.array([f"{number}.50" for number in range(250)]).cast(arrow.decimal128(30, 2))
    )
    table = table.append_column("day", arrow.array([0] * 250, arrow.date32()))
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=90)
    event = {
        **support.RULE["event"],
        "properties": {"number": "{{ id }}", "amount": "{{ record.amount }}", "day": "{{ record.day }}"},
    }
    ended, _ = run(
        playground, tmp_path, support.schema("orders"), batch(tmp_path / "a.parquet", format="parquet"),
        support.state(1), rules=[{**support.RULE, "event": event}],
    )  # fmt: skip
    assert (ended.exit_code, ended.states, ended.letters) == (0, [1], [])
    assert numbers(playground) == list(range(250))
    properties = [one.body["event"]["properties"] for one in playground.events()]
    assert {"number": 7, "amount": 7.5, "day": "1970-01-01"} in properties


# killed, stopped, held back

EVENTS = 60


class Trial:
    """A pipeline whose tap writes files of twenty rows, started again until it ends by itself."""

    def __init__(self, playground: Playground, folder: Path, policy: str = "verify") -> None:
        """Write the files; every tenth row cannot be mapped."""
        self.playground = playground
        self.folder = folder
        self.upto = -1
        self.kills = 0
        folder.mkdir(exist_ok=True)
        for start in range(0, EVENTS, 20):
            rows = [row(number, kind=None if number % 10 == 9 else "order_paid") for number in range(start, start + 20)]
            packed(folder / f"{start}.gz", rows)
        plain = {"max_in_flight": 4, "batch_size_rows": 10, "on_unknown_outcome": policy}
        self.config = folder / "config.json"
        self.config.write_text(json.dumps(support.config(playground.url, folder, **plain)))

    def messages(self) -> bytes:
        """Return what the tap sends from the last STATE on: files that it has begun it names again."""
        lines = [support.schema("orders")]
        for start in range(0, EVENTS, 20):
            if start + 19 > self.upto:
                lines += [batch(self.folder / f"{start}.gz"), support.state({"upto": start + 19})]
        return support.lines(lines)

    def run(self, command: list[str], kill_after: float | None = None) -> int:
        """Run once, killed after so many seconds if at all; take over the last STATE, which was never ahead."""
        process = forked.Popen(
            [*command, "--config", str(self.config)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
        )  # fmt: skip
        try:
            out, err = process.communicate(self.messages(), timeout=90 if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out, err = process.communicate()
        self.kills += process.returncode == -signal.SIGKILL
        assert process.returncode in {0, 3, -signal.SIGKILL}, err.decode()[-2000:]
        states = [json.loads(line)["upto"] for line in out.decode().splitlines() if line.endswith("}")]
        self.upto = max([self.upto, *states])
        assert set(range(self.upto + 1)) <= set(self.settled())
        return process.returncode

    def settled(self) -> Counter[int]:
        """Count the events on timelines, and the dead letters, by record."""
        letters = [one for path in self.folder.glob("data/dead-letters/*.singer") for one in support.letters_of(path)]
        return Counter(numbers(self.playground)) + Counter({letter["record"]["id"]: 1 for letter in letters})


@pytest.mark.server
def test_killed_in_a_file_at_a_step(tmp_path: Path) -> None:
    """Killed at any step of an event's life while its file is read, a later run loses and doubles nothing."""

    def kill_at(step: str) -> None:
        with Playground(delay=0.05) as playground:
            trial = Trial(playground, tmp_path / step)
            for count in (1, 2) if step != "STATE printed" else (1,):  # the last two may go out as one
                assert trial.run([sys.executable, "-c", DRIVER.format(step=step, count=count)]) == -signal.SIGKILL
            assert trial.run(support.TARGET) in {0, 3}
            assert trial.settled() == Counter(range(EVENTS)), step
            assert len(list(trial.folder.glob("*.gz"))) == EVENTS // 20

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(kill_at, STEPS))


def test_killed_in_a_file_at_random_moments(tmp_path: Path) -> None:
    """Killed again and again, it comes to its end with each record settled once."""
    moments = random.Random(11)  # noqa: S311 - moments, no secret
    with Playground(delay=0.1) as playground:
        trial = Trial(playground, tmp_path)
        for _ in range(8):
            if trial.run(support.TARGET, 0.6 + moments.random() * 0.8) in {0, 3}:
                break
        assert trial.run(support.TARGET) in {0, 3}
        assert trial.kills > 0
        assert trial.settled() == Counter(range(EVENTS))


@pytest.mark.parametrize("is_sending", [True, False])
def test_a_signal_in_a_file_ends_the_run_in_time(is_sending: bool, playground: Playground, tmp_path: Path) -> None:
    """Also while most rows yield nothing, or the window is full and the file waits; no STATE passes the file."""
    rule = support.RULE if is_sending else {**support.RULE, "when": "id % 4000 == 0"}
    path = packed(tmp_path / "a.gz", [row(number) for number in range(200_000)])
    playground.set_delay(0.2 if is_sending else 0)
    settings = support.config(playground.url, tmp_path, rules=[rule], max_in_flight=4, max_events_per_day=0)
    with Live(settings, tmp_path) as live:
        live.feed(support.lines([support.schema("orders"), batch(path), support.state({"upto": 1})]))
        until(lambda: len(playground.requests()) >= 4)
        sent = live.signal(signal.SIGTERM)
        assert live.wait() == 143
        assert time.monotonic() - sent < 4
        assert live.states == []
        assert "run finished: delivered=" in live.error
        report = support.report_in(tmp_path / "data")
        assert 0 < report["streams"]["orders"]["records"] < 200_000


def test_a_full_window_keeps_the_file_waiting(playground: Playground, tmp_path: Path) -> None:
    """While Zendesk is slow no more of a file is read than the window holds, and the process stays small."""
    path = packed(tmp_path / "a.gz", [row(number, text="x" * 1_000) for number in range(100_000)])
    playground.set_delay(0.4)
    settings = support.config(playground.url, tmp_path, max_in_flight=2, max_events_per_day=0)
    with Live(settings, tmp_path) as live:
        live.feed(support.lines([support.schema("orders"), batch(path)]))
        until(lambda: len(playground.requests()) >= 4)
        status = Path(f"/proc/{live.process.pid}/status")
        if status.exists():
            kilobytes = int(status.read_text().partition("VmHWM:")[2].split()[0])
            assert kilobytes < 250_000
        live.signal(signal.SIGTERM)
        live.wait()
        assert support.report_in(tmp_path / "data")["streams"]["orders"]["records"] <= 2_200
