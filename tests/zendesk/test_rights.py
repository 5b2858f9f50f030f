"""Which right a request takes."""

from __future__ import annotations

import pytest

from target_zendesk_events.zendesk.rights import EVENTS, JOBS, OBJECTS, RECORDS, TICKETS, USERS, right_to


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("POST", "/api/v2/user_profiles/events", EVENTS.to_write),
        ("GET", "/api/v2/user_profiles/events?identifier=a%3Ab%3Ac%3Ad", EVENTS.to_read),
        ("PUT", "/api/v2/user_profiles?identifier=a%3Ab%3Ac%3Ad", EVENTS.to_write),
        ("DELETE", "/api/v2/user_profiles/01E1", EVENTS.to_delete),
        ("GET", "/api/v2/users/7/profiles", EVENTS.to_read),
        ("GET", "/api/v2/users/show_many?external_ids=1", USERS.to_read),
        ("GET", "/api/v2/users/me.json", USERS.to_read),
        ("PATCH", "/api/v2/custom_objects/contract/records?external_id=1", RECORDS.to_write),
        ("POST", "/api/v2/custom_objects/contract/jobs", RECORDS.to_write),
        ("GET", "/api/v2/custom_objects/contract/records?filter%5Bexternal_ids%5D=1", RECORDS.to_read),
        ("POST", "/api/v2/custom_objects", OBJECTS.to_write),
        ("POST", "/api/v2/custom_objects/contract/fields", OBJECTS.to_write),
        ("GET", "/api/v2/custom_objects/contract/fields", OBJECTS.to_read),
        ("POST", "/api/v2/tickets", TICKETS.to_write),
        ("DELETE", "/api/v2/tickets/7", TICKETS.to_delete),
        ("GET", "/api/v2/tickets?external_id=7", TICKETS.to_read),
        ("GET", "/api/v2/job_statuses/show_many?ids=a,b", JOBS.to_read),
        ("GET", "/elsewhere", USERS.to_read),
    ],
)
def test_a_path_tells_the_right(method: str, path: str, right: str) -> None:
    """Scopes, role and feature are those of what the path is about, and of what is done there."""
    assert right_to(method, path) == right
