"""The customer that a verb is about, named as Zendesk's identifier queries name one, or by an e-mail address alone."""

from __future__ import annotations

import dataclasses

from target_zendesk_events import settings as known
from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.from_settings import compile_book

ACCEPTED = (
    "accepted: source:type:identifier_type:value, as in shop:customer:email:customer-7@example.com, "
    "or an e-mail address where the rules make the rest plain"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Customer:
    """A profile's source and type, and one of its identifiers, spelt as it is sent."""

    source: str
    type: str
    identifier_type: str
    value: str

    @property
    def query(self) -> str:
        """The identifier query."""
        return f"{self.source}:{self.type}:{self.identifier_type}:{self.value}"


def customer_of(text: str, settings: known.Settings) -> Customer:
    """Return whom a text names. Raises ConfigurationError where it names nobody, or the rules leave it open."""
    from target_zendesk_events.mapping.identifiers import spelt_as  # noqa: PLC0415 - it comes with Jinja

    parts = [part.strip() for part in text.split(":", 3)]
    if len(parts) == 4:  # noqa: PLR2004 - the parts of an identifier query
        source, kind, identifier_type, value = parts
    elif len(parts) == 1 and "@" in text:
        (source, kind), identifier_type, value = _origin(settings), "email", text
    else:
        message = f"IDENTIFIER has {len(parts)} of 4 parts; {ACCEPTED} [ZE321]"
        raise ConfigurationError(message)
    customer = Customer(source, kind, identifier_type, spelt_as(identifier_type, value))
    empty = [field.name for field in dataclasses.fields(customer) if not getattr(customer, field.name)]
    if empty:
        message = f"IDENTIFIER has nothing for its {empty[0]}; {ACCEPTED} [ZE321]"
        raise ConfigurationError(message)
    return customer


def _origin(settings: known.Settings) -> tuple[str, str]:
    """Return the source and type of the profiles that the rules find by their e-mail address."""
    rules = compile_book(settings).rules
    found = {rule.constant_origin: None for rule in rules if "email" in rule.constant_identifier_types}
    origins = [origin for origin in found if origin is not None]
    if len(origins) == 1 and len(found) == 1:
        return origins[0]
    if found:
        ways = [f"{source}:{kind}:email:..." for source, kind in origins]
        ways += [] if len(origins) == len(found) else ["as each record says"]
        message = (
            f"the rules leave open which profile an e-mail address means ({' or '.join(ways)}); {ACCEPTED} [ZE321]"
        )
    else:
        message = f"no rule has profiles with an e-mail address, so say whose it is; {ACCEPTED} [ZE321]"
    raise ConfigurationError(message)
