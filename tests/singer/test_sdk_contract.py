"""What we take from the SDK beyond its public face: an SDK that moves one of these fails here, by name."""

from __future__ import annotations

import ast
import collections
import inspect
import io
from pathlib import Path
from typing import Any

import pytest
import support
from singer_sdk import RecordSink, Sink, Target, plugin_base
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.sinks.core import BaseJSONSchemaValidator

from target_zendesk_events.singer.reader import Reader
from target_zendesk_events.singer.sink import EventSink, FastValidator
from target_zendesk_events.target import TargetZendeskEvents

OVERRIDDEN: dict[type, dict[str, tuple[str, ...]]] = {
    TargetZendeskEvents: {
        "_handle_termination": ("self", "signum", "frame"),
        "_process_activate_version_message": ("self", "message_dict"),
        "_process_batch_message": ("self", "message_dict"),
        "_process_record_message": ("self", "message_dict"),
        "_process_schema_message": ("self", "message_dict"),
        "_process_state_message": ("self", "message_dict"),
    },
    EventSink: {
        "_after_process_record": ("self", "context"),
        "_parse_timestamps_in_record": ("self", "record", "schema", "treatment"),
        "_remove_sdc_metadata_from_schema": ("self",),
    },
    FastValidator: {},
    Reader: {},
}
"""Underscored methods of the SDK that we override, with the parameters it calls them with."""

USED: dict[type, set[str]] = {
    TargetZendeskEvents: set(),
    EventSink: {"_key_properties", "_validator"},
    FastValidator: set(),
    Reader: set(),
}
"""Underscored attributes of the SDK that we read."""

BASES: dict[type, type] = {
    TargetZendeskEvents: Target,
    EventSink: RecordSink,
    FastValidator: BaseJSONSchemaValidator,
    Reader: GenericSingerReader,
}

PUBLIC: dict[type, tuple[str, ...]] = {
    Target: ("append_builtin_config", "cb_config", "invoke", "listen", "print_about", "process_endofpipe"),
    Sink: ("clean_up", "get_validator", "process_batch"),
    RecordSink: ("process_record",),
    GenericSingerReader: ("default_input", "deserialize_json", "process_lines"),
    BaseJSONSchemaValidator: ("validate",),
}


class EmptyTarget(Target):
    """The SDK's target as it comes."""

    name = "empty"


class EmptySink(RecordSink):
    """The SDK's sink as it comes."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Send nothing."""


def sdk_members(ours: type) -> set[str]:
    """Return the names that the SDK's own objects have in place of ours."""
    target = EmptyTarget(config={})
    if ours is TargetZendeskEvents:
        return {*dir(target), *vars(target)}
    if ours is EventSink:
        sink = EmptySink(target, "orders", support.SCHEMA, ["id"])
        return {*dir(sink), *vars(sink)}
    return set(dir(BASES[ours]))


def is_private(name: str) -> bool:
    """Tell whether a name has one underscore before it."""
    return name.startswith("_") and not name.startswith("__")


def attributes_of(ours: type, context: type[ast.expr_context]) -> set[str]:
    """Return the attributes of `self` that a class of ours reads or sets."""
    tree = ast.parse(Path(inspect.getfile(ours)).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == ours.__name__)
    return {
        node.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, context)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


@pytest.mark.parametrize(
    ("ours", "name", "parameters"),
    [(ours, name, parameters) for ours, members in OVERRIDDEN.items() for name, parameters in members.items()],
)
def test_the_sdk_still_calls_what_we_override(ours: type, name: str, parameters: tuple[str, ...]) -> None:
    """Each underscored method that we override is there, and is called as before."""
    theirs = getattr(BASES[ours], name)
    assert tuple(inspect.signature(theirs).parameters) == parameters
    assert tuple(inspect.signature(getattr(ours, name)).parameters) == parameters


@pytest.mark.parametrize(("ours", "names"), list(USED.items()))
def test_the_sdk_still_has_what_we_read(ours: type, names: set[str]) -> None:
    """Each underscored attribute that we read is there, and the table holds no other."""
    assert names <= sdk_members(ours)
    assert names == attributes_of(ours, ast.Load) & {one for one in sdk_members(ours) if is_private(one)} - {
        *OVERRIDDEN[ours],
        *vars(ours),
    }


@pytest.mark.parametrize("ours", list(OVERRIDDEN))
def test_nothing_else_of_the_sdk_is_shadowed(ours: type) -> None:
    """A private name of ours that the SDK has too stands in the table above, so none is overridden by accident."""
    private = {name for name in attributes_of(ours, ast.Store) | set(vars(ours)) if is_private(name)}
    shadowed = private & sdk_members(ours) - {"_abc_impl", "_is_protocol"}
    assert shadowed == set(OVERRIDDEN[ours])


@pytest.mark.parametrize(("theirs", "name"), [(theirs, name) for theirs, names in PUBLIC.items() for name in names])
def test_the_sdk_still_has_its_public_face(theirs: type, name: str) -> None:
    """What we override or call of the SDK's public face is there."""
    assert callable(getattr(theirs, name)) or isinstance(inspect.getattr_static(theirs, name), property)


def test_the_configuration_comes_with_its_flag() -> None:
    """`cb_config` gives the configuration and whether the environment was asked for."""
    assert {"config", "parse_env"} <= set(plugin_base._ConfigInput.__dataclass_fields__)  # noqa: SLF001


class Listing(GenericSingerReader[bytes]):
    """Reads nothing; notes which callbacks the SDK gives."""

    default_input = io.BytesIO()

    def __init__(self) -> None:
        """Know of none."""
        super().__init__()
        self.kinds: set[str] = set()

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Read nothing."""
        raise NotImplementedError

    def process_lines(self, file_input: Any, callbacks: dict[Any, Any]) -> collections.Counter[str]:  # noqa: ARG002
        """Note the types of messages."""
        self.kinds = {str(getattr(kind, "value", kind)) for kind in callbacks}
        return collections.Counter()


def test_each_type_of_message_has_its_callback() -> None:
    """The SDK gives the reader one callback for each type of message that a tap sends."""
    reader = Listing()
    EmptyTarget(config={}, message_reader=reader).listen(io.StringIO())
    assert {"ACTIVATE_VERSION", "BATCH", "RECORD", "SCHEMA", "STATE"} <= reader.kinds
