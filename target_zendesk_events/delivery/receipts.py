"""How a shipment ends, as the receipt that says so."""

from __future__ import annotations

from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.kinds.job import ItemResult
from target_zendesk_events.kinds.shipment import LookUp, Missing
from target_zendesk_events.work import Outcome, Receipt
from target_zendesk_events.zendesk.answers import Answer


def of_item(shipment: OpenShipment, result: ItemResult, answer: Answer) -> Receipt:
    """Return the receipt of an item of a job whose outcome is known; a refusal's message is in Zendesk's words."""
    if result.is_done:
        return Receipt(Outcome.DELIVERED, attempts=shipment.attempts)
    words = f"{result.code}: {result.message}" if result.code else result.message
    return Receipt(Outcome.REJECTED, "refused", None, words, answer.request_id, shipment.attempts)


def of_stranger(*, skips: bool) -> Receipt:
    """Return the receipt of what goes to nobody that Zendesk knows; `unknown_customers` is `skip`, or `set_aside`."""
    if skips:
        return Receipt(Outcome.UNKNOWN_CUSTOMER)
    message = "Zendesk knows nobody by its customer's identifiers, and unknown_customers is set_aside [ZE746]"
    return Receipt(Outcome.REJECTED, "unknown_customer", message=message)


def left_open() -> Receipt:
    """Return the receipt of what a run that is gone may have sent, where the policy is to hold it."""
    return Receipt(Outcome.HELD, "unknown", message="a run that ended may have sent it [ZE744]")


def singled_out(shipment: OpenShipment) -> Receipt:
    """Return the receipt of what fails while others succeed."""
    message = f"{len(shipment.unknowns)} attempts ended unknown while others were taken [ZE743]"
    return Receipt(Outcome.HELD, "server", message=message, attempts=shipment.attempts)


def of_reference(shipment: OpenShipment, not_found: LookUp) -> Receipt:
    """Return the receipt of a shipment that refers to what is not there."""
    if shipment.what.when_not_found() is Missing.DONE:
        return Receipt(Outcome.DELIVERED, attempts=shipment.attempts, takes_place=False)
    sort, by = not_found.family
    named = f"{sort} by its {by}" if sort == "user" else f"record of {by}" if sort == "object" else sort
    message = f"it refers to a {named}, and Zendesk has none such: send that one first, then replay [ZE745]"
    return Receipt(Outcome.REJECTED, "unresolved", message=message)


def held_still(shipment: OpenShipment) -> Receipt:
    """Return the receipt of what may be stored, and cannot be asked for."""
    message = "it may be in Zendesk, and cannot be read back: zendesk-events replay --held --blindly sends it [ZE744]"
    return Receipt(Outcome.HELD, "unknown", message=message, attempts=shipment.attempts)


def of_answer(outcome: Outcome, reason: str, answer: Answer, shipment: OpenShipment) -> Receipt:
    """Return the receipt of a shipment that an answer settles; a refusal's message is in Zendesk's words."""
    code = f"{answer.code}: " if answer.code else ""
    ray = f" (cf-ray {answer.ray})" if answer.ray else ""
    hint = shipment.what.absence if answer.is_missing else ""
    message = "" if outcome is Outcome.DELIVERED else f"{code}{answer.message}{ray}{'; ' if hint else ''}{hint}"
    return Receipt(outcome, reason, answer.status, message, answer.request_id, shipment.attempts, hint=hint)
