"""The requests that concern no shipment: a token when one is due, and who the credentials belong to."""

from __future__ import annotations

from typing import Final

from target_zendesk_events.delivery.in_flight import InFlight
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.errors import TargetError
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.zendesk.answers import Answer, Kind

ASKED: Final = {"token": "the token endpoint", "who": "users/me"}
"""Who is asked, for the word on an outage."""


class Credentials:
    """Asks for a token ahead of its end, and once, where it is wanted, whom it belongs to; times are monotonic."""

    def __init__(self, in_flight: InFlight, renewal: Renewal, outage: Outage) -> None:
        """Ask nothing yet."""
        self._in_flight = in_flight
        self._renewal = renewal
        self._outage = outage
        self._asks_who_next = False

    def check(self, now: float) -> None:
        """Ask who they belong to, once there is a token where one is due."""
        if self._renewal.blocks:
            self._asks_who_next = True
            self.renew(now)
        else:
            self._in_flight.ask_who(now)

    def want(self) -> None:
        """A token was refused: ask for another before anything else is sent."""
        self._renewal.want()

    def renew(self, now: float) -> None:
        """Ask for a token, if one is due and not asked for yet."""
        if self._renewal.is_due(now) and not self._renewal.is_in_flight:
            self._renewal.start()
            self._in_flight.renew(now)

    def took(self, asked: str, answer: Answer, now: float, *, waiting: int, may_ask: bool) -> TargetError | None:
        """Take an answer; return what ends the run, if it does.

        `waiting` shipments are unsettled; `may_ask` says that another request may start.
        """
        failure = self._renewal.took(answer, now) if asked == "token" else self._renewal.checked(answer)
        cause = f"{ASKED[asked]} answered {answer.summary}"
        if answer.kind is Kind.LIMITED:
            self._outage.note_limited(now, cause)
        elif answer.is_temporary:
            self._outage.note_failure(asked, now, waiting=waiting, cause=cause)
        if failure is None and asked == "token" and self._asks_who_next and may_ask:
            self._asks_who_next = False
            self._ask_who_after(answer, now)
        return failure

    def _ask_who_after(self, answer: Answer, now: float) -> None:
        """Ask who they belong to, if this answer gave a token."""
        if answer.kind is Kind.ACCEPTED:
            self._in_flight.ask_who(now)
        else:
            self._renewal.checked(answer)
