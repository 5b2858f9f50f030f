"""What is found of an account that a run would send to: whether it gets in, as whom, and what it may do there."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Mapping
from typing import Final

from target_zendesk_events import settings as known
from target_zendesk_events.cli.account import PROFILES_PATH, READS, TOKEN_PATH, WRITES, Account, refusal
from target_zendesk_events.cli.named_objects import named_objects
from target_zendesk_events.cli.object_plan import THERE, UNFIT, plan_of
from target_zendesk_events.cli.trial_write import Fact
from target_zendesk_events.errors import ConfigurationError, CredentialsError, TargetError
from target_zendesk_events.lengths import in_words
from target_zendesk_events.moments import moment_of
from target_zendesk_events.zendesk.answers import Answer, Kind

OK, WARNING, FAULT, UNKNOWN = "ok", "warning", "fault", "unknown"
SKEW_SECONDS: Final = 30.0
"""By which a clock may be wrong before it is told: a run sets its own right by Zendesk's."""
WAYS: Final[Mapping[type, str]] = {
    known.ClientCredentials: "OAuth client credentials",
    known.RefreshToken: "an OAuth refresh token",
    known.Login: "the login",
    known.AccessToken: "a static access token",
    known.ApiToken: "an email with an API token",
    known.Password: "an email with a password",
    known.NoCredentials: "no credentials",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and in a sentence what was found and what to do."""

    check: str
    result: str
    message: str


class Findings:
    """All that is found of one account, one thing after the other."""

    def __init__(self, settings: known.Settings, account: Account) -> None:
        """Have found nothing yet."""
        self._settings = settings
        self._account = account
        self.found: list[Finding] = []
        self.learnt: list[Fact] = []
        self.exit_code = 0
        self._skew = 0.0
        self._of_support: Answer | None = None
        """An answer to a request that took a place of Support's minute."""
        self._sends_events = any(need.scope == WRITES for need in settings.needs)

    def find(self) -> None:
        """Look at everything; what stands in the way of the rest ends it."""
        for line in self._settings.warnings:
            self._note("settings", WARNING, line)
        for name, step in (
            ("clock", self._clock),
            ("credentials", self._account.renew),
            ("credentials", self._who),
            ("scopes", self._token),
            ("events API", self._events_api),
            ("support rate", self._support_rate),
            ("objects", self._objects),
        ):
            try:
                step()
            except TargetError as fault:  # noqa: PERF203 - a step is a request or more
                self.note_fault(name, fault)
                return

    def note_fault(self, check: str, fault: TargetError) -> None:
        """Note what ends it; the exit code is that with which a run would end."""
        for sentence in fault.sentences:
            self._note(check, FAULT, sentence)
        self.exit_code = self.exit_code or fault.exit_code

    def _note(self, check: str, result: str, message: str) -> None:
        self.found.append(Finding(check, result, message))

    def _clock(self) -> None:
        before = time.time()
        served_at = self._account.client.server_time()
        if served_at is None:
            self._note("clock", UNKNOWN, "Zendesk's answer did not say what time it is")
            return
        self._skew = skew = served_at - (before + time.time()) / 2
        if abs(skew) <= SKEW_SECONDS:
            self._note("clock", OK, "this machine's clock is right, to some seconds")
            return
        way = "behind" if skew > 0 else "ahead of"
        self._note(
            "clock",
            WARNING,
            f"this machine's clock is {in_words(abs(skew))} {way} Zendesk's: set it (NTP); runs go by both",
        )

    def _who(self) -> None:
        answer = self._account.who()
        self._of_support = answer
        way = WAYS[type(self._settings.credentials)]
        user = answer.payload.get("user") if answer.kind is Kind.ACCEPTED else None
        if not isinstance(user, dict):
            self._note("credentials", UNKNOWN, f"{way}: taken, but whose they are takes the scope {READS}")
            return
        if user.get("id") is None:
            message = (
                "Zendesk takes the credentials for nobody's (users/me tells of an anonymous user): "
                "check that they are valid [ZE322]"
            )
            raise CredentialsError(message)
        self._note("credentials", OK, f"{way} of {user.get('name')} (user {user['id']})")
        role = user.get("role")
        if role == "end-user":
            self._note("role", FAULT, "end-user: make the owner an agent or an administrator in Zendesk's Admin Center")
            self.exit_code = self.exit_code or CredentialsError.exit_code
        else:
            self._note("role", OK if role else UNKNOWN, str(role or "Zendesk did not say the owner's role"))

    def _token(self) -> None:
        """Say what the access token may do, and how long; other ways to authenticate have none."""
        if isinstance(self._settings.credentials, known.ApiToken | known.Password):
            return
        answer = self._account.answer("GET", TOKEN_PATH)
        token = answer.payload.get("token") if answer.kind is Kind.ACCEPTED else None
        if not isinstance(token, dict):
            self._note("scopes", UNKNOWN, f"Zendesk does not show the token's scopes and end ({answer.summary})")
            return
        self._scopes(token.get("scopes"))
        is_static = isinstance(self._settings.credentials, known.AccessToken)
        self._note("token", *_life(token.get("expires_at"), time.time() + self._skew, is_static=is_static))

    def _scopes(self, scopes: object) -> None:
        given = {str(one) for one in scopes} if isinstance(scopes, list) else set()
        lacking: dict[str, known.Need] = {}
        for need in known.lacking(self._settings.needs, given):
            lacking.setdefault(need.scope, need)
        if not lacking:
            self._note("scopes", OK, " ".join(sorted(given)))
        for scope, need in lacking.items():
            told = f"{scope} is missing, which it takes {need.purpose}: {self._way_to_scopes}"
            self._note("scopes", FAULT if need.is_vital else WARNING, told)
            if need.is_vital:
                self.exit_code = self.exit_code or CredentialsError.exit_code

    @property
    def _way_to_scopes(self) -> str:
        """How to get a token that has them all."""
        if isinstance(self._settings.credentials, known.Login):
            return "run zendesk-events login again"
        wanted = known.narrowest([*(need.scope for need in self._settings.needs), READS])
        return f"set oauth_scope to {wanted}, or give a token that has them"

    def _events_api(self) -> None:
        """Read the events of somebody who is not there, which takes the plan's feature and nothing else."""
        if not self._sends_events:
            return
        nobody = f"{self._settings.source or 'target-zendesk-events'}:customer:external_id:zendesk-events-check"
        answer = self._account.answer("GET", f"{PROFILES_PATH}/events", identifier=nobody)
        if answer.kind is Kind.ACCEPTED or answer.is_missing:
            self._note("events API", OK, "the account's plan has it, and the credentials may read it")
        else:
            self.note_fault("events API", refusal(answer))
        self._note("rate limit", *_limit(answer, "requests_per_minute", self._settings.requests_per_minute))

    def _support_rate(self) -> None:
        if self._of_support is not None:
            rate = self._settings.support_requests_per_minute
            self._note("support rate", *_limit(self._of_support, "support_requests_per_minute", rate))

    def _objects(self) -> None:
        """Hold the custom objects and fields that rules name against the account's."""
        named = named_objects(self._settings.rules, {})
        if not named:
            return
        lacking = [one for one in plan_of(self._account, named) if one.state != THERE]
        if not lacking:
            self._note("objects", OK, f"the account has those that rules name: {', '.join(one.key for one in named)}")
            return
        self.exit_code = self.exit_code or ConfigurationError.exit_code
        without = {one.object for one in lacking if not one.field}
        for one in lacking:
            if one.state == UNFIT:
                self._note("objects", FAULT, f"{one.name} is of type {one.type}; {one.note} [ZE412]")
            elif not one.field or one.object not in without:
                cure = "zendesk-events objects --apply makes it, with a tap's catalog (--input) for the types of fields"
                self._note("objects", FAULT, f"{one.name} is missing: {cure} [ZE412]")


def _life(expires_at: object, now: float, *, is_static: bool) -> tuple[str, str]:
    """Return how long an access token lives, and whether that is a worry: others than static ones are renewed."""
    if not expires_at:
        end = "Zendesk gives all tokens an end by 2027-04-01" if is_static else "it is renewed when it ends"
        return (WARNING if is_static else OK), f"no end is set; {end}"
    try:
        seconds = moment_of(expires_at, dt.timezone.utc).as_datetime.timestamp() - now
    except (ValueError, ArithmeticError):
        return UNKNOWN, "its end is written in a way that cannot be read"
    if is_static:
        return WARNING, f"ends in {in_words(seconds)}, and is not renewed: client_id and client_secret would be"
    return OK, f"ends in {in_words(seconds)}, and is renewed ahead of that"


def _limit(answer: Answer, setting: str, rate: int) -> tuple[str, str]:
    """Return how a rate stands to the limit that the headers of an answer tell."""
    seen = ", ".join(f"{name}: {value}" for name, value in answer.rate_headers.items())
    if answer.limit is None:
        return UNKNOWN, f"no header says it{f' ({seen})' if seen else ''}; runs send {rate} a minute at most"
    if rate > answer.limit:
        return WARNING, f"{seen}; {setting} is {rate}, above it: lower it, or correct plan"
    return OK, f"{seen}; runs send {rate} a minute at most"
