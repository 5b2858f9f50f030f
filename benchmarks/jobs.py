"""What the server says of records of custom objects: each is taken; a job is done when it is first asked for."""

from __future__ import annotations

import itertools
import json

_BLANK_LINE = b"\r\n\r\n"


class Jobs:
    """The jobs that were started, and how many items each holds."""

    def __init__(self) -> None:
        """Know of none."""
        self._numbers = itertools.count(1)
        self._counts: dict[str, int] = {}

    def told(self, request: bytes) -> tuple[str, bytes] | None:
        """Return status and body of the answer to a request about objects or jobs; None for any other."""
        head, _, body = request.partition(_BLANK_LINE)
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        if method == "POST" and path.endswith("/jobs"):
            return "201 Created", self._started(body)
        if "/job_statuses/show_many?ids=" in path:
            return "200 OK", self._stand(path.partition("ids=")[2].replace("%2C", ",").split(","))
        if method == "PATCH" and "/records?external_id=" in path:
            return "200 OK", b'{"custom_object_record":{"id":"01HA","external_id":"1"}}'
        return None

    def _started(self, body: bytes) -> bytes:
        job_id = f"job{next(self._numbers)}"
        self._counts[job_id] = len(json.loads(body)["job"]["items"])
        return json.dumps({"job_status": {"id": job_id, "status": "queued", "results": None}}).encode()

    def _stand(self, job_ids: list[str]) -> bytes:
        statuses = [
            {
                "id": job_id,
                "status": "completed",
                "results": [{"index": index, "success": True, "id": f"01H{index}"} for index in range(count)],
            }
            for job_id, count in ((one, self._counts[one]) for one in job_ids)
        ]
        return json.dumps({"job_statuses": statuses}).encode()
