"""Who is who in Zendesk: the ids of what shipments refer to, looked up together and remembered."""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from target_zendesk_events.delivery.shipment import OpenShipment
from target_zendesk_events.kinds.look_up import LookUp, bucket_of, named_by
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.kinds.shipment import Missing, Shipment
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import Ledger

SECONDS_TO_GATHER: Final = 0.5
"""A look-up waits so long for others that the same request can ask for."""
SECONDS_OF_ABSENCE: Final = 60.0
"""What was not found is asked for again after so long: somebody may have made it meanwhile."""
MAX_REMEMBERED: Final = 100_000


class Directory:
    """Finds ids in memory, in the ledger, and by asking Zendesk; times are of the monotonic clock."""

    def __init__(
        self, ledger: Ledger, keys: Keys, *, checks_customers: bool, max_remembered: int = MAX_REMEMBERED
    ) -> None:
        """Keep what was found in `ledger`, hashed by `keys`; `checks_customers` asks for each customer too.

        In memory are `max_remembered` of it, the newest.
        """
        self._max_remembered = max_remembered
        self._ledger = ledger
        self._keys = keys
        self._checks_customers = checks_customers
        self._of_before: set[LookUp] = set()
        self._ids: collections.OrderedDict[LookUp, str] = collections.OrderedDict()
        self._absent: dict[LookUp, float] = {}
        self._made: set[LookUp] = set()
        self._fresh: dict[LookUp, None] = {}
        self._wanted: dict[tuple[str, str], dict[LookUp, float]] = {}
        self._alone: set[LookUp] = set()
        self._parked: dict[LookUp, list[OpenShipment]] = {}

    # what shipments need

    def missing(self, shipment: OpenShipment, now: float) -> LookUp | None:
        """Return what is yet to be looked up for a shipment; None where all is known, or known not to be there.

        What was found goes into `shipment.found`; what is not there, into `shipment.not_found`.
        """
        what, shipment.not_found = shipment.what, None
        for one in what.look_ups():
            number = self._id(one)
            if number is not None:
                shipment.found = {**shipment.found, one: number}
            elif self._is_absent(one, now):
                shipment.not_found = one
            else:
                return one
        known_by = what.known_by() if self._checks_customers else None
        if known_by is None or any(self._id(one) is not None for one in known_by):
            return None
        pending = next((one for one in known_by if not self._is_absent(one, now)), None)
        shipment.is_of_stranger = pending is None
        return pending

    def park(self, shipment: OpenShipment, wanted: LookUp) -> None:
        """Have a shipment wait for a look-up."""
        if wanted not in self._parked:  # else it was asked for, or will be
            self._fresh[wanted] = None
        self._parked.setdefault(wanted, []).append(shipment)

    def discard(self, shipment: OpenShipment) -> None:
        """Let a shipment wait no more: it was given up."""
        for shipments in self._parked.values():
            if shipment in shipments:
                shipments.remove(shipment)

    # what is asked for

    @property
    def has_fresh(self) -> bool:
        """Whether a shipment waits for what the ledger is yet to be asked for."""
        return bool(self._fresh)

    def consult(self, now: float) -> list[OpenShipment]:
        """Look in the ledger for what nobody asked for yet; return the shipments whose wait is over."""
        fresh, self._fresh = self._fresh, {}
        if not fresh:
            return []
        hashes = {self._keys.of_look_up(one): one for one in fresh}
        known = {hashes[digest]: number for digest, number in self._ledger.ids(list(hashes)).items()}
        self._of_before.update(known)
        for one in fresh:
            if one not in known:
                self._wanted.setdefault(one.family, {}).setdefault(one, now)
        return self._settle(known)

    def asks_at(self, bucket: Bucket, *, may_come: bool) -> float:
        """Return when to ask next in a bucket, where more of a family `may_come` to be asked for together."""
        families = (one for name, one in self._wanted.items() if one and bucket_of(name) is bucket)
        return min((self._due_at(one, may_come=may_come) for one in families), default=math.inf)

    def take(self, bucket: Bucket, now: float, *, may_come: bool) -> Sequence[LookUp]:
        """Take out what one request in a bucket is to ask for; nothing where none is due."""
        for name, family in self._wanted.items():
            if family and bucket_of(name) is bucket and now >= self._due_at(family, may_come=may_come):
                return self._taken(family, now)
        return ()

    def took(self, asked: Iterable[LookUp], found: Mapping[LookUp, str], now: float) -> list[OpenShipment]:
        """Take what an answer holds, and note it in the ledger; return the shipments whose wait is over."""
        lasting = {self._keys.of_look_up(one): number for one, number in found.items() if one.is_lasting}
        if lasting:
            self._ledger.note_ids(lasting)
        self._absent = {one: until for one, until in self._absent.items() if until > now}
        asked = list(asked)
        self._alone.difference_update(asked)
        unseen = [one for one in asked if one not in found]
        self.ask_again([one for one in unseen if one in self._made], now)
        absent = [one for one in unseen if one not in self._made]
        self._absent.update(dict.fromkeys(absent, now + SECONDS_OF_ABSENCE))
        return self._settle(found) + [shipment for one in absent for shipment in self._parked.pop(one, ())]

    def give_up(self, wanted: LookUp) -> list[OpenShipment]:
        """Zendesk refuses to tell: return the shipments that wait for it, of which nobody knows whether it is there."""
        self._alone.discard(wanted)
        return self._parked.pop(wanted, [])

    def heed_delivered(self, what: Shipment) -> None:
        """What was delivered may have made what others refer to, or taken it away: ask for that again."""
        takes_away = what.when_not_found() is Missing.DONE
        for one in (*named_by(what.lane_keys()), *(what.look_ups() if takes_away else ())):
            self._absent.pop(one, None)
            if one in self._parked:
                self._made.add(one)  # the request that asks for it may be older
            if takes_away and self._ids.pop(one, None) is not None and one.is_lasting:
                self._ledger.drop_ids([self._keys.of_look_up(one)])

    def ask_again(self, asked: Sequence[LookUp], at: float, *, alone: bool = False) -> None:
        """Ask again for what a request gave no answer to, from `at` on; each `alone` where they disturb each other."""
        if alone:
            self._alone.update(asked)
        for one in asked:
            self._wanted.setdefault(one.family, {})[one] = at - SECONDS_TO_GATHER

    def doubt(self, shipment: OpenShipment) -> bool:
        """Forget what an earlier run had found for a shipment that was refused; tell whether it may go otherwise.

        A user may be merged, and a record made anew, since then: with the id of today it may be taken. So may others
        that went with the same id, though it was forgotten, or found anew, before their answers came.
        """
        old = [one for one, number in shipment.found.items() if one in self._of_before or self._id(one) != number]
        if not old:
            return False
        of_before = self._of_before.intersection(old)
        self._of_before -= of_before
        for one in of_before:
            self._ids.pop(one, None)
        if of_before:
            self._ledger.drop_ids([self._keys.of_look_up(one) for one in of_before])
        shipment.found, shipment.attempts = {}, 0
        return True

    def _due_at(self, family: Mapping[LookUp, float], *, may_come: bool) -> float:
        """Return when to ask for some of a family: at once where they fill a request."""
        first, since = next(iter(family.items()))
        is_full = len(family) >= first.most_together or first in self._alone
        return since if is_full or not may_come else since + SECONDS_TO_GATHER

    def _taken(self, family: dict[LookUp, float], now: float) -> list[LookUp]:
        first = next(iter(family))
        together = 1 if first in self._alone else first.most_together
        taken = [
            one
            for one, since in family.items()
            if one is first or (one.most_together > 1 and one not in self._alone and since <= now)
        ][:together]
        for one in taken:
            del family[one]
        self._made.difference_update(taken)
        return taken

    def _settle(self, found: Mapping[LookUp, str]) -> list[OpenShipment]:
        self._remember(found)
        return [shipment for one in found for shipment in self._parked.pop(one, ())]

    def _remember(self, found: Mapping[LookUp, str]) -> None:
        self._ids.update(found)
        while len(self._ids) > self._max_remembered:
            oldest, _ = self._ids.popitem(last=False)
            self._of_before.discard(oldest)
        for one in found:
            self._absent.pop(one, None)

    def _id(self, one: LookUp) -> str | None:
        return self._ids.get(one)

    def _is_absent(self, one: LookUp, now: float) -> bool:
        return self._absent.get(one, -math.inf) > now
