"""What an editor does with `rules.schema.json`: the YAML language server from npm completes, explains and marks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import Self

from target_zendesk_events.mapping.schema import rules_schema

pytestmark = pytest.mark.server

VARIABLE = "ZENDESK_EVENTS_TEST_YAML_LANGUAGE_SERVER"
SETTINGS = {"yaml": {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}}
WAITS_FOR = 30
HEAD = "# yaml-language-server: $schema=rules.schema.json\n"
RULES = """\
source: shop
rules:
- stream: orders
  profile:
    identifiers:
      email: "{{ email }}"
  event:
    type: order
"""


class Editor:
    """An editor in `folder`, as far as the language server sees it (Language Server Protocol 3.17, over stdio)."""

    def __init__(self, folder: Path, server: str) -> None:
        """Start the server."""
        self._folder = folder
        self._process = subprocess.Popen(
            ["timeout", str(WAITS_FOR), server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._asked = 0

    def __enter__(self) -> Self:
        """Tell it the settings."""
        about = {"processId": os.getpid(), "rootUri": self._folder.as_uri(), "capabilities": {}}
        self.ask("initialize", **about)
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=SETTINGS)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind."""
        self._process.kill()
        self._process.communicate()

    def open(self, name: str, text: str) -> tuple[str, list[str]]:
        """Open a file; return its address, and the faults that are marked: line (from 1) and words."""
        uri = (self._folder / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)
        marked = self._wait(lambda one: one.get("method", "").endswith("/publishDiagnostics"))["params"]["diagnostics"]
        return uri, [f"{one['range']['start']['line'] + 1}: {one['message']}" for one in marked]

    def ask(self, method: str, **parameters: Any) -> Any:
        """Return its answer."""
        self._asked += 1
        number = self._asked
        self._write({"id": number, "method": method, "params": parameters})
        return self._wait(lambda one: one.get("id") == number and "method" not in one)["result"]

    def _tell(self, method: str, **parameters: Any) -> None:
        self._write({"method": method, "params": parameters})

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _wait(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message that is the one; what the server asks for in between is answered with nothing."""
        for message in self._messages():
            if "method" in message and "id" in message:
                self._write({"id": message["id"], "result": None})
            elif is_it(message):
                return message
        pytest.fail(f"the language server ended, or said nothing for {WAITS_FOR} s")

    def _messages(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        while header := self._process.stdout.readline():
            length = int(header.partition(b":")[2])
            while self._process.stdout.readline().strip():
                pass
            yield json.loads(self._process.stdout.read(length))


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """Give an editor in a folder with the schema."""
    server = os.environ.get(VARIABLE)
    if not server:
        pytest.fail(f"{VARIABLE} names no YAML language server: run .ci/run, or set it to npm's yaml-language-server")
    (tmp_path / "rules.schema.json").write_text(json.dumps(rules_schema()))
    with Editor(tmp_path, server) as found:
        yield found


def test_rules_are_not_marked_and_keys_are_completed_and_explained(editor: Editor) -> None:
    """Each place offers the keys that are not there yet; hovering over one tells what it means."""
    uri, marked = editor.open("rules.yml", f"{HEAD}{RULES}    \n")
    assert marked == []
    place = {"textDocument": {"uri": uri}, "position": {"line": 9, "character": 4}}
    offered = {one["label"] for one in editor.ask("textDocument/completion", **place)["items"]}
    assert {"source", "created_at", "description", "properties"} <= offered
    assert not {"type", "stream", "identifiers"} & offered
    place["position"] = {"line": 4, "character": 3}
    assert "Whose event it is" in json.dumps(editor.ask("textDocument/hover", **place))


def test_faults_are_marked_where_they_are(editor: Editor) -> None:
    """Of keys, of types, and of what a pattern says."""
    text = RULES.replace("type: order", "typ: order").replace("source: shop", "source: Zendesk")
    _, marked = editor.open("rules.yml", f"{HEAD}{text}  when: []\n  dedupe_key: id\n")
    assert sorted(marked) == [
        "10: Incorrect type. Expected one of string, number, boolean.",
        "11: Is the same for every record, so that only the first would be sent.",
        "2: Is blank, or 'zendesk', which is reserved.",
        '8: Missing property "type".',
        "9: Property typ is not allowed.",
    ]
