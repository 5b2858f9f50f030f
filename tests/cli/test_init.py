"""`zendesk-events init`: a rules file from a catalog or a stream, that works as it stands and is added to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import forked
import pytest
import support
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOBODYS = {"type": "SCHEMA", "stream": "visits", "key_properties": ["id"]}
NOBODYS["schema"] = {  # type: ignore[assignment]
    "properties": {"id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}
}
VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
PAGES = {"type": "SCHEMA", "stream": "pages", "key_properties": ["id"]}
PAGES["schema"] = {"properties": {"id": {"type": "integer"}, "title": {"type": "string"}}}  # type: ignore[assignment]


def init(folder: Path, given: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run the verb in a folder."""
    return forked.run([*VERBS, "init", *options], input=given, capture_output=True, check=False, cwd=folder, timeout=60)


def rules_in(folder: Path, name: str = "rules.yml") -> list[str]:
    """Return the streams that the file has rules for."""
    content = yaml.safe_load((folder / name).read_text())
    return [rule["stream"] for rule in (content if isinstance(content, list) else content["rules"])]


def catalog(*messages: dict[str, Any]) -> bytes:
    """Return the streams as a tap's catalog, with a column that it does not support."""
    streams = []
    for one in messages:
        schema = {**one["schema"], "properties": {**one["schema"]["properties"], "blob": {}}}
        metadata = [
            {"breadcrumb": [], "metadata": {"table-key-properties": one["key_properties"]}},
            {"breadcrumb": ["properties", "blob"], "metadata": {"inclusion": "unsupported"}},
        ]
        streams.append(
            {"tap_stream_id": one["stream"], "stream": one["stream"], "schema": schema, "metadata": metadata}
        )
    return json.dumps({"streams": streams}, indent=2).encode()


@pytest.mark.parametrize("is_catalog", [True, False])
def test_every_stream_gets_a_rule_that_preview_takes(tmp_path: Path, is_catalog: bool) -> None:
    """From a catalog as from messages; what is nobody's, or takes a custom object, is commented out with the reason."""
    messages = [support.schema("orders"), support.record("orders", 1), PAGES, support.schema("logins"), NOBODYS]
    given = catalog(messages[0], PAGES, *messages[3:]) if is_catalog else support.lines(messages)
    done = init(tmp_path, given)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert rules_in(tmp_path) == ["orders", "logins"]
    text = (tmp_path / "rules.yml").read_text()
    assert '# "visits" looks like nobody\'s events: no column says which customer' in text
    assert '# "pages" would be records of a custom object: take the # away, and make it with' in text
    assert "# - stream: pages\n" in text
    assert "#   object:\n#     key: page\n" in text
    assert "blob" not in text
    assert "2 rules written, 2 commented out, 0 streams left as they are" in said
    assert "zendesk-events preview --config config.json" in said
    (tmp_path / "config.json").write_text('{"rules_file": "rules.yml"}')
    previewed = forked.run(
        [*VERBS, "preview", "--config", "config.json"],
        input=support.lines(messages), capture_output=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert previewed.returncode == 0, previewed.stderr.decode()
    assert b"1 new" in previewed.stdout


@pytest.mark.parametrize(
    "before",
    [
        "source: shop\nrules:\n- stream: ord*\n  x: mine\n",
        "# mine\nrules:\n    - stream: orders\n      x: mine  # as it is",
        "- stream: orders\n",
    ],
)
def test_a_file_that_is_there_is_added_to(tmp_path: Path, before: str) -> None:
    """What stands in it stays, byte for byte; a stream that a rule covers gets no other."""
    (tmp_path / "mine.yml").write_text(before)
    given = support.lines([support.schema("orders"), support.schema("logins"), PAGES])
    for written in (1, 0):
        done = init(tmp_path, given, "--rules-file", "mine.yml")
        assert done.returncode == 0, done.stderr.decode()
        assert f"{written} rules written" in done.stderr.decode()
    text = (tmp_path / "mine.yml").read_text()
    assert text.startswith(before.rstrip("\n") + "\n")
    assert rules_in(tmp_path, "mine.yml")[1:] == ["logins"]
    assert init(tmp_path, given, "--rules-file", "mine.yml", "--force").returncode == 0
    assert rules_in(tmp_path, "mine.yml") == ["orders", "logins"]


def test_a_file_in_which_nothing_is_chosen_yet_is_added_to(tmp_path: Path) -> None:
    """All that it has is commented out."""
    assert b"first: every rule is commented out" in init(tmp_path, support.lines([PAGES])).stderr
    assert yaml.safe_load((tmp_path / "rules.yml").read_text())["rules"] is None
    assert init(tmp_path, support.lines([PAGES, support.schema("orders")])).returncode == 0
    assert rules_in(tmp_path) == ["orders"]
    assert (tmp_path / "rules.yml").read_text().count("# - stream: pages") == 1


@pytest.mark.parametrize(
    "before",
    [
        "# nothing yet\n",
        "source: shop\nx-base: &base {stream: logins, profile: {identifiers: {email: a}}}\nrules:\n- <<: *base\n",
    ],
)
def test_what_stands_in_a_file_is_read_as_yaml_reads_it(tmp_path: Path, before: str) -> None:
    """Comments alone are no rules; what an anchor brings is a rule's own."""
    (tmp_path / "rules.yml").write_text(before)
    done = init(tmp_path, support.lines([support.schema("orders"), support.schema("logins")]))
    assert done.returncode == 0, done.stderr.decode()
    assert sorted(rules_in(tmp_path)) == ["logins", "orders"]


def test_an_editor_finds_the_schema_beside_the_file(tmp_path: Path) -> None:
    """Without a network, on every machine; after an upgrade it is renewed, and another's file is left alone."""
    given = support.lines([support.schema("orders")])
    assert init(tmp_path, given).returncode == 0
    schema = tmp_path / "rules.schema.json"
    assert (tmp_path / "rules.yml").read_text().startswith(f"# yaml-language-server: $schema={schema.name}\n")
    shipped = init(tmp_path, b"", "--schema").stdout
    assert schema.read_bytes() == shipped
    for before, after in (
        (json.dumps({**json.loads(shipped), "required": []}).encode(), shipped),
        (b'{"description": "mine"}', b'{"description": "mine"}'),
        (b"[]", b"[]"),
    ):
        schema.write_bytes(before)
        assert init(tmp_path, given).returncode == 0
        assert schema.read_bytes() == after
    (tmp_path / "mine.yml").write_text("- stream: orders\n")
    said = init(tmp_path, given, "--rules-file", "mine.yml").stderr.decode()
    assert "for an editor, as its first line: # yaml-language-server: $schema=rules.schema.json" in said


def test_the_block_for_a_configuration_is_printed(tmp_path: Path) -> None:
    """For JSON or, where a meltano.yml is, for that: the documents' plugin, or the setting. Then the next command."""
    given = support.lines([support.schema("orders")])

    def said(*options: str) -> str:
        return init(tmp_path, given, "--force", *options).stderr.decode().partition("left as they are\n")[2]

    block, _, then = said().partition("next: ")
    account, _, trial = block.partition(":\n")[2].partition("without an account: ")
    assert list(json.loads(account)) == ["subdomain", "client_id", "plan", "rules_file"]
    assert trial == 'zendesk-events playground, and "api_url": "http://127.0.0.1:8642" for subdomain and client_id\n'
    assert then == "some-tap --config tap.json | zendesk-events preview --config config.json\n"
    (tmp_path / "config.json").write_text('{"subdomain": "acme"}')
    assert said("--config", "config.json").startswith('name it in the configuration: "rules_file": "rules.yml"\nnext: ')
    (tmp_path / "config.json").write_text('{"rules_file": "rules.yml"}')
    assert said("--config", "config.json").startswith("next: ")
    (tmp_path / "meltano.yml").write_text("project_id: a\n")
    block, _, then = said().partition("next: ")
    page = (ROOT / "docs" / "meltano.md").read_text().partition("## From a clone\n")[2]
    assert yaml.safe_load(block.partition(":\n")[2]) == yaml.safe_load(page.split("```")[1].removeprefix("yaml"))
    assert then == "meltano invoke some-tap | meltano invoke target-zendesk-events:preview\n"
    (tmp_path / "meltano.yml").write_text("plugins: {loaders: [{name: target-zendesk-events}]}\n")
    assert "under target-zendesk-events:\n    config:\n      rules_file: rules.yml\nnext: " in said()


def test_what_its_own_records_would_meet_is_to_be_chosen(tmp_path: Path) -> None:
    """Of messages with records: what preview would set aside of them is marked, and nothing else."""
    records = [
        support.record("orders", 1),
        support.record("orders", 2, email=None),
        support.record("orders", 3, email="guest"),
        support.record("orders", 4, at="9999-12-31T23:59:59+00:00"),
        support.record("orders", "5"),
        support.record("logins", 6),
    ]
    messages = support.lines([support.schema("orders"), support.schema("logins"), PAGES, *records])
    assert init(tmp_path, messages).returncode == 0
    marked = [line for line in (tmp_path / "rules.yml").read_text().splitlines() if "would set aside" in line]
    for part in ("none is left (email blocked)", "is a placeholder", "does not hold what the schema says of it"):
        assert sum(part in line for line in marked) == 1
    assert len(marked) == 3
    (tmp_path / "config.json").write_text('{"rules_file": "rules.yml"}')
    verb = [*VERBS, "preview", "--json", "--config", "config.json"]
    done = forked.run(verb, input=messages, capture_output=True, check=False, cwd=tmp_path, timeout=60)
    streams = json.loads(done.stdout)["streams"]
    assert [f"# CHOOSE: as it stands, the rule would set aside {one}" for one in streams["orders"]["reasons"]] == marked
    assert streams["logins"]["reasons"] == []


def test_a_catalog_that_selects_nothing_is_told(tmp_path: Path) -> None:
    """A tap that is given it sends nothing; one stream that is selected is enough."""
    given = catalog(support.schema("orders"), support.schema("logins"))
    assert b"the catalog selects no stream" in init(tmp_path, given).stderr
    for key in ("selected", "selected-by-default"):
        chosen = json.loads(given)
        chosen["streams"][0]["metadata"][0]["metadata"][key] = True
        assert b"the catalog selects no stream" not in init(tmp_path, json.dumps(chosen).encode()).stderr


@pytest.mark.parametrize("kind", ["folder", "not UTF-8", "no YAML"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, kind: str) -> None:
    """Exit 2, each with a sentence of its own; nothing is written."""
    path = tmp_path / "rules.yml"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"- \xff" if kind == "not UTF-8" else b"- stream: 'orders\n")
    done = init(tmp_path, support.lines([support.schema("orders")]))
    said = {
        "folder": "cannot be read: Is a directory",
        "not UTF-8": "is no UTF-8 text",
        "no YAML": "line 2: is no YAML",
    }
    assert (done.returncode, said[kind] in done.stderr.decode()) == (2, True), done.stderr.decode()
    assert [one.name for one in tmp_path.iterdir()] == ["rules.yml"]


@pytest.mark.parametrize("before", ["rules: []\n", "rules:\n- stream: a\nsource: shop\n", "rules: [{stream: a}]\n"])
def test_a_file_whose_rules_do_not_end_it_is_left_alone(tmp_path: Path, before: str) -> None:
    """Exit 2, and what to do."""
    (tmp_path / "rules.yml").write_text(before)
    done = init(tmp_path, support.lines([support.schema("orders")]))
    assert done.returncode == 2
    assert b"cannot be added to: its rules must stand last" in done.stderr
    assert (tmp_path / "rules.yml").read_text() == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", b"there is no stream in the input"),
        (b'{"streams": []}', b"there is no stream in the input"),
        (b"id,email\n1,2\n", b"line 1 of the input is a line of CSV"),
        (b'{"id": 1}\n', b"line 1 of the input is no Singer message"),
    ],
)
def test_what_is_neither_a_catalog_nor_messages_is_told(tmp_path: Path, given: bytes, said: bytes) -> None:
    """Exit 1, and nothing is written."""
    done = init(tmp_path, given)
    assert done.returncode == 1
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
