"""Which right a request takes, by its path: what a 403 to it asks for.

Facts: "Allowed For" in Zendesk's API reference, and its pages on OAuth tokens. For custom objects and jobs no narrow
scope is documented.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Right(NamedTuple):
    """What the credentials need to read below some paths, to write there, and to delete."""

    to_read: str
    to_write: str
    to_delete: str


EVENTS: Final = Right(
    "the scope users:read, their owner a role that may see users, and the account the Events API",
    "the scope users:write, their owner a role that may edit users, and the account the Events API",
    "the scope users:write, their owner a role that may edit users, and the account the Events API",
)
RECORDS: Final = Right(
    "the scopes read and write, and their owner an agent's role that may see the object's records",
    "the scopes read and write, and their owner an agent's role that may write the object's records",
    "the scopes read and write, and their owner an agent's role that may delete the object's records",
)
OBJECTS: Final = Right(
    "the scopes read and write, and their owner an agent's role",
    "the scopes read and write, and their owner an administrator's role: no other may make objects and fields",
    "the scopes read and write, and their owner an administrator's role: no other may delete objects and fields",
)
TICKETS: Final = Right(
    "the scope tickets:read, and their owner an agent's role that may see the tickets",
    "the scope tickets:write, and their owner an agent's role that may edit the tickets",
    "the scope tickets:write, and their owner an agent's role that may delete tickets",
)
USERS: Final = Right(
    "the scope users:read, and their owner an agent's role",
    "the scope users:write, and their owner a role that may edit users",
    "the scope users:write, and their owner a role that may edit users",
)
JOBS: Final = Right(*["the scope read, and their owner an agent's role"] * 3)

RIGHTS: Final[tuple[tuple[re.Pattern[str], Right], ...]] = tuple(
    (re.compile(f"/api/v2/(?:{pattern})"), right)
    for pattern, right in (
        ("user_profiles|users/[^/]+/(events|profiles)", EVENTS),
        ("custom_objects/[^/]+/(records|jobs)", RECORDS),
        ("custom_objects", OBJECTS),
        ("job_statuses", JOBS),
        ("tickets", TICKETS),
        ("", USERS),
    )
)
"""The first whose pattern a path begins with counts."""


def right_to(method: str, path: str) -> str:
    """Return what the credentials need for a request, as the end of a sentence."""
    right = next((right for pattern, right in RIGHTS if pattern.match(path)), USERS)
    return {"GET": right.to_read, "DELETE": right.to_delete}.get(method, right.to_write)
