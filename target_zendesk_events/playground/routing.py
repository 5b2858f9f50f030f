"""How a verb and a path find the room that serves them, and what each needs: a scope, a role, a place in a minute."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .refusals import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call
    from .faults import Kind
    from .oauth import Token

Bucket = Literal["events", "support"]
"""Whose minute a request takes: that of events and profiles, or Support's."""


@dataclass(frozen=True)
class Route:
    """One verb and path; `bucket` is the minute that it draws on, `open` asks for no credentials."""

    method: str
    pattern: re.Pattern[str]
    serve: Callable[[Call, Token | None], Answer]
    kind: Kind
    scope: str | None
    bucket: Bucket | None = None
    open: bool = False
    admin: bool = False


def without_token(serve: Callable[[Call], Answer]) -> Callable[[Call, Token | None], Answer]:
    """Return what serves a request as a function that is given the token too."""
    return lambda call, _token: serve(call)


def pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of a path with `{parameters}`."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")))


def find(table: list[Route], method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of a request and the parameters in its path; refuses with 404 or 405 where there is none."""
    matches = [(route, match) for route in table if (match := route.pattern.fullmatch(path))]
    for route, match in matches:
        if route.method == method:
            return route, match.groupdict()
    if matches:
        raise Refusal(405, "MethodNotAllowed", "No such verb on this path")
    raise Refusal(404, "RecordNotFound", "No such path", "error_text")
