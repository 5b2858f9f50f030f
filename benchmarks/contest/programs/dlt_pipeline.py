"""A dlt pipeline into a custom destination.

`python -m benchmarks.contest.programs.dlt_pipeline URL ORDERS FOLDER WHAT`: `run` loads what is
new, package by package; `watermark` prints the incremental state's last value.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.helpers import requests

from benchmarks.contest.orders import EVENTS_PATH, STREAM, body, read

ROWS_A_LOAD = 1_000
NOTHING = -1

POSTING = requests.Client(
    raise_for_status=True, request_max_attempts=10, request_backoff_factor=0.1, request_timeout=20
)


@dlt.destination(batch_size=1, loader_parallelism_strategy="sequential", name="zendesk")
def zendesk(items: list[dict[str, Any]], table: dict[str, Any], api_url: str = dlt.config.value) -> None:  # noqa: ARG001
    """Post each row."""
    for item in items:
        order = {**item, "updated_at": f"{item['updated_at']:%Y-%m-%dT%H:%M:%SZ}"}
        POSTING.post(api_url + EVENTS_PATH, json=body(order))


@dlt.resource(name=STREAM, write_disposition="append")
def rows(
    path: Path,
    of: Any = dlt.sources.incremental("id", initial_value=NOTHING, range_start="open", row_order="asc"),  # noqa: ANN401, B008
) -> Iterator[dict[str, Any]]:
    """Yield the orders after the last value."""
    yield from read(path, of.last_value)


def main(url: str, path: Path, folder: Path, what: str) -> None:
    """Load until nothing is new, or tell how far it is."""
    pipeline = dlt.pipeline("orders", destination=zendesk(api_url=url), pipelines_dir=str(folder))
    if what == "watermark":
        resources = pipeline.state.get("sources", {}).get("orders", {}).get("resources", {})
        sys.stdout.write(
            f"{resources.get(STREAM, {}).get('incremental', {}).get('id', {}).get('last_value', NOTHING)}\n"
        )
        return
    while pipeline.run(rows(path).add_limit(ROWS_A_LOAD)).loads_ids:
        pass


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
