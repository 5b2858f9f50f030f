"""`zendesk-events check`: whether a run would get in, as whom, and what it may do there."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import click

from target_zendesk_events import settings as known
from target_zendesk_events.cli.account import PROFILES_PATH, READS, WRITES, Account, refusal, settings_of
from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.cli.customer import customer_of
from target_zendesk_events.cli.trial_write import Fact, write_trial
from target_zendesk_events.errors import CredentialsError, TargetError
from target_zendesk_events.escaping import escaped
from target_zendesk_events.lengths import in_words
from target_zendesk_events.moments import moment_of
from target_zendesk_events.zendesk.answers import Answer, Kind

OK, WARNING, FAULT, UNKNOWN = "ok", "warning", "fault", "unknown"
COLOURS: Final = {OK: "green", WARNING: "yellow", FAULT: "red", UNKNOWN: "yellow"}
TOKEN_PATH: Final = "/api/v2/oauth/tokens/current.json"  # noqa: S105 - a path
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
        lacking = [right for right in (WRITES, READS) if not given & {right, right.partition(":")[2]}]
        if not lacking:
            self._note("scopes", OK, " ".join(sorted(given)))
        elif WRITES in lacking:
            self._note(
                "scopes",
                FAULT,
                f"{WRITES} is missing: set oauth_scope to {READS} {WRITES}, or give a token that has them",
            )
            self.exit_code = self.exit_code or CredentialsError.exit_code
        else:
            why = "events cannot be read back after a lost answer, nor shown or forgotten"
            self._note("scopes", WARNING, f"{READS} is missing: {why}; add it to oauth_scope")

    def _events_api(self) -> None:
        """Read the events of somebody who is not there, which takes the plan's feature and nothing else."""
        nobody = f"{self._settings.source or 'target-zendesk-events'}:customer:external_id:zendesk-events-check"
        answer = self._account.answer("GET", f"{PROFILES_PATH}/events", identifier=nobody)
        if answer.kind is Kind.ACCEPTED or answer.is_missing:
            self._note("events API", OK, "the account's plan has it, and the credentials may read it")
        else:
            self.note_fault("events API", refusal(answer))
        self._note("rate limit", *_limit(answer, self._settings.requests_per_minute))


@click.command()
@config_option
@click.option(
    "--write", metavar="IDENTIFIER", help="Put two events on this customer's timeline, and tell what that shows."
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@reporting_faults
def check(config: dict[str, Any], write: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's signature
    """Check the account: who the credentials are, what they may do, limits, the token's life, the clock.

    Nothing is written unless --write names a customer (source:type:identifier_type:value): it gets two events of type
    zendesk_events_check, which can only be taken off with the whole profile. Ends as a run would: 0, 1 or 2.

    Example: zendesk-events check --config config.json --config ENV
    """
    settings = settings_of(config, also=(READS,) if write is None else (READS, WRITES), warns=False)
    customer = None if write is None else customer_of(write, settings)
    with Account(settings) as account:
        findings = Findings(settings, account)
        findings.find()
        if customer is not None and not findings.exit_code:
            try:
                findings.learnt += write_trial(account, customer)
            except TargetError as fault:
                findings.note_fault("write", fault)
    if as_json:
        told = {
            "account": settings.base_url,
            "checks": [dataclasses.asdict(one) for one in findings.found],
            "learnt": [dataclasses.asdict(one) for one in findings.learnt],
            "exit_code": findings.exit_code,
        }
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _show(settings.base_url, findings)
    sys.exit(findings.exit_code)


def _show(account: str, findings: Findings) -> None:
    from rich.console import Console  # noqa: PLC0415 - it heeds NO_COLOR
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(escaped(account), style="bold", soft_wrap=True)
    for one in findings.found:
        mark = Text(f"{one.result:<8}", style=COLOURS[one.result])
        console.print(mark.append(f" {one.check:<12} {escaped(one.message)}", style="default"), soft_wrap=True)
    if findings.learnt:
        console.print("what the documents leave open, and this account shows:", style="bold", soft_wrap=True)
    for fact in findings.learnt:
        console.print(f"  {escaped(fact.question)}: {escaped(fact.answer)}", soft_wrap=True)


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


def _limit(answer: Answer, requests_per_minute: int) -> tuple[str, str]:
    seen = ", ".join(f"{name}: {value}" for name, value in answer.rate_headers.items())
    if answer.limit is None:
        return (
            UNKNOWN,
            f"no header says it{f' ({seen})' if seen else ''}; runs send {requests_per_minute} a minute at most",
        )
    if requests_per_minute > answer.limit:
        return WARNING, f"{seen}; requests_per_minute is {requests_per_minute}, above it: lower it, or correct plan"
    return OK, f"{seen}; runs send {requests_per_minute} a minute at most"
