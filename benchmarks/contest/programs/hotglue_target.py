"""A target of hotglue's SDK: `python -m benchmarks.contest.programs.hotglue_target --config FILE`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import backoff
from hotglue_singer_sdk import typing as th
from hotglue_singer_sdk.target_sdk.client import HotglueSink
from hotglue_singer_sdk.target_sdk.target import TargetHotglue

from benchmarks.contest.orders import EVENTS_PATH, STREAM, body


class EventsSink(HotglueSink):  # type: ignore[misc] # typed only where it is installed
    """Posts each record as it comes."""

    name = STREAM
    endpoint = EVENTS_PATH
    unified_schema = None
    max_size = 100

    @property
    def base_url(self) -> str:
        """Where to."""
        return str(self.config["api_url"])

    def backoff_wait_generator(self) -> Iterator[float]:
        """Wait as long as the others."""
        return backoff.expo(factor=0.1)

    def backoff_max_tries(self) -> int:
        """Try as often as the others."""
        return 10

    def preprocess_record(self, record: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Make the body."""
        return body({**record, "updated_at": _time(record["updated_at"])})

    def upsert_record(self, record: dict[str, Any], context: dict[str, Any]) -> tuple[str, bool, dict[str, Any]]:  # noqa: ARG002
        """Post it; its number stands for the id that Zendesk does not give."""
        response = self.request_api("POST", request_data=record)
        return str(record["event"]["properties"]["number"]), response.ok, {}


class EventsTarget(TargetHotglue):  # type: ignore[misc] # as above
    """The least that hotglue's SDK asks for."""

    name = "target-events"
    SINK_TYPES = (EventsSink,)
    config_jsonschema = th.PropertiesList(th.Property("api_url", th.StringType, required=True)).to_dict()


def _time(value: Any) -> str:  # noqa: ANN401 - a text or what the SDK has read it as
    return value if isinstance(value, str) else f"{value:%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    EventsTarget.cli()
