"""The text of a rules file: begun anew, or added to, with every word that stands in it left as it is."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.escaping import escaped
from target_zendesk_events.mapping.proposal import NO_OBJECT, NOBODYS, propose, to_choose
from target_zendesk_events.settings.rules_file import read_rules_file
from target_zendesk_events.singer.streams import SOURCE_TO_CHOOSE

SCHEMA_FILE = "rules.schema.json"
FOR_EDITORS = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""Tells an editor of the schema beside the file: found on every machine, without a network."""
HEAD = (
    FOR_EDITORS,
    "# What becomes of which records in Zendesk. Look through each rule, above all at what stands after CHOOSE, and",
    "# see what it makes of your records with: zendesk-events preview",
)

Stream = tuple[str, Mapping[str, Any], Sequence[str]]
"""A stream's name, schema and key properties."""
Remarks = Mapping[str, Sequence[str]]
"""For streams, what is to be chosen: why records of it would be set aside."""


@dataclasses.dataclass(frozen=True, slots=True)
class Existing:
    """A rules file that is there: its text, the streams (names and globs) that it has rules for, and where they end."""

    path: Path
    text: str
    streams: Sequence[str]
    indent: str | None
    """What stands before a rule's dash; None where rules do not end the file."""

    def covers(self, stream: str) -> bool:
        """Tell whether a rule is for a stream, or one was proposed and is still commented out."""
        proposed = any(_head(stream, why) in self.text for why in (NOBODYS, NO_OBJECT))
        return proposed or any(fnmatch.fnmatchcase(stream, pattern) for pattern in self.streams)

    def added(self, streams: Sequence[Stream], remarks: Remarks) -> str:
        """Return the text with more rules at its end. Raises ConfigurationError where its rules do not end it."""
        if self.indent is None:
            message = (
                f"rules_file {self.path} cannot be added to: its rules must stand last, one below the other; "
                "--rules-file names another file, --force writes this one anew [ZE234]"
            )
            raise ConfigurationError(message)
        return self.text.rstrip("\n") + "\n" + "".join(f"{line}\n" for line in _rules(streams, remarks, self.indent))


def read_existing(path: Path) -> Existing | None:
    """Return the file that is there, None where there is none or nothing in it. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        message = f"rules_file {path} is no UTF-8 text [ZE201]"
        raise ConfigurationError(message) from None
    except OSError as fault:
        message = f"rules_file {path} cannot be read: {fault.strerror} [ZE201]"
        raise ConfigurationError(message) from fault
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        rules = _ending(root)
        streams = list(_streams_of(_under_rules(root), loader))
    except yaml.YAMLError:
        read_rules_file(path)  # tells what is wrong, and where
        raise
    finally:
        loader.dispose()
    if not text.strip():
        return None
    if isinstance(rules, yaml.SequenceNode) and not rules.flow_style:
        return Existing(path, text, streams, " " * rules.start_mark.column)
    is_empty = rules is None or (isinstance(rules, yaml.ScalarNode) and not rules.value)
    return Existing(path, text, streams, "" if is_empty else None)


def fresh(streams: Sequence[Stream], remarks: Remarks, *, has_source: bool) -> str:
    """Return the text of a new file."""
    head = [*HEAD, *(() if has_source else SOURCE_TO_CHOOSE), "rules:"]
    return "\n".join([*head, *_rules(streams, remarks, "")]) + "\n"


def _ending(root: yaml.Node | None) -> yaml.Node | None:
    """Return the node that ends a file: its rules, where they are last."""
    if isinstance(root, yaml.MappingNode) and root.value and root.value[-1][0].value == "rules":
        last: yaml.Node = root.value[-1][1]
        return last
    return root


def _under_rules(root: yaml.Node | None) -> yaml.Node | None:
    if isinstance(root, yaml.MappingNode):
        return next((node for key, node in root.value if key.value == "rules"), None)
    return root


def _streams_of(rules: yaml.Node | None, loader: yaml.SafeLoader) -> Iterator[str]:
    for rule in rules.value if isinstance(rules, yaml.SequenceNode) else ():
        if isinstance(rule, yaml.MappingNode):
            loader.flatten_mapping(rule)
            yield from (value.value for key, value in rule.value if key.value == "stream")


def _head(stream: str, why: str) -> str:
    return f"# {json.dumps(stream)} {why}"


def _rules(streams: Sequence[Stream], remarks: Remarks, indent: str) -> Iterator[str]:
    for name, schema, keys in streams:
        for remark in remarks.get(name, ()):
            yield f"{indent}# CHOOSE: as it stands, the rule would set aside {escaped(remark)}"
        why = to_choose(name, schema, keys)
        if why:
            yield indent + _head(name, why)
        for line in propose(name, schema, keys).splitlines():
            yield f"{indent}# {line}" if why else indent + line
