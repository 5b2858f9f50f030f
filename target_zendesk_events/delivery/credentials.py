"""The requests that concern no shipment: a token when one is due, and who the credentials belong to."""

from __future__ import annotations

from typing import Final

from target_zendesk_events.delivery.in_flight import InFlight
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.delivery.shipment import Suspect
from target_zendesk_events.delivery.stops import of_answer
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.errors import TargetError
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.zendesk.answers import Answer, Kind

ASKED: Final = {"token": "the token endpoint", "who": "users/me", "whose fault": "users/me"}
"""Who is asked, for the word on an outage."""


class Credentials:
    """Asks for a token ahead of its end, and, where it is wanted, whom it belongs to; times are monotonic."""

    def __init__(
        self,
        in_flight: InFlight,
        renewal: Renewal,
        rate_limits: RateLimits,
        outage: Outage,
        suspicion: Suspicion[Suspect],
    ) -> None:
        """Ask nothing yet."""
        self._in_flight = in_flight
        self._renewal = renewal
        self._rate_limits = rate_limits
        self._outage = outage
        self._suspicion = suspicion
        self._asks_next = ""
        self._is_checking = False
        self._was_renewed = False

    def check(self, now: float) -> None:
        """Ask who they belong to, once there is a token where one is due, and unless that is being asked."""
        if not self._is_checking:
            self._is_checking = True
            self._ask("who", now)

    def judge(self, now: float, reads_at: float) -> TargetError | None:
        """Return what ends the run where refusals are the account's; at `reads_at`, ask by a read whether they are."""
        failure = self._suspicion.failure()
        if failure is None and now >= reads_at:
            self._suspicion.note_read()
            self._ask("whose fault", now)
        return failure

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
        if answer.kind is Kind.BARRED:
            return of_answer(answer)
        self._is_checking &= asked != "who"
        cause = f"{ASKED[asked]} answered {answer.summary}"
        if answer.kind is Kind.LIMITED:
            self._outage.note_limited(now, cause, Bucket.SUPPORT)
        elif answer.is_temporary:
            self._outage.note_failure(asked, now, waiting=waiting, cause=cause)
        if answer.is_temporary and answer.retry_after and asked != "token":
            self._rate_limits.wait_until(now + answer.retry_after, now)
        if asked == "whose fault":
            self._took_whose_fault(answer, now)
            return None
        failure = self._renewal.took(answer, now) if asked == "token" else self._renewal.checked(answer)
        if failure is None and asked == "token" and self._asks_next and may_ask:
            return self._ask_after(answer, now)
        return failure

    def _ask(self, asked: str, now: float) -> None:
        if self._renewal.blocks:
            self._asks_next = asked
            self.renew(now)
        else:
            self._in_flight.ask_who(now, asked)

    def _ask_after(self, answer: Answer, now: float) -> TargetError | None:
        """Ask what waited for a token, if this answer gave one; return what ends the run, if it does."""
        asked, self._asks_next = self._asks_next, ""
        if answer.kind is Kind.ACCEPTED:
            self._in_flight.ask_who(now, asked)
        elif asked == "who":
            return self._renewal.checked(answer)
        else:
            self._suspicion.note_read_again(max(now, self._renewal.retry_at))
        return None

    def _took_whose_fault(self, answer: Answer, now: float) -> None:
        """Take the answer; to a 401 a new token is asked for first, once."""
        if answer.kind is Kind.EXPIRED and self._renewal.can_renew and not self._was_renewed:
            self._was_renewed = True
            self._renewal.want()
            self._suspicion.note_read_again(now)
            return
        self._was_renewed = False
        self._suspicion.note_read_answer(answer, now)
