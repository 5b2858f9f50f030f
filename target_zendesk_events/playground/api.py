"""The paths of events, profiles and credentials: which function serves each, and what scope it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .refusals import Answer, Refusal
from .routing import Route, pattern, without_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call
    from .desk import Desk
    from .faults import Kind
    from .oauth import OAuth, Token

ME = {"id": 1, "name": "Playground agent", "email": "agent@example.com", "active": True}


def routes(desk: Desk, oauth: OAuth) -> list[Route]:
    """The verbs and paths of events, of profiles and of credentials."""
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
        Route("GET", pattern("/api/v2/users/me" + end), doors.me, "me", read, "support") for end in ("", ".json")
    ]
    tokens: list[Route] = [
        Route("GET", pattern("/oauth/authorizations/new"), doors.page, "other", None, open=True),
        Route("POST", pattern("/oauth/authorizations"), doors.decide, "other", None, open=True),
        Route("POST", pattern("/oauth/tokens"), doors.grant, "token", None, open=True),
        *(
            Route("GET", pattern("/api/v2/oauth/tokens/current" + end), doors.current, "other", None)
            for end in ("", ".json")
        ),
        Route("DELETE", pattern("/api/v2/oauth/tokens/{token_id}"), doors.revoke, "other", None),
    ]
    events = [
        Route(method, pattern(path), without_token(serve), kind, scope, "events")
        for method, path, serve, kind, scope in limited
    ]
    return [*events, *me, *tokens]


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
        return Answer.of_json({"user": {**ME, "role": self._oauth.role}})

    def current(self, _call: Call, token: Token | None) -> Answer:
        return Answer.of_json(self._oauth.shown(token))

    def revoke(self, call: Call, _token: Token | None) -> Answer:
        token_id = call.parameters["token_id"]
        if not token_id.isdigit() or not self._oauth.revoke(int(token_id)):
            raise Refusal(404, "RecordNotFound", "No such token")
        return Answer(204)
