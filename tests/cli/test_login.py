"""`zendesk-events login` and `logout`: through a browser, by hand, and what is refused on the way."""

from __future__ import annotations

import html
import json
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import forked
import pytest
import requests
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.oauth import Credentials
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
CLIENT = "events_login"
BROWSER = """
import html, re, sys, requests
page = requests.get(sys.argv[1], timeout=5).text
form = {name: html.unescape(text) for name, text in re.findall(r'name="(\\w+)" value="([^"]*)"', page)}
place = sys.argv[1].partition("/oauth/")[0] + "/oauth/authorizations"
requests.post(place, data={**form, "decision": "allow"}, timeout=5).raise_for_status()
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(port: int) -> Iterator[Playground]:
    known = Credentials(client_id=CLIENT, redirect_uri=f"http://localhost:{port}/callback")
    with Playground(credentials=known) as playground:
        yield playground


def configured(playground: Playground, folder: Path, **others: Any) -> dict[str, Any]:
    """Return a configuration with the client alone, written down."""
    settings = support.config(playground.url, folder, client_id=CLIENT, **others)
    (folder / "config.json").write_text(json.dumps(settings))
    return settings


def verb(folder: Path, *arguments: str, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a verb."""
    command = (arguments[0], "--config", str(folder / "config.json"), *arguments[1:])
    return support.command(None, folder, *command, given=given, environment=environment, program=VERBS)


class Asked:
    """A login that waits for an answer, its page's address printed; the test is its browser."""

    def __init__(self, folder: Path, port: int, program: str = VERBS[2]) -> None:
        """Start it."""
        command = [*VERBS[:2], program, "login", "--no-browser", "--port", str(port), "--config", "config.json"]
        pipe = subprocess.PIPE
        self.process = forked.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().decode().strip()

    def decide(self, decision: str = "allow") -> str:
        """Press a button of the page; return the address that the browser is sent to."""
        page = requests.get(self.address, timeout=5).text
        form = {name: html.unescape(text) for name, text in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
        place = self.address.partition("/oauth/")[0] + "/oauth/authorizations"
        answer = requests.post(place, data={**form, "decision": decision}, timeout=5, allow_redirects=False)
        return answer.headers["Location"]

    def end(self, pasted: str = "") -> tuple[int, str]:
        """Wait for its end; return the exit code, and what it said."""
        _, said = self.process.communicate(pasted.encode(), timeout=30)
        return self.process.returncode, said.decode()


def test_a_login_by_the_browser_is_used_by_runs(served: Playground, tmp_path: Path, port: int) -> None:
    """With the client alone in the configuration; its file is the owner's alone; a logout ends it everywhere."""
    settings = configured(served, tmp_path)
    (tmp_path / "browser.py").write_text(BROWSER)
    browser = f"{sys.executable} {tmp_path / 'browser.py'} %s"
    done = verb(tmp_path, "login", "--port", str(port), BROWSER=browser)
    assert done.returncode == 0, done.stderr.decode()
    assert f"logged in to {served.url} as Playground agent (admin)".encode() in done.stderr
    kept = tmp_path / "data" / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    messages = support.lines([support.schema("orders"), support.record("orders", 1)])
    ended, said = support.run_process(settings, messages, tmp_path)
    assert (ended.exit_code, len(served.events())) == (0, 1), said
    assert b"ok       credentials  the login of Playground agent" in verb(tmp_path, "check").stdout
    token = json.loads(kept.read_text())["access_token"]
    done = verb(tmp_path, "logout")
    assert (done.returncode, b"revoked there, forgotten here" in done.stderr, kept.exists()) == (0, True, False)
    me = f"{served.url}/api/v2/users/me.json"
    assert requests.get(me, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code == 401
    ended, said = support.run_process(settings, messages, tmp_path)
    assert (ended.exit_code, "run zendesk-events login" in said) == (2, True)
    assert verb(tmp_path, "logout").returncode == 0


def test_a_login_asks_for_what_the_rules_take(served: Playground, tmp_path: Path, port: int) -> None:
    """And for who one is; `oauth_scope` wins."""
    rules = [{"stream": "incidents", "ticket": {"subject": "It broke", "comment": {"body": "{{ text }}"}}}]
    for settings, scope in (
        ({}, "users:read users:write"),
        ({"rules": rules}, "tickets:write users:read"),
        ({"rules": rules, "oauth_scope": "read write"}, "read write"),
    ):
        configured(served, tmp_path, **settings)
        asked = Asked(tmp_path, port)
        asked.process.kill()
        asked.end()
        assert parse_qs(urlsplit(asked.address).query)["scope"] == [scope]


def test_an_ended_token_is_refreshed(tmp_path: Path, port: int) -> None:
    """Without a secret; the new pair takes the old one's place."""
    known = Credentials(client_id=CLIENT)
    with Playground(credentials=known, token_seconds=2) as playground:
        settings = configured(playground, tmp_path)
        asked = Asked(tmp_path, port)
        requests.get(asked.decide(), timeout=5).raise_for_status()
        assert asked.end()[0] == 0
        first = json.loads((tmp_path / "data" / "login.json").read_text())
        time.sleep(2.1)
        messages = support.lines([support.schema("orders"), support.record("orders", 1)])
        assert support.run_process(settings, messages, tmp_path)[0].exit_code == 0
        assert json.loads((tmp_path / "data" / "login.json").read_text())["refresh_token"] != first["refresh_token"]


def test_an_address_can_be_pasted(served: Playground, tmp_path: Path, port: int) -> None:
    """As over SSH, where the browser is on another machine; another login's is not taken."""
    configured(served, tmp_path)
    asked = Asked(tmp_path, port)
    code, said = asked.end(f"nothing\nhttp://localhost/callback?code=x&state=y\n{asked.decide()}\n")
    assert (code, "logged in" in said) == (0, True), said
    assert "this is not the address of an answer" in said
    assert "this answer is to another login" in said


def test_a_paste_works_where_the_port_is_taken(served: Playground, tmp_path: Path, port: int) -> None:
    """Without --no-browser that ends it, and says what to do."""
    configured(served, tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        done = verb(tmp_path, "login", "--port", str(port), BROWSER="false")
        assert (done.returncode, b"give --port another" in done.stderr) == (2, True)
        asked = Asked(tmp_path, port)
        assert asked.end(asked.decide() + "\n")[0] == 0


def test_only_the_first_answer_with_the_right_state_counts(served: Playground, tmp_path: Path, port: int) -> None:
    """A page elsewhere that guesses the address gets nothing in, and a silent connection holds nothing up."""
    configured(served, tmp_path)
    asked = Asked(tmp_path, port)
    here = f"http://localhost:{port}"
    with socket.create_connection(("127.0.0.1", port)):
        for path in ("/", "/favicon.ico", "/callback", "/callback?code=x&state=wrong"):
            assert requests.get(here + path, timeout=5).status_code == 400
        assert requests.get(asked.decide(), timeout=5).status_code == 200
        assert asked.end()[0] == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "somebody clicked Deny"),
        ("unsupported_response_type", "gives no codes"),
        ("server_error", "authorisation page failed"),
        ("temporarily_unavailable", "is overloaded"),
        ("invalid_scope", "correct `oauth_scope`"),
        ("unauthorized_client", "make its kind public"),
        ("invalid_request", "> Redirect URLs"),
        ("something_new", "look at the OAuth client in Admin Center"),
    ],
)
def test_what_the_page_answers_has_words(served: Playground, tmp_path: Path, port: int, error: str, words: str) -> None:
    """By its code; nothing is kept. A description that the page gives may hold anything, and is not shown."""
    configured(served, tmp_path)
    asked = Asked(tmp_path, port)
    state = re.findall(r"state=([^&]*)", asked.address)[0]
    back = f"http://localhost:{port}/callback?error={error}&error_description=Some+words&state={state}"
    requests.get(asked.decide("deny") if error == "access_denied" else back, timeout=5)
    code, said = asked.end()
    assert (code, f"({error})" in said, words in said, "Some words" in said) == (2, True, True, False), said
    assert not (tmp_path / "data").exists()


def test_what_the_token_endpoint_refuses_has_words(served: Playground, tmp_path: Path, port: int) -> None:
    """As a code that is used up; nothing is kept."""
    configured(served, tmp_path)
    served.set_faults(
        Fault(on="token", status=400, body="error_text", headers={"content-type": "application/json"}, count=None)
    )
    asked = Asked(tmp_path, port)
    requests.get(asked.decide(), timeout=5)
    assert asked.end()[0] == 2
    served.set_faults()
    asked = Asked(tmp_path, port)
    back = asked.decide()
    code = re.sub("code=[^&]*", "code=another", back)
    requests.get(code, timeout=5)
    ended, said = asked.end()
    assert (ended, "the code or the login is expired" in said) == (2, True), said
    assert not (tmp_path / "data" / "login.json").exists()


def test_nobody_answers(served: Playground, tmp_path: Path, port: int) -> None:
    """After five minutes it ends, and running it again may help."""
    configured(served, tmp_path)
    shorter = "from target_zendesk_events.cli import callback; callback.PATIENCE_SECONDS = 0.5; "
    asked = Asked(tmp_path, port, program=shorter + VERBS[2])
    code, said = asked.end()
    assert (code, "nobody answered on Zendesk's page" in said) == (1, True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"client_id": None}, b"client_id is missing"),
        ({"client_secret": "opens-nothing"}, b"a login takes client_id alone"),
    ],
)
def test_a_login_takes_a_client_alone(
    served: Playground, tmp_path: Path, settings: dict[str, str | None], words: bytes
) -> None:
    """Else it would not be used."""
    configured(served, tmp_path)
    (tmp_path / "config.json").write_text(
        json.dumps({**support.config(served.url, tmp_path, client_id=CLIENT), **settings})
    )
    for name in ("login", "logout"):
        done = verb(tmp_path, name)
        assert (done.returncode, words in done.stderr) == (2, True)


@pytest.mark.parametrize("status", [403, 503])
def test_a_logout_that_revokes_nothing_says_so(served: Playground, tmp_path: Path, port: int, status: int) -> None:
    """Refused, the login is forgotten here and the way to end it told; where Zendesk is down, it is kept for later."""
    configured(served, tmp_path)
    asked = Asked(tmp_path, port)
    requests.get(asked.decide(), timeout=5)
    assert asked.end()[0] == 0
    served.set_faults(Fault(on="other", status=status, count=None))
    done = verb(tmp_path, "logout")
    assert done.returncode == 1
    assert (b"forgotten here, but not revoked" in done.stderr) == (status == 403)
    assert (tmp_path / "data" / "login.json").exists() == (status == 503)
