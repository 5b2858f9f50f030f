"""The documented paths: which function serves each, what scope it needs, and whether it counts against the limit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .refusals import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .desk import Call, Desk
    from .faults import Kind
    from .oauth import OAuth, Token

ME = {"id": 1, "name": "Playground agent", "email": "agent@example.com", "role": "admin", "active": True}


@dataclass(frozen=True)
class Route:
    """One verb and path; `limited` says that it draws on the bucket of events and profiles."""

    method: str
    pattern: re.Pattern[str]
    serve: Callable[[Call, Token | None], Answer]
    kind: Kind
    scope: str | None
    limited: bool
    open: bool = False


def routes(desk: Desk, oauth: OAuth) -> list[Route]:
    """Every documented verb and path."""
    write, read = "users:write", "users:read"
    profiles, profile = "/api/v2/user_profiles", "/api/v2/user_profiles/{profile_id}"
    user = "/api/v2/users/{user_id}"
    limited: list[tuple[str, str, Callable[[Call], Answer], Kind, str]] = [
        ("POST", profiles + "/events", desk.post_event, "events", write),
        ("POST", profile + "/events", desk.post_event_of_profile, "events", write),
        ("POST", user + "/events", desk.post_event_of_user, "events", write),
        ("GET", profiles + "/events", desk.read_events_by_query, "reads", read),
        ("GET", profile + "/events", desk.read_events_of_profile, "reads", read),
        ("GET", user + "/events", desk.read_events_of_user, "reads", read),
        ("GET", profiles, desk.read_profile_by_query, "profiles", read),
        ("GET", profile, desk.read_profile, "profiles", read),
        ("GET", user + "/profiles", desk.read_profiles_of_user, "profiles", read),
        ("PUT", profiles, desk.put_profile, "profiles", write),
        ("PATCH", profiles, desk.patch_profile_by_query, "profiles", write),
        ("PATCH", profile, desk.patch_profile, "profiles", write),
        ("DELETE", profile, desk.delete_profile, "profiles", write),
    ]
    doors = _Doors(oauth)
    me: list[Route] = [
        Route("GET", _pattern("/api/v2/users/me" + end), doors.me, "me", read, limited=False) for end in ("", ".json")
    ]
    tokens: list[Route] = [
        Route("GET", _pattern("/oauth/authorizations/new"), doors.page, "other", None, limited=False, open=True),
        Route("POST", _pattern("/oauth/authorizations"), doors.decide, "other", None, limited=False, open=True),
        Route("POST", _pattern("/oauth/tokens"), doors.grant, "token", None, limited=False, open=True),
        *(
            Route("GET", _pattern("/api/v2/oauth/tokens/current" + end), doors.current, "other", None, limited=False)
            for end in ("", ".json")
        ),
        Route("DELETE", _pattern("/api/v2/oauth/tokens/{token_id}"), doors.revoke, "other", None, limited=False),
    ]
    events = [
        Route(method, _pattern(path), _without_token(serve), kind, scope, limited=True)
        for method, path, serve, kind, scope in limited
    ]
    return [*events, *me, *tokens]


def find(table: list[Route], method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of a request and the parameters in its path; refuses with 404 or 405 where there is none."""
    matches = [(route, match) for route in table if (match := route.pattern.fullmatch(path))]
    for route, match in matches:
        if route.method == method:
            return route, match.groupdict()
    if matches:
        raise Refusal(405, "MethodNotAllowed", "No such verb on this path")
    raise Refusal(404, "RecordNotFound", "No such path", "error_text")


class _Doors:
    """The paths that concern credentials."""

    def __init__(self, oauth: OAuth) -> None:
        self._oauth = oauth

    def grant(self, call: Call, _token: Token | None) -> Answer:
        return self._oauth.grant(call.content())

    def page(self, call: Call, _token: Token | None) -> Answer:
        return self._oauth.authorizations.page(call.query)

    def decide(self, call: Call, _token: Token | None) -> Answer:
        return self._oauth.authorizations.decide(call.body)

    def me(self, _call: Call, _token: Token | None) -> Answer:
        return Answer.of_json({"user": ME})

    def current(self, _call: Call, token: Token | None) -> Answer:
        return Answer.of_json(self._oauth.shown(token))

    def revoke(self, call: Call, _token: Token | None) -> Answer:
        token_id = call.parameters["token_id"]
        if not token_id.isdigit() or not self._oauth.revoke(int(token_id)):
            raise Refusal(404, "RecordNotFound", "No such token")
        return Answer(204)


def _without_token(serve: Callable[[Call], Answer]) -> Callable[[Call, Token | None], Answer]:
    return lambda call, _token: serve(call)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")))
