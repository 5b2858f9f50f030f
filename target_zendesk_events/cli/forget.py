"""`zendesk-events forget`: takes a person off Zendesk's timelines, and sees to it that no record brings them back."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from target_zendesk_events.cli.account import Account, profile_path, settings_of
from target_zendesk_events.cli.configuration import config_option, reporting_faults
from target_zendesk_events.cli.customer import Customer, customer_of
from target_zendesk_events.cli.letters_of_person import letters_of
from target_zendesk_events.errors import ConfigurationError, RunStopped
from target_zendesk_events.escaping import say
from target_zendesk_events.from_settings import DEAD_LETTERS_FOLDER, compile_book, digests_of, ledger_of, run_name
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.ledger.inquiry import Inquiry
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.zendesk.answers import Kind

if TYPE_CHECKING:
    from target_zendesk_events import settings as known
    from target_zendesk_events.mapping.rules import RuleBook

NOT_FORGOTTEN: Final = 1
PATIENCE_SECONDS: Final = 90.0
"""For what other runs had claimed before: a request takes a minute at most."""
SECONDS_TO_COMMIT: Final = 1.0
"""On a server a claim that was begun before the block may be yet to be seen; in a file one waits for the other."""
PAUSE_SECONDS: Final = 0.5
ROUNDS: Final = 5


@click.command()
@click.argument("identifier")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--allow-again", is_flag=True, help="Lift it: from now on records may bring the person back.")
@reporting_faults
def forget(identifier: str, config: dict[str, Any], yes: bool, allow_again: bool) -> None:  # noqa: FBT001 - click's signature
    """Delete a customer's profile with all its events, and let no later record bring the person back.

    IDENTIFIER is source:type:identifier_type:value, or an e-mail address where one rule makes the rest plain. Hashes of
    all the profile's identifiers stay in the ledger: what bears one counts as forgotten. Zendesk's user stays.
    May be repeated, as after it was cut off.

    Example: zendesk-events forget shop:customer:email:customer-7@example.com --config config.json --yes
    """
    settings = settings_of(config)
    customer = customer_of(identifier, settings)
    rule_book = compile_book(settings)
    kept = ledger_of(settings, run_name(), digests_of(settings, rule_book), must_stop=lambda: False)
    if not isinstance(kept, SqlLedger):
        message = (
            "ledger_url is none: without a ledger nothing could keep later records "
            "from bringing the person back [ZE328]"
        )
        raise ConfigurationError(message)
    try:
        forgetting = Forgetting(settings, kept, rule_book)
        if allow_again:
            _allow_again(forgetting, customer)
        else:
            with Account(settings) as account:
                forgetting.forget(account, customer, asks=not yes)
    finally:
        kept.close()


class Forgetting:
    """Forgets one person at a time; what is done is safe to be done again."""

    def __init__(self, settings: known.Settings, kept: SqlLedger, rule_book: RuleBook) -> None:
        """Block in the ledger `kept`."""
        self._settings = settings
        self._kept = kept
        self._rule_book = rule_book
        self._inquiry = Inquiry(kept)
        self._keys = Keys(settings.account, kept.secret)
        self._hashes: set[bytes] = set()
        self._values: set[str] = set()

    def forget(self, account: Account, customer: Customer, *, asks: bool) -> None:
        """Block first, then delete: whoever is cut off in between has lost nothing but the rest."""
        self._kept.heed(account.who().served_at or self._kept.now())
        profile = account.profile(customer.query)
        for line in self._told(account, customer, profile):
            say(line, err=True)
        if asks:
            click.confirm("Nobody can take this back. Forget them?", abort=True, err=True)
        self._block(customer, profile)
        blocked = _counted(len(self._hashes), "identifier")
        say(f"blocked: {blocked}; what bears one counts as forgotten from now on", err=True)
        self._wait_for_runs()
        self._delete(account, customer)
        if profile is not None:
            say("deleted: the profile, and all its events", err=True)
        for line in self._what_is_left(profile):
            say(line, err=True)

    def allow_again(self, customer: Customer) -> int:
        """Lift what was forgotten together with this identifier; return how many identifiers that are."""
        return self._inquiry.allow_again(self._keys.of_person((customer.identifier_type, customer.value)))

    def _told(self, account: Account, customer: Customer, profile: Mapping[str, Any] | None) -> Iterator[str]:
        """Yield who it is, for a person to decide."""
        if profile is None:
            yield f"Zendesk has no profile {customer.query}: it is deleted already, or was never there"
            yield "that identifier alone will be blocked"
            return
        count = sum(1 for _ in account.events(str(profile.get("id"))))
        yield f"{profile.get('name')} ({profile.get('source')}, {profile.get('type')}): {_counted(count, 'event')}"
        yield from (f"  {kind} {value}" for kind, value in _names(profile))
        for other in _other_profiles(account, profile):
            origin = f"{other.get('source')}:{other.get('type')}"
            query = next((f"{origin}:{kind}:{value}" for kind, value in _names(other)), origin)
            yield f"the same user has another profile, which stays unless it is forgotten too: {query}"

    def _block(self, customer: Customer, profile: Mapping[str, Any] | None) -> None:
        """Block what names the person, as it is spelt when it is sent; what was blocked already stays so."""
        names = [(customer.identifier_type, customer.value), *_names(profile or {})]
        self._values |= {value for _, value in names}
        hashes = {self._keys.of_person(name) for name in names}
        if profile is not None and profile.get("user_id"):
            hashes.add(self._keys.of_person(str(profile["user_id"])))
        if not hashes <= self._hashes:
            self._hashes |= hashes
            self._inquiry.forget(self._hashes)

    def _wait_for_runs(self) -> None:
        """Wait for what other runs had claimed before the block: it may be on its way to Zendesk."""
        if not self._kept.database.is_file:
            time.sleep(SECONDS_TO_COMMIT)
        open_claims = self._kept.claims_elsewhere()
        if open_claims:
            say(f"another run is under way: {_counted(len(open_claims), 'thing')} in flight: waited for", err=True)
        ends = time.monotonic() + PATIENCE_SECONDS
        while open_claims:
            if time.monotonic() > ends:
                message = (
                    "a run under way has in flight what may bring the person back, and nothing was deleted yet: "
                    "the identifiers are blocked; end that run, then forget again [ZE329]"
                )
                raise RunStopped(message)
            time.sleep(PAUSE_SECONDS)
            self._kept.heartbeat()
            open_claims &= self._kept.claims_elsewhere()

    def _delete(self, account: Account, customer: Customer) -> None:
        """Delete the profile until it stays away, its newest identifiers blocked first."""
        for _ in range(ROUNDS):
            profile = account.profile(customer.query)
            if profile is None:
                return
            self._block(customer, profile)
            account.ask("DELETE", profile_path(str(profile.get("id"))))
        message = (
            "the profile comes back as often as it is deleted: "
            "end all that sends to this account, then forget again [ZE329]"
        )
        raise RunStopped(message)

    def _what_is_left(self, profile: Mapping[str, Any] | None) -> Iterator[str]:
        if profile is not None and profile.get("user_id"):
            user_id = profile["user_id"]
            yield f"Zendesk's user {user_id} stays, with name, tickets and object records: delete them in Zendesk"
        folder = self._settings.data_dir / DEAD_LETTERS_FOLDER
        count = 0
        for path, number in letters_of(folder, self._rule_book, self._is_theirs, self._values):
            count += number
            yield f"{path} holds {_counted(number, 'dead letter')} of the person"
        if count:
            yield "zendesk-events replay takes out those that rules can map, and sends none; delete the others by hand"
        yield "take the person out of what the tap reads, too"

    def _is_theirs(self, shipment: Shipment) -> bool:
        return not self._hashes.isdisjoint(self._keys.of_persons(shipment))


def _allow_again(forgetting: Forgetting, customer: Customer) -> None:
    count = forgetting.allow_again(customer)
    if not count:
        say("nobody is forgotten by that identifier", err=True)
        sys.exit(NOT_FORGOTTEN)
    say(f"{_counted(count, 'identifier')} may be sent again: what the tap sends again goes to Zendesk again", err=True)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _names(profile: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the identifiers of a profile as rules spell them."""
    from target_zendesk_events.mapping.identifiers import spelt_as  # noqa: PLC0415 - it comes with Jinja

    for one in profile.get("identifiers") or ():
        kind, value = str(one.get("type")), str(one.get("value"))
        yield kind, spelt_as(kind, value)


def _other_profiles(account: Account, profile: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Return the user's other profiles, as far as Zendesk tells of them."""
    if not profile.get("user_id"):
        return ()
    answer = account.answer("GET", f"/api/v2/users/{profile['user_id']}/profiles")
    found = answer.payload.get("profiles") if answer.kind is Kind.ACCEPTED else None
    return [one for one in found or () if isinstance(one, dict) and one.get("id") != profile.get("id")]
