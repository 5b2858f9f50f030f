"""`zendesk-events demo`: what a newcomer sees first."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from threading import Event

import forked
import pytest
from rich.console import Console

from target_zendesk_events.cli import demo
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ZENDESK_EVENTS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
SAMPLES = demo.samples_in(demo.sample_streams())


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the verb to its end."""
    return forked.run(
        [*ZENDESK_EVENTS, "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **variables},
    )


def shown(samples: list[demo.Sample]) -> tuple[bool, str]:
    """Demonstrate some samples; return whether all went as they say, and what was shown."""
    output = io.StringIO()
    with Playground() as served:
        console = Console(file=output, width=100, highlight=False, markup=False)
        is_well = demo.demonstrate(samples, served, console, Event())
    return is_well, output.getvalue()


def named(name: str) -> demo.Sample:
    """Return one sample."""
    return next(sample for sample in SAMPLES if sample.folder.name == name)


def test_it_sends_every_sample_and_shows_a_timeline_and_the_report() -> None:
    """Exit 0, nothing on standard error; each case is named, the longest timeline shown whole, the report below."""
    ended = run("--config", "ENV", "--config", "/no/such/file.json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert all(sample.case in ended.stdout for sample in SAMPLES)
    assert "What the timeline of customer-1@example.com now holds" in ended.stdout
    types = [word for line in ended.stdout.splitlines() if line.startswith(" 2026-") for word in line.split()[3:4]]
    assert types == ["signed_up", "order_paid", "large_order", "newsletter_opened", "order_shipped"]
    assert "orders: matches 4, filtered 1, events 3, delivered 3" in ended.stdout
    assert ended.stdout.endswith("All went as the samples say.\n")


def test_nothing_around_it_changes_what_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither another playground's variable, nor an account in the environment, nor Meltano's form of the log."""
    logging = tmp_path / "logging.json"
    logging.write_text(json.dumps({"version": 1}))
    monkeypatch.setenv("ZENDESK_EVENTS_PLAYGROUND", "http://127.0.0.1:1/?folder=/&write_state=0")
    monkeypatch.setenv("TARGET_ZENDESK_EVENTS_SUBDOMAIN", "acme")
    monkeypatch.setenv("TARGET_ZENDESK_EVENTS_DRY_RUN", "true")
    monkeypatch.setenv("SINGER_SDK_LOG_CONFIG", str(logging))
    is_well, text = shown([named("several_streams")])
    assert is_well
    assert "run finished" not in text


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_a_terminal_that_knows_only_ascii_is_no_fault(variables: dict[str, str]) -> None:
    """What it cannot show is shown as a question mark."""
    ended = run(**variables)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "What the timeline of customer-1@example.com now holds" in ended.stdout


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_loses_nothing(width: int) -> None:
    """The timeline is folded: description and properties are still there, letter by letter."""
    output = io.StringIO()
    with Playground() as served:
        console = Console(file=output, width=width, highlight=False)
        assert demo.demonstrate([named("several_streams")], served, console, Event())
    lines = output.getvalue().partition("now holds:")[2].partition("And the report")[0].splitlines()
    column = next(line.index("descrip") for line in lines if "descrip" in line)
    told = "".join(line[column:].replace(" ", "") for line in lines)
    assert told.count("Order9001:Bluekettletotal:149.9item:Bluekettle") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_stays_when_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    """Neither a file nor a process."""
    started = forked.Popen(
        [*ZENDESK_EVENTS, "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    assert started.stdout is not None
    assert "A local Zendesk on" in started.stdout.readline()
    started.send_signal(number)
    _, said = started.communicate(timeout=20)
    assert (started.returncode, said.strip()) == (1, "Aborted!")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.killpg(started.pid, 0)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"exit_code": 3}, "exit_code is 0, not 3"),
        ({"dead_letters": {"invalid": 1}}, 'dead_letters is {}, not {"invalid": 1}'),
        ({"state": None}, "state is {"),
        ({"timelines": {}}, "timelines is {"),
    ],
)
def test_a_sample_that_goes_otherwise_is_told(part: dict[str, object], said: str) -> None:
    """What differs is named, the target's own words are shown, and the whole is not well."""
    sample = named("zendesk_example")
    wrong = dataclasses.replace(sample, expected=dataclasses.replace(sample.expected, **part))  # type: ignore[arg-type]
    is_well, text = shown([wrong])
    assert not is_well
    assert f"NOT as expected: {said}" in text
    assert "run finished: delivered=1" in text
    assert "Not all went as the samples say." in text


def test_it_shows_the_timelines_until_it_is_told_to_end() -> None:
    """With `--open` the samples' customers are on the page at the address that it tells; Ctrl-C ends it well."""
    started = forked.Popen(
        [*ZENDESK_EVENTS, "demo", "--open"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert started.stderr is not None
    said = started.stderr.readline()
    assert said.endswith(" (Ctrl-C ends it)\n")
    with urllib.request.urlopen(said.split()[2], timeout=10) as page:  # noqa: S310 - loopback
        assert "customer-1@example.com" in page.read().decode()
    started.send_signal(signal.SIGINT)
    assert (started.communicate(timeout=20)[1], started.returncode) == ("", 0)


def test_a_customer_of_an_earlier_sample_does_not_show_in_a_later_one() -> None:
    """The same sample twice in one playground: each time only what is new is compared."""
    is_well, _ = shown([named("zendesk_example"), named("zendesk_example")])
    assert is_well


def test_samples_that_go_well_come_first() -> None:
    """Then those with refusals, then those that stop."""
    codes = [(sample.expected.exit_code, len(sample.expected.dead_letters)) for sample in SAMPLES]
    assert codes == sorted(codes)
    assert {code for code, _ in codes} == {0, 1, 2}


def test_without_the_extra_it_says_how_to_install_it() -> None:
    """One line, exit 2."""
    code = "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None; " + ZENDESK_EVENTS[2]
    ended = forked.run([sys.executable, "-c", code, "demo"], capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode == 2
    assert ended.stderr == "The playground is an extra: pip install 'target-zendesk-events[playground]'\n"


@pytest.mark.server
def test_the_wheel_brings_the_samples_and_the_pages(tmp_path: Path) -> None:
    """Unpacked far from the clone, the demo runs on the samples that the wheel holds; templates are there whole."""
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(wheel, check=True, timeout=300, cwd=tmp_path)
    home = tmp_path / "home"
    zipfile.ZipFile(next(tmp_path.glob("*.whl"))).extractall(home)
    templates = Path("target_zendesk_events", "playground", "templates")
    files = [sorted(path.name for path in (place / templates).iterdir()) for place in (home, ROOT)]
    assert files[0] == files[1]
    code = f"import sys; sys.path.insert(0, {str(home)!r}); from target_zendesk_events.cli import demo; "
    where = [sys.executable, "-c", code + "print(demo.sample_streams())"]
    found = subprocess.run(where, capture_output=True, text=True, check=True, timeout=20, cwd=tmp_path).stdout.strip()
    assert found == str(home / "target_zendesk_events" / "sample_streams")
    ended = run(PYTHONPATH=str(home))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert all(sample.case in ended.stdout for sample in SAMPLES)
