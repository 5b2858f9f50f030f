"""Which OAuth scopes the rules at hand take, and for what: as narrow as Zendesk documents them.

Facts: Zendesk's pages on OAuth tokens. For custom objects no narrow scope is documented.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

KINDS: Final = ("object", "ticket", "delete")
"""Keys that stand in an event's place in a rule, and say by themselves what it sends."""


class Need(NamedTuple):
    """A scope that the rules take."""

    scope: str
    purpose: str
    """What it is taken for, as the end of a sentence."""
    is_vital: bool = True
    """Whether what the rules send is refused without it; else a lost answer costs more."""

    @property
    def ways(self) -> tuple[str, ...]:
        """The scopes of which any one will do: itself, and the broad one that holds it."""
        broad = self.scope.rpartition(":")[2]
        return (self.scope,) if broad == self.scope else (self.scope, broad)


_EVENTS = Need("users:write", "to put events onto timelines")
_READ_EVENTS = Need("users:read", "to read events back after a lost answer", is_vital=False)
_KNOWN = Need("users:read", "to tell who is known (unknown_customers)")
_PROFILES = Need("users:write", "to write profiles")
_OBJECTS = (Need("read", "to find records of custom objects"), Need("write", "to write records of custom objects"))
_TICKETS = Need("tickets:write", "to write tickets")
_FIND_TICKETS = Need("tickets:read", "to look for a ticket after a lost answer", is_vital=False)
_DELETE_PROFILES = (
    Need("users:read", "to find the profiles that are to be deleted"),
    Need("users:write", "to delete profiles"),
)
_DELETE_TICKETS = Need("tickets:write", "to delete tickets")
_REFERRED = Need("users:read", "to find the users that records refer to")


def needs_of(rules: Iterable[Mapping[str, Any]], *, reads: bool, asks_who_is_known: bool) -> tuple[Need, ...]:
    """Return what the raw rules take, each once; without rules, what events take.

    `reads` says whether events are read back, `asks_who_is_known` whether customers are looked up before their events
    and profiles go. A rule that is at fault counts as far as it can be read.
    """
    needs = (_of_rule(rule, reads=reads, asks_who_is_known=asks_who_is_known) for rule in list(rules) or [{}])
    return tuple(dict.fromkeys(itertools.chain.from_iterable(needs)))


def narrowest(scopes: Iterable[str]) -> str:
    """Return scopes as they are asked for: each once, and none that a broad one among them holds."""
    wanted = set(scopes)
    return " ".join(sorted(one for one in wanted if ":" not in one or one.rpartition(":")[2] not in wanted))


def lacking(needs: Iterable[Need], given: Iterable[str]) -> tuple[Need, ...]:
    """Return what scopes that are given do not do for."""
    there = set(given)
    return tuple(need for need in needs if there.isdisjoint(need.ways))


def _of_rule(rule: Mapping[str, Any], *, reads: bool, asks_who_is_known: bool) -> Iterator[Need]:
    kind = next((key for key in KINDS if key in rule), None)
    body = {} if kind is None else rule[kind]
    if kind == "object":
        yield from _of_object(body)
    elif kind == "ticket":
        yield _TICKETS
        if isinstance(body, Mapping) and "external_id" in body and "id" not in body:
            yield _FIND_TICKETS
    elif kind == "delete":
        yield from _of_deletion(body)
    else:
        is_profile = "profile" in rule and "event" not in rule
        yield _PROFILES if is_profile else _EVENTS
        if asks_who_is_known:
            yield _KNOWN
        if reads and not is_profile:
            yield _READ_EVENTS


def _of_object(body: Any) -> Iterator[Need]:  # noqa: ANN401 - any JSON value
    yield from _OBJECTS
    fields = body.get("fields") if isinstance(body, Mapping) else None
    if isinstance(fields, Mapping) and any(isinstance(one, Mapping) and "user" in one for one in fields.values()):
        yield _REFERRED


def _of_deletion(body: Any) -> Iterator[Need]:  # noqa: ANN401 - any JSON value
    given = body if isinstance(body, Mapping) else {}
    if "profile" in given:
        yield from _DELETE_PROFILES
    if "object" in given:
        yield from _OBJECTS
    if "ticket" in given:
        yield _DELETE_TICKETS
