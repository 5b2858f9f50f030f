"""`zendesk-events init`: a rules file from a tap's catalog or its stream, to read, correct and preview."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import IO, Any

import click
import yaml

from target_zendesk_events import lenient
from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.errors import ConfigurationError, InputError, StorageError
from target_zendesk_events.escaping import say
from target_zendesk_events.mapping.proposal import names_a_customer, propose
from target_zendesk_events.settings.rules_file import read_rules_file
from target_zendesk_events.singer.foreign import recognised
from target_zendesk_events.singer.streams import SOURCE_TO_CHOOSE

USUAL_FILE = "rules.yml"
SCHEMA_FILE = "rules.schema.json"
HEAD = (
    "# Which records become which events on whose timeline. Look through each rule, above all at what stands",
    "# after CHOOSE, and see what it makes of your records with: zendesk-events preview",
)
NOBODYS = "# {} looks like nobody's events: no column says which customer. Name one, and take the # away."

Stream = tuple[str, Mapping[str, Any], Sequence[str]]
"""A stream's name, schema and key properties."""


@click.command()
@config_option
@click.option("--input", "given", type=click.File("rb"), default="-", help="A catalog, or messages. [default: stdin]")
@click.option("--rules-file", metavar="FILE", help=f"Where to write. [default: the setting, or {USUAL_FILE}]")
@click.option("--schema", is_flag=True, help="Print what a rules file may hold, as JSON Schema, and end.")
@click.option("--force", is_flag=True, help="Write the file anew if it is there: what stands in it goes.")
@reporting_faults
def init(config: dict[str, Any], given: IO[bytes], rules_file: str | None, schema: bool, force: bool) -> None:  # noqa: FBT001 - click's signature
    """Write a rule for every stream of a tap: from its catalog (`--discover`) or from its messages.

    A file that is there is added to: streams that its rules cover are left as they are. Streams that look like nobody's
    events are commented out.

    Example: some-tap --config tap.json --discover | zendesk-events init --config config.json
    """
    if schema:
        click.echo(_schema(), nl=False)
        return
    streams = list(_streams_in(given.read()))
    if not streams:
        message = "there is no stream in the input: give a tap's catalog (--discover) or its messages [ZE408]"
        raise InputError(message)
    path = Path(rules_file or config.get("rules_file") or USUAL_FILE)
    before = "" if force or not path.exists() else path.read_text(encoding="utf-8-sig")
    known = _covered(path, before) if before else []
    new = [one for one in streams if not any(fnmatch.fnmatchcase(one[0], pattern) for pattern in known)]
    text = _added(path, before, new) if before else _fresh(new, has_source=bool(config.get("source")))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        message = f"{path} cannot be written: {fault.strerror} [ZE603]"
        raise StorageError(message) from fault
    left = len(streams) - len(new)
    aside = sum(not names_a_customer(*one) for one in new)
    say(f"{path}: {len(new) - aside} rules written, {aside} commented out, {left} streams left as they are", err=True)
    if not config.get("rules_file"):
        say(f'name it in the configuration: "rules_file": "{path}" (in meltano.yml: rules_file: {path})', err=True)
    say("next: some-tap --config tap.json | zendesk-events preview --config config.json", err=True)


def _schema() -> str:
    return resources.files("target_zendesk_events").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")


def _streams_in(text: bytes) -> Iterator[Stream]:
    """Yield the streams of a catalog, or of the SCHEMA messages of a stream. Raises InputError."""
    try:
        catalog = json.loads(text)
    except ValueError:
        catalog = None
    if isinstance(catalog, dict) and isinstance(catalog.get("streams"), list):
        yield from map(_of_catalog, catalog["streams"])
        return
    seen: dict[str, Stream] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            message = lenient.outline(line)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            what = recognised(line) or "is no Singer message"
            fault = f"line {number} of the input {what}: init takes a tap's catalog (--discover) or its messages"
            raise InputError(fault)
        if message["type"] == "SCHEMA" and isinstance(message.get("schema"), dict):
            name = str(message.get("stream"))
            seen[name] = (name, message["schema"], message.get("key_properties") or [])
    yield from seen.values()


def _of_catalog(entry: dict[str, Any]) -> Stream:
    """Return a stream of a catalog; fields that the tap does not support are left out."""
    metadata = {tuple(one.get("breadcrumb") or ()): one.get("metadata") or {} for one in entry.get("metadata") or ()}
    whole = metadata.get((), {})
    keys = entry.get("key_properties") or whole.get("table-key-properties") or whole.get("view-key-properties") or []
    schema = dict(entry.get("schema") or {})
    schema["properties"] = {
        name: column
        for name, column in (schema.get("properties") or {}).items()
        if metadata.get(("properties", name), {}).get("inclusion") != "unsupported"
    }
    return str(entry.get("stream") or entry.get("tap_stream_id")), schema, list(keys)


def _fresh(streams: Sequence[Stream], *, has_source: bool) -> str:
    """Return a new file."""
    head = [*HEAD, *(() if has_source else SOURCE_TO_CHOOSE), "rules:"]
    return "\n".join([*head, *_rules(streams, "")]) + "\n"


def _covered(path: Path, before: str) -> list[str]:
    """Return the streams, as names and globs, that the rules of a file are for. Raises ConfigurationError."""
    try:
        content = yaml.safe_load(before)
    except yaml.YAMLError:
        content = read_rules_file(path).rules  # tells what is wrong, and where
    rules = (content.get("rules") or []) if isinstance(content, dict) else content or []
    return [rule["stream"] for rule in rules if isinstance(rule, dict) and isinstance(rule.get("stream"), str)]


def _added(path: Path, before: str, streams: Sequence[Stream]) -> str:
    """Return a file with more rules at its end. Raises ConfigurationError where its rules do not end it."""
    root = yaml.compose(before, Loader=yaml.SafeLoader)
    rules = root.value[-1][1] if isinstance(root, yaml.MappingNode) and root.value[-1][0].value == "rules" else root
    is_list = isinstance(rules, yaml.SequenceNode) and not rules.flow_style
    if not is_list and not (isinstance(rules, yaml.ScalarNode) and not rules.value):
        message = (
            f"rules_file {path} cannot be added to: its rules must stand last, one below the other; "
            "--rules-file names another file, --force writes this one anew [ZE234]"
        )
        raise ConfigurationError(message)
    indent = " " * rules.start_mark.column if isinstance(rules, yaml.SequenceNode) else ""
    return before.rstrip("\n") + "\n" + "".join(f"{line}\n" for line in _rules(streams, indent))


def _rules(streams: Sequence[Stream], indent: str) -> Iterator[str]:
    for name, schema, keys in streams:
        is_somebodys = names_a_customer(name, schema, keys)
        if not is_somebodys:
            yield indent + NOBODYS.format(json.dumps(name))
        for line in propose(name, schema, keys).splitlines():
            yield indent + line if is_somebodys else f"{indent}# {line}"
