"""An empty SDK target: what `--about` costs at least."""

from __future__ import annotations

from typing import Any

from singer_sdk import RecordSink, Target
from singer_sdk import typing as th


class EmptySink(RecordSink):
    """Drops every record."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do nothing."""


class EmptyTarget(Target):
    """The least that the SDK asks for."""

    name = "target-empty"
    config_jsonschema = th.PropertiesList().to_dict()
    default_sink_class = EmptySink


if __name__ == "__main__":
    EmptyTarget.cli()
