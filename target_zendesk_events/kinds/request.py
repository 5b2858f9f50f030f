"""One request to Zendesk, and whose minute it takes."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

MAX_BODY_BYTES: Final = 1_000_000
"""A bound of ours: Zendesk names none for events, profiles and tickets."""


def size_fault(whose: str, body: Any) -> str:  # noqa: ANN401 - JSON
    """Return in a sentence that the body of a request is larger than is sent, or nothing."""
    size = len(msgspec.json.encode(body))
    if size <= MAX_BODY_BYTES:
        return ""
    return f"{whose} has {size:,} bytes; no request of more than {MAX_BODY_BYTES:,} is sent [ZE427]"


class Bucket(str, enum.Enum):
    """The two budgets of requests that an account has each minute (Zendesk's "Rate limits")."""

    EVENTS = "events"
    """Events and profiles."""
    SUPPORT = "support"
    """Users, custom objects, jobs and tickets."""


class Content(NamedTuple):
    """What is wanted of a success's body: its name there, and whether it is a list or an object."""

    name: str
    is_list: bool = True


class Request(msgspec.Struct, frozen=True):
    """One request to Zendesk: `path` begins below the base URL and holds the query; `body` is JSON.

    `holds` is what is wanted of a success's body, None: nothing. `headers` go beside those of all requests.
    """

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    holds: Content | None = None
