"""What is asked for to find an id, with which others, and what an answer says."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.kinds.look_up import HOLDS, LookUp, bucket_of, found_in, request_of
from target_zendesk_events.kinds.request import Bucket

USER = LookUp("user", "external_id", "C-7")
OTHER = LookUp("user", "external_id", "c 8&")
BY_EMAIL = LookUp("user", "email", "customer+7@example.com")
RECORD = LookUp("object", "contract", "k/9")
PROFILE = LookUp("profile", "shop:customer:shop_id", "7")


@pytest.mark.parametrize(
    ("wanted", "path", "holds"),
    [
        ([USER, OTHER], "/api/v2/users/show_many?external_ids=C-7%2Cc%208%26", "user"),
        ([BY_EMAIL], "/api/v2/users/search?query=email%3Acustomer%2B7%40example.com", "user"),
        ([RECORD], "/api/v2/custom_objects/contract/records?filter%5Bexternal_ids%5D=k%2F9", "object"),
        ([LookUp("object", "a/b", "1")], "/api/v2/custom_objects/a%2Fb/records?filter%5Bexternal_ids%5D=1", "object"),
        ([PROFILE], "/api/v2/user_profiles?identifier=shop%3Acustomer%3Ashop_id%3A7", "profile"),
    ],
)
def test_each_family_is_asked_for_in_its_own_way(wanted: list[LookUp], path: str, holds: str) -> None:
    """Users by external id and records many at a time, users by email and profiles one; all by GET."""
    request = request_of(wanted)
    assert (request.method, request.path, request.body) == ("GET", path, None)
    assert request.holds == HOLDS[holds]


@pytest.mark.parametrize(
    ("look_up", "most", "bucket"),
    [
        (USER, 100, Bucket.SUPPORT),
        (RECORD, 100, Bucket.SUPPORT),
        (BY_EMAIL, 1, Bucket.SUPPORT),
        (PROFILE, 1, Bucket.EVENTS),
        (LookUp("user", "external_id", "a,b"), 1, Bucket.SUPPORT),
        (LookUp("object", "contract", "a,b"), 1, Bucket.SUPPORT),
    ],
)
def test_how_many_share_a_request_and_whose_minute_it_takes(look_up: LookUp, most: int, bucket: Bucket) -> None:
    """What holds a comma is asked for alone: in a list nobody could tell it from two."""
    assert look_up.most_together == most
    assert bucket_of(look_up.family) is bucket


@pytest.mark.parametrize(
    ("wanted", "payload", "expected"),
    [
        pytest.param(
            [USER, OTHER], {"users": [{"id": 8, "external_id": "C 8&"}]}, {OTHER: "8"}, id="without case, one missing"
        ),
        pytest.param(
            [BY_EMAIL], {"users": [{"id": 7, "email": "Customer+7@Example.com"}]}, {BY_EMAIL: "7"}, id="email"
        ),
        pytest.param(
            [BY_EMAIL], {"users": [{"id": 7, "email": "customer+7@example.com.invalid"}]}, {}, id="a search finds more"
        ),
        pytest.param(
            [RECORD], {"custom_object_records": [{"id": "01A", "external_id": "k/9"}]}, {RECORD: "01A"}, id="a record"
        ),
        pytest.param(
            [RECORD],
            {"custom_object_records": [{"id": "01A", "external_id": "K/9"}]},
            {},
            id="records are told by case",
        ),
        pytest.param([PROFILE], {"profile": {"id": "01P"}}, {PROFILE: "01P"}, id="a profile"),
        pytest.param([PROFILE], {"profile": {"id": None}}, {}, id="a profile without an id"),
        pytest.param([PROFILE], {"profile": []}, {}, id="no profile"),
        pytest.param([USER], {"users": [{"id": None, "external_id": "C-7"}, {"external_id": "C-7"}]}, {}, id="no id"),
        pytest.param([USER], {"users": [None, 7, {"id": 7, "external_id": 7}]}, {}, id="entries of another shape"),
        pytest.param([USER], {"users": None}, {}, id="no list"),
        pytest.param([USER], None, {}, id="no object"),
        pytest.param([USER], [], {}, id="a list in place of it"),
    ],
)
def test_an_answer_gives_the_ids_of_what_it_names(wanted: list[LookUp], payload: Any, expected: Any) -> None:
    """Users are compared without case, records with it; who is not named is not there."""
    assert found_in(payload, wanted) == expected
