"""What makes two shipments the same: a keyed hash of what is sent, to whom, in which account. Pure."""

from __future__ import annotations

import collections
import hashlib
import platform
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from target_zendesk_events import lenient
from target_zendesk_events.kinds.canonical import canonical
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.work import Fingerprint, Match, NoShipment, Work

KEY_BYTES = 16

SAME_KEY = "two rules give this record the same key: give each rule a `dedupe_key` [ZE723]"
SAME_THING = (
    "two rules make of this record the same thing, of which the newest content wins: make them one rule, or let `when` "
    "tell them apart [ZE723]"
)
NO_KEY = (
    "needs `dedupe_key` (or an event `created_at` or `dedupe: false`, a ticket `external_id`), since a key property is "
    "null or missing in this record, and a null tells no row from another [ZE721]"
)


def eight_bytes(hash_: bytes) -> int:
    """Return the first eight bytes of a hash as a signed number, as a ledger's columns hold it."""
    return int.from_bytes(hash_[:8], "big", signed=True)


class Keys:
    """Hashes shipments with a secret of the ledger's own, so that a hash tells nothing without it."""

    def __init__(self, account: str, secret: bytes, *, is_kept: bool = True) -> None:
        """Hash for `account` (host, port and path of the base URL), keyed with `secret` (up to 64 bytes).

        Where no ledger keeps the hashes, two shipments need nothing that tells them apart.
        """
        self._account = account
        self._keyed = hashlib.blake2b(digest_size=KEY_BYTES, key=secret)
        self._is_kept = is_kept
        self._rows: dict[tuple[str, str], hashlib.blake2b] = {}

    def told_apart(self, work: Work) -> Sequence[Match]:
        """Return the record's matches; as unmappable those with nothing that tells them from others.

        So is a shipment without a time where the record's key is not whole, and so are those of rules that give the
        record the same key.
        """
        matches = work.matches
        if self._is_kept and not work.key_values:
            matches = [_unmappable(one, f"rule '{one.rule}' {NO_KEY}") if _is_keyless(one) else one for one in matches]
        if not _may_collide(matches):
            return matches
        keys = [self.of_shipment(work, match) for match in matches]
        counts = collections.Counter(keys)
        return [
            _unmappable(match, _same(match)) if key is not None and counts[key] > 1 else match
            for match, key in zip(matches, keys, strict=True)
        ]

    def of_shipment(self, work: Work, match: Match) -> bytes | None:
        """Return the key of what this rule sends; None where the rule says `dedupe: false`.

        What the newest content replaces is the same thing whatever stream and row it comes of.
        """
        shipment = match.shipment
        if shipment is None or not match.dedupe:
            return None
        if shipment.content() is not None:
            return self._hash("thing", shipment.identity())
        identity = _identity(work.key_values, match, shipment)
        return self._hash(shipment.kind, work.stream, *shipment.origin, *identity)

    def of_content(self, match: Match) -> bytes | None:
        """Return a hash of what tells this sending of a thing from the last; None of what happens once.

        That is its content, or the rule's `dedupe_key`; and its kind: what was taken away may come back as it was.
        """
        shipment = match.shipment
        content = None if shipment is None else shipment.content()
        if shipment is None or content is None:
            return None
        what = ("is", _with_nulls(content)) if match.dedupe_key is None else ("dedupe_key", match.dedupe_key)
        return self._hash("content", shipment.kind, *what)

    def fingerprints(
        self, stream: str, key_properties: Sequence[str], *footing: str
    ) -> Callable[[Work, str], Fingerprint]:
        """Return what makes of a record and the name of a rule what they are known by, if the record has a key.

        Of `footing`, one is another once the stream's rules, its schema, a setting, or who is forgotten differ: then so
        are all fingerprints.
        """
        made_by = version("target-zendesk-events"), version("Jinja2"), platform.python_version()
        base = self._begun("record", stream, list(key_properties), *footing, *made_by)

        def fingerprint(work: Work, rule: str) -> Fingerprint:
            text = base.copy()
            text.update(lenient.record_text(work.line))
            return Fingerprint(eight_bytes(self._of_row(stream, rule, work.key_values)), eight_bytes(text.digest()))

        return fingerprint

    def of_look_up(self, look_up: LookUp) -> bytes:
        """Return a hash of what Zendesk is asked for: a user, a record or a profile, by what names it there."""
        sort, by, value = look_up
        return self._hash("look up", sort, by, value.casefold() if sort == "user" else value)

    def of_row(self, work: Work, match: Match) -> bytes | None:
        """Return a hash of the record's key properties under one rule; None without, or where content replaces it."""
        if not work.key_values or (match.shipment is not None and match.shipment.content() is not None):
            return None
        return self._of_row(work.stream, match.rule, work.key_values)

    def of_persons(self, shipment: Shipment) -> list[bytes]:
        """Return a hash of each thing that names the shipment's customer."""
        return [self.of_person(one) for one in shipment.persons()]

    def of_person(self, name: Hashable) -> bytes:
        """Return a hash of what names a customer: an identifier's type and value, or Zendesk's number of the user."""
        return self._hash("person", *(_one_spelling(*name) if isinstance(name, tuple) else ("user_id", name)))

    def of_aside(self, work: Work, match: Match | None, message: str) -> bytes:
        """Return a hash of a record that yields no shipment: its stream, its key, the rule if it is one's, and why.

        Without a key what the rule saw stands in its place, or, of a record that is invalid, all but the tap's own
        fields (`_sdc_*`): such a field may differ each time that the tap sends the row.
        """
        rule = None if match is None else match.rule
        what = work.key_values or (_record_of(work) if match is None or match.seen is None else match.seen)
        return self._hash("aside", work.stream, rule, message, what)

    def _of_row(self, stream: str, rule: str, key_values: Mapping[str, Any] | None) -> bytes:
        begun = self._rows.get((stream, rule))
        if begun is None:
            begun = self._rows[stream, rule] = self._begun("row", stream, rule)
        hashed = begun.copy()
        hashed.update(canonical(key_values) + b"]")
        return hashed.digest()

    def _begun(self, *parts: Any) -> hashlib.blake2b:  # noqa: ANN401 - JSON values
        """Return a hash of a list's first parts, which many have in common."""
        hashed = self._keyed.copy()
        hashed.update(canonical([self._account, *parts]).removesuffix(b"]") + b",")
        return hashed

    def _hash(self, *parts: Any) -> bytes:  # noqa: ANN401 - JSON values
        hashed = self._keyed.copy()
        hashed.update(canonical([self._account, *parts]))
        return hashed.digest()


def _one_spelling(kind: str, value: str) -> tuple[str, str]:
    """Return an identifier as Zendesk compares it, where it overlooks more than the rules do."""
    if kind == "external_id":
        return kind, value.casefold()  # Zendesk's users API compares it without case
    if kind == "phone_number":
        return kind, "".join(filter(str.isdigit, value)) or value
    return kind, value


def _with_nulls(content: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON in which a field that is null differs from one that is not there: the one empties it in Zendesk."""
    if isinstance(content, Mapping):
        return [[name, _with_nulls(value)] for name, value in sorted(content.items())]
    return [_with_nulls(value) for value in content] if isinstance(content, list | tuple) else content


def _record_of(work: Work) -> dict[str, str]:
    """Return the record's fields as the tap wrote them, without its own."""
    fields = lenient.members(bytes(lenient.members(work.line)["record"]))
    return {
        name: bytes(text).decode(errors="backslashreplace")
        for name, text in fields.items()
        if not name.startswith("_sdc_")
    }


def _may_collide(matches: Sequence[Match]) -> bool:
    """Tell whether more than one rule gives the record a key."""
    return len(matches) > 1 and sum(match.shipment is not None and match.dedupe for match in matches) > 1


def _is_keyless(match: Match) -> bool:
    """Tell whether only key properties could tell it from one that looks the same."""
    shipment = match.shipment
    if shipment is None or match.dedupe_key is not None or not match.dedupe:
        return False
    return not (shipment.tells_time or shipment.names_itself) and shipment.content() is None


def _same(match: Match) -> str:
    """Return why two of the record's shipments cannot have one key."""
    is_thing = match.shipment is not None and match.shipment.content() is not None
    return SAME_THING if is_thing else SAME_KEY


def _unmappable(match: Match, message: str) -> Match:
    shipment = match.shipment
    seen = None if shipment is None else [shipment.identity(), shipment.content() or shipment.customer()]
    return msgspec.structs.replace(match, shipment=None, no_shipment=NoShipment.UNMAPPABLE, message=message, seen=seen)


def _identity(key_values: Mapping[str, Any] | None, match: Match, shipment: Shipment) -> tuple[Any, ...]:
    if match.dedupe_key is not None:
        return ("dedupe_key", match.dedupe_key)
    if shipment.names_itself:
        return ("itself", shipment.identity())
    if key_values:
        return ("keys", key_values, shipment.identity())
    return ("whole", shipment.identity(), shipment.customer())
