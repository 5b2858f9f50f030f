"""No three letters of a password are shown: whatever is wrong with the ledger's, a proxy's or Zendesk's address."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import support
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_zendesk_events.target import TargetZendeskEvents

pytestmark = pytest.mark.slow

LETTERS = "QXZJ"
"""Of which no three stand together in anything that is said."""
PASSWORDS = st.text(alphabet=LETTERS * 3 + "/@[]?#%:&= \\'\"", min_size=3, max_size=24).filter(
    lambda text: text.strip()
)
FAULTS: Mapping[str, Callable[[str], tuple[dict[str, Any], dict[str, str]]]] = {
    "a ledger": lambda word: ({"ledger_url": f"postgresql://etl:{word}@127.0.0.1:1/ledger?nonsense=1"}, {}),
    "a ledger without a host": lambda word: ({"ledger_url": f"postgresql://etl:{word}@/ledger?nonsense=1"}, {}),
    "a ledger of another kind": lambda word: ({"ledger_url": f"mysql://etl:{word}@db/ledger"}, {}),
    "a ledger with a parameter": lambda word: ({"ledger_url": f"postgresql://127.0.0.1:1/l?password={word}&to=1"}, {}),
    "an address": lambda word: ({"api_url": f"https://etl:{word}@desk.invalid/"}, {}),
    "an address of http": lambda word: ({"api_url": f"http://etl:{word}@desk.invalid/"}, {}),
    "an account's address": lambda word: ({"api_url": None, "subdomain": f"https://etl:{word}@acme.zendesk.com"}, {}),
    "a proxy": lambda word: ({}, {"HTTPS_PROXY": f"http://etl:{word}@127.0.0.1:1"}),
    "a proxy with TLS": lambda word: ({}, {"ALL_PROXY": f"https://etl:{word}@127.0.0.1:1"}),
    "a proxy of another kind": lambda word: ({}, {"HTTPS_PROXY": f"socks5://etl:{word}@127.0.0.1:1"}),
}


def said(config: Mapping[str, Any], folder: Path) -> tuple[int, str]:
    """Run the command in this process, its log open to all; return its exit code, and all that it said and wrote."""
    path = folder / "config.json"
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    given_lines = folder / "input"
    given_lines.write_bytes(support.lines([support.schema("orders"), support.record("orders", 1)]))
    log, output = io.StringIO(), io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    root.addHandler(handler)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), pytest.raises(SystemExit) as ended:
            TargetZendeskEvents.cli.main(["--config", str(path), "--input", str(given_lines)])
    finally:
        root.removeHandler(handler)
    files = [one.read_text(errors="replace") for one in folder.rglob("*") if one.is_file() and one != path]
    return int(str(ended.value.code)), "\n".join([log.getvalue(), output.getvalue(), *files])


@pytest.mark.parametrize("is_escaped", [False, True])
@pytest.mark.parametrize("case", FAULTS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=PASSWORDS)
def test_no_three_letters_of_a_password_are_shown(
    case: str, is_escaped: bool, word: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written as it is or in percent form: the run ends, says why, and nothing of it is in log, report or files."""
    written = quote(word, safe="") if is_escaped else word
    configured, environment = FAULTS[case](written)
    folder = tmp_path_factory.mktemp("said")
    plain = {"access_token": "token", "max_outage_seconds": 0, "api_url": "https://desk.invalid"}
    with monkeypatch.context() as patch:
        patch.setenv("TARGET_ZENDESK_EVENTS_LOGLEVEL", "DEBUG")
        for name, value in environment.items():
            patch.setenv(name, value)
        code, shown = said({**support.config("", folder), **plain, **configured}, folder)
    pieces = {text[at : at + 3] for text in (word, written) for at in range(len(text) - 2)}
    assert code in {1, 2}, shown
    assert [piece for piece in pieces if set(piece) <= set(LETTERS) and piece in shown] == []
    assert "a fault of the target itself" not in shown


@pytest.mark.parametrize(
    "word",
    ["a/s3cr3t", "p@ss", "p@ss/w%rd:1", "open[sesame", "open]sesame", "a?b", "a#b", "1234/x", "100%", "two w"],
)
def test_a_password_that_is_not_in_percent_form_is_refused(word: str, tmp_path: Path) -> None:
    """Exit 2 before anything is made, with the cure: which part of such an address is the password nobody can tell."""
    config = support.config("http://127.0.0.1:9", tmp_path, ledger_url=f"postgresql://etl:{word}@localhost/ledger")
    done = support.command(config, tmp_path, given=support.lines([support.schema("orders")]))
    assert done.returncode == 2
    assert b"a password's / is written as %2F, @ as %40" in done.stderr
    assert word.encode() not in done.stderr
    assert not (tmp_path / "data").exists()
