"""What a tap gives: its catalog (`--discover`), or its messages."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from target_zendesk_events import lenient
from target_zendesk_events.cli.rules_text import Stream
from target_zendesk_events.errors import InputError
from target_zendesk_events.singer.foreign import recognised


@dataclasses.dataclass(frozen=True, slots=True)
class TapOutput:
    """Its streams; whether it is a catalog of which a tap would send none, and whether there are records."""

    streams: list[Stream]
    selects_none: bool = False
    has_records: bool = False


def read_output(text: bytes) -> TapOutput:
    """Return the streams of a catalog, or of the messages of a tap. Raises InputError."""
    try:
        catalog = json.loads(text)
    except ValueError:
        catalog = None
    if isinstance(catalog, dict) and isinstance(catalog.get("streams"), list):
        entries = catalog["streams"]
        return TapOutput(list(map(_of_catalog, entries)), selects_none=not any(map(_is_selected, entries)))
    seen: dict[str, Stream] = {}
    has_records = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            message = lenient.outline(line)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            what = recognised(line) or "is no Singer message"
            fault = f"line {number} of the input {what}: give a tap's catalog (--discover) or its messages [ZE409]"
            raise InputError(fault)
        if message["type"] == "SCHEMA" and isinstance(message.get("schema"), dict):
            name = str(message.get("stream"))
            seen[name] = (name, message["schema"], message.get("key_properties") or [])
        has_records |= message["type"] == "RECORD"
    return TapOutput(list(seen.values()), has_records=has_records)


def _is_selected(entry: dict[str, Any]) -> bool:
    """Tell whether a tap that is given this catalog sends the stream: its own metadata says so."""
    whole = _metadata(entry).get((), {})
    chosen = whole.get("selected", entry.get("selected"))
    return bool(whole.get("selected-by-default") if chosen is None else chosen)


def _metadata(entry: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(one.get("breadcrumb") or ()): one.get("metadata") or {} for one in entry.get("metadata") or ()}


def _of_catalog(entry: dict[str, Any]) -> Stream:
    """Return a stream of a catalog; fields that the tap does not support are left out."""
    metadata = _metadata(entry)
    whole = metadata.get((), {})
    keys = entry.get("key_properties") or whole.get("table-key-properties") or whole.get("view-key-properties") or []
    schema = dict(entry.get("schema") or {})
    schema["properties"] = {
        name: column
        for name, column in (schema.get("properties") or {}).items()
        if metadata.get(("properties", name), {}).get("inclusion") != "unsupported"
    }
    return str(entry.get("stream") or entry.get("tap_stream_id")), schema, list(keys)
