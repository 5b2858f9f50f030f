"""`zendesk-events playground`: served alone, and wrapped around a command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import forked
import pytest
import requests
import support

pytestmark = pytest.mark.slow

ZENDESK_EVENTS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
PLAYGROUND = [*ZENDESK_EVENTS, "playground"]
SHOW = "import os; print(os.environ['ZENDESK_EVENTS_PLAYGROUND'])"
POST = """
import json, os, urllib.request
url = os.environ["ZENDESK_EVENTS_PLAYGROUND"].partition("/?")[0]
event = {"source": "shop", "type": "visit", "properties": {}}
profile = {"source": "shop", "type": "customer", "identifiers": [{"type": "email", "value": "customer-1@example.com"}]}
request = urllib.request.Request(
    url + "/api/v2/user_profiles/events",
    json.dumps({"event": event, "profile": profile}).encode(),
    {"Content-Type": "application/json"},
)
try:
    print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).status)
except urllib.error.HTTPError as error:
    print(error.code, error.headers["Retry-After"])
"""
WAIT = """
import os, signal, sys, time
def note(number, frame):
    os.write(1, f"child got {number}\\n".encode())  # print is not reentrant: it may be about to say "ready"
    sys.exit(number + 1)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU, signal.SIGABRT):
    signal.signal(number, note)
print("ready", flush=True)
for _ in range(400):  # one long sleep would keep a signal that comes just before it
    time.sleep(0.05)
"""


def wrap(*command: str, options: tuple[str, ...] = (), **keywords):
    """Run a command in a playground to its end."""
    keywords = {"capture_output": True, "timeout": 20, **keywords}
    return forked.run([*PLAYGROUND, *options, "--", *command], check=False, **keywords)


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


@pytest.fixture
def start():
    """Start a process with pipes; it is gone after the test."""
    started = []

    def start(command, **keywords):
        keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **keywords}
        process = forked.Popen(command, **keywords)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_standard_streams_are_the_commands_own():
    """Input reaches the command byte for byte, and stdout carries its bytes and no others."""
    sent = bytes(range(256)) * 1_000
    ended = wrap(*python("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"), input=sent)
    assert ended.stdout == sent
    assert ended.returncode == 0
    assert ended.stderr == b"the playground received 0 events of 0 customers in 0 requests\n"


def test_the_command_finds_the_playground_in_its_environment():
    """The variable holds a loopback address, a private folder that exists, and whether STATE may be written."""
    code = SHOW + "; from urllib.parse import *; f = parse_qs(urlsplit(os.environ['ZENDESK_EVENTS_PLAYGROUND']).query)"
    ended = wrap(*python(code + "; print(f['folder'][0], oct(os.stat(f['folder'][0]).st_mode))"), text=True)
    url, folder = ended.stdout.splitlines()
    path, mode = folder.split()
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("&write_state=0")
    assert mode == "0o40700"
    assert not Path(path).exists()


def test_state_is_written_only_when_asked_for():
    """`--write-state` says so in the query; without a command it makes no sense."""
    ended = wrap(*python(SHOW), options=("--write-state",), text=True)
    assert ended.stdout.strip().endswith("&write_state=1")
    alone = forked.run([*PLAYGROUND, "--write-state"], capture_output=True, text=True, check=False, timeout=20)
    assert alone.returncode == 2
    assert "--write-state needs a COMMAND" in alone.stderr


def test_what_the_command_sends_is_counted_and_kept(tmp_path):
    """At the end stderr says what came, and with `--database` where it is."""
    file = tmp_path / "received.sqlite"
    for number in (1, 2):
        ended = wrap(*python(POST), options=("--database", str(file)), text=True)
        assert ended.stdout == "202\n"
        assert f"received {number} events of 1 customers in {number} requests" in ended.stderr
        assert f"they are in {file}" in ended.stderr


def test_what_else_came_is_counted_and_its_limits_are_options():
    """Tickets are told beside events; Support's limit and how long a job takes can be said."""
    ticket = POST.replace("/api/v2/user_profiles/events", "/api/v2/tickets").replace(
        '{"event": event, "profile": profile}', '{"ticket": {"comment": {"body": "x"}}}'
    )
    options = ("--support-requests-per-minute", "1", "--job-seconds", "0")
    ended = wrap("sh", "-c", 'for n in 1 2; do "$@"; done', "sh", *python(ticket), options=options, text=True)
    assert ended.stdout.split()[:2] == ["201", "429"]
    assert ended.stderr == "the playground received 0 events of 0 customers, 1 ticket in 2 requests\n"


def test_meltanos_arguments_are_taken():
    """`--config` may be given, several times and as ENV, and its files are not even opened."""
    ended = wrap(*python(SHOW), options=("--config", "ENV", "--config", "/no/such/file.json"))
    assert ended.returncode == 0


@pytest.mark.parametrize("code", [0, 1, 7, 127])
def test_the_exit_code_is_the_commands(code):
    """Whatever the command ends with."""
    assert wrap("sh", "-c", f"exit {code}").returncode == code


def test_a_command_that_a_signal_ended_counts_as_a_shell_says():
    """128 and the signal's number."""
    assert wrap("sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM
    assert wrap("sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_a_command_that_cannot_be_run(tmp_path):
    """127 when it is not found, 126 when it cannot be executed, and a line that says so."""
    missing = wrap("no-such-command", "--flag", text=True)
    assert missing.returncode == 127
    assert missing.stderr == "no-such-command: No such file or directory\n"
    file = tmp_path / "text"
    file.write_text("text")
    assert wrap(str(file)).returncode == 126


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU, signal.SIGABRT],
)
def test_signals_are_passed_on_and_outlived(start, number):
    """A signal reaches the command, and the playground serves until that ends, with its exit code."""
    process = start([*PLAYGROUND, *python(WAIT)], start_new_session=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert out == f"child got {number.value}\n"
    assert process.returncode == number + 1
    assert "the playground received" in err


def test_a_signal_after_the_commands_end_changes_nothing(start):
    """The exit code stays the command's, and the folder goes, while a second signal comes 20 ms after the first."""
    code = "import os; print(os.environ['ZENDESK_EVENTS_PLAYGROUND'], flush=True); import time; time.sleep(20)"
    process = start([*PLAYGROUND, *python(code)], start_new_session=True)
    url = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM
    assert not Path(parse_qs(urlsplit(url).query)["folder"][0]).exists()


def test_a_command_that_ignores_a_signal_goes_on(start):
    """The playground does not end before its command does."""
    code = (
        "import os, select, signal, sys; signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'no\\n'))"
        "; print('ready', flush=True)\n"
        "while not select.select([0], [], [], 0.05)[0]: pass\n"
        "sys.exit(5)"
    )
    process = start([*PLAYGROUND, *python(code)], stdin=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    for _ in range(2):
        process.terminate()
        assert process.stdout.readline() == "no\n"
    assert process.poll() is None
    process.communicate("\n", timeout=10)
    assert process.returncode == 5


def test_ctrl_c_reaches_the_command_once(start):
    """A terminal sends Ctrl-C to the command itself: it is not passed on a second time."""
    code = (
        "import signal, sys, time; got = []; signal.signal(signal.SIGINT, lambda *_: got.append(1));"
        "print('ready', flush=True)\n"
        "while not got: time.sleep(0.01)\n"
        "time.sleep(0.3); sys.exit(40 + len(got))"
    )
    terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    process = start(python(terminal, *PLAYGROUND, *python(code)), stdin=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\x03")
    process.stdin.flush()
    assert process.wait(timeout=10) == 41


def test_nothing_lingers_when_the_parent_dies(start):
    """Served alone or around a command, the playground ends soon after the process that started it."""
    shell = start(["sh", "-c", '"$@" & echo $!; wait', "sh", *PLAYGROUND, *python(WAIT)])
    playground = int(shell.stdout.readline())
    assert shell.stdout.readline() == "ready\n"
    shell.kill()
    assert shell.stdout.read() == f"child got {signal.SIGTERM.value}\n"
    _wait_until(lambda: not _is_alive(playground))


def test_served_alone_it_says_where(start):
    """It prints its address and how to use it, serves until it is told to stop, and ends well."""
    process = start([*PLAYGROUND, "--port", "0", "--plan", "team"])
    url = process.stdout.readline().split()[4]
    said = process.stdout.readline()
    assert f'"api_url": "{url}"' in said
    assert "with --config ENV" in said  # a file alone leaves the variable unread, and its own account is sent to
    answer = requests.post(f"{url}/api/v2/user_profiles/events", json={}, timeout=5)
    assert (answer.status_code, answer.headers["X-Rate-Limit"]) == (400, "250")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "received 0 events of 0 customers in 1 requests" in err


def test_a_port_that_is_taken_is_named():
    """A port that was asked for is not silently another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = wrap("true", options=("--port", port), text=True)
    assert ended.returncode == 2
    assert f"port {port} is taken" in ended.stderr


def test_a_usual_port_that_is_taken_gives_way(start):
    """Two playgrounds may be served at once."""
    first, second = start(PLAYGROUND), start(PLAYGROUND)
    urls = {process.stdout.readline().split()[4] for process in (first, second)}
    assert len(urls) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fail", "429", "--retry-after", "93"), "429 93"),
        (("--fail", "500:0"), "202"),
        (("--fail", "503:all", "--retry-after", "date:60", "--body", "html"), "503 "),
        (("--fault", '{"status": 418, "event_type": "visit"}'), "418 None"),
        (("--fail", "500", "--event-type", "other"), "202"),
        (("--requests-per-minute", "1"), "202"),
    ],
)
def test_faults_are_options(options, said):
    """Each way to fail can be asked for on the command line."""
    assert wrap(*python(POST), options=options, text=True).stdout.startswith(said)


def test_connections_are_dropped_on_demand(tmp_path):
    """`--drop after` stores the event and answers nothing."""
    ended = wrap(*python(POST), options=("--drop", "after:1", "--database", str(tmp_path / "file")), text=True)
    assert ended.returncode == 1
    assert "received 1 events" in ended.stderr


def test_credentials_can_be_insisted_on(tmp_path):
    """With `--credentials` strangers are turned away."""
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"access_token": "static-token"}))
    assert wrap(*python(POST), options=("--credentials", str(file)), text=True).stdout.startswith("401")


def test_what_was_set_aside_is_kept_and_told(tmp_path):
    """A trial shows why: each reason with its number in the summary, and the folder of dead letters."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"subdomain": "acme", "source": "shop", "rules": [support.RULE]}))
    records = [support.record("orders", 1), support.record("orders", 2, kind=None), support.record("orders", "two")]
    given = support.lines([support.schema("orders"), *records])
    ended = wrap(*support.TARGET, "--config", str(config), input=given)
    said = ended.stderr.decode()
    assert (
        "set aside 1 unmappable: rule '*:{{ kind }}': event.type: is null [ZE710] (first in line 3 of the input)"
        in said
    )
    assert (
        "set aside 1 invalid: id does not hold what the schema says of it: type [ZE701] (first in line 4 of the input)"
        in said
    )
    folder = Path(said.partition("what was set aside, and why, is kept in ")[2].splitlines()[0])
    assert len([one for path in folder.iterdir() for one in support.letters_of(path)]) == 2
    shutil.rmtree(folder.parents[1])


@pytest.mark.parametrize(
    ("credentials", "code", "said"),
    [
        ({"client_id": "pipeline", "client_secret": "secret-of-the-file"}, 0, "delivered=1"),
        ({"client_id": "pipeline", "client_secret": "secret-of-another"}, 2, "does not know this client"),
        ({}, 2, "no way to authenticate is given"),
    ],
)
def test_credentials_are_tried_out(tmp_path, credentials, code, said):
    """With `--credentials` the wrapped target uses those of its configuration, and only the right ones are let in."""
    file, config = tmp_path / "credentials.json", tmp_path / "config.json"
    file.write_text(json.dumps({"client_id": "pipeline", "client_secret": "secret-of-the-file"}))
    config.write_text(json.dumps({"subdomain": "acme", "source": "shop", "rules": [support.RULE], **credentials}))
    given = support.lines([support.schema("orders"), support.record("orders", 1)])
    target = (*support.TARGET, "--config", str(config))
    ended = wrap(*target, options=("--credentials", str(file)), input=given)
    assert ended.returncode == code, ended.stderr.decode()
    assert said in ended.stderr.decode()
    assert b"secret-of" not in ended.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fail", "99"), "status must be"),
        (("--fail", "often"), "--fail"),
        (("--fail", "503:-1"), "count must be"),
        (("--fail", "503", "--retry-after", "date:1e30"), "retry_after must be"),
        (("--fault", '{"delay": "x"}'), "delay"),
        (("--delay", "-1"), "--delay"),
        (("--delay", "nan"), "--delay"),
        (("--token-seconds", "nan"), "--token-seconds"),
        (("--fail", "500", "--retry-after", "soon"), "--retry-after"),
        (("--retry-after", "5"), "--retry-after needs --fail"),
        (("--drop", "after", "--after-storing"), "--after-storing needs --fail"),
        (("--delay", "1", "--on", "reads"), "--on needs --fail or --drop"),
        (("--drop", "never"), "drop must be"),
        (("--fault", "no json"), "--fault"),
        (("--plan", "huge"), "--plan"),
        (("--credentials", "/no/such/file"), "--credentials"),
        (("--database", "/no/such/folder/file"), "--database"),
    ],
)
def test_options_that_make_no_sense_are_named(options, said):
    """Exit 2, a line that names the option, no traceback, and the command is not run."""
    ended = wrap("echo", "run", options=options, text=True)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_without_the_extra_it_says_how_to_install_it():
    """One line, exit 2."""
    code = "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None; " + ZENDESK_EVENTS[2]
    ended = subprocess.run(
        [*python(code), "playground", "--", "true"], capture_output=True, text=True, check=False, timeout=20
    )
    assert ended.returncode == 2
    assert ended.stderr == "The playground is an extra: pip install 'target-zendesk-events[playground]'\n"


def test_help_imports_no_verb():
    """`zendesk-events --help` lists the verbs without what they need."""
    code = (
        "import sys; from target_zendesk_events.cli import main; main(['--help'], standalone_mode=False)"
        "; print(*sys.modules)"
    )
    ended = subprocess.run(python(code), capture_output=True, text=True, check=False, timeout=20)
    assert "playground  " in ended.stdout
    assert not {"starlette", "uvicorn", "singer_sdk", "requests", "jinja2"} & set(ended.stdout.split())
    unknown = forked.run([*ZENDESK_EVENTS, "play"], capture_output=True, check=False, timeout=20)
    assert unknown.returncode == 2


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _wait_until(holds, seconds: float = 5.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)
