"""Ways to authenticate: when a token is renewed, where a rotated one is kept, and what a refusal says."""

from __future__ import annotations

import contextlib
import fcntl
import http.server
import json
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from requests import PreparedRequest

from target_zendesk_events.errors import CredentialsError, StorageError
from target_zendesk_events.zendesk import tokens
from target_zendesk_events.zendesk.answers import Answer, Kind, no_answer, read_answer
from target_zendesk_events.zendesk.auth import (
    ApiToken,
    Auth,
    BearerToken,
    ClientCredentials,
    NoCredentials,
    Password,
)
from target_zendesk_events.zendesk.client import Client
from target_zendesk_events.zendesk.refusals import explain_token_refusal
from target_zendesk_events.zendesk.tokens import RefreshToken, TokenFile

SCOPE = "users:read users:write"
NOON = 1_795_435_200.0


def header_of(auth: Auth) -> str | None:
    """Return the Authorization header that a request gets."""
    request = PreparedRequest()
    request.prepare_headers({})
    return auth(request).headers.get("Authorization")


class Zendesk(http.server.ThreadingHTTPServer):
    """A token endpoint that rotates: a refresh token works once.

    `trouble` holds what to do instead for the next requests; `meanwhile` is called while a request waits.
    """

    daemon_threads = True

    def __init__(self) -> None:
        """Serve on a free port; the refresh token `refresh-0` is valid."""
        self.valid = "refresh-0"
        self.asked: list[dict[str, str]] = []
        self.trouble: list[str] = []
        self.meanwhile: Callable[[], object] = bool
        super().__init__(("127.0.0.1", 0), _TokenEndpoint)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet."""


class _TokenEndpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Zendesk

    def do_POST(self) -> None:
        grant = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(grant | {"path": self.path})
        self.server.meanwhile()
        trouble = self.server.trouble.pop(0) if self.server.trouble else ""
        if trouble == "drop before":
            self.close_connection = True
        elif grant["grant_type"] == "refresh_token" and grant["refresh_token"] != self.server.valid:
            self._say(400, {"error": "invalid_grant", "error_description": "The refresh token is used."})
        else:
            turn = len(self.server.asked)
            self.server.valid = f"refresh-{turn}"
            given = {"access_token": f"access-{turn}", "refresh_token": self.server.valid, "token_type": "bearer"}
            if trouble == "drop after":
                self.close_connection = True
            else:
                self._say(200, given | {"expires_in": 1800})

    def _say(self, status: int, body: dict[str, object]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def zendesk() -> Iterator[Zendesk]:
    """Run a token endpoint."""
    server = Zendesk()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def refresh_auth(path: Path, refresh_token: str = "refresh-0") -> RefreshToken:  # noqa: S107 - a name for a token
    """Make a way to authenticate that refreshes."""
    return RefreshToken("client", "hush", refresh_token, scope=SCOPE, file=TokenFile(path, grown_from=refresh_token))


def renew(zendesk: Zendesk, auth: Auth, now: float = NOON) -> Answer:
    """Renew once, at a given time."""
    client = Client(base_url=zendesk.url, auth=auth, timeout_seconds=5, user_agent="tests", wall=lambda: now)
    try:
        return client.renew()
    finally:
        client.close()


class TestFixed:
    """Credentials that stay as they are."""

    @pytest.mark.parametrize(
        "auth",
        [NoCredentials(), BearerToken("token-1"), ApiToken("a@example.com", "k"), Password("a@example.com", "p")],
    )
    def test_they_are_never_due(self, auth: Auth) -> None:
        """Fixed credentials are never renewed, and give nothing to ask for."""
        assert (auth.renews, auth.renewal_due(NOON), auth.generation) == (False, False, 0)
        with auth.grant(NOON) as grant:
            assert grant is None

    def test_a_colon_in_a_password_is_no_fault(self) -> None:
        """Basic credentials are encoded as UTF-8, whatever they hold."""
        assert header_of(Password("a@example.com", "p:é\n")) == "Basic YUBleGFtcGxlLmNvbTpwOsOpCg=="
        assert header_of(NoCredentials()) is None

    @pytest.mark.parametrize("token", ["", "two words", "token-1\n", "tökén", "a\r\nX: b"])
    def test_a_token_that_no_header_can_carry_is_refused(self, token: str) -> None:
        """A static token with a space, a line break or a letter beyond ASCII is a fault, told without the token."""
        with pytest.raises(CredentialsError) as raised:
            BearerToken(token)
        assert "access_token" in str(raised.value)
        assert not token or token not in str(raised.value)


class TestClientCredentials:
    """Tokens that are minted."""

    def test_a_token_is_minted_at_first_use(self, zendesk: Zendesk) -> None:
        """Before the first mint a renewal is due; it asks as the documentation says."""
        auth = ClientCredentials("client", "hush", SCOPE)
        assert auth.renews
        assert auth.renewal_due(0)
        assert header_of(auth) is None
        assert renew(zendesk, auth).kind is Kind.ACCEPTED
        assert zendesk.asked == [
            {
                "grant_type": "client_credentials",
                "client_id": "client",
                "client_secret": "hush",
                "scope": SCOPE,
                "path": "/oauth/tokens",
            }
        ]
        assert (header_of(auth), auth.generation) == ("Bearer access-1", 1)

    @pytest.mark.parametrize(
        ("payload", "due"),
        [
            ({"expires_in": 1800}, 1740),
            ({"expires_in": 172_800}, 172_740),
            ({"expires_in": 600}, 540),
            ({"expires_in": 300}, 270),
            ({"expires_in": 10.0}, 9),
            ({}, 1740),
            ({"expires_in": None}, 1740),
            ({"expires_in": "soon"}, 1740),
            ({"expires_in": 0}, 1740),
            ({"expires_in": True}, 1740),
        ],
    )
    def test_a_token_is_renewed_ahead_of_its_end(self, payload: dict[str, object], due: float) -> None:
        """A renewal is due the lesser of a minute and a tenth of its life ahead; 30 minutes where no life is told."""
        auth = ClientCredentials("client", "hush", SCOPE)
        auth.accept({"access_token": "token-1", **payload}, NOON)
        assert not auth.renewal_due(NOON + due - 0.5)
        assert auth.renewal_due(NOON + due)

    @pytest.mark.parametrize("trouble", ["drop before", "drop after"])
    def test_a_lost_token_is_asked_for_again(self, zendesk: Zendesk, trouble: str) -> None:
        """A lost answer is temporary, leaves the old token in use, and the next mint works."""
        auth = ClientCredentials("client", "hush", SCOPE)
        zendesk.trouble = ["", trouble]
        kinds = [renew(zendesk, auth).kind for _ in range(3)]
        assert kinds == [Kind.ACCEPTED, Kind.UNKNOWN, Kind.ACCEPTED]
        assert (header_of(auth), auth.generation) == ("Bearer access-3", 2)


class TestRefreshToken:
    """Tokens that rotate."""

    def test_the_rotated_pair_is_kept(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """The pair is in a file that only its owner reads, with a hash of the token it grew from, not that token."""
        path = tmp_path / "tokens.json"
        auth = refresh_auth(path)
        assert auth.renewal_due(NOON)
        assert not list(tmp_path.iterdir())
        assert renew(zendesk, auth).kind is Kind.ACCEPTED
        assert (header_of(auth), auth.renewal_due(NOON + 1739)) == ("Bearer access-1", False)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        kept = json.loads(path.read_text())
        assert (kept["refresh_token"], kept["access_token"], kept["due_at"]) == ("refresh-1", "access-1", NOON + 1740)
        assert len(kept["grown_from"]) == 64
        assert "refresh-0" not in path.read_text()
        assert {file.name for file in tmp_path.iterdir()} == {"tokens.json", "tokens.json.lock"}

    def test_the_next_run_goes_on_with_it(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """A run that starts later uses the stored token while it is fresh, and the stored refresh token after."""
        path = tmp_path / "tokens.json"
        renew(zendesk, refresh_auth(path))
        second = refresh_auth(path)
        renew(zendesk, second, NOON + 600)
        assert (header_of(second), second.generation, len(zendesk.asked)) == ("Bearer access-1", 1, 1)
        assert second.renewal_due(NOON + 1740)
        renew(zendesk, second, NOON + 1740)
        assert (header_of(second), second.generation) == ("Bearer access-2", 2)
        assert [grant["refresh_token"] for grant in zendesk.asked] == ["refresh-0", "refresh-1"]

    def test_a_401_rotates_even_a_fresh_token(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """A token that was tried and refused is not taken from the file again."""
        auth = refresh_auth(tmp_path / "tokens.json")
        renew(zendesk, auth)
        renew(zendesk, auth, NOON + 1)
        assert (header_of(auth), len(zendesk.asked)) == ("Bearer access-2", 2)

    def test_a_token_that_another_process_got_is_used(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """When another process has rotated meanwhile, its token serves, and nothing is asked."""
        path = tmp_path / "tokens.json"
        ours, theirs = refresh_auth(path), refresh_auth(path)
        renew(zendesk, ours)
        renew(zendesk, theirs)
        renew(zendesk, theirs)
        renew(zendesk, ours)
        assert (header_of(ours), ours.generation, len(zendesk.asked)) == ("Bearer access-2", 2, 2)

    def test_another_configured_token_starts_afresh(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """What grew from another token is not used."""
        path = tmp_path / "tokens.json"
        renew(zendesk, refresh_auth(path))
        zendesk.valid = "refresh-new"
        auth = refresh_auth(path, "refresh-new")
        assert renew(zendesk, auth).kind is Kind.ACCEPTED
        assert (zendesk.asked[1]["refresh_token"], header_of(auth)) == ("refresh-new", "Bearer access-2")

    def test_an_answer_without_a_refresh_token_leaves_the_old_one(self, tmp_path: Path) -> None:
        """A server that does not rotate gives no new refresh token: the old one goes on."""
        path = tmp_path / "tokens.json"
        auth = refresh_auth(path)
        with auth.grant(NOON):
            auth.accept({"access_token": "access-1"}, NOON)
        kept = json.loads(path.read_text())
        assert (kept["refresh_token"], kept["access_token"]) == ("refresh-0", "access-1")

    def test_a_request_that_never_arrived_is_made_again(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """A refresh that was lost on the way there uses nothing up."""
        auth = refresh_auth(tmp_path / "tokens.json")
        zendesk.trouble = ["drop before"]
        assert [renew(zendesk, auth).kind for _ in range(2)] == [Kind.UNKNOWN, Kind.ACCEPTED]

    def test_a_lost_pair_is_told(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """A refresh whose answer was lost has used up the token: the next try is refused, and the message says why."""
        auth = refresh_auth(tmp_path / "tokens.json")
        zendesk.trouble = ["drop after"]
        assert renew(zendesk, auth).kind is Kind.UNKNOWN
        answer = renew(zendesk, auth)
        assert (answer.kind, answer.code) == (Kind.DENIED, "invalid_grant")
        message = explain_token_refusal(answer)
        assert "answer was lost" in message
        assert "Authorise the OAuth client again" in message

    def test_two_processes_rotate_once(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """Two processes that start at once ask for one pair between them, and both have its token."""
        program = (
            "import sys; from pathlib import Path\n"
            "from target_zendesk_events.zendesk.client import Client\n"
            "from target_zendesk_events.zendesk.tokens import RefreshToken, TokenFile\n"
            f"path = Path({str(tmp_path / 'tokens.json')!r})\n"
            "file = TokenFile(path, grown_from='refresh-0')\n"
            "auth = RefreshToken('client', 'hush', 'refresh-0', scope='s', file=file)\n"
            f"client = Client(base_url={zendesk.url!r}, auth=auth, timeout_seconds=5, user_agent='tests')\n"
            "sys.stdin.readline()\n"
            "print(client.renew().kind.value, auth._header)\n"
        )
        started = [
            subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for process in started:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=30)[0].strip() for process in started]
        assert said == ["accepted Bearer access-1"] * 2
        assert len(zendesk.asked) == 1


class TestTokenFile:
    """What can be wrong with the file."""

    def test_a_pair_that_cannot_be_stored_is_not_used(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """The pair is stored before use: if that fails, the old token stays in use and the run is told."""
        auth = refresh_auth(tmp_path / "tokens.json")
        renew(zendesk, auth)
        zendesk.meanwhile = (tmp_path / "tokens.json.new").mkdir
        with pytest.raises(StorageError, match=r"tokens\.json cannot be read or written"):
            renew(zendesk, auth)
        assert len(zendesk.asked) == 2
        assert (header_of(auth), auth.generation) == ("Bearer access-1", 1)

    def test_a_disk_that_cannot_be_written_costs_no_token(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """The file is written before the token endpoint is asked, so that a broken disk uses nothing up."""
        (tmp_path / "tokens.json.new").mkdir()
        with pytest.raises(StorageError, match=r"tokens\.json cannot be read or written"):
            renew(zendesk, refresh_auth(tmp_path / "tokens.json"))
        assert not zendesk.asked

    def test_a_missing_folder_is_told(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """Without its folder the file cannot be written, and the path is named."""
        path = tmp_path / "gone" / "tokens.json"
        with pytest.raises(StorageError, match=str(path)):
            renew(zendesk, refresh_auth(path))
        assert not zendesk.asked

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"refresh_token": "hush-2"', '{"refresh_token": 1}', "\x00"])
    def test_a_damaged_file_is_told(self, zendesk: Zendesk, tmp_path: Path, content: str) -> None:
        """A file that cannot be read stops the run with what to do; its content is not shown."""
        path = tmp_path / "tokens.json"
        path.write_text(content)
        with pytest.raises(StorageError, match="delete it") as raised:
            renew(zendesk, refresh_auth(path))
        assert "hush-2" not in str(raised.value)
        assert raised.value.__suppress_context__
        assert not zendesk.asked

    def test_a_lock_that_is_kept_is_told(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """A process that keeps the lock is waited for, but not for ever."""
        path = tmp_path / "tokens.json"
        slept: list[float] = []
        file = TokenFile(path, grown_from="refresh-0", sleep=slept.append)
        auth = RefreshToken("client", "hush", "refresh-0", scope=SCOPE, file=file)
        with (tmp_path / "tokens.json.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StorageError, match="locked"):
                renew(zendesk, auth)
        assert sum(slept) == pytest.approx(tokens.LOCK_SECONDS)
        assert renew(zendesk, auth).kind is Kind.ACCEPTED

    def test_a_lock_is_let_go_after_a_failure(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """Whatever happens while asking, the lock does not stay."""
        auth = refresh_auth(tmp_path / "tokens.json")
        with contextlib.suppress(RuntimeError), auth.grant(NOON):
            raise RuntimeError
        started = time.monotonic()
        assert renew(zendesk, auth).kind is Kind.ACCEPTED
        assert time.monotonic() - started < 1

    def test_a_file_that_others_could_read_becomes_private(self, zendesk: Zendesk, tmp_path: Path) -> None:
        """The new file is readable by its owner alone, however the old one was."""
        path = tmp_path / "tokens.json"
        renew(zendesk, refresh_auth(path))
        path.chmod(0o644)
        renew(zendesk, refresh_auth(path), NOON + 3600)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "invalid_request", "`client_id`"),
        (401, "invalid_client", "unique identifier"),
        (400, "invalid_grant", "expired, revoked or already used"),
        (400, "unauthorized_client", "confidential"),
        (400, "unsupported_grant_type", "another way to authenticate"),
        (400, "invalid_scope", "`oauth_scope`"),
        (403, "access_denied", "administrator"),
        (401, "RouteNotFound", "`subdomain` or `api_url`"),
        (404, "InvalidEndpoint", "no token endpoint"),
        (422, "something_new", "check `client_id`"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, code: str, words: str) -> None:
    """Each code of the token endpoint comes with the status, itself and what to try; Zendesk's words are left out."""
    body = json.dumps({"error": code, "error_description": "client hush is odd"}).encode()
    message = explain_token_refusal(read_answer(status, {}, body, now=NOON, asked="token"))
    assert f"HTTP {status} {code}" in message
    assert words in message
    assert "hush" not in message


def test_a_refusal_without_a_code_says_what_to_do() -> None:
    """A refusal that is no OAuth error still says what to check."""
    assert "check `client_id`" in explain_token_refusal(no_answer(Kind.DENIED, ""))
