"""What the end-to-end tests share: lines of a tap, a target in this process or its own, and what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fastjsonschema
import forked
import pytest
from typing_extensions import Self

import target_zendesk_events
from target_zendesk_events import lenient
from target_zendesk_events.target import TargetZendeskEvents

TARGET = [sys.executable, "-c", "from target_zendesk_events.target import main; main()"]
"""The real command line, in this interpreter."""

LAST_RUN_SCHEMA: dict[str, Any] = json.loads(
    (Path(target_zendesk_events.__file__).parent / "last-run.schema.json").read_bytes()
)
VALIDATE = fastjsonschema.compile(LAST_RUN_SCHEMA)

RULE: dict[str, Any] = {
    "stream": "*",
    "profile": {"identifiers": {"email": "{{ email }}", "shop_customer_id": "{{ customer_id }}"}},
    "event": {
        "type": "{{ kind }}",
        "created_at": "{{ at }}",
        "properties": {"number": "{{ id }}", "stream": "{{ stream }}"},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "email": {"type": ["string", "null"]},
        "customer_id": {"type": ["integer", "null"]},
        "kind": {"type": ["string", "null"]},
        "at": {"type": "string", "format": "date-time"},
    },
}


def schema(stream: str) -> dict[str, Any]:
    """Return a SCHEMA message."""
    return {"type": "SCHEMA", "stream": stream, "schema": SCHEMA, "key_properties": ["id"]}


def record(stream: str, number: object, **fields: Any) -> dict[str, Any]:
    """Return a RECORD message of a customer of its own, unless fields say otherwise."""
    plain = {
        "id": number,
        "email": f"customer-{number}@example.com".replace(" ", "-"),
        "customer_id": None,
        "kind": "order_paid",
        "at": "2026-11-01T10:00:00Z",
    }
    return {"type": "RECORD", "stream": stream, "record": {**plain, **fields}}


def state(value: Any) -> dict[str, Any]:
    """Return a STATE message."""
    return {"type": "STATE", "value": value}


def lines(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """Return messages as a tap writes them."""
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def config(url: str, folder: Path, **others: Any) -> dict[str, Any]:
    """Return a configuration for a served playground."""
    plain = {
        "api_url": url,
        "data_dir": str(folder / "data"),
        "source": "shop",
        "requests_per_minute": 100_000,
        "max_set_aside_percent": 100,
        "rules": [RULE],
    }
    return {**plain, **others}


class Watched(io.StringIO):
    """Standard output that tells of each STATE at the moment it is written."""

    def __init__(self, on_state: Callable[[Any], None]) -> None:
        """Call `on_state` with the value of each line."""
        super().__init__()
        self._on_state = on_state

    def write(self, text: str) -> int:
        """Take a line."""
        for line in text.splitlines():
            self._on_state(json.loads(line))
        return super().write(text)


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, the STATEs it wrote, its report, and what it set aside."""

    exit_code: int
    states: list[Any]
    report: dict[str, Any]
    letters: list[dict[str, Any]]


def run_here(settings: dict[str, Any], messages: bytes, on_state: Callable[[Any], None] = lambda _: None) -> Ended:
    """Run the target in this process; `on_state` is called as each STATE goes out."""
    output = Watched(on_state)
    with contextlib.redirect_stdout(output):
        target = TargetZendeskEvents(config=settings)
        target.listen(io.BytesIO(messages))  # type: ignore[arg-type]
    return ended(target.exit_code, output.getvalue(), Path(settings["data_dir"]))


def run_process(settings: dict[str, Any], messages: bytes, folder: Path) -> tuple[Ended, str]:
    """Run the real command line; return how it ended, and what it wrote on standard error."""
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    done = forked.run([*TARGET, "--config", str(path)], input=messages, capture_output=True, timeout=120, cwd=folder)
    return ended(done.returncode, done.stdout.decode(), Path(settings["data_dir"])), done.stderr.decode()


def ended(exit_code: int, output: str, data_dir: Path) -> Ended:
    """Return how a run ended."""
    states = [json.loads(line) for line in output.splitlines()]
    report = data_dir / "last-run.json"
    letters = [letter for path in sorted(data_dir.glob("dead-letters/*.singer")) for letter in letters_of(path)]
    return Ended(exit_code, states, report_in(data_dir) if report.exists() else {}, letters)


def report_in(data_dir: Path) -> dict[str, Any]:
    """Return what `last-run.json` says; it has the documented shape, whatever the run."""
    told: dict[str, Any] = json.loads((data_dir / "last-run.json").read_bytes())
    VALIDATE(told)
    return told


def letters_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records in one file of dead letters."""
    for line in path.read_bytes().splitlines():
        message = lenient.outline(line)
        if message["type"] == "RECORD":
            yield message


def command(
    settings: Mapping[str, Any] | None,
    folder: Path,
    *arguments: str,
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
    program: Sequence[str] = TARGET,
) -> subprocess.CompletedProcess[bytes]:
    """Run the real command line in `folder`, with a file of `settings` where there are any; `given` is its input."""
    path = folder / "config.json"
    if settings is not None:
        path.write_text(json.dumps(settings))
    return forked.run(
        [*wrapper, *program, *(("--config", str(path)) if settings is not None else ()), *arguments],
        input=given,
        capture_output=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )


class Live:
    """The real command line while it runs: its input is written as one likes, its output can be looked at."""

    def __init__(self, settings: Mapping[str, Any], folder: Path, program: Sequence[str] = TARGET) -> None:
        """Start it in `folder`."""
        self.folder = folder
        (folder / "config.json").write_text(json.dumps(settings))
        with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as error:
            self.process = forked.Popen(
                [*program, "--config", str(folder / "config.json")],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=error,
                cwd=folder,
            )

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind."""
        self.process.kill()
        with contextlib.suppress(OSError):
            self.close()
        self.process.wait()

    def write(self, text: bytes) -> None:
        """Write to its input, from here."""
        if self.process.stdin is None:
            raise RuntimeError
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def feed(self, text: bytes) -> None:
        """Write to its input from a thread, as far as it takes it."""

        def feed() -> None:
            with contextlib.suppress(OSError, ValueError):
                self.write(text)

        threading.Thread(target=feed, daemon=True).start()

    def close(self) -> None:
        """End its input."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def signal(self, *numbers: signal.Signals, apart: float = 0.02) -> float:
        """Send signals, `apart` seconds between two; return when the first was sent."""
        sent = time.monotonic()
        for place, number in enumerate(numbers):
            if place:
                time.sleep(apart)
            self.process.send_signal(number)
        return sent

    def wait(self, seconds: float = 30) -> int:
        """Wait for its end; return its exit code."""
        return self.process.wait(seconds)

    @property
    def output(self) -> str:
        """What it wrote on standard output so far."""
        return (self.folder / "stdout").read_text()

    @property
    def error(self) -> str:
        """What it wrote on standard error so far."""
        return (self.folder / "stderr").read_text()

    @property
    def states(self) -> list[Any]:
        """The STATEs that it wrote so far."""
        return [json.loads(line) for line in self.output.splitlines()]


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.01)


def iso(seconds: float) -> str:
    """Return a time as text."""
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).isoformat()


def stored_order(received_at: str, **others: Any) -> dict[str, Any]:
    """Return an order as Zendesk gives an event back, but for what is given."""
    return {
        "id": "01E1",
        "source": "shop",
        "type": "order",
        "description": "An order",
        "created_at": "2026-11-01T10:00:00.000Z",
        "received_at": received_at,
        "properties": {"item": {"name": "cup"}, "total": 1.0},
        **others,
    }


def certificate(folder: Path, names: str) -> Path:
    """Make a certificate that nobody trusts, its key in the same file; `names` as in `DNS:localhost,IP:127.0.0.1`."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"),
            *("-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return both
