"""What the SDK's own RecordSink comes to: a target that posts record by record with one `requests` session.

`python -m benchmarks.serial --config FILE` reads Singer messages on standard input, and posts to the configuration's
`api_url` the orders that are paid.
"""

from __future__ import annotations

import json
from typing import Any

import requests
from singer_sdk import RecordSink, Target
from singer_sdk import typing as th

from benchmarks import samples

HEADERS = {"Content-Type": "application/json"}


class SerialSink(RecordSink):
    """Posts each record as it comes."""

    def setup(self) -> None:
        """Open the session."""
        self._session = requests.Session()

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's
        """Post one order, if it is paid."""
        if record["status"] == "paid":
            body = json.dumps(samples.body(record), default=str)
            url = self.config["api_url"] + samples.EVENTS_PATH
            self._session.post(url, data=body, headers=HEADERS, timeout=20).raise_for_status()


class SerialTarget(Target):
    """The least that the SDK asks for."""

    name = "target-serial"
    config_jsonschema = th.PropertiesList(th.Property("api_url", th.StringType, required=True)).to_dict()
    default_sink_class = SerialSink


if __name__ == "__main__":
    SerialTarget.cli()
