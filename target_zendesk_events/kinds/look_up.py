"""What must be known before a thing can go: which user, record or profile of Zendesk's is meant, by what names it.

Facts: Zendesk's API reference, "Users" (show_many, search), "Custom object records" and "Profiles API".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from target_zendesk_events.kinds.request import Bucket, Content, Request

MAX_TOGETHER: Final = 100
"""Users by external id, and records of an object, that one request asks for."""


HOLDS: Final = {
    "user": Content("users"),
    "object": Content("custom_object_records"),
    "profile": Content("profile", is_list=False),
}
"""What the answer to each sort holds."""


class LookUp(NamedTuple):
    """One thing to find: of which sort, by what, and its name there.

    `sort` is `user` (by `external_id` or `email`), `object` (by the object's key; `value` is the external id) or
    `profile` (by `source:type:identifier_type`).
    """

    sort: str
    by: str
    value: str

    @property
    def family(self) -> tuple[str, str]:
        """What it shares with others that may be asked for in one request."""
        return self.sort, self.by

    @property
    def most_together(self) -> int:
        """How many of its family one request may ask for; a comma in a value cannot be told from the next one."""
        is_list = (self.sort == "user" and self.by == "external_id") or self.sort == "object"
        return MAX_TOGETHER if is_list and "," not in self.value else 1

    @property
    def is_lasting(self) -> bool:
        """Whether the id that was found is worth keeping for later runs: a profile's is asked for to delete it."""
        return self.sort != "profile"

    @property
    def lane_keys(self) -> tuple[Hashable, Hashable]:
        """The lanes in which what it names may stand: a record's, and those of a user with this identifier."""
        return (tuple(self), (self.by, self.value))

    def matches(self, spelling: str) -> bool:
        """Tell whether a name in an answer is this one: Zendesk compares users without case."""
        return self.value.casefold() == spelling.casefold() if self.sort == "user" else self.value == spelling


def named_by(lane_keys: Iterable[Hashable]) -> Iterator[LookUp]:
    """Return how others may ask for what stands in these lanes: a record by its external id, a user by an identifier.

    It is `LookUp.lane_keys` the other way round.
    """
    for name in lane_keys:
        if isinstance(name, tuple):
            yield LookUp(*name) if len(name) == len(LookUp._fields) else LookUp("user", *name)


def bucket_of(family: tuple[str, str]) -> Bucket:
    """Return whose minute it takes to ask for a family."""
    return Bucket.EVENTS if family[0] == "profile" else Bucket.SUPPORT


Found = Mapping[LookUp, str]
"""The ids of what was looked up."""


def request_of(wanted: Sequence[LookUp]) -> Request:
    """Return the request that asks for some of one family."""
    sort, by = wanted[0].family
    holds = HOLDS[sort]
    values = ",".join(one.value for one in wanted)
    if sort == "user" and by == "external_id":
        return _read("/api/v2/users/show_many", {"external_ids": values}, holds)
    if sort == "user":
        return _read("/api/v2/users/search", {"query": f"{by}:{values}"}, holds)
    if sort == "object":
        path = f"/api/v2/custom_objects/{quote(by, safe='')}/records"
        return _read(path, {"filter[external_ids]": values}, holds)
    return _read("/api/v2/user_profiles", {"identifier": f"{by}:{values}"}, holds)


def found_in(payload: Any, wanted: Sequence[LookUp]) -> dict[LookUp, str]:  # noqa: ANN401 - any JSON value
    """Return the ids of those that an answer holds."""
    sort, by = wanted[0].family
    if sort == "profile":
        profile = payload.get(HOLDS[sort].name) if isinstance(payload, Mapping) else None
        number = profile.get("id") if isinstance(profile, Mapping) else None
        return {} if number is None else {wanted[0]: str(number)}
    items = payload.get(HOLDS[sort].name) if isinstance(payload, Mapping) else None
    name = by if sort == "user" else "external_id"
    return {look_up: str(one["id"]) for one in _objects(items) for look_up in wanted if _is(one, name, look_up)}


def _is(one: Mapping[str, Any], name: str, look_up: LookUp) -> bool:
    return one.get("id") is not None and isinstance(one.get(name), str) and look_up.matches(one[name])


def _objects(items: Any) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - any JSON value
    return (one for one in items if isinstance(one, Mapping)) if isinstance(items, list) else ()


def _read(path: str, fields: Mapping[str, str], holds: Content) -> Request:
    return Request("GET", f"{path}?{urlencode(fields, quote_via=quote, safe='')}", holds=holds)
