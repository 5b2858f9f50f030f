"""The error that ends a run, by the answer that ended it."""

from __future__ import annotations

from target_zendesk_events.codes import prolonged
from target_zendesk_events.errors import (
    AccountError,
    AddressError,
    ConfigurationError,
    CredentialsError,
    TargetError,
)
from target_zendesk_events.zendesk.answers import Answer, Kind


def of_answer(answer: Answer) -> TargetError:
    """Return the error of an answer that says what is wrong for all, or for all of a kind."""
    if answer.kind is Kind.BARRED:
        return ConfigurationError(prolonged(answer.message, f" ({answer.code})"))
    if answer.kind in {Kind.DENIED, Kind.TURNED_AWAY}:
        return _of_account(answer)
    if answer.kind is Kind.EXPIRED and not answer.is_wrong_host:
        return CredentialsError(
            f"Zendesk does not take the credentials ({answer.summary}): check that they are valid [ZE301]"
        )
    return AddressError(
        f"no API of Zendesk's answers at this address ({answer.summary}): check subdomain or api_url, and that the "
        "account's plan has the API that the rules need, as events and profiles need the Events API [ZE309]"
    )


def _of_account(answer: Answer) -> TargetError:
    """Return the error where every shipment is refused alike."""
    if answer.kind is Kind.DENIED and not answer.is_page:
        right = answer.right or "another right"
        return CredentialsError(f"Zendesk denies the request ({answer.summary}): the credentials need {right} [ZE302]")
    return AccountError(
        f"Zendesk, or what stands before it, refuses all requests alike ({answer.summary}), so none is at fault: "
        "the account may be suspended, subdomain or api_url wrong, or a firewall or proxy in the way. "
        "Nothing is set aside for it, STATE is safe [ZE308]"
    )
