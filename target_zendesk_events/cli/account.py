"""An account as a verb asks it: one request at a time, with a token when one is due, and a sentence for a refusal."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from typing_extensions import Self

from target_zendesk_events import settings as known
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.delivery.retries import wait_before
from target_zendesk_events.delivery.stops import of_answer
from target_zendesk_events.errors import OutageError, TargetError
from target_zendesk_events.escaping import say
from target_zendesk_events.from_settings import authenticator, make_data_dir
from target_zendesk_events.kinds.request import Request
from target_zendesk_events.kinds.timeline import EVENTS
from target_zendesk_events.target import TargetZendeskEvents
from target_zendesk_events.zendesk.answers import Answer, Kind
from target_zendesk_events.zendesk.auth import Auth
from target_zendesk_events.zendesk.client import WHO_AM_I_PATH, Client
from target_zendesk_events.zendesk.pages import page_of

ATTEMPTS: Final = 4
LONGEST_WAIT_SECONDS: Final = 100.0
"""What a person waits for a `Retry-After`: the rate limit's minute, and what was seen beyond it."""
PROFILES_PATH: Final = "/api/v2/user_profiles"
TOKEN_PATH: Final = "/api/v2/oauth/tokens/current.json"  # noqa: S105 - a path
READS: Final = "users:read"
WRITES: Final = "users:write"

logger = logging.getLogger("target-zendesk-events")


def settings_of(
    config: Mapping[str, Any], *, also: Iterable[str] = (READS, WRITES), warns: bool = True
) -> known.Settings:
    """Return the settings for a verb that asks Zendesk; what a run warns of is logged. Raises ConfigurationError.

    Unless `oauth_scope` says otherwise, what a run takes is asked for, and what the verb takes `also`.
    """
    settings = known.read_settings(config, os.environ, now=dt.datetime.now(dt.timezone.utc))
    for line in settings.warnings if warns else ():
        logger.warning("%s", line)
    given = settings.credentials
    if isinstance(given, known.ClientCredentials) and not config.get("oauth_scope"):
        given = dataclasses.replace(given, scope=known.narrowest([*(need.scope for need in settings.needs), *also]))
    return dataclasses.replace(settings, credentials=given)


class Account:
    """Speaks with the account of the settings. To be used as a context: it closes its connection."""

    def __init__(self, settings: known.Settings, auth: Auth | None = None) -> None:
        """Connect to nothing yet; `auth` stands in for the settings' own way to authenticate."""
        if isinstance(settings.credentials, known.RefreshToken | known.Login):
            make_data_dir(settings.data_dir)
        self.client = Client(
            base_url=settings.base_url,
            auth=auth or authenticator(settings),
            timeout_seconds=settings.request_timeout_seconds,
            max_connections=1,
            user_agent=f"target-zendesk-events/{TargetZendeskEvents.get_plugin_version()}",
        )
        self._renewal = Renewal(self.client.auth, time.time)

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.client.close()

    def ask(self, method: str, path: str, **query: str) -> Answer:
        """Return Zendesk's answer, which is a success or says that there is nothing at that path.

        What passes is waited out. Raises the error of any other answer.
        """
        answer = self.answer(method, path, **query)
        if answer.kind is Kind.ACCEPTED or answer.is_missing:
            return answer
        raise refusal(answer)

    def answer(self, method: str, path: str, content: object = None, **query: str) -> Answer:
        """Return Zendesk's answer, whatever it says, once it is no passing trouble. Raises OutageError where it is."""
        body = None if content is None else json.dumps(content).encode()
        request = Request(method, f"{path}?{urlencode(query, quote_via=quote, safe='')}" if query else path, body)
        answer = self._answer(request)
        if answer.kind is Kind.EXPIRED and self._renewal.can_renew and not answer.is_wrong_host:
            self._renewal.want()
            answer = self._answer(request)
        return answer

    def profile(self, identifier: str) -> Mapping[str, Any] | None:
        """Return the profile that an identifier query names, None where there is none."""
        answer = self.ask("GET", PROFILES_PATH, identifier=identifier)
        if answer.is_missing:
            self.who()  # else it is no account
            return None
        profile = answer.payload.get("profile")
        return profile if isinstance(profile, dict) else answer.payload

    def events(self, profile_id: str, **filters: str) -> Iterator[Mapping[str, Any]]:
        """Yield a profile's events as Zendesk gives them."""
        return self.pages(f"{profile_path(profile_id)}/events", "events", **filters)

    def pages(self, path: str, name: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """Yield what is listed under `name` at a path, page by page; nothing where there is no such path."""
        seen = {""}
        answer = self.ask("GET", path, **query)
        while not answer.is_missing:
            page = page_of(answer, name)
            yield from page.items
            if page.next in seen:
                return
            seen.add(page.next)
            answer = self.ask("GET", path, **query, **{"page[after]": page.next})

    def who(self) -> Answer:
        """Ask who the credentials belong to: a success, or a 403. Raises the error of any other answer."""
        answer = self.answer("GET", WHO_AM_I_PATH)
        fault = of_answer(answer) if answer.kind is Kind.BARRED else self._renewal.checked(answer)
        if fault is not None:
            raise fault
        return answer

    def renew(self) -> None:
        """Get a token where one is due. Raises the error that stands in the way."""
        self.client.auth.check()
        for attempt in range(1, ATTEMPTS + 1):
            now = time.monotonic()
            if not self._renewal.blocks:
                return
            answer = self.client.renew()
            fault = self._renewal.took(answer, now)
            if fault is not None:
                raise fault
            if answer.is_temporary:
                _wait(answer, attempt, "the token endpoint")

    def _answer(self, request: Request) -> Answer:
        """Return the first answer that is no passing trouble. Raises OutageError where the trouble lasts."""
        attempt = 1
        while True:
            self.renew()
            answer = self._sent(request)
            if not answer.is_temporary:
                return answer
            _wait(answer, attempt, "Zendesk")
            attempt += 1

    def _sent(self, request: Request) -> Answer:
        if request.method != "GET":
            return self.client.send(request)
        if request.path.partition("?")[0].endswith("/events"):
            return self.client.send(msgspec.structs.replace(request, holds=EVENTS))
        return self.client.look_up(request.path)


def profile_path(profile_id: str) -> str:
    """Return the path of a profile."""
    return f"{PROFILES_PATH}/{quote(profile_id, safe='')}"


def _wait(answer: Answer, attempt: int, who: str) -> None:
    """Wait until it makes sense to ask again. Raises OutageError where it does not within a person's patience."""
    wait = max(wait_before(attempt), answer.retry_after or 0.0)
    if attempt >= ATTEMPTS or wait > LONGEST_WAIT_SECONDS:
        again = f" in {wait:.0f} s" if answer.retry_after else " later"
        message = f"{who}: {answer.summary}, {attempt} times; try again{again} [ZE320]"
        raise OutageError(message)
    say(f"{who}: {answer.summary}; asking again in {wait:.0f} s", err=True)
    time.sleep(wait)


def refusal(answer: Answer) -> TargetError:
    """Return the error of an answer that is neither a success nor says that nothing is there."""
    is_denied = answer.kind is Kind.TURNED_AWAY and not answer.is_page
    return of_answer(msgspec.structs.replace(answer, kind=Kind.DENIED) if is_denied else answer)
