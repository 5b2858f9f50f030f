"""`tap-singer-jsonl`, which replays recorded streams and knows no STATE: sent again whole, and once on the timeline."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from pipes import TAPS, Pipe

import pytest
import support
from environments import Environments

from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.server

NAME = "tap-singer-jsonl"


@pytest.fixture(scope="module")
def tap(environments: Environments) -> Path:
    return environments.install(NAME, f"{NAME}=={TAPS[NAME]}", "setuptools<81") / NAME


def test_a_replayed_file_is_once_on_the_timeline(tap: Path, tmp_path: Path) -> None:
    """Killed in the middle of two files, run again and again, with the STATEs that the files hold."""
    for stream in ("orders", "visits"):
        messages = [support.schema(stream)]
        for number in range(12):
            messages += [support.record(stream, number), support.state({"bookmarks": {stream: {"id": number}}})]
        (tmp_path / f"{stream}.singer").write_bytes(support.lines(messages))
    config = {"source": "local", "local": {"folders": [str(tmp_path)], "recursive": False}}
    (tmp_path / "tap.json").write_text(json.dumps(config))
    with Playground(delay=0.02) as playground:
        pipe = Pipe(tmp_path, playground, [str(tap), "--config", "tap.json"], lambda _, record: record["id"])
        pipe.run(kill_after=15)
        pipe.run()
        pipe.run()
        for stream in ("orders", "visits"):
            assert Counter(pipe.stored(stream)) == Counter(range(12))
    assert pipe.state == pipe.written[-1]["value"]
    assert not list((tmp_path / "data").glob("dead-letters/*"))
