"""When a token is asked for, and what becomes of the run when it is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

from target_zendesk_events.delivery.retries import wait_before
from target_zendesk_events.errors import AddressError, CredentialsError, OutageError, TargetError
from target_zendesk_events.limits.outage import asked_to_wait
from target_zendesk_events.zendesk.answers import Answer, Kind
from target_zendesk_events.zendesk.auth import Auth
from target_zendesk_events.zendesk.refusals import explain_token_refusal


class Renewal:
    """One request for a token at a time; nothing else is sent until it is there."""

    def __init__(self, auth: Auth, wall: Callable[[], float], max_outage_seconds: float = math.inf) -> None:
        """Ask `auth` whether a token is due, by the epoch clock `wall`; wait no longer than `max_outage_seconds`."""
        self._max_outage_seconds = max_outage_seconds
        self._auth = auth
        self._wall = wall
        self._wanted = False
        self._attempts = 0
        self.is_in_flight = False
        self.retry_at = -math.inf
        """When a failed request for a token may be repeated."""

    def want(self) -> None:
        """A token was refused: ask for another before anything else is sent."""
        self._wanted = True

    def is_due(self, now: float) -> bool:
        """Tell whether a token is to be asked for now."""
        return now >= self.retry_at and (self._wanted or self._auth.renewal_due(self._wall()))

    @property
    def can_renew(self) -> bool:
        """Whether another token can be asked for."""
        return self._auth.renews

    @property
    def blocks(self) -> bool:
        """Whether shipments wait for a token."""
        return self.is_in_flight or self._wanted or self._auth.renewal_due(self._wall())

    def asks_at(self, now: float) -> float:
        """Return when a token is to be asked for; infinity where nothing waits for one, or an answer decides."""
        if self.is_in_flight or not self.blocks:
            return math.inf
        return max(now, self.retry_at)

    def start(self) -> None:
        """Note that the request is under way."""
        self.is_in_flight = True
        self._attempts += 1

    def took(self, answer: Answer, now: float) -> TargetError | None:
        """Take the token endpoint's answer; return what ends the run, if it does."""
        self.is_in_flight = False
        if answer.kind is Kind.ACCEPTED:
            self._wanted = False
            self._attempts = 0
            self.retry_at = -math.inf
            return None
        if (answer.retry_after or 0.0) > self._max_outage_seconds:
            return asked_to_wait(answer.summary, self._wall() + (answer.retry_after or 0.0))
        if answer.is_temporary:
            self.retry_at = now + max(wait_before(self._attempts), answer.retry_after or 0.0)
            return None
        if answer.kind is Kind.ASTRAY:
            return AddressError(f"the token endpoint answered {answer.summary}: check subdomain or api_url [ZE311]")
        return CredentialsError(explain_token_refusal(answer, self._auth.refusals))

    def checked(self, answer: Answer) -> TargetError | None:
        """Take the answer to who the credentials belong to; a 403 passes, since a scope may be to write only.

        Where there is none, they are not checked, and whoever asked must not take them for good.
        """
        if answer.is_temporary:
            return OutageError(f"the credentials could not be checked ({answer.summary}): run again [ZE312]")
        if answer.kind in {Kind.ACCEPTED, Kind.DENIED}:
            return None
        if answer.kind is Kind.EXPIRED and not answer.is_wrong_host:
            return CredentialsError(f"Zendesk does not take the credentials ({answer.summary}) [ZE301]")
        return AddressError(
            f"no Zendesk account answers at this address ({answer.summary}): check subdomain or api_url [ZE310]"
        )
