"""The documents say what the code does: their examples run, and no setting, verb, error or message is forgotten."""

from __future__ import annotations

import ast
import dataclasses
import datetime as dt
import importlib
import importlib.metadata
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import support
import yaml
from jinja2 import Environment
from jinja2.filters import FILTERS
from jsonschema import Draft7Validator

from target_zendesk_events import errors, lenient
from target_zendesk_events.cli import VERBS
from target_zendesk_events.cli.playground import playground
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.shipment import Claim
from target_zendesk_events.mapping.filters import filters
from target_zendesk_events.mapping.rules import compile_rules
from target_zendesk_events.outcome import dead_letters
from target_zendesk_events.playground.faults import KINDS, Fault
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.settings import SDK_SETTINGS, SETTINGS
from target_zendesk_events.settings.rules_file import read_rules_file
from target_zendesk_events.work import Match, NoShipment, Outcome
from target_zendesk_events.zendesk import refusals, rights

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "target_zendesk_events"
README = ROOT / "README.md"
DISTRIBUTION = "target-zendesk-events"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
"""README.md first: capitals come before the rest."""
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
ALL_PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))
"""With the decisions, the recipes and the reference, whose examples have tests of their own."""


def text_of(name: str) -> str:
    """Return a document, its line breaks and backticks put aside."""
    return plain((ROOT / name).read_text(encoding="utf-8"))


def plain(text: str) -> str:
    """Return a text as sentences are compared: one space between words, no backticks, pipes not escaped."""
    return " ".join(text.replace("`", "").replace("\\|", "|").split())


# -- settings ----------------------------------------------------------------------------------------------------


def about() -> dict[str, Any]:
    """Return what `--about` says of the settings."""
    command = [*support.TARGET, "--about", "--format=json"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    settings: dict[str, Any] = json.loads(said)["settings"]["properties"]
    return settings


def test_about_says_the_same() -> None:
    """`--about` knows the declared settings, with their defaults and descriptions, and no others."""
    said = about()
    assert set(said) == {one.name for one in (*SETTINGS, *SDK_SETTINGS)}
    for one in SETTINGS:
        assert said[one.name]["description"].startswith(one.description)
        assert said[one.name].get("default") == one.default
        assert said[one.name].get("secret", False) == one.secret


# -- verbs, errors, messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", list(VERBS))
def test_options_in_the_documents_exist(verb: str) -> None:
    """A `zendesk-events` command in a document has no option that its verb lacks."""
    command: click.Command = getattr(importlib.import_module(f"target_zendesk_events.cli.{verb}"), verb)
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    known = {option for one in commands for parameter in one.params for option in parameter.opts} | {"--help"}
    for page in ALL_PAGES:
        for arguments in re.findall(rf"zendesk-events {verb}( [^`\n]*)", page.read_text(encoding="utf-8")):
            used = set(re.findall(r"--[a-z][a-z-]+", arguments.partition(" -- ")[0]))
            assert used <= known, f"{page.name}: zendesk-events {verb}{arguments}"


def test_the_playground_page_has_every_option_and_field() -> None:
    """`docs/playground.md` names the options that make faults, the fields of a fault, and what faults strike."""
    page = (ROOT / "docs" / "playground.md").read_text(encoding="utf-8")
    options = {parameter.opts[0] for parameter in playground.params if parameter.opts[0].startswith("--")}
    fields = [field.name for field in dataclasses.fields(Fault)]
    assert sorted(options - {"--config", "--port", "--user"} - set(re.findall(r"--[a-z][a-z-]+", page))) == []
    assert [name for name in (*fields, *KINDS) if f"`{name}`" not in page] == []


def test_the_rules_page_has_every_filter() -> None:
    """`docs/rules.md` names each filter that Jinja lacks."""
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    ours = filters(Environment(autoescape=True), dt.timezone.utc, null_is_nothing=False).keys() - FILTERS.keys()
    assert sorted(name for name in ours if not name.startswith("_") and f"`{name}" not in page) == []


ERRORS = [name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.TargetError)]


@pytest.mark.parametrize("name", ERRORS)
def test_the_guide_has_every_error(name: str) -> None:
    """`docs/errors.md` names each class of errors, as `last-run.json` does."""
    assert f"`{name}`" in (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


def test_the_guide_has_every_message() -> None:
    """`docs/errors.md` has each message that ends a run or sets a record aside, by its longest constant part."""
    guide = text_of("docs/errors.md")
    assert [f"{place}: {part}" for place, part, _ in messages() if plain(part)[:STABLE] not in guide] == []


def test_codes_in_the_package_are_the_anchors_of_the_guide() -> None:
    """Each code has its line in `docs/errors.md`, once, and each line a sentence that ends with its code."""
    said = {code for path in PACKAGE.rglob("*.py") for code in CODE.findall(path.read_text(encoding="utf-8"))}
    anchors = re.findall(r'<a id="(ZE\d{3})"></a>\1', (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"))
    assert sorted(anchors) == sorted(said)


def test_a_sentence_of_the_guide_has_the_code_of_its_line() -> None:
    """A message that ends a run or sets a record aside stands in a line of the code that it bears."""
    lines = [(set(CODE.findall(line)), plain(line)) for line in guide_lines()]
    assert [
        f"{place}: {part} [{code}]"
        for place, part, code in messages()
        if code and not any(code in codes and plain(part)[:STABLE] in line for codes, line in lines)
    ] == []


def test_every_sentence_has_a_code() -> None:
    """But for those parts that stand within another sentence, which has one."""
    bare = {part for place, part, code in messages() if not code and not place.startswith(OF_FRAGMENTS)}
    assert {part for part in bare if not part.startswith((";", ",", ":"))} == FRAGMENTS


def guide_lines() -> list[str]:
    """Return the rows and paragraphs of the guide."""
    return re.split(r"\n\n|\n(?=\|)", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"))


def test_the_guide_explains_every_code_of_the_token_endpoint() -> None:
    """`docs/errors.md` has the codes with which Zendesk refuses a token."""
    guide = text_of("docs/errors.md")
    assert [code for code in refusals.OF_TOKENS if code not in guide] == []


@pytest.mark.parametrize("words", [refusals.OF_TOKENS, refusals.OF_LOGINS])
def test_zendesks_page_has_the_words_of_every_oauth_error(words: dict[str, str]) -> None:
    """`docs/zendesk.md` has each error with the very words that a run or a login says."""
    page = text_of("docs/zendesk.md")
    assert [code for code, advice in words.items() if f"| {code} | {plain(advice)} |" not in page] == []


@pytest.mark.parametrize("right", dict.fromkeys(right for _, right in rights.RIGHTS))
def test_zendesks_page_has_every_right(right: rights.Right) -> None:
    """`docs/zendesk.md` has what a 403 is told to ask for, in the very words."""
    assert f"| {' | '.join(right)} |" in text_of("docs/zendesk.md")


def test_the_page_of_the_report_has_every_word_of_it() -> None:
    """`docs/run-report.md` says what each outcome means, and why a record yields no event."""
    page = (ROOT / "docs" / "run-report.md").read_text(encoding="utf-8")
    words = [*(one.value for one in Outcome), *(one.value for one in NoShipment), "invalid", "unmatched", "skipped"]
    assert [word for word in words if f"`{word}`" not in page] == []


def test_the_page_of_dead_letters_has_every_field_of_one() -> None:
    """`docs/dead-letters.md` names the fields of the `dead_letter` object."""
    page = (ROOT / "docs" / "dead-letters.md").read_text(encoding="utf-8")
    fields = [field.name for field in dataclasses.fields(dead_letters.Note)]
    assert [name for name in (*fields, "rules") if f"`{name}`" not in page] == []


RAISERS = ("fault", "missing", "input_fault")
"""Functions that take a sentence for the user, beside the errors themselves."""
INTERNAL = frozenset({"no item is ready", "every sink is an EventSink"})
"""Sentences of faults of our own, which no user can meet."""
ELSEWHERE = ("cli", "playground", "declared.py", "proposal.py", "summary.py")
"""Parts of the package whose sentences end no run."""
CODE, CODE_AT_END = re.compile(r"\bZE\d{3}\b"), re.compile(r" ?\[ZE\d{3}\]$")
FRAGMENTS = frozenset(
    {
        "', which Zendesk keeps for itself",
        "a name as in Europe/Berlin",
        "bytes; Zendesk takes",
        "characters; Zendesk takes",
        "entries; Zendesk takes 1 to",
        "event.created_at",
        "its last line is torn",
        "no regular file",
        "nobody reads it",
        "scopes with spaces between them, as in users:read users:write",
        "the schema refers to what it does not hold",
    }
)
"""Parts of sentences that have their code."""
OF_FRAGMENTS = "ledger/unreachable.py"
"""Why there is no connection: the ledger's sentence has the code."""
SHORTEST, STABLE = 13, 50
"""A shorter part says nothing; of a longer one only the beginning must stand in the guide."""


def messages() -> Iterator[tuple[str, str, str]]:
    """Yield where each message stands, its longest constant part, and its code, empty where it has none."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if any(part in ELSEWHERE for part in path.relative_to(PACKAGE).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for sentence in _sentences(node):
                parts = list(_constants(sentence))
                part = max((CODE_AT_END.sub("", one) for one in parts), key=len, default="").strip()
                if len(part) >= SHORTEST and part not in INTERNAL:
                    code = next((found[0] for one in parts if (found := CODE.search(one))), "")
                    yield f"{path.relative_to(PACKAGE)}:{sentence.lineno}", part, code


def _sentences(node: ast.AST) -> list[ast.expr]:
    """Return the expressions that make a message, if this is where one is made."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "message":
        return [node.value]
    if not isinstance(node, ast.Call):
        return []
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    on_faults = isinstance(node.func, ast.Attribute) and "faults" in ast.unparse(node.func.value)
    return node.args if name.endswith("Error") or name in RAISERS or (name == "append" and on_faults) else []


def _constants(node: ast.expr) -> Iterator[str]:
    """Yield the constant parts of a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        for value in node.values:
            yield from _constants(value)
    elif isinstance(node, ast.BinOp):
        yield from _constants(node.left)
        yield from _constants(node.right)


# -- examples ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Return where it stands."""
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a document."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    start = None
    for number, line in enumerate(lines, start=1):
        fence = line.strip()
        if start is None and fence.startswith("```"):
            start = number
        elif start is not None and fence == "```":
            language = lines[start - 1].strip().removeprefix("```")
            body = "\n".join(lines[start : number - 1])
            found.append(Block(str(page.relative_to(ROOT)), start, language, body))
            start = None
    return found


ALL_BLOCKS = [block for page in PAGES for block in blocks(page)]
RULE_BLOCKS = [
    (one, ALL_BLOCKS[index + 1 : index + 3])
    for index, one in enumerate(ALL_BLOCKS)
    if one.language == "yaml" and re.search(r"^rules:|^- stream:", one.text, re.MULTILINE)
]


def matches_of(rules: str, record: dict[str, Any], stream: str, folder: Path) -> list[Match]:
    """Return what the rules of a file make of a record."""
    path = folder / "rules.yml"
    path.write_text(rules, encoding="utf-8")
    read = read_rules_file(path)
    book = compile_rules(read.rules, source=read.source or "docs", lines=read.lines)
    return [match for rule in book.for_stream(stream) for match in rule.apply(record, stream)]


@pytest.mark.parametrize("rules", [rules for rules, _ in RULE_BLOCKS], ids=str)
def test_example_is_valid_to_an_editor(rules: Block) -> None:
    """Rules in a document keep to the schema that editors check them by."""
    schema = json.loads((PACKAGE / "rules.schema.json").read_text(encoding="utf-8"))
    assert [one.message for one in Draft7Validator(schema).iter_errors(yaml.safe_load(rules.text))] == []


@pytest.mark.parametrize(("rules", "following"), RULE_BLOCKS, ids=str)
def test_example_yields_what_it_says(rules: Block, following: list[Block], tmp_path: Path) -> None:
    """Rules in a document, followed by a record and a body, yield that body."""
    assert [one.language for one in following] == ["json", "json"], f"{rules} lacks its record and its body"
    stream = yaml.safe_load(rules.text)["rules"][0]["stream"]
    (match,) = matches_of(rules.text, json.loads(following[0].text), stream, tmp_path)
    assert match.shipment is not None, match.message
    shown = match.shipment.body() if isinstance(match.shipment, Event) else match.shipment.shown(Claim(0.0))
    assert shown == json.loads(following[1].text)


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the tables in `docs/rules.md`: the place in a rule, its value, a record, and what is sent."""
    place = ""
    for line in (ROOT / "docs" / "rules.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 3 or set(cells[0]) == {"-"}:
            continue
        if cells[1:] == ["Record", "Sent"]:
            place = cells[0].strip("`")
        else:
            yield (place, *(cell.strip("`") for cell in cells))  # type: ignore[misc]


@pytest.mark.parametrize(("place", "value", "record", "sent"), list(rows()))
def test_row_yields_what_it_says(place: str, value: str, record: str, sent: str, tmp_path: Path) -> None:
    """Each row of the tables is so: a rule with this value, at this place, sends that of this record."""
    rule = f"- stream: orders\n{placed(place, value)}"
    (match,) = matches_of(rule, lenient.decode(record.encode()), "orders", tmp_path)
    if sent in {"unmappable", "filtered"}:
        assert match.no_shipment is not None
        assert match.no_shipment.value == sent
        return
    assert isinstance(match.shipment, Event), match.message
    found = found_at(place, match.shipment)
    assert found == (None if sent in {"left out", "sent"} else json.loads(sent))


def placed(place: str, value: str) -> str:
    """Return the rest of a rule that has this value at this place."""
    parts = {
        "when": "true",
        "profile.identifiers": "{row: '1'}",
        "event.type": "changed",
        "event.created_at": None,
        "event.description": None,
        "event.properties": "{}",
    }
    where, _, name = place.rpartition(".")
    if where in parts:
        parts[where] = f"{{{name}: {value}}}"
    else:
        parts[place] = value
    given = {key: text for key, text in parts.items() if text is not None}
    lines = [f"  when: {given['when']}", "  profile:", f"    identifiers: {given['profile.identifiers']}", "  event:"]
    return "\n".join(lines + [f"    {key[6:]}: {text}" for key, text in given.items() if key.startswith("event.")])


def found_at(place: str, event: Event) -> Any:
    """Return what stands at a place of a rule in the event that it yields."""
    if place.startswith("profile.identifiers."):
        return event.profile.identifiers[0].value
    if place.startswith("event.properties."):
        return event.properties.get(place.removeprefix("event.properties."))
    return None if place == "when" else getattr(event, place.removeprefix("event."))


def test_readme_has_its_two_commands() -> None:
    """Two blocks of bash, and no other, which `.ci/run` takes from it: to install and run the demo, and the tests."""
    first, second = (one for one in ALL_BLOCKS if one.page == "README.md" and one.language == "bash")
    assert first is ALL_BLOCKS[0]
    assert first.text.endswith("zendesk-events demo")
    assert second.text.endswith('pytest --quiet --numprocesses=auto --dist=worksteal -m "not server"')


@pytest.mark.slow
def test_an_account_is_connected_as_its_page_says(tmp_path: Path) -> None:
    """Its configuration, without rules yet, yields proposed ones; these, saved and named as it says, send events."""
    page = "docs/connecting.md"
    (settings,) = (json.loads(one.text) for one in ALL_BLOCKS if one.page == page and '"client_id"' in one.text)
    rules_file = settings.pop("rules_file")
    order = {"id": 7, "email": "customer-7@example.com", "updated_at": "2026-11-01T10:00:00Z"}
    kinds = {name: {"type": "integer" if name == "id" else "string"} for name in order}
    kinds["updated_at"]["format"] = "date-time"
    columns = {"type": "object", "properties": kinds}
    messages = [
        {"type": "SCHEMA", "stream": "orders", "schema": columns, "key_properties": ["id"]},
        {"type": "RECORD", "stream": "orders", "record": order},
    ]
    with Playground() as served:
        data_dir = str(tmp_path / "data")
        account = {**settings, "client_secret": "opens-nothing", "api_url": served.url, "data_dir": data_dir}
        first, said = support.run_process(account, support.lines(messages), tmp_path)
        proposed = said[said.index("rules:") : said.index("dead letters waiting")]
        (tmp_path / rules_file).write_text(proposed, encoding="utf-8")
        second, _ = support.run_process({**account, "rules_file": rules_file}, support.lines(messages), tmp_path)
        assert (first.exit_code, second.exit_code, len(served.events())) == (2, 0, 1)


@pytest.mark.parametrize("block", [one for one in ALL_BLOCKS if one.language in {"json", "yaml"}], ids=str)
def test_settings_in_the_documents_exist(block: Block) -> None:
    """A configuration in a document has only settings that there are."""
    known = {one.name for one in (*SETTINGS, *SDK_SETTINGS)}
    content = yaml.safe_load(block.text)
    if isinstance(content, dict) and "plugins" in content:
        (content,) = (loader["config"] for loader in content["plugins"]["loaders"])
    elif not (isinstance(content, dict) and block.language == "json" and {"subdomain", "ledger_url"} & set(content)):
        return
    assert set(content) <= known


def test_every_dependency_has_its_decision() -> None:
    """Each dependency stands in the table of decisions, and in a page that says why it is there."""
    names = {re.split(r"[^A-Za-z0-9-]", one)[0].lower() for one in importlib.metadata.requires(DISTRIBUTION) or ()}
    table, *pages = (path.read_text(encoding="utf-8") for path in DECISIONS)
    assert {name for name in names if f"| {name} |" not in table} == set()
    assert {name for name in names if not any(name in page.lower() for page in pages)} == set()


def test_links_lead_somewhere() -> None:
    """A link from one document to another finds its file, and its heading."""
    for page in ALL_PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            assert path.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(path), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a document: those of its headings, as GitHub makes them, and its own."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    of_headings = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return of_headings | set(re.findall(r'<a id="([^"]+)"></a>', text))
