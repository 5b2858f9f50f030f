"""What to do once rules are written: the block that names them in a configuration, and the next command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from target_zendesk_events.cli import VERBS

LOADER = "target-zendesk-events"
PROJECT_FILE = "meltano.yml"
CAPABILITIES = ("about", "batch", "stream-maps", "schema-flattening", "structured-logging")
ACCOUNT = {"subdomain": "acme", "client_id": "events_pipeline", "plan": "professional"}
"""Stand-ins, as in README."""
PLAYGROUND = {"api_url": "http://127.0.0.1:8642"}


def next_steps(config: Mapping[str, Any], rules_file: str, start: Path) -> Iterator[str]:
    """Yield the lines; `start` is the folder in which relative paths start."""
    project = start / PROJECT_FILE
    if project.is_file():
        if not config.get("rules_file"):
            yield from _meltano(rules_file, has_loader=LOADER in project.read_text(encoding="utf-8", errors="replace"))
        yield f"next: meltano invoke some-tap | meltano invoke {LOADER}:preview"
        return
    if not config.get("rules_file"):
        yield from _json(config, rules_file)
    yield "next: some-tap --config tap.json | zendesk-events preview --config config.json"


def _meltano(rules_file: str, *, has_loader: bool) -> Iterator[str]:
    if has_loader:
        yield f"in {PROJECT_FILE}, under {LOADER}:"
        yield from ("    config:", f"      rules_file: {rules_file}")
        return
    yield f"in {PROJECT_FILE}, with your account:"
    yield from ("plugins:", "  loaders:", f"  - name: {LOADER}", f"    namespace: {LOADER.replace('-', '_')}")
    yield f"    pip_url: ./{LOADER}[playground]  # a clone of its repository"
    yield f"    capabilities: [{', '.join(CAPABILITIES)}]"
    yield "    commands:"
    yield from (f"      {verb}: {{executable: zendesk-events, args: {verb} --config ENV}}" for verb in VERBS)
    yield from ("    settings:", "    - name: client_secret", "      sensitive: true", "    config:")
    yield from (f"      {name}: {value}" for name, value in {**ACCOUNT, "rules_file": rules_file}.items())


def _json(config: Mapping[str, Any], rules_file: str) -> Iterator[str]:
    if config:
        yield f'name it in the configuration: "rules_file": {json.dumps(rules_file)}'
        return
    yield "in config.json, with your account:"
    yield from json.dumps({**ACCOUNT, "rules_file": rules_file}, indent=2).splitlines()
    address = json.dumps(PLAYGROUND)[1:-1]
    yield f"without an account: zendesk-events playground, and {address} for subdomain and client_id"
