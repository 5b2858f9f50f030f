"""A target with the SDK's RecordSink: `python -m benchmarks.contest.programs.serial_sink --config FILE`."""

from __future__ import annotations

from typing import Any

from singer_sdk import RecordSink, Target
from singer_sdk import typing as th

from benchmarks.contest.orders import EVENTS_PATH, body
from benchmarks.contest.programs.retrying import session


class SerialSink(RecordSink):
    """Posts each record as it comes."""

    def setup(self) -> None:
        """Open the session."""
        self._session = session()

    def preprocess_record(self, record: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Write the time as it came: the SDK has read it."""
        return {**record, "updated_at": f"{record['updated_at']:%Y-%m-%dT%H:%M:%SZ}"}

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's
        """Post one order."""
        order = {name: value for name, value in record.items() if not name.startswith("_sdc_")}
        order["total"] = float(order["total"])
        self._session.post(self.config["api_url"] + EVENTS_PATH, json=body(order), timeout=20).raise_for_status()


class SerialTarget(Target):
    """The least that the SDK asks for."""

    name = "target-serial"
    config_jsonschema = th.PropertiesList(th.Property("api_url", th.StringType, required=True)).to_dict()
    default_sink_class = SerialSink


if __name__ == "__main__":
    SerialTarget.cli()
