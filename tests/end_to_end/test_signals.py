"""The real process, hit by signals at random moments: it ends in time, and STATE says nothing that is not so."""

from __future__ import annotations

import contextlib
import io
import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import forked
import pytest
import support
from support import Live, until

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.target import TargetZendeskEvents

pytestmark = pytest.mark.slow

TERM, INT = (signal.SIGTERM,), (signal.SIGINT,)
CTRL_C_UNDER_MELTANO = (signal.SIGINT, signal.SIGTERM)
SIGNALS = (TERM, INT, CTRL_C_UNDER_MELTANO)
SECONDS_TO_END = 4.0
"""When every answer comes at once; other tests may be busy beside this one."""
GRACE = 8.0


@pytest.fixture(scope="module")
def playgrounds() -> Iterator[list[Playground]]:
    """Serve one playground for each way to be hit."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Playground()) for _ in SIGNALS]


def messages(count: int, **fields: Any) -> bytes:
    """Return records of `count` customers, a STATE after each."""
    texts = [support.schema("orders")]
    for number in range(count):
        texts += [support.record("orders", number, **fields), support.state({"upto": number})]
    return support.lines(texts)


def check(live: Live, playground: Playground, expected: int) -> None:
    """What holds after every end by a signal."""
    assert live.process.returncode == expected
    assert "Traceback" not in live.error
    assert "CRITICAL" not in live.error
    assert live.output == "" or live.output.endswith("\n")
    assert "run finished: delivered=" in live.error
    stored = {event.body["event"]["properties"]["number"] for event in playground.events()}
    upto = live.states[-1]["upto"] if live.states else -1
    assert set(range(upto + 1)) <= stored


SITUATIONS: dict[str, dict[str, Any]] = {
    "reading": {"count": 20_000, "rules": [{**support.RULE, "when": "id % 400 == 0"}]},
    "waiting for the tap": {"count": 3, "ready": 3},
    "waiting for room": {"count": 4_000, "delay": 0.2, "ready": 4, "max_in_flight": 2},
    "waiting for the limit": {"count": 20, "ready": 4, "requests_per_minute": 4},
    "waiting for a retry": {
        "count": 3,
        "ready": 3,
        "faults": [Fault(status=500, count=None, contains="customer-1@")],
        "on_unknown_outcome": "retry",
    },
    "in an outage": {
        "count": 40,
        "ready": 8,
        "faults": [Fault(drop="before", count=None)],
        "on_unknown_outcome": "retry",
    },
    "reading events back": {
        "count": 5,
        "ready": 5,
        "faults": [Fault(status=500, count=None, store=True), Fault(on="reads", status=503, count=None)],
    },
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_signal_ends_the_run_in_time(situation: str, playgrounds: list[Playground], tmp_path: Path) -> None:
    """Whatever goes on: exit 143 or 130 by the first signal, soon, with no STATE ahead of the timeline."""
    chance = random.Random(situation)  # noqa: S311 - a moment, no secret

    def hit(place: int) -> None:
        settings = dict(SITUATIONS[situation])
        count, ready = settings.pop("count"), settings.pop("ready", 1)
        playground = playgrounds[place]
        playground.clear()
        playground.set_delay(settings.pop("delay", 0.0))
        playground.set_faults(*settings.pop("faults", ()))
        folder = tmp_path / str(place)
        folder.mkdir()
        numbers = SIGNALS[place]
        with Live(support.config(playground.url, folder, **settings), folder) as live:
            live.feed(messages(count))
            until(lambda: len(playground.requests()) >= ready)
            time.sleep(moments[place])
            sent = live.signal(*numbers)
            live.wait()
            assert time.monotonic() - sent < SECONDS_TO_END
            if situation == "reading":
                check_read(live)
            else:
                check(live, playground, 128 + numbers[0])

    def check_read(live: Live) -> None:
        """Where records are filtered, STATE passes those too."""
        place = [live.folder == tmp_path / str(one) for one in range(len(SIGNALS))].index(True)
        assert live.process.returncode == 128 + SIGNALS[place][0]
        stored = {one.body["event"]["properties"]["number"] for one in playgrounds[place].events()}
        upto = live.states[-1]["upto"] if live.states else -1
        assert set(range(0, upto + 1, 400)) <= stored
        assert "Traceback" not in live.error

    moments = [chance.uniform(0, 0.4) for _ in SIGNALS]
    with ThreadPoolExecutor(len(SIGNALS)) as pool:
        list(pool.map(hit, range(len(SIGNALS))))


class HitWhileItIsBuilt(TargetZendeskEvents):
    """A target that gets a signal before its rooms are there."""

    @classmethod
    def get_plugin_version(cls) -> str:
        """Be hit: the rooms are built with this."""
        signal.raise_signal(signal.SIGTERM)
        return "0"


def test_a_signal_while_the_run_is_built_starts_nothing(playgrounds: list[Playground], tmp_path: Path) -> None:
    """It is not forgotten: no request starts, no STATE goes out, and the exit code is the signal's."""
    playgrounds[0].clear()
    target = HitWhileItIsBuilt(config=support.config(playgrounds[0].url, tmp_path))
    target.listen(io.BytesIO(messages(5)))  # type: ignore[arg-type]
    assert target.exit_code == 128 + signal.SIGTERM
    assert playgrounds[0].requests() == []


@pytest.mark.server
def test_answers_that_do_not_come_have_eight_seconds(playgrounds: list[Playground], tmp_path: Path) -> None:
    """Requests under way have eight seconds; a signal soon after the first changes nothing, a later one ends all."""
    for playground in playgrounds:
        playground.clear()
        playground.set_faults()

    def in_grace() -> None:
        """The answers come after four seconds: they count, and nothing is lost."""
        playground = playgrounds[0]
        playground.set_delay(4.0)
        with started(playground, "answers-come") as live:
            sent = live.signal(*TERM)
            live.wait()
            assert time.monotonic() - sent < 4.0 + 2.0
            check(live, playground, 143)
            assert live.states[-1] == {"upto": 2}

    def beyond_grace() -> None:
        """The answers take too long: the run ends after eight seconds, and STATE does not claim them."""
        playground = playgrounds[1]
        playground.set_delay(30.0)
        with started(playground, "answers-do-not-come") as live:
            sent = live.signal(*CTRL_C_UNDER_MELTANO)
            live.wait()
            assert GRACE - 0.1 <= time.monotonic() - sent < GRACE + 1.5
            check(live, playground, 130)
            assert live.states == []

    def once_more() -> None:
        """A further signal within two seconds belongs to the first; one after that ends the run at once."""
        playground = playgrounds[2]
        playground.set_delay(30.0)
        with started(playground, "once-more") as live:
            live.signal(signal.SIGINT, signal.SIGTERM, apart=1.5)
            time.sleep(0.7)
            assert live.process.poll() is None
            sent = live.signal(*TERM)
            live.wait()
            assert time.monotonic() - sent < 1.0
            check(live, playground, 130)
            assert live.states == []

    @contextlib.contextmanager
    def started(playground: Playground, name: str) -> Iterator[Live]:
        folder = tmp_path / name
        folder.mkdir()
        with Live(support.config(playground.url, folder, request_timeout_seconds=60), folder) as live:
            live.feed(messages(3))
            until(lambda: len(playground.requests()) >= 3)
            yield live

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(one) for one in (in_grace, beyond_grace, once_more)]:
            done.result()
    for playground in playgrounds:
        playground.set_delay(0.0)


@pytest.mark.parametrize(("pause", "seconds"), [(None, GRACE), (2.2, 2.2)])
def test_a_state_that_nobody_reads_holds_no_signal_back(pause: float | None, seconds: float, tmp_path: Path) -> None:
    """A blocked standard output has the eight seconds too, and a second signal ends the run at once."""
    texts = [support.schema("orders")]
    for number in range(4):
        texts += [support.record("orders", number), support.state({"upto": number, "filling": "." * 200_000})]
    with Playground() as playground:
        (tmp_path / "config.json").write_text(json.dumps(support.config(playground.url, tmp_path)))
        process = forked.Popen(
            [*support.TARGET, "--config", str(tmp_path / "config.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process, contextlib.ExitStack() as stack:
            stack.callback(process.kill)
            feeding = threading.Thread(target=feed, args=(process, support.lines(texts)), daemon=True)
            feeding.start()
            until(lambda: len(playground.events()) >= 1)
            time.sleep(1.5)
            since = time.monotonic()
            process.send_signal(signal.SIGTERM)
            if pause is not None:
                time.sleep(pause)
                process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 128 + signal.SIGTERM
            assert time.monotonic() - since < seconds + 2


def feed(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Write to a process as far as it reads: one whose STATE nobody takes reads no more."""
    if process.stdin is not None:
        with contextlib.suppress(OSError, ValueError):
            process.stdin.write(text)
            process.stdin.flush()
